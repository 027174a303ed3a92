//! The local cloud's own API under `/_local/`.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use tests::{Row, Setup, TestApp, eventually};

#[tokio::test]
async fn reset_forgets_everything_and_signs_on() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        app.mint(&alice, "demo", json!({})).await.expect(201);
        let reset = app.anonymous().post("/_local/reset", json!({})).await;
        assert!((200..300).contains(&reset.status), "{}", reset.text);
        assert!(app.stages_in_ivs().await.is_empty() && app.rows("stages").await.is_empty());
        alice.put("/stages/demo", json!({})).await.expect(201);
        let token = app.mint(&alice, "demo", json!({})).await.expect(201).json();
        assert_eq!(app.join(token["token"].as_str().unwrap()).await["joined"], true);
    })
    .await;
}

#[tokio::test]
async fn a_fault_hits_the_nth_matching_call_and_no_other() {
    TestApp::run(async |app| {
        app.fault(json!({"service": "dynamodb", "operation": "Query", "nth": 2, "fault": {"kind": "error", "status": 400, "code": "ValidationException"}}))
            .await;
        let statuses = [
            app.user("alice").get("/stages").await.status,
            app.user("alice").get("/stages").await.status,
            app.user("alice").get("/stages").await.status,
        ];
        assert_eq!(statuses, [200, 500, 200]);
        let bad = app.anonymous().put("/_local/faults", json!({"service": "dynamodb", "fault": {"kind": "melt"}})).await;
        assert!((400..500).contains(&bad.status) && bad.text.contains("melt"), "{}", bad.text);
    })
    .await;
}

#[tokio::test]
async fn every_aws_call_is_told_with_who_made_it_and_what_it_cost() {
    TestApp::run(async |app| {
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        let calls = app.anonymous().get("/_local/calls").await.expect(200).json();
        let first = calls["calls"].as_array().unwrap().iter().find(|call| call["operation"] == "GetItem").unwrap();
        assert_eq!((&first["function"], &first["service"]), (&json!("StageFunction"), &json!("dynamodb")));
        assert_eq!((&first["status"], &first["consumedCapacity"]), (&json!(200), &json!(1.0)));
        assert!(first["durationMs"].is_number());
    })
    .await;
}

#[tokio::test]
async fn an_event_is_delivered_to_the_rules_that_match_it_and_retried_when_the_function_fails() {
    let rule = "        Health:\n          Type: HttpApi";
    let with_rule = "        Tasks:\n          Type: EventBridgeRule\n          Properties:\n            Pattern: {source: [aws.ecs], detail: {lastStatus: [RUNNING, {prefix: STOP}]}}\n        Health:\n          Type: HttpApi";
    Setup::default()
        .edit(rule, with_rule)
        .run(async |app| {
            let send = async |status: &str| {
                let event = json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": {"lastStatus": status}});
                app.anonymous().post("/_local/events?wait=true", event).await.expect(200).json()
            };
            assert_eq!(send("PENDING").await["deliveries"], json!([]));
            // The stage function takes no such event: Lambda tries three times.
            let delivered = send("STOPPED").await;
            let delivery = &delivered["deliveries"][0];
            assert_eq!(delivery["function"], "StageFunction", "{delivered}");
            assert_eq!((&delivery["attempts"], &delivery["ok"]), (&json!(3), &json!(false)), "{delivered}");
        })
        .await;
}

#[tokio::test]
async fn a_token_of_nobody_is_refused_and_one_without_another_claim_is_made() {
    TestApp::run(async |app| {
        let refused = app.anonymous().get("/_local/token?sub=").await.expect(400);
        assert!(refused.text.contains("`sub`"), "{}", refused.text);
        app.anonymous().get("/_local/token?sub=alice&aud=").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn an_index_may_be_late_and_the_table_is_not() {
    TestApp::run(async |app| {
        let assume = async |is_late: bool| {
            app.anonymous().put("/_local/assumptions", json!({"lateIndexes": is_late})).await.expect(200);
        };
        assume(false).await;
        let table = format!("{}-streams", app.stack());
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let put = async |channel: &str, value: &str| {
            let put =
                app.dynamodb().put_item().table_name(&table).item("channel", text(channel)).item("note", text(value));
            put.item("listed", text("late")).item("startedAt", text("2026-01-01")).send().await.unwrap();
        };
        let note = |row: &Row| (row["channel"].as_s().unwrap().clone(), row["note"].as_s().unwrap().clone());
        let shown = async || {
            let query = app.dynamodb().query().table_name(&table).index_name("by-start");
            let query =
                query.key_condition_expression("listed = :late").expression_attribute_values(":late", text("late"));
            query.send().await.unwrap().items().iter().map(note).collect::<BTreeSet<_>>()
        };
        let there = async || app.rows("streams").await.iter().map(note).collect::<BTreeSet<_>>();
        let rows = |rows: &[(&str, &str)]| {
            rows.iter().map(|(channel, value)| ((*channel).to_owned(), (*value).to_owned())).collect::<BTreeSet<_>>()
        };
        // A machine that is busy for a second sees nothing of it.
        eventually("the index is seen to be late", async || {
            assume(false).await;
            app.dynamodb().delete_item().table_name(&table).key("channel", text("new")).send().await.unwrap();
            put("changed", "old").await;
            put("deleted", "old").await;
            let old = rows(&[("changed", "old"), ("deleted", "old")]);
            assert_eq!((shown().await, there().await), (old.clone(), old.clone()));
            assume(true).await;
            put("changed", "new").await;
            put("new", "new").await;
            app.dynamodb().delete_item().table_name(&table).key("channel", text("deleted")).send().await.unwrap();
            let seen = shown().await;
            assert_eq!(there().await, rows(&[("changed", "new"), ("new", "new")]));
            (seen == old).then_some(())
        })
        .await;
        eventually("the index has caught up", async || (shown().await == there().await).then_some(())).await;
        app.delete("streams", ["changed", "new"].map(|name| [("channel".to_owned(), text(name))].into())).await;
    })
    .await;
}
