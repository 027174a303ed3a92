//! What the API does to remove a participant.

use std::time::Duration;

use aws_removal::RemovalIvs;
use aws_stage::StageIvs;
use model::claim::owned_by;
use model::participant::{Access, Participant};
use model::stage::Stage;
use model::{Error, StageName, Timestamp, UserId};

use crate::ParticipantTable;
use crate::operations::{OWNERS_ATTEMPTS, contended, read};

/// When it is worth asking IVS again whether it knows a participant by now.
const PENDING: Duration = Duration::from_secs(10);

/// Removes a user from the caller's own stage. They get no new token until a [`grant`](crate::grant), and IVS is asked
/// to disconnect every participant that they can still join as. It is done when IVS has confirmed each, or the token has
/// ended. Repeating it is harmless, and finishes what was cut short.
///
/// # Errors
/// [`Error::NotFound`] for the stage, [`Denial::NotOwner`](model::error::Denial::NotOwner); what AWS fails with, and
/// [`Error::RemovalPending`] while IVS knows nobody of an unexpired token, perhaps because it has not been used: the user
/// stays barred even then.
pub async fn remove(
    ivs: &RemovalIvs,
    stage_ivs: &StageIvs,
    participants: &ParticipantTable,
    now: Timestamp,
    caller: &UserId,
    stage: &StageName,
    user_id: &UserId,
) -> Result<(), Error> {
    for _ in 0..OWNERS_ATTEMPTS {
        let (stage, before) = read(participants, stage, user_id, now).await?;
        let stage = owned_by(stage, caller)?;
        let mut barred = Participant { access: Access::Removed, ..before.clone() };
        barred.retire_current(now);
        // Barred first: a token given out after the disconnect would not be known to it.
        if barred == before || participants.write(&mut barred).await? {
            return disconnect(ivs, stage_ivs, participants, now, &stage, barred).await;
        }
    }
    Err(contended())
}

/// Disconnects a barred user with each token they can still join with. Those that are disconnected are forgotten, so
/// that a retry goes on with the rest.
async fn disconnect(
    ivs: &RemovalIvs,
    stage_ivs: &StageIvs,
    participants: &ParticipantTable,
    now: Timestamp,
    stage: &Stage,
    mut barred: Participant,
) -> Result<(), Error> {
    let mut failure = None;
    let mut left = Vec::new();
    for token in std::mem::take(&mut barred.earlier) {
        match ivs.disconnect(&stage.arn, &token.participant_id).await {
            Ok(true) => {}
            // What becomes of such a token, IVS does not say: it is not revoked as long as nobody says so.
            Ok(false) => left.push(token),
            Err(error) => {
                failure = Some(error);
                left.push(token);
            }
        }
    }
    // A stage that is gone in IVS knows nobody, and lets nobody in.
    if failure.is_none() && !left.is_empty() {
        match stage_ivs.read_endpoints(&stage.arn, now).await {
            Ok(None) => left.clear(),
            Ok(Some(_)) => {}
            Err(error) => failure = Some(error),
        }
    }
    let until = left.iter().map(|token| token.expires_at).max();
    barred.earlier = left;
    // If somebody wrote in between, a grant say, the ids stay in the row: disconnecting them again is harmless.
    participants.write(&mut barred).await?;
    match (failure, until) {
        (Some(failure), _) => Err(failure),
        (None, Some(until)) => Err(Error::RemovalPending { until, retry_after: now.until(until).min(PENDING) }),
        (None, None) => Ok(()),
    }
}
