//! The format of the tables' items, from one version to the next: `tests/rows` has a row of each form as it is written
//! now. What ARCHITECTURE.md says under "How rows change" is held here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use aws_room::SettingsChanges;
use aws_sdk_dynamodb::types::AttributeValue;
use model::Timestamp;
use model::broadcast::{EndReason, Phase};
use model::claim::NameRow;
use serde_json::{Map, Value, json};
use tests::{Air, ChatRooms, Fleet, Room, Row, Setup, TestApp, root};

/// Texts that are words of the format rather than somebody's data.
const WORDS: [&str; 14] = [
    "admission",
    "health",
    "kind",
    "latencyMode",
    "listed",
    "origin",
    "pool",
    "presence",
    "room",
    "source",
    "standing",
    "status",
    "state",
    "unfinished",
];

/// The tables that `tests/rows` has rows of.
fn tables() -> BTreeSet<String> {
    let folders = fs::read_dir(root().join("tests/rows")).unwrap();
    folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()
}

/// A row of `tests/rows`, in DynamoDB's own notation.
fn kept(form: &str) -> Value {
    let file = root().join(format!("tests/rows/{form}.json"));
    let text = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).unwrap()
}

/// The forms of a table's rows: those that are written now, or `<form>.earlier-<n>`, which no code writes any more.
fn forms(table: &str, earlier: bool) -> Vec<String> {
    let files = fs::read_dir(root().join("tests/rows").join(table)).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let forms = files.map(|file| format!("{table}/{}", file.trim_end_matches(".json")));
    forms.filter(|form| form.contains(".earlier-") == earlier).collect()
}

fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(digits)) => AttributeValue::N(digits.clone()),
        ("BOOL", Value::Bool(flag)) => AttributeValue::Bool(*flag),
        ("L", Value::Array(list)) => AttributeValue::L(list.iter().map(attribute).collect()),
        ("M", map) => AttributeValue::M(row(map)),
        other => panic!("{other:?}"),
    }
}

/// A row in DynamoDB's own notation, as the SDK has it.
pub(crate) fn row(fields: &Value) -> Row {
    fields.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// The attributes of a row by name: their types, and the words of the format.
fn shape(row: &Row) -> Value {
    let shapes: BTreeMap<_, _> = row.iter().map(|(name, value)| (name.clone(), shape_of(name, value))).collect();
    json!(shapes)
}

fn shape_of(name: &str, value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(word) if WORDS.contains(&name) => word.as_str().into(),
        // A word behind the type of a channel.
        AttributeValue::S(word) if name == "type" && word.ends_with(" INVITED") => word.as_str().into(),
        AttributeValue::S(_) => "S".into(),
        AttributeValue::N(_) => "N".into(),
        AttributeValue::Bool(_) => "BOOL".into(),
        AttributeValue::L(list) => list.first().map_or(json!([]), |first| json!([shape_of(name, first)])),
        AttributeValue::M(map) => shape(map),
        other => panic!("{other:?}"),
    }
}

/// The row with attributes that a later version may have added, at each level.
fn with_more(mut fields: Value) -> Value {
    for (name, value) in fields.as_object_mut().unwrap() {
        // What a participant is called is data, and not of the format.
        if let Some(map) = value.get_mut("M").filter(|_| !name.to_lowercase().ends_with("attributes")) {
            *map = with_more(map.take());
        }
    }
    fields["addedLater"] = json!({"M": {"list": {"L": [{"S": "x"}]}, "number": {"N": "1"}}});
    fields
}

fn without(mut fields: Value, names: &[&str]) -> Value {
    let map: &mut Map<String, Value> = fields.as_object_mut().unwrap();
    names.iter().for_each(|name| drop(map.remove(*name)));
    fields
}

const HOOK_SECRET: &str = "the-forwarders-own-secret-of-this-test";

/// What a self-hosted nginx tells of a connection.
async fn nginx(app: &TestApp, client_id: u64, rest: &str) -> tests::Answer {
    let common = "app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7";
    let body = format!("{common}&clientid={client_id}&call={rest}");
    app.anonymous().send("POST", "/hooks/rtmp", &[("x-hook-secret", HOOK_SECRET)], body).await
}

