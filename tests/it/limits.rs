//! How many stages and channels one user may own, and who may create any.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tests::{Row, Setup, TestApp, concurrently, eventually};
use tokio::runtime::Handle;

use crate::create::put_as_told;

const KINDS: [(&str, &str, &str); 2] =
    [("stages", "StagesPerOwner", "too-many-stages"), ("channels", "ChannelsPerOwner", "too-many-channels")];

/// Rates that IVS does not have, so that a test is about counting.
async fn without_rates(app: &TestApp) {
    app.quotas(json!({"CreateStage": 1000, "CreateChannel": 1000, "DeleteStage": 1000, "DeleteChannel": 1000})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_creates_of_one_owner_as_many_succeed_as_one_may_own() {
    const MOST: usize = 7;
    for (kind, parameter, problem) in KINDS {
        Setup::default()
            .parameter(parameter, "7")
            .run(async |app| {
                without_rates(app).await;
                let mallory = app.user("mallory");
                let answers = concurrently(200, |n| {
                    let mallory = mallory.clone();
                    async move { put_as_told(&mallory, &format!("/{kind}/m{n}"), 100).await.0 }
                })
                .await;
                let mut statuses = BTreeMap::new();
                for answer in &answers {
                    *statuses.entry(answer.status).or_insert(0) += 1;
                    if answer.status == 409 {
                        assert_eq!(answer.json()["type"], problem, "{}", answer.text);
                    }
                }
                // One that was told to come back may find what it has created.
                let have = statuses.remove(&201).unwrap_or(0) + statuses.remove(&200).unwrap_or(0);
                assert_eq!((have, statuses.remove(&409)), (MOST, Some(200 - MOST)), "and {statuses:?}");
                assert_eq!(app.rows(kind).await.len(), MOST);
                let in_ivs = match kind {
                    "stages" => app.stages_in_ivs().await.len(),
                    _ => app.channels_in_ivs().await.len(),
                };
                assert_eq!(in_ivs, MOST);
                assert_eq!(app.counters(kind).await, BTreeMap::from([("mallory".to_owned(), MOST)]));
                app.user("alice").put(&format!("/{kind}/alices"), json!({})).await.expect(201);
                app.counts_are_right().await;
            })
            .await;
    }
}

#[tokio::test]
async fn who_owns_as_many_as_one_may_creates_again_after_a_delete_and_fetches_meanwhile() {
    for (kind, parameter, problem) in KINDS {
        Setup::default()
            .parameter(parameter, "1")
            .run(async |app| {
                without_rates(app).await;
                let (alice, bob) = (app.user("alice"), app.user("bob"));
                let path = |name: &str| format!("/{kind}/{name}");
                alice.put(&path("one"), json!({})).await.expect(201);
                let refused = alice.put(&path("two"), json!({})).await.expect_problem(409, problem).json();
                assert!(refused["detail"].as_str().unwrap().contains("you own 1 "), "{refused}");
                // What is there is nobody's to count.
                alice.put(&path("one"), json!({})).await.expect(200);
                bob.put(&path("two"), json!({})).await.expect(201);
                alice.put(&path("two"), json!({})).await.expect(200);
                alice.delete(&path("one")).await.expect(204);
                alice.delete(&path("one")).await.expect(204);
                alice.put(&path("three"), json!({})).await.expect(201);
                app.counts_are_right().await;
            })
            .await;
    }
}

#[tokio::test]
async fn a_create_that_ivs_refuses_takes_no_place() {
    Setup::default()
        .parameter("StagesPerOwner", "1")
        .run(async |app| {
            let alice = app.user("alice");
            for _ in 0..3 {
                app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "throttle"}})).await;
                alice.put("/stages/demo", json!({})).await.expect(503);
                assert_eq!(app.counters("stages").await["alice"], 0);
            }
            alice.put("/stages/other", json!({})).await.expect(201);
        })
        .await;
}

