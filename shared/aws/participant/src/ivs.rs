//! IVS Real-Time: tokens while no key is configured to sign them.

use std::collections::HashMap;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_sdk_ivsrealtime::Client;
use aws_sdk_ivsrealtime::operation::create_participant_token::CreateParticipantTokenError;
use aws_sdk_ivsrealtime::types::ParticipantTokenCapability;
use model::participant::{Attributes, Capabilities, Capability, TokenDuration};
use model::token::ParticipantToken;
use model::{Error, ParticipantId, StageArn, Timestamp, UserId};
use time::OffsetDateTime;

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

/// IVS Real-Time, as far as tokens go.
pub struct ParticipantIvs {
    ivs: SdkClient<Client>,
}

impl ParticipantIvs {
    /// With the function's own role.
    pub fn new(aws: &Aws) -> Self {
        Self { ivs: sdk_client!(aws, aws_sdk_ivsrealtime, "IVS_REALTIME") }
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
}
