//! Stages: who owns them, who may come in, and how one comes to exist exactly once.
//!
//! `CreateStage` is not idempotent and IVS lets any number of stages share a name, so the row in DynamoDB decides:
//!
//! 1. A conditional write claims the name ([`Claim`], with a lease).
//! 2. The stage is created in IVS with tags that name the row and the claim.
//! 3. Its ARN is committed under the condition that the claim still stands.
//!
//! Whoever finds a lapsed claim takes it over, for the same owner, and adopts what its predecessor may have created.
//! A lease is longer than a function may run, so the holder of a lapsed one is not at work any more.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{ClaimId, Cursor, Limit, Page, StageArn, StageName, Timestamp, UserId};
use crate::aws::{CreateError, IvsRealTime, ParticipantTable, StageTable};
use crate::error::{Conflict, Denial, Error, FieldError};

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

impl Stage {
    /// # Errors
    /// [`Denial::NotOwner`] unless `caller` owns the stage.
    pub fn owned_by(self, caller: &UserId) -> Result<Self, Error> {
        if self.owner == *caller { Ok(self) } else { Err(Error::Forbidden(Denial::NotOwner)) }
    }

    /// # Errors
    /// [`Conflict::OptionsDiffer`] names each option that was asked for and is not so.
    fn with_options(self, admission: Option<Admission>) -> Result<Self, Error> {
        match admission {
            Some(asked) if asked != self.admission => {
                let reason = format!("is {} already, not {}", self.admission.as_str(), asked.as_str());
                Err(Error::Conflict(Conflict::OptionsDiffer(vec![FieldError::new("admission", reason)])))
            }
            _ => Ok(self),
        }
    }
}

/// A name that somebody is creating a stage for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The name claimed.
    pub name: StageName,
    /// The first caller of the name, and the owner of what is being created, whoever finishes it.
    pub owner: UserId,
    /// What the first caller asked for.
    pub admission: Admission,
    /// Which attempt holds the name.
    pub id: ClaimId,
    /// Until when it does.
    pub lease_until: Timestamp,
}

/// Stages that are on their way out: the row outlives the IVS stage, so that a crash in between loses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The name, free again once the row is gone.
    pub name: StageName,
    /// What is being deleted in IVS.
    pub arn: StageArn,
    /// Who owned it.
    pub owner: UserId,
}

/// What the table holds of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageRow {
    /// Somebody is, or was, creating it.
    Creating(Claim),
    /// It exists.
    Active(Stage),
    /// It is being deleted.
    Deleting(Deletion),
}

impl StageRow {
    fn owner(&self) -> &UserId {
        match self {
            Self::Creating(claim) => &claim.owner,
            Self::Active(stage) => &stage.owner,
            Self::Deleting(deletion) => &deletion.owner,
        }
    }

    /// The stage, once it can be used.
    ///
    /// # Errors
    /// [`Error::Busy`] while it is being created, [`Error::NotFound`] while it is being deleted.
    pub fn into_active(self, now: Timestamp) -> Result<Stage, Error> {
        match self {
            Self::Active(stage) => Ok(stage),
            Self::Creating(claim) => Err(busy(now.until(claim.lease_until))),
            Self::Deleting(_) => Err(Error::NotFound("stage")),
        }
    }
}

/// The answer to somebody who met another's claim: the claim mostly resolves in less than a second, and when its
/// holder has died, asking again before the lease lapses changes nothing.
fn busy(lease_left: Duration) -> Error {
    let longest = Duration::from_secs(5);
    Error::Busy { resource: "stage", retry_after: lease_left.clamp(Duration::from_secs(1), longest) }
}

/// What `PUT /stages/{stage}` asks for.
#[derive(Debug, Clone)]
pub struct CreateStage {
    /// Which stage.
    pub name: StageName,
    /// Who asks.
    pub caller: UserId,
    /// Absent: whatever it is, `open` when new.
    pub admission: Option<Admission>,
    /// Fresh for this request.
    pub claim_id: ClaimId,
    /// How long a claim of this request holds; longer than the function may run.
    pub lease: Duration,
}

/// A stage, and whether this request is the one that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This request committed it.
    Created(Stage),
    /// It was there.
    Existing(Stage),
}

