//! IVS Real-Time: which stages somebody is in, and who.

use std::collections::BTreeMap;

use aws_client::{Aws, AwsFailure, RateLimiter, SdkClient, listing_retries, sdk_client};
use aws_sdk_ivsrealtime::Client;
use aws_sdk_ivsrealtime::config::Config;
use aws_sdk_ivsrealtime::primitives::DateTime;
use aws_sdk_ivsrealtime::types::{ParticipantState, ParticipantSummary};
use model::session::{EventTime, Publisher};
use model::{Error, SessionId, StageArn, Timestamp, rates, tags};

/// IVS Real-Time, as far as who is in the stages of this deployment goes.
pub struct PublisherIvs {
    ivs: SdkClient<Client>,
    stack: String,
    stages: RateLimiter,
    participants: RateLimiter,
}

impl PublisherIvs {
    /// Others list stages, too; nobody else asks for participants: see [`rates`].
    pub fn new(aws: &Aws, stack: String) -> Self {
        Self {
            ivs: sdk_client!(aws, aws_sdk_ivsrealtime, "IVS_REALTIME"),
            stack,
            stages: RateLimiter::per_minute(rates::STAGE_SESSIONS),
            participants: RateLimiter::per_minute(rates::PARTICIPANTS),
        }
    }

    /// Every stage of the stack, with the session that somebody is in, if there is one. From a complete listing.
    ///
    /// # Errors
    /// What IVS fails with, on any page.
    pub(crate) async fn sessions(&self) -> Result<BTreeMap<StageArn, Option<SessionId>>, Error> {
        let operation = "ivs:ListStages";
        let (mut stages, mut next) = (BTreeMap::new(), None);
        loop {
            self.stages.acquire().await;
            let listed = self
                .ivs
                .list_stages()
                .max_results(100)
                .set_next_token(next)
                .customize()
                .config_override(Config::builder().retry_config(listing_retries()))
                .send()
                .await
                .map_err(|error| AwsFailure::new(operation, &error).into_error())?;
            for stage in listed.stages() {
                let stack = stage.tags().and_then(|tags| tags.get(tags::TAG_STACK));
                if stack == Some(&self.stack) {
                    let malformed = |what| Error::internal(AwsFailure::malformed(operation, what));
                    let arn = stage.arn().parse().map_err(|_| malformed("no ARN"))?;
                    let session = stage.active_session_id().filter(|id| !id.is_empty());
                    let session = session.map(str::parse).transpose().map_err(|_| malformed("no session id"))?;
                    stages.insert(arn, session);
                }
            }
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(stages);
            }
        }
    }

    /// Who has published in a session of a stage, and whether they are still there. Those who only watch may be
    /// thousands, and are not listed. From a complete listing.
    ///
    /// # Errors
    /// What IVS fails with, on any page.
    pub(crate) async fn publishers(&self, stage: &StageArn, session: &SessionId) -> Result<Vec<Publisher>, Error> {
        let operation = "ivs:ListParticipants";
        let (mut publishers, mut next) = (Vec::new(), None);
        loop {
            self.participants.acquire().await;
            let listed = self
                .ivs
                .list_participants()
                .stage_arn(stage.as_str())
                .session_id(session.as_str())
                .filter_by_published(true)
                .max_results(100)
                .set_next_token(next)
                .customize()
                .config_override(Config::builder().retry_config(listing_retries()))
                .send()
                .await
                .map_err(|error| AwsFailure::new(operation, &error).into_error())?;
            for participant in listed.participants() {
                let publisher = publisher(participant);
                publishers.push(publisher.ok_or_else(|| Error::internal(AwsFailure::malformed(operation, "no id")))?);
            }
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(publishers);
            }
        }
    }
}

fn publisher(participant: &ParticipantSummary) -> Option<Publisher> {
    Some(Publisher {
        participant_id: participant.participant_id()?.parse().ok()?,
        user_id: participant.user_id().and_then(|id| id.parse().ok()),
        connected: participant.state() == Some(&ParticipantState::Connected),
        first_joined: event_time(participant.first_join_time()?)?,
    })
}

fn event_time(at: &DateTime) -> Option<EventTime> {
    Timestamp::from_epoch(at.secs(), at.subsec_nanos()).map(EventTime::from)
}
