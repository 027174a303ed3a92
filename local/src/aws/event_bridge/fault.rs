//! Event faults: what may happen on the way to the rules. EventBridge delivers at least once and in no order, and some
//! services of AWS send their events on a best-effort basis.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pattern::Pattern;
use crate::plumbing::fault_fields::{self, Needs};
use crate::plumbing::sync::lock;

/// The most copies of one event, and the most events that are held at a time.
const MOST: usize = 1_000;

/// What happens to an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
enum EventFault {
    /// No rule sees it.
    Lose {},
    /// Every rule sees it `copies` times, at once.
    Duplicate {
        #[serde(default = "two")]
        copies: usize,
    },
    /// The rules see it later.
    Delay { ms: u64 },
    /// It is held until `among` events have come, which are delivered one after the other, the last first.
    Reorder {
        #[serde(default = "two")]
        among: usize,
    },
}

/// What each kind of fault needs.
const KINDS: [Needs; 4] =
    [("lose", &[]), ("duplicate", &[]), ("delay", &[("ms", "a number, such as 100")]), ("reorder", &[])];

fn two() -> usize {
    2
}

fn once() -> Option<u64> {
    Some(1)
}

/// A fault and the events that it is for, as `PUT /_local/events/faults` takes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    /// An event pattern; every event if left out.
    #[serde(default)]
    pattern: Option<Value>,
    /// How many events it strikes, or for `reorder` how many times it reorders; `null` until it is deleted.
    #[serde(default = "once")]
    times: Option<u64>,
    fault: EventFault,
}

struct Active {
    order: Order,
    pattern: Option<Pattern>,
    /// How often it has struck.
    fired: u64,
    held: Vec<Value>,
}

/// How an event goes on.
#[derive(Debug, PartialEq)]
pub(super) enum Disposition {
    /// So many times.
    Now(usize),
    Late(Duration),
    Lost,
    /// For now; it comes with a later event or a flush.
    Held,
    /// These, one after the other.
    InTurn(Vec<Value>),
}

impl Disposition {
    /// The fault that struck, for the log.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Now(1) => None,
            Self::Now(_) => Some("duplicate"),
            Self::Late(_) => Some("delay"),
            Self::Lost => Some("lose"),
            Self::Held | Self::InTurn(_) => Some("reorder"),
        }
    }
}

/// The faults in force, numbered from 1.
#[derive(Default)]
pub(super) struct EventFaults(Mutex<BTreeMap<u64, Active>>);

