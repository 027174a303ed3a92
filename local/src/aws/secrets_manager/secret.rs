//! A secret, and how it is found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    error::{marked_deleted, no_such_secret},
    version::Versions,
};
use crate::aws::service::ServiceError;
pub(super) use crate::plumbing::clock::{epoch_millis as milliseconds, epoch_seconds};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// All secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) by_name: BTreeMap<String, Secret>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) arn: String,
    pub(super) description: Option<String>,
    /// Echoed: nothing is encrypted here.
    pub(super) kms_key: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) versions: Versions,
    /// Milliseconds since 1970; none for a secret that the template declares.
    pub(super) created: Option<i64>,
    /// Milliseconds since 1970.
    pub(super) changed: Option<i64>,
    pub(super) deletion: Option<Deletion>,
}

/// A deletion that can still be undone.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Deletion {
    /// When it was asked for, in milliseconds since 1970.
    pub(super) requested: i64,
    /// When the secret ends, in milliseconds since 1970.
    pub(super) due: i64,
}

impl Secret {
    pub(super) fn new(arn: String) -> Self {
        Self {
            arn,
            description: None,
            kms_key: None,
            tags: BTreeMap::new(),
            versions: Versions::default(),
            created: None,
            changed: None,
            deletion: None,
        }
    }

    /// Schedules the deletion for the end of the recovery window and answers when that is.
    pub(super) fn delete(&mut self, window_days: i64, now: OffsetDateTime) -> i64 {
        let requested = milliseconds(now);
        let due = requested.saturating_add(window_days.saturating_mul(DAY));
        self.deletion = Some(Deletion { requested, due });
        due
    }

    /// What `DescribeSecret` and `ListSecrets` both tell; the versions have another name in each.
    pub(super) fn describe(&self, name: &str, versions: &str) -> Value {
        let tags: Vec<_> = self.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        let mut description = json!({"ARN": self.arn, "Name": name, "Tags": tags});
        let by_labels = self.versions.by_labels();
        if !by_labels.is_empty() {
            description[versions] = json!(by_labels);
        }
        for (member, text) in [("Description", &self.description), ("KmsKeyId", &self.kms_key)] {
            if let Some(text) = text {
                description[member] = json!(text);
            }
        }
        let deleted = self.deletion.as_ref().map(|deletion| deletion.requested);
        for (member, date) in
            [("CreatedDate", self.created), ("LastChangedDate", self.changed), ("DeletedDate", deleted)]
        {
            if let Some(date) = date {
                description[member] = epoch_seconds(date);
            }
        }
        description
    }
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
        let now = milliseconds(now);
        self.by_name.retain(|_, secret| secret.deletion.as_ref().is_none_or(|deletion| deletion.due > now));
    }
}

fn has_arn(secret: &Secret, id: &str) -> bool {
    let arn = secret.arn.as_str();
    arn == id || arn.rsplit_once('-').is_some_and(|(without_suffix, _)| without_suffix == id)
}
