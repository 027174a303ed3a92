//! From the first byte to the first segment.

use rtmp::amf::Value as Amf;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_channel_is_on_air_once_a_segment_can_be_watched() {
    let studio = Studio::new();
    let mut encoder = studio.encoder(&studio.key);
    assert_eq!(encoder.hear().await, Said::Published);
    assert_eq!((studio.told(), studio.stream()), (vec!["Session Created".to_owned()], None));
    encoder.send_media().await;
    studio.until_told(&["Session Created", "Stream Start"]).await;
    let stream = studio.stream().unwrap();
    assert_eq!((&stream["state"], &stream["health"]), (&json!("LIVE"), &json!("HEALTHY")));
    let logged = studio.logged();
    assert!(logged.iter().any(|line| line.starts_with("demo: on air, st-")), "{logged:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_encoder_sends_is_told_of_its_session() {
    let studio = Studio::new();
    let mut encoder = studio.encoder(&studio.key);
    assert_eq!(encoder.hear().await, Said::Published);
    encoder
        .metadata(vec![
            ("videodatarate".to_owned(), Amf::Number(2_500.0)),
            ("audiodatarate".to_owned(), Amf::Number(128.0)),
            ("framerate".to_owned(), Amf::Number(29.97)),
            ("encoder".to_owned(), Amf::String("obs-output module".to_owned())),
        ])
        .await;
    encoder.send_media().await;
    studio.until(|| studio.stream().is_some()).await;
    let session = studio.call("GetStreamSession", json!({"channelArn": studio.channel["arn"]})).unwrap();
    let ingest = &session["streamSession"]["ingestConfiguration"];
    let expected = json!({
        "video": {
            "codec": "avc1.42C00D", "avcProfile": "Baseline", "avcLevel": "1.3", "profile": "Baseline", "level": "1.3",
            "encoder": "obs-output module", "targetBitrate": 2_500_000, "targetFramerate": 30, "videoWidth": 320,
            "videoHeight": 180, "track": "Track0",
        },
        "audio": {
            "codec": "mp4a.40.2", "targetBitrate": 128_000, "sampleRate": 48_000, "channels": 2, "track": "Track0",
        },
    });
    assert_eq!(*ingest, expected);
}

#[tokio::test(start_paused = true)]
async fn what_an_encoder_does_not_say_of_its_media_is_measured() {
    let studio = Studio::new();
    let _encoder = studio.on_air().await;
    let video = || {
        let session = studio.call("GetStreamSession", json!({"channelArn": studio.channel["arn"]}));
        session.unwrap_or_default()["streamSession"]["ingestConfiguration"]["video"].clone()
    };
    // A frame each 40 ms.
    studio.until(|| video()["targetFramerate"] == 25).await;
    assert!(video()["targetBitrate"].as_u64().is_some_and(|bits| bits > 0), "{}", video());
}

#[tokio::test(start_paused = true)]
async fn a_key_may_bring_a_query_and_a_slash_before_it() {
    let studio = Studio::new();
    for decorated in [format!("{}?x=1", studio.key), format!("/{}", studio.key)] {
        let mut encoder = studio.encoder(&decorated);
        assert_eq!(encoder.hear().await, Said::Published);
        encoder.unpublish().await;
        studio.until(|| studio.told().last().is_some_and(|event| event == "Session Ended")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn timed_metadata_is_taken_while_the_channel_is_on_air() {
    let studio = Studio::new();
    let put = || studio.call("PutMetadata", json!({"channelArn": studio.channel["arn"], "metadata": "hello"}));
    assert_eq!(put(), Err("ChannelNotBroadcasting"));
    let _encoder = studio.on_air().await;
    assert_eq!(put(), Ok(Value::Null));
}

#[tokio::test(start_paused = true)]
async fn no_line_of_the_log_has_a_stream_key() {
    let studio = Studio::new();
    let encoder = studio.on_air().await;
    for key in [studio.key.clone(), format!("{}?priority=x", studio.key), "sk_unknown_key".to_owned()] {
        studio.encoder(&key).hear().await;
    }
    encoder.unpublish().await;
    studio.until(|| studio.stream().is_none() && studio.told().contains(&"Stream End".to_owned())).await;
    let logged = studio.logged().join("\n");
    assert!(logged.contains("demo: an encoder was refused"), "{logged}");
    assert!(!logged.contains(&studio.key) && !logged.contains("sk_unknown_key"), "{logged}");
}
