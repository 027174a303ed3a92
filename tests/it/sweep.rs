//! What creates and deletes left halfway is found by its tags and ended: by the reconciler, from the side of IVS.

use std::collections::HashMap;

use serde_json::{Value, json};
use tests::{TestApp, concurrently};

/// Long over.
const OVER: &str = "2026-01-01T00:00:00.000Z";
/// Far away.
const AHEAD: &str = "2999-01-01T00:00:00.000Z";

/// Runs the reconciler; what it answers is `null`, or an error.
async fn reconcile(app: &TestApp) -> Value {
    serde_json::from_str(&app.invoke("ReconcilerFunction", "{}").await).unwrap()
}

/// The line of the last run.
fn last_line(app: &TestApp) -> Value {
    app.log_of("reconciler").pop().expect("the reconciler ran")
}

fn tags(kind: &str, stack: &str, name: &str, lease_until: &str) -> HashMap<String, String> {
    let tag = |key: &str, value: &str| (format!("greenroom:{key}"), value.to_owned());
    [tag("stack", stack), tag(kind, name), tag("claim", "some-claim"), tag("lease-until", lease_until)].into()
}

async fn create_stage(app: &TestApp, tags: HashMap<String, String>) -> String {
    let created = app.ivs().create_stage().set_tags(Some(tags)).send().await.unwrap();
    created.stage().unwrap().arn().to_owned()
}

async fn create_channel(app: &TestApp, tags: HashMap<String, String>) -> String {
    let created = app.ivs_low_latency().create_channel().set_tags(Some(tags)).send().await.unwrap();
    created.channel().unwrap().arn().unwrap().to_owned()
}

/// Makes the lease of the create that made this stage lie in the past.
async fn let_lease_pass(app: &TestApp, stage_arn: &str) {
    app.ivs().tag_resource().resource_arn(stage_arn).tags("greenroom:lease-until", OVER).send().await.unwrap();
}

