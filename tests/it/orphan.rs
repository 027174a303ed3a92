//! What a sweep leaves alone although no row stands for it, and what it is ordered to delete.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::TestApp;

use crate::sweep::{A_DAY_LATER, create_channel, create_stage, last_line, reconcile, tags, two_that_stand};

/// An orphan between two stages that stand.
async fn orphaned_stage(app: &TestApp) -> String {
    two_that_stand(app, "stage").await;
    create_stage(app, tags("stage", app.stack(), "gone", A_DAY_LATER)).await
}

async fn is_there(app: &TestApp, stage: &str) -> bool {
    app.stages_in_ivs().await.iter().any(|(_, arn)| arn == stage)
}

/// Somebody joins a stage, by a token of IVS's. Where they are, for them to leave.
async fn join(app: &TestApp, stage: &str) -> String {
    let minted = app.ivs().create_participant_token().stage_arn(stage).send().await.unwrap();
    let token = minted.participant_token().unwrap();
    app.join(token.token().unwrap()).await;
    let stage = stage.rsplit('/').next().unwrap();
    format!("/_local/stages/{stage}/participants/{}", token.participant_id().unwrap())
}

async fn order(app: &TestApp, max_orphans: usize) -> String {
    app.invoke("ReconcilerFunction", json!({"maxOrphans": max_orphans}).to_string()).await
}

#[tokio::test]
async fn a_stage_that_somebody_is_in_stays_whatever_is_ordered_until_nobody_is() {
    TestApp::run(async |app| {
        let stage = orphaned_stage(app).await;
        let seat = join(app, &stage).await;
        assert_eq!(reconcile(app).await, Value::Null);
        let failed = reconcile(app).await["errorMessage"].to_string();
        assert!(failed.contains("no row stands for 1 of 3 stages, 1 of them in use"), "{failed}");
        let failed = order(app, 1).await;
        assert!(failed.contains("which is in use, and stays") && failed.contains(&stage), "{failed}");
        assert!(is_there(app, &stage).await);

        app.anonymous().delete(&seat).await.expect(200);
        assert_eq!(reconcile(app).await, Value::Null);
        assert!(!is_there(app, &stage).await);
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_live_stays_whatever_is_ordered_until_it_is_not() {
    TestApp::run(async |app| {
        two_that_stand(app, "channel").await;
        let channel = create_channel(app, tags("channel", app.stack(), "gone", A_DAY_LATER)).await;
        let live = format!("/_local/channels/{}/live", channel.rsplit('/').next().unwrap());
        app.anonymous().put(&live, json!({})).await.expect(200);
        assert_eq!(reconcile(app).await, Value::Null);
        for failed in [reconcile(app).await["errorMessage"].to_string(), order(app, 1).await] {
            assert!(failed.contains("which is in use, and stays") && failed.contains(&channel), "{failed}");
        }
        assert!(app.channels_in_ivs().await.contains(&channel));

        app.anonymous().delete(&live).await.expect(200);
        assert_eq!(reconcile(app).await, Value::Null);
        assert!(!app.channels_in_ivs().await.contains(&channel));
    })
    .await;
}

#[tokio::test]
async fn a_stage_that_somebody_enters_after_it_was_listed_stays() {
    TestApp::run(async |app| {
        let stage = orphaned_stage(app).await;
        assert_eq!(reconcile(app).await, Value::Null);
        // The listing is made, and on its way.
        app.fault(json!({"service": "ivs", "operation": "ListStages", "function": "ReconcilerFunction",
            "fault": {"kind": "latency", "ms": 60000, "when": "after"}}))
            .await;
        let (failed, seat) = tokio::join!(reconcile(app), async {
            app.until_faults_strike(1).await;
            let seat = join(app, &stage).await;
            app.heal().await;
            seat
        });
        assert!(failed["errorMessage"].to_string().contains("in use"), "{failed}");
        assert!(is_there(app, &stage).await);
        app.anonymous().delete(&seat).await.expect(200);
        assert_eq!(reconcile(app).await, Value::Null);
    })
    .await;
}

/// So many stages of another stack that there are three pages of all, the last of which does not come.
async fn fill_two_pages(app: &TestApp) -> Vec<String> {
    app.quotas(json!({"CreateStage": 1000, "DeleteStage": 1000})).await;
    let create = |n| create_stage(app, tags("stage", "another", &format!("other-{n}"), A_DAY_LATER));
    let others = join_all((0..200).map(create)).await;
    app.fault(json!({"service": "ivs", "operation": "ListStages", "nth": 3, "times": null,
        "function": "ReconcilerFunction", "fault": {"kind": "throttle"}}))
        .await;
    others
}

async fn end(app: &TestApp, stages: Vec<String>) {
    let deletes = stages.into_iter().map(|arn| app.ivs().delete_stage().arn(arn).send());
    assert!(join_all(deletes).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_order_that_comes_before_all_is_listed_fails_and_is_given_again() {
    TestApp::run(async |app| {
        let stage = orphaned_stage(app).await;
        let others = fill_two_pages(app).await;
        let failed = order(app, 1).await;
        assert!(failed.contains("not all stages are listed yet: give the order again"), "{failed}");
        let line = last_line(app);
        assert_eq!((&line["stages.continued"], &line["OrphanStagesDeleted"]), (&json!(true), &json!(0)), "{line}");
        app.heal().await;
        let (answer, calls) = app.calls_of(order(app, 1)).await;
        assert_eq!((answer.as_str(), is_there(app, &stage).await), ("null", false));
        assert_eq!(calls.iter().filter(|call| *call == "ivs:ListStages").count(), 1, "{calls:?}");
        end(app, others).await;
    })
    .await;
}

#[tokio::test]
async fn a_page_that_ivs_knows_no_more_makes_the_listing_begin_anew_in_the_same_run() {
    TestApp::run(async |app| {
        two_that_stand(app, "stage").await;
        let others = fill_two_pages(app).await;
        assert_eq!(reconcile(app).await, Value::Null);
        assert_eq!(last_line(app)["stages.continued"], json!(true));
        app.heal().await;
        let unknown = json!({"kind": "error", "status": 400, "code": "ValidationException"});
        app.fault(json!({"service": "ivs", "operation": "ListStages", "function": "ReconcilerFunction",
            "fault": unknown}))
            .await;
        let (answer, calls) = app.calls_of(reconcile(app)).await;
        assert_eq!(answer, Value::Null);
        assert_eq!(calls.iter().filter(|call| *call == "ivs:ListStages").count(), 4, "{calls:?}");
        let line = last_line(app);
        assert_eq!((&line["Stages"], &line["Reconciliations"]), (&json!(2), &json!(1)), "{line}");
        end(app, others).await;
    })
    .await;
}
