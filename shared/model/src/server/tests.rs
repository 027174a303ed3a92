//! The rules against every order of events: a model of the table, in which any number of invocations read, locate and
//! write, one step at a time and interleaved at will. The writes are admitted by [`Guard::admits`], as DynamoDB admits
//! them by the condition of the write (`tests/` runs the same lives through the real one).

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The life of one task, as it really was.
#[derive(Debug, Clone)]
struct Life {
    /// What ECS said of it, version by version.
    said: Vec<Task>,
    /// How often EC2 is asked in vain before the address is there; `None`: it never is.
    asked_in_vain: Option<u8>,
    /// Whether EC2 still tells the address of a task that has stopped.
    address_lingers: bool,
    /// How often each event arrives.
    arrivals: Vec<u8>,
}

impl Life {
    fn id(&self) -> &TaskId {
        &self.said[0].id
    }

    fn latest(&self) -> &Task {
        self.said.last().unwrap()
    }

    /// Whether the task can take a broadcast, in truth.
    fn can_take_a_broadcast(&self) -> bool {
        matches!(self.latest().phase, Phase::Running(_)) && self.asked_in_vain.is_some()
    }
}

/// A life of `starting`, `running`, `draining` and `stopped` events, each as often as given, none of a kind at will.
fn life(number: usize, arrivals: impl Strategy<Value = u8>) -> impl Strategy<Value = Life> {
    let phases =
        (0..4usize, 0..4usize, 0..4usize, 0..2usize).prop_filter("nothing was said", |n| n.0 + n.1 + n.2 + n.3 > 0);
    (phases, prop_oneof![3 => (0..3u8).prop_map(Some), 1 => Just(None)], any::<bool>(), vec(arrivals, 12)).prop_map(
        move |((starting, running, draining, stopped), asked_in_vain, address_lingers, arrivals)| {
            let run = Running {
                interface: Some(format!("eni-{number}").parse().unwrap()),
                availability_zone: None,
                started_at: None,
            };
            let phases = [Phase::Starting, Phase::Running(run), Phase::Draining, Phase::Stopped];
            let phases = phases.into_iter().zip([starting, running, draining, stopped]);
            let phases = phases.flat_map(|(phase, times)| std::iter::repeat_n(phase, times));
            let said = phases.zip(1..).map(|(phase, version)| {
                let id = format!("task-{number}").parse().unwrap();
                Task { id, version, phase }
            });
            Life { said: said.collect(), asked_in_vain, address_lingers, arrivals }
        },
    )
}

fn lives(arrivals: std::ops::Range<u8>) -> impl Strategy<Value = Vec<Life>> {
    (1..5usize).prop_flat_map(move |tasks| (0..tasks).map(|number| life(number, arrivals.clone())).collect::<Vec<_>>())
}

/// What an invocation does next.
#[derive(Debug, Clone)]
enum Next {
    Read,
    Judge(Option<TaskRow>),
    Locate(Option<TaskRow>, Running),
    Write(Change, bool),
}

/// One delivery of an event, under way.
#[derive(Debug, Clone)]
struct Invocation {
    told: Task,
    next: Next,
    attempts_left: u8,
}

/// What a reconciliation has seen, and may be out of date by the time it writes.
struct Seen {
    offered: BTreeSet<TaskId>,
    said: Vec<Task>,
    unknown: Vec<TaskRow>,
}

struct World {
    table: BTreeMap<TaskId, TaskRow>,
    lives: BTreeMap<TaskId, Life>,
}

impl World {
    fn new(lives: &[Life]) -> Self {
        let lives = lives.iter().map(|life| (life.id().clone(), life.clone()));
        Self { table: BTreeMap::new(), lives: lives.collect() }
    }

    fn locate(&mut self, id: &TaskId) -> Address {
        let life = self.lives.get_mut(id).unwrap();
        if matches!(life.latest().phase, Phase::Stopped) && !life.address_lingers {
            return Address::Gone;
        }
        match &mut life.asked_in_vain {
            Some(0) => Address::Public("198.51.100.7".parse().unwrap()),
            Some(left) => {
                *left -= 1;
                Address::Unassociated
            }
            None => Address::Unassociated,
        }
    }

