//! Events of ECS tasks: whatever order they come in, and however often, the list of servers is right in the end.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Fleet, Task, TestApp, eventually, ids};

/// What the task tracker makes of an event, without retries: null, or the error that Lambda would retry on.
async fn track(app: &TestApp, event: &Value) -> Value {
    serde_json::from_str(&app.invoke("TaskTrackerFunction", event.to_string()).await).unwrap()
}

/// Waits until the task tracker's log says that this came of an event about a task.
async fn comes_to(app: &TestApp, outcome: &str, event: &Value) {
    let message = format!("task-tracker {outcome}");
    let (arn, version) = (event["detail"]["taskArn"].as_str().unwrap(), &event["detail"]["version"]);
    let said = |line: &Value| {
        line["message"] == message
            && line["task.version"] == *version
            && line["task.id"].as_str().is_some_and(|id| arn.ends_with(id))
    };
    eventually(&message, async || app.log_of("task-tracker").iter().any(said).then_some(())).await;
}

#[tokio::test]
async fn the_first_event_on_an_empty_table_is_a_server() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        assert_eq!(fleet.tell(task.last()).await["attempts"], 1);
        let answer = app.user("alice").get("/servers").await.expect(200).json();
        let server = &answer["items"][0];
        let url = app.parameter("TranswrapUrl").replace("{publicIp}", "198.18.0.1");
        let url = url.replace("{dashedIp}", "198-18-0-1").replace("{taskId}", &task.id);
        let expected = json!({
            "taskId": task.id,
            "publicIp": "198.18.0.1",
            "availabilityZone": task.last()["detail"]["availabilityZone"],
            "startedAt": server["startedAt"],
            "url": url,
        });
        assert_eq!(answer, json!({"items": [expected]}));
        assert!(server["startedAt"].as_str().unwrap().starts_with("20"), "{server}");
    })
    .await;
}

