use super::*;

fn asked(key: &str, arguments: &str) -> Event {
    Event::Publish { app: "app".into(), key: StreamKey::new(key.into()), arguments: arguments.into() }
}

#[test]
fn obs_does_not_wait_for_answers() {
    let mut peer = Peer::new();
    let mut bytes = BytesMut::new();
    for command in [
        Command::new(0, "connect", 1.0, vec![object(&[("app", text("app"))])]),
        Command::new(0, "releaseStream", 2.0, vec![Value::Null, text(KEY)]),
        Command::new(0, "FCPublish", 3.0, vec![Value::Null, text(KEY)]),
        Command::new(0, "createStream", 4.0, vec![Value::Null]),
        publish(KEY),
    ] {
        peer.writer.write(3, &command.message(), &mut bytes);
    }
    peer.bytes(&bytes).unwrap();
    let heard: Vec<_> = peer.heard.iter().map(|command| (command.name.as_str(), command.transaction)).collect();
    assert_eq!(heard, [("_result", 1.0), ("_result", 4.0), ("onStatus", 0.0)]);
    assert_eq!(peer.heard[1].arguments[1], Value::Number(1.0));
    assert_eq!(peer.heard[2].stream, 1);
    assert_eq!(peer.events[1..], [asked(KEY, "")]);
}

#[test]
fn a_publish_may_have_transaction_0() {
    let mut peer = Peer::connected();
    for name in ["releaseStream", "FCPublish"] {
        peer.call(name, 0.0, &[Value::Null, text(KEY)]);
    }
    peer.command(Command { transaction: 0.0, ..publish(KEY) }).unwrap();
    assert_eq!(peer.codes(), ["NetStream.Publish.Start"]);
}

#[test]
fn a_key_is_parted_from_its_query_and_from_slashes_before_it() {
    for (name, key, arguments) in [
        (KEY, KEY, ""),
        ("//KEY", "KEY", ""),
        ("KEY?x=1", "KEY", "x=1"),
        ("/KEY?x=1&y=a/b?c", "KEY", "x=1&y=a/b?c"),
        ("KEY?", "KEY", ""),
    ] {
        let mut peer = Peer::connected();
        peer.publish(name);
        assert_eq!(peer.events[1], asked(key, arguments), "{name}");
    }
}

#[test]
fn a_key_with_a_slash_is_refused_in_clear_words() {
    let mut peer = Peer::connected();
    peer.publish("room/secret");
    assert_eq!(peer.codes(), ["NetStream.Publish.BadName"]);
    assert_eq!(peer.description(), "a stream key has no slash in it; look where the URL ends and the key begins");
    assert!(peer.closed);
    assert_eq!(peer.events.len(), 1);
}

#[test]
fn a_publish_without_a_key_is_refused() {
    for name in ["", "/", "?x=1"] {
        let mut peer = Peer::connected();
        peer.publish(name);
        assert_eq!(peer.description(), "no stream key is given");
        assert!(peer.closed);
    }
    let mut peer = Peer::connected();
    peer.command(Command::new(1, "publish", 1.0, vec![])).unwrap();
    assert!(peer.closed);
}

#[test]
fn a_publish_that_is_refused_is_told_so_and_closed() {
    for (reject, code) in
        [(Reject::BadName, "NetStream.Publish.BadName"), (Reject::Unauthorized, "NetStream.Publish.Denied")]
    {
        let mut peer = Peer::connected();
        peer.answer = Some(Err((reject, "this channel is on air already")));
        peer.publish(KEY);
        assert_eq!(peer.codes(), [code]);
        assert_eq!(peer.heard[0].arguments[1].field("level"), Some(&text("error")));
        assert_eq!(peer.description(), "this channel is on air already");
        assert!(peer.closed);
        // As OBS takes its leave.
        peer.session.input(b"anything").unwrap();
        assert_eq!(peer.session.poll(), None);
    }
}

#[test]
fn no_description_holds_the_key() {
    let mut peer = Peer::connected();
    peer.answer = Some(Err((Reject::BadName, "there is no sk_us-east-1_abcdef here")));
    peer.publish(KEY);
    assert_eq!(peer.description(), "refused");
}

#[test]
fn what_comes_before_the_answer_waits_for_it() {
    let mut peer = Peer::connected();
    peer.answer = None;
    peer.publish(KEY);
    peer.send(4, &frame(0)).unwrap();
    peer.send(4, &frame(33)).unwrap();
    assert_eq!(peer.events.len(), 2);
    assert!(peer.session.buffered() > 0);
    peer.session.accept_publish();
    peer.drain();
    assert!(matches!(peer.events[2..], [Event::Video { timestamp: 0, .. }, Event::Video { timestamp: 33, .. }]));
    assert_eq!(peer.session.buffered(), 0);
}

