//! `/stages/{stage}/chat` and `/channels/{channel}/chat`: settings, who moderates whom, and what becomes of it, up to the
//! connections of those who are in the room.

use serde_json::{Value, json};
use tests::{Caller, ChatConnection, TestApp, concurrently};

const CHAT: &str = "/stages/demo/chat";
const TOKENS: &str = "/stages/demo/chat-tokens";
const BOB: &str = "/stages/demo/chat/users/bob";

/// Alice, whose stage `demo` is, and Bob.
async fn two(app: &TestApp) -> (Caller, Caller) {
    let (alice, bob) = (app.user("alice"), app.user("bob"));
    alice.put("/stages/demo", json!({})).await.expect(201);
    (alice, bob)
}

async fn capabilities(caller: &Caller) -> Value {
    caller.post(TOKENS, json!({})).await.expect(201).json()["capabilities"].clone()
}

async fn items(caller: &Caller, path: &str) -> Vec<Value> {
    caller.get(path).await.expect(200).json()["items"].as_array().unwrap().clone()
}

/// The actions of the log, the latest first.
async fn actions(caller: &Caller, chat: &str) -> Vec<String> {
    let entries = items(caller, &format!("{chat}/log")).await;
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

/// Hears why somebody is disconnected, and that the connection is closed.
async fn is_disconnected_for(connection: &mut ChatConnection, reason: &str) {
    let told = connection.hear().await;
    assert_eq!((&told["EventName"], &told["Attributes"]["Reason"]), (&json!("aws:DISCONNECT_USER"), &json!(reason)));
    assert_eq!(connection.hear().await, Value::Null);
}

#[tokio::test]
async fn who_is_muted_is_disconnected_and_only_reads_until_they_are_unmuted() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        let mut before = ChatConnection::open(app, &bob, TOKENS).await;
        let muted = alice.patch(BOB, json!({"muted": true})).await.expect(200).json();
        assert_eq!(
            (&muted["userId"], &muted["userRef"], &muted["muted"]),
            (&json!("bob"), &json!("bob"), &json!(true))
        );
        is_disconnected_for(&mut before, "muted").await;
        assert_eq!(capabilities(&bob).await, json!([]));
        let mut reader = ChatConnection::open(app, &bob, TOKENS).await;
        reader.say("hear me").await;
        let refused = reader.hear().await;
        assert_eq!((&refused["Type"], &refused["ErrorCode"]), (&json!("ERROR"), &json!(403)));
        // They come back with what they may now.
        alice.patch(BOB, json!({"muted": false})).await.expect(200);
        is_disconnected_for(&mut reader, "unmuted").await;
        assert_eq!(capabilities(&bob).await, json!(["SEND_MESSAGE"]));
    })
    .await;
}

#[tokio::test]
async fn who_is_removed_is_disconnected_and_gets_no_token_until_they_are_readmitted() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        let (mut first, mut second) =
            (ChatConnection::open(app, &bob, TOKENS).await, ChatConnection::open(app, &bob, TOKENS).await);
        let mut others = ChatConnection::open(app, &alice, TOKENS).await;
        alice.delete(BOB).await.expect(204);
        is_disconnected_for(&mut first, "removed").await;
        is_disconnected_for(&mut second, "removed").await;
        // Everybody hears of it, and stays.
        assert_eq!(others.hear().await["Attributes"]["UserId"], "bob");
        bob.post(TOKENS, json!({})).await.expect_problem(403, "removed");
        bob.get(CHAT).await.expect_problem(403, "removed");
        let readmitted = alice.patch(BOB, json!({"removed": false})).await.expect(200).json();
        assert_eq!(readmitted["removed"], false);
        assert_eq!(capabilities(&bob).await, json!(["SEND_MESSAGE"]));
        alice.patch(BOB, json!({"removed": true})).await.expect(200);
        bob.post(TOKENS, json!({})).await.expect_problem(403, "removed");
    })
    .await;
}

