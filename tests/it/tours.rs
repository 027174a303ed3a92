//! A tour of each function: every AWS call that it can make. Answers do not matter here, since a tour is taken with a
//! permission missing, too; and what has to be there before goes through other functions, or is put there.

use std::pin::Pin;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::{Air, Fleet, Room, Row, TestApp};

/// Makes a function do all that it can do.
pub(crate) type Tour = for<'a> fn(&'a TestApp) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Long over.
const OVER: &str = "2026-01-01T00:00:00.000Z";

/// The tour of a function by its logical id.
pub(crate) fn of(function: &str) -> Option<Tour> {
    Some(match function {
        "StageFunction" => |app| Box::pin(stage(app)),
        "ParticipantFunction" => |app| Box::pin(participant(app)),
        "ChannelFunction" => |app| Box::pin(channel(app)),
        "ChatFunction" => |app| Box::pin(chat(app)),
        "ChatReviewFunction" => |app| Box::pin(chat_review(app)),
        "RtmpHookFunction" => |app| Box::pin(rtmp_hook(app)),
        "BroadcastSettingsFunction" => |app| Box::pin(broadcast_settings(app)),
        "BroadcastFunction" => |app| Box::pin(broadcast(app)),
        "ServerFunction" => |app| Box::pin(server(app)),
        "StreamFunction" => |app| Box::pin(stream(app)),
        "StreamTrackerFunction" => |app| Box::pin(stream_tracker(app)),
        "OpenapiFunction" => |app| Box::pin(openapi(app)),
        "TaskTrackerFunction" => |app| Box::pin(task_tracker(app)),
        "RecoveryFunction" => |app| Box::pin(recovery(app)),
        "ReconcilerFunction" => |app| Box::pin(reconciler(app)),
        "SigningKeysFunction" => |app| Box::pin(signing_keys(app)),
        _ => return None,
    })
}

/// Has the next call of an operation end the function that makes it.
async fn kill(app: &TestApp, operation: &str, when: &str) {
    app.fault(json!({"service": "ivs", "operation": operation, "fault": {"kind": "kill", "when": when}})).await;
}

/// Has the next delete of a function be denied, as one of what is gone in IVS is: whether it is, has to be asked.
async fn deny(app: &TestApp, function: &str, operation: &str) {
    let denied = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
    // The recovery that it asks for deletes as well.
    app.fault(json!({"service": "ivs", "operation": operation, "function": function, "fault": denied})).await;
}

/// As [`deny`], of another service.
async fn deny_of(app: &TestApp, service: &str, function: &str, operation: &str) {
    let denied = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
    app.fault(json!({"service": service, "operation": operation, "function": function, "fault": denied})).await;
}

/// Has the claim on a name, if there is one, lapse.
async fn let_claim_lapse(app: &TestApp, table: &str) {
    app.heal().await;
    for row in app.rows(table).await {
        if let Some(name) = row.get("name").and_then(|name| name.as_s().ok()).filter(|_| row.contains_key("leaseUntil"))
        {
            app.set_attribute(table, name, "leaseUntil", OVER).await;
        }
    }
}

/// Deletes a secret, so that there is no key to sign with.
async fn forget_key(app: &TestApp, name: &str) {
    let secret = app.secrets_manager().delete_secret().secret_id(format!("{}/{name}", app.stack()));
    secret.force_delete_without_recovery(true).send().await.unwrap();
    app.cloud().replace_instances();
}

async fn stage(app: &TestApp) {
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    alice.put("/stages/demo", json!({})).await;
    alice.get("/stages").await;
    alice.patch("/stages/demo", json!({"doors": "open"})).await;
    // URLs of the stage that are older than IVS allows are fetched again.
    app.set_stage_attribute("demo", "endpointsFetchedAt", OVER).await;
    alice.get("/stages/demo").await;
    app.mint(&bob, "demo", json!({})).await;
    deny(app, "StageFunction", "DeleteStage").await;
    alice.delete("/stages/demo").await;
    alice.delete("/stages/demo").await;
    // Of a create that died, the recovery is asked for.
    kill(app, "CreateStage", "after").await;
    alice.put("/stages/dead", json!({})).await;
    let_claim_lapse(app, "stages").await;
    alice.put("/stages/dead", json!({})).await;
}

