//! `/broadcast-settings`: the caller's own, and nobody else's.

use serde_json::{Value, json};
use tests::TestApp;

const PATH: &str = "/broadcast-settings";

fn settings() -> Value {
    json!({
        "kind": "ivs", "ingestUrl": "rtmps://a1b2.global-contribute.live-video.net:443/app/",
        "streamKey": "sk_us-east-1_saved_by_hand", "playbackUrl": "https://a1b2.playback.live-video.net/x.m3u8",
    })
}

#[tokio::test]
async fn settings_are_saved_replaced_whole_and_forgotten() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.get(PATH).await.expect_problem(404, "not-found");
        alice.put(PATH, settings()).await.expect(201);
        let answer = alice.get(PATH).await.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json(), settings());
        let mut other = settings();
        other["kind"] = json!("custom");
        other["streamKey"] = json!("another-key-of-alices");
        assert_eq!(alice.put(PATH, other.clone()).await.expect(200).json(), other);
        assert_eq!(alice.get(PATH).await.expect(200).json(), other);
        alice.delete(PATH).await.expect(204);
        alice.delete(PATH).await.expect(204);
        alice.get(PATH).await.expect_problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn nobody_else_sees_or_changes_them() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        alice.put(PATH, settings()).await.expect(201);
        bob.get(PATH).await.expect_problem(404, "not-found");
        bob.delete(PATH).await.expect(204);
        let named = bob.get("/broadcast-settings/alice").await.expect(404);
        assert_eq!(named.json(), json!({"message": "Not Found"}));
        assert_eq!(alice.get(PATH).await.expect(200).json(), settings());
    })
    .await;
}

#[tokio::test]
async fn every_bad_field_is_named_and_none_is_quoted() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let fields = async |body: Value| -> Vec<String> {
            let bad = alice.put(PATH, body).await.expect_problem(400, "invalid-request");
            assert!(!bad.text.contains("169.254") && !bad.text.contains("se cret"), "{}", bad.text);
            let errors = bad.json()["errors"].as_array().unwrap().clone();
            errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(fields(json!({})).await, ["kind", "ingestUrl", "streamKey", "playbackUrl"]);
        let bad = json!({
            "kind": "youtube", "ingestUrl": "rtmp://169.254.169.254/latest", "streamKey": "se cret",
            "playbackUrl": "http://a.example.com/x", "userId": "bob",
        });
        assert_eq!(fields(bad).await, ["kind", "ingestUrl", "streamKey", "playbackUrl", "userId"]);
        alice.get(PATH).await.expect(404);
    })
    .await;
}
