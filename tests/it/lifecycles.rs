//! Any lives of tasks, with their events in any order, doubled, at once and lost: the list of servers is what ECS says.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::Value;
use tests::{Fleet, Task, TestApp};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Few, so that many events meet.
const MOMENTS: u8 = 6;

/// A part of a task's life.
#[derive(Debug, Clone)]
struct Stretch {
    /// How far it goes first.
    steps: usize,
    ending: Ending,
    /// How far it goes after that.
    more_steps: usize,
    /// Whether EC2 tells its public address.
    is_associated: bool,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    None,
    Stop,
    /// If it runs by then.
    Crash,
    /// ECS forgets it: as if it had stopped long ago, and without a word.
    Forget,
}

/// What becomes of an event. Those of the same moment are delivered at once.
#[derive(Debug, Clone)]
struct Arrival {
    moment: u8,
    /// When it is delivered once more.
    again: Option<u8>,
    is_lost: bool,
}

#[derive(Debug, Clone)]
struct Case {
    /// Of each task: a stretch of which every event is delivered, and one of which events are lost.
    lives: Vec<(Stretch, Stretch)>,
    /// By event, in turn.
    arrivals: Vec<Arrival>,
}

fn stretch(endings: &'static [Ending]) -> impl Strategy<Value = Stretch> {
    let ending = prop::sample::select(endings);
    let stretch = (0..=4_usize, ending, 0..=4_usize, any::<bool>());
    stretch.prop_map(|(steps, ending, more_steps, is_associated)| Stretch { steps, ending, more_steps, is_associated })
}

fn case() -> impl Strategy<Value = Case> {
    let told = stretch(&[Ending::None, Ending::None, Ending::Stop, Ending::Crash]);
    let lossy = stretch(&[Ending::None, Ending::Stop, Ending::Crash, Ending::Forget]);
    let arrival = (0..MOMENTS, prop::option::of(0..MOMENTS), any::<bool>());
    let arrival = arrival.prop_map(|(moment, again, is_lost)| Arrival { moment, again, is_lost });
    // An address that a task has stays with it.
    let life = (told, lossy).prop_map(|(told, lossy)| {
        let is_associated = told.is_associated || lossy.is_associated;
        (told, Stretch { is_associated, ..lossy })
    });
    let case = (prop::collection::vec(life, 1..=8), prop::collection::vec(arrival, 100));
    case.prop_map(|(lives, arrivals)| Case { lives, arrivals })
}

/// Lives on, and answers what ECS says meanwhile.
async fn live(fleet: &Fleet<'_>, task: &mut Task, stretch: &Stretch, is_forgotten: &mut bool) -> Vec<Value> {
    let heard = task.said.len();
    if !*is_forgotten {
        fleet.associate(task, stretch.is_associated).await;
        fleet.tick(task, stretch.steps).await;
        match stretch.ending {
            Ending::Stop => fleet.stop(task, 0).await,
            Ending::Crash if task.last()["detail"]["lastStatus"] == "RUNNING" => fleet.crash(task).await,
            Ending::None | Ending::Crash => {}
            Ending::Forget => {
                fleet.forget(task).await;
                *is_forgotten = true;
            }
        }
        if !*is_forgotten {
            fleet.tick(task, stretch.more_steps).await;
        }
    }
    task.said[heard..].to_vec()
}

/// Delivers events as their arrivals have it, moment by moment.
async fn deliver(app: &TestApp, events: &[Value], arrivals: &[Arrival], may_lose: bool) {
    for now in 0..MOMENTS {
        let mut at_once = JoinSet::new();
        for (event, arrival) in events.iter().zip(arrivals.iter().cycle()) {
            for moment in [Some(arrival.moment), arrival.again].into_iter().flatten() {
                if moment == now && !(may_lose && arrival.is_lost) {
                    let (door, event) = (app.anonymous().clone(), event.clone());
                    at_once.spawn(async move { door.post("/_local/events?wait=true", event).await.expect(200) });
                }
            }
        }
        at_once.join_all().await;
    }
}

/// The tasks that ECS says run and are meant to, and that can be reached.
async fn reachable<'a>(fleet: &Fleet<'_>, tasks: &[Task], last: impl Iterator<Item = &'a Stretch>) -> BTreeSet<String> {
    let mut running = fleet.running(tasks).await;
    for (task, _) in tasks.iter().zip(last).filter(|(_, stretch)| !stretch.is_associated) {
        running.remove(&task.id);
    }
    running
}

async fn check(app: &TestApp, case: &Case) -> Result<(), TestCaseError> {
    app.reset().await;
    let fleet = Fleet::new(app).await;
    let mut tasks = fleet.start(case.lives.len()).await;
    let mut forgotten = vec![false; tasks.len()];

    let mut events: Vec<Value> = tasks.iter().flat_map(|task| task.said.clone()).collect();
    for ((task, (told, _)), is_forgotten) in tasks.iter_mut().zip(&case.lives).zip(&mut forgotten) {
        events.extend(live(&fleet, task, told, is_forgotten).await);
    }
    deliver(app, &events, &case.arrivals, false).await;
    let expected = reachable(&fleet, &tasks, case.lives.iter().map(|(told, _)| told)).await;
    prop_assert_eq!(fleet.offered().await, expected, "all events were delivered");

    events.clear();
    for ((task, (_, lossy)), is_forgotten) in tasks.iter_mut().zip(&case.lives).zip(&mut forgotten) {
        events.extend(live(&fleet, task, lossy, is_forgotten).await);
    }
    deliver(app, &events, &case.arrivals, true).await;
    fleet.reconciled().await;
    let expected = reachable(&fleet, &tasks, case.lives.iter().map(|(_, lossy)| lossy)).await;
    prop_assert_eq!(fleet.offered().await, expected, "the reconciler has run");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_servers_is_what_ecs_says_whatever_became_of_its_events() {
    TestApp::run(async |app| {
        let config =
            ProptestConfig { cases: 24, max_shrink_iters: 100, failure_persistence: None, ..Default::default() };
        let runtime = Handle::current();
        let checked = TestRunner::new(config)
            .run(&case(), |case| tokio::task::block_in_place(|| runtime.block_on(check(app, &case))));
        checked.unwrap_or_else(|failure| panic!("{failure}"));
    })
    .await;
}
