//! IVS Real-Time: whom to disconnect.

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_sdk_ivsrealtime::Client;
use aws_sdk_ivsrealtime::operation::disconnect_participant::DisconnectParticipantError;
use model::{Error, ParticipantId, StageArn};

/// IVS Real-Time, as far as the end of participants goes.
pub struct RemovalIvs {
    ivs: SdkClient<Client>,
}

impl RemovalIvs {
    /// With the function's own role.
    pub fn new(aws: &Aws) -> Self {
        Self { ivs: sdk_client!(aws, aws_sdk_ivsrealtime, "IVS_REALTIME") }
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
