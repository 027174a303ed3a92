//! `/stages/{stage}/chat-tokens` and `/channels/{channel}/chat-tokens`: who gets a chat token, and what it says.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Caller, TestApp, concurrently};

const STAGE: &str = "/stages/demo/chat-tokens";
const CHANNEL: &str = "/channels/demo/chat-tokens";

/// Role and capabilities of a token.
async fn seat(caller: &Caller, path: &str, body: Value) -> (Value, Value) {
    let given = caller.post(path, body).await.expect(201).json();
    (given["role"].clone(), given["capabilities"].clone())
}

fn writes() -> Value {
    json!(["SEND_MESSAGE"])
}

#[tokio::test]
async fn the_owner_moderates_others_write_and_who_asks_only_to_read_reads() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        alice.put("/stages/demo", json!({"admission": "hosted"})).await.expect(201);
        let all = json!(["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"]);
        assert_eq!(seat(&alice, STAGE, json!({})).await, (json!("owner"), all));
        assert_eq!(seat(&bob, STAGE, json!({})).await, (json!("viewer"), writes()));
        assert_eq!(seat(&bob, STAGE, json!({"readOnly": true})).await, (json!("viewer"), json!([])));
        let grant = json!({"capabilities": ["PUBLISH", "SUBSCRIBE"]});
        alice.patch("/stages/demo/participants/bob", grant).await.expect(200);
        assert_eq!(seat(&bob, STAGE, json!({})).await, (json!("participant"), writes()));
    })
    .await;
}