#[tokio::test]
async fn rows_of_a_version_that_did_not_count_take_no_place_and_free_none() {
    Setup::default()
        .parameter("StagesPerOwner", "1")
        .run(async |app| {
            let alice = app.user("alice");
            for name in ["earlier", "earlier-too"] {
                alice.put(&format!("/stages/{name}"), json!({})).await.expect(201);
                app.remove_attribute("stages", name, "counted").await;
                app.set_count("stages", "alice", 0).await;
            }
            alice.put("/stages/one", json!({})).await.expect(201);
            alice.delete("/stages/earlier").await.expect(204);
            assert_eq!(app.counters("stages").await["alice"], 1);
            alice.put("/stages/two", json!({})).await.expect_problem(409, "too-many-stages");
        })
        .await;
}

#[tokio::test]
async fn a_counter_that_an_operator_has_deleted_is_no_obstacle_and_begins_anew() {
    Setup::default()
        .parameter("StagesPerOwner", "1")
        .run(async |app| {
            let alice = app.user("alice");
            alice.put("/stages/one", json!({})).await.expect(201);
            let key = AttributeValue::S("#owner/alice".to_owned());
            app.delete("stages", [Row::from([("name".to_owned(), key)])]).await;
            alice.delete("/stages/one").await.expect(204);
            alice.put("/stages/two", json!({})).await.expect(201);
            alice.put("/stages/three", json!({})).await.expect_problem(409, "too-many-stages");
        })
        .await;
}

#[tokio::test]
async fn a_transaction_that_meets_another_is_repeated_and_is_not_told_of_if_that_helps() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let conflict = json!({"kind": "error", "status": 400, "code": "TransactionCanceledException"});
        let fault = |times: Value| {
            json!({
                "service": "dynamodb", "operation": "TransactWriteItems", "times": times, "fault": conflict.clone(),
            })
        };
        app.fault(fault(json!(2))).await;
        alice.put("/stages/demo", json!({})).await.expect(201);
        app.fault(fault(Value::Null)).await;
        let refused = alice.put("/stages/other", json!({})).await.expect_problem(503, "unavailable");
        assert_eq!(refused.header("retry-after"), "1");
        app.heal().await;
        app.fault(fault(json!(2))).await;
        alice.delete("/stages/demo").await.expect(204);
        app.counts_are_right().await;
    })
    .await;
}

#[tokio::test]
async fn a_write_that_meets_a_transaction_on_its_row_is_repeated() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let conflict = async |operation: &str| {
            let fault = json!({"kind": "error", "status": 400, "code": "TransactionConflictException"});
            app.fault(json!({"service": "dynamodb", "operation": operation, "times": 2, "fault": fault})).await;
        };
        conflict("PutItem").await;
        alice.put("/stages/demo", json!({})).await.expect(201);
        conflict("UpdateItem").await;
        alice.patch("/stages/demo", json!({"doors": "closed"})).await.expect(200);
        conflict("UpdateItem").await;
        alice.delete("/stages/demo").await.expect(204);
        alice.put("/channels/demo", json!({"private": true, "admission": "invited"})).await.expect(201);
        conflict("UpdateItem").await;
        alice.post("/channels/demo/stream-key", json!({})).await.expect(200);
        for end in ["/channels/demo/viewers/bob", "/channels/demo"] {
            alice.put("/channels/demo/viewers/bob", json!({})).await.expect(201);
            conflict("DeleteItem").await;
            alice.delete(end).await.expect(204);
        }
        app.counts_are_right().await;
    })
    .await;
}

#[tokio::test]
async fn who_lacks_the_claim_fetches_and_creates_nothing() {
    Setup::default()
        .parameter("CreatorClaim", "cognito:groups=creators")
        .run(async |app| {
            let creator = app.user_with("sub=alice&cognito:groups=%5B%22admins%22%2C%22creators%22%5D").await;
            let guest = app.user("bob");
            for kind in ["stages", "channels"] {
                let path = format!("/{kind}/demo");
                guest.put(&path, json!({})).await.expect_problem(403, "not-creator");
                creator.put(&path, json!({})).await.expect(201);
                guest.put(&path, json!({})).await.expect(200);
                guest.get(&path).await.expect(200);
                let rows = app.rows(kind).await;
                assert_eq!((rows.len(), rows[0]["owner"].as_s().unwrap().as_str()), (1, "alice"));
            }
            let differs = json!({"admission": "hosted"});
            guest.put("/stages/demo", differs).await.expect_problem(409, "options-differ");
            // What was left halfway may be there.
            app.fault(
                json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "kill", "when": "after"}}),
            )
            .await;
            creator.put("/stages/late", json!({})).await.expect(500);
            app.heal().await;
            app.let_claim_lapse("stages", "late").await;
            guest.put("/stages/late", json!({})).await.expect_problem(503, "busy");
            eventually("the guest has it", async || {
                (guest.put("/stages/late", json!({})).await.status == 200).then_some(())
            })
            .await;
        })
        .await;
}

