//! Transwrap servers that a test plays: they say how much room they have, and take broadcasts, by the crates that a server
//! is made of.

use std::time::Duration;

use aws_broadcast::{BroadcastTable, IngestTargets, Redeemed};
use aws_client::{Aws, AwsConfig, Trust};
use aws_credential_types::Credentials;
use aws_server::{Heartbeat, ServerTable};
use model::broadcast::{BroadcastRow, PromiseLedger, Redemption, Refusal, Ticket};
use model::{AttemptId, TaskId, Timestamp};
use serde_json::Value;

use crate::app::TestApp;
use crate::fleet::Fleet;

/// The servers of a test, and the tables as they use them.
pub struct Room<'a> {
    app: &'a TestApp,
    /// As a server uses it.
    pub broadcasts: BroadcastTable,
    /// Where broadcasts go.
    pub targets: IngestTargets,
    /// As a server uses it.
    pub servers: ServerTable,
}

/// A server that a test plays.
#[derive(Debug, Clone)]
pub struct PlayedServer {
    /// The task that it is.
    pub id: TaskId,
    /// What it can hold.
    pub capacity: u32,
    /// What it holds.
    pub sessions: u32,
    /// What it knows of its tickets.
    pub ledger: PromiseLedger,
}

impl<'a> Room<'a> {
    /// Without a server yet.
    #[expect(clippy::unused_async, reason = "as the other parts of a test's cloud are made")]
    pub async fn new(app: &'a TestApp) -> Self {
        let aws = Aws::new(AwsConfig {
            region: app.region().to_owned(),
            credentials: Credentials::from_keys("test", "test", None),
            endpoint: Some(app.cloud().aws_url()),
            endpoints: [].into(),
            trust: Trust::System,
        });
        let table = |name| app.table(name);
        Self {
            app,
            broadcasts: BroadcastTable::new(&aws, table("broadcasts")),
            targets: IngestTargets::new(&aws, table("channels"), table("broadcast-settings")),
            servers: ServerTable::new(&aws, table("servers")),
        }
    }

    /// Servers that ECS knows nothing of, each with that many places, which they say once for all.
    ///
    /// # Panics
    /// When they cannot say so.
    pub async fn open(&self, count: u32, capacity: u32) -> Vec<PlayedServer> {
        Fleet::new(self.app).await.fill(count).await;
        let mut servers = Vec::new();
        for row in self.app.rows("servers").await {
            let id = row.get("taskId").and_then(|id| id.as_s().ok()).expect("a row has an id");
            let id = id.parse().expect("an id");
            let mut server = PlayedServer { id, capacity, sessions: 0, ledger: PromiseLedger::new() };
            // Whoever tests what becomes of a heartbeat that stops says another one; others need not go on with it.
            let for_long = Timestamp::now() + Duration::from_secs(3600);
            assert_eq!(self.beat(&mut server, for_long).await, Heartbeat::Offered { places: capacity });
            servers.push(server);
        }
        servers
    }

    /// A server's heartbeat at that time.
    ///
    /// # Panics
    /// When DynamoDB fails.
    pub async fn beat(&self, server: &mut PlayedServer, now: Timestamp) -> Heartbeat {
        let PlayedServer { id, capacity, sessions, ledger } = server;
        let beat = self.servers.heartbeat(id, ledger, *capacity, *sessions, now).await;
        beat.expect("the heartbeat is written")
    }

    /// Redeems the ticket of an answer at a server, at that time.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn redeem(&self, answer: &Value, server: &TaskId, now: Timestamp) -> (BroadcastRow, Redemption) {
        match self.try_redeem(ticket(answer), server, now).await {
            Ok(row) => {
                let redemption = row.redemption().cloned().expect("a redemption");
                (row, redemption)
            }
            Err(refusal) => panic!("the ticket is refused: {refusal:?}"),
        }
    }

    /// Redeems a ticket, or is told why not.
    ///
    /// # Errors
    /// Why not.
    ///
    /// # Panics
    /// When DynamoDB fails.
    pub async fn try_redeem(&self, ticket: Ticket, server: &TaskId, now: Timestamp) -> Result<BroadcastRow, Refusal> {
        let attempt = AttemptId::random().expect("an id");
        let redeemed = self.broadcasts.redeem(&ticket, server, &attempt, now).await.expect("DynamoDB answers");
        match redeemed {
            Redeemed::Accepted { row, .. } => Ok(*row),
            Redeemed::Refused(refusal) => Err(refusal),
        }
    }
}

/// The ticket of an answer.
///
/// # Panics
/// When it has none.
pub fn ticket(answer: &Value) -> Ticket {
    let text = answer["ticket"].as_str().expect("a ticket");
    Ticket::parse(text).expect("a ticket looks like one")
}

/// So many seconds ago.
pub fn ago(seconds: u64) -> Timestamp {
    Timestamp::now() - Duration::from_secs(seconds)
}
