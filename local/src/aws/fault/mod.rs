//! Faults on demand: what goes wrong with AWS in life, at a chosen call.

mod event_invoke;
mod kind;
mod order;

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) use self::event_invoke::{EventInvoke, InvokeError};
pub(crate) use self::kind::{Fault, When};
use self::order::Order;
use crate::aws::service::call::ServiceName;
use crate::plumbing::sync::lock;

struct Active {
    order: Order,
    /// Matching calls so far.
    seen: u64,
    /// Calls struck so far.
    fired: u64,
}

impl Active {
    fn to_json(&self, id: u64) -> Value {
        let mut json = json!(self.order);
        json["id"] = id.into();
        json["fired"] = self.fired.into();
        json
    }

    /// Counts a matching call, and says whether it is struck.
    fn strikes(&mut self) -> bool {
        self.seen += 1;
        let first = self.order.nth;
        let struck = self.seen >= first && self.order.times.is_none_or(|times| self.seen - first < times);
        self.fired += u64::from(struck);
        struck
    }
}

/// The faults in force, numbered from 1.
pub(crate) struct Faults {
    /// Logical ids of the functions that a fault may be for.
    functions: Vec<String>,
    active: Mutex<BTreeMap<u64, Active>>,
    /// Changes when all faults are taken back.
    cleared: watch::Sender<()>,
}

impl Faults {
    pub(crate) fn new(functions: Vec<String>) -> Self {
        Self { functions, active: Mutex::default(), cleared: watch::Sender::new(()) }
    }

    /// Puts a fault in force and answers it with its id.
    ///
    /// # Errors
    /// What is wrong with the order.
    pub(crate) fn put(&self, order: &[u8]) -> Result<Value, String> {
        let order = Order::read(order, &self.functions)?;
        let mut faults = lock(&self.active);
        let id = faults.last_key_value().map_or(1, |(last, _)| last + 1);
        let active = Active { order, seen: 0, fired: 0 };
        let json = active.to_json(id);
        faults.insert(id, active);
        Ok(json)
    }

    pub(crate) fn list(&self) -> Value {
        let faults = lock(&self.active);
        json!({"faults": faults.iter().map(|(id, active)| active.to_json(*id)).collect::<Vec<_>>()})
    }

    /// Takes one fault back; `false` if there is none of that id.
    pub(crate) fn delete(&self, id: u64) -> bool {
        lock(&self.active).remove(&id).is_some()
    }

    /// Takes all faults back. What they hold up goes on.
    pub(crate) fn clear(&self) {
        lock(&self.active).clear();
        self.cleared.send_replace(());
    }

    /// Changes when all faults are taken back from now on.
    pub(crate) fn cleared(&self) -> watch::Receiver<()> {
        self.cleared.subscribe()
    }

    /// Counts a call for the faults that it matches, from the oldest to the one that strikes it, which is returned.
    /// `can_be_killed`: the caller is a process of the local cloud's.
    pub(crate) fn on_call(
        &self,
        service: ServiceName,
        operation: &str,
        function: Option<&str>,
        can_be_killed: bool,
    ) -> Option<Fault> {
        let mut faults = lock(&self.active);
        let mut struck = None;
        for active in faults.values_mut() {
            let order = &active.order;
            // One fault strikes a call; the others wait for theirs.
            let matches = struck.is_none()
                && order.service == service.as_str()
                && order.operation == operation
                && order.function.as_deref().is_none_or(|wanted| function == Some(wanted))
                && (can_be_killed || !matches!(order.fault, Fault::Kill { .. }));
            if matches && active.strikes() {
                struck = Some(active.order.fault.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::order::tests::order;
    use super::*;

    fn faults() -> Faults {
        Faults::new(vec!["F".to_owned(), "G".to_owned()])
    }

    fn put(faults: &Faults, order: Value) -> Result<Value, String> {
        faults.put(order.to_string().as_bytes())
    }

    fn struck(faults: &Faults, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| faults.on_call(ServiceName::Ivs, "CreateStage", Some("F"), true).is_some()).collect()
    }

    #[test]
    fn a_fault_strikes_once_unless_it_says_otherwise() {
        for (changes, expected) in [
            (json!({}), [true, false, false, false]),
            (json!({"nth": 2}), [false, true, false, false]),
            (json!({"nth": 2, "times": 2}), [false, true, true, false]),
            (json!({"times": null}), [true, true, true, true]),
        ] {
            let faults = faults();
            put(&faults, order(changes.clone())).unwrap();
            assert_eq!(struck(&faults, 4), expected, "{changes}");
        }
    }

    #[test]
    fn only_matching_calls_count() {
        let faults = faults();
        put(&faults, order(json!({"function": "F"}))).unwrap();
        assert_eq!(faults.on_call(ServiceName::Ivs, "CreateStage", Some("G"), true), None);
        assert_eq!(faults.on_call(ServiceName::Ivs, "CreateStage", None, false), None);
        assert_eq!(faults.on_call(ServiceName::Ivs, "DeleteStage", Some("F"), true), None);
        assert_eq!(faults.on_call(ServiceName::DynamoDb, "CreateStage", Some("F"), true), None);
        assert_eq!(faults.on_call(ServiceName::Ivs, "CreateStage", Some("F"), true), Some(Fault::Throttle {}));
    }

    #[test]
    fn a_kill_waits_for_a_function_to_call() {
        let faults = faults();
        put(&faults, order(json!({"fault": {"kind": "kill", "when": "before"}}))).unwrap();
        assert_eq!(faults.on_call(ServiceName::Ivs, "CreateStage", None, false), None);
        assert_eq!(struck(&faults, 1), [true]);
    }

    #[test]
    fn the_list_says_how_often_each_fired_and_a_deleted_one_is_gone() {
        let faults = faults();
        let id = put(&faults, order(json!({"times": null}))).unwrap()["id"].as_u64().unwrap();
        struck(&faults, 3);
        assert_eq!(faults.list()["faults"][0]["fired"], 3);
        assert!(faults.delete(id) && !faults.delete(id));
        assert_eq!(struck(&faults, 1), [false]);
    }

    #[test]
    fn each_service_throttles_in_its_own_words() {
        for (service, status, code) in [
            (ServiceName::DynamoDb, 400, "ProvisionedThroughputExceededException"),
            (ServiceName::Ivs, 429, "ThrottlingException"),
            (ServiceName::SecretsManager, 400, "ThrottlingException"),
            (ServiceName::Lambda, 429, "TooManyRequestsException"),
            (ServiceName::Sqs, 400, "RequestThrottled"),
            (ServiceName::Ecs, 400, "ThrottlingException"),
            (ServiceName::Ec2, 503, "RequestLimitExceeded"),
        ] {
            let reply = Fault::Throttle {}.reply(service).unwrap();
            assert_eq!((reply.answer.status().as_u16(), reply.error_code.as_deref()), (status, Some(code)));
        }
    }
}
