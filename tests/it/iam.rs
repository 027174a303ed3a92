//! The local cloud holds each function to its policy in template.yaml.

use std::collections::HashMap;

use serde_json::json;
use tests::{Setup, TestApp};

#[tokio::test]
async fn a_function_whose_policy_lacks_an_action_is_denied() {
    Setup::default()
        .edit("Action: [ivs:CreateStage, ivs:TagResource]", "Action: [ivs:TagResource]")
        .run(async |app| {
            let denied = app.user("alice").put("/stages/demo", json!({})).await.expect_problem(500, "internal");
            assert!(!denied.text.contains("ivs:CreateStage"), "{}", denied.text);
            // The developer sees in the log what the caller does not.
            let line = app.log_lines().into_iter().find(|line| line.contains("AccessDeniedException")).unwrap();
            assert!(line.contains("is not authorized to perform: ivs:CreateStage"), "{line}");
            // Refused before it had an effect: no claim is left behind.
            assert!(app.rows("stages").await.is_empty());
        })
        .await;
}

#[tokio::test]
async fn creating_with_tags_needs_the_permission_to_tag() {
    Setup::default()
        .edit("Action: [ivs:CreateStage, ivs:TagResource]", "Action: [ivs:CreateStage]")
        .run(async |app| {
            app.user("alice").put("/stages/demo", json!({})).await.expect_problem(500, "internal");
        })
        .await;
}

/// Whose a stage or a channel is that is not the stack's: another stack's, or an application's that tags nothing.
fn others() -> [HashMap<String, String>; 2] {
    [[("greenroom:stack".to_owned(), "another".to_owned())].into(), HashMap::new()]
}

#[tokio::test]
async fn a_function_deletes_no_stage_of_anybody_elses() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let own = alice.put("/stages/demo", json!({})).await.expect(201).json();
        for tags in others() {
            let foreign = app.ivs().create_stage().name("foreign").set_tags(Some(tags)).send().await.unwrap();
            let arn = foreign.stage().unwrap().arn().to_owned();
            // Even if a row came to name another's stage, deleting it is denied.
            app.set_stage_attribute("demo", "arn", &arn).await;
            alice.delete("/stages/demo").await.expect_problem(500, "internal");
            assert_eq!(app.stages_in_ivs().await.len(), 2);
            app.ivs().delete_stage().arn(arn).send().await.unwrap();
        }
        app.set_stage_attribute("demo", "arn", own["arn"].as_str().unwrap()).await;
        alice.delete("/stages/demo").await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn what_is_gone_in_ivs_is_denied_to_be_deleted_and_found_to_be_gone() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let stage = alice.put("/stages/demo", json!({})).await.expect(201).json();
        let channel = alice.put("/channels/demo", json!({})).await.expect(201).json();
        app.ivs().delete_stage().arn(stage["arn"].as_str().unwrap()).send().await.unwrap();
        app.ivs_low_latency().delete_channel().arn(channel["arn"].as_str().unwrap()).send().await.unwrap();
        for path in ["/stages/demo", "/channels/demo"] {
            alice.delete(path).await.expect(204);
        }
        assert_eq!((app.rows("stages").await.len(), app.rows("channels").await.len()), (0, 0));
        let denied = app.denied().await;
        let expected = [("ChannelFunction", "ivs:DeleteChannel"), ("StageFunction", "ivs:DeleteStage")];
        assert_eq!(denied, expected.map(|(function, action)| (function.to_owned(), action.to_owned())).into());
    })
    .await;
}

#[tokio::test]
async fn no_other_function_may_read_the_table_with_the_stream_keys() {
    Setup::default()
        .edit("STAGES_TABLE: !Ref StagesTable", "STAGES_TABLE: !Ref ChannelsTable")
        .edit("PARTICIPANTS_TABLE: !Ref ParticipantsTable", "PARTICIPANTS_TABLE: !Ref ChannelsTable")
        .edit("BROADCAST_SETTINGS_TABLE: !Ref BroadcastSettingsTable", "BROADCAST_SETTINGS_TABLE: !Ref ChannelsTable")
        .run(async |app| {
            let alice = app.user("alice");
            alice.put("/channels/demo", json!({})).await.expect(201);
            for path in ["/stages/demo", "/stages", "/stages/demo/participants", "/broadcast-settings"] {
                alice.get(path).await.expect_problem(500, "internal");
            }
            alice.post("/stages/demo/participants", json!({})).await.expect_problem(500, "internal");
            let denied = app.log_lines().into_iter().filter(|line| line.contains("AccessDeniedException")).count();
            assert_eq!(denied, 5);
        })
        .await;
}

#[tokio::test]
async fn those_who_tell_what_is_on_air_may_read_of_a_channel_what_their_policy_names_and_no_stream_key() {
    // The same condition with an attribute less: whoever asks for more than it names is denied.
    let named = "dynamodb:Attributes: [name, status, arn, private, playbackUrl]";
    Setup::default()
        .edit(named, &named.replace(", playbackUrl", ""))
        .run(async |app| {
            app.user("alice").put("/channels/demo", json!({})).await.expect(201);
            app.anonymous().get("/streams/demo").await.expect_problem(500, "internal");
            let line = app.log_lines().into_iter().find(|line| line.contains("AccessDeniedException")).unwrap();
            assert!(line.contains("is not authorized to perform: dynamodb:BatchGetItem"), "{line}");
        })
        .await;
}

#[tokio::test]
async fn a_function_deletes_no_channel_of_anybody_elses() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let own = alice.put("/channels/demo", json!({})).await.expect(201).json();
        for tags in others() {
            let foreign = app.ivs_low_latency().create_channel().set_tags(Some(tags)).send().await.unwrap();
            let arn = foreign.channel().unwrap().arn().unwrap().to_owned();
            app.set_attribute("channels", "demo", "arn", &arn).await;
            alice.delete("/channels/demo").await.expect_problem(500, "internal");
            assert_eq!(app.channels_in_ivs().await.len(), 2);
            app.ivs_low_latency().delete_channel().arn(arn).send().await.unwrap();
        }
        app.set_attribute("channels", "demo", "arn", own["arn"].as_str().unwrap()).await;
        alice.delete("/channels/demo").await.expect(204);
    })
    .await;
}
