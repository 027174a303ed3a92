//! `/broadcasts`: tickets, what a server makes of them, and how a broadcast ends. The servers are played.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_broadcast::Renewal;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_server::Heartbeat;
use futures_util::stream::{self, StreamExt};
use model::broadcast::{EndReason, IngestKind, Phase, Refusal, Standing, Ticket};
use model::{BroadcastId, TaskId, Timestamp};
use serde_json::{Value, json};
use tests::{Air, Answer, Caller, Fleet, PlayedServer, Room, Row, Setup, TestApp};
use tests::{ago, nth_of_each, ticket};

/// The user alice with a channel `demo`, and a server with room.
async fn on_stage(app: &TestApp) -> (Caller, Room<'_>, PlayedServer) {
    let alice = app.user("alice");
    alice.put("/channels/demo", json!({})).await.expect(201);
    let room = Room::new(app).await;
    let server = room.open(1, 8).await.remove(0);
    (alice, room, server)
}

async fn begin(caller: &Caller, channel: &str) -> Value {
    caller.post("/broadcasts", json!({"channel": channel})).await.expect(201).json()
}

async fn take_over(caller: &Caller, channel: &str) -> Value {
    caller.post("/broadcasts", json!({"channel": channel, "takeOver": true})).await.expect(201).json()
}

/// The path of a broadcast.
fn path(begun: &Value) -> String {
    format!("/broadcasts/{}", begun["broadcast"].as_str().unwrap())
}

fn id(begun: &Value) -> BroadcastId {
    begun["broadcast"].as_str().unwrap().parse().unwrap()
}

/// State and reason of a broadcast's end, as its owner is shown.
async fn shown(caller: &Caller, begun: &Value) -> (String, Value) {
    let shown = caller.get(&path(begun)).await.expect(200).json();
    (shown["state"].as_str().unwrap().to_owned(), shown["endReason"].clone())
}

fn state(word: &str) -> (String, Value) {
    (word.to_owned(), Value::Null)
}

fn ended(reason: &str) -> (String, Value) {
    ("ended".to_owned(), json!(reason))
}

fn settings() -> Value {
    json!({
        "kind": "custom", "ingestUrl": "rtmp://live.example.com/app", "streamKey": "key-of-alice",
        "playbackUrl": "https://cdn.example.com/x.m3u8",
    })
}

fn later(seconds: u64) -> Timestamp {
    Timestamp::now() + Duration::from_secs(seconds)
}

/// The one server that the table has.
async fn row_of(app: &TestApp, server: &TaskId) -> Row {
    let rows = app.rows("servers").await;
    rows.into_iter().find(|row| row["taskId"].as_s().unwrap() == server.as_str()).unwrap()
}

fn number(row: &Row, name: &str) -> Option<i64> {
    row.get(name).map(|value| value.as_n().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_broadcast_goes_from_its_ticket_to_its_end() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let answer = alice.post("/broadcasts", json!({"channel": "demo"})).await.expect(201);
        assert_eq!(answer.header("cache-control"), "no-store");
        let begun = answer.json();
        let url = app.parameter("TranswrapUrl").replace("{publicIp}", "198.51.100.7");
        let url = url.replace("{dashedIp}", "198-51-100-7").replace("{taskId}", server.id.as_str());
        assert_eq!(begun["url"], url);
        let expires_at: Timestamp = begun["expiresAt"].as_str().unwrap().parse().unwrap();
        assert!(expires_at > later(30) && expires_at <= later(60), "{expires_at}");
        // The table knows the ticket by its hash alone.
        let rows = format!("{:?}", app.rows("broadcasts").await);
        let secret = begun["ticket"].as_str().unwrap().split_once('.').unwrap().1;
        assert!(!rows.contains(secret) && rows.contains(&ticket(&begun).hash().to_string()));

        let waiting = alice.get(&path(&begun)).await.expect(200).json();
        let expected = json!({
            "broadcast": begun["broadcast"], "channel": "demo", "state": "waiting", "createdAt": waiting["createdAt"],
            "liveAt": null, "endedAt": null, "endReason": null, "server": null,
        });
        assert_eq!(waiting, expected);

        let (row, own) = room.redeem(&begun, &server.id, Timestamp::now()).await;
        assert_eq!((row.id.as_str(), row.owner.as_str()), (begun["broadcast"].as_str().unwrap(), "alice"));
        assert_eq!(room.broadcasts.standing(&row).await.unwrap(), Standing::Alone);
        assert_eq!(shown(&alice, &begun).await, state("connecting"));
        for (phase, word) in [(Phase::Live, "live"), (Phase::Interrupted, "interrupted"), (Phase::Live, "live")] {
            let renewed = room.broadcasts.renew(&row.id, &own.attempt, phase, Timestamp::now()).await.unwrap();
            assert!(matches!(renewed, Renewal::Owned(row) if row.end_requested.is_none()));
            assert_eq!(shown(&alice, &begun).await, state(word));
        }
        let live = alice.get(&path(&begun)).await.expect(200).json();
        let live_at: Timestamp = live["liveAt"].as_str().unwrap().parse().unwrap();
        assert!(live_at >= own.redeemed_at && live["server"] == server.id.as_str(), "{live}");

        let (reason, now) = (EndReason::Stopped, Timestamp::now());
        assert!(room.broadcasts.end(&row.id, &own.attempt, reason, now).await.unwrap());
        let over = alice.get(&path(&begun)).await.expect(200).json();
        assert_eq!((&over["state"], &over["endReason"]), (&json!("ended"), &json!("stopped")));
        assert_eq!((&over["endedAt"], &over["liveAt"]), (&json!(now), &live["liveAt"]));
        assert_eq!(over["server"], server.id.as_str());
        // It is over for good.
        assert_eq!(
            room.broadcasts.renew(&row.id, &own.attempt, Phase::Live, Timestamp::now()).await.unwrap(),
            Renewal::Superseded
        );
        assert!(!room.broadcasts.end(&row.id, &own.attempt, EndReason::Quiet, Timestamp::now()).await.unwrap());
        alice.post(&format!("{}/tickets", path(&begun)), json!({})).await.expect_problem(409, "broadcast-ended");
    })
    .await;
}

