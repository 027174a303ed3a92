//! Names whose create or delete died, completed by the recovery function: asked for by whoever meets them, many by one
//! listing of IVS.

use std::time::Duration;

use model::Timestamp;
use serde_json::{Value, json};
use tests::{TestApp, eventually, nth_of_each};

/// Long over.
const OVER: &str = "2020-01-01T00:00:00.000Z";

/// Has a create of alice's die at `CreateStage`, before its effect or after it, and its lease lapse.
async fn leave_a_claim(app: &TestApp, stage: &str, when: &str) {
    app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "kill", "when": when}})).await;
    app.user("alice").put(&format!("/stages/{stage}"), json!({"admission": "hosted"})).await.expect(500);
    app.heal().await;
    app.set_stage_attribute(stage, "leaseUntil", OVER).await;
}

/// The same of a channel.
async fn leave_a_channel(app: &TestApp, channel: &str) {
    let kill = json!({"kind": "kill", "when": "after"});
    app.fault(json!({"service": "ivs", "operation": "CreateChannel", "fault": kill})).await;
    app.user("alice").put(&format!("/channels/{channel}"), json!({"private": true})).await.expect(500);
    app.heal().await;
    app.set_attribute("channels", channel, "leaseUntil", OVER).await;
}

/// The messages that have to come again, of an answer of the function's.
fn again(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("{answer}"));
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap()).collect()
}

fn last_line(app: &TestApp) -> Value {
    app.log_of("recovery").pop().unwrap()
}

fn listings(calls: &[String]) -> usize {
    calls.iter().filter(|call| *call == "ivs:ListStages" || *call == "ivs:ListChannels").count()
}

#[tokio::test]
async fn a_lost_create_is_completed_by_the_queue_for_its_first_caller() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        let bob = app.user("bob");
        let refused = bob.put("/stages/demo", json!({})).await.expect_problem(503, "busy");
        assert_eq!(refused.header("retry-after"), "9");
        let stage = eventually("the stage is there", async || {
            let answer = bob.put("/stages/demo", json!({})).await;
            (answer.status == 200).then(|| answer.json())
        })
        .await;
        assert_eq!((&stage["owner"], &stage["admission"]), (&json!("alice"), &json!("hosted")));
        let stages = app.stages_in_ivs().await;
        assert!(stages.len() == 1 && stage["arn"] == stages[0].1.as_str(), "{stages:?}");
        // The run ends after the stage is there.
        // The queue may have been told again by then, and there was nothing left to do.
        let line = eventually("the recovery's line", async || {
            app.log_of("recovery").into_iter().find(|line| line["Recovered"] == 1)
        });
        assert_eq!(line.await["adopted"], 1);
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_what_was_left_halfway_is_told_to_come_again_and_has_it_finished() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "before").await;
        leave_a_channel(app, "demo").await;
        // So that it stays as it is.
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDenied"});
        app.fault(json!({"service": "sqs", "operation": "SendMessage", "times": null, "fault": refused})).await;
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        let closed = json!({"doors": "closed"});
        for (answer, calls) in [
            app.calls_of(bob.get("/stages/demo")).await,
            app.calls_of(alice.patch("/stages/demo", closed)).await,
            app.calls_of(bob.get("/channels/demo")).await,
            app.calls_of(alice.get("/channels/demo/stream-key")).await,
            app.calls_of(alice.post("/channels/demo/stream-key", json!({}))).await,
            app.calls_of(bob.post("/channels/demo/playback-tokens", json!({}))).await,
            app.calls_of(alice.put("/channels/demo/viewers/bob", json!({}))).await,
            app.calls_of(alice.get("/channels/demo/viewers")).await,
            app.calls_of(alice.delete("/channels/demo/viewers/bob")).await,
        ] {
            assert_eq!(answer.expect_problem(503, "busy").header("retry-after"), "9");
            assert!(calls.iter().any(|call| call == "sqs:SendMessage"), "{calls:?}");
        }
        // Who gives participants tokens does not know the queue.
        let (answer, calls) = app.calls_of(app.mint(&bob, "demo", json!({}))).await;
        answer.expect_problem(503, "busy");
        assert!(calls.iter().all(|call| call != "sqs:SendMessage"), "{calls:?}");
        app.heal().await;
        for (path, status) in [("/stages/demo", 404), ("/channels/demo", 200)] {
            eventually("it is known", async || (bob.get(path).await.status == status).then_some(())).await;
        }
        let kill = json!({"kind": "kill", "when": "before"});
        app.fault(json!({"service": "ivs", "operation": "DeleteChannel", "fault": kill})).await;
        alice.delete("/channels/demo").await.expect(500);
        app.heal().await;
        bob.get("/channels/demo").await.expect_problem(503, "busy");
        eventually("it is gone", async || (bob.get("/channels/demo").await.status == 404).then_some(())).await;
    })
    .await;
}

