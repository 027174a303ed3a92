//! From an encoder to a player, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use bytes::BytesMut;
use rtmp::client::Event;
use rtmp::flv::{VideoCodec, aac_config, aac_frame};
use rtmp::{ClientSession, Output, StreamKey};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

/// 320x180, Constrained Baseline, as x264 writes it.
const AVC: &[u8] = &[
    0x01, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0x00, 0x19, 0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10,
    0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80, 0x01, 0x00, 0x05, 0x68, 0xcb,
    0x83, 0xcb, 0x20,
];
/// AAC-LC, 48 kHz, stereo.
const AAC: &[u8] = &[0x11, 0x90];
/// A NAL unit of a key frame, its length before it.
const SLICE: &[u8] = &[0, 0, 0, 5, 0x65, 0x88, 0x84, 0x00, 0x10];

async fn ivs(cloud: &LocalCloud, operation: &str, input: Value) -> Answer {
    developer(cloud, "ivs", "", &format!("/{operation}"), input).await
}

/// A channel, as `CreateChannel` answers it, and its stream key.
async fn channel(cloud: &LocalCloud, input: Value) -> (Value, String) {
    let created = ivs(cloud, "CreateChannel", input).await.json();
    (created["channel"].clone(), created["streamKey"]["value"].as_str().unwrap().to_owned())
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

struct Encoder {
    stream: Box<dyn Stream>,
    session: ClientSession,
    /// Of the next frame.
    number: u32,
}

/// What an encoder hears.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Published,
    Rejected(String),
    Stopped,
    Closed,
}

impl Encoder {
    /// By TLS, trusting the certificate that the side door hands out.
    async fn secure(cloud: &LocalCloud, endpoint: &str, key: &str) -> Self {
        let pem = door(cloud, "GET", "ca.pem", Value::Null).await.body;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        let tcp = TcpStream::connect(endpoint).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        Self::of(Box::new(connector.connect(name, tcp).await.unwrap()), key)
    }

    async fn plain(address: &str, key: &str) -> Self {
        Self::of(Box::new(TcpStream::connect(address).await.unwrap()), key)
    }

    fn of(stream: Box<dyn Stream>, key: &str) -> Self {
        let session = ClientSession::new("app", "rtmp://127.0.0.1/app", StreamKey::new(key.to_owned()));
        Self { stream, session, number: 0 }
    }

    async fn hear(&mut self) -> Said {
        let mut bytes = BytesMut::new();
        loop {
            if let Some(said) = self.flush().await {
                return said;
            }
            match self.stream.read_buf(&mut bytes).await {
                Ok(count) if count > 0 => self.session.input(&bytes).unwrap(),
                _ => return Said::Closed,
            }
            bytes.clear();
        }
    }

    async fn flush(&mut self) -> Option<Said> {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Transmit(bytes) => self.stream.write_all(&bytes).await.unwrap(),
                Output::Event(Event::Published) => return Some(Said::Published),
                Output::Event(Event::Rejected { code, .. }) => return Some(Said::Rejected(code)),
                Output::Event(Event::Stopped { .. }) => return Some(Said::Stopped),
                Output::Event(_) => {}
                Output::Close => return Some(Said::Closed),
            }
        }
        self.stream.flush().await.unwrap();
        None
    }

    /// Five seconds of video and audio, with a key frame each second.
    async fn send_media(&mut self) {
        self.session.video(0, VideoCodec::Avc.config(AVC)).unwrap();
        self.session.audio(0, aac_config(AAC)).unwrap();
        for _ in 0..125 {
            self.write_frame();
        }
        assert_eq!(self.flush().await, None);
    }

    fn write_frame(&mut self) {
        let (number, time) = (self.number, self.number * 40);
        self.number += 1;
        self.session.video(time, VideoCodec::Avc.frame(number.is_multiple_of(25), 0, SLICE)).unwrap();
        self.session.audio(time, aac_frame(&[0x21; 64])).unwrap();
    }

    /// Sends media, and then a frame now and then until the server ends it: the stream must not starve while a test looks at
    /// it, however long that takes. The media are slower than the time, so that the playlist hardly moves. Dropped, the
    /// connection is cut as by kill -9; joined, it gives what the server said in the end.
    fn stay_on_air(mut self) -> JoinSet<[Said; 2]> {
        let mut task = JoinSet::new();
        task.spawn(async move {
            self.send_media().await;
            let mut pace = tokio::time::interval(Duration::from_millis(200));
            let mut bytes = BytesMut::new();
            loop {
                let read = tokio::select! {
                    biased;
                    read = self.stream.read_buf(&mut bytes) => Some(read.unwrap()),
                    _ = pace.tick() => None,
                };
                match read {
                    Some(0) => return [Said::Closed, Said::Closed],
                    Some(_) => self.session.input(&bytes.split()).unwrap(),
                    None => self.write_frame(),
                }
                if let Some(said) = self.flush().await {
                    return [said, self.hear().await];
                }
            }
        });
        task
    }
}