#[tokio::test]
async fn orphans_go_and_all_else_stays() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        app.quotas(json!({"CreateStage": 100, "CreateChannel": 100})).await;
        let stage = alice.put("/stages/demo", json!({})).await.expect(201).json()["arn"].clone();
        let channel = alice.put("/channels/demo", json!({})).await.expect(201).json()["arn"].clone();
        alice.put("/channels/other", json!({})).await.expect(201);
        let_lease_pass(app, stage.as_str().unwrap()).await;
        // Of a row that is gone, and of a row that stands for another.
        for name in ["gone", "demo"] {
            create_stage(app, tags("stage", app.stack(), name, OVER)).await;
            create_channel(app, tags("channel", app.stack(), name, OVER)).await;
        }
        let mut others = Vec::new();
        for tags in [
            tags("stage", "another", "gone", OVER),
            // Somebody may be creating it right now.
            tags("stage", app.stack(), "young", AHEAD),
            HashMap::new(),
        ] {
            others.push(create_stage(app, tags).await);
        }
        let foreign = create_channel(app, tags("channel", "another", "gone", OVER)).await;

        assert_eq!(reconcile(app).await, Value::Null);
        let mut stages: Vec<String> = app.stages_in_ivs().await.into_iter().map(|(_, arn)| arn).collect();
        let mut expected = others.clone();
        expected.push(stage.as_str().unwrap().to_owned());
        stages.sort();
        expected.sort();
        assert_eq!(stages, expected);
        let channels = app.channels_in_ivs().await;
        assert_eq!(channels.len(), 3);
        assert!(channels.contains(&foreign) && channels.iter().any(|arn| channel == json!(arn)));
        let line = last_line(app);
        assert_eq!((&line["OrphanStagesDeleted"], &line["OrphanChannelsDeleted"]), (&json!(2), &json!(2)), "{line}");

        for arn in others {
            app.ivs().delete_stage().arn(arn).send().await.unwrap();
        }
        app.ivs_low_latency().delete_channel().arn(foreign).send().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn nothing_is_deleted_on_a_listing_that_broke_off() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateStage": 1000, "DeleteStage": 1000})).await;
        for n in 0..101 {
            create_stage(app, tags("stage", app.stack(), &format!("gone-{n}"), OVER)).await;
        }
        // The first page comes.
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        app.fault(json!({"service": "ivs", "operation": "ListStages", "nth": 2, "times": null, "fault": refused}))
            .await;
        let failed = reconcile(app).await;
        assert_eq!(failed["errorType"], "Internal", "{failed}");
        app.heal().await;
        assert_eq!(app.stages_in_ivs().await.len(), 101);
        for (_, arn) in app.stages_in_ivs().await {
            app.ivs().delete_stage().arn(arn).send().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn what_one_part_fails_with_keeps_no_other_from_its_work() {
    TestApp::run(async |app| {
        app.user("alice").put("/channels/kept", json!({})).await.expect(201);
        let gone = create_channel(app, tags("channel", app.stack(), "gone", OVER)).await;
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        for (service, operation) in [("ecs", "ListTasks"), ("ivs", "ListStages")] {
            let fault = json!({"service": service, "operation": operation, "times": null, "fault": refused});
            app.fault(fault).await;
        }
        let failed = reconcile(app).await;
        assert!(failed["errorMessage"].as_str().unwrap().contains("ecs:ListTasks"), "{failed}");
        let left = app.channels_in_ivs().await;
        assert!(left.len() == 1 && !left.contains(&gone), "{left:?}");
        let line = last_line(app);
        assert_eq!((&line["level"], &line["OrphanChannelsDeleted"]), (&json!("ERROR"), &json!(1)), "{line}");
        assert!(line.get("Reconciliations").is_none(), "{line}");
    })
    .await;
}

#[tokio::test]
async fn a_create_that_died_and_is_not_asked_for_again_is_ended() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let killed = json!({"kind": "kill", "when": "after"});
        app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": killed})).await;
        alice.put("/stages/demo", json!({})).await;
        let stages = app.stages_in_ivs().await;
        assert_eq!((stages.len(), app.rows("stages").await.len()), (1, 1));

        // While its lease holds, it is left alone; so it is while another holds the claim.
        reconcile(app).await;
        let_lease_pass(app, &stages[0].1).await;
        reconcile(app).await;
        assert_eq!((app.stages_in_ivs().await.len(), app.rows("stages").await.len()), (1, 1));

        app.set_stage_attribute("demo", "leaseUntil", OVER).await;
        assert_eq!(reconcile(app).await, Value::Null);
        assert_eq!((app.stages_in_ivs().await.len(), app.rows("stages").await.len()), (0, 0));
        assert_eq!(last_line(app)["StageCreatesEnded"], json!(1));
        alice.put("/stages/demo", json!({})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_delete_that_died_and_is_not_asked_for_again_is_finished() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let arn = alice.put("/stages/demo", json!({})).await.expect(201).json()["arn"].clone();
        app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
        let killed = json!({"kind": "kill", "when": "before"});
        app.fault(json!({"service": "ivs", "operation": "DeleteStage", "fault": killed})).await;
        alice.delete("/stages/demo").await;
        let_lease_pass(app, arn.as_str().unwrap()).await;
        assert_eq!(reconcile(app).await, Value::Null);
        assert_eq!(last_line(app)["StageDeletesFinished"], json!(1));
        for table in ["stages", "participants"] {
            assert!(app.rows(table).await.is_empty(), "{table}");
        }
        assert!(app.stages_in_ivs().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_orphan_that_is_live_stays_until_it_is_not() {
    TestApp::run(async |app| {
        app.user("alice").put("/channels/kept", json!({})).await.expect(201);
        let arn = create_channel(app, tags("channel", app.stack(), "gone", OVER)).await;
        let live = format!("/_local/channels/{}/live", arn.rsplit('/').next().unwrap());
        app.anonymous().put(&live, json!({})).await.expect(200);
        assert_eq!(reconcile(app).await, Value::Null);
        assert!(app.channels_in_ivs().await.contains(&arn));
        app.anonymous().delete(&live).await.expect(200);
        assert_eq!(reconcile(app).await, Value::Null);
        assert!(!app.channels_in_ivs().await.contains(&arn));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_reconcilers_at_once_do_what_one_does() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateStage": 100, "DeleteStage": 100, "ListStages": 100, "ListChannels": 100})).await;
        let alice = app.user("alice");
        for name in ["demo", "other"] {
            alice.put(&format!("/stages/{name}"), json!({})).await.expect(201);
        }
        for n in 0..2 {
            create_stage(app, tags("stage", app.stack(), &format!("gone-{n}"), OVER)).await;
        }
        let caller = app.anonymous().clone();
        let runs = concurrently(4, |_| {
            let caller = caller.clone();
            async move { caller.post("/_local/schedules/ReconcilerFunction.EveryFiveMinutes/run", json!({})).await }
        })
        .await;
        assert!(runs.iter().all(|run| run.json()["ok"] == json!(true)));
        assert_eq!(app.stages_in_ivs().await.len(), 2);
        alice.get("/stages/demo").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn no_row_ends_by_itself_since_it_is_counted() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let has_ttl = async || app.rows("stages").await.iter().any(|row| row.contains_key("ttl"));
        app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "kill", "when": "before"}}))
            .await;
        alice.put("/stages/demo", json!({})).await;
        assert!(!has_ttl().await);
        app.counts_are_right().await;
        app.set_stage_attribute("demo", "leaseUntil", OVER).await;
        app.recover("stage", &["demo"]).await;
        assert!(app.rows("stages").await.is_empty());
        assert_eq!(app.counters("stages").await["alice"], 0);
    })
    .await;
}

