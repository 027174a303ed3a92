//! The `channels` table: what a row holds of a channel, and how its stream key changes.
//!
//! The key is in the row, so that serving the owner is one read; it is not in the index. `streamKey` is a map in one of
//! two forms: `arn` and `text`, or `old`, `rotation` and `leaseUntil` while it is being replaced.
//!
//! The index `by-owner` holds the attributes that it was made with, and no others can be added to it. So a self-hosted
//! channel says what it is in those: `type` is `SELF_HOSTED` and its qualities, with blanks between; there is no
//! `latencyMode`, `private` is false, and `ingestEndpoint` is a whole URL. One whose viewers are invited has the word
//! `INVITED` after its type: a version that does not know it cannot read the row, and so gives nobody a token.

use aws_claim::{NameTable, Schema};
use aws_client::Aws;
use aws_item::{Fields, Item, item, m, s};
use aws_sdk_dynamodb::types::AttributeValue;
use model::channel::{
    Admission, Channel, ChannelOptions, ChannelType, IvsOptions, KeyState, LatencyMode, Rotation, StreamKey,
    StreamKeyText,
};
use model::qualities::Qualities;
use model::{Error, Timestamp};

/// How the rows of `channels` are written and read.
#[derive(Debug)]
pub enum ChannelRows {}

impl Schema for ChannelRows {
    type Resource = Channel;

    fn options_item(options: &ChannelOptions) -> Item {
        match options {
            ChannelOptions::Ivs(options) => item([
                ("type", s(type_of(options))),
                ("latencyMode", s(options.latency_mode.as_str())),
                ("private", AttributeValue::Bool(options.private)),
            ]),
            ChannelOptions::SelfHosted(qualities) => {
                item([("type", s(qualities.to_type())), ("private", AttributeValue::Bool(false))])
            }
        }
    }

    fn read_options(row: &Fields<'_>) -> Result<ChannelOptions, Error> {
        let invalid = |field: &str| Error::internal(format!("a channel row has no valid {field}"));
        let r#type = row.text("type")?;
        if let Some(qualities) = Qualities::of_type(r#type) {
            return Ok(ChannelOptions::SelfHosted(qualities));
        }
        let (r#type, admission) = match r#type.strip_suffix(INVITED) {
            Some(r#type) => (r#type, Admission::Invited),
            None => (r#type, Admission::Open),
        };
        Ok(ChannelOptions::Ivs(IvsOptions {
            r#type: ChannelType::parse(r#type).ok_or_else(|| invalid("type"))?,
            latency_mode: LatencyMode::parse(row.text("latencyMode")?).ok_or_else(|| invalid("latencyMode"))?,
            private: row.flag("private")?,
            admission,
        }))
    }

    fn item(channel: &Channel) -> Item {
        let mut row = Self::options_item(&channel.options);
        row.extend(item([("ingestEndpoint", s(&channel.ingest_endpoint)), ("playbackUrl", s(&channel.playback_url))]));
        row.extend(channel.key.as_ref().map(|key| ("streamKey".to_owned(), key_value(key))));
        row
    }

    fn read(row: &Fields<'_>) -> Result<Channel, Error> {
        Ok(Channel {
            name: row.parse("name")?,
            arn: row.parse("arn")?,
            owner: row.parse("owner")?,
            options: Self::read_options(row)?,
            ingest_endpoint: row.text("ingestEndpoint")?.to_owned(),
            playback_url: row.text("playbackUrl")?.to_owned(),
            created_at: row.parse("createdAt")?,
            key: row.map("streamKey")?.map(|key| read_key(&key)).transpose()?,
        })
    }
}

/// The `channels` table.
pub struct ChannelTable {
    pub(crate) names: NameTable<ChannelRows>,
}

impl ChannelTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { names: NameTable::new(aws, table) }
    }

    /// The same, in which an owner has no more channels than this.
    #[must_use]
    pub fn with_most_per_owner(self, most: u32) -> Self {
        Self { names: self.names.with_most_per_owner(most) }
    }

    /// Puts a new key of ours into the row in place of the one that was read. False: somebody else was first.
    pub(crate) async fn replace_key(&self, channel: &Channel, old: &StreamKey, new: &StreamKey) -> Result<bool, Error> {
        let update = self
            .names
            .update_row(&channel.name)
            .update_expression("SET streamKey = :key")
            // As below: a repeated write finds the new key.
            .condition_expression("#status = :active AND streamKey.arn = :old OR streamKey.arn = :new")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", s("active"))
            .expression_attribute_values(":key", key_value(&KeyState::Current(new.clone())))
            .expression_attribute_values(":old", s(&old.arn))
            .expression_attribute_values(":new", s(&new.arn));
        NameTable::<ChannelRows>::was_accepted(update).await
    }

    /// Takes the key out of the row, if it is still in the state that was read. False: it is not.
    pub(crate) async fn begin_rotation(
        &self,
        channel: &Channel,
        state: &KeyState,
        rotation: &Rotation,
    ) -> Result<bool, Error> {
        let update = self
            .names
            .update_row(&channel.name)
            .update_expression("SET streamKey = :rotating")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", s("active"))
            .expression_attribute_values(":rotating", key_value(&KeyState::Rotating(rotation.clone())));
        let update = match state {
            KeyState::Current(key) => update
                .condition_expression("#status = :active AND streamKey.arn = :read OR streamKey.#rotation = :own")
                .expression_attribute_values(":read", s(&key.arn)),
            KeyState::Rotating(lapsed) => update
                .condition_expression("#status = :active AND streamKey.#rotation = :read OR streamKey.#rotation = :own")
                .expression_attribute_values(":read", s(&lapsed.id)),
        };
        // The SDK may repeat a write whose answer was lost: `:own` is then in the row already.
        let update = update
            .expression_attribute_names("#rotation", "rotation")
            .expression_attribute_values(":own", s(&rotation.id));
        NameTable::<ChannelRows>::was_accepted(update).await
    }

