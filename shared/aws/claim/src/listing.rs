//! A listing of AWS that loses nothing of what it has: a page that is throttled or fails is asked for again, and the
//! pages before it stay.

use std::time::Duration;

use model::Error;
use model::claim::{Found, Resource};
use tokio::time::{Instant, sleep};

use crate::Inventory;

/// How long something that failed is left alone before it is tried again: twice as long each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(300);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What AWS has of a kind, as far as its pages have been read.
#[derive(Debug)]
pub(crate) struct Listing<R: Resource> {
    only: Option<R::Name>,
    found: Vec<Found<R>>,
    pages: usize,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    Page(String),
    Complete,
}

impl<R: Resource> Listing<R> {
    /// Of all that is tagged as this deployment's.
    pub(crate) fn of_all() -> Self {
        Self { only: None, found: Vec::new(), pages: 0, next: Next::First }
    }

    /// Of what is tagged as one name's. What AWS cannot leave out is left out here.
    pub(crate) fn of_name(name: R::Name) -> Self {
        Self { only: Some(name), ..Self::of_all() }
    }

    /// Reads the next page. False: there is none left.
    ///
    /// # Errors
    /// What AWS failed with last, when that does not pass, or has not passed before there was no time to ask again. The page
    /// that failed is the next one still.
    pub(crate) async fn read_page(&mut self, inventory: &impl Inventory<R>, until: Instant) -> Result<bool, Error> {
        let page = match &self.next {
            Next::First => None,
            Next::Page(page) => Some(page.as_str()),
            Next::Complete => return Ok(false),
        };
        let listed = persist(until, async || inventory.list(self.only.as_ref(), page).await).await?;
        let found = listed.found.into_iter();
        self.found.extend(found.filter(|found| self.only.as_ref().is_none_or(|only| *only == found.name)));
        self.pages += 1;
        self.next = listed.next.map_or(Next::Complete, Next::Page);
        Ok(true)
    }

    /// How many pages have been read. There may be nothing of this deployment's on them.
    pub(crate) fn pages(&self) -> usize {
        self.pages
    }

    /// What has been found so far: everything, once the listing is complete.
    pub(crate) fn found(&self) -> &[Found<R>] {
        &self.found
    }
}

/// Repeats what fails in a way that passes, for as long as there is time.
pub(crate) async fn persist<T>(until: Instant, mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    let mut wait = FIRST_WAIT;
    loop {
        match attempt().await {
            Err(Error::Unavailable { .. }) if Instant::now() + wait < until => sleep(wait).await,
            result => return result,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
