//! Signing keys from Secrets Manager: the secret of one, and what signs with it.

mod secret;
mod signer;

pub use secret::{KeySecret, KeyVersion, StoredKey};
pub use signer::Signers;