#[tokio::test]
async fn a_task_is_offered_from_running_to_the_first_word_of_its_end() {
    TestApp::run(async |app| {
        for is_long in [false, true] {
            app.reset().await;
            app.anonymous().put("/_local/assumptions", json!({"longTaskLife": is_long})).await.expect(200);
            let fleet = Fleet::new(app).await;
            let mut task = fleet.run_one().await;
            fleet.stop(&mut task, 9).await;
            let mut seen = Vec::new();
            for event in &task.said {
                // The address goes with the task, whose life is over in ECS: EC2 is asked while there is one.
                if event["detail"]["lastStatus"] == "RUNNING" && event["detail"]["desiredStatus"] == "RUNNING" {
                    continue;
                }
                fleet.tell(event).await;
                let last_status = event["detail"]["lastStatus"].as_str().unwrap_or_default().to_owned();
                seen.push((last_status, fleet.state(&task.id).await.unwrap_or_default()));
                assert_eq!(fleet.offered().await, BTreeSet::new());
            }
            let seen: Vec<_> = seen.iter().map(|(status, state)| (status.as_str(), state.as_str())).collect();
            let long = ["ACTIVATING", "DEACTIVATING", "STOPPING"];
            let life = [
                ("PROVISIONING", ""),
                ("PENDING", ""),
                ("ACTIVATING", ""),
                ("RUNNING", "draining"),
                ("DEACTIVATING", "draining"),
                ("STOPPING", "draining"),
                ("DEPROVISIONING", "draining"),
                ("STOPPED", "stopped"),
            ];
            let expected: Vec<_> = life.into_iter().filter(|(status, _)| is_long || !long.contains(status)).collect();
            assert_eq!(seen, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn two_running_events_for_one_task_are_one_server() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        // The same event twice, and a later one that says the same.
        fleet.tell_all([task.last(), task.last(), &task.at(5, "RUNNING", "RUNNING")]).await;
        assert_eq!(app.servers(100).await.len(), 1);
        assert_eq!(app.rows("servers").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_stop_before_the_start_and_a_late_duplicate_of_the_start_offer_nothing() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        // The address is still there: nothing but the version tells that the start is old news.
        let task = fleet.run_one().await;
        fleet.tell(&task.at(9, "STOPPED", "STOPPED")).await;
        for event in [task.last(), &task.at(5, "RUNNING", "RUNNING"), &task.at(8, "RUNNING", "RUNNING"), task.last()] {
            assert_eq!(fleet.tell(event).await["attempts"], 1);
            comes_to(app, "stale", event).await;
            assert_eq!(fleet.offered().await, BTreeSet::new());
        }
        assert_eq!(fleet.state(&task.id).await.as_deref(), Some("stopped"));
        let rows = app.rows("servers").await;
        assert!(rows[0].contains_key("ttl") && !rows[0].contains_key("pool"), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn a_late_start_after_a_seen_life_does_not_resurrect_the_server() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        fleet.tell(task.last()).await;
        assert_eq!(fleet.offered().await, ids([&task]));
        let stopped = task.at(9, "STOPPED", "STOPPED");
        fleet.tell_all([&stopped, &task.at(5, "RUNNING", "RUNNING"), task.last(), &stopped]).await;
        assert_eq!(fleet.offered().await, BTreeSet::new());
        assert_eq!(fleet.state(&task.id).await.as_deref(), Some("stopped"));
    })
    .await;
}

#[tokio::test]
async fn a_write_that_is_overtaken_by_a_later_one_does_nothing() {
    TestApp::run(async |app| {
        let attempt = async || {
            app.reset().await;
            let fleet = Fleet::new(app).await;
            let task = fleet.run_one().await;
            // Both have read the empty table; the earlier news is written later.
            app.hold(json!({"service": "dynamodb", "operation": "PutItem"}), "before").await;
            let stopped = task.at(9, "STOPPED", "STOPPED");
            let answers = app.while_held(1, track(app, task.last()), track(app, &stopped)).await?;
            assert_eq!(fleet.state(&task.id).await.as_deref(), Some("stopped"));
            // On a busy machine, the first may have written meanwhile, by a second attempt, or have given up.
            let is_first = |line: &Value| line["task.id"] == task.id.as_str() && line["task.version"] != 9;
            let line =
                eventually("the event is logged", async || app.log_of("task-tracker").into_iter().find(is_first));
            let is_stale = line.await["message"] == "task-tracker stale";
            (is_stale && answers == (Value::Null, Value::Null)).then_some(())
        };
        eventually("the earlier news is written later", attempt).await;
    })
    .await;
}

#[tokio::test]
async fn a_third_and_a_hundredth_task_are_listed() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let three = fleet.run(3).await;
        fleet.tell_all(three.iter().map(Task::last)).await;
        assert_eq!(fleet.offered().await, ids(&three));
        let more = fleet.run(97).await;
        fleet.tell_all(more.iter().map(Task::last)).await;
        assert_eq!(fleet.offered().await, ids(three.iter().chain(&more)));
    })
    .await;
}

#[tokio::test]
async fn a_crash_of_which_only_one_event_comes_ends_the_offer() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let (mut first, mut second) = (fleet.run_one().await, fleet.run_one().await);
        fleet.tell_all([first.last(), second.last()]).await;
        assert_eq!(fleet.offered().await, ids([&first, &second]));
        fleet.crash(&mut first).await;
        assert_eq!(first.last()["detail"]["lastStatus"], "DEPROVISIONING");
        fleet.tell(first.last()).await;
        assert_eq!(fleet.offered().await, ids([&second]));
        fleet.crash(&mut second).await;
        fleet.tick(&mut second, 9).await;
        assert_eq!(second.last()["detail"]["lastStatus"], "STOPPED");
        fleet.tell(second.last()).await;
        assert_eq!(fleet.offered().await, BTreeSet::new());
    })
    .await;
}

#[tokio::test]
async fn a_draining_task_is_no_longer_offered_though_it_runs() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let mut task = fleet.run_one().await;
        fleet.tell(task.last()).await;
        fleet.stop(&mut task, 0).await;
        assert_eq!(
            (&task.last()["detail"]["lastStatus"], &task.last()["detail"]["desiredStatus"]),
            (&json!("RUNNING"), &json!("STOPPED"))
        );
        fleet.tell(task.last()).await;
        assert_eq!(fleet.offered().await, BTreeSet::new());
        assert_eq!(fleet.state(&task.id).await.as_deref(), Some("draining"));
    })
    .await;
}

