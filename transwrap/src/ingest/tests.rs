//! The publisher against an ingest that does what ingests do, on sockets of loopback.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::BytesMut;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rtmp::{
    Limits, Output, ServerSession, StreamKey,
    amf::Value,
    flv::{VideoCodec, aac_config, aac_frame},
    server::{Event, Reject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};

use super::*;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

fn headers() -> Arc<Headers> {
    let metadata = vec![("width".to_owned(), Value::Number(1280.0))];
    let video = VideoCodec::Avc.config(&[1, 0x42, 0xc0, 0x1f, 0xff, 0xe0, 0]);
    Arc::new(Headers { metadata, video: Some(video), audio: Some(aac_config(&[0x11, 0x90])) })
}

fn video(timestamp: u64, key: bool, headers: &Arc<Headers>) -> Frame {
    let body = VideoCodec::Avc.frame(key, 0, b"\0\0\0\x01e");
    Frame { medium: Medium::Video { key }, timestamp, body, headers: Arc::clone(headers) }
}

fn audio(timestamp: u64, headers: &Arc<Headers>) -> Frame {
    Frame { medium: Medium::Audio, timestamp, body: aac_frame(b"aac"), headers: Arc::clone(headers) }
}

/// What is trusted where there is no TLS: nobody.
fn nobody() -> Arc<ClientConfig> {
    trusting(RootCertStore::empty())
}

fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A broadcast on its way to an address.
struct Broadcast {
    feed: Arc<Feed>,
    signals: mpsc::UnboundedReceiver<Signal>,
    job: JoinHandle<End>,
}

impl Broadcast {
    fn to(url: String, trusted: bool, takes_over: bool, config: Arc<ClientConfig>) -> Self {
        let key = StreamKey::new("sk_secret".into());
        let endpoint = Endpoint::of(&Target { url, key, trusted, priority: None, takes_over }).unwrap();
        let (sender, signals) = mpsc::unbounded_channel();
        let feed = Arc::new(Feed::new());
        let shared = Arc::clone(&feed);
        let job = tokio::spawn(async move { publish(&endpoint, trusted, takes_over, &config, &shared, &sender).await });
        Self { feed, signals, job }
    }

    fn to_listener(listener: &TcpListener) -> Self {
        Self::to(format!("rtmp://{}/app", listener.local_addr().unwrap()), true, false, nobody())
    }

    async fn signal(&mut self) -> Signal {
        timeout(LIMIT, self.signals.recv()).await.unwrap().expect("a signal")
    }

    /// Lets it try again.
    async fn goes_on(&mut self) {
        match self.signal().await {
            Signal::Reconnecting { go, .. } => go.send(()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn end(self) -> End {
        timeout(LIMIT, self.job).await.unwrap().unwrap()
    }
}

/// An ingest's side of one connection.
struct Ingest<S> {
    stream: S,
    session: ServerSession,
    events: std::collections::VecDeque<Event>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Ingest<S> {
    fn new(stream: S) -> Self {
        Self { stream, session: ServerSession::new(Limits::default()), events: Default::default() }
    }

    /// What the publisher does next; `None`: it has closed.
    async fn event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let mut bytes = BytesMut::new();
            if !matches!(timeout(LIMIT, self.stream.read_buf(&mut bytes)).await.unwrap(), Ok(1..)) {
                return None;
            }
            self.session.input(&bytes).unwrap();
            self.answer().await;
        }
    }

    async fn answer(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(bytes) => self.stream.write_all(&bytes).await.unwrap(),
                Output::Event(event) => self.events.push_back(event),
                Output::Close => self.stream.shutdown().await.unwrap(),
            }
        }
    }

    /// Waits for the publish, and answers it.
    async fn asked(&mut self, answer: impl FnOnce(&mut ServerSession)) {
        while let Some(event) = self.event().await {
            if let Event::Publish { key, .. } = event {
                assert_eq!(key, StreamKey::new("sk_secret".into()));
                answer(&mut self.session);
                return self.answer().await;
            }
        }
        panic!("no publish");
    }

