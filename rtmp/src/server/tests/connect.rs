use super::*;

fn event(app: &str) -> Event {
    Event::Connect { app: app.to_owned(), tc_url: None, encoder: None }
}

#[test]
fn connect_is_answered_with_its_transaction_whatever_that_is() {
    for transaction in [1.0, 0.0, 7.5, -3.0, 1e300] {
        let mut peer = Peer::new();
        peer.call("connect", transaction, &[object(&[("app", text("app"))])]);
        assert_eq!(peer.events, [event("app")]);
        assert_eq!(peer.heard[0].name, "_result");
        assert_eq!(peer.heard[0].transaction, transaction);
        assert_eq!(peer.codes(), ["NetConnection.Connect.Success"]);
        assert_eq!(peer.control.iter().map(|message| message.kind).collect::<Vec<_>>(), [5, 6]);
    }
}

#[test]
fn a_transaction_that_is_no_number_counts_as_0() {
    let mut peer = Peer::new();
    let values = [text("connect"), Value::Null, object(&[("app", text("app"))])];
    let body = crate::amf::amf0::write(&values);
    peer.send(3, &Message { timestamp: 0, kind: 20, stream: 0, body }).unwrap();
    assert_eq!(peer.heard[0].transaction, 0.0);
}

#[test]
fn connect_of_obs_is_heard() {
    let mut peer = Peer::new();
    peer.send(2, &message::chunk_size(4096)).unwrap();
    peer.writer.set_chunk_size(4096);
    let fields = [
        ("app", text("app")),
        ("type", text("nonprivate")),
        ("supportsGoAway", Value::Boolean(true)),
        ("flashVer", text("FMLE/3.0 (compatible; FMSc/1.0)")),
        ("swfUrl", text("rtmp://127.0.0.1:1935/app")),
        ("tcUrl", text("rtmp://127.0.0.1:1935/app")),
        ("fourCcList", Value::Array(vec![text("av01"), text("hvc1")])),
        ("capsEx", Value::Number(0.0)),
    ];
    peer.call("connect", 1.0, &[object(&fields)]);
    let tc_url = Some("rtmp://127.0.0.1:1935/app".to_owned());
    let encoder = Some("FMLE/3.0 (compatible; FMSc/1.0)".to_owned());
    assert_eq!(peer.events, [Event::Connect { app: "app".into(), tc_url, encoder }]);
}

#[test]
fn an_application_has_no_query_and_no_slash_around_it() {
    for app in ["app", "app/", "/app", "//app//", "app?x=1", "app/?x=1&y=/z"] {
        let mut peer = Peer::new();
        peer.connect(app);
        assert_eq!(peer.events, [event("app")], "{app}");
    }
    let mut peer = Peer::new();
    // GStreamer, of a key with a slash in its query.
    peer.connect("app/KEY?x=1&y=a");
    assert_eq!(peer.events, [event("app/KEY")]);
}

#[test]
fn a_connect_that_is_refused_is_told_so_and_closed() {
    let mut peer = Peer::new();
    let mut bytes = BytesMut::new();
    let connect = Command::new(0, "connect", 4.0, vec![object(&[("app", text("other"))])]);
    peer.writer.write(3, &connect.message(), &mut bytes);
    // What comes with it is not dealt with.
    peer.writer.write(3, &publish(KEY).message(), &mut bytes);
    peer.session.input(&bytes).unwrap();
    assert_eq!(peer.session.poll(), Some(Output::Event(event("other"))));
    peer.session.reject_connect("there is no such application");
    peer.drain();
    assert_eq!((peer.heard[0].name.as_str(), peer.heard[0].transaction), ("_error", 4.0));
    assert_eq!(peer.codes(), ["NetConnection.Connect.Rejected"]);
    assert_eq!(peer.description(), "there is no such application");
    assert_eq!((peer.events.len(), peer.heard.len(), peer.closed), (0, 1, true));
}

#[test]
fn a_connect_without_an_application_is_refused() {
    for arguments in [vec![], vec![Value::Null], vec![object(&[("app", Value::Number(1.0))])]] {
        let mut peer = Peer::new();
        peer.call("connect", 1.0, &arguments);
        assert_eq!(peer.codes(), ["NetConnection.Connect.Rejected"]);
        assert!(peer.closed && peer.events.is_empty());
    }
}

#[test]
fn commands_before_connect_and_a_second_connect_are_errors() {
    for name in ["createStream", "publish", "play"] {
        let mut peer = Peer::new();
        let result = peer.command(Command::new(0, name, 1.0, vec![Value::Null, text(KEY)]));
        assert_eq!(result, Err(Error::Unexpected("a command came before connect")));
        assert!(peer.closed);
    }
    let mut peer = Peer::connected();
    let result = peer.command(Command::new(0, "connect", 1.0, vec![object(&[("app", text("app"))])]));
    assert_eq!(result, Err(Error::Unexpected("a second connect")));
}

#[test]
fn amf3_commands_are_obeyed_and_answered_as_such() {
    let mut peer = Peer::new();
    let fields = object(&[("app", text("app")), ("objectEncoding", Value::Number(3.0))]);
    let connect = Command { kind: 17, ..Command::new(0, "connect", 1.0, vec![fields]) };
    peer.command(connect).unwrap();
    assert_eq!(peer.heard[0].kind, 17);
    assert_eq!(peer.heard[0].arguments[1].field("objectEncoding"), Some(&Value::Number(3.0)));
    // AMF3 through and through, as few do it.
    let values = [text("publish"), Value::Number(2.0), Value::Null, text(KEY), text("live")];
    let body = crate::amf::amf3::write(&values);
    peer.send(3, &Message { timestamp: 0, kind: 17, stream: 1, body }).unwrap();
    assert!(matches!(&peer.events[1], Event::Publish { key, .. } if key.expose() == KEY));
    assert_eq!(peer.codes(), ["NetConnection.Connect.Success", "NetStream.Publish.Start"]);
}
