//! Where a server sends a broadcast.

use crate::Timestamp;
use crate::channel::StreamKeyText;

/// Who takes the broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestKind {
    /// IVS, for a channel: a publisher of higher priority takes over there.
    Ivs,
    /// The deployer's own RTMP server, for a channel.
    SelfHosted,
    /// Whatever a user has saved.
    Settings,
}

/// Where a broadcast is sent, and with which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestTarget {
    /// Without the key.
    pub url: String,
    /// The key.
    pub key: StreamKeyText,
    /// Who takes it.
    pub kind: IngestKind,
}

impl IngestTarget {
    /// Whether the URL was set by the deployer or by IVS. A user's own may lead into our networks, by whatever its name
    /// resolves to.
    pub fn is_trusted(&self) -> bool {
        match self.kind {
            IngestKind::Ivs | IngestKind::SelfHosted => true,
            IngestKind::Settings => false,
        }
    }
}

/// 2026-01-01T00:00:00Z.
const PRIORITIES_BEGIN: i64 = 1_767_225_600;

/// The priority to publish with on IVS: seconds since the beginning of 2026, so that the later redemption takes over.
/// IVS takes 31 bits, which last until 2094.
pub fn priority(redeemed_at: Timestamp) -> u32 {
    let seconds = redeemed_at.epoch_seconds().saturating_sub(PRIORITIES_BEGIN);
    u32::try_from(seconds.clamp(0, i64::from(i32::MAX))).unwrap_or_default()
}