#[tokio::test]
async fn one_resource_that_cannot_be_ended_keeps_no_other_from_it() {
    TestApp::run(async |app| {
        for name in ["one", "two"] {
            app.user("alice").put(&format!("/stages/{name}"), json!({})).await.expect(201);
            create_stage(app, tags("stage", app.stack(), name, OVER)).await;
        }
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        app.fault(json!({"service": "ivs", "operation": "DeleteStage", "fault": refused})).await;
        let failed = reconcile(app).await;
        assert!(failed["errorMessage"].as_str().unwrap().contains("ivs:DeleteStage"), "{failed}");
        assert_eq!(app.stages_in_ivs().await.len(), 3);
        assert_eq!(last_line(app)["OrphanStagesDeleted"], json!(1));
        assert_eq!(reconcile(app).await, Value::Null);
        assert_eq!(app.stages_in_ivs().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn more_orphans_than_an_accident_leaves_go_only_when_told() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateStage": 100, "DeleteStage": 100})).await;
        // As after the tables have been lost.
        for n in 0..11 {
            create_stage(app, tags("stage", app.stack(), &format!("lost-{n}"), OVER)).await;
        }
        let failed = reconcile(app).await;
        assert!(failed["errorMessage"].as_str().unwrap().contains(r#"{"maxOrphans": 11}"#), "{failed}");
        assert_eq!(app.stages_in_ivs().await.len(), 11);
        let told = app.invoke("ReconcilerFunction", r#"{"maxOrphans": 11}"#).await;
        assert_eq!(told, "null");
        assert!(app.stages_in_ivs().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_a_small_stack_has_is_not_deleted_when_its_table_is_lost() {
    TestApp::run(async |app| {
        for lost in [1, 2] {
            // Stages are lost, and of the channels one more than are left.
            for n in 0..lost {
                create_stage(app, tags("stage", app.stack(), &format!("lost-{n}"), OVER)).await;
                create_channel(app, tags("channel", app.stack(), &format!("lost-{n}"), OVER)).await;
            }
            if lost == 2 {
                app.user("alice").put("/channels/kept", json!({})).await.expect(201);
            }
            let failed = reconcile(app).await;
            let cure = format!("{{\"maxOrphans\": {lost}}}");
            assert!(failed["errorMessage"].as_str().unwrap().contains(&cure), "{failed}");
            let channels = lost + usize::from(lost == 2);
            assert_eq!((app.stages_in_ivs().await.len(), app.channels_in_ivs().await.len()), (lost, channels));
            assert_eq!(app.invoke("ReconcilerFunction", cure).await, "null");
            assert_eq!((app.stages_in_ivs().await.len(), app.channels_in_ivs().await.len()), (0, channels - lost));
        }
    })
    .await;
}

#[tokio::test]
async fn one_orphan_beside_one_live_stage_goes() {
    TestApp::run(async |app| {
        let live = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json()["arn"].clone();
        create_stage(app, tags("stage", app.stack(), "gone", OVER)).await;
        assert_eq!(reconcile(app).await, Value::Null);
        let left = app.stages_in_ivs().await;
        assert!(left.len() == 1 && live == left[0].1.as_str(), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn a_dead_create_that_cannot_be_ended_is_left_to_whoever_asks_next() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "kill", "when": "after"}}))
            .await;
        alice.put("/stages/demo", json!({})).await;
        let arn = app.stages_in_ivs().await[0].1.clone();
        let_lease_pass(app, &arn).await;
        app.set_stage_attribute("demo", "leaseUntil", OVER).await;
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        app.fault(json!({"service": "ivs", "operation": "DeleteStage", "fault": refused})).await;
        assert_eq!(reconcile(app).await["errorType"], "Internal");
        // No longer than that: the name is not held by the reconciler's own claim.
        app.recover("stage", &["demo"]).await;
        assert_eq!(alice.put("/stages/demo", json!({})).await.expect(200).json()["arn"], json!(arn));
    })
    .await;
}

#[tokio::test]
async fn a_claim_of_the_reconciler_whose_answer_was_lost_is_its_own() {
    TestApp::run(async |app| {
        app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "kill", "when": "after"}}))
            .await;
        app.user("alice").put("/stages/demo", json!({})).await;
        let_lease_pass(app, &app.stages_in_ivs().await[0].1).await;
        app.set_stage_attribute("demo", "leaseUntil", OVER).await;
        let lost = json!({"kind": "drop", "when": "after"});
        app.fault(
            json!({"service": "dynamodb", "operation": "UpdateItem", "function": "ReconcilerFunction", "fault": lost}),
        )
        .await;
        assert_eq!(reconcile(app).await, Value::Null);
        assert_eq!((app.stages_in_ivs().await.len(), app.rows("stages").await.len()), (0, 0));
    })
    .await;
}