impl EventFaults {
    /// Puts a fault in force and answers it with its id.
    ///
    /// # Errors
    /// What is wrong with the order.
    pub(super) fn put(&self, order: &[u8]) -> Result<Value, String> {
        if let Some(what) = fault_fields::lacks(order, &KINDS) {
            return Err(what);
        }
        let order: Order = serde_json::from_slice(order)
            .map_err(|error| format!(r#"the body must be {{"pattern"?, "times"?, "fault": {{...}}}}: {error}"#))?;
        let pattern = order.pattern.as_ref().map(Pattern::parse).transpose()?;
        let count = match order.fault {
            EventFault::Duplicate { copies } => Some(("copies", copies)),
            EventFault::Reorder { among } => Some(("among", among)),
            EventFault::Lose {} | EventFault::Delay { .. } => None,
        };
        if let Some((name, count)) = count
            && !(2..=MOST).contains(&count)
        {
            return Err(format!("`{name}` must be within 2..{MOST}"));
        }
        let mut faults = lock(&self.0);
        let id = faults.last_key_value().map_or(1, |(last, _)| last + 1);
        let active = Active { order, pattern, fired: 0, held: Vec::new() };
        let json = active.to_json(id);
        faults.insert(id, active);
        Ok(json)
    }

    pub(super) fn list(&self) -> Value {
        let faults = lock(&self.0);
        json!({"faults": faults.iter().map(|(id, active)| active.to_json(*id)).collect::<Vec<_>>()})
    }

    /// How the event goes on: as the oldest fault says that matches it and is not used up.
    pub(super) fn on_event(&self, event: &Value) -> Disposition {
        let mut faults = lock(&self.0);
        let strikes = |active: &&mut Active| {
            active.order.times.is_none_or(|times| active.fired < times)
                && active.pattern.as_ref().is_none_or(|pattern| pattern.matches(event))
        };
        let Some(active) = faults.values_mut().find(strikes) else { return Disposition::Now(1) };
        if let EventFault::Reorder { among } = active.order.fault {
            active.held.push(event.clone());
            if active.held.len() < among {
                return Disposition::Held;
            }
            active.fired += 1;
            return Disposition::InTurn(active.release());
        }
        active.fired += 1;
        match active.order.fault {
            EventFault::Lose {} => Disposition::Lost,
            EventFault::Duplicate { copies } => Disposition::Now(copies),
            EventFault::Delay { ms } => Disposition::Late(Duration::from_millis(ms)),
            EventFault::Reorder { .. } => Disposition::Held,
        }
    }

    /// Lets go of what is held, without waiting for more; the faults stay in force.
    pub(super) fn flush(&self) -> Vec<Value> {
        lock(&self.0).values_mut().filter(|active| !active.held.is_empty()).flat_map(Active::flush).collect()
    }

    /// Takes every fault back, and answers what was held.
    pub(super) fn clear(&self) -> Vec<Value> {
        mem::take(&mut *lock(&self.0)).values_mut().flat_map(Active::release).collect()
    }
}

impl Active {
    fn to_json(&self, id: u64) -> Value {
        let mut json = json!(self.order);
        json["id"] = id.into();
        json["fired"] = self.fired.into();
        if matches!(self.order.fault, EventFault::Reorder { .. }) {
            json["held"] = self.held.len().into();
        }
        json
    }

    /// Ends the group that is held.
    fn flush(&mut self) -> Vec<Value> {
        self.fired += 1;
        self.release()
    }

    fn release(&mut self) -> Vec<Value> {
        let mut held = mem::take(&mut self.held);
        held.reverse();
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(orders: &[Value]) -> EventFaults {
        let faults = EventFaults::default();
        for order in orders {
            faults.put(order.to_string().as_bytes()).unwrap();
        }
        faults
    }

    fn event(number: u8) -> Value {
        json!({"source": "test", "number": number})
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_says_and_only_what_matches() {
        let faults = faults(&[json!({"pattern": {"source": ["test"]}, "times": 2, "fault": {"kind": "lose"}})]);
        assert_eq!(faults.on_event(&json!({"source": "other"})), Disposition::Now(1));
        for expected in [Disposition::Lost, Disposition::Lost, Disposition::Now(1)] {
            assert_eq!(faults.on_event(&event(1)), expected);
        }
        assert_eq!(faults.list()["faults"][0]["fired"], 2);
    }

    #[test]
    fn the_oldest_fault_comes_first_and_a_used_up_one_makes_room() {
        let faults = faults(&[
            json!({"fault": {"kind": "duplicate", "copies": 3}}),
            json!({"times": null, "fault": {"kind": "delay", "ms": 500}}),
        ]);
        assert_eq!(faults.on_event(&event(1)), Disposition::Now(3));
        for _ in 0..2 {
            assert_eq!(faults.on_event(&event(2)), Disposition::Late(Duration::from_millis(500)));
        }
    }

    #[test]
    fn reordered_events_come_in_reverse_once_enough_have_come() {
        let faults = faults(&[json!({"fault": {"kind": "reorder", "among": 3}})]);
        assert_eq!(faults.on_event(&event(1)), Disposition::Held);
        assert_eq!(faults.on_event(&event(2)), Disposition::Held);
        assert_eq!(faults.list()["faults"][0]["held"], 2);
        assert_eq!(faults.on_event(&event(3)), Disposition::InTurn(vec![event(3), event(2), event(1)]));
        assert_eq!(faults.on_event(&event(4)), Disposition::Now(1));
    }

    #[test]
    fn a_flush_does_not_wait_for_the_rest() {
        let faults = faults(&[json!({"fault": {"kind": "reorder", "among": 3}})]);
        assert_eq!(faults.flush(), [Value::Null; 0]);
        faults.on_event(&event(1));
        faults.on_event(&event(2));
        assert_eq!(faults.flush(), [event(2), event(1)]);
        assert_eq!(faults.on_event(&event(3)), Disposition::Now(1), "it has reordered once");
    }

    #[test]
    fn what_is_held_is_not_lost_with_the_fault() {
        let faults = faults(&[json!({"fault": {"kind": "reorder", "among": 3}})]);
        faults.on_event(&event(1));
        assert_eq!(faults.clear(), [event(1)]);
        assert_eq!(faults.list(), json!({"faults": []}));
    }

    #[test]
    fn a_wrong_order_is_refused_with_its_reason() {
        for (order, expected) in [
            (json!({}), r#"the body must be {"pattern"?, "times"?, "fault": {...}}: missing field `fault`"#),
            (json!({"fault": {"kind": "explode"}}), "unknown variant `explode`"),
            (json!({"fault": {"kind": "delay"}}), "a fault of kind `delay` needs `ms`: a number, such as 100"),
            (json!({"fault": {}}), "the fault needs `kind`, one of: lose, duplicate, delay, reorder"),
            (json!({"fault": {"kind": "duplicate", "copies": 1}}), "`copies` must be within 2..1000"),
            (json!({"fault": {"kind": "reorder", "among": 1_001}}), "`among` must be within 2..1000"),
            (json!({"pattern": {"a": 1}, "fault": {"kind": "lose"}}), "a must be a mapping or a list of values"),
        ] {
            let error = EventFaults::default().put(order.to_string().as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
