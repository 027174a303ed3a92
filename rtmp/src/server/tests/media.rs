use super::*;

fn on_meta_data(first: &[Value]) -> Message {
    let map = Value::Map(vec![("width".into(), Value::Number(1280.0))]);
    message::data(1, &[first, &[text("onMetaData"), map]].concat())
}

#[test]
fn metadata_is_handed_on_each_time_with_and_without_set_data_frame() {
    let mut peer = Peer::publishing();
    for first in [&[text("@setDataFrame")][..], &[], &[]] {
        peer.send(4, &on_meta_data(first)).unwrap();
    }
    let metadata = Event::Metadata(vec![("width".into(), Value::Number(1280.0))]);
    assert_eq!(peer.events, [metadata.clone(), metadata.clone(), metadata]);
}

#[test]
fn metadata_of_amf3_is_read() {
    let mut peer = Peer::publishing();
    let amf0 = on_meta_data(&[text("@setDataFrame")]);
    let values = [text("onMetaData"), object(&[("fps", Value::Number(30.0))])];
    for body in [Bytes::from([&[0][..], &amf0.body].concat()), crate::amf::amf3::write(&values)] {
        peer.send(4, &Message { kind: 15, body, ..amf0.clone() }).unwrap();
    }
    assert!(
        matches!(&peer.events[..], [Event::Metadata(first), Event::Metadata(second)] if first[0].0 == "width" && second[0].0 == "fps")
    );
}

#[test]
fn data_that_cannot_be_read_or_means_nothing_is_passed_over() {
    let mut peer = Peer::publishing();
    for body in [&b"\x02\x00\x0aonMeta"[..], b"\x04", b"", b"\x02\x00\x0aonMetaData", b"\x02\x00\x0aonTextData\x05"] {
        peer.send(4, &Message { timestamp: 0, kind: 18, stream: 1, body: Bytes::from_static(body) }).unwrap();
    }
    assert_eq!(peer.events, []);
}

