//! A self-hosted channel's row of `streams`. To whoever shows what is on air it is as any other (crate `aws-stream`); what
//! the hook has to remember besides stands in two attributes of its own:
//!
//! | attribute | holds |
//! |---|---|
//! | `parts` | a list of `quality`, `run`, `connection`, `since`, `fromSource`, `media`, `leaseUntil` |
//! | `gone` | a list of `run`, `connection`, `since`, `silentAt` |

use std::collections::BTreeMap;

use aws_item::{Fields, Item, item, n, s};
use aws_sdk_dynamodb::types::AttributeValue;
use model::self_hosted::broadcast::{Broadcast, Connection, Gone, Part, Publisher};
use model::stream::{KEPT, Source};
use model::{ChannelName, Error, Quality, RowVersion, Timestamp};

use crate::channel::HostedChannel;

pub(crate) const OF: &str = "stream";

pub(crate) fn write(
    name: &ChannelName,
    channel: &HostedChannel,
    broadcast: &Broadcast,
    version: &RowVersion,
    now: Timestamp,
) -> Item {
    let mut row = item([
        ("channel", s(name)),
        ("arn", s(&channel.arn)),
        ("private", AttributeValue::Bool(false)),
        ("playbackUrl", s(&channel.playback_url)),
        ("source", s(Source::SelfHosted.as_str())),
        ("session", s(&broadcast.id)),
        ("version", s(version)),
    ]);
    let mut put = |name: &str, value: AttributeValue| drop(row.insert(name.to_owned(), value));
    if let Some(since) = broadcast.live_since {
        put("startedAt", s(since));
    }
    match broadcast.lease_until().filter(|_| broadcast.is_live()) {
        Some(lease_until) => {
            put("state", s("live"));
            put("listed", s("live"));
            put("confirmedAt", s(now));
            put("leaseUntil", s(lease_until));
            // Should nobody take note of its end.
            put("ttl", n((lease_until + KEPT).epoch_seconds()));
        }
        None => {
            put("state", s("offline"));
            put("endedAt", s(broadcast.ended_at.unwrap_or(now)));
            put("ttl", n((now + KEPT).epoch_seconds()));
        }
    }
    if !broadcast.parts.is_empty() {
        let parts = broadcast.parts.iter().map(|(quality, part)| part_value(quality, part));
        put("parts", AttributeValue::L(parts.collect()));
    }
    if !broadcast.gone.is_empty() {
        put("gone", AttributeValue::L(broadcast.gone.iter().map(gone_value).collect()));
    }
    row
}

fn publisher_item(publisher: &Publisher) -> Item {
    item([
        ("run", s(&publisher.connection.run)),
        ("connection", n(publisher.connection.number)),
        ("since", s(publisher.since)),
    ])
}

fn part_value(quality: &Quality, part: &Part) -> AttributeValue {
    let mut value = publisher_item(&part.publisher);
    value.insert("quality".to_owned(), s(quality));
    value.extend(item([("fromSource", AttributeValue::Bool(part.from_source)), ("leaseUntil", s(part.lease_until))]));
    value.extend(part.media.map(|timestamp| ("media".to_owned(), n(timestamp))));
    AttributeValue::M(value)
}

fn gone_value(gone: &Gone) -> AttributeValue {
    let mut value = publisher_item(&gone.publisher);
    value.extend(gone.silent_at.map(|timestamp| ("silentAt".to_owned(), n(timestamp))));
    AttributeValue::M(value)
}

/// The broadcast of a row, which is one of that channel's.
pub(crate) fn read(item: &Item) -> Result<Broadcast, Error> {
    let row = Fields::of(OF, item);
    let is_live = row.text("state")? == "live";
    let parts = row.maps("parts")?.into_iter().map(|fields| {
        let part = Part {
            publisher: read_publisher(&fields)?,
            from_source: fields.flag("fromSource")?,
            media: read_number(&fields, "media")?,
            lease_until: fields.parse("leaseUntil")?,
        };
        Ok((fields.parse("quality")?, part))
    });
    let parts = parts.collect::<Result<BTreeMap<Quality, Part>, Error>>()?;
    let gone = row
        .maps("gone")?
        .into_iter()
        .map(|gone| Ok(Gone { publisher: read_publisher(&gone)?, silent_at: read_number(&gone, "silentAt")? }));
    Ok(Broadcast {
        id: row.parse("session")?,
        live_since: (is_live && row.has("startedAt")).then(|| row.parse("startedAt")).transpose()?,
        ended_at: (parts.is_empty() && row.has("endedAt")).then(|| row.parse("endedAt")).transpose()?,
        gone: gone.collect::<Result<_, Error>>()?,
        parts,
    })
}

fn read_publisher(fields: &Fields<'_>) -> Result<Publisher, Error> {
    let number = read_number(fields, "connection")?.ok_or_else(|| invalid("connection"))?;
    let connection = Connection { run: fields.text("run")?.to_owned(), number };
    Ok(Publisher { connection, since: fields.parse("since")? })
}

fn read_number(fields: &Fields<'_>, field: &str) -> Result<Option<u64>, Error> {
    if !fields.has(field) {
        return Ok(None);
    }
    fields.number(field)?.try_into().map(Some).map_err(|_| invalid(field))
}

fn invalid(field: &str) -> Error {
    Error::internal(format!("a {OF} row has no valid {field}"))
}

#[cfg(test)]
mod tests {
    use model::qualities::Qualities;
    use model::self_hosted::broadcast::{News, Side, What};
    use model::{ChannelArn, StreamId};

    use super::*;

    #[test]
    fn every_form_of_a_row_is_read_as_it_was_written() {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let at = |second: u64| start + std::time::Duration::from_secs(second);
        let channel = HostedChannel {
            arn: ChannelArn::self_hosted().unwrap(),
            qualities: Qualities::default(),
            playback_url: "https://p.example/x.m3u8".to_owned(),
            key: None,
        };
        let news = |what| News {
            quality: Quality::source(),
            side: Side::Outside,
            has_key: true,
            connection: Connection { run: String::new(), number: 7 },
            what,
        };
        let mut broadcast = Broadcast::none_yet(StreamId::self_hosted().unwrap());
        let (name, version) = ("demo".parse().unwrap(), RowVersion::random().unwrap());
        for (second, what, state) in [
            (0, What::Asked, "offline"),
            (5, What::GoesOn { since: at(0), timestamp: 5000 }, "live"),
            (9, What::Ended, "offline"),
        ] {
            broadcast = broadcast.hear(&channel.qualities, &news(what), at(second), broadcast.id.clone()).0;
            let row = write(&name, &channel, &broadcast, &version, at(second));
            let read = read(&row).unwrap();
            assert_eq!((&read.parts, &read.gone), (&broadcast.parts, &broadcast.gone));
            assert_eq!((&read.id, read.is_live()), (&broadcast.id, broadcast.is_live()));
            let fields = Fields::of(OF, &row);
            assert_eq!(fields.text("state").unwrap(), state);
            assert_eq!(fields.has("listed"), state == "live");
            // Nobody but the hook may ever come back to it.
            assert!(fields.number("ttl").unwrap() >= (at(second) + KEPT).epoch_seconds());
        }
    }
}
