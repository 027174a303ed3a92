//! Against the server's session.

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{Error, Limits, Output, ServerSession, amf::Value, flv, server};

use super::*;

/// Both sides, and what happened on each.
struct Pair {
    client: ClientSession,
    server: ServerSession,
    happened: Vec<Event>,
    served: Vec<server::Event>,
    /// Which of them closed.
    closed: (bool, bool),
    /// What the server answers to a publish.
    refusal: Option<server::Reject>,
    /// In pieces of which sizes bytes arrive.
    pieces: Vec<usize>,
    next_piece: usize,
}

impl Pair {
    fn new(pieces: Vec<usize>) -> Self {
        let client = session();
        let server = ServerSession::new(Limits::default());
        let (happened, served, refusal) = (Vec::new(), Vec::new(), None);
        Self { client, server, happened, served, closed: (false, false), refusal, pieces, next_piece: 0 }
    }

    fn published() -> Self {
        let mut pair = Self::new(vec![10_000]);
        pair.run();
        assert_eq!(pair.happened, [Event::Connected, Event::Published]);
        pair.served.clear();
        pair
    }

    /// Until neither has anything to say.
    fn run(&mut self) {
        loop {
            let mut idle = true;
            while let Some(output) = self.client.poll() {
                idle = false;
                match output {
                    Output::Transmit(bytes) => self.pieces(&bytes).iter().for_each(|piece| self.server_hears(piece)),
                    Output::Event(event) => self.happened.push(event),
                    Output::Close => self.closed.0 = true,
                }
            }
            while let Some(output) = self.server.poll() {
                idle = false;
                match output {
                    Output::Transmit(bytes) => {
                        self.pieces(&bytes).iter().for_each(|piece| self.client.input(piece).unwrap());
                    }
                    Output::Event(event) => {
                        let asks = matches!(event, server::Event::Publish { .. });
                        self.served.push(event);
                        match self.refusal {
                            None if asks => self.server.accept_publish(),
                            Some(reject) if asks => self.server.reject_publish(reject, "not this one"),
                            _ => {}
                        }
                    }
                    Output::Close => self.closed.1 = true,
                }
            }
            if idle {
                return;
            }
        }
    }

    fn server_hears(&mut self, bytes: &[u8]) {
        self.server.input(bytes).unwrap();
    }

    fn pieces(&mut self, bytes: &Bytes) -> Vec<Bytes> {
        let (mut rest, mut pieces) = (bytes.clone(), Vec::new());
        while !rest.is_empty() {
            self.next_piece = (self.next_piece + 1) % self.pieces.len();
            pieces.push(rest.split_to(self.pieces[self.next_piece].min(rest.len())));
        }
        pieces
    }
}

#[test]
fn both_sides_find_together() {
    let mut pair = Pair::new(vec![1]);
    pair.run();
    assert_eq!(pair.happened, [Event::Connected, Event::Published]);
    let encoder = Some("FMLE/3.0 (compatible; Greenroom)".to_owned());
    let connect = server::Event::Connect { app: "app".into(), tc_url: Some("rtmp://127.0.0.1/app".into()), encoder };
    let (key, arguments) = (StreamKey::new("sk_secret".into()), "token=1".to_owned());
    assert_eq!(pair.served, [connect, server::Event::Publish { app: "app".into(), key, arguments }]);
    pair.client.unpublish();
    pair.run();
    assert_eq!(pair.served[2..], [server::Event::Unpublish]);
    assert_eq!(pair.closed, (true, false));
}

/// What a publisher sends.
#[derive(Debug, Clone)]
enum Sent {
    Metadata(Vec<(String, Value)>),
    Video(u32, Bytes),
    Audio(u32, Bytes),
}

