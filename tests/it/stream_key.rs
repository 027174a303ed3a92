//! `/channels/{channel}/stream-key`: only its owner's, and one at a time.

use serde_json::{Value, json};
use tests::{Setup, TestApp, concurrently, eventually, nth_of_each};

const KEY: &str = "/channels/demo/stream-key";

/// Whether an ingest server would take a broadcast with this key.
async fn is_accepted(app: &TestApp, key: &Value) -> bool {
    let body = json!({"streamKey": key["streamKey"]});
    app.anonymous().post("/_local/ingest", body).await.expect(200).json()["accepted"] == json!(true)
}

/// The row's key and the one key in IVS are the same, and it is the one that the owner gets.
async fn assert_one_key(app: &TestApp, key: &Value, context: &str) {
    let channel = app.channels_in_ivs().await.pop().unwrap();
    let list = app.ivs_low_latency().list_stream_keys().channel_arn(channel);
    let listed = app.at_once(list.send()).await.unwrap();
    let arns: Vec<&str> = listed.stream_keys().iter().filter_map(|key| key.arn()).collect();
    assert_eq!(arns.len(), 1, "{context}");
    let row = app.rows("channels").await.pop().unwrap();
    let stored = row["streamKey"].as_m().unwrap();
    assert_eq!(stored["arn"].as_s().unwrap(), arns[0], "{context}");
    assert_eq!(stored["text"].as_s().unwrap(), key["streamKey"].as_str().unwrap(), "{context}");
    assert!(is_accepted(app, key).await, "{context}");
}

/// The AWS calls of a rotation, as the function makes them when nothing goes wrong.
async fn calls_of_a_rotation() -> Vec<(String, String, usize)> {
    let mut calls = Vec::new();
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        calls = nth_of_each(&app.calls_of(alice.post(KEY, json!({}))).await.1);
    })
    .await;
    calls
}

#[tokio::test]
async fn only_the_owner_gets_the_key() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let answer = alice.get(KEY).await.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let key = answer.json();
        assert!(key["streamKey"].as_str().unwrap().starts_with("sk_"));
        assert_eq!(key.as_object().unwrap().len(), 1);
        assert_one_key(app, &key, "created").await;
        let bob = app.user("bob");
        bob.get(KEY).await.expect_problem(403, "not-owner");
        bob.post(KEY, json!({})).await.expect_problem(403, "not-owner");
        bob.get("/channels/none/stream-key").await.expect_problem(404, "not-found");
        assert!(is_accepted(app, &key).await);
    })
    .await;
}

#[tokio::test]
async fn a_rotated_key_works_and_the_old_one_does_not() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let old = alice.get(KEY).await.expect(200).json();
        let rotated = alice.post(KEY, json!({})).await.expect(200);
        assert_eq!(rotated.header("cache-control"), "no-store");
        let new = rotated.json();
        assert_ne!(old, new);
        assert_eq!(alice.get(KEY).await.expect(200).json(), new);
        assert!(!is_accepted(app, &old).await);
        assert_one_key(app, &new, "rotated").await;
    })
    .await;
}

