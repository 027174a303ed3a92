//! The queue by which a request asks for the recovery of a name: `functions/recovery` takes it from there.

use std::fmt;

use aws_claim::Dependents;
use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_sdk_sqs::Client;
use model::channel::Channel;
use model::claim::Resource;
use model::error::chain;
use model::recovery::RecoveryOrder;
use model::room::Room;
use model::stage::Stage;
use model::{ChannelName, Error, RoomName, StageName};

/// The queue.
pub struct RecoveryQueue {
    sqs: SdkClient<Client>,
    url: String,
}

impl RecoveryQueue {
    /// The queue at that URL.
    pub fn new(aws: &Aws, url: String) -> Self {
        Self { sqs: sdk_client!(aws, aws_sdk_sqs, "SQS"), url }
    }

    /// Hands on what came of a request for a name, and asks for the name's recovery if that is what it takes. The answer
    /// is the same if the queue cannot be reached: whoever asks again for the name asks again for its recovery.
    pub async fn heed<T>(&self, name: &impl fmt::Display, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Unfinished(kind)) = result
            && let Err(error) = self.ask(kind, name).await
        {
            tracing::error!(cause = chain(&error), kind, %name, "the recovery could not be asked for");
        }
        result
    }

    /// Asks for the recovery of a name.
    ///
    /// # Errors
    /// What SQS fails with.
    pub async fn ask(&self, kind: &str, name: &impl fmt::Display) -> Result<(), Error> {
        let order = RecoveryOrder { kind: kind.to_owned(), name: name.to_string() };
        let order = serde_json::to_string(&order).map_err(Error::internal)?;
        let sent = self.sqs.send_message().queue_url(&self.url).message_body(order).send().await;
        sent.map(drop).map_err(|error| AwsFailure::new("sqs:SendMessage", &error).into_error())
    }
}

/// A stage's chat room ends with it: the recovery, which calls IVS Chat, finds that the stage is gone.
impl Dependents<Stage> for RecoveryQueue {
    async fn end_with(&self, name: &StageName) -> Result<(), Error> {
        self.ask(Room::KIND, &RoomName::of_stage(name)).await
    }
}

/// As a stage's.
impl Dependents<Channel> for RecoveryQueue {
    async fn end_with(&self, name: &ChannelName) -> Result<(), Error> {
        self.ask(Room::KIND, &RoomName::of_channel(name)).await
    }
}
