//! What the API does with participants.

use std::time::Duration;

use aws_signer::Signers;
use aws_stage::{StageIvs, StageTable, fresh_endpoints};
use model::claim::owned_by;
use model::participant::{
    Access, Decision, GivenToken, Grant, GrantChanges, IssuedToken, Participant, TokenOrigin, TokenRequest, decide,
};
use model::stage::Stage;
use model::token::{ParticipantSigner, ParticipantToken, TokenClaims};
use model::{Cursor, Error, Limit, Page, StageName, Timestamp, UserId};

use crate::{ParticipantIvs, ParticipantTable};

/// How often a request starts over because another wrote the same row in between.
const ATTEMPTS: usize = 8;
/// The same of what an owner says of a user: several renewals of that user's may each win so often as they may try, and must
/// not keep the owner from it. An attempt is a read and a write, so that this takes a second or two.
pub(crate) const OWNERS_ATTEMPTS: usize = 64;

pub(crate) fn contended() -> Error {
    Error::Busy { resource: "participant", retry_after: Duration::from_secs(1) }
}

/// Gives the caller a participant token for the stage: the current one while it serves, else a new one. One read; a
/// new token costs one write as well. IVS is not called, unless it has to mint the token because no key is configured.
///
/// # Errors
/// [`Error::NotFound`] for the stage; [`Error::Forbidden`] by the rules of admission; [`Error::Conflict`] for an
/// exchange that is not possible or too many tokens; what AWS fails with.
pub async fn request_token(
    ivs: &ParticipantIvs,
    stage_ivs: &StageIvs,
    stages: &StageTable,
    participants: &ParticipantTable,
    signers: &Signers<ParticipantSigner>,
    now: Timestamp,
    command: TokenRequest,
) -> Result<GivenToken, Error> {
    let signer = signers.current(now).await?;
    let signer = signer.as_deref();
    for _ in 0..ATTEMPTS {
        let (stage, mut participant) = read(participants, &command.stage, &command.caller, now).await?;
        let issued = match decide(&stage, &participant, &command, signer.is_some(), now)? {
            Decision::GiveAgain(issued) => {
                return Ok(GivenToken { text: text_of(&issued, signer, &stage, &command.caller)?, issued, new: false });
            }
            Decision::Issue { capabilities, asked, attributes, replaces } => {
                let expires_at = now.whole_seconds() + command.duration.into();
                let (participant_id, expires_at, origin) = match (replaces, signer) {
                    (Some(token), _) => (token.participant_id, expires_at, token.origin),
                    (None, Some(_)) => {
                        let endpoints = fresh_endpoints(stage_ivs, stages, &stage, now).await?;
                        let origin = TokenOrigin::Signed { events_url: endpoints.events, whip_url: endpoints.whip };
                        (command.participant_id.clone(), expires_at, origin)
                    }
                    (None, None) => {
                        let minted = ivs
                            .create_participant_token(
                                &stage.arn,
                                &command.caller,
                                command.duration,
                                capabilities,
                                &attributes,
                            )
                            .await?;
                        (minted.participant_id, minted.expires_at, TokenOrigin::Ivs(minted.text))
                    }
                };
                IssuedToken {
                    participant_id,
                    issued_at: now,
                    expires_at,
                    capabilities,
                    asked,
                    attributes,
                    origin,
                    outdated: false,
                }
            }
        };
        // The row is written before the token is given out, so that a removal that comes next knows of it.
        participant.issue(command.device.clone(), issued.clone(), now);
        if participants.write(&mut participant).await? {
            return Ok(GivenToken { text: text_of(&issued, signer, &stage, &command.caller)?, issued, new: true });
        }
    }
    Err(contended())
}

/// Signs the claims, or takes the text that IVS gave.
fn text_of(
    token: &IssuedToken,
    signer: Option<&ParticipantSigner>,
    stage: &Stage,
    user_id: &UserId,
) -> Result<ParticipantToken, Error> {
    match (&token.origin, signer) {
        (TokenOrigin::Ivs(text), _) => Ok(text.clone()),
        (TokenOrigin::Signed { events_url, whip_url }, Some(signer)) => signer.sign(&TokenClaims {
            participant_id: &token.participant_id,
            user_id,
            stage: &stage.arn,
            events_url,
            whip_url,
            capabilities: token.capabilities,
            attributes: &token.attributes,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
        }),
        (TokenOrigin::Signed { .. }, None) => Err(Error::internal("a signed token was chosen without a key")),
    }
}

/// The stage and a user of it, in one read.
pub(crate) async fn read(
    participants: &ParticipantTable,
    stage: &StageName,
    user_id: &UserId,
    now: Timestamp,
) -> Result<(Stage, Participant), Error> {
    let (stage, row) = participants.read_with_stage(stage, user_id).await?;
    let stage = stage.ok_or(Error::NotFound("stage"))?.into_active(now)?;
    let participant = Participant::of(&stage, user_id.clone(), row);
    Ok((stage, participant))
}

/// The stage, for a caller who would get a participant token for it: who is in a stage is for those who may come in, and
/// IVS shows it to them anyway. One read.
///
/// # Errors
/// [`Error::NotFound`] for the stage; [`Denial::StageClosed`](model::error::Denial::StageClosed) and
/// [`Denial::Removed`](model::error::Denial::Removed); what DynamoDB fails with.
pub async fn visit(
    participants: &ParticipantTable,
    now: Timestamp,
    caller: &UserId,
    stage: &StageName,
) -> Result<Stage, Error> {
    let (stage, participant) = read(participants, stage, caller, now).await?;
    participant.allowed(&stage).map_err(Error::Forbidden)?;
    Ok(stage)
}

/// Returns who holds a token for the caller's own stage, newest first.
///
/// # Errors
/// [`Error::NotFound`] for the stage, [`Denial::NotOwner`](model::error::Denial::NotOwner), what DynamoDB fails with.
pub async fn list(
    stages: &StageTable,
    participants: &ParticipantTable,
    now: Timestamp,
    caller: &UserId,
    stage: &StageName,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Participant>, Error> {
    let stage = owned_by(aws_stage::fetch(stages, stage, now).await?, caller)?;
    participants.list(&stage, now, limit, cursor).await
}

/// Says what a user of the caller's own stage may do from now on, and lets a removed one back in. A token that the
/// user holds keeps what it allows until it is exchanged or ends.
///
/// # Errors
/// [`Error::NotFound`] for the stage, [`Denial::NotOwner`](model::error::Denial::NotOwner), what DynamoDB fails with.
pub async fn grant(
    participants: &ParticipantTable,
    now: Timestamp,
    caller: &UserId,
    stage: &StageName,
    user_id: &UserId,
    changes: GrantChanges,
) -> Result<Grant, Error> {
    for _ in 0..OWNERS_ATTEMPTS {
        let (stage, mut participant) = read(participants, stage, user_id, now).await?;
        let stage = owned_by(stage, caller)?;
        let before = match &participant.access {
            Access::Granted(grant) => grant.clone(),
            Access::ByAdmission | Access::Removed => Grant::default(),
        };
        let grant = Grant {
            capabilities: changes.capabilities.or(before.capabilities),
            attributes: changes.attributes.clone().unwrap_or(before.attributes),
        };
        participant.forget_expired(now);
        participant.change_access(Access::Granted(grant));
        if participants.write(&mut participant).await? {
            return Ok(participant.granted(&stage));
        }
    }
    Err(contended())
}
