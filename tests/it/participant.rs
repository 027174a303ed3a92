//! `/stages/{stage}/participants`: who gets which token, and what becomes of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Caller, TestApp, concurrently, eventually};

/// A stage of alice's.
async fn stage(app: &TestApp, options: Value) -> Caller {
    let alice = app.user("alice");
    alice.put("/stages/demo", options).await.expect(201);
    alice
}

#[tokio::test]
async fn a_user_gets_a_token_and_then_the_same_one_again() {
    TestApp::run(async |app| {
        stage(app, json!({})).await;
        let bob = app.user("bob");
        let first = app.mint(&bob, "demo", json!({})).await.expect(201);
        assert_eq!(first.header("cache-control"), "no-store");
        let first = first.json();
        assert_eq!(first["stage"], "demo");
        assert_eq!(first["userId"], "bob");
        assert_eq!(first["capabilities"], json!(["PUBLISH", "SUBSCRIBE"]));
        assert_eq!(first["attributes"], json!({}));
        assert_eq!(first.as_object().unwrap().len(), 7, "{first}");
        let again = app.mint(&bob, "demo", json!({"durationMinutes": 600})).await.expect(200).json();
        for field in ["participantId", "expiresAt", "capabilities", "attributes"] {
            assert_eq!(again[field], first[field], "{field}");
        }
        // Both texts open the stage for the same participant.
        for token in [&first["token"], &again["token"]] {
            let joined = app.join(token.as_str().unwrap()).await;
            assert_eq!(joined["joined"], true, "{joined}");
            assert_eq!(joined["participantId"], first["participantId"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_short_token_is_given_again_and_takes_one_place() {
    TestApp::run(async |app| {
        stage(app, json!({})).await;
        let bob = app.user("bob");
        let short = app.mint(&bob, "demo", json!({"durationMinutes": 4})).await.expect(201).json();
        for _ in 0..10 {
            let again = app.mint(&bob, "demo", json!({"durationMinutes": 4})).await.expect(200).json();
            assert_eq!(short["participantId"], again["participantId"]);
        }
    })
    .await;
}

#[tokio::test]
async fn attributes_stay_when_a_token_expires_and_when_the_owner_grants() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let alice = stage(app, json!({})).await;
        let bob = app.user("bob");
        let name = json!({"name": "Bob"});
        let first = app.mint(&bob, "demo", json!({"attributes": name})).await.expect(201).json();
        app.expire_tokens("demo", "bob").await;
        let second = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        assert_eq!((&second["attributes"], first["participantId"] == second["participantId"]), (&name, false));
        let renewed = app.mint(&bob, "demo", json!({"renew": true})).await.expect(201).json();
        assert_eq!(renewed["attributes"], name);

        let grant = async |changes| alice.patch("/stages/demo/participants/bob", changes).await.expect(200);
        grant(json!({"capabilities": ["SUBSCRIBE"]})).await;
        let watching = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        assert_eq!((&watching["attributes"], &watching["capabilities"]), (&name, &json!(["SUBSCRIBE"])));
        // An expired token is forgotten by a grant, and what it showed is not.
        app.expire_tokens("demo", "bob").await;
        grant(json!({"attributes": {"role": "guest"}})).await;
        let guest = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        assert_eq!(guest["attributes"], json!({"name": "Bob", "role": "guest"}));
        grant(json!({"attributes": {}})).await;
        assert_eq!(app.mint(&bob, "demo", json!({})).await.expect(201).json()["attributes"], name);

        alice.delete("/stages/demo/participants/bob").await.expect(204);
        grant(json!({})).await;
        assert_eq!(app.mint(&bob, "demo", json!({})).await.expect(201).json()["attributes"], name);
        let none = app.mint(&bob, "demo", json!({"attributes": {}})).await.expect(201).json();
        assert_eq!(none["attributes"], json!({}));
        let renewed = app.mint(&bob, "demo", json!({"renew": true})).await.expect(201).json();
        assert_eq!(renewed["attributes"], json!({}));
    })
    .await;
}

#[tokio::test]
async fn renew_makes_a_new_participant() {
    TestApp::run(async |app| {
        stage(app, json!({})).await;
        let bob = app.user("bob");
        let first = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        let renewed = app.mint(&bob, "demo", json!({"renew": true})).await.expect(201).json();
        assert_ne!(first["participantId"], renewed["participantId"]);
        let again = app.mint(&bob, "demo", json!({})).await.expect(200).json();
        assert_eq!(again["participantId"], renewed["participantId"]);
    })
    .await;
}

#[tokio::test]
async fn each_device_of_a_user_has_a_token_of_its_own() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let alice = stage(app, json!({"admission": "hosted"})).await;
        let bob = app.user("bob");
        let ask = async |body: Value| app.mint(&bob, "demo", body).await;
        let mut first = Vec::new();
        for device in [json!({}), json!({"device": "phone"}), json!({"device": "desk"})] {
            first.push((ask(device.clone()).await.expect(201).json(), device));
        }
        let mut participants = BTreeSet::new();
        for (token, device) in &first {
            let again = ask(device.clone()).await.expect(200).json();
            assert_eq!(again["participantId"], token["participantId"]);
            participants.insert(token["participantId"].to_string());
            // No join ends the connection of another.
            assert_eq!(app.join(token["token"].as_str().unwrap()).await.get("ended"), None);
        }
        assert_eq!(participants.len(), 3, "{participants:?}");
        // The same token in a second tab does.
        let second = app.join(first[0].0["token"].as_str().unwrap()).await;
        assert_eq!(second["ended"]["reason"], "token-reused");

        // A grant is for all of them, and each exchanges its own.
        let grant = json!({"capabilities": ["PUBLISH", "SUBSCRIBE"]});
        alice.patch("/stages/demo/participants/bob", grant).await.expect(200);
        for (token, device) in &first {
            let mut exchange = device.clone();
            exchange["exchange"] = true.into();
            let exchanged = ask(exchange).await.expect(201).json();
            assert_eq!(exchanged["participantId"], token["participantId"]);
            assert_eq!(exchanged["capabilities"], json!(["PUBLISH", "SUBSCRIBE"]));
        }
        ask(json!({"device": "tv", "exchange": true})).await.expect_problem(409, "nothing-to-exchange");
        let renewed = ask(json!({"device": "phone", "renew": true})).await.expect(201).json();
        assert!(!participants.contains(&renewed["participantId"].to_string()));
        assert_eq!(
            ask(json!({"device": "desk"})).await.expect(200).json()["participantId"],
            first[2].0["participantId"]
        );

        let listed = alice.get("/stages/demo/participants").await.expect(200).json();
        let items = listed["items"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["participantId"]), (1, &renewed["participantId"]));
        let devices: Vec<_> = items[0]["devices"].as_array().unwrap().iter().map(|of| of["device"].clone()).collect();
        assert_eq!(devices, [json!("phone"), json!("desk"), Value::Null]);

        // They share the ten places: four are taken, one by what the phone had before.
        for n in 5..=10 {
            ask(json!({"device": format!("tab-{n}")})).await.expect(201);
        }
        ask(json!({"device": "tab-11"})).await.expect_problem(409, "too-many-tokens");
        ask(json!({"device": "tab-10"})).await.expect(200);
        // A removal is of all.
        app.quotas(json!({"DisconnectParticipant": 100})).await;
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        for (token, _) in &first {
            assert_eq!(app.join(token["token"].as_str().unwrap()).await["code"], 10);
        }
        ask(json!({"device": "phone"})).await.expect_problem(403, "removed");
    })
    .await;
}

