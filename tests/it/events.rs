//! The files under `events/`: each is what a function receives, and what `sam local invoke` takes.

use std::fs;

use serde_json::{Value, json};
use tests::{TestApp, root};

/// Each event, the status of its answer, and a field that its body must have.
const CASES: [(&str, u16, &str); 28] = [
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
];

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
        ] {
            let mut files: Vec<_> =
                fs::read_dir(root().join("events").join(folder)).unwrap().map(|file| file.unwrap().path()).collect();
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