#[tokio::test]
async fn a_claim_of_a_version_that_did_not_count_is_counted_by_whoever_takes_it_over() {
    TestApp::run(async |app| {
        for (name, when) in [("demo", "after"), ("other", "before")] {
            leave_a_claim(app, name, when).await;
            app.remove_attribute("stages", name, "counted").await;
        }
        app.set_count("stages", "alice", 0).await;
        app.fault(json!({"service": "ivs", "operation": "ListStages", "fault": {"kind": "kill", "when": "before"}}))
            .await;
        assert!(app.recover("stage", &["demo", "other"]).await["errorType"].is_string());
        assert_eq!(app.counters("stages").await["alice"], 2);
        for name in ["demo", "other"] {
            app.let_claim_lapse("stages", name).await;
        }
        assert!(again(&app.recover("stage", &["demo", "other"]).await).is_empty());
        assert_eq!(app.counters("stages").await["alice"], 1);
        app.user("alice").delete("/stages/demo").await.expect(204);
        assert_eq!(app.counters("stages").await["alice"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_dead_create_is_deleted_by_its_owner_once_the_queue_has_it_completed() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        leave_a_channel(app, "demo").await;
        let alice = app.user("alice");
        app.user("bob").delete("/stages/demo").await.expect_problem(403, "not-owner");
        for path in ["/stages/demo", "/channels/demo"] {
            assert_eq!(alice.delete(path).await.expect_problem(503, "busy").header("retry-after"), "9");
            eventually("it is deleted", async || (alice.delete(path).await.status == 204).then_some(())).await;
            alice.get(path).await.expect_problem(404, "not-found");
        }
        assert!(app.stages_in_ivs().await.is_empty() && app.channels_in_ivs().await.is_empty());
        assert!(app.rows("stages").await.is_empty() && app.rows("channels").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_create_that_made_nothing_frees_its_name_for_whoever_asks_first() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "before").await;
        assert!(again(&app.recover("stage", &["demo"]).await).is_empty());
        assert_eq!((&last_line(app)["Recovered"], &last_line(app)["released"]), (&json!(1), &json!(1)));
        assert!(app.rows("stages").await.is_empty());
        assert_eq!(app.user("bob").put("/stages/demo", json!({})).await.expect(201).json()["owner"], "bob");
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_completed_has_its_stream_key_and_its_options() {
    TestApp::run(async |app| {
        leave_a_channel(app, "demo").await;
        let (answer, calls) = app.calls_of(app.recover("channel", &["demo"])).await;
        assert!(again(&answer).is_empty());
        let expected = [
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "ivs:ListChannels",
            "ivs:GetChannel",
            "ivs:ListStreamKeys",
            "ivs:GetStreamKey",
            "dynamodb:PutItem",
        ];
        assert_eq!(calls, expected);
        let alice = app.user("alice");
        assert_eq!(alice.get("/channels/demo").await.expect(200).json()["private"], json!(true));
        alice.get("/channels/demo/stream-key").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn many_names_of_both_kinds_are_completed_by_one_listing_of_each() {
    TestApp::run(async |app| {
        for name in ["one", "two"] {
            leave_a_claim(app, name, "after").await;
            leave_a_channel(app, name).await;
        }
        leave_a_claim(app, "three", "before").await;
        app.user("alice").put("/stages/there", json!({})).await.expect(201);
        // A name is asked for by each of its callers; one is there, and one never was.
        let names = ["one", "two", "one", "three", "there", "never"];
        let (answer, calls) = app.calls_of(app.recover("stage", &names)).await;
        assert!(again(&answer).is_empty(), "{answer}");
        assert_eq!(listings(&calls), 1, "{calls:?}");
        let line = last_line(app);
        let counts = ["messages", "names", "adopted", "released", "Recovered"].map(|count| line[count].as_u64());
        assert_eq!(counts, [6, 5, 2, 1, 3].map(Some), "{line}");
        let (answer, calls) = app.calls_of(app.recover("channel", &["one", "two"])).await;
        assert!(again(&answer).is_empty(), "{answer}");
        assert_eq!(listings(&calls), 1, "{calls:?}");
        for path in ["/stages/one", "/stages/two", "/channels/one", "/channels/two"] {
            assert_eq!(app.user("bob").get(path).await.expect(200).json()["owner"], "alice");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_broken_costs_a_read_and_no_listing() {
    TestApp::run(async |app| {
        app.user("alice").put("/stages/there", json!({})).await.expect(201);
        let (answer, calls) = app.calls_of(app.recover("stage", &["there", "never"])).await;
        assert!(again(&answer).is_empty());
        assert_eq!(calls, ["dynamodb:GetItem", "dynamodb:GetItem"]);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_throttled_is_asked_for_again_and_the_pages_before_it_are_not() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        leave_a_claim(app, "other", "before").await;
        app.quotas(json!({"CreateStage": 100_000})).await;
        for _ in 0..250 {
            app.ivs().create_stage().send().await.unwrap();
        }
        for fault in [json!({"kind": "throttle"}), json!({"kind": "drop", "when": "before"})] {
            app.fault(json!({"service": "ivs", "operation": "ListStages", "nth": 2, "fault": fault})).await;
        }
        let (answer, calls) = app.calls_of(app.recover("stage", &["demo", "other"])).await;
        assert!(again(&answer).is_empty(), "{answer}");
        // Three pages, and the second one twice or three times: faults may strike the same call.
        assert!((4..=5).contains(&listings(&calls)), "{calls:?}");
        app.user("bob").get("/stages/demo").await.expect(200);
        app.user("bob").get("/stages/other").await.expect_problem(404, "not-found");
        app.user("alice").delete("/stages/demo").await.expect(204);
        app.reset().await;
    })
    .await;
}

#[tokio::test]
async fn a_listing_that_fails_leaves_the_names_to_the_next_recovery() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        app.user("alice").put("/stages/there", json!({})).await.expect(201);
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        app.fault(json!({"service": "ivs", "operation": "ListStages", "fault": refused})).await;
        let answer = app.recover("stage", &["there", "demo"]).await;
        assert_eq!(again(&answer), ["m-1"]);
        let line = last_line(app);
        assert_eq!((&line["level"], &line["RecoveriesFailed"]), (&json!("ERROR"), &json!(1)), "{line}");
        assert!(app.log_lines().iter().any(|line| line.contains("cause") && line.contains("ivs:ListStages")));
        // Nobody has to wait for the lease of a recovery that is over.
        eventually("the name is recovered", async || {
            again(&app.recover("stage", &["demo"]).await).is_empty().then_some(())
        })
        .await;
        app.user("bob").get("/stages/demo").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_somebody_else_is_at_work_on_comes_again() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        app.set_stage_attribute("demo", "leaseUntil", "2999-01-01T00:00:00.000Z").await;
        let (answer, calls) = app.calls_of(app.recover("stage", &["demo"])).await;
        assert_eq!((again(&answer), listings(&calls)), (vec!["m-0"], 0));
        app.set_stage_attribute("demo", "leaseUntil", OVER).await;
        assert!(again(&app.recover("stage", &["demo"]).await).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_message_that_names_nothing_is_dropped_and_the_others_count() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        let bodies = ["not JSON", r#"{"kind":"room","name":"a"}"#, r#"{"kind":"stage","name":"demo"}"#];
        let record = |body: &&str| json!({"messageId": "m", "body": body});
        let batch = json!({"Records": bodies.iter().map(record).collect::<Vec<_>>()});
        let answer: Value = serde_json::from_str(&app.invoke("RecoveryFunction", batch.to_string()).await).unwrap();
        assert!(again(&answer).is_empty(), "{answer}");
        assert_eq!((&last_line(app)["malformed"], &last_line(app)["Recovered"]), (&json!(1), &json!(1)));
        let dropped = app.log_lines().iter().filter(|line| line.contains("a message was dropped")).count();
        assert_eq!(dropped, 2);
    })
    .await;
}

#[tokio::test]
async fn a_delete_that_died_is_finished_by_a_recovery_too() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        for path in ["/stages/demo", "/channels/demo"] {
            alice.put(path, json!({})).await.expect(201);
        }
        app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
        for (operation, path) in [("DeleteStage", "/stages/demo"), ("DeleteChannel", "/channels/demo")] {
            let kill = json!({"kind": "kill", "when": "before"});
            app.fault(json!({"service": "ivs", "operation": operation, "fault": kill})).await;
            alice.delete(path).await.expect(500);
        }
        for kind in ["stage", "channel"] {
            let (answer, calls) = app.calls_of(app.recover(kind, &["demo"])).await;
            assert!(again(&answer).is_empty() && listings(&calls) == 0, "{answer}, {calls:?}");
            // Beside it, the queue's own run looks for the room.
            let finished = app.log_of("recovery").into_iter().filter(|line| line["deletesFinished"] == 1).count();
            assert_eq!(finished, if kind == "stage" { 1 } else { 2 });
        }
        for table in ["stages", "channels", "participants"] {
            assert!(app.rows(table).await.is_empty(), "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_recovery_that_was_killed_holds_its_names_for_half_a_minute_at_most() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        app.fault(json!({"service": "ivs", "operation": "ListStages", "fault": {"kind": "kill", "when": "before"}}))
            .await;
        assert!(app.recover("stage", &["demo"]).await["errorType"].is_string());
        let row = app.rows("stages").await.remove(0);
        let lease: Timestamp = row["leaseUntil"].as_s().unwrap().parse().unwrap();
        let now = Timestamp::now();
        assert!(now < lease && lease < now + Duration::from_secs(31), "{lease}");
        app.let_claim_lapse("stages", "demo").await;
        assert!(again(&app.recover("stage", &["demo"]).await).is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_aws_call_of_a_recovery_leaves_one_stage_after_another() {
    // What the first request left behind: a stage that nobody committed, or a bare claim.
    for first in ["after", "before"] {
        let mut recovery = Vec::new();
        TestApp::run(async |app| {
            leave_a_claim(app, "demo", first).await;
            recovery = nth_of_each(&app.calls_of(app.recover("stage", &["demo"])).await.1);
        })
        .await;
        assert!(recovery.iter().any(|(_, operation, _)| operation == "ListStages"), "{recovery:?}");
        for (service, operation, nth) in recovery {
            for when in ["before", "after"] {
                let context = format!("{first}, then killed {when} {service}:{operation} #{nth}");
                TestApp::run(async |app| {
                    leave_a_claim(app, "demo", first).await;
                    let kill = json!({"kind": "kill", "when": when});
                    app.fault(json!({"service": service, "operation": operation, "nth": nth, "fault": kill})).await;
                    let killed = app.recover("stage", &["demo"]).await;
                    assert!(killed["errorType"].is_string(), "{context}: {killed}");
                    app.heal().await;
                    app.let_claim_lapse("stages", "demo").await;
                    assert!(again(&app.recover("stage", &["demo"]).await).is_empty(), "{context}");
                    // If there was a stage, it is its first caller's; if not, whoever asks first has the name.
                    let stage = app.user("bob").put("/stages/demo", json!({})).await.json();
                    assert_eq!(stage["owner"], if first == "after" { "alice" } else { "bob" }, "{context}");
                    let stages = app.stages_in_ivs().await;
                    assert!(stages.len() == 1 && stage["arn"] == stages[0].1.as_str(), "{context}: {stages:?}");
                })
                .await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_aws_call_of_a_recovery_leaves_one_channel_after_another() {
    let mut recovery = Vec::new();
    TestApp::run(async |app| {
        leave_a_channel(app, "demo").await;
        recovery = nth_of_each(&app.calls_of(app.recover("channel", &["demo"])).await.1);
    })
    .await;
    assert!(recovery.iter().any(|(_, operation, _)| operation == "ListChannels"), "{recovery:?}");
    for (service, operation, nth) in recovery {
        for when in ["before", "after"] {
            let context = format!("killed {when} {service}:{operation} #{nth}");
            TestApp::run(async |app| {
                leave_a_channel(app, "demo").await;
                let kill = json!({"kind": "kill", "when": when});
                app.fault(json!({"service": service, "operation": operation, "nth": nth, "fault": kill})).await;
                let killed = app.recover("channel", &["demo"]).await;
                assert!(killed["errorType"].is_string(), "{context}: {killed}");
                app.heal().await;
                app.let_claim_lapse("channels", "demo").await;
                assert!(again(&app.recover("channel", &["demo"]).await).is_empty(), "{context}");
                let channel = app.user("bob").get("/channels/demo").await.expect(200).json();
                assert_eq!((&channel["owner"], app.channels_in_ivs().await.len()), (&json!("alice"), 1), "{context}");
                app.user("alice").get("/channels/demo/stream-key").await.expect(200);
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_recoveries_at_once_do_what_one_does() {
    TestApp::run(async |app| {
        app.quotas(json!({"ListStages": 1000, "GetStage": 1000})).await;
        let names: Vec<String> = (0..6).map(|n| format!("s{n}")).collect();
        for (n, name) in names.iter().enumerate() {
            leave_a_claim(app, name, if n % 2 == 0 { "after" } else { "before" }).await;
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let run = async || app.recover("stage", &names).await;
        let (a, b, c, d) = tokio::join!(run(), run(), run(), run());
        // A name that another run holds comes again.
        assert!([a, b, c, d].iter().all(|answer| answer["batchItemFailures"].is_array()));
        assert_eq!((app.rows("stages").await.len(), app.stages_in_ivs().await.len()), (3, 3));
        for name in ["s0", "s2", "s4"] {
            assert_eq!(app.user("bob").get(&format!("/stages/{name}")).await.expect(200).json()["owner"], "alice");
        }
    })
    .await;
}

#[tokio::test]
async fn a_queue_that_cannot_be_reached_changes_nothing_for_the_caller() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDenied"});
        app.fault(json!({"service": "sqs", "operation": "SendMessage", "fault": refused})).await;
        let refused = app.user("bob").put("/stages/demo", json!({})).await.expect_problem(503, "busy");
        assert_eq!(refused.header("retry-after"), "9");
        let lines = app.log_lines();
        let line = lines.iter().find(|line| line.contains("the recovery could not be asked for")).unwrap();
        assert!(line.contains("sqs:SendMessage") && line.contains("ERROR"), "{line}");
        assert!(again(&app.recover("stage", &["demo"]).await).is_empty());
    })
    .await;
}

#[tokio::test]
async fn no_function_of_the_api_lists_stages_or_channels() {
    TestApp::run(async |app| {
        leave_a_claim(app, "demo", "after").await;
        leave_a_channel(app, "demo").await;
        let alice = app.user("alice");
        for path in ["/stages/demo", "/channels/demo"] {
            let (_, calls) = app.calls_of(alice.put(path, json!({}))).await;
            assert_eq!(calls[..2], ["dynamodb:GetItem", "sqs:SendMessage"], "{path}");
        }
        eventually("both are recovered", async || {
            let (stage, channel) = (alice.get("/stages/demo").await, alice.get("/channels/demo").await);
            (stage.status == 200 && channel.status == 200).then_some(())
        })
        .await;
        let calls = app.anonymous().get("/_local/calls").await.expect(200).json();
        let listing = calls["calls"].as_array().unwrap().iter().filter(|call| {
            call["function"].is_string() && matches!(call["operation"].as_str(), Some("ListStages" | "ListChannels"))
        });
        assert!(listing.clone().count() > 0);
        for call in listing {
            assert_eq!(call["function"], "RecoveryFunction", "{call}");
        }
    })
    .await;
}