#[tokio::test]
async fn nobody_can_hoard_tokens() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        stage(app, json!({})).await;
        let bob = app.user("bob");
        for _ in 0..10 {
            app.mint(&bob, "demo", json!({"renew": true})).await.expect(201);
        }
        app.mint(&bob, "demo", json!({"renew": true})).await.expect_problem(409, "too-many-tokens");
        let current = app.mint(&bob, "demo", json!({})).await.expect(200).json();
        // Who asks for something else is not locked out: it goes to the participant of the current token.
        let other = app.mint(&bob, "demo", json!({"capabilities": ["SUBSCRIBE"]})).await.expect(201).json();
        assert_eq!(other["participantId"], current["participantId"]);
        // A removal disconnects all ten, however often the rate of IVS makes it start over.
        let removed = eventually("all are disconnected", async || {
            let answer = app.user("alice").delete("/stages/demo/participants/bob").await;
            (answer.status == 204).then_some(answer)
        });
        removed.await;
        assert_eq!(app.join(other["token"].as_str().unwrap()).await["code"], 10);
        app.user("alice").patch("/stages/demo/participants/bob", json!({})).await.expect(200);
        app.mint(&bob, "demo", json!({"renew": true})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_hosted_stage_lets_guests_watch_until_they_are_promoted() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({"admission": "hosted"})).await;
        let bob = app.user("bob");
        let watching = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        assert_eq!(watching["capabilities"], json!(["SUBSCRIBE"]));
        app.mint(&bob, "demo", json!({"capabilities": ["PUBLISH"]}))
            .await
            .expect_problem(403, "capabilities-not-allowed");
        let owners = app.mint(&alice, "demo", json!({})).await.expect(201).json();
        assert_eq!(owners["capabilities"], json!(["PUBLISH", "SUBSCRIBE"]));

        let grant = alice
            .patch(
                "/stages/demo/participants/bob",
                json!({"capabilities": ["PUBLISH", "SUBSCRIBE"], "attributes": {"role": "speaker"}}),
            )
            .await
            .expect(200)
            .json();
        assert_eq!(
            grant,
            json!({"stage": "demo", "userId": "bob", "capabilities": ["PUBLISH", "SUBSCRIBE"],
                "attributes": {"role": "speaker"}})
        );
        // A viewer becomes a speaker without leaving: the same participant under the present grant.
        let speaking = app.mint(&bob, "demo", json!({"exchange": true})).await.expect(201).json();
        assert_eq!(speaking["participantId"], watching["participantId"]);
        assert_eq!(speaking["capabilities"], json!(["PUBLISH", "SUBSCRIBE"]));
        assert_eq!(speaking["attributes"], json!({"role": "speaker"}));
        // From then on, that is the current token.
        let current = app.mint(&bob, "demo", json!({})).await.expect(200).json();
        assert_eq!(current["capabilities"], json!(["PUBLISH", "SUBSCRIBE"]));
    })
    .await;
}

