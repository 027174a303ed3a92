//! Another encoder in the place of the first one.

use rtmp::flv::VideoCodec;
use tokio::sync::mpsc::unbounded_channel;

use super::encoder::{AVC, SLICE};
use super::*;
use crate::aws::{Admission, Attempt, LastHeard, Publisher, Seat, Tracks};

/// 160x90.
const SMALLER: &[u8] = &[
    0x01, 0x42, 0xc0, 0x0b, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x02, 0x8d, 0xf9, 0x30, 0x11, 0x00,
    0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x14, 0x2a, 0x48, 0x01, 0x00, 0x05, 0x68, 0xcb, 0x83,
    0xcb, 0x20,
];

#[tokio::test(start_paused = true)]
async fn an_encoder_of_a_higher_priority_goes_on_with_the_stream() {
    let studio = Studio::new();
    let mut first = studio.on_air().await;
    let before = studio.stream().unwrap();
    let mut second = studio.encoder(&format!("{}?priority=2", studio.key));
    assert_eq!(second.hear().await, Said::Published);
    assert!(!studio.told().contains(&"Stream Takeover".to_owned()), "its media are not known yet");
    second.send_media().await;
    assert_eq!(first.hear().await, Said::stopped());
    drop(first);
    second.send_frames().await;
    studio.until_told(&["Session Created", "Stream Start", "Stream Takeover"]).await;
    assert_eq!(studio.stream().unwrap()["streamId"], before["streamId"]);
    second.unpublish().await;
    studio.until_told(&["Session Created", "Stream Start", "Stream Takeover", "Session Ended", "Stream End"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_encoder_of_other_media_does_not_take_over() {
    let studio = Studio::new();
    let mut first = studio.on_air().await;
    let mut second = studio.encoder(&format!("{}?priority=2", studio.key));
    assert_eq!(second.hear().await, Said::Published);
    second.configure(SMALLER).await;
    second.send_frames().await;
    studio.until_told(&["Session Created", "Stream Start", "Stream Takeover Failure"]).await;
    let why = "codec or resolution differ from those of the stream to take over".to_owned();
    assert_eq!(second.hear().await, Said::Stopped("NetStream.Publish.BadName".to_owned(), why));
    assert_eq!(second.hear().await, Said::Closed);
    first.send_frames().await;
    assert!(studio.stream().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_encoder_that_stalls_for_a_moment_keeps_its_place() {
    let studio = Studio::new();
    let mut first = studio.on_air().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(matches!(studio.encoder(&studio.key).hear().await, Said::Rejected(..)));
    first.send_frames().await;
    assert_eq!(studio.told(), ["Session Created", "Stream Start"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_comes_in_again_once_its_connection_is_not_heard_any_more() {
    let studio = Studio::new();
    // Its network is gone: nothing comes, and nothing is closed.
    let lost = studio.on_air().await;
    let mut too_soon = studio.encoder(&studio.key);
    assert!(matches!(too_soon.hear().await, Said::Rejected(..)));
    tokio::time::sleep(Limits::default().grace).await;
    let mut again = studio.encoder(&studio.key);
    assert_eq!(again.hear().await, Said::Published);
    again.send_media().await;
    studio
        .until_told(&[
            "Session Created",
            "Stream Start",
            "Session Ended",
            "Stream End",
            "Session Created",
            "Stream Start",
        ])
        .await;
    drop(lost);
    again.send_frames().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(studio.told().len(), 6, "the old connection ends nothing");
}

#[tokio::test(start_paused = true)]
async fn an_encoder_whose_media_cannot_be_read_does_not_take_over() {
    let studio = Studio::new();
    let mut first = studio.on_air().await;
    let mut second = studio.encoder(&format!("{}?priority=2", studio.key));
    assert_eq!(second.hear().await, Said::Published);
    // No sequence parameter set.
    second.send_video(VideoCodec::Avc.config(&[1, 0x42, 0xc0, 0x0d, 0xff, 0xe0, 0])).await;
    assert!(matches!(second.hear().await, Said::Stopped(..)));
    first.send_frames().await;
    assert!(studio.logged().join("\n").contains("the video configuration cannot be read"), "{:?}", studio.logged());
    assert_eq!(studio.told(), ["Session Created", "Stream Start"]);
}

#[tokio::test(start_paused = true)]
async fn an_encoder_that_waits_for_the_place_does_not_fill_the_memory() {
    let studio = Studio::new();
    let _first = studio.on_air().await;
    let mut second = studio.encoder(&format!("{}?priority=2", studio.key));
    assert_eq!(second.hear().await, Said::Published);
    for _ in 0..3 {
        second.send_video(VideoCodec::Avc.frame(true, 0, &[0; 3 << 20])).await;
    }
    assert!(matches!(second.hear().await, Said::Stopped(..)));
    assert!(studio.logged().join("\n").contains("too much data"), "{:?}", studio.logged());
    assert_eq!(studio.told(), ["Session Created", "Stream Start"]);
}

impl Studio {
    /// The seat of an encoder without a connection.
    fn seat(&self, priority: &str, publisher: Publisher) -> Seat {
        let grace = Limits::default().grace;
        let attempt = Attempt { key: &self.key, priority: Some(priority), is_secure: true, grace };
        match self.ingest.ivs.admit(&attempt, publisher, clock::now()) {
            Ok(Admission::Begun(seat)) => seat,
            Ok(Admission::Contends(contender)) => {
                self.ingest.ivs.take_over(contender, &Tracks::default(), clock::now()).unwrap()
            }
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_takes_no_media_of_an_encoder_that_has_lost_its_place() {
    let studio = Studio::new();
    let ((orders, _first_orders), (others, _second_orders)) = (unbounded_channel(), unbounded_channel());
    let first = studio.seat("1", Publisher { orders, last_heard: LastHeard::new() });
    let feed = studio.ingest.registry.enter(&first, &studio.ingest.origin);
    assert!(feed.with(&first, |_| ()).is_some());
    let second = studio.seat("2", Publisher { orders: others, last_heard: LastHeard::new() });
    let same = studio.ingest.registry.enter(&second, &studio.ingest.origin);
    assert!(Arc::ptr_eq(&feed, &same));
    assert!(feed.with(&second, |_| ()).is_some());
    assert!(feed.with(&first, |_| ()).is_none());
    // One that comes too late for its own place changes nothing.
    studio.ingest.registry.enter(&first, &studio.ingest.origin);
    assert!(feed.with(&second, |_| ()).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stream_starts_though_its_first_encoder_lost_the_place_before_it_could_say_so() {
    let studio = Studio::new();
    let (orders, _first_orders) = unbounded_channel();
    let first = studio.seat("1", Publisher { orders, last_heard: LastHeard::new() });
    let feed = studio.ingest.registry.enter(&first, &studio.ingest.origin);
    let frame = |number: u32| rtmp::flv::video(VideoCodec::Avc.frame(number.is_multiple_of(25), 0, SLICE)).unwrap();
    feed.broadcast.video(0, rtmp::flv::video(VideoCodec::Avc.config(AVC)).unwrap()).unwrap();
    for number in 0..75 {
        feed.broadcast.video(number * 40, frame(number)).unwrap();
    }
    assert!(feed.broadcast.has_begun());
    let mut second = studio.encoder(&format!("{}?priority=2", studio.key));
    assert_eq!(second.hear().await, Said::Published);
    second.send_media().await;
    studio.until_told(&["Session Created", "Stream Takeover", "Stream Start"]).await;
}