#[tokio::test]
async fn a_moderator_moderates_others_and_who_is_none_does_not() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        let (carol, dave) = (app.user("carol"), app.user("dave"));
        bob.patch("/stages/demo/chat/users/carol", json!({"muted": true})).await.expect_problem(403, "not-moderator");
        carol.delete(BOB).await.expect_problem(403, "not-moderator");
        for moderator in ["carol", "dave"] {
            let path = format!("{CHAT}/users/{moderator}");
            alice.patch(&path, json!({"moderator": true})).await.expect(200);
        }
        let given = carol.post(TOKENS, json!({})).await.expect(201).json();
        let all = json!(["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"]);
        assert_eq!((&given["role"], &given["capabilities"]), (&json!("moderator"), &all));
        carol.patch(BOB, json!({"muted": true})).await.expect(200);
        carol.delete(BOB).await.expect(204);
        carol.patch(BOB, json!({"removed": false})).await.expect(200);
        carol.delete(&format!("{CHAT}/messages/AbCdEfGhIjKl")).await.expect(204);
        assert_eq!(items(&carol, &format!("{CHAT}/users")).await.len(), 3);
        // The owner alone makes moderators, and moderates them.
        carol.patch(BOB, json!({"moderator": true})).await.expect_problem(403, "not-owner");
        carol.delete(&format!("{CHAT}/users/dave")).await.expect_problem(403, "protected");
        dave.patch(&format!("{CHAT}/users/carol"), json!({"muted": true})).await.expect_problem(403, "protected");
        carol.patch(CHAT, json!({"slowModeSeconds": 5})).await.expect_problem(403, "not-owner");
        // What a token of theirs allowed, they lose at once.
        let mut moderating = ChatConnection::open(app, &carol, TOKENS).await;
        alice.patch(&format!("{CHAT}/users/carol"), json!({"moderator": false})).await.expect(200);
        is_disconnected_for(&mut moderating, "moderator").await;
        carol.delete(BOB).await.expect_problem(403, "not-moderator");
        assert_eq!(capabilities(&carol).await, json!(["SEND_MESSAGE"]));
        // Who is removed moderates no more.
        alice.delete(&format!("{CHAT}/users/dave")).await.expect(204);
        alice.patch(&format!("{CHAT}/users/dave"), json!({"removed": false})).await.expect(200);
        dave.delete(BOB).await.expect_problem(403, "not-moderator");
    })
    .await;
}

#[tokio::test]
async fn nobody_moderates_the_owner() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        alice.patch(BOB, json!({"moderator": true})).await.expect(200);
        let owner = "/stages/demo/chat/users/alice";
        for caller in [&alice, &bob] {
            caller.patch(owner, json!({"muted": true})).await.expect_problem(403, "protected");
            caller.delete(owner).await.expect_problem(403, "protected");
        }
        let given = alice.post(TOKENS, json!({})).await.expect(201).json();
        assert_eq!(given["role"], "owner");
    })
    .await;
}

#[tokio::test]
async fn what_is_said_of_who_never_came_holds_and_says_nothing_in_a_later_stage() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        alice.patch(BOB, json!({"muted": true})).await.expect(200);
        assert_eq!(capabilities(&bob).await, json!([]));
        alice.delete("/stages/demo").await.expect(204);
        bob.get(CHAT).await.expect_problem(404, "not-found");
        alice.put("/stages/demo", json!({})).await.expect(201);
        assert!(items(&alice, &format!("{CHAT}/users")).await.is_empty());
        assert!(actions(&alice, CHAT).await.is_empty());
        assert_eq!(capabilities(&bob).await, json!(["SEND_MESSAGE"]));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_message_is_hidden_by_everybody() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        let mut writer = ChatConnection::open(app, &bob, TOKENS).await;
        writer.say("the end is near").await;
        let message = writer.hear().await["Id"].as_str().unwrap().to_owned();
        alice.delete(&format!("{CHAT}/messages/{message}")).await.expect(204);
        let told = writer.hear().await;
        assert_eq!(
            (&told["EventName"], &told["Attributes"]["MessageID"]),
            (&json!("aws:DELETE_MESSAGE"), &json!(message))
        );
        let entries = items(&alice, &format!("{CHAT}/log")).await;
        assert_eq!((&entries[0]["messageId"], &entries[0]["userId"]), (&json!(message), &Value::Null));
        bob.delete(&format!("{CHAT}/messages/{message}")).await.expect_problem(403, "not-moderator");
        alice.delete(&format!("{CHAT}/messages/none")).await.expect_problem(400, "invalid-request");
    })
    .await;
}

#[tokio::test]
async fn the_log_tells_the_owner_what_was_done_the_latest_first() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        assert!(actions(&alice, CHAT).await.is_empty());
        let carol = app.user("carol");
        alice.patch(&format!("{CHAT}/users/carol"), json!({"moderator": true})).await.expect(200);
        carol.patch(BOB, json!({"muted": true})).await.expect(200);
        // Nothing has changed.
        carol.patch(BOB, json!({"muted": true})).await.expect(200);
        carol.patch(BOB, json!({"muted": false})).await.expect(200);
        carol.delete(BOB).await.expect(204);
        carol.patch(BOB, json!({"removed": false})).await.expect(200);
        carol.delete(&format!("{CHAT}/messages/AbCdEfGhIjKl")).await.expect(204);
        alice.patch(&format!("{CHAT}/users/carol"), json!({"moderator": false})).await.expect(200);
        let expected =
            ["moderatorEnded", "messageDeleted", "readmitted", "removed", "unmuted", "muted", "moderatorMade"];
        assert_eq!(actions(&alice, CHAT).await, expected);
        // By pages, which end.
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = alice.get(&format!("{CHAT}/log?limit=3{cursor}")).await.expect(200).json();
            paged.extend(page["items"].as_array().unwrap().clone());
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, items(&alice, &format!("{CHAT}/log")).await);
        let muted = &paged[5];
        assert_eq!(
            (&muted["actor"], &muted["userId"], &muted["messageId"]),
            (&json!("carol"), &json!("bob"), &Value::Null)
        );
        for caller in [&bob, &carol] {
            caller.get(&format!("{CHAT}/log")).await.expect_problem(403, "not-owner");
        }
    })
    .await;
}