async fn participant(app: &TestApp) {
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    alice.put("/stages/demo", json!({})).await;
    app.mint(&bob, "demo", json!({})).await;
    alice.get("/stages/demo/participants").await;
    alice.get("/stages/demo/session").await;
    alice.patch("/stages/demo/participants/bob", json!({})).await;
    alice.delete("/stages/demo/participants/bob").await;
    // URLs of the stage that are older than IVS allows are fetched again.
    app.set_stage_attribute("demo", "endpointsFetchedAt", OVER).await;
    app.mint(&app.user("carol"), "demo", json!({})).await;
    // Without a key, IVS mints.
    forget_key(app, "participant-signing-key").await;
    app.mint(&app.user("dave"), "demo", json!({})).await;
}

async fn channel(app: &TestApp) {
    let alice = app.user("alice");
    alice.put("/channels/demo", json!({"private": true})).await;
    alice.get("/channels").await;
    alice.post("/channels/demo/playback-tokens", json!({})).await;
    alice.post("/channels/demo/stream-key", json!({})).await;
    // A rotation that died when the new key was there is gone on with.
    kill(app, "CreateStreamKey", "after").await;
    alice.post("/channels/demo/stream-key", json!({})).await;
    app.heal().await;
    if app.rows("channels").await.iter().any(|row| row.contains_key("streamKey")) {
        app.set_attribute("channels", "demo", "streamKey.leaseUntil", OVER).await;
    }
    alice.get("/channels/demo/stream-key").await;
    deny(app, "ChannelFunction", "DeleteChannel").await;
    alice.delete("/channels/demo").await;
    alice.delete("/channels/demo").await;
    alice.put("/channels/members", json!({"private": true, "admission": "invited"})).await;
    alice.put("/channels/members/viewers/bob", json!({})).await;
    alice.get("/channels/members/viewers").await;
    app.user("bob").post("/channels/members/playback-tokens", json!({})).await;
    alice.delete("/channels/members/viewers/bob").await;
    // Whether one of the organisation's own server is on air, the table knows.
    self_hosted_channel(app).await;
    alice.delete("/channels/own").await;
    // Of a create that died, the recovery is asked for.
    kill(app, "CreateChannel", "after").await;
    alice.put("/channels/dead", json!({})).await;
    let_claim_lapse(app, "channels").await;
    alice.put("/channels/dead", json!({})).await;
}

/// A self-hosted channel of alice's, in a deployment that may host none.
async fn self_hosted_channel(app: &TestApp) {
    let row: Value = serde_json::from_str(include_str!("../rows/channels/self-hosted.json")).unwrap();
    app.fill("channels", [crate::item_format::row(&row)]).await;
}

async fn chat(app: &TestApp) {
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    alice.put("/stages/demo", json!({})).await;
    alice.post("/stages/demo/chat-tokens", json!({"displayName": "Ann"})).await;
    alice.post("/stages/demo/chat-tokens", json!({"displayName": "Anna"})).await;
    alice.post("/stages/demo/chat-tokens", json!({})).await;
    alice.put("/channels/members", json!({"private": true, "admission": "invited"})).await;
    alice.put("/channels/members/viewers/bob", json!({})).await;
    bob.post("/channels/members/chat-tokens", json!({})).await;
    alice.patch("/stages/demo/chat", json!({"rules": "Be kind."})).await;
    alice.patch("/stages/demo/chat/users/bob", json!({"muted": true})).await;
    alice.get("/stages/demo/chat/users").await;
    alice.delete("/stages/demo/chat/messages/AbCdEfGhIjKl").await;
    alice.get("/stages/demo/chat/log").await;
    // A room of an earlier stage of the name is ended by whoever meets it.
    app.set_attribute("rooms", "stage/demo", "subject", "arn:aws:ivs:us-east-1:000000000000:stage/earlier00000").await;
    let rooms = app.rows("rooms").await;
    let room = rooms.iter().find(|row| row["name"].as_s().is_ok_and(|name| name == "stage/demo"));
    if let Some(Ok(arn)) = room.and_then(|row| row.get("arn")).map(AttributeValue::as_s) {
        app.fill("chat-log", [texts([("room", "stage/demo"), ("at", OVER), ("roomArn", arn)])]).await;
    }
    deny_of(app, "ivschat", "ChatFunction", "DeleteRoom").await;
    bob.post("/stages/demo/chat-tokens", json!({})).await;
    app.heal().await;
    bob.post("/stages/demo/chat-tokens", json!({})).await;
}