#[tokio::test]
async fn a_ticket_opens_its_own_server_once_and_in_time() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let begun = begin(&alice, "demo").await;
        let now = Timestamp::now();
        let refused =
            async |ticket: Ticket, server: &TaskId, now| room.try_redeem(ticket, server, now).await.unwrap_err();
        let unknown = Ticket::draw(&BroadcastId::random().unwrap()).unwrap();
        assert_eq!(refused(unknown, &server.id, now).await, Refusal::Unknown);
        let forged = Ticket::draw(&id(&begun)).unwrap();
        assert_eq!(refused(forged, &server.id, now).await, Refusal::Forged);
        let other: TaskId = "another-server".parse().unwrap();
        assert_eq!(refused(ticket(&begun), &other, now).await, Refusal::Foreign);
        assert_eq!(refused(ticket(&begun), &server.id, later(60)).await, Refusal::Expired);
        // None of these has used it up.
        room.redeem(&begun, &server.id, now).await;
        assert_eq!(refused(ticket(&begun), &server.id, now).await, Refusal::Used);
        let next = alice.post(&format!("{}/tickets", path(&begun)), json!({})).await.expect(201).json();
        assert_eq!(refused(ticket(&begun), &server.id, now).await, Refusal::Forged);
        alice.delete(&path(&begun)).await.expect(204);
        assert_eq!(refused(ticket(&next), &server.id, now).await, Refusal::Ended);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_bring_the_same_ticket_at_once_one_is_let_in() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let begun = begin(&alice, "demo").await;
        let tries = (0..20).map(|_| room.try_redeem(ticket(&begun), &server.id, Timestamp::now()));
        let results = futures_util::future::join_all(tries).await;
        let (let_in, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(let_in.len(), 1);
        assert!(refused.into_iter().all(|refused| refused.unwrap_err() == Refusal::Used));
    })
    .await;
}

#[tokio::test]
async fn another_ticket_takes_the_place_of_the_one_before_and_its_redeemer_that_of_the_owner() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let begun = begin(&alice, "demo").await;
        let tickets = format!("{}/tickets", path(&begun));
        let (first, answer) = (ticket(&begun), alice.post(&tickets, json!({})).await.expect(201));
        assert_eq!(answer.header("cache-control"), "no-store");
        let next = answer.json();
        assert_eq!(next["broadcast"], begun["broadcast"]);
        assert_eq!(room.try_redeem(first, &server.id, Timestamp::now()).await.unwrap_err(), Refusal::Forged);
        let (row, first) = room.redeem(&next, &server.id, Timestamp::now()).await;
        // It is on air, and it is the same broadcast.
        room.broadcasts.renew(&row.id, &first.attempt, Phase::Live, Timestamp::now()).await.unwrap();
        let moved = alice.post(&tickets, json!({})).await.expect(201).json();
        assert_eq!(shown(&alice, &begun).await, state("live"));
        let (row, second) = room.redeem(&moved, &server.id, Timestamp::now()).await;
        assert_eq!(room.broadcasts.standing(&row).await.unwrap(), Standing::Alone);
        let renew =
            async |attempt| room.broadcasts.renew(&row.id, attempt, Phase::Live, Timestamp::now()).await.unwrap();
        assert_eq!(renew(&first.attempt).await, Renewal::Superseded);
        assert!(!room.broadcasts.end(&row.id, &first.attempt, EndReason::Lost, Timestamp::now()).await.unwrap());
        assert!(matches!(renew(&second.attempt).await, Renewal::Owned(_)));
    })
    .await;
}

