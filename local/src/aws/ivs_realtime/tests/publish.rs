//! Who publishes, and what IVS tells of it.

use serde_json::{Value, json};
use time::Duration;

use super::*;
use crate::aws::ivs_realtime::Who;

/// A stage that participants are in.
struct Room {
    service: IvsRealTime,
    stage: Value,
}

impl Room {
    fn new() -> Self {
        let service = empty();
        let stage = stage(&service);
        Self { service, stage }
    }

    fn id(&self) -> &str {
        self.stage["arn"].as_str().unwrap().rsplit('/').next().unwrap()
    }

    fn who<'a>(&'a self, participant: &'a str) -> Who<'a> {
        Who { stage: self.id(), participant, connection: None }
    }

    /// Somebody comes: the participant and the session.
    fn join(&self, capabilities: &[&str]) -> (String, String) {
        let options = json!({"stageArn": self.stage["arn"], "userId": "alice", "capabilities": capabilities});
        let token = call(&self.service, "CreateParticipantToken", options)["participantToken"].clone();
        let joined = self.service.join(token["token"].as_str().unwrap(), NOW);
        let text = |member: &str| joined[member].as_str().unwrap().to_owned();
        (text("participantId"), text("sessionId"))
    }

    /// What was told since this was last asked: names and participants.
    fn told(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let events = self.service.take_events().into_iter();
        events.map(|event| (text(&event["detail"]["event_name"]), text(&event["detail"]["participant_id"]))).collect()
    }

    fn participant(&self, session: &str, id: &str) -> Value {
        let input = json!({"stageArn": self.stage["arn"], "sessionId": session, "participantId": id});
        call(&self.service, "GetParticipant", input)["participant"].clone()
    }

    fn active_session(&self) -> Value {
        call(&self.service, "GetStage", json!({"arn": self.stage["arn"]}))["stage"]["activeSessionId"].clone()
    }
}

fn published(id: &str) -> (String, String) {
    ("Participant Published".to_owned(), id.to_owned())
}

fn unpublished(id: &str) -> (String, String) {
    ("Participant Unpublished".to_owned(), id.to_owned())
}

#[test]
fn publishing_is_told_with_both_times() {
    let room = Room::new();
    let (id, session) = room.join(&["PUBLISH"]);
    assert_eq!(room.told(), []);
    room.service.publish(room.who(&id), NOW + Duration::microseconds(1)).unwrap();
    let events = room.service.take_events();
    assert_eq!(
        json!(events),
        json!([{
            "source": "aws.ivs", "detail-type": "IVS Stage Update", "time": "2026-01-01T00:00:00Z",
            "resources": [room.stage["arn"]],
            "detail": {
                "session_id": session, "event_name": "Participant Published", "event_time": "2026-01-01T00:00:00Z",
                "event_time_precise": "2026-01-01T00:00:00.250001Z", "participant_id": id, "user_id": "alice",
            },
        }])
    );
    assert_eq!(room.told(), []);
}

#[test]
fn what_changes_nothing_is_not_told() {
    let room = Room::new();
    let (id, _) = room.join(&["PUBLISH"]);
    room.service.unpublish(room.who(&id), NOW).unwrap();
    assert_eq!(room.told(), []);
    for _ in 0..2 {
        room.service.publish(room.who(&id), NOW).unwrap();
    }
    assert_eq!(room.told(), [published(&id)]);
    for _ in 0..2 {
        room.service.unpublish(room.who(&id), NOW).unwrap();
    }
    assert_eq!(room.told(), [unpublished(&id)]);
}

#[test]
fn that_a_participant_has_published_stays_true_for_its_session() {
    let room = Room::new();
    let (id, session) = room.join(&["PUBLISH"]);
    assert_eq!(room.participant(&session, &id)["published"], false);
    room.service.publish(room.who(&id), NOW).unwrap();
    room.service.unpublish(room.who(&id), NOW).unwrap();
    assert_eq!(room.participant(&session, &id)["published"], true);
    let listed = json!({"stageArn": room.stage["arn"], "sessionId": session, "filterByPublished": true});
    let listed = call(&room.service, "ListParticipants", listed)["participants"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["state"]), (1, &json!("CONNECTED")));
}