/// Somebody writes in the room of the stage, which is in slow mode for as long.
async fn write_in_slow_mode(app: &TestApp, user: &str) {
    let table = ChatRooms::new(app).table;
    let Some(NameRow::Active(room)) = table.read(&"stage/demo".parse().unwrap()).await.unwrap() else {
        panic!("there is a room")
    };
    let slow = async |seconds| {
        let changes = SettingsChanges { slow_mode_seconds: Some(seconds), ..SettingsChanges::default() };
        table.change_settings(&room, &changes).await.unwrap().unwrap();
    };
    slow(60).await;
    let sender = json!({"UserId": user, "Attributes": {"role": "viewer"}, "Ip": "192.0.2.7"});
    let message = json!({"Content": "hello", "MessageId": "abcdefghijkl", "RoomArn": room.arn, "Sender": sender});
    app.invoke("ChatReviewFunction", message.to_string()).await;
    slow(0).await;
}

#[tokio::test]
async fn rows_are_written_as_tests_rows_has_them() {
    let setup = Setup::default().parameter("SelfHostedIngestUrl", "rtmps://video.example/live");
    let setup = setup.parameter("SelfHostedPlaybackUrl", "https://video.example/hls/{channel}.m3u8");
    setup.run(async |app| {
        assert_eq!(tables(), app.tables().await, "the folders of tests/rows, and the tables of template.yaml");
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        app.fault(json!({"service": "ivs", "operation": "DeleteStage", "times": null, "fault": {"kind": "throttle"}}))
            .await;
        alice.put("/stages/going", json!({})).await.expect(201);
        alice.delete("/stages/going").await.expect(503);
        let unanswered = json!({"kind": "drop", "when": "before"});
        app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": unanswered})).await;
        alice.put("/stages/claimed", json!({})).await.expect(503);
        app.mint(&app.user("bob"), "demo", json!({"attributes": {"name": "Bob"}})).await.expect(201);
        let of_a_device = json!({"device": "phone", "attributes": {"name": "Erin"}});
        app.mint(&app.user("erin"), "demo", of_a_device).await.expect(201);
        let grant = json!({"capabilities": ["SUBSCRIBE"], "attributes": {"role": "guest"}});
        alice.patch("/stages/demo/participants/carol", grant).await.expect(200);
        alice.delete("/stages/demo/participants/dave").await.expect(204);
        alice.put("/channels/demo", json!({})).await.expect(201);
        alice.put("/channels/members", json!({"private": true, "admission": "invited"})).await.expect(201);
        alice.put("/channels/members/viewers/bob", json!({})).await.expect(201);
        app.user("bob").post("/stages/demo/chat-tokens", json!({"displayName": "Bob"})).await.expect(201);
        app.user("erin").post("/stages/demo/chat-tokens", json!({})).await.expect(201);
        app.user("grace").post("/stages/demo/chat-tokens", json!({"displayName": "Grace"})).await.expect(201);
        for (user, change) in [("zoe", json!({"moderator": true})), ("grace", json!({"muted": true}))] {
            alice.patch(&format!("/stages/demo/chat/users/{user}"), change).await.expect(200);
        }
        alice.delete("/stages/demo/chat/messages/abcdefghijkl").await.expect(204);
        let settings = json!({"rules": "Be kind.", "slowModeSeconds": 5, "words": ["spoiler"]});
        alice.patch("/channels/demo/chat", settings).await.expect(200);
        app.user("frank").post("/stages/demo/chat-tokens", json!({})).await.expect(201);
        write_in_slow_mode(app, "frank").await;
        let unanswered = json!({"kind": "drop", "when": "before"});
        app.fault(json!({"service": "ivschat", "operation": "CreateRoom", "fault": unanswered})).await;
        alice.post("/channels/members/chat-tokens", json!({})).await.expect(503);
        let own = json!({"origin": "selfHosted", "qualities": ["high", "low"]});
        alice.put("/channels/own", own).await.expect(201);
        alice.put("/channels/own-ended", json!({"origin": "selfHosted"})).await.expect(201);
        app.put_secret("rtmp-hook", HOOK_SECRET).await;
        let key = async |channel: &str| {
            let key = alice.get(&format!("/channels/{channel}/stream-key")).await.expect(200).json();
            key["streamKey"].as_str().unwrap().to_owned()
        };
        let (own, over) = (key("own").await, key("own-ended").await);
        for (client_id, name) in [(1, format!("{own}_high")), (2, format!("{own}_low")), (3, over.clone())] {
            nginx(app, client_id, &format!("publish&name={name}&type=live")).await.expect(302);
            nginx(app, client_id, &format!("update_publish&time=5&timestamp=5000&name={name}")).await.expect(204);
        }
        nginx(app, 3, &format!("publish_done&name={over}")).await.expect(204);
        let settings = json!({
            "kind": "custom", "ingestUrl": "rtmps://ingest.example.com/app", "streamKey": "golden",
            "playbackUrl": "https://playback.example.com/live.m3u8",
        });
        alice.put("/broadcast-settings", settings).await.expect(201);
        publish_and_leave(app).await;
        broadcast(app).await;
        let fleet = Fleet::new(app).await;
        let mut tasks = fleet.run(2).await;
        fleet.tell_all(tasks.iter().map(tests::Task::last)).await;
        fleet.stop(&mut tasks[1], 9).await;
        fleet.tell_all([tasks[1].last()]).await;

        let air = Air::new(app).await;
        // In its second, a session is not alone; a listing tells of it, and an event has been ahead of that.
        let (show, confirmed, ended) = (
            air.channel("on-air", json!({})).await,
            air.channel("confirmed", json!({})).await,
            air.channel("ended", json!({})).await,
        );
        let session = air.begin(&confirmed).await;
        let events = [
            confirmed.ended("st-0", 9),
            confirmed.started(&session, 4),
            confirmed.event("Starvation Start", &session, 1),
        ];
        air.tell(events).await;
        let mut rival = confirmed.started("st-2", 4);
        rival["time"] = rival_time(app).await.into();
        air.tell([rival]).await;
        air.reconciled().await;
        air.tell([show.started("st-3", 2), ended.started("st-4", 5), ended.ended("st-4", 3)]).await;
        air.end(&confirmed).await;

        let mut written: Vec<(String, Value)> = Vec::new();
        for table in tables() {
            for shape in app.scan(&table).await.iter().map(shape) {
                // Channels are there for their streams, too.
                if !written.contains(&(table.clone(), shape.clone())) {
                    written.push((table.clone(), shape));
                }
            }
        }
        let mut expected = 0;
        for table in tables() {
            for form in forms(&table, false) {
                let shape = shape(&row(&kept(&form)));
                assert!(
                    written.contains(&(table.clone(), shape.clone())),
                    "no row is like tests/rows/{form}.json any more. If the format has changed on purpose, see \
                     ARCHITECTURE.md, \"How rows change\": keep that file as {form}.earlier-<n>.json, which is still to be \
                     read, and add one of the new form.\n{shape:#}\n{written:#?}"
                );
                expected += 1;
            }
        }
        assert_eq!(written.len(), expected, "a row has a form that tests/rows has not: {written:#?}");
        app.heal().await;
        alice.delete("/stages/going").await.expect(204);
    })
    .await;
}