    /// The next events, shortly: `m` metadata, `c` configuration, `k` key frame, `v` frame, `a` audio, `.` the end.
    async fn media(&mut self, count: usize) -> Vec<(char, u32)> {
        let mut media = Vec::new();
        while media.len() < count {
            media.push(match self.event().await {
                Some(Event::Metadata(_)) => ('m', 0),
                Some(Event::Video { timestamp, body }) => match rtmp::flv::video(body).unwrap() {
                    rtmp::flv::Video::Config { .. } => ('c', timestamp),
                    rtmp::flv::Video::Frame { key, .. } => (if key { 'k' } else { 'v' }, timestamp),
                    other => panic!("{other:?}"),
                },
                Some(Event::Audio { timestamp, body }) => match rtmp::flv::audio(body).unwrap() {
                    rtmp::flv::Audio::Config { .. } => ('c', timestamp),
                    _ => ('a', timestamp),
                },
                Some(Event::Unpublish) => ('.', 0),
                other => panic!("{other:?}"),
            });
        }
        media
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn accepted(listener: &TcpListener) -> Ingest<TcpStream> {
    Ingest::new(timeout(LIMIT, listener.accept()).await.unwrap().unwrap().0)
}

fn denied(session: &mut ServerSession) {
    session.reject_publish(Reject::Unauthorized, "this key is not known");
}

fn in_use(session: &mut ServerSession) {
    session.reject_publish(Reject::BadName, "Already publishing");
}

fn bad_name(session: &mut ServerSession) {
    session.reject_publish(Reject::BadName, "no");
}

#[tokio::test]
async fn a_broadcast_arrives_with_its_headers_and_ends_as_asked() {
    let listener = listener().await;
    let mut broadcast = Broadcast::to_listener(&listener);
    let mut ingest = accepted(&listener).await;
    ingest.asked(ServerSession::accept_publish).await;
    assert!(matches!(broadcast.signal().await, Signal::Published));
    let headers = headers();
    // The time of a broadcast that has been under way.
    for frame in
        [audio(980, &headers), video(1000, true, &headers), audio(1010, &headers), video(1033, false, &headers)]
    {
        broadcast.feed.push(frame);
    }
    let media = ingest.media(6).await;
    assert_eq!(media, [('m', 0), ('c', 0), ('c', 0), ('k', 0), ('a', 10), ('v', 33)]);
    assert!(matches!(broadcast.signal().await, Signal::Sent));
    broadcast.feed.finish();
    assert_eq!(ingest.media(1).await, [('.', 0)]);
    assert!(broadcast.feed.stats().sent_bytes > 3000);
    assert_eq!(broadcast.end().await, End::Stopped);
}

#[tokio::test]
async fn another_recordings_headers_are_sent_before_its_first_frame() {
    let listener = listener().await;
    let broadcast = Broadcast::to_listener(&listener);
    let mut ingest = accepted(&listener).await;
    ingest.asked(ServerSession::accept_publish).await;
    broadcast.feed.push(video(0, true, &headers()));
    assert_eq!(ingest.media(4).await.last(), Some(&('k', 0)));
    broadcast.feed.push(video(40, true, &headers()));
    assert_eq!(ingest.media(4).await, [('m', 0), ('c', 40), ('c', 40), ('k', 40)]);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew_and_begins_at_a_key_frame_with_headers() {
    let listener = listener().await;
    let mut broadcast = Broadcast::to_listener(&listener);
    let headers = headers();
    let mut ingest = accepted(&listener).await;
    ingest.asked(ServerSession::accept_publish).await;
    broadcast.feed.push(video(0, true, &headers));
    ingest.media(4).await;
    assert!(matches!(broadcast.signal().await, Signal::Published));
    assert!(matches!(broadcast.signal().await, Signal::Sent));
    // It is reset, as of a server that was killed.
    ingest.stream.set_zero_linger().unwrap();
    drop(ingest);
    let Signal::Reconnecting { attempt: 1, go } = broadcast.signal().await else { panic!("not tried again") };
    for frame in [video(2000, false, &headers), video(3000, true, &headers), audio(3007, &headers)] {
        broadcast.feed.push(frame);
    }
    go.send(()).unwrap();
    let mut ingest = accepted(&listener).await;
    ingest.asked(ServerSession::accept_publish).await;
    assert_eq!(ingest.media(5).await, [('m', 0), ('c', 0), ('c', 0), ('k', 0), ('a', 7)]);
    assert!(matches!(broadcast.signal().await, Signal::Published));
    assert!(matches!(broadcast.signal().await, Signal::Sent));
}

#[tokio::test]
async fn a_broadcast_that_is_somebody_elses_by_now_is_not_tried_again() {
    let listener = listener().await;
    let mut broadcast = Broadcast::to_listener(&listener);
    drop(accepted(&listener).await);
    assert!(matches!(broadcast.signal().await, Signal::Reconnecting { .. }));
    // The signal was dropped, and `go` with it.
    assert_eq!(broadcast.end().await, End::Withdrawn);
}

#[tokio::test]
async fn a_key_that_is_refused_ends_the_broadcast_at_once() {
    for refusal in [denied, bad_name] {
        let listener = listener().await;
        let broadcast = Broadcast::to_listener(&listener);
        accepted(&listener).await.asked(refusal).await;
        assert_eq!(broadcast.end().await, End::KeyRefused);
    }
}

#[tokio::test]
async fn a_name_that_is_in_use_is_tried_again() {
    let listener = listener().await;
    let mut broadcast = Broadcast::to_listener(&listener);
    accepted(&listener).await.asked(in_use).await;
    broadcast.goes_on().await;
    accepted(&listener).await.asked(ServerSession::accept_publish).await;
    assert!(matches!(broadcast.signal().await, Signal::Published));
}

#[tokio::test]
async fn after_a_takeover_a_bad_name_is_tried_again_and_a_denied_one_is_not() {
    let listener = listener().await;
    let mut broadcast = Broadcast::to(format!("rtmp://{}/app", listener.local_addr().unwrap()), true, true, nobody());
    accepted(&listener).await.asked(bad_name).await;
    broadcast.goes_on().await;
    accepted(&listener).await.asked(denied).await;
    assert_eq!(broadcast.end().await, End::KeyRefused);
}

#[tokio::test]
async fn an_ingest_that_closes_when_asked_does_not_take_the_key() {
    let listener = listener().await;
    let mut broadcast = Broadcast::to_listener(&listener);
    for n in 1..=3 {
        let mut ingest = accepted(&listener).await;
        // nginx-rtmp says nothing.
        while !matches!(ingest.event().await, Some(Event::Publish { .. })) {}
        drop(ingest);
        if n < 3 {
            broadcast.goes_on().await;
        }
    }
    assert_eq!(broadcast.end().await, End::KeyRefused);
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused_and_nobody_is_connected_to() {
    let listener = listener().await;
    let port = listener.local_addr().unwrap().port();
    for host in ["localhost", "127.0.0.1"] {
        let broadcast = Broadcast::to(format!("rtmp://{host}:{port}/app"), false, false, nobody());
        assert_eq!(broadcast.end().await, End::TargetRefused(TargetRefused::PrivateAddress));
    }
    // The first to come is this one: there was none before.
    let own = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().1, own.local_addr().unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_ingest_that_takes_no_bytes_is_a_broken_connection() {
    let (ours, theirs) = tokio::io::duplex(4096);
    let feed = Arc::new(Feed::new());
    let shared = Arc::clone(&feed);
    let target = Target {
        url: "rtmp://a.example.com/app".into(),
        key: StreamKey::new("sk_secret".into()),
        trusted: true,
        priority: None,
        takes_over: false,
    };
    let endpoint = Endpoint::of(&target).unwrap();
    let job =
        tokio::spawn(
            async move { connection::run(ours, &endpoint, &shared, connection::Before::default(), |_| {}).await },
        );
    let mut ingest = Ingest::new(theirs);
    ingest.asked(ServerSession::accept_publish).await;
    let headers = headers();
    let body = VideoCodec::Avc.frame(true, 0, &[0; 20_000]);
    feed.push(Frame { body, ..video(0, true, &headers) });
    assert!(matches!(timeout(LIMIT, job).await.unwrap().unwrap(), Err(Failure::Stalled)));
}

#[tokio::test(start_paused = true)]
async fn an_ingest_that_does_not_answer_is_given_up() {
    let (ours, _theirs) = tokio::io::duplex(4096);
    let target = Target {
        url: "rtmp://a.example.com/app".into(),
        key: StreamKey::new("sk_secret".into()),
        trusted: true,
        priority: None,
        takes_over: false,
    };
    let endpoint = Endpoint::of(&target).unwrap();
    let result = connection::run(ours, &endpoint, &Feed::new(), connection::Before::default(), |_| {}).await;
    assert!(matches!(result, Err(Failure::Slow)), "{result:?}");
}

/// An authority's certificate, and a server's with that name signed by it.
fn certified(name: &str) -> (RootCertStore, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::from_params(&params, &key);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&own_key, &issuer).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], PrivateKeyDer::try_from(own_key.serialize_der()).unwrap())
        .unwrap();
    (roots, TlsAcceptor::from(Arc::new(config)))
}

fn rtmps(address: SocketAddr) -> String {
    format!("rtmps://localhost:{}/app", address.port())
}

#[tokio::test]
async fn a_broadcast_arrives_by_tls_where_name_and_authority_are_right() {
    let (roots, acceptor) = certified("localhost");
    let listener = listener().await;
    let mut broadcast = Broadcast::to(rtmps(listener.local_addr().unwrap()), true, false, trusting(roots));
    let mut ingest = Ingest::new(acceptor.accept(listener.accept().await.unwrap().0).await.unwrap());
    ingest.asked(ServerSession::accept_publish).await;
    broadcast.feed.push(video(0, true, &headers()));
    assert_eq!(ingest.media(4).await.last(), Some(&('k', 0)));
    assert!(matches!(broadcast.signal().await, Signal::Published));
    // Nothing is held back, though nothing follows.
    assert!(matches!(broadcast.signal().await, Signal::Sent));
}

#[tokio::test]
async fn a_certificate_of_another_name_or_of_an_unknown_authority_refuses_the_target() {
    let (roots, of_another_name) = certified("other.example.com");
    let (_, of_unknown) = certified("localhost");
    for acceptor in [of_another_name, of_unknown] {
        let listener = listener().await;
        let broadcast = Broadcast::to(rtmps(listener.local_addr().unwrap()), true, false, trusting(roots.clone()));
        assert!(acceptor.accept(listener.accept().await.unwrap().0).await.is_err());
        assert_eq!(broadcast.end().await, End::TargetRefused(TargetRefused::Certificate));
    }
}

#[tokio::test]
async fn no_failure_repeats_what_the_server_says_of_the_key() {
    let (ours, theirs) = tokio::io::duplex(4096);
    let target = Target {
        url: "rtmp://a.example.com/app".into(),
        key: StreamKey::new("sk_secret".into()),
        trusted: true,
        priority: Some(3),
        takes_over: false,
    };
    let endpoint = Endpoint::of(&target).unwrap();
    let job = tokio::spawn(async move {
        connection::run(ours, &endpoint, &Feed::new(), connection::Before::default(), |_| {}).await
    });
    let mut ingest = Ingest::new(theirs);
    ingest.asked(|session| session.reject_publish(Reject::BadName, "the key is wrong")).await;
    let failure = job.await.unwrap().unwrap_err();
    assert_eq!(failure.to_string(), "the ingest refuses the key (NetStream.Publish.BadName)");
    assert!(!format!("{failure:?} {target:?}").contains("secret"));
}