#[tokio::test]
async fn a_promoted_user_who_asks_anew_gets_what_was_granted() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({"admission": "hosted"})).await;
        let bob = app.user("bob");
        app.mint(&bob, "demo", json!({})).await.expect(201);
        alice
            .patch("/stages/demo/participants/bob", json!({"capabilities": ["PUBLISH", "SUBSCRIBE"]}))
            .await
            .expect(200);
        let promoted = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        assert_eq!(promoted["capabilities"], json!(["PUBLISH", "SUBSCRIBE"]));
    })
    .await;
}

#[tokio::test]
async fn an_invitation_holds_before_the_guest_ever_came() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({"admission": "hosted"})).await;
        let path = "/stages/demo/participants/auth0%7Cbob";
        alice.patch(path, json!({"capabilities": ["PUBLISH"]})).await.expect(200);
        // An invitation is no token: nobody holds one yet.
        let listed = alice.get("/stages/demo/participants").await.expect(200).json();
        assert_eq!(listed, json!({"items": []}));
        let bob = app.user_with("sub=auth0%7Cbob").await;
        let token = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        assert_eq!((&token["userId"], &token["capabilities"]), (&json!("auth0|bob"), &json!(["PUBLISH"])));
    })
    .await;
}

#[tokio::test]
async fn a_user_of_any_id_is_removed_and_let_in_again_by_the_reference_that_the_list_gives() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        app.quotas(json!({"DisconnectParticipant": 100})).await;
        let alice = stage(app, json!({})).await;
        let ids = ["auth0|5f7c", "https://id.example/u/1", "a?b", "a#b", "a%b", "a%2Fb", "a b", "~bob", "zoë", ".."];
        for id in ids {
            let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let user = app.user_with(&format!("sub={encoded}")).await;
            assert_eq!(app.mint(&user, "demo", json!({})).await.expect(201).json()["userId"], id);
            let listed = alice.get("/stages/demo/participants").await.expect(200).json();
            let (newest, reference) = (&listed["items"][0], listed["items"][0]["userRef"].as_str().unwrap());
            assert_eq!(newest["userId"], id);
            let path = format!("/stages/demo/participants/{reference}");
            alice.delete(&path).await.expect(204);
            app.mint(&user, "demo", json!({})).await.expect_problem(403, "removed");
            assert_eq!(alice.patch(&path, json!({})).await.expect(200).json()["userId"], id);
            app.mint(&user, "demo", json!({})).await.expect(201);
        }
        // What the gateway may have changed names nobody.
        for wrong in ["a%2523b", "a%20b", "~YQ%3D%3D", "~", "a~b"] {
            let refused = alice.delete(&format!("/stages/demo/participants/{wrong}")).await;
            let refused = refused.expect_problem(400, "invalid-request").json();
            assert_eq!(refused["errors"][0]["field"], "userId", "{wrong}: {refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_closed_stage_lets_only_its_owner_in() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({})).await;
        alice.patch("/stages/demo", json!({"doors": "closed"})).await.expect(200);
        app.mint(&app.user("bob"), "demo", json!({})).await.expect_problem(403, "stage-closed");
        app.mint(&alice, "demo", json!({})).await.expect(201);
        alice.patch("/stages/demo", json!({"doors": "open"})).await.expect(200);
        app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_removed_user_is_disconnected_and_stays_out_until_granted() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let alice = stage(app, json!({})).await;
        let bob = app.user("bob");
        let first = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        let second = app.mint(&bob, "demo", json!({"renew": true})).await.expect(201).json();
        assert_eq!(app.join(first["token"].as_str().unwrap()).await["joined"], true);

        alice.delete("/stages/demo/participants/bob").await.expect(204);
        // Neither token can be used to join again, the earlier one included.
        for token in [&first["token"], &second["token"]] {
            let refused = app.join(token.as_str().unwrap()).await;
            assert_eq!((&refused["joined"], &refused["code"]), (&json!(false), &json!(10)), "{refused}");
        }
        app.mint(&bob, "demo", json!({})).await.expect_problem(403, "removed");
        app.mint(&bob, "demo", json!({"renew": true})).await.expect_problem(403, "removed");
        app.mint(&bob, "demo", json!({"exchange": true})).await.expect_problem(403, "removed");
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        assert_eq!(alice.get("/stages/demo/participants").await.expect(200).json(), json!({"items": []}));

        alice.patch("/stages/demo/participants/bob", json!({})).await.expect(200);
        let back = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        assert_ne!(back["participantId"], second["participantId"]);
        assert_eq!(app.join(back["token"].as_str().unwrap()).await["joined"], true);
    })
    .await;
}

