//! IVS Real-Time: stages.

use aws_claim::ListedPage;
use aws_client::{Aws, AwsFailure, RateLimiter, SdkClient, create_timeouts, sdk_client};
use aws_sdk_ivsrealtime::Client;
use aws_sdk_ivsrealtime::config::Config;
use aws_sdk_ivsrealtime::operation::delete_stage::DeleteStageError;
use aws_sdk_ivsrealtime::operation::get_stage::GetStageError;
use aws_sdk_ivsrealtime::types::Stage as IvsStage;
use aws_smithy_types::retry::RetryConfig;
use model::claim::{Claim, CreateError, Found};
use model::stage::{Endpoints, Stage};
use model::tags;
use model::{Error, StageArn, Timestamp};

const GET_STAGE: &str = "ivs:GetStage";

/// IVS Real-Time, as far as this deployment's own stages go.
pub struct StageIvs {
    ivs: SdkClient<Client>,
    stack: String,
    listings: RateLimiter,
    deletes: RateLimiter,
    adoptions: RateLimiter,
}

impl StageIvs {
    /// Stages are tagged as the stack's, so that two deployments in one account leave each other's alone.
    pub fn new(aws: &Aws, stack: String) -> Self {
        let ivs = sdk_client!(aws, aws_sdk_ivsrealtime, "IVS_REALTIME");
        let [listings, deletes, adoptions] = [(); 3].map(|()| RateLimiter::unlimited());
        Self { ivs, stack, listings, deletes, adoptions }
    }

    /// Lists at a pace that leaves some of IVS's five calls a second to others, and deletes at the same, so many calls a
    /// minute each.
    #[must_use]
    pub fn limited_to(self, calls: u32) -> Self {
        let [listings, deletes] = [(); 2].map(|()| RateLimiter::per_minute(calls));
        Self { listings, deletes, ..self }
    }

    /// Adopts at a pace of its own, so many a minute: `GetStage` has five calls a second for itself, which few others need.
    #[must_use]
    pub fn adopting_at(self, calls: u32) -> Self {
        Self { adoptions: RateLimiter::per_minute(calls), ..self }
    }

    /// Waits until the next stage may be adopted.
    pub(crate) async fn adoption(&self) {
        self.adoptions.acquire().await;
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
            .config_override(Config::builder().retry_config(RetryConfig::disabled()).timeout_config(create_timeouts()))
            .send()
            .await
            .map_err(|error| AwsFailure::new(operation, &error).into_create_error())?;
        created
            .stage()
            .and_then(|stage| Some((stage.arn().parse().ok()?, endpoints(stage, now)?)))
            .ok_or_else(|| CreateError::Unknown(Error::unavailable(AwsFailure::malformed(operation, "no stage"))))
    }

    /// A page of the stages in IVS that are tagged as the stack's. It is sent once.
    ///
    /// # Errors
    /// What IVS fails with.
    pub(crate) async fn list_stages(&self, page: Option<&str>) -> Result<ListedPage<Stage>, Error> {
        let operation = "ivs:ListStages";
        self.listings.acquire().await;
        let listed = self
            .ivs
            .list_stages()
            .max_results(100)
            .set_next_token(page.map(str::to_owned))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await
            .map_err(|error| AwsFailure::new(operation, &error).into_error())?;
        let mut found = Vec::new();
        for stage in listed.stages() {
            let arn = stage.arn().parse();
            let arn = arn.map_err(|_| Error::internal(AwsFailure::malformed(operation, "no ARN")))?;
            let in_use = is_session(stage.active_session_id());
            found.extend(tags::found(arn, stage.tags(), &self.stack).map(|found| Found { in_use, ..found }));
        }
        Ok(ListedPage { found, next: listed.next_token().map(str::to_owned) })
    }

    /// The endpoints of a stage; `None` if there is no such stage.
    ///
    /// # Errors
    /// What IVS fails with.
    pub async fn read_endpoints(&self, arn: &StageArn, now: Timestamp) -> Result<Option<Endpoints>, Error> {
        let Some(stage) = self.read_stage(arn).await.map_err(AwsFailure::into_error)? else { return Ok(None) };
        let endpoints = endpoints(&stage, now);
        endpoints.map(Some).ok_or_else(|| Error::unavailable(AwsFailure::malformed(GET_STAGE, "no endpoints")))
    }

    /// Deletes a stage and disconnects everybody in it. One that is gone already is fine.
    ///
    /// # Errors
    /// What IVS fails with.
    pub async fn delete_stage(&self, arn: &StageArn) -> Result<(), Error> {
        self.deletes.acquire().await;
        self.send_delete(arn).await
    }

    async fn send_delete(&self, arn: &StageArn) -> Result<(), Error> {
        match self.ivs.delete_stage().arn(arn.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteStageError::ResourceNotFoundException(_)) => Ok(()),
                _ => AwsFailure::new("ivs:DeleteStage", &error).unless_gone(self.read_stage(arn)).await,
            },
        }
    }

    /// Deletes a stage that nobody is in; false if somebody is. IVS would end their session without a word, so it is
    /// asked just before, and not before the wait for the delete's turn.
    pub(crate) async fn delete_idle_stage(&self, arn: &StageArn) -> Result<bool, Error> {
        self.deletes.acquire().await;
        let stage = self.read_stage(arn).await.map_err(AwsFailure::into_error)?;
        if stage.is_some_and(|stage| is_session(stage.active_session_id())) {
            return Ok(false);
        }
        self.send_delete(arn).await.map(|()| true)
    }

    /// `None` if there is no such stage.
    async fn read_stage(&self, arn: &StageArn) -> Result<Option<IvsStage>, AwsFailure> {
        match self.ivs.get_stage().arn(arn.as_str()).send().await {
            Ok(got) => got.stage.map(Some).ok_or_else(|| AwsFailure::malformed(GET_STAGE, "no stage")),
            Err(error) => match error.as_service_error() {
                Some(GetStageError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(AwsFailure::new(GET_STAGE, &error)),
            },
        }
    }
}

/// Whether a session is under way in a stage, by what IVS says of its session.
fn is_session(id: Option<&str>) -> bool {
    id.is_some_and(|id| !id.is_empty())
}

fn endpoints(stage: &IvsStage, now: Timestamp) -> Option<Endpoints> {
    let endpoints = stage.endpoints()?;
    Some(Endpoints { events: endpoints.events()?.to_owned(), whip: endpoints.whip()?.to_owned(), fetched_at: now })
}