#[tokio::test]
async fn one_broadcast_of_a_target_at_a_time_unless_the_later_one_takes_over() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let desired = json!({"channel": "demo"});
        let first = begin(&alice, "demo").await;
        // Nobody has come with the ticket yet.
        alice.post("/broadcasts", desired.clone()).await.expect(201);
        let (first_row, own) = room.redeem(&first, &server.id, ago(2)).await;
        for phase in [Phase::Connecting, Phase::Live, Phase::Interrupted] {
            room.broadcasts.renew(&first_row.id, &own.attempt, phase, Timestamp::now()).await.unwrap();
            alice.post("/broadcasts", desired.clone()).await.expect_problem(409, "on-air");
        }
        let second = take_over(&alice, "demo").await;
        // It has taken nothing yet.
        assert_eq!(shown(&alice, &first).await, state("interrupted"));
        let (second_row, _) = room.redeem(&second, &server.id, Timestamp::now()).await;
        assert_eq!(room.broadcasts.standing(&second_row).await.unwrap(), Standing::TakesOver(first_row.id.clone()));
        assert_eq!(room.broadcasts.standing(&first_row).await.unwrap(), Standing::TakenOver(second_row.id.clone()));
        assert!(room.broadcasts.take_over(&first_row.id, Timestamp::now()).await.unwrap());
        let renewed = room.broadcasts.renew(&first_row.id, &own.attempt, Phase::Live, Timestamp::now()).await.unwrap();
        assert!(matches!(renewed, Renewal::Owned(row) if row.end_requested == Some(EndReason::TakenOver)));
        alice.post(&format!("{}/tickets", path(&first)), json!({})).await.expect_problem(409, "broadcast-ended");
        room.broadcasts.end(&first_row.id, &own.attempt, EndReason::TakenOver, Timestamp::now()).await.unwrap();
        assert_eq!(shown(&alice, &first).await, ended("taken-over"));
        assert_eq!(room.broadcasts.standing(&second_row).await.unwrap(), Standing::Alone);
        alice.post("/broadcasts", desired).await.expect_problem(409, "on-air");
    })
    .await;
}

#[tokio::test]
async fn a_broadcast_that_nobody_can_resume_stays_as_it_is_when_its_target_is_taken() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        for (seconds_ago, is_told, then) in
            [(10, true, state("connecting")), (20, true, ended("taken-over")), (80, false, ended("server-lost"))]
        {
            let begun = take_over(&alice, "demo").await;
            room.redeem(&begun, &server.id, ago(seconds_ago)).await;
            let told = room.broadcasts.take_over(&id(&begun), Timestamp::now()).await.unwrap();
            assert_eq!((told, shown(&alice, &begun).await), (is_told, then), "{seconds_ago}");
        }
        // A page is on its way with a ticket.
        let begun = take_over(&alice, "demo").await;
        room.redeem(&begun, &server.id, ago(65)).await;
        alice.post(&format!("{}/tickets", path(&begun)), json!({})).await.expect(201);
        assert!(room.broadcasts.take_over(&id(&begun), later(30)).await.unwrap());
        assert_eq!(shown(&alice, &begun).await, ended("taken-over"));
        // One that was ended a moment ago may still be connected.
        let begun = take_over(&alice, "demo").await;
        let (row, own) = room.redeem(&begun, &server.id, Timestamp::now()).await;
        room.broadcasts.end(&row.id, &own.attempt, EndReason::Stopped, Timestamp::now()).await.unwrap();
        assert!(room.broadcasts.take_over(&row.id, Timestamp::now()).await.unwrap());
        assert_eq!(shown(&alice, &begun).await, ended("stopped"));
    })
    .await;
}

