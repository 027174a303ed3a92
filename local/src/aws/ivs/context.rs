//! What an operation is given besides its input: among it the quotas of the account.

use crate::aws::video::operation::{self, Limits};

/// Items of a page when `maxResults` is not given.
pub(super) const DEFAULT_PAGE: usize = 100;

pub(super) type Context<'a> = operation::Context<'a, ResourceQuotas>;

/// How many resources an account may have in the region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceQuotas {
    pub(super) channels: usize,
    pub(super) stream_keys_per_channel: usize,
    pub(super) playback_key_pairs: usize,
}

impl Default for ResourceQuotas {
    fn default() -> Self {
        Self { channels: 5_000, stream_keys_per_channel: 1, playback_key_pairs: 3 }
    }
}

impl Limits for ResourceQuotas {
    fn named(&mut self) -> Vec<(&'static str, &mut usize)> {
        vec![
            ("channels", &mut self.channels),
            ("streamKeysPerChannel", &mut self.stream_keys_per_channel),
            ("playbackKeyPairs", &mut self.playback_key_pairs),
        ]
    }
}
