//! Any lives of streams, with their events in any order, doubled, at once and lost: the list of streams is what IVS says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};
use tests::{Air, Channel, TestApp};
use tokio::runtime::Handle;

/// Few, so that many events meet.
const MOMENTS: u8 = 4;

/// A part of a channel's life: how long each broadcast takes in seconds, and the pause before it.
#[derive(Debug, Clone)]
struct Stretch {
    broadcasts: Vec<(i64, i64)>,
    /// Whether the last of them goes on.
    is_on: bool,
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
    /// Of each channel: a stretch of which every event is delivered, and one of which events are lost.
    lives: Vec<(Stretch, Stretch)>,
    /// By event, in turn.
    arrivals: Vec<Arrival>,
}

fn case() -> impl Strategy<Value = Case> {
    // Nothing takes longer than a second or two: sessions of one second are the hardest.
    let stretch = (prop::collection::vec((0..=2_i64, 0..=1_i64), 0..=3), any::<bool>());
    let stretch = stretch.prop_map(|(broadcasts, is_on)| Stretch { broadcasts, is_on });
    let arrival = (0..MOMENTS, prop::option::of(0..MOMENTS), any::<bool>());
    let arrival = arrival.prop_map(|(moment, again, is_lost)| Arrival { moment, again, is_lost });
    let lives = prop::collection::vec((stretch.clone(), stretch), 1..=4);
    (lives, prop::collection::vec(arrival, 60)).prop_map(|(lives, arrivals)| Case { lives, arrivals })
}

/// What was on air before, if anything: its session, and how many seconds ago that ended or will have ended.
type OnAir = Option<String>;

/// Lives on, from so many seconds ago, and answers what IVS says meanwhile.
async fn live(air: &Air<'_>, channel: &Channel, stretch: &Stretch, from: i64, on_air: &mut OnAir) -> Vec<Value> {
    let (mut said, mut ago) = (Vec::new(), from);
    for (takes, pause) in &stretch.broadcasts {
        said.extend(end(air, channel, ago, on_air).await);
        ago -= pause;
        let session = air.begin(channel).await;
        said.push(channel.event("Session Created", &session, ago));
        said.push(channel.started(&session, ago));
        *on_air = Some(session);
        ago -= takes;
    }
    if !stretch.is_on {
        said.extend(end(air, channel, ago, on_air).await);
    }
    said
}

async fn end(air: &Air<'_>, channel: &Channel, ago: i64, on_air: &mut OnAir) -> Vec<Value> {
    let Some(session) = on_air.take() else { return Vec::new() };
    air.end(channel).await;
    vec![channel.event("Session Ended", &session, ago), channel.ended(&session, ago)]
}

/// Delivers events as their arrivals have it, moment by moment.
async fn deliver(air: &Air<'_>, events: &[Value], arrivals: &[Arrival], may_lose: bool) {
    for now in 0..MOMENTS {
        let with = events.iter().zip(arrivals.iter().cycle());
        let kept = with.filter(|(_, arrival)| !(may_lose && arrival.is_lost));
        let at_once = kept.flat_map(|(event, arrival)| {
            let moments = [Some(arrival.moment), arrival.again].into_iter().flatten();
            moments.filter(move |moment| *moment == now).map(|_| event.clone())
        });
        air.tell_at_once(at_once.collect::<Vec<_>>()).await;
    }
}

/// What is on air in truth.
async fn truth(app: &TestApp, channels: &[Channel]) -> BTreeMap<String, String> {
    let listed = app.at_once(app.ivs_low_latency().list_streams().max_results(100).send()).await.unwrap();
    let name = |arn: &str| channels.iter().find(|channel| channel.arn == arn).unwrap().name.clone();
    let streams = listed.streams().iter();
    streams.map(|it| (name(it.channel_arn().unwrap()), it.stream_id().unwrap().to_owned())).collect()
}

async fn check(app: &TestApp, case: &Case) -> Result<(), TestCaseError> {
    app.reset().await;
    let air = Air::new(app).await;
    let mut channels = Vec::new();
    for number in 0..case.lives.len() {
        channels.push(air.channel(&format!("show-{number}"), json!({})).await);
    }
    let mut on_air: Vec<OnAir> = vec![None; channels.len()];

    let mut events = Vec::new();
    for ((channel, (told, _)), on_air) in channels.iter().zip(&case.lives).zip(&mut on_air) {
        events.extend(live(&air, channel, told, 60, on_air).await);
    }
    deliver(&air, &events, &case.arrivals, false).await;
    prop_assert_eq!(air.sessions().await, truth(app, &channels).await, "all events were delivered");

    // Long enough ago for a listing to be right.
    events.clear();
    for ((channel, (_, lossy)), on_air) in channels.iter().zip(&case.lives).zip(&mut on_air) {
        events.extend(live(&air, channel, lossy, 40, on_air).await);
    }
    deliver(&air, &events, &case.arrivals, true).await;
    air.reconciled().await;
    prop_assert_eq!(air.sessions().await, truth(app, &channels).await, "the reconciler has run");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_streams_is_what_ivs_says_whatever_became_of_its_events() {
    TestApp::run(async |app| {
        let config =
            ProptestConfig { cases: 24, max_shrink_iters: 100, failure_persistence: None, ..Default::default() };
        let runtime = Handle::current();
        let checked = TestRunner::new(config)
            .run(&case(), |case| tokio::task::block_in_place(|| runtime.block_on(check(app, &case))));
        checked.unwrap_or_else(|failure| panic!("{failure}"));
        // Live channels cannot be deleted by anybody.
        app.reset().await;
    })
    .await;
}
