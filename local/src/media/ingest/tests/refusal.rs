//! Who does not come in.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const BAD_NAME: &str = "NetStream.Publish.BadName";
const DENIED: &str = "NetStream.Publish.Denied";

impl Studio {
    /// What an encoder is told before its connection ends.
    async fn refusal(&self, mut encoder: Encoder) -> (String, String) {
        let Said::Rejected(code, description) = encoder.hear().await else { panic!("it is not refused") };
        assert_eq!(encoder.hear().await, Said::Closed);
        (code, description)
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_and_a_rotated_key_are_denied() {
    let studio = Studio::new();
    let unknown = studio.refusal(studio.encoder("sk_eu-central-1_none")).await;
    assert_eq!(unknown, (DENIED.to_owned(), "the stream key is not that of any channel".to_owned()));
    let listed = studio.call("ListStreamKeys", json!({"channelArn": studio.channel["arn"]})).unwrap();
    studio.call("DeleteStreamKey", json!({"arn": listed["streamKeys"][0]["arn"]})).unwrap();
    studio.call("CreateStreamKey", json!({"channelArn": studio.channel["arn"]})).unwrap();
    assert_eq!(studio.refusal(studio.encoder(&studio.key)).await, unknown);
    assert_eq!(studio.told(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn plain_rtmp_is_for_channels_that_take_it() {
    let studio = Studio::new();
    let (code, why) = studio.refusal(studio.connect(&studio.key, false)).await;
    assert!(code == DENIED && why.contains("--insecure-ingest"), "{code} {why}");
    let studio = Studio::with(json!({"insecureIngest": true}));
    assert_eq!(studio.connect(&studio.key, false).hear().await, Said::Published);
}

#[tokio::test(start_paused = true)]
async fn a_second_encoder_is_refused_and_ends_nothing_by_leaving() {
    let studio = Studio::new();
    let mut first = studio.on_air().await;
    let mut second = studio.encoder(&studio.key);
    assert!(matches!(second.hear().await, Said::Rejected(code, _) if code == BAD_NAME));
    // As OBS does for a publish that it never got.
    second.unpublish().await;
    first.send_frames().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(studio.told(), ["Session Created", "Stream Start"]);
    assert!(studio.stream().is_some());
}

#[tokio::test(start_paused = true)]
async fn another_application_is_refused() {
    let studio = Studio::new();
    let (near, far) = tokio::io::duplex(256 << 10);
    let ingest = Arc::clone(&studio.ingest);
    tokio::spawn(async move { connection::drive(&ingest, far, true).await });
    let (code, why) = studio.refusal(Encoder::of(near, "live", &studio.key)).await;
    assert_eq!(code, "NetConnection.Connect.Rejected");
    assert!(why.contains("/app/"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_or_something_else_is_let_go() {
    let studio = Studio::new();
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\x03"] {
        let (mut near, far) = tokio::io::duplex(256 << 10);
        near.write_all(bytes).await.unwrap();
        let begun = tokio::time::Instant::now();
        connection::drive(&studio.ingest, far, true).await;
        let limits = Limits::default();
        assert!(begun.elapsed() <= limits.handshake + limits.linger, "{:?}", begun.elapsed());
        let mut rest = Vec::new();
        let _ = near.read_to_end(&mut rest).await;
    }
    assert_eq!(studio.told(), Vec::<String>::new());
}
