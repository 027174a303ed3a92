//! What moves the tasks from state to state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds of a step unless it is said otherwise: a new task runs after a second and a half.
const DEFAULT_STEP: u64 = 500;
/// The longest step, in milliseconds: a day.
const MAX_STEP: u64 = 24 * 60 * 60 * 1_000;

/// How time passes for the tasks. AWS takes half a minute or so to start one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Clock {
    /// By ticks from the side door alone.
    Manual {},
    /// Every task goes one step further at a time.
    Automatic {
        #[serde(default = "default_step")]
        step_ms: u64,
    },
}

fn default_step() -> u64 {
    DEFAULT_STEP
}

impl Default for Clock {
    fn default() -> Self {
        Self::Automatic { step_ms: DEFAULT_STEP }
    }
}

impl Clock {
    /// Reads `{"mode": "manual"}` or `{"mode": "automatic", "stepMs"?}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let clock = serde_json::from_slice(body).map_err(|error| {
            format!(r#"the body must be {{"mode": "manual"}} or {{"mode": "automatic", "stepMs": 500}}: {error}"#)
        })?;
        match clock {
            Self::Automatic { step_ms } if !(1..=MAX_STEP).contains(&step_ms) => {
                Err(format!("`stepMs` is 1 to {MAX_STEP} milliseconds"))
            }
            clock => Ok(clock),
        }
    }

    /// The time between two steps; none if the clock does not run by itself.
    pub(crate) fn step(self) -> Option<Duration> {
        match self {
            Self::Manual {} => None,
            Self::Automatic { step_ms } => Some(Duration::from_millis(step_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_manual_or_automatic() {
        for (body, expected) in [
            (r#"{"mode":"manual"}"#, Clock::Manual {}),
            (r#"{"mode":"automatic"}"#, Clock::default()),
            (r#"{"mode":"automatic","stepMs":5}"#, Clock::Automatic { step_ms: 5 }),
        ] {
            assert_eq!(Clock::read(body.as_bytes()), Ok(expected));
        }
        for (body, what) in [
            ("", "the body must be"),
            (r#"{"mode":"slow"}"#, "the body must be"),
            (r#"{"mode":"manual","stepMs":5}"#, "the body must be"),
            (r#"{"mode":"automatic","stepMs":0}"#, "`stepMs` is 1 to"),
        ] {
            let said = Clock::read(body.as_bytes()).unwrap_err();
            assert!(said.starts_with(what), "{said}");
        }
    }
}
