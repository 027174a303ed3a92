//! The order of a fault: what goes wrong, and at which calls, as `PUT /_local/faults` takes it.

use serde::{Deserialize, Serialize};

use super::kind::Fault;
use crate::aws::endpoint::known;
use crate::aws::service::call::ServiceName;
use crate::plumbing::fault_fields::{self, Needs};

/// A fault and the calls that it is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Order {
    pub(super) service: String,
    pub(super) operation: String,
    /// Logical id of the calling function; every caller if left out.
    #[serde(default)]
    pub(super) function: Option<String>,
    /// The first matching call that it strikes, counted from now.
    #[serde(default = "one")]
    pub(super) nth: u64,
    /// How many calls it strikes from there on; `null` until it is deleted.
    #[serde(default = "once")]
    pub(super) times: Option<u64>,
    pub(super) fault: Fault,
}

const WHEN: (&str, &str) = ("when", r#""before" or "after""#);

/// What each kind of fault needs.
const KINDS: [Needs; 5] = [
    ("throttle", &[]),
    ("error", &[("status", "a number, such as 500"), ("code", r#"text, such as "ThrottlingException""#)]),
    ("latency", &[("ms", "a number, such as 100")]),
    ("drop", &[WHEN]),
    ("kill", &[WHEN]),
];

fn one() -> u64 {
    1
}

fn once() -> Option<u64> {
    Some(1)
}

impl Order {
    /// Reads an order.
    ///
    /// # Errors
    /// What is wrong with it. An order that could never strike is wrong, too.
    pub(super) fn read(body: &[u8], functions: &[String]) -> Result<Self, String> {
        let malformed =
            |what: &str| format!(r#"the body must be {{"service", "operation", "fault": {{...}}}}: {what}"#);
        if body.trim_ascii().is_empty() {
            return Err(malformed("it is empty"));
        }
        if let Some(what) = fault_fields::lacks(body, &KINDS) {
            return Err(what);
        }
        let order: Self = serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))?;
        let Some(service) = ServiceName::parse(&order.service) else {
            return Err(format!("unknown service `{}`; there are: {}", order.service, ServiceName::names()));
        };
        let operations = known::operations(service);
        if !operations.contains(&order.operation.as_str()) {
            let (operation, service, known) = (&order.operation, &order.service, operations.join(", "));
            return Err(format!("unknown operation `{operation}` of {service}; there are: {known}"));
        }
        if let Some(function) = order.function.as_ref().filter(|function| !functions.contains(function)) {
            return Err(format!("unknown function `{function}`; the template has: {}", functions.join(", ")));
        }
        if order.nth == 0 {
            return Err("`nth` counts from 1".to_owned());
        }
        if let Fault::Error { status, code, .. } = &order.fault {
            if !(400..=599).contains(status) {
                return Err(format!("`status` {status} is no error status"));
            }
            if code.is_empty() {
                let what = "`code` is empty: name the error as the service does, such as ThrottlingException";
                return Err(what.to_owned());
            }
        }
        Ok(order)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &str) -> Result<Order, String> {
        Order::read(body.as_bytes(), &["F".to_owned(), "G".to_owned()])
    }

    /// An order that is right, with these changes.
    pub(in crate::aws::fault) fn order(changes: Value) -> Value {
        let mut order = json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "throttle"}});
        for (key, value) in changes.as_object().unwrap() {
            order[key] = value.clone();
        }
        order
    }

    #[test]
    fn a_wrong_order_is_refused_with_its_reason() {
        for (changes, expected) in [
            (
                json!({"service": "s3"}),
                "unknown service `s3`; there are: dynamodb, ivs, ivschat, secretsmanager, sqs, ecs, ec2, lambda, events, ",
            ),
            (json!({"operation": "CreateStag"}), "unknown operation `CreateStag` of ivs; there are: BatchGetChannel, "),
            (json!({"function": "H"}), "unknown function `H`; the template has: F, G"),
            (json!({"nth": 0}), "`nth` counts from 1"),
            (json!({"often": 1}), "unknown field `often`"),
            (json!({"fault": {"kind": "explode"}}), "unknown variant `explode`"),
            (json!({"fault": {"kind": "latency", "ms": 1, "s": 1}}), "unknown field `s`"),
            (json!({"fault": {"kind": "error"}}), r#"a fault of kind `error` needs `status`: a number, such as 500"#),
            (json!({"fault": {"kind": "error", "status": "500"}}), r#"needs `status`: a number, such as 500"#),
            (
                json!({"fault": {"kind": "error", "status": 500}}),
                r#"needs `code`: text, such as "ThrottlingException""#,
            ),
            (json!({"fault": {"kind": "latency"}}), "a fault of kind `latency` needs `ms`: a number, such as 100"),
            (json!({"fault": {"kind": "drop"}}), r#"a fault of kind `drop` needs `when`: "before" or "after""#),
            (json!({"fault": {"kind": "kill"}}), r#"a fault of kind `kill` needs `when`: "before" or "after""#),
            (
                json!({"fault": {"kind": "kill", "when": "later"}}),
                "unknown variant `later`, expected `before` or `after`",
            ),
            (json!({"fault": {}}), "the fault needs `kind`, one of: throttle, error, latency, drop, kill"),
            (json!({"fault": {"kind": "error", "status": 200, "code": "X"}}), "`status` 200 is no error status"),
            (json!({"fault": {"kind": "error", "status": 400, "code": ""}}), "`code` is empty: name the error"),
        ] {
            let error = read(&order(changes).to_string()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_body_that_is_no_order_is_refused_with_the_form_of_one() {
        let form = r#"the body must be {"service", "operation", "fault": {...}}: "#;
        for (body, what) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("{", "EOF while parsing"),
            ("[]", "invalid length 0"),
            ("{}", "missing field `service`"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.strip_prefix(form).is_some_and(|rest| rest.starts_with(what)), "{error}");
        }
    }
}