/// How long a request waits for another's claim before it answers [`Error::Busy`], and how often it looks.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);

/// Returns the stage of that name, creating it first if there is none. Any number of concurrent callers get one stage.
///
/// # Errors
/// [`Conflict::OptionsDiffer`] if it exists with other options; [`Error::Busy`] if another request holds the name for
/// longer than this one waits; what IVS or DynamoDB fail with, after which the same request may be repeated.
pub async fn create_or_fetch(
    ivs: &IvsRealTime,
    stages: &StageTable,
    participants: &ParticipantTable,
    now: Timestamp,
    command: CreateStage,
) -> Result<Outcome, Error> {
    let started = Instant::now();
    let now = || now + started.elapsed();
    loop {
        let (claim, predecessor) = match stages.read(&command.name).await? {
            Some(StageRow::Active(stage)) => return stage.with_options(command.admission).map(Outcome::Existing),
            Some(StageRow::Deleting(deletion)) => {
                finish_delete(ivs, stages, participants, &deletion).await?;
                continue;
            }
            Some(StageRow::Creating(claim)) if claim.lease_until > now() => {
                if started.elapsed() >= PATIENCE {
                    return Err(busy(now().until(claim.lease_until)));
                }
                sleep(POLL).await;
                continue;
            }
            Some(StageRow::Creating(lapsed)) => {
                let claim =
                    Claim { id: command.claim_id.clone(), lease_until: now() + command.lease, ..lapsed.clone() };
                (claim, Some(lapsed.id))
            }
            None => {
                let claim = Claim {
                    name: command.name.clone(),
                    owner: command.caller.clone(),
                    admission: command.admission.unwrap_or_default(),
                    id: command.claim_id.clone(),
                    lease_until: now() + command.lease,
                };
                (claim, None)
            }
        };
        if stages.claim(&claim, predecessor.as_ref()).await? {
            let inherited = predecessor.is_some();
            let outcome = create_claimed(ivs, stages, now(), &claim, inherited).await?;
            return match outcome {
                Outcome::Created(stage) => stage.with_options(command.admission).map(Outcome::Created),
                Outcome::Existing(stage) => stage.with_options(command.admission).map(Outcome::Existing),
            };
        }
    }
}

/// Creates, or adopts, the stage of a claim that this request holds, and commits it.
async fn create_claimed(
    ivs: &IvsRealTime,
    stages: &StageTable,
    now: Timestamp,
    claim: &Claim,
    inherited: bool,
) -> Result<Outcome, Error> {
    let adopted = if inherited {
        match adopt(ivs, &claim.name, now).await {
            Ok(adopted) => adopted,
            Err(error) => {
                // The predecessor's stage may be there still: whoever comes next has to look again.
                stages.lapse(claim, now).await?;
                return Err(error);
            }
        }
    } else {
        None
    };
    let (arn, endpoints) = match adopted {
        Some(found) => found,
        None => match ivs.create_stage(claim, now).await {
            Ok(created) => created,
            Err(CreateError::Refused(error)) => {
                stages.release(claim).await?;
                return Err(error);
            }
            // The stage may exist, or may yet come to: only a lapsed lease makes it safe to look for it.
            Err(CreateError::Unknown(error)) => return Err(error.retry_after(now.until(claim.lease_until))),
        },
    };
    let stage = Stage {
        name: claim.name.clone(),
        arn,
        owner: claim.owner.clone(),
        live: true,
        admission: claim.admission,
        endpoints,
        created_at: now,
    };
    match stages.commit(&stage, &claim.id).await {
        Ok(true) => Ok(Outcome::Created(stage)),
        Ok(false) => resolve_lost_claim(ivs, stages, now, stage).await,
        Err(error) => Err(error.retry_after(now.until(claim.lease_until))),
    }
}

/// Finds what earlier holders of the claim left in IVS: one stage is kept, any other is deleted.
async fn adopt(ivs: &IvsRealTime, name: &StageName, now: Timestamp) -> Result<Option<(StageArn, Endpoints)>, Error> {
    let mut kept = None;
    for arn in ivs.find_stages(name).await? {
        match kept {
            None => kept = ivs.read_endpoints(&arn, now).await?.map(|endpoints| (arn, endpoints)),
            Some(_) => ivs.delete_stage(&arn).await?,
        }
    }
    Ok(kept)
}