#[tokio::test]
async fn a_target_whose_server_is_lost_is_free_for_another_broadcast() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let begun = begin(&alice, "demo").await;
        room.redeem(&begun, &server.id, ago(16)).await;
        begin(&alice, "demo").await;
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_somebody_else_broadcasts_to_is_on_air_too() {
    TestApp::run(async |app| {
        let (alice, _room, _) = on_stage(app).await;
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        let owner = app.rows("channels").await.into_iter().find(|row| row["name"].as_s().unwrap() == "show").unwrap();
        let owner = app.user(owner["owner"].as_s().unwrap());
        begin(&owner, "show").await;
        air.tell([show.started("st-1", 5)]).await;
        let desired = json!({"channel": "show"});
        owner.post("/broadcasts", desired.clone()).await.expect_problem(409, "on-air");
        take_over(&owner, "show").await;
        // Of another channel, it is none.
        begin(&alice, "demo").await;
        air.tell([show.ended("st-1", 1)]).await;
        owner.post("/broadcasts", desired).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn settings_are_a_target_of_their_own_for_each_user() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let desired = json!({"broadcastSettings": true});
        alice.post("/broadcasts", desired.clone()).await.expect_problem(404, "not-found");
        let bob = app.user("bob");
        for user in [&alice, &bob] {
            user.put("/broadcast-settings", settings()).await.expect(201);
        }
        let begun = alice.post("/broadcasts", desired.clone()).await.expect(201).json();
        let one = alice.get(&path(&begun)).await.expect(200).json();
        assert_eq!((&one["broadcastSettings"], &one["channel"]), (&json!(true), &Value::Null));
        room.redeem(&begun, &server.id, Timestamp::now()).await;
        alice.post("/broadcasts", desired.clone()).await.expect_problem(409, "on-air");
        bob.post("/broadcasts", desired.clone()).await.expect(201);
        begin(&alice, "demo").await;
        let over = json!({"broadcastSettings": true, "takeOver": true});
        alice.post("/broadcasts", over).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn only_a_channel_of_the_callers_can_be_broadcast_to() {
    TestApp::run(async |app| {
        let (_alice, _room, _) = on_stage(app).await;
        let bob = app.user("bob");
        bob.post("/broadcasts", json!({"channel": "demo"})).await.expect_problem(403, "not-owner");
        bob.post("/broadcasts", json!({"channel": "demo", "takeOver": true})).await.expect_problem(403, "not-owner");
        bob.post("/broadcasts", json!({"channel": "none"})).await.expect_problem(404, "not-found");
        assert!(app.rows("broadcasts").await.is_empty());
        let servers = app.rows("servers").await;
        assert_eq!(number(&servers[0], "places"), Some(8), "a refused request has taken a place");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_names_no_target_or_two_is_a_400_problem() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        for (body, fields) in [
            (json!({}), &["channel"][..]),
            (json!({"takeOver": true}), &["channel"]),
            (json!({"channel": "demo", "broadcastSettings": true}), &["channel"]),
            (json!({"broadcastSettings": false}), &["channel"]),
            (json!({"channel": "demo", "broadcastSettings": false}), &["channel"]),
            (json!({"channel": "no spaces"}), &["channel"]),
            (
                json!({"channel": 7, "broadcastSettings": 1, "takeOver": "yes"}),
                &["channel", "broadcastSettings", "takeOver"],
            ),
            (json!({"channel": "demo", "url": "rtmp://example.com"}), &["url"]),
        ] {
            let refused = alice.post("/broadcasts", body.clone()).await.expect_problem(400, "invalid-request").json();
            let named: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|it| it["field"].clone()).collect();
            assert_eq!(named, fields, "{body}");
        }
        for (method, path) in
            [("GET", "/broadcasts/demo"), ("DELETE", "/broadcasts/demo"), ("POST", "/broadcasts/x/tickets")]
        {
            alice.send(method, path, &[], "").await.expect_problem(400, "invalid-request");
        }
        let body = [("content-type", "application/json")];
        alice
            .send("POST", "/broadcasts/bc-x/tickets", &body, r#"{"a":1}"#)
            .await
            .expect_problem(400, "invalid-request");
    })
    .await;
}

/// That no server is offered now.
async fn nobody_is_offered(alice: &Caller, why: &str) {
    let refused = alice.post("/broadcasts", json!({"channel": "demo", "takeOver": true})).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"), "{why}: {}", refused.text);
    refused.expect_problem(503, "no-server");
}

#[tokio::test]
async fn only_a_server_that_says_it_has_room_is_offered() {
    for url in ["wss://{publicIp}:8443/", "wss://live.example.com/"] {
        let run = Setup::default().parameter("TranswrapUrl", url).run(async |app| {
            let alice = app.user("alice");
            alice.put("/channels/demo", json!({})).await.expect(201);
            let room = Room::new(app).await;
            nobody_is_offered(&alice, "there is none").await;
            let mut server = room.open(1, 2).await.remove(0);
            begin(&alice, "demo").await;

            room.beat(&mut server, ago(20)).await;
            nobody_is_offered(&alice, "its heartbeat has stopped").await;
            room.beat(&mut server, Timestamp::now()).await;
            begin(&alice, "demo").await;

            server.sessions = 2;
            assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::Offered { places: 0 });
            nobody_is_offered(&alice, "it is full").await;
            server.sessions = 0;
            server.capacity = 8;
            room.beat(&mut server, Timestamp::now()).await;
            begin(&alice, "demo").await;

            room.servers.withdraw(&server.id).await.unwrap();
            nobody_is_offered(&alice, "it has withdrawn").await;
            room.beat(&mut server, Timestamp::now()).await;
            begin(&alice, "demo").await;
        });
        run.await;
    }
}

#[tokio::test]
async fn a_server_that_ecs_drains_is_not_offered_whatever_it_says() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let (room, fleet) = (Room::new(app).await, Fleet::new(app).await);
        let mut task = fleet.run_one().await;
        let mut server = PlayedServer {
            id: task.id.parse().unwrap(),
            capacity: 8,
            sessions: 0,
            ledger: model::broadcast::PromiseLedger::new(),
        };
        // It runs before ECS has said so.
        assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::NotOffered);
        fleet.tell_all([task.last()]).await;
        assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::Offered { places: 8 });
        begin(&alice, "demo").await;
        fleet.stop(&mut task, 1).await;
        fleet.tell_all([task.last()]).await;
        nobody_is_offered(&alice, "it drains").await;
        assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::NotOffered);
        nobody_is_offered(&alice, "it drains, and says that it has room").await;
        assert_eq!(fleet.state(&task.id).await.as_deref(), Some("draining"));
    })
    .await;
}

