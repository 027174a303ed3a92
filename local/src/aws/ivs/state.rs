//! What the service knows: channels with their streams, stream keys, playback keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) settings: Settings,
    pub(super) tags: Tags,
    pub(super) endpoints: Endpoints,
    /// None while the channel is offline.
    pub(super) stream: Option<Stream>,
    /// The highest version of each viewer's sessions that may not play any more, by viewer id.
    pub(super) revoked: BTreeMap<String, i64>,
    /// When each token for a single use that has been used expires (seconds since 1970), by its UUID.
    pub(super) used: BTreeMap<String, i64>,
}

/// Where to broadcast and where to watch.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Endpoints {
    /// A host.
    pub(super) ingest: String,
    pub(super) playback_url: String,
    /// A host.
    pub(super) srt: String,
    /// A secret, hence no `Debug`.
    pub(super) srt_passphrase: String,
}

/// A live broadcast.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) id: String,
    /// RFC 3339.
    pub(super) start: String,
    pub(super) health: String,
    pub(super) viewer_count: i64,
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

    pub(super) fn stream_key(&self, arn: &str) -> Result<&StreamKey, ServiceError> {
        self.stream_keys.get(arn).ok_or_else(|| not_found(arn))
    }

    pub(super) fn playback_key(&self, arn: &str) -> Result<&PublicKey, ServiceError> {
        self.playback_keys.get(arn).ok_or_else(|| not_found(arn))
    }
}