    /// Ends a rotation's lease, so that the next call may go on with it. One that is lost already is fine.
    pub(crate) async fn lapse_rotation(
        &self,
        channel: &Channel,
        rotation: &Rotation,
        now: Timestamp,
    ) -> Result<(), Error> {
        let update = self
            .names
            .update_row(&channel.name)
            .update_expression("SET streamKey.leaseUntil = :now")
            .condition_expression("streamKey.#rotation = :own")
            .expression_attribute_names("#rotation", "rotation")
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":own", s(&rotation.id));
        NameTable::<ChannelRows>::was_accepted(update).await.map(drop)
    }

    /// Puts the new key into the row. False: the rotation was lost.
    pub(crate) async fn finish_rotation(
        &self,
        channel: &Channel,
        rotation: &Rotation,
        key: &StreamKey,
    ) -> Result<bool, Error> {
        let update = self
            .names
            .update_row(&channel.name)
            .update_expression("SET streamKey = :key")
            // As above: a repeated write finds the new key.
            .condition_expression("streamKey.#rotation = :own OR streamKey.arn = :arn")
            .expression_attribute_names("#rotation", "rotation")
            .expression_attribute_values(":key", key_value(&KeyState::Current(key.clone())))
            .expression_attribute_values(":own", s(&rotation.id))
            .expression_attribute_values(":arn", s(&key.arn));
        NameTable::<ChannelRows>::was_accepted(update).await
    }
}

/// What follows the type of a channel whose viewers are invited.
const INVITED: &str = " INVITED";

fn type_of(options: &IvsOptions) -> String {
    let invited = if options.admission == Admission::Invited { INVITED } else { "" };
    format!("{}{invited}", options.r#type.as_str())
}

fn key_value(state: &KeyState) -> AttributeValue {
    match state {
        KeyState::Current(key) => m([("arn", s(&key.arn)), ("text", s(key.text.expose()))]),
        KeyState::Rotating(rotation) => {
            m([("old", s(&rotation.old)), ("rotation", s(&rotation.id)), ("leaseUntil", s(rotation.lease_until))])
        }
    }
}

fn read_key(key: &Fields<'_>) -> Result<KeyState, Error> {
    if key.has("text") {
        let text = StreamKeyText::new(key.text("text")?.to_owned());
        return Ok(KeyState::Current(StreamKey { arn: key.parse("arn")?, text }));
    }
    Ok(KeyState::Rotating(Rotation {
        old: key.parse("old")?,
        id: key.parse("rotation")?,
        lease_until: key.parse("leaseUntil")?,
    }))
}

#[cfg(test)]
mod tests {
    use model::{ChannelArn, Quality};

    use super::*;

    fn channel(key: KeyState) -> Channel {
        Channel {
            name: "demo".parse().unwrap(),
            arn: "arn:aws:ivs:us-east-1:000000000000:channel/abc".parse().unwrap(),
            owner: "alice".parse().unwrap(),
            options: ChannelOptions::Ivs(IvsOptions { private: true, ..IvsOptions::default() }),
            ingest_endpoint: "i.example".to_owned(),
            playback_url: "https://p.example/x.m3u8".to_owned(),
            created_at: "2026-03-01T12:00:00Z".parse().unwrap(),
            key: Some(key),
        }
    }

    fn qualities_of(names: &[&str]) -> Qualities {
        Qualities::try_from(names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Quality>>()).unwrap()
    }

    #[test]
    fn every_form_of_a_row_is_read_as_it_was_written() {
        let arn = "arn:aws:ivs:us-east-1:000000000000:stream-key/abc".parse().unwrap();
        let current = KeyState::Current(StreamKey { arn, text: StreamKeyText::new("sk_x".to_owned()) });
        let rotating = KeyState::Rotating(Rotation {
            old: "arn:aws:ivs:us-east-1:000000000000:stream-key/abc".parse().unwrap(),
            id: "r1".parse().unwrap(),
            lease_until: "2026-03-01T12:00:00Z".parse().unwrap(),
        });
        let qualities = qualities_of(&["high", "low"]);
        let own = KeyState::Current(model::self_hosted::draw_key(&"demo".parse().unwrap()).unwrap());
        let self_hosted = Channel {
            arn: ChannelArn::self_hosted().unwrap(),
            options: ChannelOptions::SelfHosted(qualities),
            ingest_endpoint: "rtmps://video.example/live".to_owned(),
            ..channel(own)
        };
        let invited = Channel {
            options: ChannelOptions::Ivs(IvsOptions {
                private: true,
                admission: Admission::Invited,
                ..IvsOptions::default()
            }),
            ..channel(current.clone())
        };
        for channel in [channel(current), channel(rotating), self_hosted, invited] {
            let mut row = ChannelRows::item(&channel);
            row.extend(item([
                ("name", s("demo")),
                ("arn", s(&channel.arn)),
                ("owner", s("alice")),
                ("createdAt", s(channel.created_at)),
            ]));
            assert_eq!(ChannelRows::read(&Fields::of("channel", &row)).unwrap(), channel);
            assert!(!format!("{channel:?}").contains("sk_x"));
        }
    }
}
