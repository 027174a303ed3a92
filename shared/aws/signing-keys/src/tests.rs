//! The rules against every order of steps: a model of Secrets Manager and IVS, in which any number of runs overlap, one
//! call at a time and interleaved at will, and die before or after any call. (`tests/` has the deployable function die
//! at each of its calls.)

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use model::signing::{KeyPair, PrivatePem};
use model::signing_keys::{
    Current, Imported, Keys, Maintained, Maintenance, Mark, Marks, RETENTION, SecretValue, SecretVersion, Trigger,
};
use model::{ClaimId, Error, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::operations::{KeyStore, end, maintain, stop};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// Longer than no run lives.
const LIFE: u64 = 60;
const LEASE: Duration = Duration::from_secs(90);
const ROTATE_AFTER: Duration = Duration::from_secs(30 * DAY);
/// The longest that a token of a key is valid after the key was current: 14 days, signed by an instance that knew it
/// for five minutes more.
const TOKENS_LIVE: u64 = 14 * DAY + 5 * 60;
/// How long an instance signs with a key before it asks again.
const CACHE: Duration = Duration::from_secs(5 * 60);
/// Keys that IVS holds.
const MAX_KEYS: usize = 3;
/// The key that an operator made.
const OPERATORS: &str = "operators";

fn at(seconds: u64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start + Duration::from_secs(seconds)
}

#[derive(Debug, Clone, Default)]
struct Version {
    key: Option<String>,
    made: u64,
    of_stack: bool,
}

#[derive(Debug, Default)]
struct World {
    now: u64,
    versions: Vec<Version>,
    current: Option<usize>,
    /// With the marks of the stack's own.
    imported: BTreeMap<String, Option<Marks>>,
    keys_made: usize,
    /// When each key that was ever current was so last.
    last_current: BTreeMap<String, u64>,
    /// Keys that were removed from IVS, and when.
    deleted: BTreeMap<String, u64>,
    /// Whether the stack is being deleted: only then may keys die before their tokens.
    ending: bool,
}

impl World {
    fn current_key(&self) -> Option<&String> {
        self.current.and_then(|version| self.versions[version].key.as_ref())
    }

    /// Adds a version of the stack's, and answers its id. The first one is current by itself.
    fn add(&mut self, key: Option<String>) -> SecretVersion {
        self.versions.push(Version { key, made: self.now, of_stack: true });
        self.current.get_or_insert(0);
        self.id(self.versions.len() - 1)
    }

    fn id(&self, version: usize) -> SecretVersion {
        let text = version.to_string();
        if self.versions[version].of_stack {
            SecretVersion::of_stack(&text.parse().unwrap())
        } else {
            SecretVersion(text)
        }
    }

    fn version(&self, id: &SecretVersion) -> Option<usize> {
        (0..self.versions.len()).find(|version| self.id(*version) == *id)
    }

    /// An operator puts a key of their own into the secret, for which IVS has had a place.
    fn operator_puts_key(&mut self) {
        if self.imported.len() < MAX_KEYS || self.imported.contains_key(OPERATORS) {
            self.imported.insert(OPERATORS.to_owned(), None);
            self.operator_stores_key();
            self.check();
        }
    }

    /// Whether or not IVS knows it.
    fn operator_stores_key(&mut self) {
        self.versions.push(Version { key: Some(OPERATORS.to_owned()), made: self.now, of_stack: false });
        self.current = Some(self.versions.len() - 1);
    }

    fn own_keys(&self) -> impl Iterator<Item = (&String, Marks)> {
        self.imported.iter().filter_map(|(arn, marks)| Some((arn, (*marks)?)))
    }

    /// What must hold after every step.
    fn check(&mut self) {
        if let Some(key) = self.current_key().cloned() {
            assert!(self.ending || self.imported.contains_key(&key), "{key} signs, and IVS does not know it");
            self.last_current.insert(key, self.now);
        }
        assert!(self.imported.len() <= MAX_KEYS);
        assert!(!self.deleted.contains_key(OPERATORS), "an operator's key was deleted");
        for (key, deleted) in &self.deleted {
            let needed_until = self.last_current.get(key).map(|last| last + TOKENS_LIVE);
            assert!(
                self.ending || needed_until.is_none_or(|until| until <= *deleted),
                "{key} was deleted at {deleted}, and its tokens live until {needed_until:?}"
            );
        }
    }
}

/// Lets others go first, once.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[derive(Clone)]
struct Store(Rc<RefCell<World>>);

impl Store {
    /// One call: it may be delayed or never made, and its answer may be delayed or never arrive.
    async fn call<T>(&self, effect: impl FnOnce(&mut World) -> T) -> T {
        pause().await;
        let result = {
            let mut world = self.0.borrow_mut();
            let result = effect(&mut world);
            world.check();
            result
        };
        pause().await;
        result
    }
}

impl KeyStore for Store {
    type Arn = String;

    async fn read(&self) -> Result<Keys<String>, Error> {
        let current = self.call(|world| {
            world.current.map(|version| Current {
                version: world.id(version),
                since: at(world.versions[version].made),
                value: world.versions[version].key.clone().map_or(SecretValue::Empty, SecretValue::Key),
            })
        });
        let current = current.await;
        let listed = self.call(|world| world.imported.clone()).await;
        let imported = listed.into_iter().map(|(arn, marks)| Imported { arn, marks });
        Ok(Keys { current, imported: imported.collect() })
    }

    async fn store_empty(&self) -> Result<SecretVersion, Error> {
        Ok(self.call(|world| world.add(None)).await)
    }

    async fn import(&self, _: &KeyPair, _: &ClaimId, lease_until: Timestamp) -> Result<String, Error> {
        let imported = self.call(|world| {
            if world.imported.len() == MAX_KEYS {
                return Err(Error::QuotaExceeded("three keys".into()));
            }
            world.keys_made += 1;
            let arn = format!("key-{}", world.keys_made);
            let marks = Marks { lease_until: Some(lease_until), ..Marks::default() };
            world.imported.insert(arn.clone(), Some(marks));
            Ok(arn)
        });
        imported.await
    }

    async fn store(&self, arn: &String, _: &PrivatePem) -> Result<SecretVersion, Error> {
        Ok(self.call(|world| world.add(Some(arn.clone()))).await)
    }

    async fn mark(&self, arn: &String, mark: Mark, at: Option<Timestamp>) -> Result<(), Error> {
        let marked = self.call(|world| {
            // IVS refuses to tag what is gone.
            let key = world.imported.get_mut(arn).ok_or_else(|| Error::internal("no such key"))?;
            let marks = key.as_mut().expect("nobody marks what is not the stack's");
            match mark {
                Mark::SignsSince => marks.signs_since = at,
                Mark::RetiredAt => marks.retired_at = at,
            }
            Ok(())
        });
        marked.await
    }

    async fn promote(&self, from: &SecretVersion, to: &SecretVersion) -> Result<bool, Error> {
        let promoted = self.call(|world| {
            let is_current = world.current.is_some_and(|version| world.id(version) == *from);
            if is_current {
                world.current = world.version(to);
            }
            is_current
        });
        Ok(promoted.await)
    }

    async fn delete(&self, arn: &String) -> Result<(), Error> {
        let deleted = self.call(|world| {
            if world.imported.remove(arn).is_some() {
                world.deleted.insert(arn.clone(), world.now);
            }
        });
        deleted.await;
        Ok(())
    }
}

struct Run {
    job: Pin<Box<dyn Future<Output = Result<Maintained, Error>>>>,
    born: u64,
}

impl Run {
    fn new(world: &Rc<RefCell<World>>, trigger: Trigger) -> Self {
        let (store, born) = (Store(Rc::clone(world)), world.borrow().now);
        let how = Maintenance { run: ClaimId::random().unwrap(), rotate_after: ROTATE_AFTER, lease: LEASE, trigger };
        Self { job: Box::pin(async move { maintain(&store, at(born), &how).await }), born }
    }

    fn end(world: &Rc<RefCell<World>>) -> Self {
        let (store, born) = (Store(Rc::clone(world)), world.borrow().now);
        let end = async move {
            stop(&store, at(born), CACHE).await?;
            end(&store).await
        };
        Self { job: Box::pin(end), born }
    }

    /// One step; true at the end.
    fn step(&mut self) -> bool {
        self.job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn finish(mut self) -> Result<Maintained, Error> {
        loop {
            if let Poll::Ready(done) = self.job.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return done;
            }
        }
    }
}

/// What happens next.
#[derive(Debug, Clone)]
enum Happens {
    Begins(Trigger),
    /// A run goes on by so many calls.
    GoesOn(usize, usize),
    Dies(usize),
    Passes(u64),
    OperatorPutsKey,
}

fn happens() -> impl Strategy<Value = Happens> {
    let trigger = prop_oneof![3 => Just(Trigger::Schedule), 1 => Just(Trigger::Stack), 1 => Just(Trigger::Rotate)];
    prop_oneof![
        3 => trigger.prop_map(Happens::Begins),
        8 => (0..4usize, 1..30usize).prop_map(|(run, steps)| Happens::GoesOn(run, steps)),
        1 => (0..4usize).prop_map(Happens::Dies),
        2 => (1..LIFE).prop_map(Happens::Passes),
        2 => (1..40 * DAY).prop_map(Happens::Passes),
        1 => Just(Happens::OperatorPutsKey),
    ]
}

/// Plays a history; runs that live too long die.
fn play(world: &Rc<RefCell<World>>, history: Vec<Happens>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for next in history {
        match next {
            Happens::Begins(trigger) => runs.push(Run::new(world, trigger)),
            Happens::GoesOn(run, steps) => {
                let Some(index) = (!runs.is_empty()).then(|| run % runs.len()) else { continue };
                if (0..steps).any(|_| runs[index].step()) {
                    runs.remove(index);
                }
            }
            Happens::Dies(run) => {
                if !runs.is_empty() {
                    runs.remove(run % runs.len());
                }
            }
            Happens::OperatorPutsKey => {
                // Nobody sees a key replaced by hand before the next run does. What an overlapping run has noted on it
                // too early is taken off by then, since a run is due every day.
                let _ = Run::new(world, Trigger::Schedule).finish();
                world.borrow_mut().operator_puts_key();
            }
            Happens::Passes(seconds) => {
                let mut world = world.borrow_mut();
                // A key that is current is so until the time has passed.
                world.now += seconds;
                world.check();
                let now = world.now;
                runs.retain(|run| now - run.born < LIFE);
            }
        }
    }
    runs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_valid_token_loses_its_key_and_there_are_never_more_than_three(history in vec(happens(), 1..60)) {
        let world = Rc::new(RefCell::new(World::default()));
        play(&world, history);
    }

    #[test]
    fn whatever_happened_undisturbed_runs_find_to_one_young_key(history in vec(happens(), 1..40)) {
        let world = Rc::new(RefCell::new(World::default()));
        drop(play(&world, history));
        // A key whose time is up is replaced as soon as there is a place for another: after 16 days at the latest, when
        // what was kept for its tokens is gone.
        for _ in 0..20 {
            world.borrow_mut().now += DAY;
            world.borrow_mut().check();
            let _ = Run::new(&world, Trigger::Schedule).finish();
        }
        let world = world.borrow();
        let current = world.current.expect("a current version");
        prop_assert!(world.current_key().is_some_and(|key| world.imported.contains_key(key)));
        prop_assert!(world.now - world.versions[current].made < (30 + 17) * DAY);
        let others = world.own_keys().filter(|(arn, _)| Some(*arn) != world.current_key());
        for (arn, marks) in others {
            prop_assert!(marks.retired_at.is_some_and(|retired| retired + RETENTION > at(world.now)), "{arn}: {marks:?}");
        }
    }

    #[test]
    fn the_end_leaves_no_key_of_the_stacks_and_an_operators_signs_on_whatever_runs_it_meets(
        history in vec(happens(), 1..40),
        meeting in vec((0..4usize, 1..30usize), 0..40),
    ) {
        let world = Rc::new(RefCell::new(World::default()));
        let mut runs = play(&world, history);
        let signing = world.borrow().current_key().cloned();
        // A run that was told to replace an operator's key may do so yet.
        let stays = signing.filter(|key| key == OPERATORS);
        let may_be_replaced = !runs.is_empty();
        world.borrow_mut().ending = true;
        runs.insert(0, Run::end(&world));
        for (run, steps) in meeting {
            if runs.is_empty() {
                break;
            }
            let index = run % runs.len();
            if (0..steps).any(|_| runs[index].step()) {
                runs.remove(index);
            }
        }
        // CloudFormation may ask again, once whatever was under way has ended.
        for run in runs {
            let _ = run.finish();
        }
        prop_assert!(Run::end(&world).finish().is_ok());
        let world = world.borrow();
        let left = world.current_key().cloned();
        prop_assert!(left == stays || (may_be_replaced && left.is_none()), "{:?} in place of {:?}", left, stays);
        prop_assert_eq!(world.own_keys().count(), 0);
    }
}

fn after_first_run() -> Rc<RefCell<World>> {
    let world = Rc::new(RefCell::new(World::default()));
    let made = Run::new(&world, Trigger::Stack).finish().unwrap();
    assert_eq!(made, Maintained { made: true, retired: 0, deleted: 0 });
    world
}

#[test]
fn a_stack_that_is_created_twice_keeps_its_key() {
    let world = after_first_run();
    assert_eq!(Run::new(&world, Trigger::Stack).finish().unwrap(), Maintained::default());
    assert_eq!(world.borrow().current_key().unwrap(), "key-1");
}

#[test]
fn a_key_signs_for_its_time_and_stays_for_its_tokens() {
    let world = after_first_run();
    let run = |days: u64| {
        world.borrow_mut().now = days * DAY;
        Run::new(&world, Trigger::Schedule).finish().unwrap()
    };
    assert_eq!(run(29), Maintained::default());
    assert_eq!(run(30), Maintained { made: true, retired: 1, deleted: 0 });
    assert_eq!(run(45), Maintained::default());
    assert_eq!(run(46), Maintained { made: false, retired: 0, deleted: 1 });
    assert_eq!(world.borrow().imported.keys().collect::<Vec<_>>(), ["key-2"]);
}

#[test]
fn a_key_that_was_deleted_in_ivs_by_hand_is_replaced_by_the_next_run() {
    let world = after_first_run();
    world.borrow_mut().imported.clear();
    world.borrow_mut().ending = true;
    world.borrow_mut().now = DAY;
    assert!(Run::new(&world, Trigger::Schedule).finish().unwrap().made);
    assert!(world.borrow().imported.contains_key("key-2"));
}

#[test]
fn a_key_that_a_listing_does_not_show_yet_is_not_followed_by_another() {
    let world = after_first_run();
    world.borrow_mut().ending = true;
    let listed = std::mem::take(&mut world.borrow_mut().imported);
    for trigger in [Trigger::Schedule, Trigger::Stack] {
        assert_eq!(Run::new(&world, trigger).finish().unwrap(), Maintained::default());
    }
    world.borrow_mut().imported = listed;
    world.borrow_mut().now = DAY;
    assert_eq!(Run::new(&world, Trigger::Schedule).finish().unwrap(), Maintained::default());
}

#[test]
fn a_third_rotation_in_a_row_waits_for_a_place_and_the_present_key_goes_on() {
    let world = after_first_run();
    for _ in 0..2 {
        assert!(Run::new(&world, Trigger::Rotate).finish().unwrap().made);
    }
    assert!(matches!(Run::new(&world, Trigger::Rotate).finish(), Err(Error::QuotaExceeded(_))));
    assert_eq!(world.borrow().current_key().unwrap(), "key-3");
    world.borrow_mut().now = 16 * DAY;
    assert_eq!(Run::new(&world, Trigger::Rotate).finish().unwrap(), Maintained { made: true, retired: 1, deleted: 2 });
}

#[test]
fn two_runs_that_died_just_before_the_end_do_not_block_the_next_key_for_good() {
    let world = after_first_run();
    world.borrow_mut().now = 29 * DAY;
    for _ in 0..2 {
        let before = world.borrow().imported.len();
        let mut dying = Run::new(&world, Trigger::Rotate);
        while world.borrow().own_keys().filter(|(_, marks)| marks.signs_since.is_some()).count() <= before {
            assert!(!dying.step());
        }
    }
    let run = |days: u64| {
        world.borrow_mut().now = days * DAY;
        Run::new(&world, Trigger::Schedule).finish()
    };
    // All three places are taken, by two keys that might have signed.
    assert!(matches!(run(30), Err(Error::QuotaExceeded(_))));
    assert_eq!(run(46).unwrap(), Maintained { made: true, retired: 1, deleted: 2 });
}

#[test]
fn a_key_of_a_dead_maker_is_removed_after_its_lease_and_no_earlier() {
    let world = after_first_run();
    let mut dying = Run::new(&world, Trigger::Rotate);
    while world.borrow().imported.len() == 1 {
        assert!(!dying.step());
    }
    drop(dying);
    world.borrow_mut().now = LEASE.as_secs() - 1;
    assert_eq!(Run::new(&world, Trigger::Stack).finish().unwrap(), Maintained::default());
    world.borrow_mut().now = LEASE.as_secs();
    assert_eq!(Run::new(&world, Trigger::Stack).finish().unwrap(), Maintained { made: false, retired: 0, deleted: 1 });
}

#[test]
fn a_schedule_leaves_an_emptied_secret_alone_for_an_hour_and_the_stack_does_not() {
    let world = after_first_run();
    world.borrow_mut().ending = true;
    Run::end(&world).finish().unwrap();
    world.borrow_mut().now = HOUR - 1;
    assert_eq!(Run::new(&world, Trigger::Schedule).finish().unwrap(), Maintained::default());
    assert!(Run::new(&world, Trigger::Stack).finish().unwrap().made);
    Run::end(&world).finish().unwrap();
    world.borrow_mut().now = 3 * HOUR;
    assert!(Run::new(&world, Trigger::Schedule).finish().unwrap().made);
}

#[test]
fn a_stack_that_takes_over_an_operators_key_and_is_rolled_back_leaves_it_current_however_old_it_is() {
    let world = Rc::new(RefCell::new(World::default()));
    world.borrow_mut().operator_puts_key();
    world.borrow_mut().now = 400 * DAY;
    assert_eq!(Run::new(&world, Trigger::Stack).finish().unwrap(), Maintained::default());
    assert_eq!(Run::end(&world).finish().unwrap(), Maintained::default());
    assert_eq!(world.borrow().current_key().unwrap(), OPERATORS);
    // A stack that stands goes on from it.
    assert!(Run::new(&world, Trigger::Schedule).finish().unwrap().made);
    world.borrow_mut().ending = true;
    assert_eq!(Run::end(&world).finish().unwrap(), Maintained { deleted: 1, ..Maintained::default() });
    assert_eq!(world.borrow().current_key(), None);
    assert!(world.borrow().imported.contains_key(OPERATORS));
}

#[test]
fn an_operators_key_that_ivs_does_not_show_is_neither_followed_by_the_stacks_own_request_nor_emptied_by_its_end() {
    let world = after_first_run();
    world.borrow_mut().ending = true;
    Run::end(&world).finish().unwrap();
    world.borrow_mut().now = DAY;
    world.borrow_mut().operator_stores_key();
    assert_eq!(Run::new(&world, Trigger::Stack).finish().unwrap(), Maintained::default());
    assert_eq!(Run::end(&world).finish().unwrap(), Maintained::default());
    assert_eq!(world.borrow().current_key().unwrap(), OPERATORS);
    // It verifies nothing, so a stack that stands does not wait until its time is up.
    assert!(Run::new(&world, Trigger::Schedule).finish().unwrap().made);
}

#[test]
fn a_key_that_the_stack_made_and_ivs_forgot_is_emptied_by_its_end() {
    let world = after_first_run();
    world.borrow_mut().imported.clear();
    world.borrow_mut().ending = true;
    Run::end(&world).finish().unwrap();
    assert_eq!(world.borrow().current_key(), None);
}

/// What the end waits for between its two steps, at a time.
fn stopped_until(world: &Rc<RefCell<World>>) -> Option<Timestamp> {
    let (store, now) = (Store(Rc::clone(world)), world.borrow().now);
    let mut stopping = Box::pin(async move { stop(&store, at(now), CACHE).await });
    loop {
        if let Poll::Ready(until) = stopping.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return until.unwrap();
        }
    }
}