/// A message in a room without slow mode, and one in a room with it.
async fn chat_review(app: &TestApp) {
    const ARNS: [(&str, u32); 2] = [("abcdefghijkl", 0), ("bcdefghijklm", 60)];
    for (id, seconds) in ARNS {
        let (name, arn) = (format!("stage/{id}"), format!("arn:aws:ivschat:us-east-1:000000000000:room/{id}"));
        let mut room = room_row(&name, Some(&arn));
        room.insert("slowModeSeconds".to_owned(), AttributeValue::N(seconds.to_string()));
        app.fill("rooms", [room]).await;
        let sender = json!({"UserId": "bob", "Attributes": {"role": "viewer"}, "Ip": "192.0.2.7"});
        let message = json!({"Content": "hello", "MessageId": id, "RoomArn": arn, "Sender": sender});
        app.invoke("ChatReviewFunction", message.to_string()).await;
    }
}

async fn rtmp_hook(app: &TestApp) {
    const SECRET: &str = "the-forwarders-own-secret-of-this-tour";
    self_hosted_channel(app).await;
    app.put_secret("rtmp-hook", SECRET).await;
    let body = "app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7&clientid=1&call=publish&\
                name=own_0123456789abcdef0123456789abcdef01234567&type=live";
    app.anonymous().send("POST", "/hooks/rtmp", &[("x-hook-secret", SECRET)], body).await;
}

async fn broadcast_settings(app: &TestApp) {
    let alice = app.user("alice");
    let settings = json!({
        "kind": "custom", "ingestUrl": "rtmp://live.example.com/app", "streamKey": "key-of-alice",
        "playbackUrl": "https://cdn.example.com/x.m3u8",
    });
    alice.put("/broadcast-settings", settings).await;
    alice.get("/broadcast-settings").await;
    alice.delete("/broadcast-settings").await;
}

async fn broadcast(app: &TestApp) {
    let alice = app.user("alice");
    alice.put("/channels/demo", json!({})).await;
    // One that is on air, whose server is to be asked to end it.
    let row: Value = serde_json::from_str(include_str!("../rows/broadcasts/live.json")).unwrap();
    app.fill("broadcasts", [crate::item_format::row(&row)]).await;
    alice.delete("/broadcasts/bc-live").await;
    let room = Room::new(app).await;
    room.open(1, 8).await;
    alice.post("/broadcasts", json!({"channel": "demo"})).await;
    let begun = alice.post("/broadcasts", json!({"channel": "demo", "takeOver": true})).await.json();
    let id = begun["broadcast"].as_str().unwrap_or("bc-none");
    alice.post(&format!("/broadcasts/{id}/tickets"), json!({})).await;
    alice.get("/broadcasts").await;
    alice.get(&format!("/broadcasts/{id}")).await;
    alice.delete(&format!("/broadcasts/{id}")).await;
    alice.post("/broadcasts", json!({"broadcastSettings": true})).await;
}

async fn server(app: &TestApp) {
    app.user("alice").get("/servers").await;
}

async fn stream(app: &TestApp) {
    let air = Air::new(app).await;
    let (show, hidden) = (air.channel("show", json!({})).await, air.channel("hidden", json!({"private": true})).await);
    air.tell([show.started("st-1", 5)]).await;
    app.anonymous().get("/streams").await;
    // Another key's, so that each key is asked for that may have signed it.
    let claims = json!({"aws:channel-arn": hidden.arn, "exp": 4_102_444_800_i64});
    let key = jsonwebtoken::EncodingKey::from_ec_pem(tests::p384_key_pair().0.as_bytes()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES384);
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    app.anonymous().with_token(&token).get(&format!("/streams/{}", hidden.name)).await;
}

async fn stream_tracker(app: &TestApp) {
    // Before what IVS says by itself gets lost.
    publish(app).await;
    // Who is removed before they join is known to the tracker when they publish.
    let assumed = json!({"earlyDisconnect": "notFound", "lateIndexes": false});
    app.anonymous().put("/_local/assumptions", assumed).await.expect(200);
    let alice = app.user("alice");
    let stage = alice.put("/stages/removed", json!({})).await.json()["arn"].clone();
    let token = app.mint(&app.user("bob"), "removed", json!({})).await.json()["token"].clone();
    alice.delete("/stages/removed/participants/bob").await;
    come_in(app, &stage, &token).await;
    let air = Air::new(app).await;
    let show = air.channel("show", json!({})).await;
    app.invoke("StreamTrackerFunction", show.started("st-1", 5).to_string()).await;
}

/// Calls nothing.
async fn openapi(app: &TestApp) {
    app.anonymous().get("/openapi.json").await.expect(200);
}

