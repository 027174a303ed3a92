//! What a sweep leaves alone although no row stands for it, and what it is ordered to delete.

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
