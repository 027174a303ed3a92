//! What creates and deletes left halfway is found by the reconciler: rows by an index, and orphans from the side of IVS.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{TestApp, eventually};

/// Long over; a day later; and another.
const OVER: &str = "2026-01-01T00:00:00.000Z";
pub(crate) const A_DAY_LATER: &str = "2026-01-02T00:00:00.000Z";
const TWO_DAYS_LATER: &str = "2026-01-03T00:00:00.000Z";
/// Far away.
const AHEAD: &str = "2999-01-01T00:00:00.000Z";

/// Runs the reconciler; what it answers is `null`, or an error.
pub(crate) async fn reconcile(app: &TestApp) -> Value {
    serde_json::from_str(&app.invoke("ReconcilerFunction", "{}").await).unwrap()
}

/// The line of the last run.
pub(crate) fn last_line(app: &TestApp) -> Value {
    app.log_of("reconciler").pop().expect("the reconciler ran")
}

pub(crate) fn tags(kind: &str, stack: &str, name: &str, lease_until: &str) -> HashMap<String, String> {
    let tag = |key: &str, value: &str| (format!("greenroom:{key}"), value.to_owned());
    [tag("stack", stack), tag(kind, name), tag("claim", "some-claim"), tag("lease-until", lease_until)].into()
}

pub(crate) async fn create_stage(app: &TestApp, tags: HashMap<String, String>) -> String {
    let created = app.ivs().create_stage().set_tags(Some(tags)).send().await.unwrap();
    created.stage().unwrap().arn().to_owned()
}

pub(crate) async fn create_channel(app: &TestApp, tags: HashMap<String, String>) -> String {
    let created = app.ivs_low_latency().create_channel().set_tags(Some(tags)).send().await.unwrap();
    created.channel().unwrap().arn().unwrap().to_owned()
}

/// Makes the lease of the create that made this stage or channel end then.
async fn set_lease(app: &TestApp, arn: &str, until: &str) {
    if arn.contains(":stage/") {
        app.ivs().tag_resource().resource_arn(arn).tags("greenroom:lease-until", until).send().await.unwrap();
    } else {
        let tagged = app.ivs_low_latency().tag_resource().resource_arn(arn).tags("greenroom:lease-until", until);
        tagged.send().await.unwrap();
    }
}

/// Two stages or channels that stand, one made before the other.
pub(crate) async fn two_that_stand(app: &TestApp, kind: &str) -> Vec<String> {
    let mut arns = Vec::new();
    for (name, made) in [("first", OVER), ("last", TWO_DAYS_LATER)] {
        let answer = app.user("alice").put(&format!("/{kind}s/{name}"), json!({})).await.expect(201).json();
        let arn = answer["arn"].as_str().unwrap().to_owned();
        set_lease(app, &arn, made).await;
        arns.push(arn);
    }
    arns
}

async fn stages(app: &TestApp) -> Vec<String> {
    app.stages_in_ivs().await.into_iter().map(|(_, arn)| arn).collect()
}

/// Has a create of the stage `demo` die, before IVS is called or after.
async fn let_create_die(app: &TestApp, when: &str) {
    app.fault(json!({"service": "ivs", "operation": "CreateStage", "fault": {"kind": "kill", "when": when}})).await;
    app.user("alice").put("/stages/demo", json!({})).await;
}

