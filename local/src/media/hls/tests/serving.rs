//! Requests and answers.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

use http::{Method, Request};
use http_body_util::BodyExt;
use time::Duration;

use super::*;
use crate::media::hls::{Access, Origin, View, Viewer};
use crate::media::testing::boxes::boxes;
use crate::plumbing::http_server::Answer;

const MASTER: &str = "/api/video/v1/us-east-1.123456789012.channel.abc.m3u8";

/// A channel that is for everybody, or for those with this token.
struct Channel(Option<&'static str>);

impl Access for Channel {
    fn play(&self, view: &View<'_>, _: OffsetDateTime) -> Result<Option<Viewer>, String> {
        assert_eq!(view.playback_url_path, MASTER);
        match self.0 {
            Some(needed) if view.token != Some(needed) => {
                Err("the channel is private and there is no token".to_owned())
            }
            Some(_) if view.origin != Some("https://example.org") => {
                Err("the origin is not one of the token's".to_owned())
            }
            _ => Ok(None),
        }
    }

    fn is_revoked(&self, _: &str, _: &Viewer) -> bool {
        false
    }
}

/// A private channel with viewers whose tokens are for a single use, and sessions of theirs up to a version revoked.
#[derive(Default)]
struct Guarded {
    used: AtomicBool,
    revoked: AtomicI64,
}

impl Access for Guarded {
    fn play(&self, view: &View<'_>, _: OffsetDateTime) -> Result<Option<Viewer>, String> {
        let version = view.token.and_then(|version| version.parse().ok()).ok_or("there is no token")?;
        let is_used = if view.begins { self.used.swap(true, Relaxed) } else { self.used.load(Relaxed) };
        if is_used {
            Err("the token has been used".to_owned())
        } else {
            Ok(Some(Viewer { id: "v".to_owned(), version }))
        }
    }

    fn is_revoked(&self, path: &str, viewer: &Viewer) -> bool {
        path == MASTER && viewer.id == "v" && viewer.version <= self.revoked.load(Relaxed)
    }
}

const PUBLIC: Channel = Channel(None);
const PRIVATE: Channel = Channel(Some("good"));

fn on_air(origin: &Origin, stream: &str) -> Arc<Broadcast> {
    let broadcast = origin.begin("abc", stream, START);
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 0, 4_401, 60);
    broadcast
}

async fn ask(
    origin: &Origin,
    access: &dyn Access,
    request: http::request::Builder,
    now: OffsetDateTime,
) -> (Answer, Bytes) {
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let answer = origin.handle(&parts, access, now).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Answer::from_parts(parts, Default::default()), body)
}

async fn get(origin: &Origin, path: &str) -> (Answer, Bytes) {
    ask(origin, &PUBLIC, Request::get(path), START).await
}

/// The folder of the media playlist that a new viewer is led to.
async fn watch(origin: &Origin, access: &dyn Access, query: &str) -> String {
    let request = Request::get(format!("{MASTER}{query}")).header("origin", "https://example.org");
    let (answer, body) = ask(origin, access, request, START).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["cache-control"].to_str().unwrap()),
        (200, "no-cache, no-store, private")
    );
    let text = String::from_utf8(body.to_vec()).unwrap();
    format!("/api/video/v1/{}", text.lines().last().unwrap().strip_suffix("media.m3u8").unwrap())
}

#[tokio::test]
async fn a_player_gets_from_the_playback_url_to_media() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let (answer, master) = get(&origin, MASTER).await;
    assert_eq!(answer.headers()["content-type"], "application/vnd.apple.mpegurl");
    let master = String::from_utf8(master.to_vec()).unwrap();
    let expected = "CODECS=\"avc1.42C01F,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000";
    assert!(master.contains(expected), "{master}");
    let folder = watch(&origin, &PUBLIC, "").await;
    assert!(folder.starts_with("/api/video/v1/st-1/"));
    let (answer, media) = get(&origin, &format!("{folder}media.m3u8")).await;
    assert_eq!(answer.headers()["cache-control"], "no-cache, no-store, private");
    let media = Playlist::parse(std::str::from_utf8(&media).unwrap());
    let mut whole = Vec::new();
    for segment in &media.segments {
        let (answer, init) = get(&origin, &format!("{folder}{}", segment.map)).await;
        assert_eq!(answer.headers()["cache-control"], "private, max-age=31536000, immutable");
        assert_eq!(boxes(&init)[0].0, "ftyp");
        let (answer, data) = get(&origin, &format!("{folder}{}", segment.uri)).await;
        assert_eq!(answer.headers()["content-type"], "video/mp4");
        let mut parts = Vec::new();
        for part in &segment.parts {
            parts.extend(get(&origin, &format!("{folder}{}", part.uri)).await.1);
        }
        assert_eq!(data, parts);
        whole.push(data);
    }
    assert_eq!(whole.len(), 2);
}

