//! What the service knows: all secrets, and how one is found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::error::{marked_deleted, no_such_secret};
use super::secret::Secret;
use crate::aws::service::ServiceError;
use crate::plumbing::clock::epoch_millis;

/// All secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) by_name: BTreeMap<String, Secret>,
}

impl Secrets {
    /// The secret with that name or ARN, and its name. The ARN may lack the six characters at its end.
    pub(super) fn find(&self, id: &str) -> Option<(&str, &Secret)> {
        let found =
            self.by_name.get_key_value(id).or_else(|| self.by_name.iter().find(|(_, secret)| has_arn(secret, id)));
        found.map(|(name, secret)| (name.as_str(), secret))
    }

    /// As [`find`](Self::find); a secret that is marked for deletion is found too.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn any_mut(&mut self, id: &str) -> Result<(String, &mut Secret), ServiceError> {
        let name = self.find(id).map(|(name, _)| name.to_owned());
        name.and_then(|name| self.by_name.get_mut(&name).map(|secret| (name, secret))).ok_or_else(no_such_secret)
    }

    /// As [`find`](Self::find), for operations that refuse a secret that is marked for deletion.
    ///
    /// # Errors
    /// There is none, or it is marked for deletion.
    pub(super) fn live(&self, id: &str) -> Result<(&str, &Secret), ServiceError> {
        let (name, secret) = self.find(id).ok_or_else(no_such_secret)?;
        if secret.deletion.is_some() { Err(marked_deleted()) } else { Ok((name, secret)) }
    }

    /// As [`live`](Self::live), to change it.
    ///
    /// # Errors
    /// There is none, or it is marked for deletion.
    pub(super) fn live_mut(&mut self, id: &str) -> Result<(String, &mut Secret), ServiceError> {
        let (name, secret) = self.any_mut(id)?;
        if secret.deletion.is_some() { Err(marked_deleted()) } else { Ok((name, secret)) }
    }

    /// Forgets the secrets whose recovery window has ended.
    pub(super) fn delete_expired(&mut self, now: OffsetDateTime) {
        let now = epoch_millis(now);
        self.by_name.retain(|_, secret| secret.deletion.as_ref().is_none_or(|deletion| deletion.due > now));
    }
}

fn has_arn(secret: &Secret, id: &str) -> bool {
    let arn = secret.arn.as_str();
    arn == id || arn.rsplit_once('-').is_some_and(|(without_suffix, _)| without_suffix == id)
}
