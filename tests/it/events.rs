//! The files under `events/`: each is what a function receives, and what `sam local invoke` takes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{Fleet, Row, TestApp, eventually, root};

/// Each event, the status of its answer, and a field that its body must have.
const CASES: [(&str, u16, &str); 30] = [
    ("stage/put", 200, "arn"),
    ("stage/put-without-body", 200, "arn"),
    ("stage/put-invalid", 400, "errors"),
    ("stage/get", 200, "endpoints"),
    ("stage/list", 200, "items"),
    ("stage/patch", 200, "live"),
    ("stage/delete", 204, ""),
    ("stage/health", 200, "version"),
    ("participant/post", 201, "token"),
    ("participant/post-exchange", 201, "token"),
    ("participant/post-invalid", 400, "errors"),
    ("participant/list", 200, "items"),
    ("participant/patch", 200, "capabilities"),
    ("participant/delete", 204, ""),
    ("channel/put", 200, "ingestUrl"),
    ("channel/put-invalid", 400, "errors"),
    ("channel/get", 200, "playbackUrl"),
    ("channel/list", 200, "items"),
    ("channel/stream-key", 200, "streamKey"),
    ("channel/stream-key-of-another", 403, "type"),
    ("channel/rotate-stream-key", 200, "streamKey"),
    ("channel/playback-token", 201, "token"),
    ("channel/delete", 204, ""),
    ("broadcast-settings/put", 200, "streamKey"),
    ("broadcast-settings/put-invalid", 400, "errors"),
    ("broadcast-settings/get", 200, "streamKey"),
    ("broadcast-settings/delete", 204, ""),
    ("server/list", 200, "items"),
    ("openapi/get", 200, "openapi"),
    ("openapi/get-again", 304, ""),
];

