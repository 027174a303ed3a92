//! The two services that sign as `ivs`: IVS and IVS Real-Time. A call is told by its operation, and the tagging of a
//! resource, which both have, by the kind of the resource.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::aws::assumptions::Assumed;
use crate::aws::ivs::Ivs;
use crate::aws::ivs_realtime::IvsRealTime;
use crate::aws::service::{Requirement, Service, ServiceError};

/// The kinds of resource that the model of IVS Real-Time has.
const REAL_TIME_KINDS: [&str; 6] =
    ["stage", "public-key", "composition", "encoder-configuration", "storage-configuration", "ingest-configuration"];

/// Both services in one region.
pub(crate) struct IvsServices {
    pub(crate) low_latency: Arc<Ivs>,
    pub(crate) real_time: IvsRealTime,
}

impl IvsServices {
    /// The services with what their state files remember; where `file` gives none for a name, everything is in memory
    /// and new.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(region: &str, file: impl Fn(&str) -> Option<PathBuf>) -> anyhow::Result<Self> {
        Ok(Self {
            low_latency: Arc::new(Ivs::open(region, file("ivs.json"))?),
            real_time: IvsRealTime::open(region, file("ivs-realtime.json"))?,
        })
    }

    /// What is assumed of both.
    pub(crate) fn assuming(mut self, assumed: &Assumed) -> Self {
        // Nobody else has it yet.
        if let Some(low_latency) = Arc::get_mut(&mut self.low_latency) {
            low_latency.assume(assumed.clone());
        }
        self.real_time.assume(assumed.clone());
        self
    }

    /// Whether either has a resource of this ARN.
    pub(crate) fn exists(&self, arn: &str) -> bool {
        self.low_latency.exists(arn) || self.real_time.exists(arn)
    }

    /// Calls per second by operation, and how many there may be of each resource.
    pub(crate) fn quotas(&self) -> Map<String, Value> {
        let mut quotas = self.low_latency.lock_quotas().to_json();
        quotas.extend(self.real_time.lock_quotas().to_json());
        quotas
    }

    /// Replaces the quotas that are named, in the form of [`quotas`](Self::quotas); the others stay. What has the same
    /// name in both services, such as `TagResource`, is replaced in both.
    ///
    /// # Errors
    /// An unknown quota or a value that is none; nothing has changed then.
    pub(crate) fn set_quotas(&self, overrides: &Value) -> Result<(), String> {
        let overrides =
            overrides.as_object().ok_or("quotas are an object such as {\"CreateStage\": 5, \"stages\": 1000}")?;
        let known = self.quotas();
        if let Some(unknown) = overrides.keys().find(|name| !known.contains_key(*name)) {
            let known: Vec<_> = known.keys().map(String::as_str).collect();
            return Err(format!("unknown quota {unknown}; known are {}", known.join(", ")));
        }
        let (mut low_latency, mut real_time) = (self.low_latency.lock_quotas(), self.real_time.lock_quotas());
        (*low_latency, *real_time) = (low_latency.with(overrides)?, real_time.with(overrides)?);
        Ok(())
    }

    /// The service that the call is for; one that neither has is IVS's to refuse.
    fn of(&self, operation: &str, input: &Value) -> &dyn Service {
        let is_real_time = match (self.low_latency.has(operation), self.real_time.has(operation)) {
            (true, true) => {
                input["resourceArn"].as_str().and_then(kind).is_some_and(|kind| REAL_TIME_KINDS.contains(&kind))
            }
            (_, real_time) => real_time,
        };
        if is_real_time { &self.real_time } else { self.low_latency.as_ref() }
    }
}

impl Service for IvsServices {
    fn requirements(&self, operation: &str, input: &Value) -> Vec<Requirement> {
        self.of(operation, input).requirements(operation, input)
    }

    fn call(&self, operation: &str, input: &Value, now: OffsetDateTime) -> Result<Value, ServiceError> {
        self.of(operation, input).call(operation, input, now)
    }

    fn reset(&self) {
        self.low_latency.reset();
        self.real_time.reset();
    }
}

