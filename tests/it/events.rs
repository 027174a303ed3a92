//! The files under `events/`: each is what a function receives, and what `sam local invoke` takes. events/README.md
//! says what comes of each.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tests::{Fleet, Row, TestApp, eventually, root};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A row of events/README.md.
struct Documented {
    /// The folder, which is the function's.
    folder: String,
    /// The file without its extension.
    case: String,
    /// A status, an outcome, a word, or `null`.
    answer: String,
    /// A field of the body, or a state; may be empty.
    then: String,
}

impl Documented {
    fn read(&self) -> String {
        fs::read_to_string(root().join(format!("events/{}/{}.json", self.folder, self.case))).unwrap()
    }
}

/// The rows, in their order.
fn documented() -> Vec<Documented> {
    let text = fs::read_to_string(root().join("events/README.md")).unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        let (folder, case) =
            cells.next()?.strip_suffix(".json")?.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
        Some(Documented { folder, case, answer: cells.next()?, then: cells.next()? })
    };
    text.lines().filter_map(row).collect()
}

#[tokio::test]
async fn every_function_has_events_and_every_event_is_documented() {
    TestApp::run(async |app| {
        let mut files = BTreeSet::new();
        for (function, package) in app.functions() {
            let folder = fs::read_dir(root().join("events").join(&package));
            let folder = folder.unwrap_or_else(|_| panic!("{function} has no events: events/{package}/ is missing"));
            let names = folder.map(|file| format!("{package}/{}", file.unwrap().file_name().into_string().unwrap()));
            files.extend(names);
        }
        let rows: BTreeSet<_> = documented().iter().map(|row| format!("{}/{}.json", row.folder, row.case)).collect();
        assert_eq!(files, rows, "the files of the functions' folders under events/ and the rows of events/README.md");
    })
    .await;
}

#[tokio::test]
async fn every_event_has_the_answer_that_is_documented() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let functions = app.functions();
        for row in documented().iter().filter(|row| !row.folder.ends_with("-tracker")) {
            let (function, _) = functions.iter().find(|(_, package)| **package == row.folder).unwrap();
            let case = format!("events/{}/{}.json", row.folder, row.case);
            let answer: Value = serde_json::from_str(&app.invoke(function, row.read()).await).unwrap();
            let Ok(status) = row.answer.parse::<u16>() else {
                let error = answer["errorType"].as_str().unwrap_or("null");
                let none_again = answer["batchItemFailures"].as_array().filter(|again| again.is_empty());
                let answered = none_again.map_or(error, |_| "batchItemFailures");
                let answered = answer["ReviewResult"].as_str().unwrap_or(answered);
                assert_eq!(answered, row.answer, "{case}: {answer}");
                continue;
            };
            assert_eq!(answer["statusCode"], status, "{case}: {answer}");
            let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
            assert!(row.then.is_empty() || !body[&row.then].is_null(), "{case}: {body}");
        }
    })
    .await;
}

/// The event of a file, as it would be in this cloud: of its account, region, cluster and groups, and with a network
/// interface that its EC2 knows.
fn event_here(app: &TestApp, row: &Documented, interface: &str) -> String {
    let cluster = format!("cluster/{}\"", app.parameter("TranswrapCluster"));
    let mut event = row.read().replace("123456789012", "000000000000").replace("us-east-1", app.region());
    event = event.replace("cluster/transwrap\"", &cluster);
    for (kind, theirs) in [("service", "service:transwrap"), ("family", "family:transwrap")] {
        let ours = app.parameter("TranswrapGroups").split(',').find(|group| group.starts_with(kind)).unwrap();
        event = event.replace(&format!("\"{theirs}\""), &format!("\"{ours}\""));
    }
    match event.find("\"eni-") {
        Some(at) => event.replace(&event[at + 1..at + 1 + "eni-0123456789abcdef0".len()], interface),
        None => event,
    }
}

