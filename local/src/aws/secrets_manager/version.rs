//! The versions of a secret and the staging labels that tell them apart.
//!
//! A label is attached to at most one version. `AWSCURRENT` is the version that is read by default; when it moves,
//! `AWSPREVIOUS` moves to the version that it was taken from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug, Formatter},
};

use serde::{Deserialize, Serialize};

/// The label of the version that is read by default.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was current before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// The text or the bytes (in base64, as on the wire) that a secret keeps.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SecretValue {
    Text(String),
    Binary(String),
}

impl Debug for SecretValue {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue(***)")
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) value: SecretValue,
    /// Milliseconds since 1970.
    pub(super) created: i64,
}

/// The versions of one secret by id, and its labels.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Versions {
    by_id: BTreeMap<String, Version>,
    /// Which version has the label.
    labels: BTreeMap<String, String>,
}

/// A version of that id exists, with another value: versions do not change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VersionExists;

impl Versions {
    pub(super) fn get(&self, id: &str) -> Option<&Version> {
        self.by_id.get(id)
    }

    /// The id of the version with that label.
    pub(super) fn labelled(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(String::as_str)
    }

    /// The labels of a version, in alphabetical order.
    pub(super) fn labels_of(&self, id: &str) -> Vec<&str> {
        self.labels.iter().filter(|(_, version)| *version == id).map(|(label, _)| label.as_str()).collect()
    }

    /// The versions that have a label, with all of theirs.
    pub(super) fn by_labels(&self) -> BTreeMap<&str, Vec<&str>> {
        let labelled: BTreeSet<&str> = self.labels.values().map(String::as_str).collect();
        labelled.into_iter().map(|id| (id, self.labels_of(id))).collect()
    }

    /// Adds a version with these labels. The first version of a secret is current in any case. To add the same value
    /// under the same id again changes nothing, so that a request can be repeated.
    pub(super) fn add(&mut self, id: &str, version: Version, labels: &[&str]) -> Result<(), VersionExists> {
        if let Some(present) = self.by_id.get(id) {
            return if present.value == version.value { Ok(()) } else { Err(VersionExists) };
        }
        self.by_id.insert(id.to_owned(), version);
        if self.labelled(CURRENT).is_none() {
            self.attach(CURRENT, id);
        }
        for label in labels {
            self.attach(label, id);
        }
        Ok(())
    }

    /// Moves a label to a version, away from whichever had it.
    pub(super) fn attach(&mut self, label: &str, id: &str) {
        let before = self.labels.insert(label.to_owned(), id.to_owned());
        if let Some(before) = before.filter(|before| label == CURRENT && before != id) {
            self.labels.insert(PREVIOUS.to_owned(), before);
        }
    }

    /// Takes a label off the version that has it.
    pub(super) fn detach(&mut self, label: &str) {
        self.labels.remove(label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(value: &str) -> Version {
        Version { value: SecretValue::Text(value.to_owned()), created: 0 }
    }

    #[test]
    fn the_previous_label_follows_the_current_one() {
        let mut versions = Versions::default();
        for id in ["one", "two", "three"] {
            versions.add(id, version(id), &[CURRENT]).unwrap();
        }
        assert_eq!((versions.labelled(CURRENT), versions.labelled(PREVIOUS)), (Some("three"), Some("two")));
        assert_eq!(versions.by_labels(), BTreeMap::from([("three", vec![CURRENT]), ("two", vec![PREVIOUS])]));
    }

    #[test]
    fn the_first_version_is_current_whatever_its_labels() {
        let mut versions = Versions::default();
        versions.add("one", version("1"), &["AWSPENDING"]).unwrap();
        assert_eq!(versions.labels_of("one"), [CURRENT, "AWSPENDING"]);
        versions.add("two", version("2"), &["AWSPENDING"]).unwrap();
        assert_eq!((versions.labels_of("one"), versions.labels_of("two")), (vec![CURRENT], vec!["AWSPENDING"]));
    }

    #[test]
    fn a_version_can_be_added_again_but_not_changed() {
        let mut versions = Versions::default();
        versions.add("one", version("1"), &[CURRENT]).unwrap();
        versions.add("two", version("2"), &[CURRENT]).unwrap();
        assert_eq!(versions.add("one", version("1"), &[CURRENT]), Ok(()));
        assert_eq!(versions.labelled(CURRENT), Some("two"));
        assert_eq!(versions.add("one", version("other"), &[CURRENT]), Err(VersionExists));
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", version("hunter2").value), "SecretValue(***)");
    }
}
