//! `/channels` and `/channels/{channel}`: what each route answers, and that a channel comes to be once.

use serde_json::{Value, json};
use tests::{Caller, Setup, TestApp, concurrently, eventually, nth_of_each};

/// A lease short enough to wait for.
async fn put_until_answered(caller: &Caller) -> Value {
    eventually("the channel can be had", async || {
        let answer = caller.put("/channels/demo", json!({})).await;
        matches!(answer.status, 200 | 201).then(|| answer.json())
    })
    .await
}

/// One row, one channel in IVS, one key, and the row's are those.
async fn assert_one_channel(app: &TestApp, answered: &Value, context: &str) {
    let channels = app.channels_in_ivs().await;
    assert_eq!(channels.len(), 1, "{context}: {channels:?}");
    assert_eq!(answered["arn"], channels[0].as_str(), "{context}");
    assert_eq!(app.rows("channels").await.len(), 1, "{context}");
    let owner = app.user(answered["owner"].as_str().unwrap());
    let key = owner.get("/channels/demo/stream-key").await.expect(200).json();
    let ingest =
        app.anonymous().post("/_local/ingest", json!({"streamKey": key["streamKey"]})).await.expect(200).json();
    assert_eq!((&ingest["accepted"], &ingest["channelArn"]), (&json!(true), &answered["arn"]), "{context}");
}

#[tokio::test]
async fn a_channel_is_created_once_and_fetched_after() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let channel = alice.put("/channels/demo", json!({})).await.expect(201).json();
        assert_eq!(channel["name"], "demo");
        assert_eq!(channel["owner"], "alice");
        assert_eq!((&channel["type"], &channel["latencyMode"]), (&json!("STANDARD"), &json!("LOW")));
        assert_eq!((&channel["private"], &channel["admission"]), (&json!(false), &json!("open")));
        let ingest = channel["ingestUrl"].as_str().unwrap();
        let port = ingest.strip_prefix("rtmps://127.0.0.1:").and_then(|rest| rest.strip_suffix("/app/"));
        assert!(port.is_some_and(|port| port.parse::<u16>().is_ok()), "{ingest}");
        assert!(channel["playbackUrl"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{channel}");
        assert_eq!(channel.as_object().unwrap().len(), 11, "{channel}");
        assert_eq!(alice.put("/channels/demo", json!({})).await.expect(200).json(), channel);
        assert_eq!(app.user("bob").get("/channels/demo").await.expect(200).json(), channel);
        assert_one_channel(app, &channel, "created").await;
    })
    .await;
}

