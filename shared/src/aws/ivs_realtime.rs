//! IVS Real-Time: stages, and tokens while no key is configured to sign them.

use std::collections::HashMap;

use aws_sdk_ivsrealtime::Client;
use aws_sdk_ivsrealtime::config::Config;
use aws_sdk_ivsrealtime::operation::create_participant_token::CreateParticipantTokenError;
use aws_sdk_ivsrealtime::operation::delete_stage::DeleteStageError;
use aws_sdk_ivsrealtime::operation::disconnect_participant::DisconnectParticipantError;
use aws_sdk_ivsrealtime::operation::get_stage::GetStageError;
use aws_sdk_ivsrealtime::types::ParticipantTokenCapability;
use aws_smithy_types::retry::RetryConfig;
use time::OffsetDateTime;

use super::failure::AwsFailure;
use super::tags::{self, TAG_STAGE};
use super::{Aws, Pace, client};
use crate::Error;
use crate::domain::claim::{Claim, CreateError, Found};
use crate::domain::participant::{Attributes, Capabilities, Capability, TokenDuration};
use crate::domain::stage::{Endpoints, Stage};
use crate::domain::token::ParticipantToken;
use crate::domain::{ParticipantId, StageArn, StageName, Timestamp, UserId};

/// IVS Real-Time, as far as this deployment's own stages go.
pub struct IvsRealTime {
    ivs: Client,
    stack: String,
    pace: Pace,
}

/// A participant token that IVS made.
#[derive(Debug)]
pub struct MintedToken {
    /// Whom it stands for.
    pub participant_id: ParticipantId,
    /// Its text.
    pub text: ParticipantToken,
    /// Until when it can be used to join.
    pub expires_at: Timestamp,
}

impl IvsRealTime {
    /// Stages are tagged as the stack's, so that two deployments in one account leave each other's alone.
    pub fn new(aws: &Aws, stack: String) -> Self {
        Self { ivs: aws.ivs_realtime(), stack, pace: Pace::unlimited() }
    }

    /// Lists and deletes at a pace that leaves some of IVS's five calls a second to others.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Creates a stage under a claim. It is sent once: `CreateStage` is not idempotent, and a retry by the SDK after a
    /// lost answer would make a second stage.
    ///
    /// # Errors
    /// [`CreateError`] says whether there may be a stage nevertheless.
    pub(crate) async fn create_stage(
        &self,
        claim: &Claim<Stage>,
        now: Timestamp,
    ) -> Result<(StageArn, Endpoints), CreateError> {
        let operation = "ivs:CreateStage";
        let created = self
            .ivs
            .create_stage()
            .name(claim.name.as_str())
            .set_tags(Some(tags::of(claim, &self.stack, TAG_STAGE)))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await
            .map_err(|error| AwsFailure::new(operation, &error).into_create_error())?;
        created
            .stage()
            .and_then(|stage| Some((stage.arn().parse().ok()?, endpoints(stage, now)?)))
            .ok_or_else(|| CreateError::Unknown(Error::unavailable(AwsFailure::malformed(operation, "no stage"))))
    }