/// The kind of resource in an ARN.
fn kind(arn: &str) -> Option<&str> {
    arn.split(':').nth(5)?.split('/').next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;
    use crate::aws::assumptions::Assumptions;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn services() -> IvsServices {
        IvsServices::open("eu-central-1", |_| None).unwrap()
    }

    fn call(services: &IvsServices, operation: &str, input: Value) -> Value {
        services.call(operation, &input, NOW).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    #[test]
    fn a_call_goes_to_the_service_that_has_the_operation() {
        let services = services();
        let stage = call(&services, "CreateStage", json!({"name": "a"}))["stage"]["arn"].clone();
        let channel = call(&services, "CreateChannel", json!({"name": "a"}))["channel"]["arn"].clone();
        assert_eq!(call(&services, "GetStage", json!({"arn": stage}))["stage"]["arn"], stage);
        assert_eq!(call(&services, "GetChannel", json!({"arn": channel}))["channel"]["arn"], channel);
    }

    #[test]
    fn tags_go_to_the_service_of_the_resource() {
        let services = services();
        let stage = call(&services, "CreateStage", json!({}))["stage"]["arn"].clone();
        let channel = call(&services, "CreateChannel", json!({}))["channel"].clone();
        for (arn, value) in [(&stage, "stage"), (&channel["arn"], "channel")] {
            call(&services, "TagResource", json!({"resourceArn": arn, "tags": {"is": value}}));
            let requirements = services.requirements("ListTagsForResource", &json!({"resourceArn": arn}));
            assert_eq!(requirements[0].resource_tags["is"], value);
        }
        for (arn, value) in [(&stage, "stage"), (&channel["arn"], "channel")] {
            let tags = call(&services, "ListTagsForResource", json!({"resourceArn": arn}))["tags"].clone();
            assert_eq!(tags, json!({"is": value}));
        }
    }

    #[test]
    fn an_operation_or_a_resource_of_neither_is_refused() {
        let services = services();
        let refusal = |operation, input| services.call(operation, &input, NOW).unwrap_err();
        for operation in ["StartComposition", "InsertAdBreak", "createChannel", ""] {
            assert_eq!(refusal(operation, json!({})).code, "UnknownOperationException", "{operation}");
        }
        for arn in
            ["arn:aws:ivs:eu-central-1:0:ingest-configuration/a", "arn:aws:ivs:eu-central-1:0:ad-configuration/a"]
        {
            assert_eq!(refusal("ListTagsForResource", json!({"resourceArn": arn})).code, "ResourceNotFoundException");
        }
        assert_eq!(refusal("ListTagsForResource", json!({"resourceArn": "demo"})).code, "ValidationException");
        assert_eq!(refusal("ListTagsForResource", json!({})).code, "ValidationException");
    }

    #[test]
    fn quotas_are_those_of_both() {
        let services = services();
        let overrides = json!({"CreateStage": 7, "CreateChannel": 8, "TagResource": 9, "stages": 1, "channels": 2});
        services.set_quotas(&overrides).unwrap();
        let quotas = services.quotas();
        for (name, quota) in overrides.as_object().unwrap() {
            assert_eq!(quotas[name].as_f64(), quota.as_f64(), "{name}");
        }
        assert_eq!((&quotas["publicKeys"], &quotas["playbackKeyPairs"]), (&json!(3), &json!(3)));
        assert_eq!(services.low_latency.lock_quotas().to_json()["TagResource"], 9.0);
        assert_eq!(services.real_time.lock_quotas().to_json()["TagResource"], 9.0);
        services.set_quotas(&Value::Object(quotas.clone())).unwrap();
        assert_eq!(services.quotas(), quotas);
    }

    #[test]
    fn a_late_list_shows_what_there_was_a_moment_ago() {
        let services = services().assuming(&Assumed::new(Assumptions::UNKIND));
        let at = |operation, input: Value, ms| {
            let now = NOW + time::Duration::milliseconds(ms);
            services.call(operation, &input, now).unwrap_or_else(|error| panic!("{operation}: {error:?}"))
        };
        let count = |ms| {
            let stages = at("ListStages", json!({}), ms)["stages"].as_array().unwrap().len();
            (stages, at("ListChannels", json!({}), ms)["channels"].as_array().unwrap().len())
        };
        let stage = at("CreateStage", json!({}), 0)["stage"]["arn"].clone();
        at("CreateChannel", json!({}), 0);
        assert_eq!((count(0), count(1_999), count(2_000)), ((0, 0), (0, 0), (1, 1)));
        // What is named is there at once.
        assert_eq!(at("GetStage", json!({"arn": stage}), 0)["stage"]["arn"], stage);
        at("DeleteStage", json!({"arn": stage}), 2_200);
        assert_eq!((count(4_199).0, count(4_200).0), (1, 0));
        services.reset();
        assert_eq!(count(4_201).1, 0);
    }

    #[test]
    fn a_refused_override_changes_nothing() {
        let services = services();
        let before = services.quotas();
        for (overrides, reason) in [
            (json!([]), "quotas are an object"),
            (json!({"channels": 5, "createStage": 1}), "unknown quota createStage; known are BatchGetChannel, "),
            (json!({"channels": 5, "stages": -1}), "stages is a count"),
            (json!({"stages": 5, "channels": -1}), "channels is a count"),
        ] {
            let error = services.set_quotas(&overrides).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
            assert_eq!(services.quotas(), before);
        }
    }

    #[test]
    fn a_reset_empties_both() {
        let services = services();
        call(&services, "CreateStage", json!({}));
        call(&services, "CreateChannel", json!({}));
        services.set_quotas(&json!({"stages": 1, "channels": 1})).unwrap();
        services.reset();
        assert_eq!(call(&services, "ListStages", json!({}))["stages"], json!([]));
        assert_eq!(call(&services, "ListChannels", json!({}))["channels"], json!([]));
        assert_eq!((&services.quotas()["stages"], &services.quotas()["channels"]), (&json!(1_000), &json!(5_000)));
    }
}
