//! What an operation is given besides its input: among it the quotas of the account.

use crate::aws::video::operation::{self, Limits};

/// Items of a page when `maxResults` is not given, and at most.
pub(super) const DEFAULT_PAGE: usize = 50;

pub(super) type Context<'a> = operation::Context<'a, ResourceQuotas>;

/// What an account may have in the region ("Service Quotas" in the IVS Chat user guide).
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceQuotas {
    /// Rooms.
    pub(super) rooms: usize,
    /// Connections at a time, to all rooms.
    pub(super) connections: usize,
    /// How long a review handler has, in milliseconds.
    pub(super) review: usize,
}

impl Default for ResourceQuotas {
    fn default() -> Self {
        Self { rooms: 50_000, connections: 50_000, review: 200 }
    }
}

impl Limits for ResourceQuotas {
    fn named(&mut self) -> Vec<(&'static str, &mut usize)> {
        vec![
            ("rooms", &mut self.rooms),
            ("chatConnections", &mut self.connections),
            ("messageReviewMilliseconds", &mut self.review),
        ]
    }
}