/// The names of the events of IVS so far, but for those of health: a busy machine may well starve a stream for a while.
async fn told(cloud: &LocalCloud) -> Vec<String> {
    let events = door(cloud, "GET", "events", Value::Null).await.json();
    let events = events["events"].as_array().unwrap().iter().map(|entry| &entry["event"]);
    let of_state = events.filter(|event| event["detail-type"] == "IVS Stream State Change");
    of_state.map(|event| event["detail"]["event_name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The lines of a playlist, and the first URL in it: absolute, as it is relative to the playlist's.
async fn playlist(url: &str) -> (String, String) {
    let answer = send("GET", url.to_owned(), &[], "").await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, 200, "{text}");
    let line = text.lines().find(|line| !line.starts_with('#') && !line.is_empty()).unwrap_or_default();
    let base = url.split('?').next().unwrap().rsplit_once('/').unwrap().0;
    let found = format!("{base}/{line}");
    (text, found)
}

#[tokio::test]
async fn what_an_encoder_sends_to_the_ingest_endpoint_plays_at_the_playback_url() {
    let cloud = start().await;
    door(&cloud, "PUT", "quotas", json!({"GetStream": 1_000})).await;
    let (channel, key) = channel(&cloud, json!({"name": "demo"})).await;
    let mut encoder = Encoder::secure(&cloud, channel["ingestEndpoint"].as_str().unwrap(), &key).await;
    assert_eq!(encoder.hear().await, Said::Published);
    let encoder = encoder.stay_on_air();
    until("it is on air", async || told(&cloud).await.contains(&"Stream Start".to_owned())).await;

    let url = channel["playbackUrl"].as_str().unwrap();
    let (master, media_url) = playlist(url).await;
    assert!(master.contains("avc1.42C00D"), "{master}");
    let (media, segment) = playlist(&media_url).await;
    assert!(media.contains("#EXT-X-PART:"), "{media}");
    let bytes = send("GET", segment, &[], "").await;
    assert!(bytes.status == 200 && bytes.body.len() > 1_000, "{}", bytes.status);

    let stream = ivs(&cloud, "GetStream", json!({"channelArn": channel["arn"]})).await.json();
    assert_eq!(stream["stream"]["playbackUrl"], channel["playbackUrl"]);
    let (listed, watched) = (json!({"channelArn": channel["arn"]}), json!(1));
    until("the viewer is counted", async || {
        // It is one as long as it watches.
        playlist(&media_url).await;
        let stream = ivs(&cloud, "GetStream", listed.clone()).await.json();
        stream["stream"]["viewerCount"] == watched
    })
    .await;

    // As by kill -9.
    drop(encoder);
    until("it has ended", async || told(&cloud).await.contains(&"Stream End".to_owned())).await;
    assert_eq!(told(&cloud).await, ["Session Created", "Stream Start", "Session Ended", "Stream End"]);
    assert!(playlist(&media_url).await.0.contains("#EXT-X-ENDLIST"));
    assert_eq!(ivs(&cloud, "GetStream", json!({"channelArn": channel["arn"]})).await.status, 404);
}

#[tokio::test]
async fn a_stopped_stream_ends_its_encoders_connection_and_its_playlist() {
    let cloud = start().await;
    let (channel, key) = channel(&cloud, json!({})).await;
    let mut encoder = Encoder::secure(&cloud, channel["ingestEndpoint"].as_str().unwrap(), &key).await;
    assert_eq!(encoder.hear().await, Said::Published);
    let mut encoder = encoder.stay_on_air();
    until("it is on air", async || told(&cloud).await.contains(&"Stream Start".to_owned())).await;
    let media_url = playlist(channel["playbackUrl"].as_str().unwrap()).await.1;
    assert_eq!(ivs(&cloud, "DeleteChannel", json!({"arn": channel["arn"]})).await.status, 409);
    assert_eq!(ivs(&cloud, "StopStream", json!({"channelArn": channel["arn"]})).await.status, 200);
    assert_eq!(encoder.join_next().await.unwrap().unwrap(), [Said::Stopped, Said::Closed]);
    until("the playlist says so", async || playlist(&media_url).await.0.contains("#EXT-X-ENDLIST")).await;
}

/// Where the banner says that plain RTMP is taken.
fn plain_address(cloud: &LocalCloud) -> String {
    let banner = cloud.banner();
    let address = banner.split("rtmp://").nth(1).and_then(|rest| rest.split('/').next());
    address.unwrap_or_else(|| panic!("{banner}")).to_owned()
}

#[tokio::test]
async fn plain_rtmp_is_taken_where_the_channel_or_an_option_says_so() {
    let cloud = start().await;
    let address = plain_address(&cloud);
    let (_, key) = channel(&cloud, json!({})).await;
    let denied = Said::Rejected("NetStream.Publish.Denied".to_owned());
    assert_eq!(Encoder::plain(&address, &key).await.hear().await, denied);
    let (_, key) = channel(&cloud, json!({"insecureIngest": true})).await;
    assert_eq!(Encoder::plain(&address, &key).await.hear().await, Said::Published);

    let cloud = LocalCloud::start(Options { insecure_ingest: true, ..options() }).await.unwrap();
    let address = plain_address(&cloud);
    let (_, key) = channel(&cloud, json!({})).await;
    assert_eq!(Encoder::plain(&address, &key).await.hear().await, Said::Published);
}

#[tokio::test]
async fn a_private_channel_does_not_play_without_its_token() {
    let cloud = start().await;
    let (channel, key) = channel(&cloud, json!({"authorized": true})).await;
    let mut encoder = Encoder::secure(&cloud, channel["ingestEndpoint"].as_str().unwrap(), &key).await;
    assert_eq!(encoder.hear().await, Said::Published);
    let _encoder = encoder.stay_on_air();
    until("it is on air", async || told(&cloud).await.contains(&"Stream Start".to_owned())).await;
    let url = channel["playbackUrl"].as_str().unwrap();
    for query in ["", "?token=a.b.c"] {
        assert_eq!(send("GET", format!("{url}{query}"), &[], "").await.status, 403, "{query}");
    }
}

#[tokio::test]
async fn a_reset_sends_encoders_away() {
    let cloud = start().await;
    let (channel, key) = channel(&cloud, json!({})).await;
    let mut encoder = Encoder::secure(&cloud, channel["ingestEndpoint"].as_str().unwrap(), &key).await;
    assert_eq!(encoder.hear().await, Said::Published);
    let mut encoder = encoder.stay_on_air();
    until("it is on air", async || told(&cloud).await.contains(&"Stream Start".to_owned())).await;
    assert_eq!(door(&cloud, "POST", "reset", Value::Null).await.status, 200);
    assert_eq!(encoder.join_next().await.unwrap().unwrap(), [Said::Stopped, Said::Closed]);
    assert_eq!(told(&cloud).await, Vec::<String>::new());
}