#[tokio::test]
async fn a_task_without_a_public_address_yet_is_told_again_until_it_has_one() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        fleet.associate(&task, false).await;
        for _ in 0..2 {
            let failed = track(app, task.last()).await;
            assert_eq!(failed["errorType"], "Unavailable", "{failed}");
            assert!(failed["errorMessage"].as_str().unwrap().contains(&task.id), "{failed}");
            assert_eq!(fleet.state(&task.id).await.as_deref(), Some("unreachable"));
            assert_eq!(fleet.offered().await, BTreeSet::new());
        }
        fleet.associate(&task, true).await;
        // The very same event.
        assert_eq!(track(app, task.last()).await, Value::Null);
        comes_to(app, "recorded", task.last()).await;
        assert_eq!(fleet.offered().await, ids([&task]));
    })
    .await;
}

#[tokio::test]
async fn a_task_whose_address_never_comes_ends_in_the_failure_queue_and_the_reconciler_finishes_the_job() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        fleet.associate(&task, false).await;
        let delivery = fleet.tell(task.last()).await;
        assert_eq!(
            (&delivery["attempts"], &delivery["onFailure"]),
            (&json!(3), &json!(format!("{}-FailedTaskEvents", app.stack()))),
            "{delivery}"
        );
        assert_eq!(app.messages("FailedTaskEvents").await.len(), 1);
        assert_eq!(fleet.state(&task.id).await.as_deref(), Some("unreachable"));
        assert!(fleet.reconcile().await);
        assert_eq!(fleet.offered().await, BTreeSet::new(), "there is still no address");
        fleet.associate(&task, true).await;
        assert!(fleet.reconcile().await);
        assert_eq!(fleet.offered().await, ids([&task]));
    })
    .await;
}

#[tokio::test]
async fn a_drained_task_does_not_come_back_with_its_address() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        fleet.associate(&task, false).await;
        assert_eq!(track(app, task.last()).await["errorType"], "Unavailable");
        fleet.tell(&task.at(5, "RUNNING", "STOPPED")).await;
        fleet.associate(&task, true).await;
        // Lambda's retry of the event that failed.
        assert_eq!(track(app, task.last()).await, Value::Null);
        comes_to(app, "stale", task.last()).await;
        assert_eq!(fleet.offered().await, BTreeSet::new());
    })
    .await;
}

#[tokio::test]
async fn the_interface_is_found_among_three_attachments() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        let mut event = task.last().clone();
        let mut interface = event["detail"]["attachments"][0].clone();
        // Its details come in another order, too.
        interface["details"].as_array_mut().unwrap().reverse();
        let other = |kind: &str| {
            let details = json!([{"name": "networkInterfaceId", "value": "eni-00000000000000000"}]);
            json!({"id": "x", "type": kind, "status": "ATTACHED", "details": details})
        };
        event["detail"]["attachments"] =
            json!([other("Service Connect"), interface, other("AmazonElasticBlockStorage")]);
        fleet.tell(&event).await;
        assert_eq!(fleet.offered().await, ids([&task]));
    })
    .await;
}

#[tokio::test]
async fn a_task_whose_interface_is_gone_is_not_offered_and_is_no_error() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let mut task = fleet.run_one().await;
        let running = task.last().clone();
        fleet.crash(&mut task).await;
        fleet.tick(&mut task, 9).await;
        assert_eq!(fleet.tell(&running).await["attempts"], 1);
        assert_eq!(fleet.offered().await, BTreeSet::new());
        assert_eq!(fleet.state(&task.id).await.as_deref(), Some("unreachable"));
        fleet.tell(task.last()).await;
        assert_eq!(fleet.state(&task.id).await.as_deref(), Some("stopped"));
    })
    .await;
}