#[tokio::test]
async fn every_option_that_differs_is_named() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let options = json!({"type": "BASIC", "latencyMode": "NORMAL", "private": true});
        let channel = alice.put("/channels/demo", options.clone()).await.expect(201).json();
        let in_ivs = app.ivs_low_latency().get_channel().arn(channel["arn"].as_str().unwrap()).send().await.unwrap();
        let in_ivs = in_ivs.channel().unwrap();
        assert_eq!((in_ivs.r#type().unwrap().as_str(), in_ivs.latency_mode().unwrap().as_str()), ("BASIC", "NORMAL"));
        assert!(in_ivs.authorized());
        alice.put("/channels/demo", options).await.expect(200);
        let others = json!({"type": "STANDARD", "latencyMode": "LOW", "private": false});
        let problem = alice.put("/channels/demo", others).await.expect_problem(409, "options-differ").json();
        let fields: Vec<&str> =
            problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["type", "latencyMode", "private"]);
        let bad = alice.put("/channels/a%20b", json!({"type": "HD", "latencyMode": 1, "private": "no", "x": 1})).await;
        assert_eq!(bad.expect_problem(400, "invalid-request").json()["errors"].as_array().unwrap().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_list_holds_the_callers_own_channels_newest_first_and_no_key() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateChannel": 1000})).await;
        let alice = app.user("alice");
        for n in 0..5 {
            alice.put(&format!("/channels/c{n}"), json!({})).await.expect(201);
        }
        app.user("bob").put("/channels/not-hers", json!({})).await.expect(201);
        let first = alice.get("/channels?limit=3").await.expect(200);
        let second = alice.get(&format!("/channels?cursor={}", first.json()["cursor"].as_str().unwrap())).await;
        let pages = [first, second.expect(200)];
        let names: Vec<String> = pages
            .iter()
            .flat_map(|page| page.json()["items"].as_array().unwrap().clone())
            .map(|channel| channel["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["c4", "c3", "c2", "c1", "c0"]);
        assert!(pages.iter().all(|page| !page.text.contains(&format!("sk_{}_", app.region()))));
    })
    .await;
}

#[tokio::test]
async fn a_live_channel_cannot_be_deleted_and_stays_as_it_was() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let channel = alice.put("/channels/demo", json!({})).await.expect(201).json();
        let id = channel["arn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        app.anonymous().put(&format!("/_local/channels/{id}/live"), json!({})).await.expect(200);
        alice.delete("/channels/demo").await.expect_problem(409, "live");
        assert_eq!(alice.get("/channels/demo").await.expect(200).json(), channel);
        assert_eq!(alice.get("/channels").await.expect(200).json()["items"], json!([channel]));
        // The same when IVS cannot be asked first.
        app.fault(json!({"service": "ivs", "operation": "GetStream", "times": null, "fault": {"kind": "throttle"}}))
            .await;
        alice.delete("/channels/demo").await.expect_problem(409, "live");
        app.heal().await;
        assert_eq!(alice.get("/channels/demo").await.expect(200).json(), channel);
        app.user("bob").delete("/channels/demo").await.expect_problem(403, "not-owner");
        app.anonymous().delete(&format!("/_local/channels/{id}/live")).await;
        alice.delete("/channels/demo").await.expect(204);
        alice.delete("/channels/demo").await.expect(204);
        alice.get("/channels/demo").await.expect_problem(404, "not-found");
        assert!(app.channels_in_ivs().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callers_get_one_channel_and_one_owner() {
    TestApp::run(async |app| {
        let answers = concurrently(60, |n| {
            let user = app.user(&format!("user-{}", n % 10));
            async move { user.put("/channels/demo", json!({})).await }
        })
        .await;
        let created = answers.iter().filter(|answer| answer.status == 201).count();
        // On a busy machine, IVS may take longer than the function waits: then nobody was told of a channel, and
        // whoever asks after the lease finishes that create.
        let nobody_was_told = answers.iter().all(|answer| answer.status == 503);
        assert!(created == 1 || (created == 0 && nobody_was_told), "{created} callers created the channel");
        let channel = put_until_answered(&app.user("user-0")).await;
        for answer in &answers {
            match answer.status {
                200 | 201 => assert_eq!(answer.json(), channel),
                503 => assert!(!answer.header("retry-after").is_empty()),
                status => panic!("{status}: {}", answer.text),
            }
        }
        assert_one_channel(app, &channel, "after 60 callers").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_aws_call_of_a_create_leaves_one_channel_after_a_retry() {
    let mut calls = Vec::new();
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let (answer, made) = app.calls_of(alice.put("/channels/demo", json!({}))).await;
        answer.expect(201);
        calls = nth_of_each(&made);
    })
    .await;
    assert_eq!(calls.len(), 4, "{calls:?}");
    for (service, operation, nth) in calls {
        for when in ["before", "after"] {
            Setup::default()
                .short_lease()
                .run(async |app| {
                    let kill = json!({"kind": "kill", "when": when});
                    app.fault(json!({"service": service, "operation": operation, "nth": nth, "fault": kill})).await;
                    app.user("alice").put("/channels/demo", json!({})).await.expect(500);
                    app.heal().await;
                    let channel = put_until_answered(&app.user("alice")).await;
                    assert_eq!(channel["owner"], "alice");
                    let context = format!("killed {when} {service}:{operation} #{nth}");
                    assert_one_channel(app, &channel, &context).await;
                })
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_was_cut_short_at_any_aws_call_is_finished_by_the_next_caller() {
    let mut calls = Vec::new();
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({})).await.expect(201);
        calls = nth_of_each(&app.calls_of(alice.delete("/channels/demo")).await.1);
    })
    .await;
    for (service, operation, nth) in calls {
        for when in ["before", "after"] {
            TestApp::run(async |app| {
                let alice = app.user("alice");
                alice.put("/channels/demo", json!({})).await.expect(201);
                let kill = json!({"kind": "kill", "when": when});
                app.fault(json!({"service": service, "operation": operation, "nth": nth, "fault": kill})).await;
                alice.delete("/channels/demo").await.expect(500);
                app.heal().await;
                let context = format!("killed {when} {service}:{operation} #{nth}");
                let channel = app.user("bob").put("/channels/demo", json!({})).await;
                assert!(matches!(channel.status, 200 | 201), "{context}: {}", channel.text);
                assert_one_channel(app, &channel.json(), &context).await;
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_delete_that_died_before_the_channel_went_live_hides_it_from_nobody() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let channel = alice.put("/channels/demo", json!({})).await.expect(201).json();
        let kill = json!({"kind": "kill", "when": "before"});
        app.fault(json!({"service": "ivs", "operation": "DeleteChannel", "fault": kill})).await;
        alice.delete("/channels/demo").await.expect(500);
        let id = channel["arn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        app.anonymous().put(&format!("/_local/channels/{id}/live"), json!({})).await.expect(200);
        // Whoever asks for it by PUT finds that it cannot be deleted, and takes the mark back.
        assert_eq!(app.user("bob").put("/channels/demo", json!({})).await.expect(200).json(), channel);
        assert_eq!(alice.get("/channels").await.expect(200).json()["items"], json!([channel]));
    })
    .await;
}

#[tokio::test]
async fn a_used_up_quota_is_a_503_that_frees_the_name() {
    TestApp::run(async |app| {
        app.quotas(json!({"channels": 1})).await;
        let alice = app.user("alice");
        alice.put("/channels/one", json!({})).await.expect(201);
        alice.put("/channels/two", json!({})).await.expect_problem(503, "limit-reached");
        alice.delete("/channels/one").await.expect(204);
        alice.put("/channels/two", json!({})).await.expect(201);
    })
    .await;
}