/// Somebody publishes in the stage `demo`, and somebody else is in a stage that is gone, of whom the reconciler hears.
async fn publish_and_leave(app: &TestApp) {
    app.fill("stage-sessions", [row(&kept("stage-sessions/present"))]).await;
    app.invoke("ReconcilerFunction", r#"{"only": "sessions"}"#.to_owned()).await;
    let alice = app.user("alice");
    let stage = alice.get("/stages/demo").await.expect(200).json()["arn"].clone();
    let token = app.mint(&alice, "demo", json!({"attributes": {"name": "Alice"}})).await.expect(201).json();
    let joined = app.join(token["token"].as_str().unwrap()).await;
    let (stage, participant) = (stage.as_str().unwrap(), joined["participantId"].as_str().unwrap());
    let stage = stage.rsplit('/').next().unwrap();
    let path = format!("/_local/stages/{stage}/participants/{participant}/published?wait=true");
    app.anonymous().put(&path, json!({})).await.expect(200);
}

/// Broadcasts in each state, at a server that says it has room.
async fn broadcast(app: &TestApp) {
    let (alice, room) = (app.user("alice"), Room::new(app).await);
    let server = room.open(1, 40).await.remove(0).id;
    let begin = async |desired: Value| alice.post("/broadcasts", desired).await.expect(201).json();
    let demo = || json!({"channel": "demo", "takeOver": true});
    begin(json!({"broadcastSettings": true})).await;
    begin(demo()).await;
    let deleted = begin(demo()).await;
    alice.delete(&format!("/broadcasts/{}", deleted["broadcast"].as_str().unwrap())).await.expect(204);
    for phase in [None, Some(Phase::Live), Some(Phase::Interrupted)] {
        let begun = begin(demo()).await;
        let (row, own) = room.redeem(&begun, &server, Timestamp::now()).await;
        let renew = async |phase| room.broadcasts.renew(&row.id, &own.attempt, phase, Timestamp::now()).await.unwrap();
        if let Some(phase) = phase {
            renew(Phase::Live).await;
            renew(phase).await;
        }
        if phase == Some(Phase::Interrupted) {
            room.broadcasts.request_end(&row.id, EndReason::TakenOver).await.unwrap();
        }
    }
    let begun = begin(demo()).await;
    let (row, own) = room.redeem(&begun, &server, Timestamp::now()).await;
    room.broadcasts.renew(&row.id, &own.attempt, Phase::Live, Timestamp::now()).await.unwrap();
    room.broadcasts.end(&row.id, &own.attempt, EndReason::Stopped, Timestamp::now()).await.unwrap();
}

/// The second in which the one stream on air began, as its row has it.
async fn rival_time(app: &TestApp) -> String {
    let rows = app.rows("streams").await;
    rows[0]["startedAt"].as_s().unwrap().clone()
}

/// What the API answers about the rows of `tests/rows`, changed in some way.
async fn are_read(app: &TestApp, changed: impl Fn(&str) -> Value) {
    for table in tables() {
        app.fill(&table, forms(&table, false).iter().map(|form| row(&changed(form)))).await;
    }
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    let stage = json!({
        "name": "demo", "arn": "arn:aws:ivs:us-east-1:000000000000:stage/abcdefghijkl", "owner": "alice", "doors": "open",
        "admission": "open", "endpoints": {"events": "wss://events.example", "whip": "https://whip.example"},
        "createdAt": "2026-03-01T12:00:00.000Z",
    });
    assert_eq!(bob.get("/stages/demo").await.expect(200).json(), stage);
    assert_eq!(alice.get("/stages").await.expect(200).json()["items"], json!([stage]));
    // Named by a claim, or by a delete that is under way: neither is a stage.
    for name in ["claimed", "going"] {
        let status = bob.get(&format!("/stages/{name}")).await.status;
        assert!([404, 503].contains(&status), "{name}: {status}");
    }
    let channel = alice.get("/channels/demo").await.expect(200).json();
    assert_eq!((&channel["type"], &channel["private"]), (&json!("STANDARD"), &json!(false)));
    let own = alice.get("/channels/own").await.expect(200).json();
    assert_eq!((&own["origin"], &own["qualities"]), (&json!("selfHosted"), &json!(["high", "low"])));
    assert_eq!(own["ingestUrl"], "rtmps://video.example/live");
    let members = alice.get("/channels/members").await.expect(200).json();
    assert_eq!((&members["type"], &members["admission"]), (&json!("STANDARD"), &json!("invited")));
    assert_eq!(alice.get("/channels").await.expect(200).json()["items"], json!([channel, own, members]));
    let viewers = alice.get("/channels/members/viewers").await.expect(200).json();
    assert_eq!(viewers["items"], json!([{"userId": "bob", "userRef": "bob", "invitedAt": "2026-03-01T12:00:00.000Z"}]));
    app.user("carol").post("/channels/members/playback-tokens", json!({})).await.expect_problem(403, "not-invited");
    let key = alice.get("/channels/own/stream-key").await.expect(200).json();
    assert_eq!(key, json!({"streamKey": "own_0123456789abcdef0123456789abcdef01234567"}));
    let key = alice.get("/channels/demo/stream-key").await.expect(200).json();
    assert_eq!(key, json!({"streamKey": "sk_us-east-1_golden"}));
    let settings = alice.get("/broadcast-settings").await.expect(200).json();
    assert_eq!((&settings["kind"], &settings["streamKey"]), (&json!("custom"), &json!("golden")));
    app.mint(&app.user("dave"), "demo", json!({})).await.expect_problem(403, "removed");
    let session = alice.get("/stages/demo/session").await.expect(200).json();
    let publisher = json!({
        "participantId": "abcdefghijkl", "userId": "bob", "publishing": true, "since": "2026-03-01T12:00:00.123Z",
    });
    assert_eq!((&session["state"], &session["participants"]), (&json!("live"), &json!([publisher])));
    let stream = bob.get("/streams/demo").await.expect(200).json();
    let live = json!({
        "channel": "demo", "state": "live", "startedAt": stream["startedAt"], "viewerCount": null, "health": null,
        "playbackUrl": channel["playbackUrl"], "session": "st-1A2b3c4D5e6F78ghij9Klmn",
    });
    assert_eq!(stream, live);
    let stream = bob.get("/streams/own").await.expect(200).json();
    assert_eq!((&stream["state"], &stream["session"]), (&json!("live"), &json!("sh-abcdefghijklmnopqrstuv")));
    for (name, state, reason) in [
        ("waiting", "waiting", None),
        ("settings", "waiting", None),
        ("connecting", "connecting", None),
        ("live", "live", None),
        ("ending", "interrupted", None),
        ("ended", "ended", Some("stopped")),
        ("deleted", "ended", Some("deleted")),
    ] {
        let broadcast = alice.get(&format!("/broadcasts/bc-{name}")).await.expect(200).json();
        assert_eq!((&broadcast["state"], &broadcast["endReason"]), (&json!(state), &json!(reason)), "{name}");
        let target = if name == "settings" { ("broadcastSettings", json!(true)) } else { ("channel", json!("demo")) };
        assert_eq!(broadcast[target.0], target.1, "{name}");
    }
    let listed = alice.get("/broadcasts").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(7));
    // A room is known, and so is whose a name is; there is none in IVS Chat.
    let chats = async |user: &str, body: Value| app.user(user).post("/stages/demo/chat-tokens", body).await;
    chats("bob", json!({})).await.expect_problem(503, "busy");
    chats("carol", json!({"displayName": "bob"})).await.expect_problem(409, "name-taken");
    let settings = json!({"rules": "Be kind.", "slowModeSeconds": 5, "words": ["spoiler"]});
    assert_eq!(alice.get("/channels/demo/chat").await.expect(200).json(), settings);
    let moderated = alice.get("/stages/demo/chat/users").await.expect(200).json();
    let user = |user: &str, name: Value, moderator: bool, at: &str| {
        json!({
            "userId": user, "userRef": user, "displayName": name, "moderator": moderator, "muted": !moderator,
            "removed": false, "changedAt": at,
        })
    };
    let (grace, zoe) = ("2026-03-01T12:00:01.000Z", "2026-03-01T12:00:00.000Z");
    let expected = [user("grace", json!("Grace"), false, grace), user("zoe", Value::Null, true, zoe)];
    assert_eq!(moderated["items"], json!(expected));
    let log = alice.get("/stages/demo/chat/log").await.expect(200).json();
    let entry = |at: &str, action: &str, user: Value, message: Value| json!({"at": at, "actor": "alice", "action": action, "userId": user, "messageId": message});
    let expected = [
        entry("2096-01-17T12:00:01.000Z", "messageDeleted", Value::Null, json!("abcdefghijkl")),
        entry("2096-01-17T12:00:00.000Z", "muted", json!("grace"), Value::Null),
    ];
    assert_eq!(log["items"], json!(expected));
    // What is on air, by the row of its broadcast and by that of its stream.
    alice.post("/broadcasts", json!({"channel": "demo"})).await.expect_problem(409, "on-air");
    let begun = alice.post("/broadcasts", json!({"channel": "demo", "takeOver": true})).await.expect(201).json();
    assert!(begun["url"].as_str().is_some_and(|url| !url.is_empty()));
    alice.delete(&format!("/broadcasts/{}", begun["broadcast"].as_str().unwrap())).await.expect(204);
    // The hook knows who has it.
    app.put_secret("rtmp-hook", HOOK_SECRET).await;
    let again = "publish&name=own_0123456789abcdef0123456789abcdef01234567_high&type=live";
    nginx(app, 1, again).await.expect(302);
    nginx(app, 7, again).await.expect_problem(403, "on-air");
}

