//! Recordings that come to nothing. What becomes of the others is for `tests/transwrap-ingest`, with FFmpeg.

use std::time::Duration;

use rtmp::StreamKey;
use tokio::net::TcpListener;
use tokio_rustls::rustls::{RootCertStore, crypto::aws_lc_rs};

use crate::media::HeaderError;

use super::*;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);
/// A recording with a track of H.264 that has not got further than its header.
const RECORDING: &[u8] = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x96\xae\x94\x83\x81\x01\x86\x8fV_MPEG4/ISO/AVC";

/// A pipeline with that program for FFmpeg, to an ingest that never says anything.
async fn pipeline(ffmpeg: &str) -> (Pipeline, mpsc::UnboundedReceiver<Event>, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let url = format!("rtmp://{}/app", listener.local_addr().unwrap());
    let target = Target { url, key: StreamKey::new("sk".into()), trusted: true, priority: None, takes_over: false };
    let (pipeline, mut events) =
        Pipeline::start(Options { target, tls: Arc::new(config), ffmpeg: ffmpeg.into() }).unwrap();
    assert!(matches!(next(&mut events).await, Event::Connecting(WaitsFor::Ingest)));
    (pipeline, events, listener)
}

async fn next(events: &mut mpsc::UnboundedReceiver<Event>) -> Event {
    timeout(LIMIT, events.recv()).await.unwrap().expect("an event")
}

async fn failure(events: &mut mpsc::UnboundedReceiver<Event>) -> RecordingFailure {
    loop {
        match next(events).await {
            Event::RecordingFailed(failure) => return failure,
            Event::Recording { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_recording_itself_says_whether_its_video_is_passed_on_as_it_is() {
    const VP8: &[u8] = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x8c\xae\x8a\x83\x81\x01\x86\x85V_VP8";
    for (recording, copies) in [(RECORDING, true), (VP8, false)] {
        let (pipeline, mut events, _listener) = pipeline("/bin/cat").await;
        pipeline.begin().await;
        pipeline.chunk(Bytes::from_static(recording)).await;
        match next(&mut events).await {
            Event::Recording { copies_video } => assert_eq!(copies_video, copies),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_recording_that_is_none_fails_and_the_next_is_looked_at() {
    let (pipeline, mut events, _listener) = pipeline("/bin/false").await;
    for other in [&b"\0\0\0\x20ftypiso5"[..], b"\x1f\x43\xb6\x75"] {
        pipeline.begin().await;
        pipeline.chunk(Bytes::from_static(other)).await;
        // What else comes of it is passed over.
        pipeline.chunk(Bytes::from_static(b"more")).await;
        assert_eq!(failure(&mut events).await, RecordingFailure::Header(HeaderError::NotMatroska));
    }
}

#[tokio::test]
async fn a_recording_of_which_ffmpeg_makes_nothing_is_unusable() {
    let (pipeline, mut events, _listener) = pipeline("/bin/false").await;
    for chunks in [1, 8] {
        pipeline.begin().await;
        for chunk in RECORDING.chunks(RECORDING.len().div_ceil(chunks)) {
            pipeline.chunk(Bytes::from_static(chunk)).await;
        }
        let failure = failure(&mut events).await;
        assert!(failure == RecordingFailure::Nothing && failure.is_unusable());
    }
}

#[tokio::test]
async fn without_ffmpeg_a_recording_does_not_begin() {
    let (pipeline, mut events, _listener) = pipeline("/nowhere/ffmpeg").await;
    pipeline.begin().await;
    pipeline.chunk(Bytes::from_static(RECORDING)).await;
    assert_eq!(failure(&mut events).await, RecordingFailure::NotStarted);
}

#[tokio::test]
async fn a_program_that_writes_no_flv_is_ended() {
    // It says its arguments.
    let (pipeline, mut events, _listener) = pipeline("/usr/bin/echo").await;
    pipeline.begin().await;
    pipeline.chunk(Bytes::from_static(RECORDING)).await;
    assert_eq!(failure(&mut events).await, RecordingFailure::Nothing);
}

#[tokio::test]
async fn a_pipeline_that_is_finished_before_it_was_on_air_ends_as_asked() {
    let (pipeline, mut events, _listener) = pipeline("/bin/false").await;
    pipeline.finish().await;
    assert!(matches!(next(&mut events).await, Event::Ended(End::Stopped)));
    // To no effect.
    pipeline.begin().await;
    pipeline.chunk(Bytes::from_static(RECORDING)).await;
    assert!(timeout(LIMIT, events.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_pipeline_that_is_stopped_lets_go_of_the_ingest_whoever_holds_it() {
    use tokio::io::AsyncReadExt;
    let (pipeline, mut events, listener) = pipeline("/bin/false").await;
    let (mut ingest, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
    pipeline.stop();
    assert!(timeout(LIMIT, events.recv()).await.unwrap().is_none());
    // What it has said, and the end.
    drop(timeout(LIMIT, ingest.read_to_end(&mut Vec::new())).await.unwrap());
    pipeline.chunk(Bytes::from_static(RECORDING)).await;
}