#[test]
fn who_leaves_stops_to_publish_and_the_last_one_ends_the_session() {
    let room = Room::new();
    let ((first, session), (second, _)) = (room.join(&["PUBLISH"]), room.join(&["PUBLISH"]));
    room.service.publish(room.who(&first), NOW).unwrap();
    room.told();
    room.service.leave(room.who(&second), NOW).unwrap();
    assert_eq!((room.told(), room.active_session()), (vec![], json!(session)));
    room.service.leave(room.who(&first), NOW).unwrap();
    assert_eq!((room.told(), room.active_session()), (vec![unpublished(&first)], Value::Null));
    let input = json!({"stageArn": room.stage["arn"], "sessionId": session});
    assert_eq!(call(&room.service, "GetStageSession", input)["stageSession"]["endTime"], "2026-01-01T00:00:00Z");
    assert_ne!(room.join(&["PUBLISH"]).1, session);
}

#[test]
fn who_is_disconnected_or_loses_the_stage_stops_to_publish() {
    let room = Room::new();
    let ((first, _), (second, _)) = (room.join(&["PUBLISH"]), room.join(&["PUBLISH"]));
    for id in [&first, &second] {
        room.service.publish(room.who(id), NOW).unwrap();
    }
    room.told();
    let input = json!({"stageArn": room.stage["arn"], "participantId": first});
    call(&room.service, "DisconnectParticipant", input);
    assert_eq!(room.told(), [unpublished(&first)]);
    call(&room.service, "DeleteStage", json!({"arn": room.stage["arn"]}));
    assert_eq!(room.told(), [unpublished(&second)]);
}

#[test]
fn nobody_publishes_who_is_not_there_or_may_not() {
    let room = Room::new();
    let (viewer, _) = room.join(&["SUBSCRIBE"]);
    let code = |stage: &str, id: &str| {
        room.service.publish(Who { stage, participant: id, connection: None }, NOW).unwrap_err().status
    };
    assert_eq!(code(room.id(), &viewer), 409);
    assert_eq!((code(room.id(), "nobody"), code("nowhere", &viewer)), (404, 404));
    let (left, _) = room.join(&["PUBLISH"]);
    room.service.leave(room.who(&left), NOW).unwrap();
    assert_eq!(code(room.id(), &left), 404);
    assert_eq!(room.told(), []);
}

#[test]
fn the_same_token_again_ends_the_first_connection_and_what_it_publishes() {
    let room = Room::new();
    let options = json!({"stageArn": room.stage["arn"], "userId": "alice"});
    let token = call(&room.service, "CreateParticipantToken", options)["participantToken"].clone();
    let (text, id) = (token["token"].as_str().unwrap(), token["participantId"].as_str().unwrap());
    let join = || room.service.join(text, NOW);
    let first = join();
    assert_eq!(first.get("ended"), None);
    let by = |answer: &Value| answer["connection"].as_str().unwrap().to_owned();
    let first_connection = by(&first);
    let first_who = Who { connection: Some(&first_connection), ..room.who(id) };
    room.service.publish(first_who, NOW).unwrap();
    room.told();
    let second = join();
    assert_eq!(second["ended"], json!({"connection": first["connection"], "reason": "token-reused"}));
    assert_eq!(room.told(), [unpublished(id)]);
    // The first can do nothing any more, the second can, and there is one participant.
    assert_eq!(room.service.publish(first_who, NOW).unwrap_err().status, 409);
    assert_eq!(room.service.leave(first_who, NOW).unwrap_err().status, 409);
    let second_connection = by(&second);
    room.service.publish(Who { connection: Some(&second_connection), ..room.who(id) }, NOW).unwrap();
    let listed = json!({"stageArn": room.stage["arn"], "sessionId": first["sessionId"]});
    assert_eq!(call(&room.service, "ListParticipants", listed)["participants"].as_array().unwrap().len(), 1);
    // Who comes back after leaving ends nobody's connection.
    room.service.leave(room.who(id), NOW).unwrap();
    assert_eq!(join().get("ended"), None);
}