    fn write(&mut self, Change { row, guard }: Change) -> bool {
        let present = self.table.get(&row.id);
        let admitted = guard.admits(present, &row);
        if admitted {
            assert!(present.is_none_or(|present| present.version <= row.version), "a row went back");
            self.table.insert(row.id.clone(), row);
        }
        admitted
    }

    /// One step of an invocation, as `aws_task::track` takes them. `None`: it has ended.
    fn step(&mut self, invocation: Invocation) -> Option<Invocation> {
        let Invocation { told, next, attempts_left } = invocation;
        let next = match next {
            Next::Read => Next::Judge(self.table.get(&told.id).cloned()),
            Next::Judge(row) => match judge(row.as_ref(), &told) {
                Verdict::Stale | Verdict::NoNews => return None,
                Verdict::Locate(_, running) => Next::Locate(row, running),
                Verdict::Write(change) => Next::Write(change, false),
            },
            Next::Locate(row, running) => {
                let address = self.locate(&told.id);
                let again = address == Address::Unassociated;
                match resolve_address(row.as_ref(), &told, &running, address) {
                    Some(change) => Next::Write(change, again),
                    None if again && attempts_left > 0 => {
                        return Some(Invocation { told, next: Next::Read, attempts_left: attempts_left - 1 });
                    }
                    None => return None,
                }
            }
            Next::Write(change, again) => {
                if !self.write(change) {
                    return Some(Invocation { told, next: Next::Read, attempts_left });
                }
                return (again && attempts_left > 0).then(|| Invocation {
                    told,
                    next: Next::Read,
                    attempts_left: attempts_left - 1,
                });
            }
        };
        Some(Invocation { told, next, attempts_left })
    }

    /// Delivers every arrival, in an order that `choices` decides, up to four at the same time.
    fn deliver_all(&mut self, choices: &[usize]) {
        self.deliver_with(choices, |_, _| {});
    }

    /// As [`World::deliver_all`], and calls `amid` before each step with the number of steps so far.
    fn deliver_with(&mut self, choices: &[usize], mut amid: impl FnMut(&mut Self, usize)) {
        let mut steps = 0;
        let arrivals = self.lives.values().flat_map(|life| {
            let each = life.said.iter().zip(&life.arrivals);
            each.flat_map(|(told, times)| std::iter::repeat_n(told.clone(), usize::from(*times)))
        });
        let mut waiting: Vec<Task> = arrivals.collect();
        let mut under_way: Vec<Invocation> = Vec::new();
        let mut choices = choices.iter().cycle().copied();
        while !(waiting.is_empty() && under_way.is_empty()) {
            let choice = choices.next().unwrap();
            amid(self, steps);
            steps += 1;
            let begins = under_way.is_empty() || (under_way.len() < 4 && choice % 3 == 0);
            if begins && !waiting.is_empty() {
                let told = waiting.swap_remove(choice % waiting.len());
                under_way.push(Invocation { told, next: Next::Read, attempts_left: 3 });
            } else {
                let invocation = under_way.swap_remove(choice % under_way.len());
                under_way.extend(self.step(invocation));
            }
        }
    }

    fn offered(&self) -> BTreeSet<TaskId> {
        let rows = self.table.values().filter(|row| row.state.is_offered());
        rows.map(|row| row.id.clone()).collect()
    }

    /// What [`reconcile`] sees: what the table offers, what ECS says, and the rows of what ECS does not say.
    /// `remembered`: whether ECS still knows a task that has stopped.
    fn look(&self, remembered: impl Fn(&TaskId) -> bool) -> Seen {
        let offered = self.offered();
        let latest = self.lives.values().map(|life| life.latest().clone());
        let (said, forgotten): (Vec<_>, Vec<_>) =
            latest.partition(|task| !matches!(task.phase, Phase::Stopped) || remembered(&task.id));
        let unknown = forgotten.iter().filter(|task| offered.contains(&task.id));
        let unknown = unknown.filter_map(|task| self.table.get(&task.id).cloned()).collect();
        Seen { offered, said, unknown }
    }