#[tokio::test]
async fn who_was_moderated_is_listed_the_latest_first_as_long_as_something_is_said_of_them() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        bob.post(TOKENS, json!({"displayName": "Bob"})).await.expect(201);
        let users = format!("{CHAT}/users");
        assert!(items(&alice, &users).await.is_empty());
        alice.patch(BOB, json!({"muted": true})).await.expect(200);
        // An id that no path has as it is.
        alice.delete(&format!("{users}/~aHR0cHM6Ly9pZC5leGFtcGxlL3UvMQ")).await.expect(204);
        let listed = items(&alice, &users).await;
        let said: Vec<_> =
            listed.iter().map(|user| (&user["userId"], &user["displayName"], &user["removed"])).collect();
        let other = (&json!("https://id.example/u/1"), &Value::Null, &json!(true));
        assert_eq!(said, [other, (&json!("bob"), &json!("Bob"), &json!(false))]);
        assert_eq!(listed[0]["userRef"], "~aHR0cHM6Ly9pZC5leGFtcGxlL3UvMQ");
        bob.get(&users).await.expect_problem(403, "not-moderator");
        alice.patch(BOB, json!({"muted": false})).await.expect(200);
        assert_eq!(items(&alice, &users).await.len(), 1);
        // What they are called is theirs still.
        app.user("carol").post(TOKENS, json!({"displayName": "B0B"})).await.expect_problem(409, "name-taken");
    })
    .await;
}

#[tokio::test]
async fn two_words_about_a_user_at_once_both_hold() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        alice.post(TOKENS, json!({})).await.expect(201);
        let words = [json!({"muted": true}), json!({"moderator": true})];
        let patch = |n: usize| {
            let (alice, word) = (alice.clone(), words[n % 2].clone());
            async move { alice.patch(BOB, word).await }
        };
        for answer in concurrently(6, patch).await {
            answer.expect(200);
        }
        let given = bob.post(TOKENS, json!({})).await.expect(201).json();
        assert_eq!((&given["role"], &given["capabilities"]), (&json!("moderator"), &json!([])));
        let mut done = actions(&alice, CHAT).await;
        done.sort();
        assert_eq!(done, ["moderatorMade", "muted"]);
    })
    .await;
}

#[tokio::test]
async fn a_user_whom_ivs_did_not_disconnect_gets_no_token_and_the_same_request_completes_it() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        let mut connection = ChatConnection::open(app, &bob, TOKENS).await;
        for fault in [json!({"kind": "throttle"}), json!({"kind": "drop", "when": "before"})] {
            app.fault(json!({"service": "ivschat", "operation": "DisconnectUser", "times": null, "fault": fault}))
                .await;
            alice.delete(BOB).await.expect_problem(503, "unavailable");
            bob.post(TOKENS, json!({})).await.expect_problem(403, "removed");
            app.heal().await;
        }
        alice.delete(BOB).await.expect(204);
        is_disconnected_for(&mut connection, "removed").await;
        assert_eq!(actions(&alice, CHAT).await, ["removed"]);
        // Nor is what was not written done.
        let fault = json!({"kind": "error", "status": 500, "code": "InternalServerError"});
        app.fault(json!({"service": "dynamodb", "operation": "TransactWriteItems", "times": null, "fault": fault}))
            .await;
        alice.patch(BOB, json!({"removed": false})).await.expect_problem(503, "unavailable");
        bob.post(TOKENS, json!({})).await.expect_problem(403, "removed");
        app.heal().await;
        alice.patch(BOB, json!({"removed": false})).await.expect(200);
        assert_eq!(actions(&alice, CHAT).await, ["readmitted", "removed"]);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_ivs_did_not_hide_is_hidden_by_the_same_request() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        let mut reader = ChatConnection::open(app, &bob, TOKENS).await;
        let message = format!("{CHAT}/messages/AbCdEfGhIjKl");
        let fault = json!({"kind": "throttle"});
        app.fault(json!({"service": "ivschat", "operation": "DeleteMessage", "times": null, "fault": fault})).await;
        alice.delete(&message).await.expect_problem(503, "unavailable");
        app.heal().await;
        alice.delete(&message).await.expect(204);
        assert_eq!(reader.hear().await["Attributes"]["MessageID"], "AbCdEfGhIjKl");
        // Each attempt is told of: nobody knows what the first one did.
        assert_eq!(actions(&alice, CHAT).await, ["messageDeleted", "messageDeleted"]);
    })
    .await;
}