async fn task_tracker(app: &TestApp) {
    let fleet = Fleet::new(app).await;
    let task = fleet.run_one().await;
    app.invoke("TaskTrackerFunction", task.last().to_string()).await;
}

async fn recovery(app: &TestApp) {
    let alice = app.user("alice");
    // Creates that died, one of each kind without having made anything, and a delete.
    for (path, table, kind) in [("/stages", "stages", "Stage"), ("/channels", "channels", "Channel")] {
        for (name, when) in [("made", "after"), ("not-made", "before"), ("keyless", "after")] {
            kill(app, &format!("Create{kind}"), when).await;
            alice.put(&format!("{path}/{name}"), json!({})).await;
        }
        to_be_deleted(app, kind).await;
        kill(app, &format!("Delete{kind}"), "before").await;
        alice.delete(&format!("{path}/deleted")).await;
        let_claim_lapse(app, table).await;
    }
    let ivs = app.ivs_low_latency();
    let listed = app.at_once(ivs.list_channels().filter_by_name("keyless").send()).await.unwrap();
    let channel = listed.channels()[0].arn().unwrap();
    for key in app.at_once(ivs.list_stream_keys().channel_arn(channel).send()).await.unwrap().stream_keys() {
        ivs.delete_stream_key().arn(key.arn().unwrap()).send().await.unwrap();
    }
    for kind in ["stage", "channel"] {
        app.recover(kind, &["made", "not-made", "keyless", "deleted"]).await;
    }
    // Rooms of what is gone: two whose create died, and two that are ended, one of which IVS Chat says is gone.
    let (made, gone) = (create_room(app, "stage/made-room").await, create_room(app, "channel/gone").await);
    let left = create_room(app, "stage/gone").await;
    let rooms = [
        room_row("stage/made-room", None),
        room_row("stage/not-made-room", None),
        room_row("channel/gone", Some(&gone)),
        room_row("stage/gone", Some(&left)),
    ];
    app.fill("rooms", rooms).await;
    for (room, arn) in [("stage/made-room", &made), ("channel/gone", &gone), ("stage/gone", &left)] {
        app.fill("chat-users", [texts([("room", room), ("userId", "bob"), ("roomArn", arn)])]).await;
        app.fill("chat-log", [texts([("room", room), ("at", OVER), ("roomArn", arn)])]).await;
    }
    let rooms = ["stage/made-room", "stage/not-made-room", "channel/gone", "stage/gone"];
    app.recover("room", &rooms).await;
}

/// A room in IVS Chat, of a create that is over: its ARN.
async fn create_room(app: &TestApp, room: &str) -> String {
    let tags = [("stack", app.stack()), ("room", room), ("claim", "some-claim"), ("lease-until", OVER)];
    let tags = tags.map(|(key, value)| (format!("greenroom:{key}"), value.to_owned()));
    let created = app.ivs_chat().create_room().set_tags(Some(tags.into())).send().await.unwrap();
    created.arn().unwrap().to_owned()
}

/// The row of a room whose stage or channel is gone, or of a create of it that died.
fn room_row(name: &str, arn: Option<&str>) -> Row {
    let subject = ("subject", "arn:aws:ivs:us-east-1:000000000000:stage/gone");
    match arn {
        None => texts([
            ("name", name),
            subject,
            ("owner", "alice"),
            ("status", "creating"),
            ("claimId", "some-claim"),
            ("originId", "some-claim"),
            ("leaseUntil", OVER),
            ("unfinished", "yes"),
        ]),
        Some(arn) => {
            let mut row = texts([
                ("name", name),
                subject,
                ("owner", "alice"),
                ("status", "active"),
                ("arn", arn),
                ("createdAt", OVER),
                ("listedAt", OVER),
            ]);
            row.insert("slowModeSeconds".to_owned(), AttributeValue::N("0".to_owned()));
            row
        }
    }
}

fn texts<const N: usize>(texts: [(&str, &str); N]) -> Row {
    texts.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into()
}

/// A stage with a participant, or a channel with a viewer, of the name `deleted`.
async fn to_be_deleted(app: &TestApp, kind: &str) {
    let alice = app.user("alice");
    if kind == "Stage" {
        alice.put("/stages/deleted", json!({})).await;
        app.mint(&app.user("bob"), "deleted", json!({})).await;
    } else {
        alice.put("/channels/deleted", json!({"private": true, "admission": "invited"})).await;
        alice.put("/channels/deleted/viewers/bob", json!({})).await;
    }
}