#[tokio::test]
async fn a_task_of_another_group_or_cluster_is_ignored() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let family = format!("family:{}", fleet.family());
        for (cluster, group) in [(fleet.cluster(), "family:web"), ("staging", family.as_str())] {
            let mut task = fleet.start_in(cluster, group).await;
            fleet.tick(&mut task, 3).await;
            assert_eq!(fleet.tell(task.last()).await, Value::Null, "the rule lets {cluster}, {group} pass");
            // Somebody else's rule may name the function.
            let (answer, calls) = app.calls_of(track(app, task.last())).await;
            assert_eq!((answer, calls.len()), (Value::Null, 0), "{cluster}, {group}");
        }
        let mut ours = fleet.start_in(fleet.cluster(), &family).await;
        fleet.tick(&mut ours, 3).await;
        fleet.tell(ours.last()).await;
        assert_eq!(fleet.offered().await, ids([&ours]));
        assert!(fleet.reconcile().await);
        assert_eq!(fleet.offered().await, ids([&ours]));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_changes_nothing_costs_one_read_and_writes_nothing() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        fleet.tell(task.last()).await;
        let before = app.rows("servers").await;
        for event in [task.last().clone(), task.at(5, "RUNNING", "RUNNING"), task.at(2, "PENDING", "RUNNING")] {
            let (_, calls) = app.calls_of(track(app, &event)).await;
            assert_eq!(calls, ["dynamodb:GetItem"]);
        }
        assert_eq!(app.rows("servers").await, before);
    })
    .await;
}

