use serde_json::json;
use time::Duration;

use super::{Ecs, NOW, call, describe, id, outcome, ready, request, run, running, states, tick};
use crate::aws::assumptions::{Assumed, Assumptions};
use crate::aws::ecs::Clock;
use crate::plumbing::state_file::tests::TemporaryDirectory;

#[test]
fn a_task_goes_one_state_further_per_tick_and_says_so() {
    let ecs = ready();
    let started = outcome(&ecs, "RunTask", request(json!({})));
    assert_eq!(states(&started.events), [("PROVISIONING", "RUNNING", 1)]);
    let events = tick(&ecs, 1);
    assert_eq!(states(&events), [("PENDING", "RUNNING", 2)]);
    let events = tick(&ecs, 5);
    assert_eq!(states(&events), [("RUNNING", "RUNNING", 3)]);
    assert!(tick(&ecs, 1).is_empty());
    assert_eq!(describe(&ecs, &id(&started.output["tasks"][0]))["version"], 3);
}

#[test]
fn stopping_is_an_event_of_its_own_before_the_states_follow() {
    let ecs = ready();
    let id = running(&ecs);
    let stopped = outcome(&ecs, "StopTask", json!({"task": id, "reason": "enough"}));
    assert_eq!(states(&stopped.events), [("RUNNING", "STOPPED", 4)]);
    let task = &stopped.output["task"];
    assert_eq!((&task["stopCode"], &task["stoppedReason"]), (&json!("UserInitiated"), &json!("enough")));
    assert!(outcome(&ecs, "StopTask", json!({"task": id})).events.is_empty());
    let events = tick(&ecs, 9);
    assert_eq!(states(&events), [("DEPROVISIONING", "STOPPED", 5), ("STOPPED", "STOPPED", 6)]);
    let task = describe(&ecs, &id);
    assert_eq!(
        (&task["containers"][0]["lastStatus"], &task["containers"][0]["exitCode"]),
        (&json!("STOPPED"), &json!(143))
    );
    assert!(outcome(&ecs, "StopTask", json!({"task": id})).events.is_empty());
}

#[test]
fn a_long_life_has_every_state() {
    let ecs = Ecs::open(super::REGION, None).unwrap().assuming(Assumed::new(Assumptions::UNKIND));
    call(&ecs, "CreateCluster", json!({}));
    call(&ecs, "RegisterTaskDefinition", super::definition());
    let id = run(&ecs);
    let up = [("PENDING", "RUNNING", 2), ("ACTIVATING", "RUNNING", 3), ("RUNNING", "RUNNING", 4)];
    assert_eq!(states(&tick(&ecs, 9)), up);
    assert_eq!(states(&outcome(&ecs, "StopTask", json!({"task": id})).events), [("RUNNING", "STOPPED", 5)]);
    let down = [
        ("DEACTIVATING", "STOPPED", 6),
        ("STOPPING", "STOPPED", 7),
        ("DEPROVISIONING", "STOPPED", 8),
        ("STOPPED", "STOPPED", 9),
    ];
    assert_eq!(states(&tick(&ecs, 9)), down);
}

#[test]
fn a_task_that_never_ran_has_no_exit_code() {
    let ecs = ready();
    let id = run(&ecs);
    call(&ecs, "StopTask", json!({"task": id}));
    let events = tick(&ecs, 9);
    assert_eq!(states(&events), [("DEPROVISIONING", "STOPPED", 3), ("STOPPED", "STOPPED", 4)]);
    let task = describe(&ecs, &id);
    for member in ["startedAt", "executionStoppedAt"] {
        assert_eq!(task[member], json!(null), "{member}");
    }
    assert_eq!(task["containers"][0]["exitCode"], json!(null));
}

#[test]
fn a_crash_ends_a_running_task() {
    let ecs = ready();
    let id = run(&ecs);
    assert_eq!(ecs.crash(&id, NOW).unwrap_err().status, 409);
    tick(&ecs, 3);
    let events = ecs.crash(&id, NOW).unwrap();
    assert_eq!(states(&events), [("DEPROVISIONING", "STOPPED", 4)]);
    let detail = &events[0]["detail"];
    assert_eq!(detail["stopCode"], "EssentialContainerExited");
    assert_eq!(detail["containers"][0]["exitCode"], 1);
    assert_eq!(ecs.crash("demo", NOW).unwrap_err().status, 404);
}

#[test]
fn one_task_can_be_moved_alone() {
    let ecs = ready();
    let (one, other) = (run(&ecs), run(&ecs));
    assert_eq!(ecs.tick(Some(&one), 1, NOW).unwrap().len(), 1);
    assert_eq!(describe(&ecs, &one)["lastStatus"], "PENDING");
    assert_eq!(describe(&ecs, &other)["lastStatus"], "PROVISIONING");
    assert_eq!(ecs.tick(Some("demo"), 1, NOW).unwrap_err().status, 404);
}

