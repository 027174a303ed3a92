//! What becomes of those who come in although they are removed.

use model::{Error, ParticipantId, StageArn, UserId};

use crate::{RemovalIvs, RemovalTable};

/// Disconnects a participant who was seen in a stage, if its user is removed from it: IVS may not have known them when
/// they were. Whether it was so.
///
/// # Errors
/// What DynamoDB and IVS fail with; repeating it is harmless.
pub async fn disconnect_removed(
    ivs: &RemovalIvs,
    table: &RemovalTable,
    stage: &StageArn,
    user_id: &UserId,
    participant_id: &ParticipantId,
) -> Result<bool, Error> {
    Ok(table.has(stage, user_id).await? && ivs.disconnect(stage, participant_id).await?)
}