#[tokio::test]
async fn every_event_of_a_task_comes_to_what_the_table_says() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let (reachable, unassociated) = (fleet.run_one().await, fleet.run_one().await);
        fleet.associate(&unassociated, false).await;
        let rows: Vec<_> = documented().into_iter().filter(|row| row.folder == "task-tracker").collect();
        for (said, row) in rows.iter().enumerate() {
            let (case, outcome, state) = (row.case.as_str(), row.answer.as_str(), row.then.as_str());
            let task = if case.ends_with("yet") { &unassociated } else { &reachable };
            let event = event_here(app, row, task.interface());
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
                let zone = format!("{}b", app.region());
                assert_eq!(text(row, "availabilityZone"), Some(zone.as_str()), "{case}");
                assert!(text(row, "startedAt").is_some_and(|at| at.starts_with("2026-03-01T12:00:34.3")), "{case}");
            }
        }
    })
    .await;
}

/// An event of IVS as it would be here: of the local account and this channel, and as long after `began` as the file's is
/// after noon.
fn stream_event_here(app: &TestApp, row: &Documented, arn: &str, began: OffsetDateTime) -> String {
    let theirs = "arn:aws:ivs:us-east-1:123456789012:channel/AbCdEf1234";
    let event = row.read().replace(theirs, arn).replace("123456789012", "000000000000");
    let mut event: Value = serde_json::from_str(&event.replace("us-east-1", app.region())).unwrap();
    let noon = OffsetDateTime::parse("2026-03-01T12:00:00Z", &Rfc3339).unwrap();
    let at = OffsetDateTime::parse(event["time"].as_str().unwrap(), &Rfc3339).unwrap();
    event["time"] = (began + (at - noon)).format(&Rfc3339).unwrap().into();
    event.to_string()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the clock of the functions is the system's")]
async fn every_event_of_a_stream_comes_to_what_the_table_says() {
    TestApp::run(async |app| {
        let channel = app.user("alice").put("/channels/show", json!({})).await.expect(201).json();
        let arn = channel["arn"].as_str().unwrap();
        let began = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
        let rows = documented().into_iter().filter(|row| row.folder == "stream-tracker");
        let rows: Vec<_> = rows.filter(|row| !is_of_a_stage(row)).collect();
        for (said, row) in rows.iter().enumerate() {
            let (case, outcome, state) = (row.case.as_str(), row.answer.as_str(), row.then.as_str());
            let event = stream_event_here(app, row, arn, began);
            assert_eq!(app.invoke("StreamTrackerFunction", event).await, "null", "{case}");
            let line = eventually("the event is logged", async || app.log_of("stream-tracker").get(said).cloned());
            let line = line.await;
            assert_eq!(line["message"], format!("stream-tracker {outcome}"), "{case}: {line}");
            let rows = app.rows("streams").await;
            assert_eq!(rows.first().and_then(|row| text(row, "state")).unwrap_or_default(), state, "{case}");
        }
        assert_eq!(app.rows("streams").await.len(), 1);
    })
    .await;
}

/// Events of stages and of streams go to the same function.
fn is_of_a_stage(row: &Documented) -> bool {
    row.case.starts_with("participant-")
}

#[tokio::test]
async fn every_event_of_a_stage_comes_to_what_the_table_says() {
    TestApp::run(async |app| {
        let rows = documented().into_iter().filter(|row| row.folder == "stream-tracker");
        for (said, row) in rows.filter(is_of_a_stage).enumerate() {
            let (case, event) = (row.case.as_str(), row.read());
            assert_eq!(app.invoke("StreamTrackerFunction", event.clone()).await, "null", "{case}");
            let line = eventually("the event is logged", async || app.log_of("stream-tracker").get(said).cloned());
            assert_eq!(line.await["message"], format!("stream-tracker {}", row.answer), "{case}");
            let event: Value = serde_json::from_str(&event).unwrap();
            let id = event["detail"]["participant_id"].as_str().unwrap();
            let rows = app.rows("stage-sessions").await;
            let participant = rows.iter().find(|row| text(row, "participantId") == Some(id)).unwrap();
            assert_eq!(participant["publishing"].as_bool().unwrap().to_string(), row.then, "{case}");
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
        let event = fs::read(root().join("events/reconciler/schedule.json")).unwrap();
        assert_eq!(app.invoke("ReconcilerFunction", event).await, "null");
        let line = eventually("the run is logged", async || app.log_of("reconciler").pop()).await;
        assert_eq!((&line["message"], &line["ServersOffered"]), (&json!("reconciler reconciled"), &json!(0)));
    })
    .await;
}
