//! What dead creates have made, learned by listings of AWS that outlive the run which began them.

use std::collections::HashMap;

use model::claim::{Claim, Resource};
use model::recovery::made_by;
use model::{ClaimId, Error};
use tokio::time::{Instant, timeout_at};

use crate::Inventory;
use crate::listing::Listing;

/// How many creates are remembered, before all are forgotten.
const MOST_REMEMBERED: usize = 10_000;

/// What the recoveries of an instance know of AWS. A listing that a run had no time to end is gone on with by the next
/// one, so that an account may have any number of resources. Another instance begins anew.
#[derive(Debug)]
pub struct Recovering<R: Resource> {
    under_way: Option<UnderWay<R>>,
    /// What each create has made, by its origin. It stays true: a create whose claim was taken over makes nothing any more.
    made: HashMap<ClaimId, Option<R::Arn>>,
}

/// A listing, and the creates that were known to be over when it began, as far as it is not known what they have made: of
/// no others it tells that they have made nothing.
#[derive(Debug)]
struct UnderWay<R: Resource> {
    listing: Listing<R>,
    covers: HashMap<ClaimId, R::Name>,
    begun_by: ClaimId,
}

impl<R: Resource> Default for Recovering<R> {
    fn default() -> Self {
        Self { under_way: None, made: HashMap::new() }
    }
}

