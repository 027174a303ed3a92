//! A stack's requests, the daily look, and an operator's order; for both kinds of keys each.

use std::time::Duration;

use serde::Deserialize;
use shared::Error;
use shared::aws::{CloudFormation, PlaybackKeyPairs, PublicKeys, SigningKeys};
use shared::custom_resource::{Request, RequestType};
use shared::domain::signing_keys::{Asked, Maintained, Maintenance, end, maintain};
use shared::domain::{ClaimId, Timestamp};
use shared::event::Report;

/// Longer than the function may run, 60 seconds, with a call that is under way at its end; shorter than what Lambda waits
/// before it repeats a run that died, so that the repeated one finds room.
const LEASE: Duration = Duration::from_secs(90);

/// What a run needs.
pub(crate) struct Handler<'a> {
    pub(crate) cloud_formation: CloudFormation<'a>,
    pub(crate) participants: SigningKeys<PublicKeys>,
    pub(crate) playback: SigningKeys<PlaybackKeyPairs>,
    pub(crate) rotate_after: Duration,
    pub(crate) stack: String,
}

/// Who asks for what.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Event {
    /// A stack.
    Stack(Request),
    /// A schedule, which tells nothing, or an operator.
    Order {
        /// Whether other keys are to sign from now on.
        #[serde(default)]
        rotate: bool,
    },
}

impl Handler<'_> {
    pub(crate) async fn handle(&self, event: Event) -> Result<Report, Error> {
        match event {
            Event::Stack(request) => {
                let report = match request.request_type {
                    RequestType::Create | RequestType::Update => self.maintain(Asked::ByStack).await?,
                    RequestType::Delete => self.end().await,
                };
                let physical_id = format!("{}-signing-keys", self.stack);
                request.answer(&self.cloud_formation, &physical_id, report).await
            }
            Event::Order { rotate: true } => self.maintain(Asked::ToRotate).await,
            Event::Order { rotate: false } => self.maintain(Asked::BySchedule).await,
        }
    }

    async fn maintain(&self, asked: Asked) -> Result<Report, Error> {
        let now = Timestamp::now();
        let how = Maintenance { run: ClaimId::random()?, rotate_after: self.rotate_after, lease: LEASE, asked };
        let participants = maintain(&self.participants, now, &how).await;
        let playback = maintain(&self.playback, now, &how).await;
        Ok(report("maintained", [participants, playback]))
    }

    async fn end(&self) -> Report {
        report("ended", [end(&self.participants).await, end(&self.playback).await])
    }
}

/// What came of both kinds. One that fails keeps the other from nothing.
fn report(outcome: &'static str, kinds: [Result<Maintained, Error>; 2]) -> Report {
    let done = kinds.iter().flatten();
    let (made, retired, deleted) = done.fold((0, 0, 0), |(made, retired, deleted), done| {
        (made + usize::from(done.made), retired + done.retired, deleted + done.deleted)
    });
    let report =
        Report::new(outcome).count("KeysMade", made).count("KeysRetired", retired).count("KeysDeleted", deleted);
    kinds.into_iter().filter_map(Result::err).fold(report, Report::fail)
}
