//! The files under `events/`: each is what a function receives, and what `sam local invoke` takes.

use std::fs;

use serde_json::{Value, json};
use tests::{TestApp, root};

#[tokio::test]
async fn every_event_is_served_by_its_function() {
    TestApp::run(async |app| {
        // What the events are about.
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
        let mut served = 0;
        // The stage's delete comes last of all.
        for (folder, function) in [("participant", "ParticipantFunction"), ("stage", "StageFunction")] {
            let mut files: Vec<_> =
                fs::read_dir(root().join("events").join(folder)).unwrap().map(|file| file.unwrap().path()).collect();
            files.sort_by_key(|file| (file.ends_with("delete.json"), file.clone()));
            for file in files {
                let event = fs::read(&file).unwrap();
                let answer: Value = serde_json::from_str(&app.invoke(function, event).await).unwrap();
                let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or("null")).unwrap_or_default();
                let status = answer["statusCode"].as_u64().unwrap();
                let bad = file.file_stem().unwrap().to_str().unwrap().contains("invalid");
                assert_eq!(status >= 400, bad, "{}: {answer}", file.display());
                if let Some(token) = body["token"].as_str() {
                    app.is_secret(token);
                }
                served += 1;
            }
        }
        assert!(served >= 10, "only {served} events");
    })
    .await;
}