impl<R: Resource> Recovering<R> {
    /// Lists AWS until it is known what the creates of these claims have made, all of which this run holds, and tells of
    /// each that has made something, by its place, as soon as that is seen. Nothing is listed for what is known.
    ///
    /// # Errors
    /// What AWS failed with last, when there was no time to ask again. The pages that were read stay.
    pub(crate) async fn look(
        &mut self,
        inventory: &impl Inventory<R>,
        claims: &[Claim<R>],
        attempt: &ClaimId,
        until: Instant,
        mut tell: impl FnMut(usize, R::Arn),
    ) -> Result<(), Error> {
        if self.made.len() > MOST_REMEMBERED {
            self.made.clear();
        }
        for (place, claim) in claims.iter().enumerate() {
            if let Some(Some(arn)) = self.made.get(&claim.origin) {
                tell(place, arn.clone());
            }
        }
        let mut seen = 0;
        loop {
            if self.under_way.as_ref().is_some_and(|under_way| under_way.covers.is_empty()) {
                (self.under_way, seen) = (None, 0);
            }
            let unknown: Vec<(usize, &Claim<R>)> =
                claims.iter().enumerate().filter(|(_, claim)| !self.made.contains_key(&claim.origin)).collect();
            if unknown.is_empty() {
                return Ok(());
            }
            let under_way = self.under_way.get_or_insert_with(|| UnderWay::of(&unknown, attempt));
            for (place, claim) in unknown {
                if let Some(found) = made_by(claim, under_way.listing.found()[seen..].iter()).next() {
                    under_way.covers.remove(&claim.origin);
                    self.made.insert(claim.origin.clone(), Some(found.arn.clone()));
                    tell(place, found.arn.clone());
                }
            }
            seen = under_way.listing.found().len();
            if under_way.covers.is_empty() {
                continue;
            }
            let page = timeout_at(until, under_way.listing.read_page(inventory, until)).await;
            match page.unwrap_or_else(|_| Err(Error::unavailable("there was not enough time for the listing"))) {
                Ok(true) => {}
                Ok(false) => {
                    self.end();
                    seen = 0;
                }
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) => {
                    let ended = self.under_way.take();
                    seen = 0;
                    // An earlier run's page may be known no more. This one's own is refused for another reason.
                    if ended.is_none_or(|ended| ended.begun_by == *attempt) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Whether the create of a claim is known to have made nothing.
    pub(crate) fn has_made_nothing(&self, claim: &Claim<R>) -> bool {
        matches!(self.made.get(&claim.origin), Some(None))
    }

    /// Forgets a create that has ended.
    pub(crate) fn forget(&mut self, claim: &Claim<R>) {
        self.made.remove(&claim.origin);
    }

    /// The listing is complete: what is not in it was not made.
    fn end(&mut self) {
        let Some(UnderWay { listing, mut covers, .. }) = self.under_way.take() else { return };
        for found in listing.found() {
            if let Some(origin) = &found.origin
                && covers.get(origin) == Some(&found.name)
            {
                covers.remove(origin);
                self.made.entry(origin.clone()).or_insert_with(|| Some(found.arn.clone()));
            }
        }
        for origin in covers.into_keys() {
            self.made.entry(origin).or_insert(None);
        }
    }
}

impl<R: Resource> UnderWay<R> {
    /// It begins when the claims are held: whoever had one before is not at work any more.
    fn of(claims: &[(usize, &Claim<R>)], attempt: &ClaimId) -> Self {
        let listing = match claims {
            [(_, only)] => Listing::of_name(only.name.clone()),
            _ => Listing::of_all(),
        };
        let covers = claims.iter().map(|(_, claim)| (claim.origin.clone(), claim.name.clone())).collect();
        Self { listing, covers, begun_by: attempt.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::ListedPage;
    use model::StageArn;
    use model::claim::Found;
    use model::stage::{Admission, Stage};

    fn claim(name: &str) -> Claim<Stage> {
        Claim {
            name: name.parse().unwrap(),
            owner: "alice".parse().unwrap(),
            options: Admission::Open,
            id: "run".parse().unwrap(),
            origin: format!("{name}-create").parse().unwrap(),
            lease_until: "2026-03-01T12:00:00Z".parse().unwrap(),
        }
    }

    fn arn(name: &str) -> StageArn {
        format!("arn:aws:ivs:us-east-1:000000000000:stage/{name}").parse().unwrap()
    }

    /// Three pages, each with one stage, and the calls that are left until one fails.
    struct Ivs {
        calls: Mutex<Vec<Option<String>>>,
        fails: Mutex<Option<(usize, Error)>>,
    }

    impl Ivs {
        fn failing_after(calls: usize, error: Error) -> Self {
            Self { calls: Mutex::default(), fails: Mutex::new(Some((calls, error))) }
        }

        fn calls(&self) -> Vec<String> {
            let calls = std::mem::take(&mut *self.calls.lock().unwrap());
            calls.into_iter().map(|page| page.unwrap_or_else(|| "first".to_owned())).collect()
        }
    }

    impl Inventory<Stage> for Ivs {
        async fn list(&self, _: Option<&model::StageName>, page: Option<&str>) -> Result<ListedPage<Stage>, Error> {
            let fails = self.fails.lock().unwrap().take();
            match fails {
                Some((0, error)) => return Err(error),
                Some((left, error)) => *self.fails.lock().unwrap() = Some((left - 1, error)),
                None => {}
            }
            self.calls.lock().unwrap().push(page.map(str::to_owned));
            let (name, next) = match page {
                None => ("one", Some("second")),
                Some("second") => ("two", Some("third")),
                _ => ("three", None),
            };
            let found = Found {
                arn: arn(name),
                name: name.parse().unwrap(),
                origin: Some(claim(name).origin),
                lease_until: None,
                in_use: false,
            };
            Ok(ListedPage { found: vec![found], next: next.map(str::to_owned) })
        }

        async fn delete_idle(&self, _: &StageArn) -> Result<bool, Error> {
            Ok(true)
        }
    }

    /// One run, with time for calls that do not fail: what it was told, and how it ended.
    async fn run(
        recovering: &mut Recovering<Stage>,
        ivs: &Ivs,
        attempt: &str,
        names: &[&str],
    ) -> (Vec<(usize, StageArn)>, Result<(), Error>) {
        let claims: Vec<_> = names.iter().map(|name| claim(name)).collect();
        // Too short to wait until a call is repeated.
        let until = Instant::now() + Duration::from_millis(290);
        let attempt = attempt.parse().unwrap();
        let mut told = Vec::new();
        let result = recovering.look(ivs, &claims, &attempt, until, |place, arn| told.push((place, arn))).await;
        (told, result)
    }

    fn throttled() -> Error {
        Error::unavailable("throttled")
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_a_run_has_no_time_for_is_gone_on_with_by_the_next() {
        let (mut recovering, ivs) = (Recovering::default(), Ivs::failing_after(2, throttled()));
        let (told, result) = run(&mut recovering, &ivs, "first", &["two", "three", "none"]).await;
        assert!(result.is_err() && told == [(0, arn("two"))], "{told:?}");
        recovering.forget(&claim("two"));
        let (told, result) = run(&mut recovering, &ivs, "second", &["none", "three"]).await;
        assert!(result.is_ok() && told == [(1, arn("three"))], "{told:?}");
        assert_eq!(ivs.calls(), ["first", "second", "third"]);
        assert!(recovering.has_made_nothing(&claim("none")) && !recovering.has_made_nothing(&claim("three")));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_claim_that_was_taken_over_since_an_earlier_listing_tells_only_what_it_shows() {
        let (mut recovering, ivs) = (Recovering::default(), Ivs::failing_after(2, throttled()));
        run(&mut recovering, &ivs, "first", &["none", "nothing"]).await.1.unwrap_err();
        let (told, result) = run(&mut recovering, &ivs, "second", &["one", "later"]).await;
        assert!(result.is_ok() && told == [(0, arn("one"))], "{told:?}");
        assert_eq!(ivs.calls(), ["first", "second", "third", "first", "second", "third"]);
        // What the first run asked for is known since, and costs nothing.
        let (_, result) = run(&mut recovering, &ivs, "third", &["none", "nothing"]).await;
        assert!(result.is_ok() && ivs.calls().is_empty());
        assert!(["none", "nothing", "later"].iter().all(|name| recovering.has_made_nothing(&claim(name))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_ends_when_nobody_waits_for_it() {
        let (mut recovering, ivs) = (Recovering::default(), Ivs::failing_after(9, throttled()));
        for attempt in ["first", "second"] {
            let (told, result) = run(&mut recovering, &ivs, attempt, &["one", "two"]).await;
            assert!(result.is_ok() && told == [(0, arn("one")), (1, arn("two"))], "{told:?}");
            assert_eq!(ivs.calls(), ["first", "second"]);
            [claim("one"), claim("two")].iter().for_each(|claim| recovering.forget(claim));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_is_known_no_more_has_the_listing_begin_anew() {
        let (mut recovering, ivs) = (Recovering::default(), Ivs::failing_after(2, throttled()));
        run(&mut recovering, &ivs, "first", &["three", "none"]).await.1.unwrap_err();
        let unknown = || Error::internal("the page is not known");
        *ivs.fails.lock().unwrap() = Some((0, unknown()));
        let (told, result) = run(&mut recovering, &ivs, "second", &["three", "none"]).await;
        assert!(result.is_ok() && told == [(0, arn("three"))], "{told:?}");
        assert_eq!(ivs.calls(), ["first", "second", "first", "second", "third"]);
        // A run's own listing is not begun again and again.
        let (mut recovering, ivs) = (Recovering::default(), Ivs::failing_after(1, unknown()));
        run(&mut recovering, &ivs, "first", &["three", "none"]).await.1.unwrap_err();
        assert_eq!(ivs.calls(), ["first"]);
    }
}
