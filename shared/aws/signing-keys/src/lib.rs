//! The keys that sign tokens, made, followed by their successors and removed: IVS, IVS Real-Time and Secrets Manager.

mod operations;
mod stores;
#[cfg(test)]
mod tests;

pub use operations::{KeyStore, end, maintain, stop};
pub use stores::{KeyRegistry, PlaybackKeyPairs, PublicKeys, SigningKeys};