#[tokio::test]
async fn nobody_signs_up_by_themselves_unless_the_operator_says_so() {
    let template = std::fs::read_to_string(tests::root().join("template.yaml")).unwrap();
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&template).unwrap();
    assert_eq!(template["Parameters"]["SelfSignUp"]["Default"], "false");
    let only_admins =
        &template["Resources"]["UserPool"]["Properties"]["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"];
    let said = serde_yaml_ng::to_string(only_admins).unwrap();
    assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["!If", "-", "OnlyInvited", "-", "true", "-", "false"]);
}

/// Two requests at once, of which a call may go wrong.
#[derive(Debug, Clone)]
struct Step {
    /// Each by whom, about which name, and whether it is a delete.
    requests: [(usize, usize, bool); 2],
    fault: Option<(&'static str, &'static str, Value)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let request = || (0..3_usize, 0..4_usize, any::<bool>());
    let call = prop::sample::select(vec![
        ("dynamodb", "GetItem"),
        ("dynamodb", "TransactWriteItems"),
        ("dynamodb", "PutItem"),
        ("dynamodb", "UpdateItem"),
        ("ivs", "CreateStage"),
        ("ivs", "DeleteStage"),
    ]);
    let fault = prop::sample::select(vec![
        json!({"kind": "drop", "when": "before"}),
        json!({"kind": "drop", "when": "after"}),
        json!({"kind": "kill", "when": "before"}),
        json!({"kind": "kill", "when": "after"}),
        json!({"kind": "error", "status": 400, "code": "TransactionCanceledException"}),
    ]);
    let fault = prop::option::weighted(0.7, (call, fault));
    let step = ([request(), request()], fault).prop_map(|(requests, fault)| {
        let fault = fault.map(|((service, operation), fault)| (service, operation, fault));
        Step { requests, fault }
    });
    prop::collection::vec(step, 12)
}

async fn take(app: &TestApp, step: &Step) {
    if let Some((service, operation, fault)) = &step.fault {
        // As often as the SDK tries, so that the function learns of it.
        app.fault(json!({"service": service, "operation": operation, "times": 3, "fault": fault})).await;
    }
    concurrently(2, |n| {
        let (owner, name, is_delete) = step.requests[n];
        let (owner, path) = (app.user(&format!("owner-{owner}")), format!("/stages/s{name}"));
        async move { if is_delete { owner.delete(&path).await } else { owner.put(&path, json!({})).await } }
    })
    .await;
    app.heal().await;
    // Nobody is at work any more: whoever comes next need not wait.
    for row in app.rows("stages").await.iter().filter(|row| row.contains_key("leaseUntil")) {
        app.set_stage_attribute(row["name"].as_s().unwrap(), "leaseUntil", "2026-01-01T00:00:00.000Z").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_is_the_number_of_rows_whatever_is_lost_on_the_way() {
    Setup::default()
        .parameter("StagesPerOwner", "3")
        .run(async |app| {
            let config =
                ProptestConfig { cases: 5, max_shrink_iters: 0, failure_persistence: None, ..Default::default() };
            let runtime = Handle::current();
            let check = async |steps: &[Step]| {
                app.reset().await;
                without_rates(app).await;
                for step in steps {
                    take(app, step).await;
                    app.counts_are_right().await;
                }
                assert!(app.counters("stages").await.values().all(|count| *count <= 3));
                app.reset().await;
            };
            let checked = TestRunner::new(config).run(&steps(), |steps| {
                tokio::task::block_in_place(|| runtime.block_on(check(&steps)));
                Ok(())
            });
            checked.unwrap_or_else(|failure| panic!("{failure}"));
        })
        .await;
}
