//! What the API does with stages.

use aws_claim::{Dependents, Inventory, ListedPage, Provider, Recovering, Recovery, SweepOutcome, SweepRun, Sweeping};
use model::claim::{Claim, CreateError, NameRequest, Outcome, owned_by};
use model::recovery::Recovered;
use model::stage::{DesiredStageOptions, Stage, StageChanges};
use model::{Cursor, Error, Limit, Page, StageArn, StageName, Timestamp, UserId};

use crate::{ParticipantRows, StageIvs, StageTable};

/// Stages come to be in IVS Real-Time, and participants and a chat room hang on them.
struct StageProvider<'a, D> {
    ivs: &'a StageIvs,
    participants: &'a ParticipantRows,
    room: &'a D,
}

impl Inventory<Stage> for StageIvs {
    /// IVS cannot tell stages apart by their names.
    async fn list(&self, _: Option<&StageName>, page: Option<&str>) -> Result<ListedPage<Stage>, Error> {
        self.list_stages(page).await
    }

    async fn delete_idle(&self, arn: &StageArn) -> Result<bool, Error> {
        self.delete_idle_stage(arn).await
    }
}

impl<D: Dependents<Stage>> Provider<Stage> for StageProvider<'_, D> {
    type Inventory = StageIvs;

    fn inventory(&self) -> &StageIvs {
        self.ivs
    }

    async fn create(&self, claim: &Claim<Stage>, now: Timestamp) -> Result<Stage, CreateError> {
        let (arn, endpoints) = self.ivs.create_stage(claim, now).await?;
        Ok(Stage::of(claim, arn, endpoints, now))
    }

    async fn adopt(&self, claim: &Claim<Stage>, arn: StageArn, now: Timestamp) -> Result<Option<Stage>, Error> {
        self.ivs.adoption().await;
        let endpoints = self.ivs.read_endpoints(&arn, now).await?;
        Ok(endpoints.map(|endpoints| Stage::of(claim, arn, endpoints, now)))
    }

    /// A stage can be deleted with everybody in it.
    async fn check_deletable(&self, _: &Stage, _: Timestamp) -> Result<(), Error> {
        Ok(())
    }

    async fn delete(&self, arn: &StageArn) -> Result<(), Error> {
        self.ivs.delete_stage(arn).await
    }

    async fn forget(&self, name: &StageName, arn: &StageArn) -> Result<(), Error> {
        self.participants.purge(name, arn).await?;
        self.room.end_with(name).await
    }
}

/// Holds every stage in IVS against its row, and deletes orphans; see [`aws_claim::sweep()`].
pub async fn sweep(
    ivs: &StageIvs,
    stages: &StageTable,
    sweeping: &mut Sweeping<Stage>,
    run: &SweepRun,
) -> SweepOutcome<Stage> {
    aws_claim::sweep(ivs, &stages.names, sweeping, run).await
}

/// The stages whose create or delete was left halfway, whether IVS has anything of them or not.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn unfinished(stages: &StageTable, now: Timestamp) -> Result<Vec<StageName>, Error> {
    stages.names.unfinished(now).await
}

/// Completes what creates and deletes of these stages have left halfway, by one listing of IVS. Answers what became of
/// each, in their order.
#[expect(clippy::too_many_arguments, reason = "what a recovery takes, and what hangs on it")]
pub async fn recover(
    ivs: &StageIvs,
    stages: &StageTable,
    participants: &ParticipantRows,
    room: &impl Dependents<Stage>,
    recovering: &mut Recovering<Stage>,
    now: Timestamp,
    names: &[StageName],
    how: &Recovery,
) -> Vec<Result<Recovered, Error>> {
    aws_claim::recover(&StageProvider { ivs, participants, room }, &stages.names, recovering, now, names, how).await
}

/// Returns the stage of that name, creating it first if there is none. Any number of concurrent callers get one stage.
///
/// # Errors
/// [`Conflict::OptionsDiffer`](model::error::Conflict::OptionsDiffer) if it exists with other options;
/// [`Error::Busy`] if another request holds the name for longer than this one waits; [`Error::Unfinished`] if its recovery
/// is to be asked for; what IVS or DynamoDB fail with, after which the same request may be repeated.
pub async fn create_or_fetch(
    ivs: &StageIvs,
    stages: &StageTable,
    participants: &ParticipantRows,
    room: &impl Dependents<Stage>,
    now: Timestamp,
    request: &NameRequest<StageName>,
    desired: DesiredStageOptions,
) -> Result<Outcome<Stage>, Error> {
    aws_claim::create_or_fetch(&StageProvider { ivs, participants, room }, &stages.names, now, request, &desired).await
}

/// Returns the stage of that name.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Busy`] while it is being created; [`Error::Unfinished`] if its recovery is to be asked for.
pub async fn fetch(stages: &StageTable, name: &StageName, now: Timestamp) -> Result<Stage, Error> {
    aws_claim::fetch(&stages.names, name, now).await
}

/// Returns the caller's own stages, newest first. The index behind it follows a write within moments, not at once.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn list(
    stages: &StageTable,
    caller: &UserId,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Stage>, Error> {
    stages.names.list(caller, limit, cursor).await
}

/// Changes a stage of the caller's in one conditional write.
///
/// # Errors
/// [`Error::NotFound`]; [`Denial::NotOwner`](model::error::Denial::NotOwner); [`Error::Busy`] while it is being created;
/// [`Error::Unfinished`] if its recovery is to be asked for.
pub async fn update(
    stages: &StageTable,
    caller: &UserId,
    name: &StageName,
    now: Timestamp,
    changes: StageChanges,
) -> Result<Stage, Error> {
    match stages.update(name, caller, changes).await? {
        Ok(stage) => Ok(stage),
        // The condition failed: the row as it is says why.
        Err(None) => Err(Error::NotFound("stage")),
        Err(Some(row)) => owned_by(row.into_active(now)?, caller),
    }
}

/// Deletes a stage of the caller's, in IVS too, with the rows of its participants. Repeating it is harmless, and
/// finishes a delete that was cut short.
///
/// # Errors
/// [`Denial::NotOwner`](model::error::Denial::NotOwner); [`Error::Busy`] while it is being created;
/// [`Error::Unfinished`] if its recovery is to be asked for; what IVS or DynamoDB fail with.
pub async fn delete(
    ivs: &StageIvs,
    stages: &StageTable,
    participants: &ParticipantRows,
    room: &impl Dependents<Stage>,
    now: Timestamp,
    request: &NameRequest<StageName>,
) -> Result<(), Error> {
    aws_claim::delete(&StageProvider { ivs, participants, room }, &stages.names, now, request).await
}
