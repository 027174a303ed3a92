//! What the service knows: channels with their streams, stream keys, playback keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::on_air::OnAir;
use super::session::Target;
use super::settings::Settings;
use crate::aws::service::ServiceError;
use crate::aws::video::error::not_found;
use crate::aws::video::operation::Tags;
use crate::aws::video::public_key::{PublicKey, PublicKeys};

/// Everything, by ARN. The order of the ARNs is that of the lists: random, as IVS promises none.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) stream_keys: BTreeMap<String, StreamKey>,
    /// The public halves.
    pub(super) playback_keys: PublicKeys,
    /// What is on air is not saved.
    #[serde(skip)]
    pub(super) on_air: Arc<OnAir>,
    /// Nor are addresses: the next start may take other ports.
    #[serde(skip)]
    pub(super) addresses: Addresses,
}

/// Where encoders and players find their servers.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// Host and port of RTMPS.
    pub(crate) ingest: String,
    /// Base URL of HLS, without a slash at its end.
    pub(crate) playback: String,
}

impl Default for Addresses {
    /// Those of the ports that the local cloud takes unless it is told otherwise.
    fn default() -> Self {
        Self { ingest: "127.0.0.1:1936".to_owned(), playback: "http://127.0.0.1:8082".to_owned() }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) settings: Settings,
    pub(super) tags: Tags,
    pub(super) endpoints: Endpoints,
    /// The highest version of each viewer's sessions that may not play any more, by viewer id.
    pub(super) revoked: BTreeMap<String, i64>,
    /// When each token for a single use that has been used expires (seconds since 1970), by its UUID.
    pub(super) used: BTreeMap<String, i64>,
}

/// Where to broadcast by SRT, which the local cloud does not speak.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Endpoints {
    /// A host.
    pub(super) srt: String,
    /// A secret, hence no `Debug`.
    pub(super) srt_passphrase: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StreamKey {
    /// A secret, hence no `Debug`.
    pub(super) value: String,
    pub(super) channel_arn: String,
    pub(super) tags: Tags,
}

impl State {
    pub(super) fn channel(&self, arn: &str) -> Result<&Channel, ServiceError> {
        self.channels.get(arn).ok_or_else(|| not_found(arn))
    }

    pub(super) fn channel_mut(&mut self, arn: &str) -> Result<&mut Channel, ServiceError> {
        self.channels.get_mut(arn).ok_or_else(|| not_found(arn))
    }

    /// The channel as a broadcast to it begins.
    pub(super) fn target(&self, arn: &str) -> Result<Target, ServiceError> {
        let channel = self.channel(arn)?;
        let view = channel.view(arn, &self.addresses);
        Ok(Target { arn: arn.to_owned(), name: channel.settings.name.clone(), view })
    }

    pub(super) fn stream_key(&self, arn: &str) -> Result<&StreamKey, ServiceError> {
        self.stream_keys.get(arn).ok_or_else(|| not_found(arn))
    }

    pub(super) fn playback_key(&self, arn: &str) -> Result<&PublicKey, ServiceError> {
        self.playback_keys.get(arn).ok_or_else(|| not_found(arn))
    }
}