#[tokio::test]
async fn the_key_of_a_channel_that_no_list_shows_yet_is_rotated() {
    TestApp::run(async |app| {
        app.anonymous().put("/_local/assumptions", json!({"lateListings": true})).await.expect(200);
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let old = alice.get(KEY).await.expect(200).json();
        let new = alice.post(KEY, json!({})).await.expect(200).json();
        assert!(!is_accepted(app, &old).await);
        assert_one_key(app, &new, "rotated").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_killed_at_any_aws_call_is_finished_by_the_next_call() {
    let calls = calls_of_a_rotation().await;
    assert!(calls.iter().any(|(_, operation, _)| operation == "CreateStreamKey"), "{calls:?}");
    for (service, operation, nth) in calls {
        for when in ["before", "after"] {
            for retry in ["GET", "POST"] {
                let context = format!("killed {when} {service}:{operation} #{nth}, then {retry}");
                Setup::default()
                    .short_lease()
                    .run(async |app| {
                        let alice = app.user("alice");
                        alice.put("/channels/demo", json!({})).await.expect(201);
                        let old = alice.get(KEY).await.expect(200).json();
                        let kill = json!({"kind": "kill", "when": when});
                        app.fault(json!({"service": service, "operation": operation, "nth": nth, "fault": kill})).await;
                        alice.post(KEY, json!({})).await.expect(500);
                        app.heal().await;
                        let key = eventually("the key can be had", async || {
                            let answer = alice.send(retry, KEY, &[], "").await;
                            (answer.status == 200).then(|| answer.json())
                        })
                        .await;
                        if retry == "POST" {
                            assert_ne!(key, old, "{context}");
                            assert!(!is_accepted(app, &old).await, "{context}");
                        }
                        assert_one_key(app, &key, &context).await;
                    })
                    .await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_amid_a_rotation_makes_no_second_key() {
    for (service, operation, nth) in calls_of_a_rotation().await {
        for when in ["before", "after"] {
            TestApp::run(async |app| {
                let context = format!("dropped {when} {service}:{operation} #{nth}");
                let alice = app.user("alice");
                alice.put("/channels/demo", json!({})).await.expect(201);
                let drop = json!({"kind": "drop", "when": when});
                app.fault(json!({"service": service, "operation": operation, "nth": nth, "fault": drop})).await;
                // The SDK repeats the call; a repeated CreateStreamKey meets the quota of one key, and that key is
                // taken.
                let key = alice.post(KEY, json!({})).await.expect(200).json();
                assert_one_key(app, &key, &context).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_rotation_taken_over_takes_the_key_that_its_predecessor_made() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let kill = json!({"kind": "kill", "when": "after"});
        app.fault(json!({"service": "ivs", "operation": "CreateStreamKey", "fault": kill})).await;
        alice.post(KEY, json!({})).await.expect(500);
        app.set_attribute("channels", "demo", "streamKey.leaseUntil", "2999-01-01T00:00:00.000Z").await;
        alice.get(KEY).await.expect_problem(503, "busy");
        app.set_attribute("channels", "demo", "streamKey.leaseUntil", "2020-01-01T00:00:00.000Z").await;
        // Killed once more, where it reads the predecessor's key.
        let kill = json!({"kind": "kill", "when": "after"});
        app.fault(json!({"service": "ivs", "operation": "GetStreamKey", "fault": kill})).await;
        alice.get(KEY).await.expect(500);
        app.set_attribute("channels", "demo", "streamKey.leaseUntil", "2020-01-01T00:00:00.000Z").await;
        let (answer, calls) = app.calls_of(alice.get(KEY)).await;
        assert!(!calls.contains(&"ivs:CreateStreamKey".to_owned()), "{calls:?}");
        assert_one_key(app, &answer.expect(200).json(), "after two kills").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_rotations_end_in_one_key() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateStreamKey": 1000, "DeleteStreamKey": 1000, "ListStreamKeys": 1000})).await;
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let rotations = concurrently(8, |_| {
            let alice = alice.clone();
            async move { alice.post(KEY, json!({})).await }
        });
        let mut rotated = 0;
        for answer in rotations.await {
            assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
            rotated += usize::from(answer.status == 200);
        }
        assert!(rotated > 0);
        let key = alice.get(KEY).await.expect(200).json();
        assert_one_key(app, &key, "after concurrent rotations").await;
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_ivs_refuses_can_be_repeated_at_once() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let throttle = json!({"kind": "throttle"});
        app.fault(json!({"service": "ivs", "operation": "CreateStreamKey", "times": null, "fault": throttle})).await;
        alice.post(KEY, json!({})).await.expect_problem(503, "unavailable");
        app.heal().await;
        let key = alice.get(KEY).await.expect(200).json();
        assert_one_key(app, &key, "after a refusal").await;
    })
    .await;
}

#[tokio::test]
async fn the_keys_of_a_channel_are_read_to_the_last_page() {
    TestApp::run(async |app| {
        // A page that nobody asked a size of has one entry.
        app.quotas(json!({"streamKeysPerChannel": 100, "CreateStreamKey": 1000})).await;
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        let channel = app.channels_in_ivs().await.pop().unwrap();
        for _ in 0..60 {
            app.ivs_low_latency().create_stream_key().channel_arn(&channel).send().await.unwrap();
        }
        let (rotated, calls) = app.calls_of(alice.post(KEY, json!({}))).await;
        assert!(is_accepted(app, &rotated.expect(200).json()).await);
        assert_eq!(calls.iter().filter(|call| *call == "ivs:ListStreamKeys").count(), 2, "{calls:?}");
    })
    .await;
}
