//! The reconciler: what no event has said, found out by asking ECS, and nothing done on half an answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Fleet, Row, Task, TestApp, eventually, ids, nth_of_each};

/// The rows of the table, in an order that does not change.
async fn rows(app: &TestApp) -> Vec<Row> {
    let mut rows = app.rows("servers").await;
    rows.sort_by_key(|row| row["taskId"].as_s().unwrap().clone());
    rows
}

/// Has a call of the reconciler's fail.
async fn fault(app: &TestApp, service: &str, operation: &str, nth: usize, fault: Value) {
    app.fault(json!({
        "service": service, "operation": operation, "function": "ReconcilerFunction", "nth": nth, "times": null,
        "fault": fault,
    }))
    .await;
}

/// Three servers of which the table does not know, and four of which it does not know that they are gone: one drains,
/// one has stopped, one has crashed, and one ECS has forgotten.
async fn drift(fleet: &Fleet<'_>) -> (Vec<Task>, Vec<Task>) {
    let mut gone = fleet.run(4).await;
    fleet.tell_all(gone.iter().map(Task::last)).await;
    fleet.stop(&mut gone[0], 0).await;
    fleet.stop(&mut gone[1], 9).await;
    fleet.crash(&mut gone[2]).await;
    fleet.forget(&gone[3]).await;
    assert_eq!(fleet.offered().await, ids(&gone));
    (fleet.run(3).await, gone)
}

#[tokio::test]
async fn one_run_makes_up_for_all_events_that_were_lost() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let (here, gone) = drift(&fleet).await;
        // One that does not run yet is no server.
        let mut starting = fleet.start(1).await;
        assert!(fleet.reconcile().await);
        assert_eq!(fleet.offered().await, ids(&here));
        for (task, state) in gone.iter().zip(["draining", "stopped", "draining", "unreachable"]) {
            assert_eq!(fleet.state(&task.id).await.as_deref(), Some(state));
        }
        fleet.tick(&mut starting[0], 3).await;
        assert!(fleet.reconcile().await);
        assert_eq!(fleet.offered().await, ids(here.iter().chain(&starting)));
    })
    .await;
}

#[tokio::test]
async fn a_run_says_how_far_the_table_was_from_the_truth() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let (here, _) = drift(&fleet).await;
        fleet.associate(&here[0], false).await;
        assert!(fleet.reconcile().await && fleet.reconcile().await);
        let lines = eventually("both runs are logged", async || {
            Some(app.log_of("reconciler")).filter(|lines| lines.len() == 2)
        })
        .await;
        let counts =
            ["ServersOffered", "ServersAdded", "ServersRemoved", "ServersUnreachable", "Drift", "Reconciliations"];
        let counted = lines.iter().map(|line| counts.map(|count| line[count].as_u64().unwrap()));
        assert_eq!(counted.collect::<Vec<_>>(), [[2, 2, 4, 1, 6, 1], [2, 0, 0, 1, 0, 1]]);
    })
    .await;
}

#[tokio::test]
async fn a_run_that_has_nothing_to_do_writes_nothing() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        drift(&fleet).await;
        assert!(fleet.reconcile().await);
        let before = rows(app).await;
        let (ok, mut calls) = app.calls_of(fleet.reconcile()).await;
        assert!(ok);
        // Those of stages, channels and rooms are made beside each other.
        calls[6..].sort();
        assert_eq!(
            calls,
            [
                "dynamodb:Query",
                "dynamodb:Query",
                "ivs:ListStreams",
                "dynamodb:Query",
                "ecs:ListTasks",
                "ecs:DescribeTasks",
                "dynamodb:Query",
                "dynamodb:Query",
                "dynamodb:Query",
                "ivs:ListChannels",
                "ivs:ListStages",
                "ivschat:ListRooms",
            ]
        );
        assert_eq!(rows(app).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_task_that_still_has_no_address_is_looked_at_and_not_written_again() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let task = fleet.run_one().await;
        fleet.associate(&task, false).await;
        assert!(fleet.reconcile().await);
        let before = rows(app).await;
        let (_, calls) = app.calls_of(fleet.reconcile()).await;
        assert!(calls.contains(&"ec2:DescribeNetworkInterfaces".to_owned()), "{calls:?}");
        assert!(!calls.contains(&"dynamodb:PutItem".to_owned()), "{calls:?}");
        assert_eq!(rows(app).await, before);
    })
    .await;
}

#[tokio::test]
async fn nothing_changes_while_a_page_of_a_listing_is_missing() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        let (mut here, _) = drift(&fleet).await;
        // More than a page of each: of running tasks, and of servers in the table that ECS knows nothing of.
        here.extend(fleet.run(100).await);
        fleet.fill(1_100).await;
        let before = rows(app).await;
        for (service, operation, nth) in [
            ("ecs", "ListTasks", 1),
            ("ecs", "ListTasks", 2),
            ("ecs", "DescribeTasks", 1),
            ("ecs", "DescribeTasks", 2),
            ("dynamodb", "Query", 1),
            ("dynamodb", "Query", 2),
            ("dynamodb", "GetItem", 7),
            ("ec2", "DescribeNetworkInterfaces", 1),
        ] {
            let trouble = [
                json!({"kind": "throttle"}),
                json!({"kind": "error", "status": 500, "code": "InternalServerError"}),
                json!({"kind": "drop", "when": "after"}),
            ];
            for what in trouble {
                fault(app, service, operation, nth, what.clone()).await;
                assert!(!fleet.reconcile().await, "{what} at {operation} #{nth}");
                app.heal().await;
                assert_eq!(rows(app).await, before, "{what} at {operation} #{nth}");
            }
        }
        // To take 1,100 servers off the list may take a busy machine longer than a run has.
        fleet.empty(&before).await;
        fleet.reconciled().await;
        assert_eq!(fleet.offered().await, ids(&here));
    })
    .await;
}