#[tokio::test]
async fn the_bandwidth_is_what_was_measured() {
    let origin = Origin::default();
    let broadcast = origin.begin("abc", "st-1", START);
    announce_video(&broadcast);
    announce_audio(&broadcast);
    for (index, time) in frame_times(0, 8_000).enumerate() {
        picture(&broadcast, time, index % 60 == 0, vec![0; if index < 60 { 12_500 } else { 6_250 }]);
    }
    let text = String::from_utf8(get(&origin, MASTER).await.1.to_vec()).unwrap();
    let value = |name| {
        let (_, rest) = text.split_once(&format!("{name}=")).unwrap();
        rest.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    assert!((3_000_000..3_050_000).contains(&value(":BANDWIDTH")), "{text}");
    assert!((2_000_000..2_050_000).contains(&value("AVERAGE-BANDWIDTH")), "{text}");
    assert_eq!(broadcast.description().bits_per_second, value("AVERAGE-BANDWIDTH"));
}

#[tokio::test]
async fn a_channel_that_is_not_live_is_404() {
    let origin = Origin::default();
    assert_eq!(get(&origin, MASTER).await.0.status(), 404);
    let broadcast = origin.begin("abc", "st-1", START);
    announce_video(&broadcast);
    assert_eq!(get(&origin, MASTER).await.0.status(), 404, "nothing to play yet");
    let broadcast = on_air(&origin, "st-2");
    assert_eq!(get(&origin, MASTER).await.0.status(), 200);
    broadcast.end();
    assert_eq!(get(&origin, MASTER).await.0.status(), 404);
}

#[tokio::test]
async fn unknown_paths_are_404() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let folder = watch(&origin, &PUBLIC, "").await;
    for path in [
        "/",
        "/api/video/v1/",
        "/api/video/v1/us-east-1.123456789012.channel.abc",
        "/api/video/v1/us-east-1.123456789012.channel..m3u8",
        "/api/video/v1/us-east-1.123456789012.channel.other.m3u8",
        "/api/video/v1/st-1",
        "/api/video/v1/st-9/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/media.m3u8",
    ] {
        let (answer, _) = get(&origin, path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    for file in [
        "",
        "index.m3u8",
        "init-1.mp4",
        "init-0",
        "segment-00.m4s",
        "segment-+1.m4s",
        "segment-2.m4s",
        "part-2-9.m4s",
        "part-0.m4s",
    ] {
        let (answer, _) = get(&origin, &format!("{folder}{file}")).await;
        assert_eq!(answer.status(), 404, "{file}");
    }
}

#[tokio::test]
async fn a_new_broadcast_has_other_urls_and_the_old_ones_lead_to_the_end() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let old = watch(&origin, &PUBLIC, "").await;
    on_air(&origin, "st-2");
    let new = watch(&origin, &PUBLIC, "").await;
    assert!(new.starts_with("/api/video/v1/st-2/"));
    let (_, text) = get(&origin, &format!("{old}media.m3u8")).await;
    assert!(Playlist::parse(std::str::from_utf8(&text).unwrap()).ended);
    assert_eq!(get(&origin, &format!("{old}segment-0.m4s")).await.0.status(), 200);
}

#[tokio::test]
async fn a_publisher_that_comes_and_goes_leaves_no_more_than_two_broadcasts() {
    let origin = Origin::default();
    let mut folders = Vec::new();
    for stream in ["st-1", "st-2", "st-3", "st-4"] {
        on_air(&origin, stream);
        folders.push(watch(&origin, &PUBLIC, "").await);
    }
    let mut served = Vec::new();
    for folder in folders {
        served.push(get(&origin, &format!("{folder}media.m3u8")).await.0.status().as_u16());
    }
    assert_eq!(served, [404, 200, 200, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_is_served_for_two_minutes_after_its_end() {
    let origin = Origin::default();
    let broadcast = on_air(&origin, "st-1");
    let folder = watch(&origin, &PUBLIC, "").await;
    broadcast.end();
    tokio::time::advance(std::time::Duration::from_secs(119)).await;
    assert_eq!(get(&origin, &format!("{folder}media.m3u8")).await.0.status(), 200);
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    assert_eq!(get(&origin, &format!("{folder}media.m3u8")).await.0.status(), 404);
}

#[tokio::test]
async fn a_private_channel_plays_with_its_token_alone() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    for (query, page) in
        [("", "https://example.org"), ("?token=bad", "https://example.org"), ("?token=good", "https://evil.example")]
    {
        let request = Request::get(format!("{MASTER}{query}")).header("origin", page);
        let (answer, body) = ask(&origin, &PRIVATE, request, START).await;
        assert_eq!(answer.status(), 403, "{query} of {page}");
        assert!(!String::from_utf8_lossy(&body).contains("bad"));
    }
    let folder = watch(&origin, &PRIVATE, "?token=good").await;
    let unknown = format!("/api/video/v1/st-1/{}/", "a".repeat(32));
    for file in ["media.m3u8", "init-0.mp4", "segment-0.m4s", "part-0-0.m4s"] {
        let (answer, body) = ask(&origin, &PRIVATE, Request::get(format!("{folder}{file}")), START).await;
        assert_eq!(answer.status(), 200, "{file}");
        assert!(!String::from_utf8_lossy(&body).contains("good"), "no token in a playlist");
        let (answer, _) = ask(&origin, &PRIVATE, Request::get(format!("{unknown}{file}")), START).await;
        assert_eq!(answer.status(), 403, "{file}");
    }
}

#[tokio::test]
async fn a_session_is_for_one_broadcast() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let folder = watch(&origin, &PRIVATE, "?token=good").await;
    on_air(&origin, "st-2");
    watch(&origin, &PRIVATE, "?token=good").await;
    let stolen = format!("{}media.m3u8", folder.replace("st-1", "st-2"));
    assert_eq!(ask(&origin, &PRIVATE, Request::get(stolen), START).await.0.status(), 403);
}

#[tokio::test]
async fn a_forgotten_session_of_a_public_channel_goes_on() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let folder = watch(&origin, &PUBLIC, "").await;
    let later = START + Duration::hours(2);
    // Somebody else comes, and sessions that were not used are forgotten.
    ask(&origin, &PUBLIC, Request::get(MASTER), later).await;
    let (answer, _) = ask(&origin, &PUBLIC, Request::get(format!("{folder}media.m3u8")), later).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(origin.viewers("abc", later), 1);
}

#[tokio::test]
async fn viewers_are_those_who_asked_for_the_playlist_lately() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    assert_eq!(origin.viewers("abc", START), 0);
    let folders = [watch(&origin, &PUBLIC, "").await, watch(&origin, &PUBLIC, "").await];
    assert_eq!(origin.viewers("abc", START), 0, "nobody watches yet");
    for folder in &folders {
        for _ in 0..3 {
            get(&origin, &format!("{folder}media.m3u8")).await;
        }
    }
    assert_eq!((origin.viewers("abc", START), origin.viewers("other", START)), (2, 0));
    let later = START + Duration::seconds(8);
    ask(&origin, &PUBLIC, Request::get(format!("{}media.m3u8", folders[0])), later).await;
    assert_eq!(origin.viewers("abc", START + Duration::seconds(12)), 1);
    let gone = START + Duration::seconds(30);
    ask(&origin, &PUBLIC, Request::get(format!("{}segment-0.m4s", folders[0])), gone).await;
    assert_eq!(origin.viewers("abc", gone), 0);
}

