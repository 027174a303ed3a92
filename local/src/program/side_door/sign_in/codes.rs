//! Authorization codes: each for one use, within a minute.

use std::collections::HashMap;
use std::sync::Mutex;

use time::{Duration, OffsetDateTime};

use super::authorize::Asked;
use crate::plumbing::ids;
use crate::plumbing::sync::lock;

const LIFETIME: Duration = Duration::seconds(60);

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) asked: Asked,
    pub(super) user: String,
    issued: OffsetDateTime,
}

/// The codes that have not been used. They are in memory: a restart ends a sign-in that is under way.
#[derive(Default)]
pub(super) struct Codes(Mutex<HashMap<String, Grant>>);

impl Codes {
    pub(super) fn issue(&self, asked: &Asked, user: &str, now: OffsetDateTime) -> String {
        let code = ids::alphanumeric(40);
        let mut codes = lock(&self.0);
        codes.retain(|_, grant| grant.issued + LIFETIME > now);
        codes.insert(code.clone(), Grant { asked: asked.clone(), user: user.to_owned(), issued: now });
        code
    }

    /// What the code stands for. It is used up, whatever comes of it.
    pub(super) fn redeem(&self, code: &str, now: OffsetDateTime) -> Option<Grant> {
        lock(&self.0).remove(code).filter(|grant| grant.issued + LIFETIME > now)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_code_is_over_after_a_minute() {
        let now = datetime!(2026-03-01 12:00 UTC);
        let codes = Codes::default();
        let asked = Asked::default();
        let code = codes.issue(&asked, "alice", now);
        assert_eq!(codes.redeem(&code, now + LIFETIME), None);
        let code = codes.issue(&asked, "alice", now);
        let almost = now + LIFETIME - Duration::milliseconds(1);
        assert_eq!(codes.redeem(&code, almost).map(|grant| grant.user).as_deref(), Some("alice"));
    }
}