#[tokio::test]
async fn a_user_can_be_barred_before_they_came() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({})).await;
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        app.mint(&app.user("bob"), "demo", json!({})).await.expect_problem(403, "removed");
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_ivs_fails_bars_the_user_and_a_retry_disconnects() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let alice = stage(app, json!({})).await;
        let bob = app.user("bob");
        let token = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        let error = json!({"kind": "error", "status": 500, "code": "InternalServerException"});
        app.fault(json!({"service": "ivs", "operation": "DisconnectParticipant", "times": null, "fault": error})).await;
        alice.delete("/stages/demo/participants/bob").await.expect_problem(503, "unavailable");
        app.mint(&bob, "demo", json!({})).await.expect_problem(403, "removed");
        app.heal().await;
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        assert_eq!(app.join(token["token"].as_str().unwrap()).await["code"], 10);
    })
    .await;
}

/// Has `DisconnectParticipant` answer that there is nobody, of a participant that has not joined yet.
async fn nobody_is_known_before_they_join(app: &TestApp) {
    app.anonymous().put("/_local/assumptions", json!({"earlyDisconnect": "notFound"})).await.expect(200);
}

#[tokio::test]
async fn a_removal_is_done_when_ivs_says_so() {
    TestApp::run(async |app| {
        nobody_is_known_before_they_join(app).await;
        let alice = stage(app, json!({})).await;
        let bob = app.user("bob");
        let token = app.mint(&bob, "demo", json!({"durationMinutes": 5})).await.expect(201).json();
        let text = token["token"].as_str().unwrap();
        for _ in 0..2 {
            let pending = alice.delete("/stages/demo/participants/bob").await;
            let pending = pending.expect_problem(503, "removal-pending");
            assert_eq!(pending.header("retry-after"), "10");
            // It is told until when the token can be used, and so does IVS: what is said is true.
            let until = token["expiresAt"].as_str().unwrap();
            assert!(pending.json()["detail"].as_str().unwrap().contains(until), "{}", pending.text);
            app.mint(&bob, "demo", json!({})).await.expect_problem(403, "removed");
        }
        assert_eq!(app.join(text).await["joined"], true);
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        assert_eq!(app.join(text).await["code"], 10);
        alice.delete("/stages/demo/participants/bob").await.expect(204);
    })
    .await;
}

