//! `/channels/{channel}/viewers`: who may watch a private channel by invitation.

use serde_json::{Value, json};
use tests::{Caller, TestApp, eventually};

const CHANNEL: &str = "/channels/demo";
const TOKENS: &str = "/channels/demo/playback-tokens";
const VIEWERS: &str = "/channels/demo/viewers";

fn by_invitation() -> Value {
    json!({"private": true, "admission": "invited"})
}

/// The user ids on a list, page by page.
async fn listed(owner: &Caller, limit: usize) -> Vec<String> {
    let (mut users, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("{VIEWERS}?limit={limit}{cursor}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        users.extend(items.iter().map(|viewer| viewer["userId"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return users,
        }
    }
}

#[tokio::test]
async fn only_the_owner_and_those_invited_get_a_token() {
    TestApp::run(async |app| {
        let (alice, bob, carol) = (app.user("alice"), app.user("bob"), app.user("carol"));
        let channel = alice.put(CHANNEL, by_invitation()).await.expect(201).json();
        assert_eq!((&channel["private"], &channel["admission"]), (&json!(true), &json!("invited")));
        let invited = alice.put(&format!("{VIEWERS}/bob"), json!({})).await.expect(201).json();
        assert_eq!(alice.put(&format!("{VIEWERS}/bob"), json!({})).await.expect(200).json(), invited);
        for user in [&alice, &bob] {
            let given = user.post(TOKENS, json!({})).await.expect(201).json();
            let play = json!({"playbackUrl": given["playbackUrl"]});
            assert_eq!(app.anonymous().post("/_local/play", play).await.expect(200).json()["plays"], true);
        }
        carol.post(TOKENS, json!({})).await.expect_problem(403, "not-invited");
        alice.delete(&format!("{VIEWERS}/bob")).await.expect(204);
        bob.post(TOKENS, json!({})).await.expect_problem(403, "not-invited");
        alice.delete(&format!("{VIEWERS}/bob")).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn a_token_by_invitation_lives_ten_minutes_at_most() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put(CHANNEL, by_invitation()).await.expect(201);
        alice.post(TOKENS, json!({"durationMinutes": 10})).await.expect(201);
        let refused = alice.post(TOKENS, json!({"durationMinutes": 11})).await.expect_problem(400, "invalid-request");
        assert_eq!(refused.json()["errors"][0]["field"], "durationMinutes");
    })
    .await;
}

#[tokio::test]
async fn those_invited_are_listed_the_latest_first_to_the_owner_alone() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put(CHANNEL, by_invitation()).await.expect(201);
        let users = ["bob", "auth0|5f7c8ec7", "zo\u{eb}"];
        for user in ["bob", "auth0%7C5f7c8ec7", "zo%C3%AB"] {
            alice.put(&format!("{VIEWERS}/{user}"), json!({})).await.expect(201);
        }
        let latest_first: Vec<_> = users.iter().rev().map(|user| (*user).to_owned()).collect();
        for limit in [1, 2, 100] {
            let as_expected = async || (listed(&alice, limit).await == latest_first).then_some(());
            eventually("the list is the latest first", as_expected).await;
        }
        app.user("bob").get(VIEWERS).await.expect_problem(403, "not-owner");
    })
    .await;
}

#[tokio::test]
async fn an_invitation_that_meets_another_of_its_channel_is_repeated() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put(CHANNEL, by_invitation()).await.expect(201);
        let conflict = |times: Value| {
            let fault = json!({"kind": "error", "status": 400, "code": "TransactionCanceledException"});
            json!({"service": "dynamodb", "operation": "TransactWriteItems", "times": times, "fault": fault})
        };
        app.fault(conflict(json!(2))).await;
        alice.put(&format!("{VIEWERS}/bob"), json!({})).await.expect(201);
        app.fault(conflict(Value::Null)).await;
        alice.put(&format!("{VIEWERS}/carol"), json!({})).await.expect_problem(503, "unavailable");
        app.heal().await;
        assert_eq!(listed(&alice, 100).await, ["bob"]);
    })
    .await;
}

#[tokio::test]
async fn invitations_end_with_their_channel() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        alice.put(CHANNEL, by_invitation()).await.expect(201);
        for n in 0..3 {
            alice.put(&format!("{VIEWERS}/guest-{n}"), json!({})).await.expect(201);
        }
        alice.put(&format!("{VIEWERS}/bob"), json!({})).await.expect(201);
        // One that died halfway is gone on with.
        let killed = json!({"kind": "kill", "when": "after"});
        let fault = json!({
            "service": "dynamodb", "operation": "DeleteItem", "nth": 2, "function": "ChannelFunction", "fault": killed,
        });
        app.fault(fault).await;
        alice.delete(CHANNEL).await.expect(500);
        app.heal().await;
        alice.put(&format!("{VIEWERS}/late"), json!({})).await.expect_problem(503, "busy");
        alice.delete(CHANNEL).await.expect(204);
        assert!(app.rows("viewers").await.is_empty());
        alice.put(CHANNEL, by_invitation()).await.expect(201);
        bob.post(TOKENS, json!({})).await.expect_problem(403, "not-invited");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_invited_who_gets_in_anyway() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        for (name, options) in [("public", json!({})), ("open", json!({"private": true, "admission": "open"}))] {
            let channel = alice.put(&format!("/channels/{name}"), options).await.expect(201).json();
            assert_eq!(channel["admission"], "open");
            let viewer = format!("/channels/{name}/viewers/bob");
            alice.put(&viewer, json!({})).await.expect_problem(409, "not-by-invitation");
        }
        bob.post("/channels/open/playback-tokens", json!({})).await.expect(201);
        // What a channel is made with, it stays.
        alice.put("/channels/open", by_invitation()).await.expect_problem(409, "options-differ");
    })
    .await;
}

#[tokio::test]
async fn admission_is_of_private_channels() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        for options in [
            json!({"admission": "invited"}),
            json!({"admission": "open", "private": false}),
            json!({"admission": "invited", "origin": "selfHosted"}),
            json!({"admission": "hosted", "private": true}),
        ] {
            let refused = alice.put(CHANNEL, options).await.expect_problem(400, "invalid-request");
            assert_eq!(refused.json()["errors"][0]["field"], "admission", "{}", refused.text);
        }
    })
    .await;
}