#[test]
fn what_waits_is_bounded() {
    let mut peer = Peer::connected();
    peer.answer = None;
    peer.publish(KEY);
    let mut result = Ok(());
    for _ in 0..20 {
        result = peer.bytes(&vec![0; 64 << 10]);
        assert!(peer.session.buffered() <= 256 << 10);
    }
    assert_eq!(result, Err(Error::TooMuchBuffered(256 << 10)));
    assert!(peer.closed);
}

#[test]
fn an_error_that_comes_to_light_after_the_answer_is_told() {
    let mut peer = Peer::connected();
    peer.answer = None;
    peer.publish(KEY);
    peer.bytes(b"\xc9").unwrap();
    assert_eq!(peer.session.error(), None);
    peer.session.accept_publish();
    peer.drain();
    assert!(peer.closed);
    assert_eq!(peer.session.error(), Some(&Error::ChunkStreamUnknown(9)));
    assert_eq!(peer.bytes(b"more"), Err(Error::ChunkStreamUnknown(9)));
}

#[test]
fn a_second_publish_of_the_connection_is_refused_and_the_first_goes_on() {
    let mut peer = Peer::publishing();
    peer.publish("another");
    assert_eq!(peer.codes(), ["NetStream.Publish.BadName"]);
    assert_eq!(peer.description(), "this connection is publishing already");
    peer.send(4, &frame(0)).unwrap();
    assert!(matches!(peer.events[..], [Event::Video { .. }]));
    assert!(!peer.closed);
}

#[test]
fn taking_leave_ends_the_publish_of_the_connection_once() {
    for (name, argument) in [
        ("FCUnpublish", text(KEY)),
        ("deleteStream", Value::Number(1.0)),
        // GStreamer: the name in place of the number.
        ("deleteStream", text("KEY?x=1")),
        ("deleteStream", Value::Null),
        ("closeStream", Value::Null),
    ] {
        let mut peer = Peer::publishing();
        peer.call(name, 0.0, &[Value::Null, argument]);
        assert_eq!(peer.events, [Event::Unpublish]);
        peer.call("deleteStream", 7.0, &[Value::Null, Value::Number(1.0)]);
        peer.send(4, &frame(0)).unwrap();
        assert_eq!(peer.events, [Event::Unpublish]);
        assert!(!peer.closed);
    }
}

#[test]
fn taking_leave_without_a_publish_is_nothing() {
    for (name, argument) in [
        ("FCUnpublish", text("another's key")),
        ("deleteStream", Value::Number(1.0)),
        ("deleteStream", text("KEY")),
        ("deleteStream", object(&[])),
        ("closeStream", Value::Undefined),
    ] {
        let mut peer = Peer::connected();
        peer.call(name, 3.0, &[Value::Null, argument]);
        assert_eq!((peer.events.len(), peer.heard.len(), peer.closed), (1, 0, false), "{name}");
    }
}

#[test]
fn a_connection_may_publish_again() {
    let mut peer = Peer::publishing();
    peer.call("FCUnpublish", 6.0, &[Value::Null, text(KEY)]);
    peer.publish("next");
    assert_eq!(peer.events[1], asked("next", ""));
    assert_eq!(peer.codes(), ["NetStream.Publish.Start"]);
}

#[test]
fn the_server_stops_a_publish() {
    let mut peer = Peer::publishing();
    peer.heard.clear();
    peer.session.stop();
    peer.drain();
    assert_eq!(peer.codes(), ["NetStream.Unpublish.Success"]);
    assert!(peer.closed);
    assert_eq!(peer.events, []);
}

#[test]
fn a_publish_that_is_taken_back_hears_why_and_no_key() {
    for (why, heard) in [("the channel is on air already", "the channel is on air already"), (KEY, "refused")] {
        let mut peer = Peer::publishing();
        peer.heard.clear();
        peer.session.revoke_publish(Reject::BadName, why);
        peer.drain();
        assert_eq!((peer.codes(), peer.description()), (vec!["NetStream.Publish.BadName"], heard));
        assert!(peer.closed);
        assert_eq!(peer.events, []);
    }
}

#[test]
fn a_player_is_told_that_it_is_wrong_here() {
    let mut peer = Peer::connected();
    peer.call("play", 0.0, &[Value::Null, text("anything")]);
    assert_eq!(peer.codes(), ["NetStream.Play.Failed"]);
    assert!(peer.closed);
}

#[test]
fn nothing_that_is_shown_holds_the_key() {
    let mut peer = Peer::connected();
    peer.answer = None;
    peer.publish("sk_secret?token=sk_more");
    let mut bytes = BytesMut::new();
    peer.writer.write(3, &publish("sk_secret").message(), &mut bytes);
    peer.bytes(&bytes[..30]).unwrap();
    let shown = format!("{:?} {:?}", peer.session, peer.events);
    assert!(!shown.contains("sk_") && !shown.contains("115, 107"), "{shown}");
    assert!(shown.contains("StreamKey(redacted)"));
}