/// The events of a function.
fn files(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(root().join("events").join(folder)).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn every_event_is_served_by_its_function() {
    TestApp::run(async |app| {
        // What the events are about.
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        app.user("alice").put("/channels/demo", json!({"private": true})).await.expect(201);
        let settings = fs::read(root().join("events/broadcast-settings/put.json")).unwrap();
        app.invoke("BroadcastSettingsFunction", settings).await;
        app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
        let mut served = 0;
        // The stage's delete comes last of all.
        for (folder, function) in [
            ("participant", "ParticipantFunction"),
            ("stage", "StageFunction"),
            ("channel", "ChannelFunction"),
            ("broadcast-settings", "BroadcastSettingsFunction"),
            ("server", "ServerFunction"),
            ("openapi", "OpenapiFunction"),
        ] {
            let mut files = files(folder);
            files.sort_by_key(|file| (file.ends_with("delete.json"), file.clone()));
            for file in files {
                let event = fs::read(&file).unwrap();
                let answer: Value = serde_json::from_str(&app.invoke(function, event).await).unwrap();
                let case = format!("{folder}/{}", file.file_stem().unwrap().to_str().unwrap());
                let (_, status, field) = CASES
                    .iter()
                    .find(|(name, ..)| *name == case)
                    .unwrap_or_else(|| panic!("events/{case}.json has no row here"));
                assert_eq!(answer["statusCode"], *status, "{case}: {answer}");
                let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
                assert!(field.is_empty() || !body[field].is_null(), "{case}: {body}");
                served += 1;
            }
        }
        assert_eq!(served, CASES.len());
    })
    .await;
}

/// Each event of a task, what comes of it, and what the table then says of the task, if anything. In this order: the first
/// are the life of one task, and the last comes after the end of its own.
const TASK_EVENTS: [(&str, &str, &str); 22] = [
    ("provisioning", "no news", ""),
    ("pending", "no news", ""),
    ("activating", "no news", ""),
    ("running", "recorded", "offered"),
    ("draining", "recorded", "draining"),
    ("deactivating", "no news", "draining"),
    ("stopping", "no news", "draining"),
    ("stopped-user-initiated", "recorded", "stopped"),
    ("running-eni-among-three-attachments", "recorded", "offered"),
    ("running-short-fractions", "recorded", "offered"),
    ("running-container-cpu-null-string", "recorded", "offered"),
    ("running-with-guardduty-sidecar", "recorded", "offered"),
    ("running-with-unknown-fields", "recorded", "offered"),
    ("running-of-family", "recorded", "offered"),
    ("running-without-public-ip-yet", "failed", "unreachable"),
    ("running-without-eni", "recorded", "unreachable"),
    ("running-of-another-service", "not ours", ""),
    ("running-in-another-cluster", "not ours", ""),
    ("deprovisioning-after-crash", "recorded", "draining"),
    ("stopped-failed-to-start", "recorded", "stopped"),
    ("stopped-spot-interruption", "recorded", "stopped"),
    ("running-late", "stale", "stopped"),
];

/// The event of a file, as it would be in the local cloud: with its account, and with a network interface that its EC2
/// knows.
fn event_here(file: &str, interface: &str) -> String {
    let event = fs::read_to_string(root().join("events/task-tracker").join(file)).unwrap();
    let event = event.replace("123456789012", "000000000000");
    match event.find("\"eni-") {
        Some(at) => event.replace(&event[at + 1..at + 1 + "eni-0123456789abcdef0".len()], interface),
        None => event,
    }
}

#[tokio::test]
async fn every_event_of_a_task_comes_to_what_the_table_says() {
    let named: BTreeSet<_> =
        files("task-tracker").iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let rows: BTreeSet<_> = TASK_EVENTS.iter().map(|(case, ..)| (*case).to_owned()).collect();
    assert_eq!(named, rows, "the files under events/task-tracker and the rows of the table differ");
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let (reachable, unassociated) = (fleet.run_one().await, fleet.run_one().await);
        fleet.associate(&unassociated, false).await;
        for (said, (case, outcome, state)) in TASK_EVENTS.into_iter().enumerate() {
            let task = if case.ends_with("yet") { &unassociated } else { &reachable };
            let event = event_here(&format!("{case}.json"), task.interface());
            let answer: Value = serde_json::from_str(&app.invoke("TaskTrackerFunction", event.clone()).await).unwrap();
            assert_eq!(answer.is_null(), outcome != "failed", "{case}: {answer}");
            let line = eventually("the event is logged", async || app.log_of("task-tracker").get(said).cloned()).await;
            assert_eq!(line["message"], format!("task-tracker {outcome}"), "{case}: {line}");
            let event: Value = serde_json::from_str(&event).unwrap();
            let id = event["detail"]["taskArn"].as_str().unwrap().rsplit('/').next().unwrap();
            let rows = app.rows("servers").await;
            let row = rows.iter().find(|row| text(row, "taskId") == Some(id));
            assert_eq!(row.and_then(|row| text(row, "state")).unwrap_or_default(), state, "{case}");
            if let Some(row) = row.filter(|_| state == "offered") {
                assert_eq!(text(row, "availabilityZone"), Some("us-east-1b"), "{case}");
                assert!(text(row, "startedAt").is_some_and(|at| at.starts_with("2026-03-01T12:00:34.3")), "{case}");
            }
        }
    })
    .await;
}

fn text<'a>(row: &'a Row, attribute: &str) -> Option<&'a str> {
    row.get(attribute)?.as_s().ok().map(String::as_str)
}

#[tokio::test]
async fn the_event_of_the_schedule_runs_the_reconciler() {
    TestApp::run(async |app| {
        assert_eq!(files("reconciler").len(), 1);
        let event = fs::read(root().join("events/reconciler/schedule.json")).unwrap();
        assert_eq!(app.invoke("ReconcilerFunction", event).await, "null");
        let line = eventually("the run is logged", async || app.log_of("reconciler").pop()).await;
        assert_eq!((&line["message"], &line["ServersOffered"]), (&json!("reconciler reconciled"), &json!(0)));
    })
    .await;
}
