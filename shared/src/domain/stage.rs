//! Stages: who owns them, who may come in. How one comes to exist exactly once is in `claim.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::claim::{self, Claim, CreateError, Found, Provider, Resource, Wishes, owned_by};
use super::sweep::{self, Sweep, Swept};
use super::{Cursor, Field, Limit, Outcome, Page, Request, StageArn, StageName, Timestamp, UserId};
use crate::aws::{IvsRealTime, ParticipantTable, StageTable};
use crate::error::{Error, FieldError};

/// Who may publish without being promoted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Admission {
    /// Every caller may publish and subscribe, as in a call-in room.
    #[default]
    Open,
    /// Others than the owner subscribe until the owner promotes them.
    Hosted,
}

impl Admission {
    /// The word used in the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Hosted => "hosted",
        }
    }
}

impl Field for Admission {
    const RULE: &'static str = "must be open or hosted";
}

/// Where clients of a stage connect. IVS allows these to be cached for up to 14 days
/// (Real-Time API reference, `StageEndpoints`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// WebSocket URL for the events of a stage.
    pub events: String,
    /// URL for publishing and subscribing by WHIP.
    pub whip: String,
    /// When IVS gave them.
    pub fetched_at: Timestamp,
}

impl Endpoints {
    /// A day less than IVS allows, so that a token never carries older ones.
    const MAX_AGE: Duration = Duration::from_secs(13 * 24 * 60 * 60);

    /// Whether they must be asked for again before they go into a token.
    pub fn are_stale(&self, now: Timestamp) -> bool {
        self.fetched_at + Self::MAX_AGE <= now
    }
}

/// A stage that exists in IVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Unique in the deployment.
    pub name: StageName,
    /// What IVS calls it.
    pub arn: StageArn,
    /// The first caller of the name.
    pub owner: UserId,
    /// While false, only the owner gets a participant token.
    pub live: bool,
    /// Who may publish without being promoted.
    pub admission: Admission,
    /// Where clients connect.
    pub endpoints: Endpoints,
    /// When the row became a stage.
    pub created_at: Timestamp,
}

impl Resource for Stage {
    const KIND: &'static str = "stage";
    type Name = StageName;
    type Arn = StageArn;
    type Options = Admission;

    fn name(&self) -> &StageName {
        &self.name
    }

    fn owner(&self) -> &UserId {
        &self.owner
    }

    fn arn(&self) -> &StageArn {
        &self.arn
    }
}

/// What a PUT asks of a stage.
#[derive(Debug, Clone, Copy)]
pub struct StageWishes {
    /// Absent: whatever it is, `open` when new.
    pub admission: Option<Admission>,
}

impl Wishes<Stage> for StageWishes {
    fn options(&self) -> Admission {
        self.admission.unwrap_or_default()
    }

    fn unmet(&self, stage: &Stage) -> Vec<FieldError> {
        let asked = self.admission.filter(|asked| *asked != stage.admission);
        let reason = |asked: Admission| format!("is {} already, not {}", stage.admission.as_str(), asked.as_str());
        asked.map(|asked| FieldError::new("admission", reason(asked))).into_iter().collect()
    }
}

/// Stages come to be in IVS Real-Time, and participants hang on them.
struct Ivs<'a> {
    ivs: &'a IvsRealTime,
    participants: &'a ParticipantTable,
}

impl Provider<Stage> for Ivs<'_> {
    async fn create(&self, claim: &Claim<Stage>, now: Timestamp) -> Result<Stage, CreateError> {
        let (arn, endpoints) = self.ivs.create_stage(claim, now).await?;
        Ok(new_stage(claim, arn, endpoints, now))
    }

    async fn find(&self, name: Option<&StageName>) -> Result<Vec<Found<Stage>>, Error> {
        self.ivs.find_stages(name).await
    }

    async fn adopt(&self, claim: &Claim<Stage>, arn: StageArn, now: Timestamp) -> Result<Option<Stage>, Error> {
        let endpoints = self.ivs.read_endpoints(&arn, now).await?;
        Ok(endpoints.map(|endpoints| new_stage(claim, arn, endpoints, now)))
    }

    /// A stage can be deleted with everybody in it.
    async fn check_deletable(&self, _: &StageArn) -> Result<(), Error> {
        Ok(())
    }

    async fn delete(&self, arn: &StageArn) -> Result<(), Error> {
        self.ivs.delete_stage(arn).await
    }

    async fn forget(&self, name: &StageName, arn: &StageArn) -> Result<(), Error> {
        self.participants.purge(name, arn).await
    }
}

/// Ends what creates and deletes of stages left halfway.
///
/// # Errors
/// What IVS and DynamoDB failed with first. Nothing is done before IVS has listed all stages.
pub async fn sweep(
    ivs: &IvsRealTime,
    stages: &StageTable,
    participants: &ParticipantTable,
    now: Timestamp,
    how: &Sweep,
) -> (Swept, Result<(), Error>) {
    sweep::sweep(&Ivs { ivs, participants }, stages, now, how).await
}

fn new_stage(claim: &Claim<Stage>, arn: StageArn, endpoints: Endpoints, now: Timestamp) -> Stage {
    Stage {
        name: claim.name.clone(),
        arn,
        owner: claim.owner.clone(),
        live: true,
        admission: claim.options,
        endpoints,
        created_at: now,
    }
}

/// Returns the stage of that name, creating it first if there is none. Any number of concurrent callers get one stage.
///
/// # Errors
/// [`Conflict::OptionsDiffer`](crate::error::Conflict::OptionsDiffer) if it exists with other options;
/// [`Error::Busy`] if another request holds the name for longer than this one waits; what IVS or DynamoDB fail with,
/// after which the same request may be repeated.
pub async fn create_or_fetch(
    ivs: &IvsRealTime,
    stages: &StageTable,
    participants: &ParticipantTable,
    now: Timestamp,
    request: &Request<StageName>,
    wishes: StageWishes,
) -> Result<Outcome<Stage>, Error> {
    claim::create_or_fetch(&Ivs { ivs, participants }, stages, now, request, &wishes).await
}

/// Returns the stage of that name.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Busy`] while it is being created.
pub async fn fetch(stages: &StageTable, name: &StageName, now: Timestamp) -> Result<Stage, Error> {
    claim::fetch(stages, name, now).await
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
    stages.list(caller, limit, cursor).await
}

/// What `PATCH /stages/{stage}` changes; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageChanges {
    /// Open the doors, or close them to all but the owner. Those inside stay.
    pub live: Option<bool>,
    /// Who may publish from now on. Tokens in use keep what they allow.
    pub admission: Option<Admission>,
}

/// Changes a stage of the caller's in one conditional write.
///
/// # Errors
/// [`Error::NotFound`], [`Denial::NotOwner`](crate::error::Denial::NotOwner), or [`Error::Busy`] while it is being
/// created.
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
/// [`Denial::NotOwner`](crate::error::Denial::NotOwner); [`Error::Busy`] while it is being created; what IVS or
/// DynamoDB fail with.
pub async fn delete(
    ivs: &IvsRealTime,
    stages: &StageTable,
    participants: &ParticipantTable,
    now: Timestamp,
    request: &Request<StageName>,
) -> Result<(), Error> {
    claim::delete(&Ivs { ivs, participants }, stages, now, request).await
}
