//! What an operation is given besides its input: among it the quotas of the account.

use crate::aws::video::operation::{self, Limits};

/// Items of a page when `maxResults` is not given.
pub(super) const DEFAULT_PAGE: usize = 50;

pub(super) type Context<'a> = operation::Context<'a, ResourceQuotas>;

/// How many stages and public keys an account may have in the region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceQuotas {
    pub(super) stages: usize,
    pub(super) public_keys: usize,
}

impl Default for ResourceQuotas {
    fn default() -> Self {
        Self { stages: 1_000, public_keys: 3 }
    }
}

impl Limits for ResourceQuotas {
    fn named(&mut self) -> Vec<(&'static str, &mut usize)> {
        vec![("stages", &mut self.stages), ("publicKeys", &mut self.public_keys)]
    }
}
