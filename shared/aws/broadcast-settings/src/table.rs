//! The `broadcast-settings` table: one row a user.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, Item, Written, delete_if, item, put_if, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;
use model::broadcast_settings::{BroadcastSettings, Kind};
use model::channel::StreamKeyText;
use model::{Error, UserId};

/// The `broadcast-settings` table.
pub struct BroadcastSettingsTable {
    dynamodb: SdkClient<Client>,
    table: String,
}

impl BroadcastSettingsTable {
    /// The table of that name.
    pub fn new(aws: &Aws, table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table }
    }

    /// Puts a user's settings in place of any before. True: there were none.
    pub(crate) async fn write(&self, user_id: &UserId, settings: &BroadcastSettings) -> Result<bool, Error> {
        let row = item([
            ("userId", s(user_id)),
            ("kind", s(settings.kind.as_str())),
            ("ingestUrl", s(&settings.ingest_url)),
            ("streamKey", s(settings.stream_key.expose())),
            ("playbackUrl", s(&settings.playback_url)),
        ]);
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(row));
        let Written::Yes(before) = put_if(put.return_values(ReturnValue::AllOld)).await? else { return Ok(false) };
        Ok(before.is_none_or(|before| before.is_empty()))
    }

    /// A user's settings, read consistently.
    pub(crate) async fn read(&self, user_id: &UserId) -> Result<Option<BroadcastSettings>, Error> {
        let got = self.dynamodb.get_item().table_name(&self.table).key("userId", s(user_id)).consistent_read(true);
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        got.item().map(read_row).transpose()
    }

    /// Deletes a user's settings, if there are any.
    pub(crate) async fn delete(&self, user_id: &UserId) -> Result<(), Error> {
        delete_if(self.dynamodb.delete_item().table_name(&self.table).key("userId", s(user_id))).await.map(drop)
    }
}

fn read_row(item: &Item) -> Result<BroadcastSettings, Error> {
    let row = Fields::of("broadcast settings", item);
    let kind = Kind::parse(row.text("kind")?);
    Ok(BroadcastSettings {
        kind: kind.ok_or_else(|| Error::internal("a broadcast settings row has no valid kind"))?,
        ingest_url: row.parse("ingestUrl")?,
        stream_key: StreamKeyText::new(row.text("streamKey")?.to_owned()),
        playback_url: row.parse("playbackUrl")?,
    })
}
