//! Another encoder in the place of the first one.

use super::*;

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
    assert_eq!(first.hear().await, Said::Stopped("NetStream.Unpublish.Success".to_owned()));
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
    assert_eq!(second.hear().await, Said::Stopped("NetStream.Unpublish.Success".to_owned()));
    first.send_frames().await;
    assert!(studio.stream().is_some());
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
