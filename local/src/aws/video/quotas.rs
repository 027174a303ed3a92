//! Rates and resource quotas, all of them adjustable here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::operation::{Limits, Model};
use crate::plumbing::token_bucket::TokenBucket;

/// The quotas of a service, and how much of each rate is used up.
#[derive(Clone)]
pub(crate) struct Quotas<M: Model> {
    pub(crate) limits: M::Limits,
    rates: BTreeMap<&'static str, TokenBucket>,
}

impl<M: Model> Default for Quotas<M> {
    fn default() -> Self {
        let rates = M::operations().iter().map(|operation| (operation.name, bucket(operation.rate)));
        Self { limits: M::Limits::default(), rates: rates.collect() }
    }
}

impl<M: Model> Quotas<M> {
    /// Counts one call, unless the operation has been called too often of late.
    pub(super) fn admit(&mut self, operation: &str, now: OffsetDateTime) -> bool {
        self.rates.get_mut(operation).is_none_or(|bucket| bucket.take(now))
    }

    /// Calls per second of the operation.
    pub(super) fn rate(&self, operation: &str) -> f64 {
        self.rates.get(operation).map_or(0.0, TokenBucket::rate)
    }

    /// Calls per second by operation, and the resource quotas.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let rates = self.rates.iter().map(|(name, bucket)| ((*name).to_owned(), json!(bucket.rate())));
        let mut limits = self.limits;
        let limits = limits.named().into_iter().map(|(name, limit)| (name.to_owned(), json!(limit)));
        rates.chain(limits).collect()
    }

    /// These quotas, but for those that are named. Names that are none of this service's are passed over.
    ///
    /// # Errors
    /// A value that is no quota.
    pub(crate) fn with(&self, overrides: &Map<String, Value>) -> Result<Self, String> {
        let mut quotas = self.clone();
        for (name, limit) in quotas.limits.named() {
            if let Some(value) = overrides.get(name) {
                *limit = count(name, value)?;
            }
        }
        for (operation, kept) in &mut quotas.rates {
            if let Some(value) = overrides.get(*operation) {
                *kept = bucket(rate(operation, value)?);
            }
        }
        Ok(quotas)
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

/// A bucket that holds one second's worth of calls, and at least one call unless the rate is 0.
fn bucket(rate: f64) -> TokenBucket {
    TokenBucket::new(rate, if rate > 0.0 { rate.max(1.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::aws::ivs_realtime::State;

    /// Those of one service; the other's differ in names and numbers alone.
    type Quotas = super::Quotas<State>;

    fn with(quotas: &Quotas, overrides: &Value) -> Result<Quotas, String> {
        quotas.with(overrides.as_object().unwrap())
    }

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
        let mut quotas = with(&Quotas::default(), &json!({"CreateStage": 0})).unwrap();
        assert_eq!(admitted(&mut quotas, 3, NOW), 0);
        let mut quotas = with(&quotas, &json!({"CreateStage": 0.5})).unwrap();
        assert_eq!(admitted(&mut quotas, 3, NOW), 1);
        assert_eq!(admitted(&mut quotas, 3, NOW + Duration::seconds(1)), 0);
        assert_eq!(admitted(&mut quotas, 3, NOW + Duration::seconds(2)), 1);
    }

    #[test]
    fn overrides_replace_what_they_name() {
        let quotas = with(&Quotas::default(), &json!({"CreateStage": 100, "stages": 2, "CreateChannel": 1})).unwrap();
        let json = quotas.to_json();
        assert_eq!((&json["CreateStage"], &json["stages"]), (&json!(100.0), &json!(2)));
        assert_eq!((&json["GetStage"], &json["publicKeys"]), (&json!(5.0), &json!(3)));
        assert!(!json.contains_key("CreateChannel"), "that is another service's");
        assert_eq!(quotas.with(&json).unwrap().to_json(), json);
    }

    #[test]
    fn what_is_no_quota_is_refused() {
        for (overrides, reason) in [
            (json!({"CreateStage": 1, "stages": -1}), "stages is a count"),
            (json!({"stages": 1.5}), "stages is a count"),
            (json!({"CreateStage": "5"}), "CreateStage is a rate"),
            (json!({"CreateStage": -5}), "CreateStage is a rate"),
        ] {
            let error = with(&Quotas::default(), &overrides).err().unwrap();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