#[tokio::test]
async fn trouble_with_ec2_or_dynamodb_delays_an_event_and_loses_nothing() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let (unavailable, broken) = (
            json!({"kind": "error", "status": 500, "code": "InternalError", "message": "it is us"}),
            json!({"kind": "drop", "when": "before"}),
        );
        let faults = [json!({"kind": "throttle"}), unavailable, broken];
        for (service, operation) in
            [("ec2", "DescribeNetworkInterfaces"), ("dynamodb", "GetItem"), ("dynamodb", "PutItem")]
        {
            for fault in &faults {
                // Once is for the SDK to get over; all three of its attempts, for Lambda.
                for (times, attempts) in [(1, 1), (3, 2)] {
                    let task = fleet.run_one().await;
                    let function = "TaskTrackerFunction";
                    app.fault(json!({
                        "service": service, "operation": operation, "function": function, "times": times,
                        "fault": fault,
                    }))
                    .await;
                    let delivery = fleet.tell(task.last()).await;
                    app.heal().await;
                    let context = format!("{fault} at {operation}, {times} times: {delivery}");
                    assert_eq!((&delivery["ok"], &delivery["attempts"]), (&json!(true), &json!(attempts)), "{context}");
                    assert!(fleet.offered().await.contains(&task.id), "{context}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_neither_lied_about_nor_doubled() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        let drop = json!({
            "service": "dynamodb", "operation": "PutItem", "function": "TaskTrackerFunction",
            "fault": {"kind": "drop", "when": "after"},
        });
        let lost = async |event: &Value| {
            app.fault(drop.clone()).await;
            assert_eq!(track(app, event).await, Value::Null);
            app.heal().await;
            // The SDK's second attempt met the row of its first.
            comes_to(app, "recorded", event).await;
        };
        lost(task.last()).await;
        assert_eq!(fleet.offered().await, ids([&task]));
        lost(&task.at(5, "RUNNING", "STOPPED")).await;
        lost(&task.at(9, "STOPPED", "STOPPED")).await;
        assert_eq!(fleet.offered().await, BTreeSet::new());
        // An address that came later is written under another condition.
        let late = fleet.run_one().await;
        fleet.associate(&late, false).await;
        assert_eq!(track(app, late.last()).await["errorType"], "Unavailable");
        fleet.associate(&late, true).await;
        lost(late.last()).await;
        assert_eq!(fleet.offered().await, ids([&late]));
        assert_eq!(app.rows("servers").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_kill_at_any_aws_call_of_an_event_leaves_the_right_row_after_its_redelivery() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let start = [("dynamodb", "GetItem"), ("ec2", "DescribeNetworkInterfaces"), ("dynamodb", "PutItem")];
        let stop = [("dynamodb", "GetItem"), ("dynamodb", "PutItem")];
        let killed = async |service: &str, operation: &str, when: &str, event: &Value| {
            app.fault(json!({
                "service": service, "operation": operation, "function": "TaskTrackerFunction",
                "fault": {"kind": "kill", "when": when},
            }))
            .await;
            let delivery = fleet.tell(event).await;
            app.heal().await;
            let context = format!("killed {when} {operation}: {delivery}");
            assert_eq!((&delivery["ok"], &delivery["attempts"]), (&json!(true), &json!(2)), "{context}");
            context
        };
        for when in ["before", "after"] {
            for (service, operation) in start {
                let task = fleet.run_one().await;
                let context = killed(service, operation, when, task.last()).await;
                assert!(fleet.offered().await.contains(&task.id), "{context}");
            }
            for (service, operation) in stop {
                let task = fleet.run_one().await;
                fleet.tell(task.last()).await;
                let context = killed(service, operation, when, &task.at(9, "STOPPED", "STOPPED")).await;
                assert!(!fleet.offered().await.contains(&task.id), "{context}");
                assert_eq!(fleet.state(&task.id).await.as_deref(), Some("stopped"), "{context}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_that_lambda_does_not_accept_is_kept_and_can_be_sent_anew() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        let throttled = json!({"kind": "throttle"});
        app.fault(json!({"service": "lambda", "operation": "Invoke", "times": null, "fault": throttled})).await;
        let delivery = fleet.tell(task.last()).await;
        app.heal().await;
        assert_eq!(
            (&delivery["attempts"], &delivery["deadLettered"]),
            (&json!(0), &json!(format!("{}-UndeliveredTaskEvents", app.stack()))),
            "{delivery}"
        );
        assert!(app.messages("FailedTaskEvents").await.is_empty());
        let [message] = app.messages("UndeliveredTaskEvents").await.try_into().expect("one message");
        assert_eq!(message["MessageAttributes"]["ERROR_CODE"]["StringValue"], "THROTTLING");
        let kept: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        assert_eq!(kept["detail"], task.last()["detail"]);
        assert_eq!(track(app, &kept).await, Value::Null);
        assert_eq!(fleet.offered().await, ids([&task]));
    })
    .await;
}

#[tokio::test]
async fn an_event_that_the_function_fails_on_is_kept_with_the_cause_and_no_secret() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        let broken = json!({"kind": "error", "status": 503, "code": "Unavailable", "message": "EC2 rests"});
        app.fault(json!({"service": "ec2", "operation": "DescribeNetworkInterfaces", "times": null, "fault": broken}))
            .await;
        let delivery = fleet.tell(task.last()).await;
        app.heal().await;
        assert_eq!(
            (&delivery["attempts"], &delivery["onFailure"]),
            (&json!(3), &json!(format!("{}-FailedTaskEvents", app.stack()))),
            "{delivery}"
        );
        assert!(app.messages("UndeliveredTaskEvents").await.is_empty());
        let [message] = app.messages("FailedTaskEvents").await.try_into().expect("one message");
        let text = message["Body"].as_str().unwrap();
        let kept: Value = serde_json::from_str(text).unwrap();
        assert_eq!(kept["responsePayload"]["errorType"], "Unavailable");
        let cause = kept["responsePayload"]["errorMessage"].as_str().unwrap();
        assert!(cause.contains("ec2:DescribeNetworkInterfaces failed with status 503"), "{cause}");
        assert!(cause.contains("EC2 rests"), "{cause}");
        // Neither a key's id, which begins so, nor any part of a signed request.
        for secret in ["ASIA", "Credential", "Signature", "Security-Token", "x-amz"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(kept["requestPayload"]["detail"], task.last()["detail"]);
        assert_eq!(track(app, &kept["requestPayload"]).await, Value::Null);
        assert_eq!(fleet.offered().await, ids([&task]));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_event_of_a_task_fails() {
    TestApp::run(async |app| {
        for event in [json!({}), json!({"detail-type": "ECS Task State Change", "detail": {}}), json!("hello")] {
            let failed = track(app, &event).await;
            assert_eq!(failed["errorType"], "Internal", "{event}: {failed}");
        }
        assert!(app.rows("servers").await.is_empty());
    })
    .await;
}