#[tokio::test]
async fn the_owner_changes_the_settings_and_whoever_may_chat_reads_them() {
    TestApp::run(async |app| {
        let (alice, bob) = two(app).await;
        let none = json!({"rules": null, "slowModeSeconds": 0, "words": []});
        assert_eq!(alice.get(CHAT).await.expect(200).json(), none);
        assert!(app.rooms_in_ivs().await.is_empty(), "to look at them makes no room");
        bob.patch(CHAT, json!({"rules": "Anything goes."})).await.expect_problem(403, "not-owner");
        let said = json!({"rules": "Be kind.\nBe brief.", "slowModeSeconds": 5, "words": [" spoiler "]});
        let settings = json!({"rules": "Be kind.\nBe brief.", "slowModeSeconds": 5, "words": ["spoiler"]});
        assert_eq!(alice.patch(CHAT, said).await.expect(200).json(), settings);
        assert_eq!(alice.get(CHAT).await.expect(200).json(), settings);
        // Nobody learns from the API what to write around.
        assert_eq!(bob.get(CHAT).await.expect(200).json()["words"], Value::Null);
        alice.patch(BOB, json!({"moderator": true})).await.expect(200);
        assert_eq!(bob.get(CHAT).await.expect(200).json(), settings);
        let given = bob.post(TOKENS, json!({})).await.expect(201).json();
        assert_eq!((&given["rules"], &given["slowModeSeconds"]), (&settings["rules"], &json!(5)));
        let other = json!({"rules": null, "slowModeSeconds": 5, "words": ["spoiler"]});
        assert_eq!(alice.patch(CHAT, json!({"rules": ""})).await.expect(200).json(), other);
        alice.patch("/stages/demo", json!({"doors": "closed"})).await.expect(200);
        bob.get(CHAT).await.expect_problem(403, "stage-closed");
        assert_eq!(app.rooms_in_ivs().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn every_bad_field_of_settings_and_of_a_user_is_named_at_once() {
    TestApp::run(async |app| {
        let (alice, _) = two(app).await;
        let named = |refused: Value| {
            let fields = refused["errors"].as_array().unwrap().iter().map(|error| error["field"].clone());
            json!(fields.collect::<Vec<_>>())
        };
        for (path, body, expected) in [
            (CHAT, json!({"rules": "\u{7}", "slowModeSeconds": 3601, "words": ["\n"], "mood": 1}), 4),
            (CHAT, json!({"rules": "x".repeat(501), "slowModeSeconds": 0.5, "words": vec!["word"; 101]}), 3),
            (CHAT, json!({}), 3),
            (BOB, json!({"moderator": "yes", "muted": 1, "removed": null, "name": "x"}), 4),
            (BOB, json!({}), 3),
        ] {
            let refused = alice.patch(path, body).await.expect_problem(400, "invalid-request").json();
            assert_eq!(named(refused.clone()).as_array().map(Vec::len), Some(expected), "{refused}");
        }
        assert!(app.rooms_in_ivs().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_channels_chat_is_moderated_as_a_stages() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        let (chat, tokens) = ("/channels/show/chat", "/channels/show/chat-tokens");
        alice.put("/channels/show", json!({"private": true, "admission": "invited"})).await.expect(201);
        bob.get(chat).await.expect_problem(403, "not-invited");
        alice.patch(chat, json!({"slowModeSeconds": 30})).await.expect(200);
        alice.put("/channels/show/viewers/bob", json!({})).await.expect(201);
        assert_eq!(bob.get(chat).await.expect(200).json()["slowModeSeconds"], 30);
        let mut connection = ChatConnection::open(app, &bob, tokens).await;
        alice.patch("/channels/show/chat/users/bob", json!({"muted": true})).await.expect(200);
        is_disconnected_for(&mut connection, "muted").await;
        let mut connection = ChatConnection::open(app, &bob, tokens).await;
        alice.delete("/channels/show/chat/messages/AbCdEfGhIjKl").await.expect(204);
        assert_eq!(connection.hear().await["EventName"], "aws:DELETE_MESSAGE");
        alice.delete("/channels/show/chat/users/bob").await.expect(204);
        is_disconnected_for(&mut connection, "removed").await;
        bob.post(tokens, json!({})).await.expect_problem(403, "removed");
        assert_eq!(items(&alice, "/channels/show/chat/users").await.len(), 1);
        assert_eq!(actions(&alice, chat).await, ["removed", "messageDeleted", "muted"]);
    })
    .await;
}