/// Has calls of the reconciler's held up, each time that they are made.
async fn hold(app: &TestApp, service: &str, operation: &str, when: &str) {
    let calls = json!({"service": service, "operation": operation, "function": "ReconcilerFunction", "times": null});
    app.hold(calls, when).await;
}

#[tokio::test]
async fn an_event_that_comes_during_a_run_wins() {
    TestApp::run(async |app| {
        // A run that gives up is none; whatever it did, the events have won.
        let attempt = async || {
            app.reset().await;
            let fleet = Fleet::new(app).await;
            // One to be added, one to be removed; ECS says something of each before the reconciler has written.
            let mut forgotten = fleet.run_one().await;
            fleet.tell(forgotten.last()).await;
            fleet.forget(&forgotten).await;
            let mut missing = fleet.run_one().await;
            hold(app, "dynamodb", "PutItem", "before").await;
            let events = async {
                fleet.stop(&mut missing, 9).await;
                forgotten.said.push(forgotten.at(5, "RUNNING", "STOPPED"));
                fleet.tell_all([missing.last(), forgotten.last()]).await;
            };
            let (ok, ()) = app.while_held(2, fleet.reconcile(), events).await?;
            assert_eq!(fleet.offered().await, BTreeSet::new());
            assert_eq!(fleet.state(&missing.id).await.as_deref(), Some("stopped"));
            assert_eq!(fleet.state(&forgotten.id).await.as_deref(), Some("draining"));
            ok.then_some(())
        };
        eventually("a run outlives the events", attempt).await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_starts_during_a_run_is_not_taken_for_a_dead_one() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        for (service, operation) in [("dynamodb", "Query"), ("ecs", "ListTasks")] {
            let attempt = async || {
                // The listing is made, and its answer takes a while.
                hold(app, service, operation, "after").await;
                let start = async {
                    let task = fleet.run_one().await;
                    fleet.tell(task.last()).await;
                    task
                };
                let (ok, task) = app.while_held(1, fleet.reconcile(), start).await?;
                assert!(fleet.offered().await.contains(&task.id), "started during {operation}");
                ok.then_some(())
            };
            eventually("a run outlives the start", attempt).await;
        }
    })
    .await;
}

#[tokio::test]
async fn two_runs_at_once_are_harmless() {
    TestApp::run(async |app| {
        let attempt = async || {
            app.reset().await;
            let fleet = Fleet::new(app).await;
            let (here, _) = drift(&fleet).await;
            // Both have read everything before either writes.
            hold(app, "ec2", "DescribeNetworkInterfaces", "before").await;
            let both = async { tokio::join!(fleet.reconcile(), fleet.reconcile()) };
            let (runs, ()) = app.while_held(2, both, async {}).await?;
            if runs != (true, true) {
                return None;
            }
            assert_eq!(fleet.offered().await, ids(&here));
            let before = rows(app).await;
            fleet.reconciled().await;
            assert_eq!(rows(app).await, before);
            Some(())
        };
        eventually("both runs are in time", attempt).await;
    })
    .await;
}

#[tokio::test]
async fn a_kill_at_any_aws_call_of_a_run_leaves_work_for_the_next_and_no_harm() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        drift(&fleet).await;
        let (_, made) = app.calls_of(fleet.reconcile()).await;
        // Reads and writes of single rows are alike; each Query is another part's.
        let is_one_of_many =
            |service: &str, operation: &str, nth: usize| service == "dynamodb" && operation != "Query" && nth > 2;
        let calls = nth_of_each(&made).into_iter();
        let calls: Vec<_> =
            calls.filter(|(service, operation, nth)| !is_one_of_many(service, operation, *nth)).collect();
        assert_eq!(calls.len(), 18, "{made:?}");
        for (service, operation, nth) in calls {
            for when in ["before", "after"] {
                app.reset().await;
                let fleet = Fleet::new(app).await;
                let (here, _) = drift(&fleet).await;
                fault(app, &service, &operation, nth, json!({"kind": "kill", "when": when})).await;
                assert!(!fleet.reconcile().await, "killed {when} {operation} #{nth}");
                app.heal().await;
                fleet.reconciled().await;
                assert_eq!(fleet.offered().await, ids(&here), "killed {when} {operation} #{nth}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_misspelt_order_is_refused_and_nothing_is_done() {
    TestApp::run(async |app| {
        for order in [r#"{"maxorphans": 3}"#, r#"{"only": "stages"}"#, r#"{"only": "servers", "maxOrphans": 3}"#] {
            let (answer, calls) = app.calls_of(app.invoke("ReconcilerFunction", order)).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let why = answer["errorMessage"].as_str().unwrap();
            assert!(why.contains("the order is not understood"), "{order}: {why}");
            assert!(calls.is_empty(), "{order}: {calls:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_listing_that_meets_a_change_passes() {
    TestApp::run(async |app| {
        for operation in ["ListStages", "ListChannels"] {
            let conflict = json!({"kind": "error", "status": 409, "code": "ConflictException"});
            app.fault(json!({"service": "ivs", "operation": operation, "times": 1, "fault": conflict})).await;
            assert_eq!(app.invoke("ReconcilerFunction", "{}").await, "null", "{operation}");
        }
        let conflict = json!({"kind": "error", "status": 409, "code": "ConflictException"});
        app.fault(json!({"service": "ivs", "operation": "ListStreams", "times": 1, "fault": conflict})).await;
        let failed: Value = serde_json::from_str(&app.invoke("ReconcilerFunction", "{}").await).unwrap();
        assert_eq!(failed["errorType"], "Unavailable", "{failed}");
    })
    .await;
}
