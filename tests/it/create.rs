//! Exactly-once create: any number of callers, a failure at any point, one stage.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Answer, Caller, Setup, TestApp, concurrently, eventually, nth_of_each};

/// A lease short enough to wait for.
/// Asks until there is an answer other than "not now", and has a create that died recovered without waiting for the
/// queue.
async fn put_until_answered(app: &TestApp, user: &str, stage: &str) -> (u16, Value) {
    eventually("the stage can be had", async || {
        let answer = app.user(user).put(&format!("/stages/{stage}"), json!({})).await;
        if answer.status == 503 && answer.text.contains("cut short") {
            app.recover("stage", &[stage]).await;
        }
        matches!(answer.status, 200 | 201).then(|| (answer.status, answer.json()))
    })
    .await
}

/// One row, one stage in IVS, and the row's stage is that one.
async fn assert_one_stage(app: &TestApp, answered: &Value, context: &str) {
    let stages = app.stages_in_ivs().await;
    assert_eq!(stages.len(), 1, "{context}: {stages:?}");
    assert_eq!(answered["arn"], json!(stages[0].1), "{context}");
    assert_eq!(app.rows("stages").await.len(), 1, "{context}");
    app.counts_are_right().await;
}

/// Asks as a frontend should: after a 503, again when it is told to, for fewer refusals than `most`. Answers what came in
/// the end, and before that.
pub(crate) async fn put_as_told(caller: &Caller, path: &str, most: usize) -> (Answer, usize) {
    let mut refusals = 0;
    loop {
        let answer = caller.put(path, json!({})).await;
        if answer.status != 503 {
            return (answer, refusals);
        }
        refusals += 1;
        assert!(refusals < most, "still {}: {}", answer.status, answer.text);
        // API Gateway's own 503, at its timeout, names no time.
        let is_ours = answer.header("content-type") == "application/problem+json";
        let seconds = answer.header("retry-after").parse().unwrap_or_else(|_| {
            assert!(!is_ours, "a 503 that names no time: {}", answer.text);
            1
        });
        assert!((1..=60).contains(&seconds), "{}", answer.text);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_concurrent_callers_get_one_stage_and_one_owner() {
    TestApp::run(async |app| {
        let users: Vec<_> = (0..10).map(|n| app.user(&format!("user-{n}"))).collect();
        let answers = concurrently(200, |n| {
            let user = users[n % users.len()].clone();
            async move { put_as_told(&user, "/stages/same", 200).await }
        })
        .await;
        let created = answers.iter().filter(|(answer, _)| answer.status == 201).count();
        // A create that IVS answers too late for the function is finished by its recovery, and then nobody is told that
        // they have made the stage.
        let refused: usize = answers.iter().map(|(_, refusals)| refusals).sum();
        assert!(created == 1 || (created == 0 && refused > 0), "{created} callers created the stage");
        let stage = answers[0].0.json();
        for (answer, _) in &answers {
            assert!(matches!(answer.status, 200 | 201), "{}: {}", answer.status, answer.text);
            assert_eq!(answer.json(), stage);
        }
        assert_one_stage(app, &stage, "after 200 callers").await;
    })
    .await;
}

/// The AWS calls of a create, as the function makes them when nothing goes wrong.
async fn calls_of_a_create() -> Vec<(String, String, usize)> {
    let mut calls = Vec::new();
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let (answer, made) = app.calls_of(alice.put("/stages/demo", json!({}))).await;
        answer.expect(201);
        calls = nth_of_each(&made);
    })
    .await;
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_aws_call_of_a_create_leaves_one_stage_after_a_retry() {
    let calls = calls_of_a_create().await;
    assert_eq!(calls.len(), 4, "{calls:?}");
    for (service, operation, nth) in calls {
        for when in ["before", "after"] {
            let context = format!("killed {when} {service}:{operation} #{nth}");
            Setup::default()
                .short_lease()
                .run(async |app| {
                    app.fault(json!({
                        "service": service, "operation": operation, "nth": nth, "fault": {"kind": "kill", "when": when},
                    }))
                    .await;
                    app.user("alice").put("/stages/demo", json!({})).await.expect(500);
                    app.heal().await;
                    let (_, stage) = put_until_answered(app, "alice", "demo").await;
                    assert_eq!(stage["owner"], "alice", "{context}");
                    assert_one_stage(app, &stage, &context).await;
                })
                .await;
        }
    }
}

/// Has a create of alice's die at `CreateStage`, before its effect or after it.
async fn leave_a_claim(app: &TestApp, when: &str) {
    app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "kill", "when": when}})).await;
    app.user("alice").put("/stages/demo", json!({})).await.expect(500);
    app.heal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_on_the_way_makes_no_second_stage() {
    for (service, operation, nth) in calls_of_a_create().await {
        for when in ["before", "after"] {
            let context = format!("dropped {when} {service}:{operation} #{nth}");
            Setup::default()
                .short_lease()
                .run(async |app| {
                    app.fault(json!({
                        "service": service, "operation": operation, "nth": nth, "fault": {"kind": "drop", "when": when},
                    }))
                    .await;
                    let answer = app.user("alice").put("/stages/demo", json!({})).await;
                    // The SDK repeats what may be repeated; CreateStage is sent once.
                    let expected = if operation == "CreateStage" { 503 } else { 201 };
                    assert_eq!(answer.status, expected, "{context}: {}", answer.text);
                    let (_, stage) = put_until_answered(app, "alice", "demo").await;
                    assert_one_stage(app, &stage, &context).await;
                })
                .await;
        }
    }
}