/// The rest of what they say, which a row of an earlier version need not have.
async fn say_everything(app: &TestApp) {
    let held = app.mint(&app.user("bob"), "demo", json!({})).await.expect(200).json();
    assert_eq!((&held["participantId"], &held["attributes"]), (&json!("abcdefghijkl"), &json!({"name": "Bob"})));
    let held = app.mint(&app.user("erin"), "demo", json!({"device": "phone"})).await.expect(200).json();
    assert_eq!(held["participantId"], "mnopqrstuvwx");
    let holders = app.user("alice").get("/stages/demo/participants").await.expect(200).json();
    let mut holders: Vec<_> = holders["items"].as_array().unwrap().iter().map(|item| &item["userId"]).collect();
    holders.sort_by_key(|user| user.to_string());
    assert_eq!(holders, ["bob", "erin"]);
    let granted = app.mint(&app.user("carol"), "demo", json!({})).await.expect(201).json();
    assert_eq!((&granted["capabilities"], &granted["attributes"]), (&json!(["SUBSCRIBE"]), &json!({"role": "guest"})));
    let session = app.user("alice").get("/stages/demo/session").await.expect(200).json();
    assert_eq!(session["startedAt"], "2026-03-01T12:00:00.123Z");
    let servers = app.user("bob").get("/servers").await.expect(200).json();
    let id = "0123456789abcdef0123456789abcdef";
    let url = app.parameter("TranswrapUrl").replace("{publicIp}", "198.51.100.7");
    let url = url.replace("{dashedIp}", "198-51-100-7").replace("{taskId}", id);
    let server = |id: &str, url: &str| {
        json!({
            "taskId": id, "publicIp": "198.51.100.7", "availabilityZone": "us-east-1a",
            "startedAt": "2026-03-01T12:00:00.000Z", "url": url,
        })
    };
    let other = "fedcba9876543210fedcba9876543210";
    let mut expected = vec![server(id, &url), server(other, &url.replace(id, other))];
    // A list begins anywhere.
    if servers["items"][0]["taskId"] == other {
        expected.reverse();
    }
    assert_eq!(servers["items"], json!(expected));
    // The others are of no channel that there is.
    let streams = app.anonymous().get("/streams").await.expect(200).json();
    let started: Vec<_> = streams["items"].as_array().unwrap().iter().map(|item| item["startedAt"].clone()).collect();
    assert_eq!(started, ["2026-03-01T12:00:00.000Z", "2026-03-01T11:00:00.000Z"]);
}

