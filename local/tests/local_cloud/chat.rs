//! IVS Chat, as those meet it who are connected to a room.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use local::LocalCloud;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::{developer, door, start};

const EVERYTHING: [&str; 3] = ["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"];
/// How long anything may take on any machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// One connection to a room.
struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Comes with a token; the status of the refusal otherwise.
    async fn connect(cloud: &LocalCloud, token: &str) -> Result<Self, u16> {
        let url = cloud.chat_url();
        let stream = TcpStream::connect(url.trim_start_matches("ws://")).await.expect("the port is open");
        let mut request = url.as_str().into_client_request().expect("a URL");
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_str(token).expect("a header"));
        match client_async(request, stream).await {
            Ok((socket, answer)) => {
                assert_eq!(answer.headers()["sec-websocket-protocol"], token);
                Ok(Self(socket))
            }
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn ask(&mut self, request: Value) {
        self.0.send(Message::text(request.to_string())).await.expect("the connection is open");
    }

    async fn say(&mut self, content: &str) {
        self.ask(json!({"Action": "SEND_MESSAGE", "RequestId": "r", "Content": content})).await;
    }

    /// The next frame; null at the end.
    async fn hear(&mut self) -> Value {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame in time");
            match frame {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(text.as_str()).expect("JSON"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return Value::Null,
            }
        }
    }
}

