//! Rows of every table as the product writes them, and many more like them: in the same partitions of the tables and of
//! their indexes wherever the product has them there, so that a list that reads more than its page would show it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::{Database, ImportOptions};
use model::Timestamp;
use serde_json::{Map, Value, json};
use tests::{Air, Room, Row, TestApp, ago};

/// A ticket is for one of the fifty servers with most room: with fewer, it reads less.
const SERVERS: usize = 50;
/// Rows that are written at once.
const BATCH: usize = 10_000;
/// The local cloud's database, in its folder.
const DATABASE: &str = "dynamodb.sqlite";

/// What differs between rows of a kind, as texts.
type Changes = Box<dyn Fn(usize) -> Vec<(&'static str, String)>>;

/// A row to multiply.
struct Kind {
    table: String,
    like: Map<String, Value>,
    changes: Changes,
    /// How many of them there are.
    there: usize,
    /// One of how many kinds of its table.
    of: usize,
}

/// The rows that the tables are filled with.
pub(super) struct Rows {
    kinds: Vec<Kind>,
    /// The engine, beside the local cloud's. A hundred thousand requests would take ten times as long.
    engine: Database,
}

impl Rows {
    /// Has the product write a row of each kind. What requests need is there afterwards, too: Alice's stage `demo`, and
    /// her channels `demo`, `show`, which is on air, `hidden` and `members`.
    pub(super) async fn prepare(app: &TestApp, data: &Path) -> Self {
        app.bar_the_disconnected().await;
        app.put_secret("rtmp-hook", super::routes::HOOK_SECRET).await;
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        let token = app.mint(&app.user("bob"), "demo", json!({"attributes": {"name": "Bob"}})).await.expect(201).json();
        publish(app, token["token"].as_str().unwrap()).await;
        let air = Air::new(app).await;
        air.channel("demo", json!({})).await;
        let show = air.channel("show", json!({})).await;
        air.tell([show.started("st-1", 5)]).await;
        air.channel("hidden", json!({"private": true})).await;
        air.channel("members", json!({"private": true, "admission": "invited"})).await;
        alice.put("/channels/members/viewers/bob", json!({})).await.expect(201);
        let settings = json!({
            "kind": "custom", "ingestUrl": "rtmps://ingest.example.com/app", "streamKey": "key-of-alice",
            "playbackUrl": "https://playback.example.com/live.m3u8",
        });
        alice.put("/broadcast-settings", settings).await.expect(201);
        app.user("bob").post("/stages/demo/chat-tokens", json!({})).await.expect(201);
        for kind in ["stages", "channels"] {
            let user = format!("/{kind}/demo/chat/users/bob");
            alice.patch(&user, json!({"muted": true})).await.expect(200);
        }
        let room = Room::new(app).await;
        let server = room.open(1, 40).await.remove(0).id;
        let begun = alice.post("/broadcasts", json!({"channel": "demo"})).await.expect(201).json();
        room.redeem(&begun, &server, Timestamp::now()).await;
        let broadcast = one(app, "broadcasts", |_| true).await;
        // Others of the target are over; this one would be on air.
        app.delete("broadcasts", [Row::from([("broadcast".to_owned(), broadcast["broadcast"].clone())])]).await;

        let (now, later) = (Timestamp::now(), (Timestamp::now() + Duration::from_secs(3600)).to_string());
        let past = ago(3600).to_string();
        let at = move |n: usize| (now - Duration::from_millis(n.try_into().unwrap())).to_string();
        let present = one(app, "stage-sessions", |row| row.contains_key("presence")).await;
        let mut left = present.clone();
        left.retain(|name, _| name != "presence" && name != "leaseUntil");
        let elsewhere = later.clone();
        let named = |name: &'static str| move |row: &Row| row["name"].as_s().is_ok_and(|it| it == name);
        let (mut kinds, mut filled) = (Vec::new(), BTreeSet::new());
        let mut multiply = |table: &str, like: Row, of, changes: Changes| {
            let like = like.into_iter().map(|(name, value)| (name, json_of(value))).collect();
            filled.insert(table.to_owned());
            kinds.push(Kind { table: app.table(table), like, changes, there: 0, of });
        };
        let owned: fn(String, usize) -> Vec<_> =
            |at, n| vec![("name", format!("row-{n:07}")), ("createdAt", at.clone()), ("listedAt", at)];
        let stage = one(app, "stages", named("demo")).await;
        multiply("stages", stage, 1, Box::new(move |n| owned(at(n), n)));
        let channel = one(app, "channels", named("show")).await;
        multiply("channels", channel, 1, Box::new(move |n| owned(at(n), n)));
        let of_user: fn(&'static str, String, usize) -> Vec<_> =
            |since, at, n| vec![("userId", format!("user-{n:07}")), (since, at)];
        let participant = one(app, "participants", |_| true).await;
        multiply("participants", participant, 1, Box::new(move |n| of_user("issuedAt", at(n), n)));
        let viewer = one(app, "viewers", |_| true).await;
        multiply("viewers", viewer, 1, Box::new(move |n| of_user("invitedAt", at(n), n)));
        let stream = one(app, "streams", |_| true).await;
        let live =
            move |n| vec![("channel", format!("row-{n:07}")), ("startedAt", at(n)), ("leaseUntil", later.clone())];
        multiply("streams", stream, 1, Box::new(live));
        // Those who have left the stage, and those who are in others.
        let participant = |n: usize| ("participantId", format!("participant{n:07}"));
        multiply("stage-sessions", left, 2, Box::new(move |n| vec![participant(n)]));
        let stage = |n: usize| ("stageArn", format!("arn:aws:ivs:us-east-1:000000000000:stage/row{n:09}"));
        let elsewhere = move |n| vec![participant(n), stage(n), ("leaseUntil", elsewhere.clone())];
        multiply("stage-sessions", present, 2, Box::new(elsewhere));
        let room = one(app, "rooms", named("stage/demo")).await;
        let named_so = move |n| vec![("name", format!("stage/row-{n:07}")), ("createdAt", at(n)), ("listedAt", at(n))];
        multiply("rooms", room, 1, Box::new(named_so));
        for chat in ["stage/demo", "channel/demo"] {
            let of_chat = move |row: &Row| row["room"].as_s().is_ok_and(|room| room == chat);
            let (user, entry) = (one(app, "chat-users", of_chat).await, one(app, "chat-log", of_chat).await);
            multiply("chat-users", user, 1, Box::new(move |n| of_user("changedAt", at(n), n)));
            multiply("chat-log", entry, 1, Box::new(move |n| vec![("at", format!("{}#row-{n:07}", at(n)))]));
        }
        let settings = one(app, "broadcast-settings", |_| true).await;
        multiply("broadcast-settings", settings, 1, Box::new(|n| vec![("userId", format!("user-{n:07}"))]));
        let over = move |n| {
            let (id, at) = (format!("bc-{n:019}"), at(n));
            vec![("broadcast", id), ("createdAt", at.clone()), ("redeemedAt", at), ("leaseUntil", past.clone())]
        };
        multiply("broadcasts", broadcast, 1, Box::new(over));
        let server = one(app, "servers", |_| true).await;
        multiply("servers", server, 1, Box::new(|n| vec![("taskId", format!("{:032x}", n + 1))]));
        assert_eq!(app.tables().await, filled, "the tables that are filled, and those of template.yaml");
        Self { kinds, engine: Database::new(data.join(DATABASE).to_str().unwrap()).unwrap() }
    }

    /// Has each table have so many rows of these.
    pub(super) fn grow(&mut self, size: usize) {
        for kind in &mut self.kinds {
            let size = if kind.like.contains_key("taskId") { size.max(SERVERS) } else { size / kind.of };
            for start in (kind.there..size).step_by(BATCH) {
                let rows = (start..size.min(start + BATCH)).map(|n| {
                    let mut row = kind.like.clone();
                    for (name, text) in (kind.changes)(n) {
                        let before = row.insert(name.to_owned(), json!({"S": text}));
                        assert!(before.is_some(), "{} has no {name}", kind.table);
                    }
                    serde_json::from_value(row.into()).unwrap()
                });
                self.engine.import_items(&kind.table, rows.collect(), ImportOptions::default()).unwrap();
            }
            kind.there = size.max(kind.there);
        }
    }
}

/// A value in DynamoDB's own notation.
fn json_of(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(digits) => json!({"N": digits}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::L(list) => json!({"L": list.into_iter().map(json_of).collect::<Vec<_>>()}),
        AttributeValue::M(map) => {
            let fields = map.into_iter().map(|(name, value)| (name, json_of(value)));
            json!({"M": fields.collect::<Map<_, _>>()})
        }
        other => panic!("{other:?}"),
    }
}

/// The one row of a table that is like that.
async fn one(app: &TestApp, table: &str, is_it: impl Fn(&Row) -> bool) -> Row {
    let mut rows = app.rows(table).await.into_iter().filter(|row| is_it(row));
    let row = rows.next().unwrap_or_else(|| panic!("{table} has none"));
    assert!(rows.next().is_none(), "{table} has several");
    row
}

/// Whoever has this token publishes in the stage, and the event is delivered.
async fn publish(app: &TestApp, token: &str) {
    let joined = app.join(token).await;
    let stage = app.stages_in_ivs().await.remove(0).1;
    let (stage, participant) = (stage.rsplit('/').next().unwrap(), joined["participantId"].as_str().unwrap());
    let path = format!("/_local/stages/{stage}/participants/{participant}/published?wait=true");
    app.anonymous().put(&path, json!({})).await.expect(200);
}