fn sent() -> impl Strategy<Value = Sent> {
    let body = || prop_oneof![vec(any::<u8>(), 1..20), (1usize..20_000).prop_map(|length| vec![7; length])];
    let time = || prop_oneof![0u32..1000, any::<u32>()];
    let fields = vec(("[a-z]{1,8}", (-1e9..1e9).prop_map(Value::Number)), 0..6);
    prop_oneof![
        1 => fields.prop_map(Sent::Metadata),
        4 => (time(), body()).prop_map(|(time, body)| Sent::Video(time, body.into())),
        4 => (time(), body()).prop_map(|(time, body)| Sent::Audio(time, body.into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn media_arrive_as_they_were_sent(sent in vec(sent(), 0..30), pieces in vec(1usize..3000, 1..5), stop in any::<Index>()) {
        let mut pair = Pair::new(pieces);
        pair.run();
        pair.served.clear();
        let pause = stop.index(sent.len() + 1);
        let mut expected = Vec::new();
        for (place, sent) in sent.into_iter().enumerate() {
            if place == pause {
                pair.run();
            }
            expected.push(match sent {
                Sent::Metadata(fields) => {
                    pair.client.metadata(fields.clone())?;
                    server::Event::Metadata(fields)
                }
                Sent::Video(timestamp, body) => {
                    pair.client.video(timestamp, body.clone())?;
                    server::Event::Video { timestamp, body }
                }
                Sent::Audio(timestamp, body) => {
                    pair.client.audio(timestamp, body.clone())?;
                    server::Event::Audio { timestamp, body }
                }
            });
        }
        pair.run();
        prop_assert_eq!(&pair.served, &expected);
        prop_assert_eq!(pair.server.buffered(), 0);
    }
}

#[test]
fn what_the_packager_gets_is_what_the_publisher_had() {
    let mut pair = Pair::published();
    let record = Bytes::from_static(&[1, 0x42, 0xc0, 0x1f, 0xff, 0xe0, 0]);
    pair.client.video(0, flv::VideoCodec::Avc.config(&record)).unwrap();
    pair.client.video(40, flv::VideoCodec::Avc.frame(true, 80, b"\0\0\0\x01\x65")).unwrap();
    pair.client.audio(41, flv::aac_frame(b"\x21\x10")).unwrap();
    pair.run();
    let media: Vec<_> = pair.served.drain(..).collect();
    let [
        server::Event::Video { body: config, .. },
        server::Event::Video { body, .. },
        server::Event::Audio { body: sound, .. },
    ] = &media[..]
    else {
        panic!("{media:?}")
    };
    assert_eq!(flv::video(config.clone()), Ok(flv::Video::Config { codec: flv::VideoCodec::Avc, record }));
    let data = Bytes::from_static(b"\0\0\0\x01\x65");
    assert_eq!(flv::video(body.clone()), Ok(flv::Video::Frame { key: true, composition_offset_ms: 80, data }));
    assert_eq!(flv::audio(sound.clone()), Ok(flv::Audio::Frame { data: Bytes::from_static(b"\x21\x10") }));
}

#[test]
fn a_refusal_reaches_the_publisher() {
    let mut pair = Pair::new(vec![100]);
    pair.refusal = Some(server::Reject::Unauthorized);
    pair.run();
    let rejected = Event::Rejected { code: "NetStream.Publish.Denied".into(), description: "not this one".into() };
    assert_eq!(pair.happened, [Event::Connected, rejected]);
    assert_eq!(pair.closed, (true, true));
}

#[test]
fn the_end_by_the_server_reaches_the_publisher() {
    let mut pair = Pair::published();
    pair.server.stop();
    pair.run();
    let code = "NetStream.Unpublish.Success".to_owned();
    assert_eq!(pair.happened[2..], [Event::Stopped { code, description: "stopped by the server".into() }]);
    assert_eq!(pair.client.video(0, Bytes::from_static(b"x")), Err(Error::NotPublishing));
}

#[test]
fn a_publish_that_is_taken_back_ends_with_the_reason() {
    let mut pair = Pair::published();
    pair.server.revoke_publish(server::Reject::BadName, "codec or resolution differ");
    pair.run();
    let code = "NetStream.Publish.BadName".to_owned();
    assert_eq!(pair.happened[2..], [Event::Stopped { code, description: "codec or resolution differ".into() }]);
    assert_eq!(pair.closed, (true, true));
}

#[test]
fn nothing_is_sent_before_the_server_has_said_yes() {
    let mut client = session();
    assert_eq!(client.metadata(Vec::new()), Err(Error::NotPublishing));
    assert_eq!(client.audio(0, Bytes::from_static(b"x")), Err(Error::NotPublishing));
    client.unpublish();
    assert!(matches!(client.poll(), Some(Output::Transmit(_))));
    assert_eq!((client.poll(), client.poll()), (Some(Output::Close), None));
}

#[test]
fn a_frame_that_no_server_would_take_is_not_sent() {
    let mut pair = Pair::published();
    let error = pair.client.video(0, Bytes::from(vec![0x27; (4 << 20) + 1])).unwrap_err();
    assert_eq!(error, Error::MessageTooLong { length: (4 << 20) + 1, limit: 4 << 20 });
    assert_eq!(pair.client.poll(), None);
}
