//! The stages and channels that rooms belong to, by what of their rows decides over a room.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_item::{Fields, s};
use aws_sdk_dynamodb::Client;
use model::Error;
use model::room::{Fate, Room, Subject, fate};

/// The tables `stages` and `channels`, of which nothing else is read here.
pub struct SubjectTables {
    dynamodb: SdkClient<Client>,
    stages: String,
    channels: String,
}

impl SubjectTables {
    /// The tables of these names.
    pub fn new(aws: &Aws, stages: String, channels: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), stages, channels }
    }

    /// What is to become of a room. One read, consistent.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub(crate) async fn fate(&self, room: &Room) -> Result<Fate, Error> {
        let (table, name) = match Subject::from(&room.name) {
            Subject::Stage(name) => (&self.stages, name.to_string()),
            Subject::Channel(name) => (&self.channels, name.to_string()),
        };
        let got = self
            .dynamodb
            .get_item()
            .table_name(table)
            .key("name", s(name))
            .consistent_read(true)
            .projection_expression("arn, #status")
            .expression_attribute_names("#status", "status");
        let got = got.send().await.map_err(|error| AwsFailure::new("dynamodb:GetItem", &error).into_error())?;
        let row = got.item().map(|item| Fields::of("subject", item)).filter(|row| row.has("arn"));
        let row = row.map(|row| Ok::<_, Error>((row.text("arn")?, row.text("status")? == "deleting"))).transpose()?;
        Ok(fate(room, row))
    }
}
