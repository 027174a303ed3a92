//! Who calls AWS, told from the credentials.
//!
//! Every instance of a function has credentials of its own, as each execution environment of Lambda does, and so has
//! every container of a task that has a role. Any other key is the developer's, who may do everything. Signatures are not
//! checked: whoever reaches the loopback interface is trusted, and the point is to tell callers apart.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::plumbing::ids;
use crate::plumbing::sync::lock;

/// Credentials of one instance, or of one container.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
}

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// One instance of the function with this logical id.
    Function { function: String, instance: String },
    /// A task of ECS.
    Task {
        /// The ARN of its role.
        role: String,
        /// An id.
        task: String,
    },
    /// Anyone outside.
    Developer,
}

impl Caller {
    /// Logical id of the function, if it is one.
    pub(crate) fn function(&self) -> Option<&str> {
        match self {
            Self::Function { function, .. } => Some(function),
            Self::Task { .. } | Self::Developer => None,
        }
    }

    /// As STS names the caller.
    pub(crate) fn arn(&self) -> String {
        use crate::aws::ACCOUNT;
        match self {
            Self::Function { function, instance } => {
                format!("arn:aws:sts::{ACCOUNT}:assumed-role/{function}/{instance}")
            }
            Self::Task { role, task } => {
                let role = role.rsplit('/').next().unwrap_or_default();
                format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{task}")
            }
            Self::Developer => format!("arn:aws:iam::{ACCOUNT}:user/developer"),
        }
    }
}

/// What is wrong with credentials.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// They are not valid, or not any more.
    Invalid,
    /// Their time is over.
    Expired,
}

/// All credentials ever given out.
#[derive(Default)]
pub(crate) struct Callers {
    /// By access key id; `None` once revoked.
    issued: Mutex<HashMap<String, Option<Issued>>>,
}

struct Issued {
    caller: Caller,
    session_token: String,
    /// Milliseconds since 1970; none for as long as nobody revokes them.
    until: Option<i64>,
}

impl Callers {
    /// Makes credentials for a caller, good until then (milliseconds since 1970) or for as long as nobody revokes them.
    pub(crate) fn issue(&self, caller: Caller, until: Option<i64>) -> Credentials {
        let credentials = Credentials {
            access_key_id: format!("ASIA{}", ids::alphanumeric(16).to_ascii_uppercase()),
            secret_access_key: ids::alphanumeric(40),
            session_token: ids::alphanumeric(120),
        };
        let issued = Issued { caller, session_token: credentials.session_token.clone(), until };
        lock(&self.issued).insert(credentials.access_key_id.clone(), Some(issued));
        credentials
    }

    /// Makes credentials invalid; their instance is gone.
    pub(crate) fn revoke(&self, access_key_id: &str) {
        lock(&self.issued).insert(access_key_id.to_owned(), None);
    }

    /// Makes the credentials of callers invalid that are gone.
    pub(crate) fn revoke_all(&self, is_gone: impl Fn(&Caller) -> bool) {
        for issued in lock(&self.issued).values_mut() {
            if issued.as_ref().is_some_and(|issued| is_gone(&issued.caller)) {
                *issued = None;
            }
        }
    }

    /// Who has these credentials at this time (milliseconds since 1970).
    pub(crate) fn identify(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: i64,
    ) -> Result<Caller, TokenError> {
        match lock(&self.issued).get(access_key_id) {
            None => Ok(Caller::Developer),
            Some(Some(issued)) if session_token == Some(issued.session_token.as_str()) => match issued.until {
                Some(until) if until <= now => Err(TokenError::Expired),
                _ => Ok(issued.caller.clone()),
            },
            Some(_) => Err(TokenError::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600_000;

    fn function() -> Caller {
        Caller::Function { function: "F".into(), instance: "i-1".into() }
    }

    fn task(id: &str) -> Caller {
        Caller::Task { role: "arn:aws:iam::000000000000:role/server".into(), task: id.into() }
    }

    #[test]
    fn a_caller_is_told_from_its_key_and_session_token() {
        let callers = Callers::default();
        for caller in [function(), task("t")] {
            let credentials = callers.issue(caller.clone(), None);
            let (key, token) = (credentials.access_key_id.as_str(), credentials.session_token.as_str());
            assert_eq!(callers.identify(key, Some(token), NOW), Ok(caller));
            assert_eq!(callers.identify(key, None, NOW), Err(TokenError::Invalid));
            assert_eq!(callers.identify(key, Some("other"), NOW), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn any_other_key_is_the_developers() {
        assert_eq!(Callers::default().identify("local", None, NOW), Ok(Caller::Developer));
    }

    #[test]
    fn revoked_credentials_do_not_become_the_developers() {
        let callers = Callers::default();
        let [one, of_task, of_another] = [function(), task("t"), task("u")].map(|caller| callers.issue(caller, None));
        callers.revoke(&one.access_key_id);
        callers.revoke_all(|caller| *caller == task("t"));
        let identify = |of: &Credentials| callers.identify(&of.access_key_id, Some(&of.session_token), NOW);
        assert_eq!((identify(&one), identify(&of_task)), (Err(TokenError::Invalid), Err(TokenError::Invalid)));
        assert_eq!(identify(&of_another), Ok(task("u")));
    }

    #[test]
    fn credentials_expire() {
        let callers = Callers::default();
        let credentials = callers.issue(task("t"), Some(NOW));
        let identify = |now| callers.identify(&credentials.access_key_id, Some(&credentials.session_token), now);
        assert_eq!((identify(NOW - 1), identify(NOW)), (Ok(task("t")), Err(TokenError::Expired)));
    }

    #[test]
    fn a_task_is_known_by_its_role() {
        assert_eq!(task("t").arn(), "arn:aws:sts::000000000000:assumed-role/server/t");
    }
}