async fn reconciler(app: &TestApp) {
    // A task that the table does not know, and a row that ECS knows nothing of.
    let fleet = Fleet::new(app).await;
    fleet.run_one().await;
    fleet.fill(1).await;
    let alice = app.user("alice");
    // A create and a delete that died of each kind, and an orphan.
    for (path, table, kind) in [("/stages", "stages", "Stage"), ("/channels", "channels", "Channel")] {
        kill(app, &format!("Create{kind}"), "after").await;
        alice.put(&format!("{path}/created"), json!({})).await;
        to_be_deleted(app, kind).await;
        kill(app, &format!("Delete{kind}"), "before").await;
        alice.delete(&format!("{path}/deleted")).await;
        alice.put(&format!("{path}/kept"), json!({})).await;
        let_claim_lapse(app, table).await;
    }
    let tags = |kind: &str| {
        let tags = [("stack", app.stack()), (kind, "orphan"), ("claim", "some-claim"), ("lease-until", OVER)];
        Some(tags.map(|(key, value)| (format!("greenroom:{key}"), value.to_owned())).into())
    };
    app.ivs().create_stage().set_tags(tags("stage")).send().await.unwrap();
    app.ivs_low_latency().create_channel().set_tags(tags("channel")).send().await.unwrap();
    create_room(app, "stage/orphan").await;
    let gone = create_room(app, "channel/gone").await;
    app.fill("rooms", [room_row("channel/gone", Some(&gone))]).await;
    let denied = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
    app.fault(
        json!({"service": "ivschat", "operation": "DeleteRoom", "function": "ReconcilerFunction", "fault": denied}),
    )
    .await;
    // A stream that no event has told of.
    let air = Air::new(app).await;
    let show = air.channel("show", json!({})).await;
    air.begin(&show).await;
    for operation in ["DeleteStage", "DeleteChannel"] {
        deny(app, "ReconcilerFunction", operation).await;
    }
    app.invoke("ReconcilerFunction", r#"{"maxOrphans": 2}"#).await;
    app.invoke("ReconcilerFunction", r#"{"maxOrphans": 2}"#).await;
    sessions(app).await;
}

/// Somebody publishes in a stage, and the event is delivered.
async fn publish(app: &TestApp) {
    let alice = app.user("alice");
    let stage = alice.put("/stages/session", json!({})).await.json()["arn"].clone();
    let token = app.mint(&alice, "session", json!({})).await.json()["token"].clone();
    come_in(app, &stage, &token).await;
}

/// Somebody joins and begins to publish.
async fn come_in(app: &TestApp, stage: &Value, token: &Value) {
    let joined = app.join(token.as_str().unwrap_or_default()).await;
    let (stage, participant) =
        (stage.as_str().unwrap_or_default(), joined["participantId"].as_str().unwrap_or_default());
    let stage = stage.rsplit('/').next().unwrap_or_default();
    let path = format!("/_local/stages/{stage}/participants/{participant}/published?wait=true");
    app.anonymous().put(&path, json!({})).await;
}

/// A row of somebody in a stage that is gone.
fn left_behind() -> Row {
    let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let publishing = ("publishing".to_owned(), AttributeValue::Bool(true));
    let texts = [
        ("stageArn", "arn:aws:ivs:us-east-1:000000000000:stage/gone"),
        ("participantId", "gone"),
        ("session", "st-gone"),
        ("since", OVER),
        ("presence", "present"),
        ("leaseUntil", OVER),
    ];
    texts.into_iter().map(|(name, value)| text(name, value)).chain([publishing]).collect()
}

async fn sessions(app: &TestApp) {
    publish(app).await;
    app.fill("stage-sessions", [left_behind()]).await;
    app.invoke("ReconcilerFunction", r#"{"only": "sessions"}"#).await;
}

async fn signing_keys(app: &TestApp) {
    let rotate = async || app.invoke("SigningKeysFunction", r#"{"rotate": true}"#).await;
    rotate().await;
    rotate().await;
    // The first keys have no valid tokens any more; one that signs again is no longer on its way out.
    for key in app.at_once(app.ivs().list_public_keys().send()).await.unwrap().public_keys() {
        app.retire_key(key.arn().unwrap(), 16).await;
    }
    for key in app.at_once(app.ivs_low_latency().list_playback_key_pairs().send()).await.unwrap().key_pairs() {
        app.retire_key(key.arn().unwrap(), 16).await;
    }
    app.invoke("SigningKeysFunction", "{}").await;
}