#[tokio::test]
async fn tickets_on_their_way_take_places_until_they_are_redeemed_or_expire() {
    TestApp::run(async |app| {
        let (alice, room, mut server) = on_stage(app).await;
        let first = begin(&alice, "demo").await;
        begin(&alice, "demo").await;
        let row = row_of(app, &server.id).await;
        assert_eq!((number(&row, "places"), number(&row, "promised")), (Some(6), Some(2)));
        assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::Offered { places: 6 });
        room.redeem(&first, &server.id, Timestamp::now()).await;
        server.sessions = 1;
        server.ledger.redeemed(ago(5));
        assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::Offered { places: 6 });
        assert_eq!(room.beat(&mut server, later(61)).await, Heartbeat::Offered { places: 7 });
        // The task tracker writes the row anew; the next heartbeat says all again.
        track(app, &server.id).await;
        nobody_is_offered(&alice, "the server has not said anything since").await;
        assert_eq!(room.beat(&mut server, later(61)).await, Heartbeat::Offered { places: 7 });
        take_over(&alice, "demo").await;
    })
    .await;
}

/// Writes a server's row as the task tracker does: without what the server has said.
async fn track(app: &TestApp, server: &TaskId) {
    let dropped = ["places", "promised", "room", "leaseUntil"];
    let tracked = row_of(app, server).await.into_iter().filter(|(name, _)| !dropped.contains(&name.as_str()));
    app.fill("servers", [tracked.collect::<Row>()]).await;
}

#[tokio::test]
async fn a_ticket_is_counted_though_another_one_was_redeemed_while_the_row_began_anew() {
    TestApp::run(async |app| {
        let (alice, room, mut server) = on_stage(app).await;
        let first = begin(&alice, "demo").await;
        assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::Offered { places: 7 });
        // A heartbeat begins; before it writes, the task tracker does, and the ticket is redeemed.
        let mut lent = server.ledger.lend();
        track(app, &server.id).await;
        room.redeem(&first, &server.id, Timestamp::now()).await;
        server.ledger.redeemed(ago(1));
        let beat = room.servers.heartbeat(&server.id, &mut lent, 8, 0, Timestamp::now()).await.unwrap();
        assert_eq!(beat, Heartbeat::Offered { places: 7 });
        server.ledger.take_back(lent);
        server.sessions = 1;
        // The counter is where it was before the row began anew.
        take_over(&alice, "demo").await;
        assert_eq!(number(&row_of(app, &server.id).await, "promised"), Some(1));
        assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::Offered { places: 6 });
    })
    .await;
}

#[tokio::test]
async fn a_ticket_is_counted_though_the_heartbeat_before_it_was_written_and_not_answered() {
    TestApp::run(async |app| {
        let (alice, room, mut server) = on_stage(app).await;
        server.ledger = model::broadcast::PromiseLedger::new();
        // The first of all, and one that finds that the row has begun anew, which a write before it is refused for.
        for (nth, places) in [(1, 7), (2, 6)] {
            track(app, &server.id).await;
            let mut lent = server.ledger.lend();
            app.fault(json!({
                "service": "dynamodb", "operation": "UpdateItem", "nth": nth, "times": null,
                "fault": {"kind": "drop", "when": "after"},
            }))
            .await;
            room.servers.heartbeat(&server.id, &mut lent, 8, 0, Timestamp::now()).await.unwrap_err();
            app.heal().await;
            server.ledger.take_back(lent);
            take_over(&alice, "demo").await;
            assert_eq!(room.beat(&mut server, Timestamp::now()).await, Heartbeat::Offered { places });
        }
    })
    .await;
}