    /// Every stage in IVS that is tagged as this name's, or as any of the stack's names, from a complete listing.
    ///
    /// # Errors
    /// What IVS fails with, on any page.
    pub(crate) async fn find_stages(&self, name: Option<&StageName>) -> Result<Vec<Found<Stage>>, Error> {
        let operation = "ivs:ListStages";
        let mut found: Vec<Found<Stage>> = Vec::new();
        let mut next = None;
        loop {
            self.pace.turn().await;
            let listed = self
                .ivs
                .list_stages()
                .max_results(100)
                .set_next_token(next)
                .customize()
                .config_override(Config::builder().retry_config(client::patient_retries()))
                .send()
                .await
                .map_err(|error| AwsFailure::new(operation, &error).into_error())?;
            for stage in listed.stages() {
                let arn = stage.arn().parse();
                let arn = arn.map_err(|_| Error::internal(AwsFailure::malformed(operation, "no ARN")))?;
                found.extend(tags::found(arn, stage.tags(), &self.stack, TAG_STAGE, name));
            }
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                // One order for all who look, so that they keep the same one.
                found.sort_by(|a, b| a.arn.cmp(&b.arn));
                return Ok(found);
            }
        }
    }

    /// The endpoints of a stage; `None` if there is no such stage.
    ///
    /// # Errors
    /// What IVS fails with.
    pub async fn read_endpoints(&self, arn: &StageArn, now: Timestamp) -> Result<Option<Endpoints>, Error> {
        let operation = "ivs:GetStage";
        match self.ivs.get_stage().arn(arn.as_str()).send().await {
            Ok(got) => {
                let endpoints = got.stage().and_then(|stage| endpoints(stage, now));
                endpoints.map(Some).ok_or_else(|| Error::unavailable(AwsFailure::malformed(operation, "no endpoints")))
            }
            Err(error) => match error.as_service_error() {
                Some(GetStageError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(AwsFailure::new(operation, &error).into_error()),
            },
        }
    }

    /// Deletes a stage and disconnects everybody in it. One that is gone already is fine.
    ///
    /// # Errors
    /// What IVS fails with.
    pub async fn delete_stage(&self, arn: &StageArn) -> Result<(), Error> {
        self.pace.turn().await;
        match self.ivs.delete_stage().arn(arn.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteStageError::ResourceNotFoundException(_)) => Ok(()),
                // A change of the stage is under way: it passes.
                Some(DeleteStageError::ConflictException(_)) => {
                    Err(Error::unavailable(AwsFailure::new("ivs:DeleteStage", &error)))
                }
                _ => Err(AwsFailure::new("ivs:DeleteStage", &error).into_error()),
            },
        }
    }

    /// Has IVS make a token: 50 a second per account and region.
    ///
    /// # Errors
    /// [`Error::NotFound`] if IVS has no such stage; what IVS fails with.
    pub async fn create_participant_token(
        &self,
        stage: &StageArn,
        user_id: &UserId,
        duration: TokenDuration,
        capabilities: Capabilities,
        attributes: &Attributes,
    ) -> Result<MintedToken, Error> {
        let operation = "ivs:CreateParticipantToken";
        let capabilities = Vec::from(capabilities).into_iter().map(|capability| match capability {
            Capability::Publish => ParticipantTokenCapability::Publish,
            Capability::Subscribe => ParticipantTokenCapability::Subscribe,
        });
        let attributes: HashMap<String, String> =
            attributes.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let minted = self
            .ivs
            .create_participant_token()
            .stage_arn(stage.as_str())
            .user_id(user_id.as_str())
            .duration(i32::from(duration.minutes()))
            .set_capabilities(Some(capabilities.collect()))
            .set_attributes((!attributes.is_empty()).then_some(attributes))
            .send()
            .await
            .map_err(|error| match error.as_service_error() {
                Some(CreateParticipantTokenError::ResourceNotFoundException(_)) => Error::NotFound("stage"),
                _ => AwsFailure::new(operation, &error).into_error(),
            })?;
        let token = minted.participant_token().and_then(|token| {
            let expires_at = OffsetDateTime::from_unix_timestamp(token.expiration_time()?.secs()).ok()?;
            Some(MintedToken {
                participant_id: token.participant_id()?.parse().ok()?,
                text: ParticipantToken::new(token.token()?.to_owned()),
                expires_at: expires_at.try_into().ok()?,
            })
        });
        token.ok_or_else(|| Error::unavailable(AwsFailure::malformed(operation, "no token")))
    }

    /// Disconnects a participant; a token of that participant cannot be used to join again. False: IVS knows nobody of
    /// that id, perhaps because the token has not been used yet.
    ///
    /// # Errors
    /// What IVS fails with.
    pub async fn disconnect(&self, stage: &StageArn, participant_id: &ParticipantId) -> Result<bool, Error> {
        let disconnect = self
            .ivs
            .disconnect_participant()
            .stage_arn(stage.as_str())
            .participant_id(participant_id.as_str())
            .reason("removed by the owner of the stage");
        match disconnect.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(DisconnectParticipantError::ResourceNotFoundException(_)) => Ok(false),
                _ => Err(AwsFailure::new("ivs:DisconnectParticipant", &error).into_error()),
            },
        }
    }
}

fn endpoints(stage: &aws_sdk_ivsrealtime::types::Stage, now: Timestamp) -> Option<Endpoints> {
    let endpoints = stage.endpoints()?;
    Some(Endpoints { events: endpoints.events()?.to_owned(), whip: endpoints.whip()?.to_owned(), fetched_at: now })
}