    /// What [`reconcile`] does about it.
    fn repair(&mut self, Seen { offered, said, unknown }: Seen) {
        for row in unknown {
            if let Some(change) = mark_unreachable(&row) {
                self.write(change);
            }
        }
        for task in said.into_iter().filter(|task| contradicts(task, offered.contains(&task.id))) {
            let row = self.table.get(&task.id).cloned();
            let change = match judge(row.as_ref(), &task) {
                Verdict::Stale | Verdict::NoNews => None,
                Verdict::Write(change) => Some(change),
                Verdict::Locate(_, running) => {
                    let address = self.locate(&task.id);
                    resolve_address(row.as_ref(), &task, &running, address)
                }
            };
            if let Some(change) = change {
                self.write(change);
            }
        }
    }

    fn reconcile(&mut self, remembered: impl Fn(&TaskId) -> bool) {
        let seen = self.look(remembered);
        self.repair(seen);
    }

    fn truth(&self) -> BTreeSet<TaskId> {
        let able = self.lives.values().filter(|life| life.can_take_a_broadcast());
        able.map(|life| life.id().clone()).collect()
    }

    /// From here on, EC2 knows every address that it ever will.
    fn let_addresses_come(&mut self) {
        for life in self.lives.values_mut() {
            life.asked_in_vain = life.asked_in_vain.map(|_| 0);
        }
    }
}

