//! One line a request, good for people and for CloudWatch.

use serde_json::{Value, json};
use tests::{TestApp, eventually};

#[tokio::test]
async fn each_request_is_one_json_line_with_its_metrics() {
    TestApp::run(async |app| {
        let answer = app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        app.user("alice").get("/stages/none").await.expect(404);
        let lines = eventually("both requests are logged", async || {
            let lines = app.log_lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            // The stack's signing keys were made before.
            let lines: Vec<_> = lines.filter(|line| line["function"] != "signing-keys").collect();
            (lines.len() >= 2).then_some(lines)
        })
        .await;
        assert_eq!(lines.len(), 2, "{lines:#?}");
        let line = &lines[0];
        assert_eq!(line["function"], "stage");
        assert_eq!(line["route"], "PUT /stages/{stage}");
        assert_eq!(line["status"], 201);
        assert_eq!(line["stage"], "demo");
        assert_eq!(line["requestId"], answer.header("apigw-requestid"));
        assert_eq!((&line["awsCallCount"], &line["StagesCreated"]), (&json!(4), &json!(1)));
        let operations: Vec<&str> =
            line["awsCalls"].as_array().unwrap().iter().map(|call| call["operation"].as_str().unwrap()).collect();
        assert_eq!(
            operations,
            ["DynamoDB.GetItem", "DynamoDB.TransactWriteItems", "IVS RealTime.CreateStage", "DynamoDB.PutItem"]
        );
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Greenroom");
        assert!(line["durationMs"].as_f64().unwrap() > 0.0);
        assert_eq!((&lines[1]["status"], &lines[1]["level"]), (&json!(404), &json!("INFO")));
        assert_eq!((&lines[1]["problem"], &lines[1]["stack"]), (&json!("not-found"), &json!(app.stack())));
    })
    .await;
}

#[tokio::test]
async fn a_failed_aws_call_is_logged_once_with_what_aws_said() {
    TestApp::run(async |app| {
        let error = json!({"kind": "error", "status": 400, "code": "ValidationException", "message": "because"});
        app.fault(json!({"service": "dynamodb", "operation": "Query", "fault": error})).await;
        let answer = app.user("alice").get("/stages").await.expect_problem(500, "internal");
        assert!(!answer.text.contains("because"), "{}", answer.text);
        let said =
            |app: &TestApp| app.log_lines().into_iter().filter(|line| line.contains("because")).collect::<Vec<_>>();
        eventually("the failure is logged", async || (!said(app).is_empty()).then_some(())).await;
        let said = said(app);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains("dynamodb:Query") && said[0].contains(answer.header("apigw-requestid")), "{said:?}");
    })
    .await;
}
