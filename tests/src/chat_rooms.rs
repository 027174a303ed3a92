//! Chat rooms of stages and channels, as the function that gives chat tokens makes them, by the crate that it is made of.

use std::time::Duration;

use aws_client::{Aws, AwsConfig, Trust};
use aws_credential_types::Credentials;
use aws_recovery_queue::RecoveryQueue;
use aws_room::{RoomIvs, RoomRows, RoomTable, SubjectTables};
use model::claim::{NameRequest, Outcome};
use model::room::{Room, RoomOf};
use model::{ClaimId, Error, Timestamp};

use crate::app::{TestApp, eventually};

/// The rooms of a test.
pub struct ChatRooms<'a> {
    app: &'a TestApp,
    ivs: RoomIvs,
    rows: RoomRows,
    subjects: SubjectTables,
    recovery: RecoveryQueue,
    /// Their table.
    pub table: RoomTable,
}

impl<'a> ChatRooms<'a> {
    /// None yet.
    pub fn new(app: &'a TestApp) -> Self {
        let aws = Aws::new(AwsConfig {
            region: app.region().to_owned(),
            credentials: Credentials::from_keys("test", "test", None),
            endpoint: Some(app.cloud().aws_url()),
            endpoints: [].into(),
            trust: Trust::System,
        });
        Self {
            app,
            ivs: RoomIvs::new(&aws, app.stack().to_owned()),
            rows: RoomRows::new(&aws, app.table("chat-users"), app.table("chat-log")),
            subjects: SubjectTables::new(&aws, app.table("stages"), app.table("channels")),
            recovery: RecoveryQueue::new(&aws, app.queue_url("RecoveryQueue")),
            table: RoomTable::new(&aws, app.table("rooms")),
        }
    }

    /// The room of alice's stage or channel of that name and ARN, for somebody who wants to chat there. Its claim, should
    /// one be needed, holds for so long.
    ///
    /// # Errors
    /// What they are answered.
    ///
    /// # Panics
    /// When the name or the ARN is none.
    pub async fn enter_within(&self, name: &str, subject: &str, lease: Duration) -> Result<Outcome<Room>, Error> {
        let request = NameRequest {
            name: name.parse().expect("the name of a room"),
            caller: "alice".parse().expect("a user"),
            claim_id: ClaimId::random()?,
            lease,
        };
        let desired = RoomOf(subject.parse().expect("the ARN of a stage or channel"));
        let (ivs, rows) = (&self.ivs, &self.rows);
        let (subjects, recovery, now) = (&self.subjects, &self.recovery, Timestamp::now());
        aws_room::create_or_fetch(ivs, &self.table, rows, subjects, recovery, now, &request, &desired).await
    }

    /// The same, by a claim that outlives the test, and again while somebody else is at work on it for too long.
    ///
    /// # Panics
    /// When there is no room.
    pub async fn enter(&self, name: &str, subject: &str) -> Room {
        eventually("there is a room", async || match self.enter_within(name, subject, Duration::from_secs(60)).await {
            Ok(Outcome::Created(room) | Outcome::Existing(room)) => Some(room),
            Err(Error::Busy { .. }) => None,
            Err(other) => panic!("there is no room: {other:?}"),
        })
        .await
    }

    /// The ARNs of the rooms that the table has, those that are ended among them.
    pub async fn rows(&self) -> Vec<String> {
        let rows = self.app.rows("rooms").await;
        let arns = rows.iter().filter_map(|row| row.get("arn").and_then(|arn| arn.as_s().ok()).cloned());
        arns.collect()
    }
}