/// Somebody comes in with a token, unless IVS keeps them out, and begins to publish, of which IVS tells.
async fn join_and_publish(app: &TestApp, stage: &Value, token: &Value) -> Value {
    let joined = app.join(token["token"].as_str().unwrap()).await;
    if let Some(id) = joined["participantId"].as_str() {
        let stage = stage["arn"].as_str().unwrap().rsplit('/').next().unwrap();
        let path = format!("/_local/stages/{stage}/participants/{id}/published");
        // Again, for who does so already.
        app.anonymous().delete(&path).await;
        app.anonymous().put(&format!("{path}?wait=true"), json!({})).await.expect(200);
    }
    joined
}

/// Who is removed is out once they publish. The index of those who are may be behind.
async fn publishes_until_out(app: &TestApp, stage: &Value, token: &Value) {
    let is_out = async || (join_and_publish(app, stage, token).await["code"] == 10).then_some(());
    eventually("who is removed is out", is_out).await;
}

#[tokio::test]
async fn who_was_removed_before_they_joined_is_disconnected_when_they_publish() {
    TestApp::run(async |app| {
        app.anonymous().put("/_local/assumptions", json!({"lateIndexes": true})).await.expect(200);
        nobody_is_known_before_they_join(app).await;
        let alice = stage(app, json!({})).await;
        let demo = alice.get("/stages/demo").await.expect(200).json();
        let bobs = app.mint(&app.user("bob"), "demo", json!({})).await.expect(201).json();
        let carols = app.mint(&app.user("carol"), "demo", json!({})).await.expect(201).json();
        for user in ["bob", "carol"] {
            alice.delete(&format!("/stages/demo/participants/{user}")).await.expect_problem(503, "removal-pending");
        }
        publishes_until_out(app, &demo, &bobs).await;
        // Who is let in again has all of their tokens, and stays, although the index has them for a moment.
        alice.patch("/stages/demo/participants/carol", json!({})).await.expect(200);
        join_and_publish(app, &demo, &carols).await;
        assert_eq!(app.join(carols["token"].as_str().unwrap()).await["joined"], true);
        alice.delete("/stages/demo/participants/bob").await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn an_event_of_somebody_removed_that_ivs_or_dynamodb_refuses_is_delivered_again() {
    TestApp::run(async |app| {
        nobody_is_known_before_they_join(app).await;
        let alice = stage(app, json!({})).await;
        let demo = alice.get("/stages/demo").await.expect(200).json();
        let bobs = app.mint(&app.user("bob"), "demo", json!({})).await.expect(201).json();
        alice.delete("/stages/demo/participants/bob").await.expect_problem(503, "removal-pending");
        for (service, operation) in [("dynamodb", "Query"), ("ivs", "DisconnectParticipant")] {
            let refused = json!({"kind": "error", "status": 400, "code": "AccessDeniedException"});
            app.fault(json!({
                "service": service, "operation": operation, "function": "StreamTrackerFunction", "fault": refused,
            }))
            .await;
        }
        publishes_until_out(app, &demo, &bobs).await;
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_cannot_ask_for_the_stage_forgets_whom_ivs_has_disconnected() {
    TestApp::run(async |app| {
        nobody_is_known_before_they_join(app).await;
        let alice = stage(app, json!({})).await;
        let bob = app.user("bob");
        let joined = app.mint(&bob, "demo", json!({"device": "phone"})).await.expect(201).json();
        app.join(joined["token"].as_str().unwrap()).await;
        let unused = app.mint(&bob, "demo", json!({"device": "laptop"})).await.expect(201).json();
        app.fault(json!({"service": "ivs", "operation": "GetStage", "times": null, "fault": {"kind": "throttle"}}))
            .await;
        alice.delete("/stages/demo/participants/bob").await.expect_problem(503, "unavailable");
        let row = app.rows("participants").await.remove(0);
        let left = row["earlier"].as_l().unwrap().iter().map(|token| &token.as_m().unwrap()["participantId"]);
        let left: Vec<&str> = left.map(|id| id.as_s().unwrap().as_str()).collect();
        assert_eq!(left, [unused["participantId"].as_str().unwrap()]);
        app.heal().await;
    })
    .await;
}

#[tokio::test]
async fn a_removal_is_done_when_the_last_token_has_ended_or_the_stage_is_gone_in_ivs() {
    TestApp::run(async |app| {
        nobody_is_known_before_they_join(app).await;
        let alice = stage(app, json!({})).await;
        let arn = alice.get("/stages/demo").await.expect(200).json()["arn"].as_str().unwrap().to_owned();
        for user in ["bob", "carol"] {
            app.mint(&app.user(user), "demo", json!({})).await.expect(201);
        }
        app.expire_tokens("demo", "bob").await;
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        alice.delete("/stages/demo/participants/carol").await.expect_problem(503, "removal-pending");
        app.ivs().delete_stage().arn(arn).send().await.unwrap();
        alice.delete("/stages/demo/participants/carol").await.expect(204);
        alice.delete("/stages/demo").await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn the_owner_sees_who_holds_a_token_newest_first_and_never_the_token() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({})).await;
        let mut tokens = Vec::new();
        for user in ["bob", "carol", "dave"] {
            let minted = app.mint(&app.user(user), "demo", json!({"attributes": {"name": user}})).await.expect(201);
            tokens.push(minted.json()["token"].as_str().unwrap().to_owned());
        }
        let mut users = Vec::new();
        let mut path = "/stages/demo/participants?limit=2".to_owned();
        loop {
            let page = alice.get(&path).await.expect(200);
            let parts = tokens.iter().flat_map(|token| token.split('.'));
            assert!(!page.text.contains("\"token\"") && parts.into_iter().all(|part| !page.text.contains(part)));
            let page = page.json();
            users.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(cursor) = page["cursor"].as_str() else { break };
            path = format!("/stages/demo/participants?limit=2&cursor={cursor}");
        }
        let names: Vec<&str> = users.iter().map(|user| user["userId"].as_str().unwrap()).collect();
        assert_eq!(names, ["dave", "carol", "bob"]);
        assert_eq!(users[0]["attributes"]["name"], users[0]["userId"]);
        app.user("bob").get("/stages/demo/participants").await.expect_problem(403, "not-owner");
    })
    .await;
}

#[tokio::test]
async fn the_owner_sees_whoever_can_still_join() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({})).await;
        let bob = app.user("bob");
        let long = app.mint(&bob, "demo", json!({"durationMinutes": 600})).await.expect(201).json();
        app.mint(&bob, "demo", json!({"durationMinutes": 1, "renew": true})).await.expect(201);
        let listed = alice.get("/stages/demo/participants").await.expect(200).json();
        assert_eq!(listed["items"][0]["expiresAt"], long["expiresAt"], "{listed}");
    })
    .await;
}

#[tokio::test]
async fn concurrent_requests_of_one_user_get_one_participant() {
    TestApp::run(async |app| {
        stage(app, json!({})).await;
        let answers = concurrently(8, |_| {
            let bob = app.user("bob");
            async move { bob.post("/stages/demo/participants", json!({})).await }
        });
        let mut participants = BTreeSet::new();
        let mut created = 0;
        for answer in answers.await {
            assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
            created += usize::from(answer.status == 201);
            participants.insert(answer.json()["participantId"].to_string());
        }
        assert_eq!((created, participants.len()), (1, 1), "{participants:?}");
    })
    .await;
}

#[tokio::test]
async fn a_removal_amid_requests_leaves_no_token_that_can_join() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let alice = stage(app, json!({})).await;
        let bob = app.user("bob");
        let minting: Vec<_> = (0..6)
            .map(|_| {
                let bob = bob.clone();
                tokio::spawn(async move { bob.post("/stages/demo/participants", json!({"renew": true})).await })
            })
            .collect();
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        let mut tokens = Vec::new();
        for request in minting {
            let answer = request.await.unwrap();
            assert!(matches!(answer.status, 201 | 403 | 503), "{}", answer.text);
            tokens.extend(answer.json()["token"].as_str().map(str::to_owned));
        }
        for token in tokens {
            assert_eq!(app.join(&token).await["joined"], false);
        }
    })
    .await;
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    TestApp::run(async |app| {
        let alice = stage(app, json!({})).await;
        let bad = alice
            .post(
                "/stages/demo/participants",
                json!({"durationMinutes": 20161, "capabilities": ["SING"], "attributes": {"a": 1}, "renew": "yes",
                    "exchange": true, "token": "x"}),
            )
            .await
            .expect_problem(400, "invalid-request")
            .json();
        let fields: Vec<&str> =
            bad["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["durationMinutes", "capabilities", "attributes", "renew", "token"]);
        for (body, field) in [
            (json!({"durationMinutes": 0}), "durationMinutes"),
            (json!({"durationMinutes": 1.5}), "durationMinutes"),
            (json!({"capabilities": []}), "capabilities"),
            (json!({"attributes": {"a": "x".repeat(1024)}}), "attributes"),
            (json!({"attributes": {"": "x"}}), "attributes"),
            (json!({"renew": true, "exchange": true}), "exchange"),
            (json!({"device": ""}), "device"),
            (json!({"device": "my phone"}), "device"),
            (json!({"device": "x".repeat(65)}), "device"),
            (json!({"device": null}), "device"),
        ] {
            let bad =
                alice.post("/stages/demo/participants", body.clone()).await.expect_problem(400, "invalid-request");
            assert_eq!(bad.json()["errors"][0]["field"], field, "{body}");
        }
        assert!(app.rows("participants").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_route_of_an_unknown_stage_is_404() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        app.mint(&alice, "none", json!({})).await.expect_problem(404, "not-found");
        alice.get("/stages/none/participants").await.expect_problem(404, "not-found");
        alice.patch("/stages/none/participants/bob", json!({})).await.expect_problem(404, "not-found");
        alice.delete("/stages/none/participants/bob").await.expect_problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn a_kill_at_any_aws_call_of_a_mint_costs_no_more_than_a_retry() {
    for operation in ["BatchGetItem", "PutItem"] {
        for when in ["before", "after"] {
            TestApp::run(async |app| {
                stage(app, json!({})).await;
                let bob = app.user("bob");
                let kill = json!({"kind": "kill", "when": when});
                app.fault(json!({"service": "dynamodb", "operation": operation, "fault": kill})).await;
                app.mint(&bob, "demo", json!({})).await.expect(500);
                app.heal().await;
                let retried = app.mint(&bob, "demo", json!({})).await;
                assert!(matches!(retried.status, 200 | 201), "{operation} {when}: {}", retried.text);
                assert_eq!(app.rows("participants").await.len(), 1);
                assert_eq!(app.join(retried.json()["token"].as_str().unwrap()).await["joined"], true);
            })
            .await;
        }
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_write_gives_the_token_that_was_written() {
    TestApp::run(async |app| {
        stage(app, json!({})).await;
        let drop = json!({"kind": "drop", "when": "after"});
        app.fault(json!({"service": "dynamodb", "operation": "PutItem", "fault": drop})).await;
        let bob = app.user("bob");
        let token = app.mint(&bob, "demo", json!({"renew": true})).await.expect(201).json();
        assert_eq!(app.mint(&bob, "demo", json!({})).await.expect(200).json()["participantId"], token["participantId"]);
    })
    .await;
}
