//! The faults of an `Invoke` that nobody's code makes: EventBridge and Scheduler hand an event to Lambda.

use std::time::Duration;

use super::Faults;
use super::kind::{Fault, When};
use crate::aws::service::call::ServiceName;

/// What goes wrong while an event is handed to Lambda, and what the one who hands it over makes of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventInvoke {
    Accepted,
    /// Lambda accepts the event after this time.
    Late(Duration),
    /// Lambda accepts the event, and its answer is lost: the event is handed over again.
    AnswerLost,
    /// Lambda does not accept the event.
    Refused(InvokeError),
}

/// Why Lambda did not accept an event, as a message in a dead-letter queue says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvokeError {
    /// `ERROR_CODE`, one of those that the user guide lists.
    pub(crate) code: &'static str,
    /// `ERROR_MESSAGE`.
    pub(crate) message: String,
    /// EventBridge tries again after 5xx and 429, and after no answer; never after another 4xx.
    pub(crate) retryable: bool,
}

impl Faults {
    /// Counts the handover of one event as an `Invoke` without a function as its caller.
    pub(crate) fn on_event_invoke(&self) -> EventInvoke {
        match self.on_call(ServiceName::Lambda, "Invoke", None, false) {
            // An outside caller has no instance to kill.
            None | Some(Fault::Kill { .. }) => EventInvoke::Accepted,
            Some(Fault::Latency { ms, .. }) => EventInvoke::Late(Duration::from_millis(ms)),
            Some(Fault::Drop { when: When::After }) => EventInvoke::AnswerLost,
            Some(Fault::Drop { when: When::Before }) => EventInvoke::Refused(InvokeError {
                code: "CONNECTION_FAILURE",
                message: "the connection to Lambda was closed".to_owned(),
                retryable: true,
            }),
            Some(Fault::Throttle {}) => {
                EventInvoke::Refused(InvokeError::of(429, "TooManyRequestsException", "Rate exceeded"))
            }
            Some(Fault::Error { status, code, message }) => {
                EventInvoke::Refused(InvokeError::of(status, &code, &message))
            }
        }
    }
}

impl InvokeError {
    fn of(status: u16, code: &str, message: &str) -> Self {
        let listed = match (status, code) {
            (429, _) => "THROTTLING",
            (_, "AccessDeniedException") => "NO_PERMISSIONS",
            (_, "ResourceNotFoundException") => "NO_RESOURCE",
            (400..=499, _) => "SDK_CLIENT_ERROR",
            _ => "ERROR_FROM_TARGET",
        };
        let message = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
        Self { code: listed, message, retryable: status == 429 || status >= 500 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn struck_by(fault: Value) -> EventInvoke {
        let faults = Faults::new(vec!["F".to_owned()]);
        faults.put(json!({"service": "lambda", "operation": "Invoke", "fault": fault}).to_string().as_bytes()).unwrap();
        faults.on_event_invoke()
    }

    fn refused(code: &'static str, message: &str, retryable: bool) -> EventInvoke {
        EventInvoke::Refused(InvokeError { code, message: message.to_owned(), retryable })
    }

    #[test]
    fn a_fault_of_invoke_says_how_the_handover_ends() {
        let error = |status: u16, code: &str| json!({"kind": "error", "status": status, "code": code, "message": "no"});
        for (fault, expected) in [
            (json!({"kind": "latency", "ms": 5}), EventInvoke::Late(Duration::from_millis(5))),
            (json!({"kind": "drop", "when": "after"}), EventInvoke::AnswerLost),
            (
                json!({"kind": "drop", "when": "before"}),
                refused("CONNECTION_FAILURE", "the connection to Lambda was closed", true),
            ),
            (json!({"kind": "throttle"}), refused("THROTTLING", "TooManyRequestsException: Rate exceeded", true)),
            (error(503, "ServiceException"), refused("ERROR_FROM_TARGET", "ServiceException: no", true)),
            (error(403, "AccessDeniedException"), refused("NO_PERMISSIONS", "AccessDeniedException: no", false)),
            (error(404, "ResourceNotFoundException"), refused("NO_RESOURCE", "ResourceNotFoundException: no", false)),
        ] {
            assert_eq!(struck_by(fault.clone()), expected, "{fault}");
        }
    }

    #[test]
    fn a_fault_for_one_function_does_not_concern_the_handover() {
        let faults = Faults::new(vec!["F".to_owned()]);
        let order = json!({"service": "lambda", "operation": "Invoke", "function": "F", "fault": {"kind": "throttle"}});
        faults.put(order.to_string().as_bytes()).unwrap();
        assert_eq!(faults.on_event_invoke(), EventInvoke::Accepted);
    }
}
