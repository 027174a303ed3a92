//! Chat rooms: one of a stage or channel, however many ask for it at once, and none without it. Here they are made by the
//! crate that the functions make them with.

use std::time::Duration;

use futures_util::future::join_all;
use model::Error;
use model::claim::Outcome;
use serde_json::{Value, json};
use tests::{ChatRooms, TestApp, eventually, nth_of_each};

use crate::sweep::{last_line, reconcile};

/// Longer than lists of IVS Chat may be behind, as any lease is: a recovery that is asked when it is over lists what was made.
const SHORT_LEASE: Duration = Duration::from_secs(3);

/// Alice makes a stage or channel: its ARN.
async fn make(app: &TestApp, path: &str) -> String {
    let made = app.user("alice").put(path, json!({})).await.expect(201).json();
    made["arn"].as_str().unwrap().to_owned()
}

/// Waits until the table has no room and IVS Chat has none.
async fn until_there_is_no_room(app: &TestApp, rooms: &ChatRooms<'_>) {
    eventually("there is no room", async || {
        (rooms.rows().await.is_empty() && app.rooms_in_ivs().await.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_who_enter_at_once_are_in_one_room() {
    TestApp::run(async |app| {
        let (rooms, stage) = (ChatRooms::new(app), make(app, "/stages/demo").await);
        let entered = join_all((0..200).map(|_| rooms.enter("stage/demo", &stage))).await;
        assert_eq!(app.rooms_in_ivs().await, [entered[0].arn.to_string()]);
        assert!(entered.iter().all(|room| room.arn == entered[0].arn));
    })
    .await;
}

#[tokio::test]
async fn a_room_ends_with_its_stage_or_channel_and_the_one_of_the_same_name_stays() {
    TestApp::run(async |app| {
        let (rooms, alice) = (ChatRooms::new(app), app.user("alice"));
        let (stage, channel) = (make(app, "/stages/demo").await, make(app, "/channels/demo").await);
        rooms.enter("stage/demo", &stage).await;
        let of_channel = rooms.enter("channel/demo", &channel).await.arn.to_string();
        alice.delete("/stages/demo").await.expect(204);
        eventually("the stage's room is gone", async || (app.rooms_in_ivs().await.len() == 1).then_some(())).await;
        assert_eq!(app.rooms_in_ivs().await, [of_channel]);
        alice.delete("/channels/demo").await.expect(204);
        until_there_is_no_room(app, &rooms).await;
    })
    .await;
}

#[tokio::test]
async fn a_room_of_an_earlier_stage_of_the_name_is_ended_by_who_enters_the_later_ones() {
    TestApp::run(async |app| {
        let (rooms, alice) = (ChatRooms::new(app), app.user("alice"));
        let first = make(app, "/stages/demo").await;
        let stale = rooms.enter("stage/demo", &first).await;
        // So that nobody else ends it.
        let lost = json!({"kind": "error", "status": 403, "code": "AccessDenied"});
        app.fault(
            json!({"service": "ivschat", "operation": "DeleteRoom", "times": null, "function": "RecoveryFunction",
            "fault": lost}),
        )
        .await;
        alice.delete("/stages/demo").await.expect(204);
        let second = make(app, "/stages/demo").await;
        app.heal().await;
        let room = eventually("there is a room of the second stage", async || {
            match rooms.enter_within("stage/demo", &second, Duration::from_secs(60)).await {
                Ok(Outcome::Created(room) | Outcome::Existing(room)) => Some(room),
                Err(_) => None,
            }
        })
        .await;
        assert!(room.arn != stale.arn && room.subject.as_str() == second);
        assert_eq!(app.rooms_in_ivs().await, [room.arn.to_string()]);
    })
    .await;
}

#[tokio::test]
async fn who_still_means_an_earlier_stage_ends_no_room_of_the_later_one() {
    TestApp::run(async |app| {
        let (rooms, first) = (ChatRooms::new(app), make(app, "/stages/demo").await);
        app.user("alice").delete("/stages/demo").await.expect(204);
        let second = make(app, "/stages/demo").await;
        let room = rooms.enter("stage/demo", &second).await;
        let late = rooms.enter_within("stage/demo", &first, Duration::from_secs(60)).await;
        assert!(matches!(late, Err(Error::Busy { .. })), "{late:?}");
        assert_eq!(app.rooms_in_ivs().await, [room.arn.to_string()]);
    })
    .await;
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_ends_in_one_room() {
    TestApp::run(async |app| {
        let (rooms, stage) = (ChatRooms::new(app), make(app, "/stages/demo").await);
        for when in ["before", "after"] {
            let drop = json!({"kind": "drop", "when": when});
            app.fault(json!({"service": "ivschat", "operation": "CreateRoom", "fault": drop})).await;
            let cut = rooms.enter_within("stage/demo", &stage, SHORT_LEASE).await;
            assert!(cut.is_err(), "{when}: {cut:?}");
            app.heal().await;
            let room = eventually("there is a room", async || {
                match rooms.enter_within("stage/demo", &stage, Duration::from_secs(60)).await {
                    Ok(Outcome::Created(room) | Outcome::Existing(room)) => Some(room),
                    Err(_) => {
                        app.recover("room", &["stage/demo"]).await;
                        None
                    }
                }
            })
            .await;
            assert_eq!(app.rooms_in_ivs().await, [room.arn.to_string()], "{when}");
            app.ivs_chat().delete_room().identifier(room.arn.as_str()).send().await.unwrap();
            app.delete(
                "rooms",
                app.rows("rooms").await.into_iter().map(|row| [("name".to_owned(), row["name"].clone())].into()),
            )
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_room_that_is_made_while_its_stage_is_deleted_does_not_stay() {
    TestApp::run(async |app| {
        let (rooms, stage) = (ChatRooms::new(app), make(app, "/stages/demo").await);
        app.user("alice").delete("/stages/demo").await.expect(204);
        // Whoever entered had met the stage before.
        rooms.enter("stage/demo", &stage).await;
        until_there_is_no_room(app, &rooms).await;
    })
    .await;
}

#[tokio::test]
async fn a_room_whose_stage_went_without_a_word_is_ended_by_the_reconcilers_next_run() {
    TestApp::run(async |app| {
        let (rooms, stage) = (ChatRooms::new(app), make(app, "/stages/demo").await);
        rooms.enter("stage/demo", &stage).await;
        eventually("the recovery has looked at the new room", async || app.log_of("recovery").pop()).await;
        app.ivs().delete_stage().arn(&stage).send().await.unwrap();
        app.delete("stages", [[("name".to_owned(), aws_sdk_dynamodb_s("demo"))].into()]).await;
        assert_eq!(app.at_once(reconcile(app)).await, Value::Null);
        assert_eq!(last_line(app)["RoomsUnfinished"], json!(1), "{}", last_line(app));
        until_there_is_no_room(app, &rooms).await;
    })
    .await;
}

fn aws_sdk_dynamodb_s(text: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_aws_call_of_a_recovery_leaves_no_room_without_its_stage() {
    TestApp::run(async |app| {
        let rooms = ChatRooms::new(app);
        app.quotas(json!({"CreateStage": 1000, "CreateRoom": 1000, "DeleteRoom": 1000})).await;
        let over = async || {
            let stage = make(app, "/stages/demo").await;
            // The queue's own recovery comes later, and finds nothing.
            rooms.enter("stage/demo", &stage).await;
            app.ivs().delete_stage().arn(&stage).send().await.unwrap();
            app.delete("stages", [[("name".to_owned(), aws_sdk_dynamodb_s("demo"))].into()]).await;
        };
        over().await;
        let (_, made) = app.calls_of(app.recover("room", &["stage/demo"])).await;
        until_there_is_no_room(app, &rooms).await;
        for (service, operation, nth) in nth_of_each(&made) {
            for when in ["before", "after"] {
                over().await;
                let fault = json!({"service": service, "operation": operation, "nth": nth, "function": "RecoveryFunction",
                    "fault": {"kind": "kill", "when": when}});
                app.fault(fault).await;
                app.recover("room", &["stage/demo"]).await;
                app.heal().await;
                eventually("the room is gone", async || {
                    app.recover("room", &["stage/demo"]).await;
                    rooms.rows().await.is_empty().then_some(())
                })
                .await;
                assert!(app.rooms_in_ivs().await.is_empty(), "{service}:{operation} {nth} {when}");
            }
        }
    })
    .await;
}