#[tokio::test]
async fn behind_one_address_a_ticket_is_for_any_server() {
    Setup::default()
        .parameter("TranswrapUrl", "wss://live.example.com/ingest")
        .run(async |app| {
            let (alice, room, server) = on_stage(app).await;
            let begun = begin(&alice, "demo").await;
            assert_eq!(begun["url"], "wss://live.example.com/ingest");
            assert_eq!(number(&row_of(app, &server.id).await, "places"), Some(8), "nobody knows whose place it takes");
            room.redeem(&begun, &"another-server".parse().unwrap(), Timestamp::now()).await;
        })
        .await;
}

#[tokio::test]
async fn a_delete_ends_a_broadcast_at_once_or_asks_its_server() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        let waiting = begin(&alice, "demo").await;
        alice.delete(&path(&waiting)).await.expect(204);
        assert_eq!(shown(&alice, &waiting).await, ended("deleted"));
        alice.delete(&path(&waiting)).await.expect(204);

        let running = begin(&alice, "demo").await;
        let (row, own) = room.redeem(&running, &server.id, Timestamp::now()).await;
        app.user("bob").delete(&path(&running)).await.expect_problem(404, "not-found");
        for _ in 0..2 {
            alice.delete(&path(&running)).await.expect(204);
            assert_eq!(shown(&alice, &running).await, state("connecting"));
        }
        let renewed = room.broadcasts.renew(&row.id, &own.attempt, Phase::Live, Timestamp::now()).await.unwrap();
        assert!(matches!(renewed, Renewal::Owned(row) if row.end_requested == Some(EndReason::Deleted)));
        // Whoever asked first is the reason.
        room.broadcasts.request_end(&row.id, EndReason::TakenOver).await.unwrap();
        assert!(room.broadcasts.end(&row.id, &own.attempt, EndReason::Deleted, Timestamp::now()).await.unwrap());
        assert_eq!(shown(&alice, &running).await, ended("deleted"));
        room.broadcasts.request_end(&row.id, EndReason::TakenOver).await.unwrap();
        assert_eq!(shown(&alice, &running).await, ended("deleted"));
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_lapses_ends_a_broadcast_that_may_be_resumed_for_a_minute() {
    TestApp::run(async |app| {
        let (alice, room, server) = on_stage(app).await;
        for (phase, seconds_ago, reason, resumable) in [
            (Phase::Live, 20, "server-lost", true),
            (Phase::Interrupted, 20, "lost", true),
            (Phase::Live, 80, "server-lost", false),
        ] {
            let begun = take_over(&alice, "demo").await;
            let (row, own) = room.redeem(&begun, &server.id, ago(seconds_ago)).await;
            room.broadcasts.renew(&row.id, &own.attempt, phase, ago(seconds_ago)).await.unwrap();
            assert_eq!(shown(&alice, &begun).await, ended(reason));
            let next = alice.post(&format!("{}/tickets", path(&begun)), json!({})).await;
            if !resumable {
                next.expect_problem(409, "broadcast-ended");
                continue;
            }
            // A ticket is on its way.
            let next = next.expect(201).json();
            assert_eq!(shown(&alice, &begun).await, state("interrupted"));
            let (row, own) = room.redeem(&next, &server.id, Timestamp::now()).await;
            assert_eq!(shown(&alice, &begun).await, state("connecting"));
            room.broadcasts.end(&row.id, &own.attempt, EndReason::Stopped, Timestamp::now()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_nobody_redeems_ends_its_broadcast() {
    TestApp::run(async |app| {
        let (alice, ..) = on_stage(app).await;
        let begun = begin(&alice, "demo").await;
        let mut row = app.rows("broadcasts").await.remove(0);
        let expired_at = ago(5);
        row.insert("ticketExpiresAt".to_owned(), AttributeValue::S(expired_at.to_string()));
        app.fill("broadcasts", [row]).await;
        let over = alice.get(&path(&begun)).await.expect(200).json();
        assert_eq!((&over["endReason"], &over["endedAt"]), (&json!("expired"), &json!(expired_at)));
    })
    .await;
}

#[tokio::test]
async fn a_list_shows_the_callers_own_the_latest_first_page_by_page() {
    TestApp::run(async |app| {
        let (alice, ..) = on_stage(app).await;
        let bob = app.user("bob");
        bob.put("/channels/bobs", json!({})).await.expect(201);
        let bobs = begin(&bob, "bobs").await;
        let mut begun = Vec::new();
        for _ in 0..5 {
            begun.push(begin(&alice, "demo").await["broadcast"].clone());
        }
        begun.reverse();
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = alice.get(&format!("/broadcasts?limit=2{cursor}")).await.expect(200).json();
            listed.extend(page["items"].as_array().unwrap().iter().map(|item| item["broadcast"].clone()));
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(listed, begun);
        alice.get(&path(&bobs)).await.expect_problem(404, "not-found");
        alice.post(&format!("{}/tickets", path(&bobs)), json!({})).await.expect_problem(404, "not-found");
        let refused = alice.get("/broadcasts?limit=0&cursor=x").await.expect_problem(400, "invalid-request").json();
        assert_eq!(refused["errors"].as_array().map(Vec::len), Some(2));
        let one = alice.get("/broadcasts?limit=1").await.expect(200).json()["items"][0].clone();
        assert_eq!(one, alice.get(&format!("/broadcasts/{}", begun[0].as_str().unwrap())).await.expect(200).json());
    })
    .await;
}

#[tokio::test]
async fn whichever_aws_call_fails_the_request_is_put_off_and_the_next_one_succeeds() {
    TestApp::run(async |app| {
        let (alice, room, mut server) = on_stage(app).await;
        // Whoever is put off may have taken a place.
        server.capacity = 100;
        room.beat(&mut server, Timestamp::now()).await;
        let running = begin(&alice, "demo").await;
        room.redeem(&running, &server.id, ago(16)).await;
        let waiting = path(&begin(&alice, "demo").await);
        let one = path(&running);
        // What ends something comes last.
        for (what, method, path, body, status) in [
            ("begin", "POST", "/broadcasts", json!({"channel": "demo"}), 201),
            ("another ticket", "POST", &format!("{one}/tickets"), json!({}), 201),
            ("list", "GET", "/broadcasts", json!({}), 200),
            ("get", "GET", &one, json!({}), 200),
            ("ask a server to end it", "DELETE", &one, json!({}), 204),
            ("end what waits", "DELETE", &waiting, json!({}), 204),
        ] {
            let request = async || -> Answer {
                alice.send(method, path, &[("content-type", "application/json")], body.to_string()).await
            };
            let ends = method == "DELETE";
            // A DELETE that has been carried out makes fewer calls, so they are known beforehand.
            let calls = match ends {
                false => app.calls_of(request()).await.1,
                true => vec!["dynamodb:GetItem".to_owned(), "dynamodb:UpdateItem".to_owned()],
            };
            for (service, operation, nth) in nth_of_each(&calls) {
                let context = format!("{what}: {operation} #{nth}");
                for kind in ["throttle", "error"] {
                    let fault = json!({"kind": kind, "status": 500, "code": "InternalServerError"});
                    let fault = if kind == "throttle" { json!({"kind": kind}) } else { fault };
                    let times =
                        json!({"service": service, "operation": operation, "nth": nth, "times": 3, "fault": fault});
                    app.fault(times).await;
                    let refused = request().await;
                    assert_eq!(refused.status, 503, "{context} {kind}: {}", refused.text);
                    assert!(!refused.header("retry-after").is_empty(), "{context}");
                    app.heal().await;
                }
            }
            assert_eq!(request().await.status, status, "{what}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_finds_where_a_broadcast_goes_and_nobody_elses_channel() {
    let setup = Setup::default().parameter("SelfHostedIngestUrl", "rtmps://video.example/live");
    let setup = setup.parameter("SelfHostedPlaybackUrl", "https://video.example/hls/{channel}.m3u8");
    setup
        .run(async |app| {
            let (alice, room, server) = on_stage(app).await;
            alice.put("/channels/own", json!({"origin": "selfHosted"})).await.expect(201);
            alice.put("/broadcast-settings", settings()).await.expect(201);
            let key = async |channel: &str| {
                let key = alice.get(&format!("/channels/{channel}/stream-key")).await.expect(200).json();
                key["streamKey"].as_str().unwrap().to_owned()
            };
            let ingest = alice.get("/channels/demo").await.expect(200).json()["ingestUrl"].as_str().unwrap().to_owned();
            for (desired, kind, url, key) in [
                (json!({"channel": "demo"}), IngestKind::Ivs, ingest, key("demo").await),
                (
                    json!({"channel": "own"}),
                    IngestKind::SelfHosted,
                    "rtmps://video.example/live".to_owned(),
                    key("own").await,
                ),
                (
                    json!({"broadcastSettings": true}),
                    IngestKind::Settings,
                    "rtmp://live.example.com/app".to_owned(),
                    "key-of-alice".to_owned(),
                ),
            ] {
                let begun = alice.post("/broadcasts", desired.clone()).await.expect(201).json();
                let (row, _) = room.redeem(&begun, &server.id, Timestamp::now()).await;
                let target = room.targets.resolve(&row).await.unwrap();
                assert_eq!((target.kind, target.url.as_str(), target.key.expose()), (kind, url.as_str(), key.as_str()));
                assert_eq!(target.is_trusted(), kind != IngestKind::Settings);
                let mut other = row.clone();
                other.owner = "bob".parse().unwrap();
                let missing = room.targets.resolve(&other).await.unwrap_err();
                assert!(matches!(missing, model::Error::NotFound(_)), "{desired}: {missing:?}");
            }
            // Another channel of the same name is another target.
            let begun = take_over(&alice, "own").await;
            let (row, _) = room.redeem(&begun, &server.id, Timestamp::now()).await;
            alice.delete("/channels/own").await.expect(204);
            assert!(matches!(room.targets.resolve(&row).await.unwrap_err(), model::Error::NotFound("channel")));
            alice.put("/channels/own", json!({"origin": "selfHosted"})).await.expect(201);
            assert!(matches!(room.targets.resolve(&row).await.unwrap_err(), model::Error::NotFound("channel")));
            // A key that is being replaced.
            let begun = take_over(&alice, "demo").await;
            let (row, _) = room.redeem(&begun, &server.id, Timestamp::now()).await;
            let mut channel =
                app.rows("channels").await.into_iter().find(|row| row["name"].as_s().unwrap() == "demo").unwrap();
            let whole = channel.clone();
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let rotating = [("rotation", text("r1")), ("leaseUntil", text("2099-01-01T00:00:00.000Z"))];
            let mut key = rotating.map(|(name, value)| (name.to_owned(), value)).to_vec();
            key.push(("old".to_owned(), whole["streamKey"].as_m().unwrap()["arn"].clone()));
            channel.insert("streamKey".to_owned(), AttributeValue::M(key.into_iter().collect()));
            app.fill("channels", [channel]).await;
            assert!(matches!(room.targets.resolve(&row).await.unwrap_err(), model::Error::Busy { .. }));
            app.fill("channels", [whole]).await;
        })
        .await;
}

/// How many places each server has given.
async fn given(app: &TestApp, capacity: u32) -> BTreeMap<String, i64> {
    let rows = app.rows("servers").await;
    let given =
        |row: &Row| (row["taskId"].as_s().unwrap().clone(), i64::from(capacity) - number(row, "places").unwrap());
    rows.iter().map(given).collect()
}

/// Begins a broadcast, again if a busy machine has kept DynamoDB's answer; or is told that there is no room.
async fn insist(alice: Caller) -> (bool, usize) {
    for put_off in 0.. {
        let answer = alice.post("/broadcasts", json!({"channel": "demo"})).await;
        match (answer.status, answer.json()["type"].as_str()) {
            (201, _) => return (true, put_off),
            (503, Some("no-server")) => return (false, put_off),
            (status, _) => assert_eq!(status, 503, "{}", answer.text),
        }
    }
    unreachable!("a machine that never answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tickets_at_once_are_spread_over_the_servers_and_nobody_gets_more_than_it_has() {
    const SERVERS: u32 = 25;
    const TICKETS: usize = 1000;
    // More would wait for an instance of the function, and for two cores.
    const AT_ONCE: usize = 20;
    // Half as many places again as tickets; and exactly as many.
    for capacity in [60, 40] {
        let setup = Setup::default().parameter("ThrottleRate", "10000").parameter("ThrottleBurst", "5000");
        let run = setup.run(async |app| {
            let alice = app.user("alice");
            alice.put("/channels/demo", json!({})).await.expect(201);
            let room = Room::new(app).await;
            let mut servers = room.open(SERVERS, capacity).await;
            let asked = stream::iter((0..TICKETS).map(|_| insist(alice.clone())));
            let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
            let begun = answers.iter().filter(|(begun, _)| *begun).count();
            let put_off: usize = answers.iter().map(|(_, put_off)| put_off).sum();
            let given = given(app, capacity).await;
            let (most, least) = (*given.values().max().unwrap(), *given.values().min().unwrap());
            eprintln!("{TICKETS} at once, {SERVERS} servers of {capacity}: {begun} begun, {least} to {most} a server");
            assert!(most <= i64::from(capacity), "{given:?}");
            let places = usize::try_from(given.values().sum::<i64>()).unwrap();
            // Whoever was put off may have taken a place before.
            assert!((begun..=begun + put_off).contains(&places), "{begun}, {put_off}: {given:?}");
            if capacity > 40 {
                assert!(begun == TICKETS && most - least <= 14, "{begun}: {given:?}");
            }
            // The servers count the same.
            for server in &mut servers {
                let left = i64::from(capacity) - given[server.id.as_str()];
                let expected = Heartbeat::Offered { places: u32::try_from(left).unwrap() };
                assert_eq!(room.beat(server, Timestamp::now()).await, expected);
            }
        });
        run.await;
    }
}
