//! `StartViewerSessionRevocation`.

use serde_json::{Value, json};

use super::{context::Context, state::State};
use crate::aws::service::ServiceError;
use crate::aws::service::shape::Input;

/// Tokens of the viewer play no more, up to that version of the viewer's session. What was revoked stays revoked.
pub(super) fn revoke(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let version = input.integer("viewerSessionVersionsLessThanOrEqualTo").unwrap_or(0);
    let channel = state.channel_mut(input.required_text("channelArn"))?;
    let revoked = channel.revoked.entry(input.required_text("viewerId").to_owned()).or_insert(version);
    *revoked = version.max(*revoked);
    Ok(json!({}))
}