async fn chat(cloud: &LocalCloud, operation: &str, input: Value) -> Value {
    let answer = developer(cloud, "ivschat", "", &format!("/{operation}"), input).await;
    assert!(answer.status < 300, "{operation}: {:?}", answer.body);
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

/// A new room's ARN.
async fn room(cloud: &LocalCloud, input: Value) -> String {
    chat(cloud, "CreateRoom", input).await["arn"].as_str().expect("an ARN").to_owned()
}

async fn token(cloud: &LocalCloud, room: &str, user: &str, capabilities: &[&str]) -> String {
    let input = json!({
        "roomIdentifier": room,
        "userId": user,
        "capabilities": capabilities,
        "attributes": {"displayName": user},
    });
    chat(cloud, "CreateChatToken", input).await["token"].as_str().expect("a token").to_owned()
}

async fn enter(cloud: &LocalCloud, room: &str, user: &str, capabilities: &[&str]) -> Client {
    let token = token(cloud, room, user, capabilities).await;
    Client::connect(cloud, &token).await.expect("the token is good")
}

/// A room whose messages the probe reviews, with as long as it takes.
async fn reviewed(cloud: &LocalCloud, fallback: &str) -> String {
    door(cloud, "PUT", "quotas", json!({"messageReviewMilliseconds": 100_000})).await;
    let uri = "arn:aws:lambda:us-east-1:000000000000:function:stack-ProbeFunction";
    room(cloud, json!({"messageReviewHandler": {"uri": uri, "fallbackResult": fallback}})).await
}

fn is_id(id: &Value) -> bool {
    id.as_str().is_some_and(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[tokio::test]
async fn a_message_comes_to_everybody_in_the_room_and_to_its_sender_with_the_request() {
    let cloud = start().await;
    let (here, elsewhere) = (room(&cloud, json!({})).await, room(&cloud, json!({})).await);
    let mut alice = enter(&cloud, &here, "alice", &EVERYTHING).await;
    let mut bob = enter(&cloud, &here, "bob", &[]).await;
    let mut carol = enter(&cloud, &elsewhere, "carol", &EVERYTHING).await;
    let request = json!({
        "Action": "SEND_MESSAGE",
        "RequestId": "1",
        "Content": "hello",
        "Attributes": {"sticker": "wave"},
    });
    alice.ask(request).await;
    let heard = alice.hear().await;
    assert_eq!(
        (&heard["Type"], &heard["Content"], &heard["RequestId"]),
        (&json!("MESSAGE"), &json!("hello"), &json!("1"))
    );
    assert_eq!(heard["Attributes"], json!({"sticker": "wave"}));
    assert_eq!(heard["Sender"], json!({"UserId": "alice", "Attributes": {"displayName": "alice"}}));
    assert!(is_id(&heard["Id"]) && heard["SendTime"].as_str().is_some_and(|at| at.ends_with('Z')), "{heard}");
    assert_eq!(bob.hear().await["Id"], heard["Id"]);
    carol.say("alone").await;
    assert_eq!(carol.hear().await["Content"], "alone");
}

#[tokio::test]
async fn a_token_opens_one_connection() {
    let cloud = start().await;
    let room = room(&cloud, json!({})).await;
    let token = token(&cloud, &room, "alice", &[]).await;
    let _alice = Client::connect(&cloud, &token).await.expect("the first use");
    assert_eq!(Client::connect(&cloud, &token).await.err(), Some(401));
    assert_eq!(Client::connect(&cloud, "nonsense").await.err(), Some(401));
}

#[tokio::test]
async fn what_a_token_does_not_allow_and_what_is_no_request_is_refused_with_a_number() {
    let cloud = start().await;
    let room = room(&cloud, json!({"maximumMessageLength": 5})).await;
    let mut listener = enter(&cloud, &room, "listener", &[]).await;
    for request in [
        json!({"Action": "SEND_MESSAGE", "RequestId": "r", "Content": "x"}),
        json!({"Action": "DELETE_MESSAGE", "RequestId": "r", "Id": "abcdefghijkl"}),
        json!({"Action": "DISCONNECT_USER", "RequestId": "r", "UserId": "bob"}),
    ] {
        listener.ask(request.clone()).await;
        let refusal = listener.hear().await;
        assert_eq!((&refusal["Type"], &refusal["ErrorCode"]), (&json!("ERROR"), &json!(403)), "{request}");
        assert!(refusal["RequestId"] == "r" && is_id(&refusal["Id"]), "{refusal}");
    }
    let mut speaker = enter(&cloud, &room, "speaker", &EVERYTHING).await;
    for request in [
        json!({"Action": "SEND_MESSAGE", "RequestId": "r"}),
        json!({"Action": "SEND_MESSAGE", "RequestId": "r", "Content": "x", "Attributes": {"a": 1}}),
        json!({"Action": "DELETE_MESSAGE", "RequestId": "r", "Id": "short"}),
        json!({"Action": "DISCONNECT_USER", "RequestId": "r"}),
        json!({"Action": "SHOUT", "RequestId": "r"}),
        json!("no object"),
    ] {
        speaker.ask(request.clone()).await;
        assert_eq!(speaker.hear().await["ErrorCode"], 400, "{request}");
    }
    for too_large in [
        json!({"Action": "SEND_MESSAGE", "RequestId": "r", "Content": "öäüöäü"}),
        json!({"Action": "SEND_MESSAGE", "RequestId": "r", "Content": "x", "Attributes": {"a": "b".repeat(1024)}}),
    ] {
        speaker.ask(too_large.clone()).await;
        assert_eq!(speaker.hear().await["ErrorCode"], 413, "{too_large}");
    }
    // Characters are counted, not bytes.
    speaker.say("öäüöä").await;
    assert_eq!(speaker.hear().await["Content"], "öäüöä");
}

#[tokio::test]
async fn those_who_may_have_messages_hidden_and_users_sent_away() {
    let cloud = start().await;
    let room = room(&cloud, json!({})).await;
    let mut moderator = enter(&cloud, &room, "moderator", &EVERYTHING).await;
    let (mut one, mut other) = (enter(&cloud, &room, "bob", &[]).await, enter(&cloud, &room, "bob", &[]).await);
    moderator.ask(json!({"Action": "DELETE_MESSAGE", "RequestId": "1", "Id": "abcdefghijkl", "Reason": "spam"})).await;
    for client in [&mut moderator, &mut one, &mut other] {
        let event = client.hear().await;
        assert_eq!((&event["Type"], &event["EventName"]), (&json!("EVENT"), &json!("aws:DELETE_MESSAGE")));
        assert_eq!(event["Attributes"], json!({"MessageID": "abcdefghijkl", "Reason": "spam"}));
        assert!(event["RequestId"] == "1" && is_id(&event["Id"]), "{event}");
    }
    moderator.ask(json!({"Action": "DISCONNECT_USER", "RequestId": "2", "UserId": "bob", "Reason": "rude"})).await;
    for client in [&mut moderator, &mut one, &mut other] {
        let event = client.hear().await;
        assert_eq!(event["EventName"], "aws:DISCONNECT_USER");
        assert_eq!(event["Attributes"], json!({"UserId": "bob", "Reason": "rude"}));
    }
    assert_eq!((one.hear().await, other.hear().await), (Value::Null, Value::Null));
    // That keeps nobody from coming back.
    enter(&cloud, &room, "bob", &[]).await;
    moderator.say("still here").await;
    assert_eq!(moderator.hear().await["Content"], "still here");
}

#[tokio::test]
async fn the_api_sends_events_hides_messages_and_sends_users_away() {
    let cloud = start().await;
    let room = room(&cloud, json!({})).await;
    let mut alice = enter(&cloud, &room, "alice", &[]).await;
    let sent = json!({"roomIdentifier": room, "eventName": "viewers", "attributes": {"count": "3"}});
    let id = chat(&cloud, "SendEvent", sent).await["id"].clone();
    let event = alice.hear().await;
    assert_eq!(
        (&event["Id"], &event["EventName"], &event["Attributes"]["count"]),
        (&id, &json!("viewers"), &json!("3"))
    );
    let deletion = json!({"roomIdentifier": room, "id": "abcdefghijkl"});
    let id = chat(&cloud, "DeleteMessage", deletion).await["id"].clone();
    let event = alice.hear().await;
    assert_eq!((&event["Id"], &event["Attributes"]["MessageID"]), (&id, &json!("abcdefghijkl")));
    chat(&cloud, "DisconnectUser", json!({"roomIdentifier": room, "userId": "alice", "reason": "bye"})).await;
    let event = alice.hear().await;
    assert_eq!(event["Attributes"], json!({"UserId": "alice", "Reason": "bye"}));
    assert_eq!(alice.hear().await, Value::Null);
}

#[tokio::test]
async fn a_room_that_is_deleted_closes_every_connection_to_it() {
    let cloud = start().await;
    let (gone, stays) = (room(&cloud, json!({})).await, room(&cloud, json!({})).await);
    let (mut alice, mut bob) =
        (enter(&cloud, &gone, "alice", &[]).await, enter(&cloud, &stays, "bob", &EVERYTHING).await);
    let unused = token(&cloud, &gone, "alice", &[]).await;
    chat(&cloud, "DeleteRoom", json!({"identifier": gone})).await;
    assert_eq!(alice.hear().await, Value::Null);
    assert_eq!(Client::connect(&cloud, &unused).await.err(), Some(401));
    bob.say("x").await;
    assert_eq!(bob.hear().await["Content"], "x");
}

#[tokio::test]
async fn a_connection_makes_ten_requests_at_once_and_a_room_takes_as_many_messages_as_it_says() {
    let cloud = start().await;
    let (wide, narrow) = (
        room(&cloud, json!({"maximumMessageRatePerSecond": 100})).await,
        room(&cloud, json!({"maximumMessageRatePerSecond": 1})).await,
    );
    for (room, at_least) in [(&wide, 10), (&narrow, 1)] {
        let mut alice = enter(&cloud, room, "alice", &EVERYTHING).await;
        for _ in 0..200 {
            alice.say("x").await;
        }
        let (mut messages, mut refusals) = (0, 0);
        for _ in 0..200 {
            let heard = alice.hear().await;
            match heard["Type"].as_str() {
                Some("MESSAGE") => messages += 1,
                _ => refusals += i32::from(heard["ErrorCode"] == 429),
            }
        }
        assert!(messages >= at_least && refusals > 0 && messages + refusals == 200, "{messages} and {refusals}");
    }
}

#[tokio::test]
async fn the_review_handler_is_shown_the_message_and_its_sender() {
    let cloud = start().await;
    let room = reviewed(&cloud, "DENY").await;
    let mut alice = enter(&cloud, &room, "alice", &EVERYTHING).await;
    alice
        .ask(json!({
            "Action": "SEND_MESSAGE",
            "RequestId": "r",
            "Content": r#"{"do": "show"}"#,
            "Attributes": {"a": "b"},
        }))
        .await;
    let heard = alice.hear().await;
    let shown: Value = serde_json::from_str(heard["Content"].as_str().unwrap_or_default()).expect("what it was shown");
    let expected = json!({
        "Content": r#"{"do": "show"}"#,
        "MessageId": heard["Id"],
        "RoomArn": room,
        "Attributes": {"a": "b"},
        "Sender": {"UserId": "alice", "Attributes": {"displayName": "alice"}, "Ip": "127.0.0.1"},
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn the_review_handler_changes_and_denies_messages() {
    let cloud = start().await;
    let room = reviewed(&cloud, "ALLOW").await;
    let mut alice = enter(&cloud, &room, "alice", &EVERYTHING).await;
    let order = |answer: Value| json!({"do": "answer", "answer": answer}).to_string();
    let changed = json!({"ReviewResult": "ALLOW", "Content": "***", "Attributes": {"masked": "yes"}});
    alice.say(&order(changed)).await;
    let heard = alice.hear().await;
    assert_eq!((&heard["Content"], &heard["Attributes"]), (&json!("***"), &json!({"masked": "yes"})));
    alice.say(&order(json!({"ReviewResult": "DENY", "Attributes": {"Reason": "slow down"}}))).await;
    let refusal = alice.hear().await;
    assert_eq!((&refusal["ErrorCode"], &refusal["ErrorMessage"]), (&json!(406), &json!("slow down")));
}

#[tokio::test]
async fn where_the_review_handler_fails_or_is_late_the_rooms_fallback_counts() {
    let cloud = start().await;
    for (fallback, member, expected) in [("ALLOW", "Type", json!("MESSAGE")), ("DENY", "ErrorCode", json!(406))] {
        let room = reviewed(&cloud, fallback).await;
        let mut alice = enter(&cloud, &room, "alice", &EVERYTHING).await;
        for order in [r#"{"do": "fail"}"#, r#"{"do": "answer", "answer": {"ReviewResult": "PERHAPS"}}"#] {
            alice.say(order).await;
            assert_eq!(alice.hear().await[member], expected, "{order}");
        }
        door(&cloud, "PUT", "quotas", json!({"messageReviewMilliseconds": 1})).await;
        alice.say(r#"{"do": "hang"}"#).await;
        assert_eq!(alice.hear().await[member], expected);
    }
}
