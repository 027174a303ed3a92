//! A secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::version::Versions;
use crate::aws::service::ACCOUNT;
pub(super) use crate::plumbing::clock::{epoch_millis as milliseconds, epoch_seconds};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000;

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

/// AWS puts six random characters after the name, so that a new secret of an old name has an ARN of its own.
pub(super) fn arn(region: &str, name: &str, suffix: &str) -> String {
    format!("arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-{suffix}")
}