#[tokio::test]
async fn a_reload_that_cannot_be_meant_is_400() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let folder = watch(&origin, &PUBLIC, "").await;
    for (query, detail) in [
        ("_HLS_msn=x", "_HLS_msn is not a number"),
        ("_HLS_msn=-1&_HLS_part=", "_HLS_msn is not a number; _HLS_part is not a number"),
        ("_HLS_part=1", "_HLS_part needs _HLS_msn"),
        ("_HLS_msn=9", "_HLS_msn and _HLS_part are too far ahead of the broadcast"),
        ("_HLS_msn=2&_HLS_part=18446744073709551615", "_HLS_msn and _HLS_part are too far ahead of the broadcast"),
    ] {
        let (answer, body) = get(&origin, &format!("{folder}media.m3u8?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["detail"], detail, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_playlist_waits_for_a_whole_segment() {
    let origin = Origin::default();
    let broadcast = origin.begin("abc", "st-1", START);
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 1_000, 60);
    let folder = watch(&origin, &PUBLIC, "").await;
    let path = format!("{folder}media.m3u8");
    let mut asking = std::pin::pin!(get(&origin, &path));
    let waiting = tokio::time::timeout(std::time::Duration::from_secs(1), asking.as_mut()).await;
    assert!(waiting.is_err());
    more_pictures(&broadcast, 1_000, 2_100, 60);
    let (_, media) = asking.await;
    assert_eq!(Playlist::parse(std::str::from_utf8(&media).unwrap()).segments.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_is_503_after_three_target_durations() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let folder = watch(&origin, &PUBLIC, "").await;
    for file in ["media.m3u8?_HLS_msn=2&_HLS_part=2", "part-2-2.m4s"] {
        let (answer, _) = get(&origin, &format!("{folder}{file}")).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (503, &"1".parse().unwrap()),
            "{file}"
        );
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let folder = watch(&origin, &PUBLIC, "").await;
    let path = format!("{folder}segment-0.m4s");
    let (_, body) = get(&origin, &path).await;
    let (answer, nothing) = ask(&origin, &PUBLIC, Request::head(&path), START).await;
    assert_eq!((answer.status().as_u16(), nothing.len()), (200, 0));
    assert_eq!(answer.headers()["content-length"], body.len().to_string().as_str());
}

#[tokio::test]
async fn a_range_of_media_is_served_and_playlists_are_whole() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let folder = watch(&origin, &PUBLIC, "").await;
    let range = |file, range| Request::get(format!("{folder}{file}")).header("range", range);
    let (_, whole) = get(&origin, &format!("{folder}segment-0.m4s")).await;
    let (answer, body) = ask(&origin, &PUBLIC, range("segment-0.m4s", "bytes=0-"), START).await;
    let expected = format!("bytes 0-{}/{}", whole.len() - 1, whole.len());
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-range"].to_str().unwrap()),
        (206, expected.as_str())
    );
    assert_eq!(body, whole);
    let (_, body) = ask(&origin, &PUBLIC, range("segment-0.m4s", "bytes=4-7"), START).await;
    assert_eq!(body, "moof");
    let (answer, _) = ask(&origin, &PUBLIC, range("init-0.mp4", "bytes=100000-"), START).await;
    assert_eq!(answer.status(), 416);
    let (answer, _) = ask(&origin, &PUBLIC, range("media.m3u8", "bytes=0-"), START).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_browser_may_ask_first_and_only_read() {
    let origin = Origin::default();
    let (answer, _) = ask(&origin, &PUBLIC, Request::options(MASTER), START).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["access-control-allow-headers"]),
        (204, &"*".parse().unwrap())
    );
    let (answer, _) = ask(&origin, &PUBLIC, Request::builder().method(Method::POST).uri(MASTER), START).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"GET, HEAD, OPTIONS".parse().unwrap()));
}

