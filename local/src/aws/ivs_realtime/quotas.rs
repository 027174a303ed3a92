//! Rates and resource quotas, all of them adjustable here.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::operation::OPERATIONS;

/// How many of a resource an account may have in the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ResourceQuotas {
    pub(super) stages: usize,
    pub(super) public_keys: usize,
}

/// The quotas, and how much of each rate is used up.
pub(super) struct Quotas {
    pub(super) resources: ResourceQuotas,
    rates: BTreeMap<&'static str, TokenBucket>,
}

impl Default for Quotas {
    fn default() -> Self {
        let rates = OPERATIONS.iter().map(|operation| (operation.name, TokenBucket::new(operation.rate)));
        Self { resources: ResourceQuotas { stages: 1_000, public_keys: 3 }, rates: rates.collect() }
    }
}

impl Quotas {
    /// Counts one call, unless the operation has been called too often of late.
    pub(super) fn admit(&mut self, operation: &str, now: OffsetDateTime) -> bool {
        self.rates.get_mut(operation).is_none_or(|bucket| bucket.take(now))
    }

    /// Calls per second by operation, and the resource quotas.
    pub(super) fn to_json(&self) -> Value {
        let mut quotas: Value = self.rates.iter().map(|(name, bucket)| (*name, bucket.per_second)).collect();
        quotas["stages"] = json!(self.resources.stages);
        quotas["publicKeys"] = json!(self.resources.public_keys);
        quotas
    }

    /// Replaces the quotas that are named; the others stay.
    ///
    /// # Errors
    /// An unknown key or a value that is no quota; nothing has changed then.
    pub(super) fn set(&mut self, overrides: &Value) -> Result<(), String> {
        let overrides =
            overrides.as_object().ok_or("quotas are an object such as {\"CreateStage\": 5, \"stages\": 1000}")?;
        let (mut resources, mut rates) = (self.resources, Vec::new());
        for (name, value) in overrides {
            match name.as_str() {
                "stages" => resources.stages = count(name, value)?,
                "publicKeys" => resources.public_keys = count(name, value)?,
                operation => {
                    let Some((operation, _)) = self.rates.get_key_value(operation) else {
                        return Err(self.unknown(operation));
                    };
                    rates.push((*operation, TokenBucket::new(rate(operation, value)?)));
                }
            }
        }
        self.resources = resources;
        self.rates.extend(rates);
        Ok(())
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<_> = self.rates.keys().copied().chain(["stages", "publicKeys"]).collect();
        format!("unknown quota {name}; known are {}", known.join(", "))
    }
}

fn count(name: &str, value: &Value) -> Result<usize, String> {
    let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
    count.ok_or_else(|| format!("{name} is a count: a whole number, 0 or more"))
}

fn rate(name: &str, value: &Value) -> Result<f64, String> {
    let rate = value.as_f64().filter(|rate| rate.is_finite() && *rate >= 0.0);
    rate.ok_or_else(|| format!("{name} is a rate: calls per second, 0 or more"))
}

/// A token bucket that holds one second's worth of calls, and at least one call unless the rate is 0.
struct TokenBucket {
    per_second: f64,
    calls: f64,
    refilled: Option<OffsetDateTime>,
}

impl TokenBucket {
    fn new(per_second: f64) -> Self {
        let mut bucket = Self { per_second, calls: 0.0, refilled: None };
        bucket.calls = bucket.capacity();
        bucket
    }

    fn capacity(&self) -> f64 {
        if self.per_second > 0.0 { self.per_second.max(1.0) } else { 0.0 }
    }

    fn take(&mut self, now: OffsetDateTime) -> bool {
        // A clock that was set back refills nothing, and counts from where it is now.
        let elapsed = self.refilled.map_or(0.0, |refilled| (now - refilled).as_seconds_f64().max(0.0));
        self.refilled = Some(now);
        self.calls = (self.calls + elapsed * self.per_second).min(self.capacity());
        let admitted = self.calls >= 1.0;
        if admitted {
            self.calls -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn admitted(quotas: &mut Quotas, calls: usize, now: OffsetDateTime) -> usize {
        (0..calls).filter(|_| quotas.admit("CreateStage", now)).count()
    }

    #[test]
    fn one_seconds_worth_of_calls_passes_at_once_and_refills_with_time() {
        let mut quotas = Quotas::default();
        assert_eq!(admitted(&mut quotas, 10, NOW), 5);
        assert_eq!(admitted(&mut quotas, 10, NOW + Duration::milliseconds(400)), 2);
        assert_eq!(admitted(&mut quotas, 10, NOW + Duration::hours(1)), 5);
    }

    #[test]
    fn a_clock_that_is_set_back_neither_refills_nor_blocks() {
        let mut quotas = Quotas::default();
        assert_eq!(admitted(&mut quotas, 10, NOW), 5);
        assert_eq!(admitted(&mut quotas, 10, NOW - Duration::hours(1)), 0);
        assert_eq!(admitted(&mut quotas, 10, NOW - Duration::hours(1) + Duration::seconds(1)), 5);
    }

    #[test]
    fn each_operation_has_a_rate_of_its_own() {
        let mut quotas = Quotas::default();
        admitted(&mut quotas, 10, NOW);
        assert!(quotas.admit("GetStage", NOW));
        assert_eq!((0..60).filter(|_| quotas.admit("CreateParticipantToken", NOW)).count(), 50);
        assert_eq!((0..60).filter(|_| quotas.admit("ImportPublicKey", NOW)).count(), 3);
        assert_eq!((0..60).filter(|_| quotas.admit("TagResource", NOW)).count(), 10);
    }

    #[test]
    fn a_rate_of_zero_admits_nothing_and_a_slow_one_admits_singly() {
        let mut quotas = Quotas::default();
        quotas.set(&json!({"CreateStage": 0})).unwrap();
        assert_eq!(admitted(&mut quotas, 3, NOW), 0);
        quotas.set(&json!({"CreateStage": 0.5})).unwrap();
        assert_eq!(admitted(&mut quotas, 3, NOW), 1);
        assert_eq!(admitted(&mut quotas, 3, NOW + Duration::seconds(1)), 0);
        assert_eq!(admitted(&mut quotas, 3, NOW + Duration::seconds(2)), 1);
    }

    #[test]
    fn overrides_replace_what_they_name() {
        let mut quotas = Quotas::default();
        quotas.set(&json!({"CreateStage": 100, "stages": 2})).unwrap();
        let json = quotas.to_json();
        assert_eq!((&json["CreateStage"], &json["stages"]), (&json!(100.0), &json!(2)));
        assert_eq!((&json["GetStage"], &json["publicKeys"]), (&json!(5.0), &json!(3)));
        quotas.set(&json).unwrap();
        assert_eq!(quotas.to_json(), json);
    }

    #[test]
    fn a_refused_override_changes_nothing() {
        let mut quotas = Quotas::default();
        let before = quotas.to_json();
        for (overrides, reason) in [
            (json!([]), "quotas are an object"),
            (json!({"stages": 5, "createStage": 1}), "unknown quota createStage; known are CreateParticipantToken, "),
            (json!({"CreateStage": 1, "stages": -1}), "stages is a count"),
            (json!({"CreateStage": "5"}), "CreateStage is a rate"),
            (json!({"CreateStage": -5}), "CreateStage is a rate"),
        ] {
            let error = quotas.set(&overrides).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
            assert_eq!(quotas.to_json(), before);
        }
    }
}