#[test]
fn audio_and_video_may_share_a_chunk_stream() {
    let mut peer = Peer::publishing();
    let audio = |timestamp| message::audio(1, timestamp, Bytes::from_static(b"\xaf\x01\x21"));
    for timestamp in [0, 33, 66] {
        peer.send(4, &frame(timestamp)).unwrap();
        peer.send(4, &audio(timestamp + 5)).unwrap();
    }
    let times: Vec<_> = peer
        .events
        .iter()
        .map(|event| match event {
            Event::Video { timestamp, .. } => (9, *timestamp),
            Event::Audio { timestamp, .. } => (8, *timestamp),
            _ => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(times, [(9, 0), (8, 5), (9, 33), (8, 38), (9, 66), (8, 71)]);
}

/// GStreamer says 128 after it has asked to publish.
#[test]
fn a_late_chunk_size_holds_from_then_on() {
    let mut peer = Peer::connected();
    peer.send(2, &message::chunk_size(4096)).unwrap();
    peer.writer.set_chunk_size(4096);
    peer.publish(KEY);
    let body = Bytes::from(vec![0x27; 1000]);
    peer.send(4, &message::video(1, 0, body.clone())).unwrap();
    peer.send(2, &message::chunk_size(128)).unwrap();
    peer.writer.set_chunk_size(128);
    peer.send(4, &message::video(1, 1, body.clone())).unwrap();
    let events = [0, 1].map(|timestamp| Event::Video { timestamp, body: body.clone() });
    assert_eq!(peer.events[2..], events);
}

#[test]
fn a_message_that_is_given_up_is_forgotten() {
    let mut peer = Peer::publishing();
    let (mut bytes, lost) = (BytesMut::new(), message::video(1, 0, Bytes::from(vec![1; 500])));
    let mut chunks = peer.writer.begin(6, &lost);
    peer.writer.write_chunk(&mut chunks, &mut bytes);
    peer.bytes(&bytes).unwrap();
    assert_eq!(peer.session.buffered(), 128);
    let abort = Message { timestamp: 0, kind: 2, stream: 0, body: Bytes::from_static(&[0, 0, 0, 6]) };
    peer.send(2, &abort).unwrap();
    assert_eq!(peer.session.buffered(), 0);
    peer.send(6, &frame(40)).unwrap();
    assert!(matches!(peer.events[..], [Event::Video { timestamp: 40, .. }]));
}

#[test]
fn a_ping_is_answered() {
    let mut peer = Peer::connected();
    peer.control.clear();
    let ping = Message { timestamp: 0, kind: 4, stream: 0, body: Bytes::from_static(b"\x00\x06\x01\x02\x03\x04") };
    peer.send(2, &ping).unwrap();
    assert_eq!(peer.control[0].body, &b"\x00\x07\x01\x02\x03\x04"[..]);
    // Neither is a stream that begins, nor one that is cut short.
    for body in [&b"\x00\x00\x00\x00\x00\x01"[..], b"\x00\x06\x01", b""] {
        peer.send(2, &Message { body: Bytes::from_static(body), ..ping.clone() }).unwrap();
    }
    assert_eq!(peer.control.len(), 1);
}

#[test]
fn go_away_and_messages_of_unknown_kinds_are_passed_over() {
    let mut peer = Peer::publishing();
    for kind in [0, 3, 7, 16, 19, 22, 32, 255] {
        peer.send(3, &Message { timestamp: 0, kind, stream: 0, body: Bytes::from_static(b"\x00") }).unwrap();
    }
    peer.call("_checkbw", 9.0, &[Value::Null]);
    assert!(peer.events.is_empty() && !peer.closed);
}

#[test]
fn bytes_are_acknowledged_by_the_window_that_the_peer_sets() {
    let mut peer = Peer::publishing();
    peer.send(2, &message::window(10_000)).unwrap();
    peer.control.clear();
    for timestamp in 0..10 {
        peer.send(6, &message::video(1, timestamp, Bytes::from(vec![0x27; 5000]))).unwrap();
    }
    let acknowledged: Vec<_> =
        peer.control.iter().map(|message| u32::from_be_bytes(message.body[..].try_into().unwrap())).collect();
    assert_eq!(acknowledged.len(), 5);
    assert!(acknowledged.windows(2).all(|pair| pair[1] - pair[0] >= 10_000), "{acknowledged:?}");
}

#[test]
fn a_tiny_window_does_not_make_the_server_talk() {
    let mut peer = Peer::publishing();
    peer.send(2, &message::window(0)).unwrap();
    peer.control.clear();
    for timestamp in 0..100 {
        peer.send(6, &frame(timestamp)).unwrap();
    }
    assert!(peer.control.len() <= 3);
}

#[test]
fn media_of_a_connection_that_does_not_publish_are_nothing() {
    let mut peer = Peer::connected();
    peer.send(4, &frame(0)).unwrap();
    peer.send(4, &on_meta_data(&[])).unwrap();
    assert_eq!(peer.events.len(), 1);
}

#[test]
fn a_message_over_the_limit_is_an_error() {
    let mut peer = Peer::publishing();
    let long = message::video(1, 0, Bytes::from(vec![0x27; (4 << 20) + 1]));
    assert_eq!(peer.send(6, &long), Err(Error::MessageTooLong { length: (4 << 20) + 1, limit: 4 << 20 }));
    assert!(peer.closed);
}

#[test]
fn a_chunk_size_of_none_is_an_error_and_any_other_is_taken() {
    // The first bit is to be 0, and says nothing.
    for size in [0, 0x8000_0000] {
        let mut peer = Peer::publishing();
        assert_eq!(peer.send(2, &message::chunk_size(size)), Err(Error::NoChunkSize));
    }
    for size in [1, 0x8000_1000, 0x7fff_ffff] {
        let mut peer = Peer::publishing();
        assert_eq!(peer.send(2, &message::chunk_size(size)), Ok(()));
    }
}

#[test]
fn a_peer_that_does_not_publish_is_held_to_small_messages() {
    let long = message::video(1, 0, Bytes::from(vec![0x27; 100_000]));
    let mut peer = Peer::connected();
    assert_eq!(peer.send(6, &long), Err(Error::MessageTooLong { length: 100_000, limit: 64 << 10 }));
    assert!(peer.closed);
    // Together, unfinished messages have a limit, too.
    let mut peer = Peer::connected();
    peer.send(2, &message::chunk_size(60_000)).unwrap();
    let unfinished = |id: u8| [&[id, 0, 0, 0, 0, 0xff, 0xff, 9, 1, 0, 0, 0][..], &[0; 60_000]].concat();
    let ends: Vec<_> = (6..11).map(|id| peer.bytes(&unfinished(id))).collect();
    assert_eq!(ends[3..], [Ok(()), Err(Error::TooMuchBuffered(256 << 10))]);
    // What follows a publish at once is media already.
    let mut peer = Peer::connected();
    let mut bytes = BytesMut::new();
    peer.writer.write(3, &publish(KEY).message(), &mut bytes);
    peer.writer.write(6, &long, &mut bytes);
    peer.bytes(&bytes).unwrap();
    assert_eq!(peer.events.last(), Some(&Event::Video { timestamp: 0, body: long.body }));
}

#[test]
fn a_command_over_the_limit_or_that_cannot_be_read_is_an_error_without_its_contents() {
    let mut peer = Peer::publishing();
    let long = Command::new(0, "FCPublish", 1.0, vec![Value::Null, text(&"sk_".repeat(30_000))]);
    let error = peer.command(long).unwrap_err();
    assert!(matches!(error, Error::CommandTooLong { .. }) && !error.to_string().contains("sk_"));
    for body in [&b"\x02\x00\x0apublish\xff"[..], b"\x00\x00", b"", b"\x05", b"\x02\x00\x02sk\x05\x04"] {
        let mut peer = Peer::connected();
        let message = Message { timestamp: 0, kind: 20, stream: 0, body: Bytes::from_static(body) };
        let error = peer.send(3, &message).unwrap_err();
        assert!(matches!(error, Error::Command(_) | Error::Unexpected(_)), "{error:?}");
        assert!(!error.to_string().contains("sk"));
    }
}
