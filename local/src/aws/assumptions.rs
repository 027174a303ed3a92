//! What is assumed of AWS where it does not say what it does, or does it now and then. By default that is what it was
//! seen to do, or what is kind; an application must stand the rest as well.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::plumbing::sync::lock;

/// Each of them; the default is the kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Assumptions {
    /// What `DisconnectParticipant` does about a participant that has not joined yet.
    pub(crate) early_disconnect: EarlyDisconnect,
    /// Global secondary indexes of DynamoDB show what there was a second ago.
    pub(crate) late_indexes: bool,
    /// Lists of IVS and IVS Real-Time show what there was two seconds ago.
    pub(crate) late_listings: bool,
    /// Tasks are `ACTIVATING`, `DEACTIVATING` and `STOPPING` as well, each for a step of the clock.
    pub(crate) long_task_life: bool,
    /// Who asks for the old item when a condition fails needs `dynamodb:GetItem` on its table.
    pub(crate) old_item_needs_read: bool,
}

/// What becomes of a participant that is disconnected before it has joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EarlyDisconnect {
    /// Its token cannot be used any more.
    #[default]
    Bars,
    /// `ResourceNotFoundException`, and the token joins afterwards.
    NotFound,
}

impl Assumptions {
    /// All that is unkind.
    pub(crate) const UNKIND: Self = Self {
        early_disconnect: EarlyDisconnect::NotFound,
        late_indexes: true,
        late_listings: true,
        long_task_life: true,
        old_item_needs_read: true,
    };
}

/// What is assumed now, for all who ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assumed {
    /// What is assumed after a reset.
    first: Assumptions,
    now: Arc<Mutex<Assumptions>>,
}

impl Assumed {
    pub(crate) fn new(first: Assumptions) -> Self {
        Self { first, now: Arc::new(Mutex::new(first)) }
    }

    pub(crate) fn now(&self) -> Assumptions {
        *lock(&self.now)
    }

    /// Assumes what is given, such as `{"lateListings": true}`; what is left out stays.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn set(&self, given: Map<String, Value>) -> Result<(), String> {
        let mut now = lock(&self.now);
        let mut next = json!(*now);
        for (name, value) in given {
            next[name] = value;
        }
        *now = serde_json::from_value(next).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Assumes what was assumed first.
    pub(crate) fn reset(&self) {
        *lock(&self.now) = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_and_a_reset_goes_back() {
        let assumed = Assumed::new(Assumptions { old_item_needs_read: true, ..Assumptions::default() });
        let set = |given: Value| assumed.set(given.as_object().cloned().unwrap_or_default());
        set(json!({"lateListings": true})).unwrap();
        let expected = Assumptions { late_listings: true, old_item_needs_read: true, ..Assumptions::default() };
        assert_eq!(assumed.now(), expected);
        for given in [json!({"lateListing": true}), json!({"lateListings": 1}), json!({"earlyDisconnect": true})] {
            set(given).unwrap_err();
            assert_eq!(assumed.now(), expected);
        }
        assumed.reset();
        assert_eq!(assumed.now(), Assumptions { late_listings: false, ..expected });
    }
}