#[tokio::test]
async fn a_refused_create_frees_the_name_at_once() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        for (fault, problem) in [
            (json!({"kind": "throttle"}), "unavailable"),
            (json!({"kind": "error", "status": 402, "code": "ServiceQuotaExceededException"}), "limit-reached"),
        ] {
            app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": fault})).await;
            let refused = alice.put("/stages/demo", json!({})).await.expect_problem(503, problem);
            assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
            app.heal().await;
            assert!(app.rows("stages").await.is_empty(), "the claim was kept after {problem}");
        }
        // Whoever comes next is the first caller of the name.
        assert_eq!(app.user("bob").put("/stages/demo", json!({})).await.expect(201).json()["owner"], "bob");
    })
    .await;
}

#[tokio::test]
async fn a_used_up_quota_of_ivs_is_a_503_that_quotes_nothing_of_aws() {
    TestApp::run(async |app| {
        app.quotas(json!({"stages": 1})).await;
        let alice = app.user("alice");
        alice.put("/stages/one", json!({})).await.expect(201);
        let full = alice.put("/stages/two", json!({})).await.expect_problem(503, "limit-reached");
        assert!(!full.text.contains("arn:") && !full.text.contains("Exception"), "{}", full.text);
        alice.delete("/stages/one").await.expect(204);
        alice.put("/stages/two", json!({})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn the_rate_of_ivs_is_a_503_and_the_retry_succeeds() {
    TestApp::run(async |app| {
        // One at once, and the next in a quarter of an hour.
        app.quotas(json!({"CreateStage": 0.001})).await;
        let alice = app.user("alice");
        alice.put("/stages/s0", json!({})).await.expect(201);
        for n in 1..4 {
            alice.put(&format!("/stages/s{n}"), json!({})).await.expect_problem(503, "unavailable");
        }
        app.quotas(json!({"CreateStage": 1})).await;
        for n in 0..4 {
            put_until_answered(app, "alice", &format!("s{n}")).await;
        }
        assert_eq!(app.stages_in_ivs().await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_live_claim_is_waited_for_and_then_answered_with_a_time_to_retry() {
    TestApp::run(async |app| {
        leave_a_claim(app, "before").await;
        app.set_stage_attribute("demo", "leaseUntil", "2999-01-01T00:00:00.000Z").await;
        let busy = app.user("bob").put("/stages/demo", json!({})).await.expect_problem(503, "busy");
        assert!(busy.header("retry-after").parse::<u32>().unwrap() >= 1);
        app.user("bob").get("/stages/demo").await.expect_problem(503, "busy");
        app.user("alice").delete("/stages/demo").await.expect_problem(503, "busy");
        app.user("bob").delete("/stages/demo").await.expect_problem(403, "not-owner");
        // The claim is still alice's: nothing was deleted and nothing made.
        assert_eq!(app.rows("stages").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_create_waits_longer_for_ivs_than_a_read_does() {
    TestApp::run(async |app| {
        app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "latency", "ms": 3000}}))
            .await;
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
    })
    .await;
}

/// A create of alice's that is held up at `CreateStage`, loses its claim meanwhile to a recovery, and is in time for its
/// own answer nevertheless. Bob asks after the recovery. Answers the stage, which both are told of, and the AWS calls of
/// all together.
async fn create_that_loses_its_claim(app: &TestApp, held: &str) -> (Value, Vec<String>) {
    let attempt = async || {
        app.reset().await;
        app.hold(json!({"service": "ivs", "operation": "CreateStage"}), held).await;
        let alice = app.user("alice");
        let successor = async {
            if held == "after" {
                eventually("the stage is made", async || (app.stages_in_ivs().await.len() == 1).then_some(())).await;
            }
            app.set_stage_attribute("demo", "leaseUntil", "2020-01-01T00:00:00.000Z").await;
            app.recover("stage", &["demo"]).await;
            app.user("bob").put("/stages/demo", json!({})).await
        };
        let both = app.while_held(1, alice.put("/stages/demo", json!({})), successor);
        let (answers, calls) = app.calls_of(both).await;
        let (alices, bobs) = answers?;
        // On a busy machine, alice's function may give IVS up, or bob's may.
        if alices.status == 503 || bobs.status == 503 {
            return None;
        }
        // Where nothing was found, the name was bob's to take.
        let stage = bobs.expect(if held == "after" { 200 } else { 201 }).json();
        assert_eq!(stage["owner"], if held == "after" { "alice" } else { "bob" });
        assert_eq!(alices.expect(200).json(), stage);
        Some((stage, calls))
    };
    eventually("both are in time", attempt).await
}

#[tokio::test]
async fn a_holder_that_lost_its_claim_deletes_what_it_made() {
    TestApp::run(async |app| {
        // The stage is not there yet when the recovery looks for it.
        let (stage, calls) = create_that_loses_its_claim(app, "before").await;
        let made = calls.iter().filter(|call| *call == "ivs:CreateStage").count();
        assert!(calls.contains(&"ivs:ListStages".to_owned()) && made == 2, "{calls:?}");
        assert!(calls.contains(&"ivs:DeleteStage".to_owned()), "{calls:?}");
        assert_one_stage(app, &stage, "after a lost claim").await;
    })
    .await;
}

#[tokio::test]
async fn a_holder_that_lost_its_claim_leaves_what_a_recovery_adopted() {
    TestApp::run(async |app| {
        let (stage, calls) = create_that_loses_its_claim(app, "after").await;
        let made = calls.iter().filter(|call| *call == "ivs:CreateStage").count();
        assert!(made == 1 && !calls.contains(&"ivs:DeleteStage".to_owned()), "{calls:?}");
        assert_one_stage(app, &stage, "after an adopted stage").await;
    })
    .await;
}

#[tokio::test]
async fn a_recovery_adopts_only_what_this_create_made() {
    TestApp::run(async |app| {
        leave_a_claim(app, "after").await;
        let own = app.stages_in_ivs().await[0].1.clone();
        app.quotas(json!({"CreateStage": 1000, "DeleteStage": 1000})).await;
        // What an earlier stage of that name may have left: tagged for the row, by another create.
        for _ in 0..5 {
            let orphan = app.ivs().create_stage().name("demo").tags("greenroom:stack", app.stack());
            orphan.tags("greenroom:stage", "demo").tags("greenroom:claim", "another").send().await.unwrap();
        }
        app.set_stage_attribute("demo", "leaseUntil", "2020-01-01T00:00:00.000Z").await;
        app.recover("stage", &["demo"]).await;
        let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(200).json();
        assert_eq!(stage["arn"], own.as_str());
        // Whether there are more orphans than an accident leaves, the reconciler knows.
        assert_eq!(app.stages_in_ivs().await.len(), 6);
        app.reset().await;
    })
    .await;
}

#[tokio::test]
async fn a_recovery_that_finds_nothing_in_a_full_account_keeps_to_the_rate_of_ivs() {
    TestApp::run(async |app| {
        leave_a_claim(app, "before").await;
        app.quotas(json!({"CreateStage": 100_000})).await;
        for _ in 0..999 {
            app.ivs().create_stage().send().await.unwrap();
        }
        app.set_stage_attribute("demo", "leaseUntil", "2020-01-01T00:00:00.000Z").await;
        let (_, calls) = app.calls_of(app.recover("stage", &["demo"])).await;
        let listings = calls.iter().filter(|call| *call == "ivs:ListStages").count();
        assert_eq!(listings, 10, "none is throttled: {calls:?}");
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        app.user("alice").delete("/stages/demo").await.expect(204);
        app.reset().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_failures_under_concurrency_end_in_one_stage() {
    // A fixed sequence of pseudo-random choices, so that a failure can be repeated.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut choose = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % n as u64).unwrap()
    };
    let faults = [
        json!({"kind": "kill", "when": "before"}),
        json!({"kind": "kill", "when": "after"}),
        json!({"kind": "drop", "when": "before"}),
        json!({"kind": "drop", "when": "after"}),
        json!({"kind": "throttle"}),
        json!({"kind": "error", "status": 500, "code": "InternalServerException"}),
        json!({"kind": "latency", "ms": 300}),
    ];
    let targets = [
        ("dynamodb", "GetItem"),
        ("dynamodb", "PutItem"),
        ("dynamodb", "TransactWriteItems"),
        ("ivs", "CreateStage"),
        ("ivs", "ListStages"),
        ("ivs", "GetStage"),
    ];
    for round in 0..8 {
        let chosen: Vec<Value> = (0..4)
            .map(|_| {
                let (service, operation) = targets[choose(targets.len())];
                let (nth, fault) = (1 + choose(4), &faults[choose(faults.len())]);
                json!({"service": service, "operation": operation, "nth": nth, "fault": fault})
            })
            .collect();
        Setup::default()
            .short_lease()
            .run(async |app| {
                for fault in &chosen {
                    app.fault(fault.clone()).await;
                }
                let answers = concurrently(12, |n| {
                    let user = app.user(&format!("user-{}", n % 3));
                    async move { user.put("/stages/demo", json!({})).await }
                })
                .await;
                let mut told = Vec::new();
                for answer in answers {
                    assert!(matches!(answer.status, 200 | 201 | 500 | 503), "{}: {}", answer.status, answer.text);
                    if answer.status < 300 {
                        told.push(answer.json());
                    }
                }
                app.heal().await;
                // A recovery that was killed holds its claim for half a minute.
                app.let_claim_lapse("stages", "demo").await;
                let (_, stage) = put_until_answered(app, "user-0", "demo").await;
                // Nobody was told of another stage, or of another owner.
                for other in told {
                    assert_eq!(other, stage, "round {round}: {chosen:?}");
                }
                assert_one_stage(app, &stage, &format!("round {round}: {chosen:?}")).await;
            })
            .await;
    }
}
