//! Who has been here.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::plumbing::sync::lock;

/// How many are remembered.
const KEPT: usize = 20;
/// How many are offered at once.
const OFFERED: usize = 6;
/// Whom there is to be at first.
const FIRST: [&str; 3] = ["alice", "bob", "carol"];

/// Users who signed in, took a token or called the API, the latest first.
#[derive(Default)]
pub(crate) struct Users(Mutex<VecDeque<String>>);

impl Users {
    pub(crate) fn seen(&self, user: &str) {
        let mut users = lock(&self.0);
        // Most often it is who was here just now.
        if users.front().is_some_and(|latest| latest == user) {
            return;
        }
        users.retain(|known| known != user);
        users.push_front(user.to_owned());
        users.truncate(KEPT);
    }

    pub(crate) fn latest(&self) -> Vec<String> {
        lock(&self.0).iter().cloned().collect()
    }

    /// Whom one may want to be.
    pub(crate) fn to_pick(&self) -> Vec<String> {
        let mut users = self.latest();
        let missing: Vec<_> = FIRST.into_iter().filter(|first| !users.iter().any(|user| user == first)).collect();
        users.truncate(OFFERED - missing.len());
        users.extend(missing.into_iter().map(str::to_owned));
        users
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_come_first_and_nobody_twice() {
        let users = Users::default();
        for user in ["bob", "dave", "bob", "bob"] {
            users.seen(user);
        }
        assert_eq!(users.latest(), ["bob", "dave"]);
        assert_eq!(users.to_pick(), ["bob", "dave", "alice", "carol"]);
        (0..30).for_each(|number| users.seen(&number.to_string()));
        assert_eq!((users.latest().len(), users.latest()[0].as_str()), (KEPT, "29"));
        assert_eq!(users.to_pick(), ["29", "28", "27", "alice", "bob", "carol"]);
    }
}