fn choices() -> impl Strategy<Value = Vec<usize>> {
    vec(any::<u16>().prop_map(usize::from), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_ends_in_what_truly_is(lives in lives(1..4), choices in choices()) {
        let mut world = World::new(&lives);
        world.deliver_all(&choices);
        prop_assert_eq!(world.offered(), world.truth());
        for life in lives.iter().filter(|life| matches!(life.latest().phase, Phase::Stopped)) {
            prop_assert_eq!(&world.table[life.id()].state, &State::Stopped);
        }
    }

    #[test]
    fn one_reconciliation_makes_up_for_any_loss(lives in lives(0..3), choices in choices(), forgotten: u8) {
        let mut world = World::new(&lives);
        world.deliver_all(&choices);
        world.let_addresses_come();
        let remembered = |id: &TaskId| id.as_str().bytes().last().is_some_and(|digit| forgotten >> (digit % 8) & 1 == 0);
        world.reconcile(remembered);
        prop_assert_eq!(world.offered(), world.truth());
    }

    #[test]
    fn events_that_come_after_a_reconciliation_change_nothing(
        lives in lives(0..3),
        before in choices(),
        after in choices(),
    ) {
        // A task that ECS has forgotten is gone from EC2, too.
        let lives: Vec<Life> = lives.into_iter().map(|life| Life { address_lingers: false, ..life }).collect();
        let mut world = World::new(&lives);
        world.deliver_all(&before);
        world.let_addresses_come();
        world.reconcile(|_| false);
        world.deliver_all(&after);
        prop_assert_eq!(world.offered(), world.truth());
    }

    #[test]
    fn a_reconciliation_amid_the_events_does_no_harm(
        lives in lives(1..4),
        choices in choices(),
        looks in 0..20usize,
        repairs in 0..20usize,
        remembered: bool,
    ) {
        // A task that ECS has forgotten is gone from EC2, too.
        let lives: Vec<Life> = lives.into_iter().map(|life| Life { address_lingers: remembered, ..life }).collect();
        let mut world = World::new(&lives);
        let mut seen = None;
        world.deliver_with(&choices, |world, step| {
            if step == looks {
                seen = Some(world.look(|_| remembered));
            }
            if step == looks + repairs && let Some(seen) = seen.take() {
                world.repair(seen);
            }
        });
        if let Some(seen) = seen {
            world.repair(seen);
        }
        prop_assert_eq!(world.offered(), world.truth());
    }

    #[test]
    fn reconciling_twice_is_reconciling_once(lives in lives(0..3), choices in choices()) {
        let mut world = World::new(&lives);
        world.deliver_all(&choices);
        world.let_addresses_come();
        world.reconcile(|_| true);
        let once = world.table.clone();
        world.reconcile(|_| true);
        prop_assert_eq!(world.table, once);
    }
}

fn running(version: TaskVersion) -> Task {
    let run = Running { interface: "eni-1".parse().ok(), availability_zone: None, started_at: None };
    Task { id: "task".parse().unwrap(), version, phase: Phase::Running(run) }
}

fn row(version: TaskVersion, state: State) -> TaskRow {
    TaskRow { id: "task".parse().unwrap(), version, state }
}

fn offered() -> State {
    State::Offered(Server {
        id: "task".parse().unwrap(),
        public_ip: "198.51.100.7".parse().unwrap(),
        availability_zone: None,
        started_at: None,
    })
}

#[test]
fn a_status_means_a_phase() {
    for (last, desired, expected) in [
        ("PROVISIONING", "RUNNING", "starting"),
        ("PENDING", "RUNNING", "starting"),
        ("ACTIVATING", "RUNNING", "starting"),
        ("SOMETHING_NEW", "RUNNING", "starting"),
        ("RUNNING", "RUNNING", "running"),
        ("RUNNING", "STOPPED", "draining"),
        ("PENDING", "STOPPED", "draining"),
        ("DEACTIVATING", "STOPPED", "draining"),
        ("STOPPING", "STOPPED", "draining"),
        // A crash: nobody has wished for it yet.
        ("DEPROVISIONING", "RUNNING", "draining"),
        ("STOPPED", "STOPPED", "stopped"),
        ("STOPPED", "RUNNING", "stopped"),
        ("DELETED", "STOPPED", "stopped"),
    ] {
        let phase = Phase::of(last, desired, || Running { interface: None, availability_zone: None, started_at: None });
        let word = match phase {
            Phase::Starting => "starting",
            Phase::Running(_) => "running",
            Phase::Draining => "draining",
            Phase::Stopped => "stopped",
        };
        assert_eq!(word, expected, "{last}, wanted {desired}");
    }
}

#[test]
fn a_task_that_has_stopped_does_not_come_back() {
    assert_eq!(judge(Some(&row(9, State::Stopped)), &running(5)), Verdict::Stale);
    assert_eq!(judge(Some(&row(9, State::Stopped)), &running(9)), Verdict::NoNews);
}

#[test]
fn news_of_an_offered_server_that_still_runs_writes_nothing() {
    assert_eq!(judge(Some(&row(4, offered())), &running(4)), Verdict::NoNews);
    assert_eq!(judge(Some(&row(4, offered())), &running(5)), Verdict::NoNews);
}

#[test]
fn a_task_without_an_address_is_asked_for_again_by_the_same_news() {
    let unreachable = row(4, State::Unreachable);
    assert!(matches!(judge(Some(&unreachable), &running(4)), Verdict::Locate(..)));
    let task = running(4);
    let Phase::Running(run) = &task.phase else { panic!() };
    let address = Address::Public("198.51.100.7".parse().unwrap());
    assert_eq!(
        resolve_address(Some(&unreachable), &task, run, address),
        Some(Change { row: row(4, offered()), guard: Guard::Unchanged(unreachable.clone()) })
    );
    for address in [Address::Unassociated, Address::Gone] {
        assert_eq!(resolve_address(Some(&unreachable), &task, run, address), None, "{address:?}");
    }
}

#[test]
fn a_task_that_shares_its_hosts_interface_is_recorded_and_not_offered() {
    let run = Running { interface: None, availability_zone: None, started_at: None };
    let task = Task { phase: Phase::Running(run), ..running(3) };
    let change = Change { row: row(3, State::Unreachable), guard: Guard::Newer };
    assert_eq!(judge(None, &task), Verdict::Write(change));
    assert_eq!(judge(Some(&row(2, State::Unreachable)), &task), Verdict::NoNews);
}
