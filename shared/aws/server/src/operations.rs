//! The list of servers, as the API shows it.

use std::sync::atomic::{AtomicUsize, Ordering};

use model::server::{RingCursor, Seed, Segment, Server};
use model::{Error, Limit, Page};

use crate::ServerTable;

/// The servers, as those who look for one are shown them.
pub struct ServerList {
    servers: ServerTable,
    /// How many servers there are, as far as an earlier list could tell: many, until one came to its end. A guess,
    /// which decides only where a list begins: if all are thought to fit on the page, at the beginning, so that one
    /// Query finds them all.
    expected: AtomicUsize,
}

impl ServerList {
    /// Of this table.
    pub fn new(servers: ServerTable) -> Self {
        Self { servers, expected: AtomicUsize::new(usize::MAX) }
    }

    /// One page of the servers that can take a broadcast now. One Query, and a second one for a page that goes past the
    /// last server. Whoever begins anew begins elsewhere.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn list(
        &self,
        seed: Seed,
        limit: Limit,
        cursor: Option<RingCursor>,
    ) -> Result<Page<Server, RingCursor>, Error> {
        let page = usize::from(limit.get());
        let fits = page >= self.expected.load(Ordering::Relaxed);
        let begins = cursor.is_none();
        let mut at = cursor.unwrap_or_else(|| {
            let segment = if fits { Segment::Whole } else { Segment::From(seed.place()) };
            RingCursor { segment, after: None }
        });
        let mut servers = Vec::new();
        loop {
            let (found, last) = self.servers.offered(&at.segment, at.after.as_ref(), page - servers.len()).await?;
            servers.extend(found);
            let next = match last {
                Some(last) => Some(RingCursor { segment: at.segment, after: Some(last) }),
                None => at.segment.next().map(|segment| RingCursor { segment, after: None }),
            };
            match next {
                // Past the last server, the list goes on with the first.
                Some(next) if servers.len() < page => at = next,
                next => {
                    if begins {
                        self.learn(servers.len(), next.is_none());
                    }
                    seed.rotate(&mut servers);
                    return Ok(Page { items: servers, cursor: next });
                }
            }
        }
    }

    /// Remembers what a list from the beginning has found.
    fn learn(&self, found: usize, ended: bool) {
        if ended {
            self.expected.store(found, Ordering::Relaxed);
        } else {
            self.expected.fetch_max(found + 1, Ordering::Relaxed);
        }
    }
}
