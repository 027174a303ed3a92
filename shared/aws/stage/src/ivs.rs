//! IVS Real-Time: stages.

use aws_client::{Aws, AwsFailure, RateLimiter, listing_retries, sdk_client};
use aws_sdk_ivsrealtime::Client;
use aws_sdk_ivsrealtime::config::Config;
use aws_sdk_ivsrealtime::operation::delete_stage::DeleteStageError;
use aws_sdk_ivsrealtime::operation::get_stage::GetStageError;
use aws_smithy_types::retry::RetryConfig;
use model::claim::{Claim, CreateError, Found};
use model::stage::{Endpoints, Stage};
use model::tags;
use model::{Error, StageArn, StageName, Timestamp};

/// IVS Real-Time, as far as this deployment's own stages go.
pub struct StageIvs {
    ivs: Client,
    stack: String,
    limiter: RateLimiter,
}

impl StageIvs {
    /// Stages are tagged as the stack's, so that two deployments in one account leave each other's alone.
    pub fn new(aws: &Aws, stack: String) -> Self {
        Self { ivs: sdk_client!(aws, aws_sdk_ivsrealtime, "IVS_REALTIME"), stack, limiter: RateLimiter::unlimited() }
    }

    /// Lists and deletes at a pace that leaves some of IVS's five calls a second to others.
    #[must_use]
    pub fn limited_to(self, limiter: RateLimiter) -> Self {
        Self { limiter, ..self }
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
            .set_tags(Some(tags::of(claim, &self.stack)))
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
        let mut stages: Vec<Found<Stage>> = Vec::new();
        let mut next = None;
        loop {
            self.limiter.acquire().await;
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
                let arn = stage.arn().parse();
                let arn = arn.map_err(|_| Error::internal(AwsFailure::malformed(operation, "no ARN")))?;
                stages.extend(tags::found(arn, stage.tags(), &self.stack, name));
            }
            next = listed.next_token().map(str::to_owned);
            if next.is_none() {
                // One order for all who look, so that they keep the same one.
                stages.sort_by(|a, b| a.arn.cmp(&b.arn));
                return Ok(stages);
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
        self.limiter.acquire().await;
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
}

fn endpoints(stage: &aws_sdk_ivsrealtime::types::Stage, now: Timestamp) -> Option<Endpoints> {
    let endpoints = stage.endpoints()?;
    Some(Endpoints { events: endpoints.events()?.to_owned(), whip: endpoints.whip()?.to_owned(), fetched_at: now })
}
