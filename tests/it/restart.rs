//! State survives a restart of the local cloud.

use serde_json::json;
use tests::{ScratchDir, Setup};

#[tokio::test]
async fn stages_tokens_and_keys_survive_a_restart() {
    let dir = ScratchDir::new("restart");
    let mut stage = json!(null);
    let mut token = json!(null);
    Setup::default()
        .data_dir(dir.path())
        .run(async |app| {
            let alice = app.user("alice");
            stage = alice.put("/stages/demo", json!({})).await.expect(201).json();
            token = app.mint(&alice, "demo", json!({})).await.expect(201).json();
        })
        .await;
    Setup::default()
        .data_dir(dir.path())
        .run(async |app| {
            let alice = app.user("alice");
            assert_eq!(alice.get("/stages/demo").await.expect(200).json(), stage);
            let again = app.mint(&alice, "demo", json!({})).await.expect(200).json();
            assert_eq!(again["participantId"], token["participantId"]);
            // The key pair is the one of before: the old token still opens the stage.
            assert_eq!(app.join(token["token"].as_str().unwrap()).await["joined"], true);
        })
        .await;
}