#[tokio::test]
async fn an_orphan_goes_when_it_is_seen_again_and_all_else_stays() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateStage": 100, "CreateChannel": 100})).await;
        let mut stay = two_that_stand(app, "stage").await;
        let mut channels = two_that_stand(app, "channel").await;
        let gone = tags("stage", app.stack(), "gone", A_DAY_LATER);
        let (gone, gone_channel) = (
            create_stage(app, gone).await,
            create_channel(app, tags("channel", app.stack(), "gone", A_DAY_LATER)).await,
        );
        let mut others = Vec::new();
        for tags in [
            tags("stage", "another", "gone", OVER),
            // Somebody may be creating it right now.
            tags("stage", app.stack(), "young", AHEAD),
            HashMap::new(),
        ] {
            others.push(create_stage(app, tags).await);
        }
        stay.extend(others.iter().cloned());
        let foreign = create_channel(app, tags("channel", "another", "gone", OVER)).await;
        channels.push(foreign.clone());

        assert_eq!(reconcile(app).await, Value::Null);
        let line = last_line(app);
        assert_eq!((&line["stages.orphans"], &line["OrphanStagesDeleted"]), (&json!(1), &json!(0)), "{line}");
        assert!(stages(app).await.contains(&gone) && app.channels_in_ivs().await.contains(&gone_channel));

        assert_eq!(reconcile(app).await, Value::Null);
        let sorted = |mut arns: Vec<String>| {
            arns.sort();
            arns
        };
        assert_eq!(sorted(stages(app).await), sorted(stay));
        assert_eq!(sorted(app.channels_in_ivs().await.into_iter().collect()), sorted(channels));
        let line = last_line(app);
        assert_eq!((&line["OrphanStagesDeleted"], &line["OrphanChannelsDeleted"]), (&json!(1), &json!(1)), "{line}");

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
        let failed: Value =
            serde_json::from_str(&app.invoke("ReconcilerFunction", r#"{"maxOrphans": 200}"#).await).unwrap();
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
async fn a_sweep_that_was_cut_short_goes_on_where_it_stopped() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateStage": 1000, "DeleteStage": 1000})).await;
        let stand = two_that_stand(app, "stage").await;
        for n in 0..199 {
            create_stage(app, tags("stage", app.stack(), &format!("gone-{n}"), A_DAY_LATER)).await;
        }
        // Two pages come, and the third does not.
        let throttled = json!({"kind": "throttle"});
        app.fault(json!({"service": "ivs", "operation": "ListStages", "nth": 3, "times": null,
            "function": "ReconcilerFunction", "fault": throttled}))
            .await;
        assert_eq!(reconcile(app).await, Value::Null);
        let line = last_line(app);
        assert_eq!((&line["stages.continued"], &line["Stages"]), (&json!(true), &json!(200)), "{line}");
        assert!(line.get("Reconciliations").is_none() && line["OrphanStagesDeleted"] == 0, "{line}");
        assert_eq!(app.stages_in_ivs().await.len(), 201);

        app.heal().await;
        let (answer, calls) = app.calls_of(app.invoke("ReconcilerFunction", r#"{"maxOrphans": 0}"#)).await;
        assert!(answer.contains("199 of 201 stages"), "{answer}");
        assert_eq!(calls.iter().filter(|call| *call == "ivs:ListStages").count(), 1, "{calls:?}");
        for arn in stages(app).await.into_iter().filter(|arn| !stand.contains(arn)) {
            app.ivs().delete_stage().arn(arn).send().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn what_one_part_fails_with_keeps_no_other_from_its_work() {
    TestApp::run(async |app| {
        two_that_stand(app, "channel").await;
        let gone = create_channel(app, tags("channel", app.stack(), "gone", A_DAY_LATER)).await;
        assert_eq!(reconcile(app).await, Value::Null);
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        for (service, operation) in [("ecs", "ListTasks"), ("ivs", "ListStages")] {
            let fault = json!({"service": service, "operation": operation, "times": null, "fault": refused});
            app.fault(fault).await;
        }
        let failed = reconcile(app).await;
        assert!(failed["errorMessage"].as_str().unwrap().contains("ecs:ListTasks"), "{failed}");
        let left = app.channels_in_ivs().await;
        assert!(left.len() == 2 && !left.contains(&gone), "{left:?}");
        let line = last_line(app);
        assert_eq!((&line["level"], &line["OrphanChannelsDeleted"]), (&json!("ERROR"), &json!(1)), "{line}");
        assert!(line.get("Reconciliations").is_none(), "{line}");
    })
    .await;
}

#[tokio::test]
async fn a_create_that_died_and_is_not_asked_for_again_is_handed_to_recovery() {
    for (when, left) in [("after", 1), ("before", 0)] {
        TestApp::run(async |app| {
            let_create_die(app, when).await;
            assert_eq!((app.stages_in_ivs().await.len(), app.rows("stages").await.len()), (left, 1));

            // While its lease holds, it is left alone.
            assert_eq!(reconcile(app).await, Value::Null);
            assert_eq!(last_line(app)["StagesUnfinished"], json!(0));
            app.set_stage_attribute("demo", "leaseUntil", OVER).await;
            let (answer, calls) = app.calls_of(reconcile(app)).await;
            assert_eq!(answer, Value::Null);
            assert_eq!(last_line(app)["StagesUnfinished"], json!(1));
            assert_eq!(calls.iter().filter(|call| *call == "sqs:SendMessage").count(), 1, "{calls:?}");
            app.recover("stage", &["demo"]).await;
            eventually("the create is completed, or ended", async || {
                let rows = app.rows("stages").await;
                (rows.len() == left && rows.iter().all(|row| row["status"].as_s().unwrap() == "active")).then_some(())
            })
            .await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_delete_that_died_and_is_not_asked_for_again_is_handed_to_recovery() {
    for when in ["before", "after"] {
        TestApp::run(async |app| {
            let alice = app.user("alice");
            alice.put("/stages/demo", json!({})).await.expect(201);
            app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
            let killed = json!({"kind": "kill", "when": when});
            app.fault(json!({"service": "ivs", "operation": "DeleteStage", "fault": killed})).await;
            alice.delete("/stages/demo").await;
            assert_eq!(reconcile(app).await, Value::Null);
            assert_eq!(last_line(app)["StagesUnfinished"], json!(1));
            app.recover("stage", &["demo"]).await;
            eventually("the delete is finished", async || {
                let rows = app.rows("stages").await.len() + app.rows("participants").await.len();
                (rows == 0 && app.stages_in_ivs().await.is_empty()).then_some(())
            })
            .await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_delete_that_was_taken_back_is_not_unfinished() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let arn = alice.put("/channels/demo", json!({})).await.expect(201).json()["arn"].as_str().unwrap().to_owned();
        let live = format!("/_local/channels/{}/live", arn.rsplit('/').next().unwrap());
        app.anonymous().put(&live, json!({})).await.expect(200);
        // Whether it is live cannot be asked, so that it is found out by deleting.
        let refused = json!({"kind": "error", "status": 500, "code": "InternalServerException"});
        app.fault(json!({"service": "ivs", "operation": "GetStream", "times": null, "fault": refused})).await;
        alice.delete("/channels/demo").await.expect(409);
        assert_eq!(reconcile(app).await, Value::Null);
        assert_eq!(last_line(app)["ChannelsUnfinished"], json!(0));
        app.anonymous().delete(&live).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_reconcilers_at_once_do_what_one_does() {
    TestApp::run(async |app| {
        let called = ["CreateStage", "DeleteStage", "GetStage", "ListStages", "ListChannels", "ListStreams"];
        app.quotas(called.into_iter().map(|operation| (operation.to_owned(), json!(100))).collect()).await;
        two_that_stand(app, "stage").await;
        create_stage(app, tags("stage", app.stack(), "gone", A_DAY_LATER)).await;
        for _ in 0..2 {
            let orders = (0..4).map(|_| app.invoke("ReconcilerFunction", r#"{"maxOrphans": 1}"#));
            let answers = join_all(orders).await;
            assert!(answers.iter().all(|answer| answer == "null"), "{answers:?}");
        }
        assert_eq!(app.stages_in_ivs().await.len(), 2);
        app.user("alice").get("/stages/first").await.expect(200);
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
async fn one_orphan_that_cannot_be_deleted_keeps_no_other_from_it() {
    TestApp::run(async |app| {
        two_that_stand(app, "stage").await;
        for name in ["one", "two"] {
            create_stage(app, tags("stage", app.stack(), name, A_DAY_LATER)).await;
        }
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        app.fault(json!({"service": "ivs", "operation": "DeleteStage", "fault": refused})).await;
        let failed = app.invoke("ReconcilerFunction", r#"{"maxOrphans": 2}"#).await;
        assert!(failed.contains("ivs:DeleteStage"), "{failed}");
        assert_eq!(app.stages_in_ivs().await.len(), 3);
        assert_eq!(last_line(app)["OrphanStagesDeleted"], json!(1));
        assert_eq!(app.invoke("ReconcilerFunction", r#"{"maxOrphans": 1}"#).await, "null");
        assert_eq!(app.stages_in_ivs().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_a_stack_has_is_not_deleted_when_its_table_is_lost() {
    // A table that is empty, and one that was restored to before the lost ones were made, and has been in use since.
    for (lost, is_restored) in [(1, false), (2, false), (2, true), (11, false)] {
        TestApp::run(async |app| {
            app.quotas(json!({"CreateStage": 100, "CreateChannel": 100, "DeleteStage": 100, "DeleteChannel": 100}))
                .await;
            let mut kept = 0;
            if is_restored {
                kept = two_that_stand(app, "stage").await.len();
                two_that_stand(app, "channel").await;
            }
            for n in 0..lost {
                create_stage(app, tags("stage", app.stack(), &format!("lost-{n}"), A_DAY_LATER)).await;
                create_channel(app, tags("channel", app.stack(), &format!("lost-{n}"), A_DAY_LATER)).await;
            }
            assert_eq!(reconcile(app).await, Value::Null);
            let failed = reconcile(app).await;
            let cure = format!("{{\"maxOrphans\": {lost}}}");
            assert!(failed["errorMessage"].as_str().unwrap().contains(&cure), "{failed}");
            assert_eq!(
                (app.stages_in_ivs().await.len(), app.channels_in_ivs().await.len()),
                (lost + kept, lost + kept)
            );
            assert_eq!(app.invoke("ReconcilerFunction", cure).await, "null");
            assert_eq!((app.stages_in_ivs().await.len(), app.channels_in_ivs().await.len()), (kept, kept));
        })
        .await;
    }
}