/// Deletes the rows whose resource is in no IVS: those of names.
async fn forget_all(app: &TestApp) {
    for table in app.tables().await {
        let rows = app.rows(&table).await.into_iter().filter(|row| row.contains_key("status"));
        app.delete(&table, rows.map(|row| Row::from([("name".to_owned(), row["name"].clone())]))).await;
    }
}

#[tokio::test]
async fn a_row_as_it_is_written_now_is_read() {
    TestApp::run(async |app| {
        are_read(app, kept).await;
        say_everything(app).await;
        forget_all(app).await;
    })
    .await;
}

#[tokio::test]
async fn attributes_that_a_later_version_added_are_not_in_the_way() {
    TestApp::run(async |app| {
        are_read(app, |form| with_more(kept(form))).await;
        say_everything(app).await;
        // An update leaves them where they are.
        app.user("alice").patch("/stages/demo", json!({"doors": "closed"})).await.expect(200);
        let rows = app.rows("stages").await;
        assert!(rows.iter().all(|row| row.contains_key("addedLater")), "{rows:?}");
        forget_all(app).await;
    })
    .await;
}

#[tokio::test]
async fn attributes_that_an_earlier_version_did_not_write_are_not_missed() {
    const OPTIONAL: [&str; 23] = [
        "ttl",
        "counted",
        "firstPublished",
        "viewerCount",
        "health",
        "healthAt",
        "ended",
        "rivals",
        "token",
        "issuedAt",
        "heldUntil",
        "earlier",
        "devices",
        "grantedCapabilities",
        "grantedAttributes",
        "askedAttributes",
        "availabilityZone",
        "startedAt",
        "deleteId",
        "liveAt",
        "ticketServer",
        "endRequested",
        "promised",
    ];
    TestApp::run(async |app| {
        are_read(app, |form| without(kept(form), &OPTIONAL)).await;
        // Without a token in its row, a user gets a new one; without a grant, what the stage's admission gives.
        for user in ["bob", "carol"] {
            let minted = app.mint(&app.user(user), "demo", json!({})).await.expect(201).json();
            assert_eq!(
                (&minted["capabilities"], &minted["attributes"]),
                (&json!(["PUBLISH", "SUBSCRIBE"]), &json!({}))
            );
        }
        let servers = app.user("bob").get("/servers").await.expect(200).json();
        let server = &servers["items"][0];
        assert_eq!((&server["publicIp"], &server["availabilityZone"]), (&json!("198.51.100.7"), &Value::Null));
        forget_all(app).await;
    })
    .await;
}

#[tokio::test]
async fn rows_of_earlier_forms_are_read() {
    let earlier: Vec<_> = tables().iter().flat_map(|table| forms(table, true)).collect();
    assert!(!earlier.is_empty());
    for form in earlier {
        let (now, _) = form.split_once(".earlier-").unwrap();
        TestApp::run(async |app| {
            are_read(app, |other| kept(if other == now { &form } else { other })).await;
            forget_all(app).await;
        })
        .await;
    }
}
