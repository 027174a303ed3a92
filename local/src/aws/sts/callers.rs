//! Who calls AWS, told from the credentials.
//!
//! Every instance of a function has credentials of its own, as each execution environment of Lambda does. Any other
//! key is the developer's, who may do everything. Signatures are not checked: whoever reaches the loopback interface
//! is trusted, and the point is to tell callers apart.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::plumbing::ids;
use crate::plumbing::sync::lock;

/// Credentials of one instance.
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
    /// Anyone outside.
    Developer,
}

impl Caller {
    /// Logical id of the function, if it is one.
    pub(crate) fn function(&self) -> Option<&str> {
        match self {
            Self::Function { function, .. } => Some(function),
            Self::Developer => None,
        }
    }

    /// As STS names the caller.
    pub(crate) fn arn(&self) -> String {
        use crate::aws::ACCOUNT;
        match self {
            Self::Function { function, instance } => {
                format!("arn:aws:sts::{ACCOUNT}:assumed-role/{function}/{instance}")
            }
            Self::Developer => format!("arn:aws:iam::{ACCOUNT}:user/developer"),
        }
    }
}

/// The credentials are not valid, or not any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidToken;

/// All credentials ever given out.
#[derive(Default)]
pub(crate) struct Callers {
    /// By access key id; `None` once revoked.
    issued: Mutex<HashMap<String, Option<Issued>>>,
}

struct Issued {
    caller: Caller,
    session_token: String,
}

impl Callers {
    /// Makes credentials for an instance.
    pub(crate) fn issue(&self, function: &str, instance: &str) -> Credentials {
        let credentials = Credentials {
            access_key_id: format!("ASIA{}", ids::alphanumeric(16).to_ascii_uppercase()),
            secret_access_key: ids::alphanumeric(40),
            session_token: ids::alphanumeric(120),
        };
        let caller = Caller::Function { function: function.to_owned(), instance: instance.to_owned() };
        let issued = Issued { caller, session_token: credentials.session_token.clone() };
        lock(&self.issued).insert(credentials.access_key_id.clone(), Some(issued));
        credentials
    }

    /// Makes credentials invalid; their instance is gone.
    pub(crate) fn revoke(&self, access_key_id: &str) {
        lock(&self.issued).insert(access_key_id.to_owned(), None);
    }

    /// Who has these credentials.
    pub(crate) fn identify(&self, access_key_id: &str, session_token: Option<&str>) -> Result<Caller, InvalidToken> {
        match lock(&self.issued).get(access_key_id) {
            None => Ok(Caller::Developer),
            Some(Some(issued)) if session_token == Some(issued.session_token.as_str()) => Ok(issued.caller.clone()),
            Some(_) => Err(InvalidToken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_told_from_its_key_and_session_token() {
        let callers = Callers::default();
        let credentials = callers.issue("F", "i-1");
        let (key, token) = (credentials.access_key_id.as_str(), credentials.session_token.as_str());
        let expected = Caller::Function { function: "F".into(), instance: "i-1".into() };
        assert_eq!(callers.identify(key, Some(token)), Ok(expected));
        assert_eq!(callers.identify(key, None), Err(InvalidToken));
        assert_eq!(callers.identify(key, Some("other")), Err(InvalidToken));
    }

    #[test]
    fn any_other_key_is_the_developers() {
        assert_eq!(Callers::default().identify("local", None), Ok(Caller::Developer));
    }

    #[test]
    fn revoked_credentials_do_not_become_the_developers() {
        let callers = Callers::default();
        let credentials = callers.issue("F", "i-1");
        callers.revoke(&credentials.access_key_id);
        assert_eq!(callers.identify(&credentials.access_key_id, Some(&credentials.session_token)), Err(InvalidToken));
    }
}