#[test]
fn a_stopped_task_is_described_for_an_hour() {
    let ecs = ready();
    let id = running(&ecs);
    call(&ecs, "StopTask", json!({"task": id}));
    tick(&ecs, 4);
    for (minutes, found) in [(59, 1), (60, 0)] {
        let input = json!({"tasks": [id]});
        let later = NOW + Duration::minutes(minutes);
        let answer = ecs.call("DescribeTasks", &input, later).unwrap_or_else(|error| panic!("{error:?}")).output;
        assert_eq!(answer["tasks"].as_array().unwrap().len(), found, "{minutes}");
    }
}

#[test]
fn a_forgotten_task_was_never_there() {
    let ecs = ready();
    let id = running(&ecs);
    ecs.forget(&id).unwrap();
    assert_eq!(call(&ecs, "DescribeTasks", json!({"tasks": [id]}))["failures"][0]["reason"], "MISSING");
    assert_eq!(ecs.forget(&id).unwrap_err().status, 404);
}

#[test]
fn an_event_has_times_as_texts_and_says_eni_where_the_api_does_not() {
    let ecs = ready();
    let id = run(&ecs);
    let later = NOW + Duration::milliseconds(1_250);
    let events = ecs.tick(Some(&id), 3, later).unwrap();
    let event = &events[1];
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.ecs"), &json!("ECS Task State Change")));
    let (detail, task) = (&event["detail"], describe(&ecs, &id));
    assert_eq!(event["resources"], json!([task["taskArn"]]));
    assert_eq!((&detail["createdAt"], &task["createdAt"]), (&json!("2026-01-01T00:00:00Z"), &json!(1_767_225_600.0)));
    assert_eq!(
        (&detail["startedAt"], &task["startedAt"]),
        (&json!("2026-01-01T00:00:01.25Z"), &json!(1_767_225_601.25))
    );
    assert_eq!(detail["updatedAt"], "2026-01-01T00:00:01.25Z");
    assert_eq!(detail["attachments"][0]["type"], "eni");
    assert_eq!(task["attachments"][0]["type"], "ElasticNetworkInterface");
    assert_eq!(detail["attachments"][0]["details"], task["attachments"][0]["details"]);
    for (member, in_api) in [("healthStatus", true), ("tags", true), ("updatedAt", false)] {
        assert_eq!((task.get(member).is_some(), detail.get(member).is_some()), (in_api, !in_api), "{member}");
    }
    for member in ["lastStatus", "group", "clusterArn", "taskDefinitionArn", "version", "overrides", "cpu"] {
        assert_eq!(detail[member], task[member], "{member}");
    }
}

#[test]
fn everything_survives_a_restart() {
    let directory = TemporaryDirectory::new();
    let open = || Ecs::open(super::REGION, Some(directory.file())).unwrap();
    let ecs = open();
    call(&ecs, "CreateCluster", json!({}));
    call(&ecs, "RegisterTaskDefinition", super::definition());
    let id = running(&ecs);
    let before = describe(&ecs, &id);
    drop(ecs);
    let ecs = open();
    assert_eq!(describe(&ecs, &id), before);
    assert_eq!(call(&ecs, "RegisterTaskDefinition", super::definition())["taskDefinition"]["revision"], 2);
    ecs.reset();
    drop(ecs);
    assert_eq!(call(&open(), "ListClusters", json!({}))["clusterArns"], json!([]));
}

#[test]
fn a_reset_forgets_and_starts_the_clock_again() {
    let ecs = ready();
    run(&ecs);
    ecs.set_clock(br#"{"mode":"manual"}"#).unwrap();
    ecs.reset();
    assert_eq!(ecs.clock(), Clock::default());
    assert!(tick(&ecs, 9).is_empty());
    assert_eq!(call(&ecs, "ListClusters", json!({}))["clusterArns"], json!([]));
}

#[test]
fn the_next_run_tells_of_every_task_once_more_since_the_last_event_may_be_lost() {
    let ecs = ready();
    let (ended, runs) = (running(&ecs), running(&ecs));
    call(&ecs, "StopTask", json!({"task": ended}));
    assert_eq!(states(&tick(&ecs, 9)).last(), Some(&("STOPPED", "STOPPED", 6)));
    let mut events = ecs.take_up_tasks(NOW).unwrap();
    events.sort_by_key(|event| event["detail"]["version"].as_u64());
    assert_eq!(states(&events), [("RUNNING", "RUNNING", 3), ("STOPPED", "STOPPED", 6)]);
    // Nothing has become of either.
    assert_eq!((&describe(&ecs, &ended)["version"], &describe(&ecs, &runs)["version"]), (&json!(6), &json!(3)));
}