/// The claim was taken over while this request still worked under it, which the lease is meant to exclude. The stage
/// goes, unless the successor adopted it; while that is undecided, it stays and its tags tell the reconciler.
async fn resolve_lost_claim(
    ivs: &IvsRealTime,
    stages: &StageTable,
    now: Timestamp,
    ours: Stage,
) -> Result<Outcome, Error> {
    let started = Instant::now();
    loop {
        match stages.read(&ours.name).await? {
            Some(StageRow::Active(stage)) if stage.arn == ours.arn => return Ok(Outcome::Existing(stage)),
            Some(StageRow::Deleting(deletion)) if deletion.arn == ours.arn => return Err(Error::NotFound("stage")),
            Some(StageRow::Creating(claim)) => {
                if started.elapsed() >= PATIENCE {
                    return Err(busy((now + started.elapsed()).until(claim.lease_until)));
                }
                sleep(POLL).await;
            }
            other => {
                ivs.delete_stage(&ours.arn).await?;
                return match other {
                    Some(StageRow::Active(stage)) => Ok(Outcome::Existing(stage)),
                    _ => Err(busy(Duration::ZERO)),
                };
            }
        }
    }
}

/// Returns the stage of that name.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Busy`] while it is being created.
pub async fn fetch(stages: &StageTable, name: &StageName, now: Timestamp) -> Result<Stage, Error> {
    stages.read(name).await?.ok_or(Error::NotFound("stage"))?.into_active(now)
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
/// [`Error::NotFound`], [`Denial::NotOwner`], or [`Error::Busy`] while it is being created.
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
        Err(Some(row)) => row.into_active(now)?.owned_by(caller),
    }
}

/// Deletes a stage of the caller's, in IVS too, with the rows of its participants. Repeating it is harmless, and
/// finishes a delete that was cut short.
///
/// # Errors
/// [`Denial::NotOwner`]; [`Error::Busy`] while it is being created; what IVS or DynamoDB fail with.
pub async fn delete(
    ivs: &IvsRealTime,
    stages: &StageTable,
    participants: &ParticipantTable,
    now: Timestamp,
    command: DeleteStage,
) -> Result<(), Error> {
    let Some(row) = stages.read(&command.name).await? else { return Ok(()) };
    if *row.owner() != command.caller {
        return Err(Error::Forbidden(Denial::NotOwner));
    }
    match row {
        StageRow::Active(stage) => {
            let deletion = Deletion { name: stage.name, arn: stage.arn, owner: stage.owner };
            if !stages.begin_delete(&deletion).await? {
                // Somebody else's delete, perhaps followed by a new stage of that name, came first.
                return Err(busy(Duration::ZERO));
            }
            finish_delete(ivs, stages, participants, &deletion).await
        }
        StageRow::Deleting(deletion) => finish_delete(ivs, stages, participants, &deletion).await,
        StageRow::Creating(claim) if claim.lease_until > now => Err(busy(now.until(claim.lease_until))),
        StageRow::Creating(lapsed) => {
            let claim = Claim { id: command.claim_id, lease_until: now + command.lease, ..lapsed.clone() };
            if !stages.claim(&claim, Some(&lapsed.id)).await? {
                return Err(busy(Duration::ZERO));
            }
            for arn in ivs.find_stages(&claim.name).await? {
                ivs.delete_stage(&arn).await?;
            }
            stages.release(&claim).await
        }
    }
}

/// What `DELETE /stages/{stage}` asks for.
#[derive(Debug, Clone)]
pub struct DeleteStage {
    /// Which stage.
    pub name: StageName,
    /// Who asks.
    pub caller: UserId,
    /// Fresh for this request: what is left of a create that died is deleted under a claim of its own.
    pub claim_id: ClaimId,
    /// How long such a claim holds.
    pub lease: Duration,
}

/// Each step may be repeated by anybody, which is what a request does that meets an unfinished delete.
async fn finish_delete(
    ivs: &IvsRealTime,
    stages: &StageTable,
    participants: &ParticipantTable,
    deletion: &Deletion,
) -> Result<(), Error> {
    ivs.delete_stage(&deletion.arn).await?;
    participants.purge(&deletion.name).await?;
    stages.finish_delete(deletion).await
}
