//! Encoders that change their mind, stumble, or mean harm.

use proptest::prelude::*;
use rtmp::flv::{Audio, Video};

use super::*;
use crate::media::hls::MediaError;
use crate::media::testing::boxes::boxes;

#[test]
fn another_format_brings_a_discontinuity_and_another_initialization_segment() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 0, 3_000, 30);
    assert!(playlist(&broadcast).hint.is_some());
    video_of(&broadcast, 640);
    assert_eq!(playlist(&broadcast).hint, None, "its first part is not like those before");
    both(&broadcast, 3_000, 5_500, 30);
    let playlist = playlist(&broadcast);
    assert!(playlist.hint.is_some());
    let changes: Vec<_> = playlist.segments.iter().map(|s| (s.discontinuity, s.map.as_str())).collect();
    let expected = [
        (false, "init-0.mp4"),
        (false, "init-0.mp4"),
        (false, "init-0.mp4"),
        (true, "init-1.mp4"),
        (false, "init-1.mp4"),
    ];
    assert_eq!(changes, expected);
    assert!(playlist.segments[3].parts[0].independent);
    assert_ne!(broadcast.init(0).unwrap(), broadcast.init(1).unwrap());
    assert_eq!(broadcast.init(2), None);
    let both_tracks = boxes(&broadcast.init(1).unwrap()).len();
    assert_eq!(both_tracks, 2);
}

#[test]
fn a_configuration_that_is_repeated_changes_nothing() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 0, 1_100, 30);
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 1_100, 4_000, 30);
    let text = broadcast.media().unwrap();
    assert!(!text.contains("#EXT-X-DISCONTINUITY\n") && !text.contains("init-1"));
}

#[test]
fn a_discontinuity_that_left_the_list_is_counted() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 0, 3_000, 30);
    video_of(&broadcast, 640);
    both(&broadcast, 3_000, 20_000, 30);
    let playlist = playlist(&broadcast);
    assert_eq!(playlist.discontinuity_sequence, 1);
    assert_eq!(playlist.segments[0].map, "init-1.mp4");
    assert!(broadcast.init(0).is_some(), "a player that is behind needs it");
}

#[test]
fn sound_that_is_announced_late_joins_in() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    pictures(&broadcast, 0, 3_000, 30);
    announce_audio(&broadcast);
    both(&broadcast, 3_000, 5_500, 30);
    assert!(parts(&broadcast).last().unwrap().track(2).is_some());
    assert_eq!(playlist(&broadcast).segments.last().unwrap().map, "init-1.mp4");
}

#[test]
fn a_clock_that_jumps_leaves_no_gap_and_tells_the_date() {
    for jump in [3_600_000u32, 0u32.wrapping_sub(3_000), 60_000] {
        let broadcast = broadcast();
        announce_video(&broadcast);
        announce_audio(&broadcast);
        both(&broadcast, 5_000, 8_000, 60);
        let later = 8_000u32.wrapping_add(jump);
        both(&broadcast, later, later + 3_000, 60);
        let parts = parts(&broadcast);
        for (id, frame) in [(1, 34 * 90), (2, 1_024)] {
            let tracks: Vec<_> = parts.iter().filter_map(|part| part.track(id)).collect();
            for pair in tracks.windows(2) {
                let length: u64 = pair[0].samples.iter().map(|sample| u64::from(sample.duration)).sum();
                let gap = pair[1].decode.checked_sub(pair[0].decode + length);
                assert!(gap.is_some_and(|gap| gap <= 4 * frame), "{gap:?} in track {id} after {jump}");
            }
        }
        assert!(playlist(&broadcast).segments.iter().all(|segment| !segment.discontinuity));
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    let broadcast = broadcast();
    let record = Bytes::from_static(b"\x01nonsense");
    let video = broadcast.video(0, Video::Config { codec: VideoCodec::Avc, record: record.clone() });
    assert_eq!(video, Err(MediaError::VideoConfiguration));
    assert_eq!(
        broadcast.audio(0, Audio::Config { record: Bytes::from_static(b"\xff\xff") }),
        Err(MediaError::AudioConfiguration)
    );
}

#[test]
fn frames_for_which_no_time_goes_by_are_refused_before_they_fill_the_memory() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    let megabyte = Bytes::from(vec![0; 1 << 20]);
    let video = Video::Frame { key: true, composition_offset_ms: 0, data: megabyte };
    let refused = (0..20).position(|_| broadcast.video(1_000, video.clone()).is_err());
    assert_eq!(refused, Some(8));
}

/// Anything that a publisher may send.
#[derive(Debug, Clone)]
enum Message {
    Video { width: u32 },
    Audio { rate: u8 },
    Picture { step: i32, key: bool, offset: i32 },
    Sound { step: i32 },
    Metadata,
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let step = || prop_oneof![20 => 0i32..60, 2 => 0i32..3_000, 1 => -700i32..0, 1 => any::<i32>()];
    let picture = (step(), prop::bool::weighted(0.1), any::<i32>());
    let message = prop_oneof![
        1 => (2u32..5).prop_map(|size| Message::Video { width: size * 320 }),
        1 => (3u8..6).prop_map(|rate| Message::Audio { rate }),
        60 => picture.prop_map(|(step, key, offset)| Message::Picture { step, key, offset }),
        60 => step().prop_map(|step| Message::Sound { step }),
        2 => Just(Message::Metadata),
    ];
    prop::collection::vec(message, 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_is_sent_the_playlist_is_right_and_time_goes_on(messages in messages(), apart in any::<bool>()) {
        let broadcast = broadcast();
        announce_video(&broadcast);
        announce_audio(&broadcast);
        let (mut shown, mut heard) = (0u32, 0u32);
        let mut known: Option<(String, Playlist)> = None;
        for message in messages {
            match message {
                Message::Video { width } => video_of(&broadcast, width),
                Message::Audio { rate } => {
                    broadcast.audio(0, Audio::Config { record: config::aac(rate, 2) }).unwrap();
                }
                Message::Picture { step, key, offset } => {
                    shown = shown.wrapping_add_signed(step);
                    let frame = Video::Frame { key, composition_offset_ms: offset, data: Bytes::from_static(b"picture") };
                    broadcast.video(shown, frame).unwrap();
                }
                Message::Sound { step } => {
                    heard = if apart { heard.wrapping_add_signed(step) } else { shown };
                    sound(&broadcast, heard);
                }
                Message::Metadata => broadcast.metadata("now"),
            }
            let Some(text) = broadcast.media().filter(|text| known.as_ref().is_none_or(|(known, _)| known != text)) else {
                continue;
            };
            let playlist = Playlist::parse(&text);
            if let Some((_, known)) = &known {
                playlist.follows(known);
            }
            known = Some((text, playlist));
        }
        broadcast.end();
        if broadcast.has_begun() {
            prop_assert!(playlist(&broadcast).ended);
        }
        let parts = parts(&broadcast);
        let mut last = 0;
        for track in parts.iter().filter_map(|part| part.track(1)) {
            prop_assert!(track.decode > last || last == 0, "decoding goes on");
            last = track.decode + track.samples[1..].len() as u64;
        }
    }
}