#[test]
fn keys_end_when_the_last_instance_has_heard_that_nothing_is_signed_with_them_and_no_earlier() {
    let world = after_first_run();
    world.borrow_mut().now = DAY;
    // An instance that asked a moment before signs for as long as it keeps the key, and a request more.
    assert_eq!(stopped_until(&world), Some(at(DAY + 5 * 60 + 15)));
    assert_eq!((world.borrow().current_key(), world.borrow().own_keys().count()), (None, 1));
    world.borrow_mut().ending = true;
    Run::end(&world).finish().unwrap();
    assert_eq!(stopped_until(&world), None, "there is no key to wait for");
}

#[test]
fn an_end_of_keys_that_nobody_signs_with_any_more_does_not_wait() {
    let world = after_first_run();
    world.borrow_mut().now = DAY;
    world.borrow_mut().operator_puts_key();
    world.borrow_mut().now = 2 * DAY;
    assert!(stopped_until(&world).is_some_and(|until| until < at(2 * DAY)));
    assert_eq!(world.borrow().current_key().unwrap(), OPERATORS);
}

#[test]
fn an_operators_key_that_comes_while_the_stack_ends_is_not_emptied() {
    let world = after_first_run();
    world.borrow_mut().ending = true;
    let versions = world.borrow().versions.len();
    let mut end = Run::end(&world);
    while world.borrow().versions.len() == versions {
        assert!(!end.step());
    }
    world.borrow_mut().operator_puts_key();
    end.finish().unwrap();
    let world = world.borrow();
    assert_eq!((world.current_key().unwrap().as_str(), world.own_keys().count()), (OPERATORS, 0));
}

#[test]
fn a_key_that_an_operator_brings_back_counts_its_time_anew_once_it_is_replaced_again() {
    let world = after_first_run();
    Run::new(&world, Trigger::Rotate).finish().unwrap();
    world.borrow_mut().current = Some(1);
    assert_eq!(world.borrow().current_key().unwrap(), "key-1");
    world.borrow_mut().now = 10 * DAY;
    world.borrow_mut().check();
    // It is replaced by a run that dies before it can mark what it has replaced.
    let mut dying = Run::new(&world, Trigger::Rotate);
    while world.borrow().current_key().unwrap() == "key-1" {
        assert!(!dying.step());
    }
    drop(dying);
    world.borrow_mut().now = 16 * DAY;
    Run::new(&world, Trigger::Schedule).finish().unwrap();
    assert!(world.borrow().imported.contains_key("key-1"));
}