#[tokio::test]
async fn a_viewer_whose_session_is_revoked_gets_nothing_more_and_a_later_session_plays() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let guarded = Guarded { revoked: AtomicI64::new(-1), ..Guarded::default() };
    let (early, late) = (watch(&origin, &guarded, "?token=1").await, {
        guarded.used.store(false, Relaxed);
        watch(&origin, &guarded, "?token=2").await
    });
    let status = async |folder: &str, file: &str| {
        ask(&origin, &guarded, Request::get(format!("{folder}{file}")), START).await.0.status().as_u16()
    };
    assert_eq!((status(&early, "media.m3u8").await, status(&late, "media.m3u8").await), (200, 200));
    guarded.revoked.store(1, Relaxed);
    for file in ["media.m3u8", "init-0.mp4", "segment-0.m4s", "part-0-0.m4s"] {
        assert_eq!((status(&early, file).await, status(&late, file).await), (403, 200), "{file}");
    }
}

#[tokio::test]
async fn who_looks_by_head_uses_no_token_up_and_is_no_viewer() {
    let origin = Origin::default();
    on_air(&origin, "st-1");
    let guarded = Guarded { revoked: AtomicI64::new(-1), ..Guarded::default() };
    let page = |request: http::request::Builder| request.header("origin", "https://example.org");
    let look = || page(Request::head(format!("{MASTER}?token=1")));
    let (looked, body) = ask(&origin, &guarded, look(), START).await;
    assert_eq!((looked.status().as_u16(), body.len()), (200, 0));
    let begin = page(Request::get(format!("{MASTER}?token=1")));
    let (begun, body) = ask(&origin, &guarded, begin, START).await;
    assert_eq!(begun.status(), 200);
    assert_eq!(looked.headers()["content-length"], body.len().to_string().as_str());
    assert_eq!(ask(&origin, &guarded, look(), START).await.0.status(), 403);
}
