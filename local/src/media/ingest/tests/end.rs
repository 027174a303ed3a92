//! How broadcasts end.

use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::*;

const WHOLE_LIFE: [&str; 4] = ["Session Created", "Stream Start", "Session Ended", "Stream End"];

#[tokio::test(start_paused = true)]
async fn an_encoder_that_unpublishes_or_is_cut_off_ends_its_stream_at_once() {
    let studio = Studio::new();
    studio.on_air().await.unpublish().await;
    studio.until_told(&WHOLE_LIFE).await;
    let studio = Studio::new();
    let begun = tokio::time::Instant::now();
    drop(studio.on_air().await);
    studio.until_told(&WHOLE_LIFE).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

/// A connection on which a read panics once it is told to.
struct Faulty {
    stream: DuplexStream,
    panics: Arc<AtomicBool>,
}

impl AsyncRead for Faulty {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        assert!(!self.panics.load(Ordering::Relaxed), "as a bug would");
        Pin::new(&mut self.stream).poll_read(cx, bytes)
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_panics_ends_its_stream() {
    let studio = Studio::new();
    let (near, stream) = tokio::io::duplex(256 << 10);
    let panics = Arc::<AtomicBool>::default();
    let (ingest, far) = (Arc::clone(&studio.ingest), Faulty { stream, panics: Arc::clone(&panics) });
    let connection = tokio::spawn(async move { connection::drive(&ingest, far, true).await });
    let mut encoder = Encoder::new(near, &studio.key);
    assert_eq!(encoder.hear().await, Said::Published);
    encoder.send_media().await;
    studio.until(|| studio.stream().is_some()).await;
    panics.store(true, Ordering::Relaxed);
    encoder.send_frames().await;
    assert!(connection.await.is_err_and(|error| error.is_panic()));
    assert_eq!(studio.told(), WHOLE_LIFE);
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_the_encoders_connection_and_lets_it_come_again() {
    let studio = Studio::new();
    let mut encoder = studio.on_air().await;
    studio.call("StopStream", json!({"channelArn": studio.channel["arn"]})).unwrap();
    assert_eq!(studio.told(), WHOLE_LIFE);
    assert_eq!(encoder.hear().await, Said::stopped());
    assert_eq!(encoder.hear().await, Said::Closed);
    assert_eq!(studio.encoder(&studio.key).hear().await, Said::Published);
}

#[tokio::test(start_paused = true)]
async fn an_order_to_stop_one_publish_does_not_stop_the_next_of_the_connection() {
    // Which of the two the connection sees first is left to chance.
    for _ in 0..8 {
        let studio = Studio::new();
        let mut encoder = studio.encoder(&studio.key);
        assert_eq!(encoder.hear().await, Said::Published);
        studio.call("StopStream", json!({"channelArn": studio.channel["arn"]})).unwrap();
        encoder.publish_again(&studio.key).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let told = studio.told();
        assert_eq!(told, ["Session Created", "Session Ended", "Session Created"][..told.len().min(3)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_media_starves_and_recovers() {
    let studio = Studio::new();
    let mut encoder = studio.on_air().await;
    studio.until(|| studio.told().len() == 3).await;
    assert_eq!(studio.stream().unwrap()["health"], "STARVING");
    encoder.send_frames().await;
    studio.until_told(&["Session Created", "Stream Start", "Starvation Start", "Starvation End"]).await;
    assert_eq!(studio.stream().unwrap()["health"], "HEALTHY");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_starves_for_too_long_ends() {
    let studio = Studio::new();
    let mut encoder = studio.on_air().await;
    let begun = tokio::time::Instant::now();
    studio.until_told(&["Session Created", "Stream Start", "Starvation Start", "Session Ended", "Stream End"]).await;
    let limits = Limits::default();
    assert!(begun.elapsed() <= limits.silence + 2 * limits.tick, "{:?}", begun.elapsed());
    assert_eq!(encoder.hear().await, Said::stopped());
}

#[tokio::test(start_paused = true)]
async fn an_encoder_that_never_sends_media_has_no_stream() {
    let studio = Studio::new();
    let mut encoder = studio.encoder(&studio.key);
    assert_eq!(encoder.hear().await, Said::Published);
    studio.until_told(&["Session Created", "Starvation Start", "Session Ended"]).await;
}

#[tokio::test(start_paused = true)]
async fn media_that_cannot_be_used_are_a_failure_of_the_stream() {
    let studio = Studio::new();
    let mut encoder = studio.encoder(&studio.key);
    assert_eq!(encoder.hear().await, Said::Published);
    // Sorenson H.263.
    encoder.send_video(Bytes::from_static(&[0x22, 0, 0, 0, 0])).await;
    studio.until_told(&["Session Created", "Stream Failure", "Session Ended"]).await;
    let logged = studio.logged().join("\n");
    assert!(logged.contains("its media cannot be used"), "{logged}");
}

#[tokio::test(start_paused = true)]
async fn media_beyond_the_channels_type_are_a_breach_that_ends_the_stream() {
    let studio = Studio::with(json!({"name": "demo", "type": "BASIC"}));
    let mut encoder = studio.on_air().await;
    // Two megabits a second, until somebody minds.
    let flood = async {
        loop {
            let mut body = rtmp::flv::VideoCodec::Avc.frame(false, 0, &[0, 0, 0, 1, 0x41]).to_vec();
            body.resize(25_000, 0);
            encoder.send_video(Bytes::from(body)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let ended = studio.until(|| studio.told().contains(&"Stream End".to_owned()));
    tokio::select! {
        () = flood => {}
        () = ended => {}
    }
    assert_eq!(studio.told(), ["Session Created", "Stream Start", "Ingest Bitrate", "Session Ended", "Stream End"]);
}