#[tokio::test]
async fn a_token_says_where_to_connect_until_when_and_as_whom() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        let answer = alice.post(STAGE, json!({"displayName": "Ann Lee", "durationMinutes": 180})).await.expect(201);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let given = answer.json();
        let endpoint = match app.parameter("ChatEndpoint") {
            "" => format!("wss://edge.ivschat.{}.amazonaws.com", app.region()),
            own => own.to_owned(),
        };
        assert_eq!(given["endpoint"], endpoint);
        let said = (&given["userId"], &given["displayName"], &given["rules"], &given["slowModeSeconds"]);
        assert_eq!(said, (&json!("alice"), &json!("Ann Lee"), &json!(null), &json!(0)));
        // What they are called stays until they say otherwise.
        let again = alice.post(STAGE, json!({})).await.expect(201).json();
        assert_eq!(again["displayName"], "Ann Lee");
        assert_ne!(again["token"], given["token"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_come_in_may_not_chat_and_makes_no_room() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        bob.post(STAGE, json!({})).await.expect_problem(404, "not-found");
        alice.put("/stages/demo", json!({})).await.expect(201);
        alice.patch("/stages/demo", json!({"doors": "closed"})).await.expect(200);
        bob.post(STAGE, json!({})).await.expect_problem(403, "stage-closed");
        alice.patch("/stages/demo", json!({"doors": "open"})).await.expect(200);
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        bob.post(STAGE, json!({})).await.expect_problem(403, "removed");
        assert_eq!(app.rooms_in_ivs().await, [""; 0]);
        alice.post(STAGE, json!({})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_watch_a_channel_may_chat() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        alice.put("/channels/demo", json!({"private": true, "admission": "invited"})).await.expect(201);
        bob.post(CHANNEL, json!({})).await.expect_problem(403, "not-invited");
        alice.put("/channels/demo/viewers/bob", json!({})).await.expect(201);
        assert_eq!(seat(&bob, CHANNEL, json!({})).await, (json!("viewer"), writes()));
        alice.post(CHANNEL, json!({})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_name_is_one_users_and_so_is_one_that_looks_like_it() {
    TestApp::run(async |app| {
        let (alice, bob, carol) = (app.user("alice"), app.user("bob"), app.user("carol"));
        alice.put("/stages/demo", json!({})).await.expect(201);
        bob.post(STAGE, json!({"displayName": "Bill"})).await.expect(201);
        for name in ["Bill", "bill", "B i l l", "Bi11", "alice", "AL1CE"] {
            carol.post(STAGE, json!({"displayName": name})).await.expect_problem(409, "name-taken");
        }
        alice.post(STAGE, json!({"displayName": "Alice"})).await.expect(201);
        // A name that is given up is anybody's.
        bob.post(STAGE, json!({"displayName": "Robert"})).await.expect(201);
        carol.post(STAGE, json!({"displayName": "Bill"})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn four_tokens_at_once_are_fine_and_more_than_ten_are_not() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        let post = |_| {
            let alice = alice.clone();
            async move { alice.post(STAGE, json!({})).await }
        };
        for answer in concurrently(4, post).await {
            answer.expect(201);
        }
        for _ in 0..20 {
            let answer = alice.post(STAGE, json!({})).await;
            if answer.status == 429 {
                let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=6).contains(&seconds), "{seconds}");
                answer.expect_problem(429, "too-many-requests");
                return;
            }
        }
        panic!("24 tokens for one user");
    })
    .await;
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    TestApp::run(async |app| {
        let body = json!({"durationMinutes": 181, "displayName": " ", "readOnly": "yes", "role": "owner"});
        let refused = app.user("alice").post(STAGE, body).await.expect_problem(400, "invalid-request").json();
        let fields = refused["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap());
        assert_eq!(fields.collect::<Vec<_>>(), ["durationMinutes", "displayName", "readOnly", "role"]);
    })
    .await;
}

#[tokio::test]
async fn any_number_of_first_tokens_make_one_room() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        let users: Vec<Caller> = (0..40).map(|n| app.user(&format!("user-{n}"))).collect();
        let post = |n: usize| {
            let user: Caller = users[n % users.len()].clone();
            async move { user.post(STAGE, json!({})).await }
        };
        let answers = concurrently(200, post).await;
        let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(statuses.contains(&201) && statuses.iter().all(|status| [201, 503].contains(status)), "{statuses:?}");
        assert_eq!(app.rooms_in_ivs().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_ivs_chat_fails_with_is_answered_as_of_others_and_may_be_repeated() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        alice.post(STAGE, json!({})).await.expect(201);
        for fault in [json!({"kind": "throttle"}), json!({"kind": "drop", "when": "after"})] {
            app.fault(json!({"service": "ivschat", "operation": "CreateChatToken", "times": null, "fault": fault}))
                .await;
            alice.post(STAGE, json!({})).await.expect_problem(503, "unavailable");
            app.heal().await;
        }
        alice.post(STAGE, json!({})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_ivs_chat_failed_to_mint_leaves_nothing_half_made() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        alice.put("/stages/demo", json!({})).await.expect(201);
        let fault = json!({"kind": "error", "status": 500, "code": "InternalServerException"});
        app.fault(json!({"service": "ivschat", "operation": "CreateChatToken", "times": null, "fault": fault})).await;
        let named = json!({"displayName": "Bob"});
        bob.post(STAGE, named.clone()).await.expect_problem(503, "unavailable");
        app.heal().await;
        let given = bob.post(STAGE, named).await.expect(201).json();
        assert_eq!((&given["displayName"], &given["capabilities"]), (&json!("Bob"), &writes()));
        assert_eq!(app.rooms_in_ivs().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_hundred_users_who_come_at_once_get_a_token_each_for_one_room() {
    TestApp::run(async |app| {
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        let users: Vec<Caller> = (0..200).map(|n| app.user(&format!("user-{n}"))).collect();
        // As a client does: it comes again when it was told to.
        let enter = |n: usize| {
            let user = users[n].clone();
            async move {
                loop {
                    let answer = user.post(STAGE, json!({})).await;
                    if answer.status != 503 {
                        return answer;
                    }
                    let pause = answer.header("retry-after").parse().expect("a number of seconds");
                    tokio::time::sleep(std::time::Duration::from_secs(pause)).await;
                }
            }
        };
        let given = concurrently(200, enter).await;
        let tokens: BTreeSet<String> = given.into_iter().map(|it| it.expect(201).json()["token"].to_string()).collect();
        assert_eq!(tokens.len(), 200);
        assert_eq!(app.rooms_in_ivs().await.len(), 1);
        assert_eq!(app.rows("rooms").await.iter().filter(|row| row.contains_key("arn")).count(), 1);
    })
    .await;
}
