//! Where parts and segments are cut.

use rtmp::flv::{Audio, Video};

use super::*;

fn durations(playlist: &Playlist) -> Vec<f64> {
    playlist.segments.iter().map(|segment| segment.duration).collect()
}

fn close(actual: &[f64], expected: &[f64]) {
    let same = actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| (a - e).abs() < 0.0021);
    assert!(same, "{actual:?} instead of {expected:?}");
}

#[test]
fn one_frame_is_held_back_to_know_its_duration() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 200, 60);
    assert!(!broadcast.has_begun(), "six frames, of which the last has no duration yet");
    picture(&broadcast, 200, false, &b"seventh"[..]);
    assert!(broadcast.has_begun());
    let parts = parts(&broadcast);
    assert_eq!(parts[0].track(1).unwrap().samples.len(), 6);
    assert_eq!(parts[0].track(1).unwrap().samples[5].duration, 34 * 90);
}

#[test]
fn parts_of_a_steady_stream_are_alike_and_of_about_200_milliseconds() {
    for rate in [10u32, 15, 20, 24, 25, 30, 50, 60] {
        let broadcast = broadcast();
        announce_video(&broadcast);
        announce_audio(&broadcast);
        (0..rate * 7).for_each(|index| picture(&broadcast, index * 1000 / rate, index % (2 * rate) == 0, &b"p"[..]));
        let playlist = playlist(&broadcast);
        assert!((0.19..0.26).contains(&playlist.part_target), "{rate}: {}", playlist.part_target);
        for segment in &playlist.segments {
            let (_, whole) = segment.parts.split_last().unwrap();
            for part in whole {
                let share = part.duration / playlist.part_target;
                assert!((0.85..=1.0).contains(&share), "{rate} frames a second: {part:?} of {}", playlist.part_target);
            }
        }
    }
}

#[test]
fn a_segment_begins_at_a_key_frame_once_a_second_has_gone_by() {
    for (group, expected) in [(10, [1.0; 6].as_slice()), (30, &[1.0; 6]), (45, &[1.5; 4]), (60, &[2.0; 3])] {
        let broadcast = broadcast();
        announce_video(&broadcast);
        announce_audio(&broadcast);
        pictures(&broadcast, 0, 6_100, group);
        let playlist = playlist(&broadcast);
        close(&durations(&playlist), expected);
        assert!(playlist.segments.iter().all(|segment| segment.parts[0].independent));
    }
}

#[test]
fn the_target_duration_is_kept_when_key_frames_are_rare() {
    // As OBS sends by default: 8.3 s from one key frame to the next.
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 0, 8_300, 250);
    let before = playlist(&broadcast);
    both(&broadcast, 8_333, 30_000, 250);
    let after = playlist(&broadcast);
    assert_eq!((before.target, after.target), (2, 2));
    let durations = durations(&after);
    assert!(durations.iter().all(|duration| (1.6..2.4).contains(duration)), "evenly divided: {durations:?}");
    let claims = after.segments.iter().flat_map(|segment| &segment.parts).filter(|part| part.independent).count();
    assert!(claims <= 1, "only the part with a key frame is independent");
    assert!(!broadcast.media().unwrap().contains("INDEPENDENT-SEGMENTS"));
}

#[test]
fn the_first_key_frame_after_a_segment_without_one_begins_a_segment() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 2_500, 1_000);
    pictures(&broadcast, 2_500, 3_600, 1_000); // begins with a key frame
    let playlist = playlist(&broadcast);
    assert!(playlist.open.parts[0].independent, "{playlist:?}");
    close(&durations(&playlist), &[2.2, 0.3]);
}

#[test]
fn a_frame_that_lasts_as_long_as_a_segment_is_one() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 700, 60);
    [2_600, 4_500, 6_400].iter().for_each(|time| picture(&broadcast, *time, false, &b"slide"[..]));
    close(&durations(&playlist(&broadcast)), &[0.666, 1.934, 1.9]);
}

#[test]
fn sound_alone_plays() {
    let broadcast = broadcast();
    announce_audio(&broadcast);
    sounds(&broadcast, 0, 1_000);
    assert!(!broadcast.has_begun(), "video may yet be announced");
    sounds(&broadcast, 1_003, 10_000);
    let playlist = playlist(&broadcast);
    assert!(playlist.segments.iter().all(|segment| (1.7..=2.0).contains(&segment.duration)));
    assert!(playlist.segments.iter().flat_map(|segment| &segment.parts).all(|part| part.independent));
    assert!(parts(&broadcast).iter().all(|part| part.track(1).is_none() && part.track(2).is_some()));
    assert!(broadcast.master("x").unwrap().contains("CODECS=\"mp4a.40.2\"\n"));
}

#[test]
fn pictures_alone_play() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    pictures(&broadcast, 0, 1_000, 30);
    assert!(!broadcast.has_begun(), "audio may yet be announced");
    pictures(&broadcast, 1_000, 10_000, 30);
    close(&durations(&playlist(&broadcast)), &[1.0; 6]);
    let master = broadcast.master("x").unwrap();
    assert!(master.contains("CODECS=\"avc1.42C01F\",RESOLUTION=1280x720,FRAME-RATE=30.000\n"), "{master}");
}

#[test]
fn frames_before_the_first_key_frame_are_left_out() {
    // A publisher's broadcast of which the beginning is missing.
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    for time in frame_times(0, 1_000) {
        sounds(&broadcast, time.next_multiple_of(64), time + 33);
        picture(&broadcast, time, time == 500, &b"picture"[..]);
    }
    let first = &parts(&broadcast)[0];
    assert!(first.track(1).unwrap().samples[0].key);
    assert!(first.track(2).unwrap().decode * 90_000 / 48_000 >= first.track(1).unwrap().decode);
}

#[test]
fn sound_goes_on_while_the_picture_is_missing_and_the_picture_comes_back_in_its_place() {
    // OBS leaves frames out until the next key frame when its connection is slow; sound goes on.
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 0, 3_000, 60);
    sounds(&broadcast, 3_000, 8_000);
    let during = playlist(&broadcast);
    assert!(during.duration() > 6.0);
    both(&broadcast, 8_000, 10_100, 60);
    let parts = parts(&broadcast);
    let picture = parts.iter().filter_map(|part| part.track(1)).find(|track| track.decode == (10_000 + 8_000) * 90);
    assert!(picture.is_some_and(|track| track.samples[0].key));
    let after = playlist(&broadcast);
    assert!(after.segments.last().unwrap().parts[0].independent, "{after:?}");
    let sounds: Vec<_> = parts.iter().filter_map(|part| part.track(2)).collect();
    for pair in sounds.windows(2) {
        assert_eq!(pair[0].decode + 1024 * pair[0].samples.len() as u64, pair[1].decode);
    }
}

#[test]
fn a_program_without_a_key_frame_plays_its_sound() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    sounds(&broadcast, 0, 5_000);
    let playlist = playlist(&broadcast);
    assert!(playlist.duration() > 4.0);
    assert!(!playlist.segments[0].parts[0].independent);
}

#[test]
fn timed_metadata_is_in_the_part_of_its_moment() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 1_500, 60);
    broadcast.metadata("{\"question\":1}");
    more_pictures(&broadcast, 1_466, 1_501, 60);
    broadcast.metadata("second");
    more_pictures(&broadcast, 1_500, 2_500, 60);
    let parts = parts(&broadcast);
    let with: Vec<_> = parts.iter().filter(|part| !part.events.is_empty()).collect();
    assert_eq!(with.len(), 1);
    let expected =
        [((10_000 + 1_466) * 90, 1, "{\"question\":1}".to_owned()), ((10_000 + 1_500) * 90, 2, "second".to_owned())];
    assert_eq!(with[0].events, expected);
    let (start, end) = (with[0].track(1).unwrap().decode, with[0].track(1).unwrap().decode + 200 * 90);
    assert!((start..=end).contains(&expected[0].0) && (start..=end).contains(&expected[1].0));
}

#[test]
fn a_broadcast_that_ends_says_so_and_takes_nothing_more() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    both(&broadcast, 0, 3_000, 60);
    broadcast.end();
    let text = broadcast.media().unwrap();
    assert!(text.ends_with("#EXT-X-ENDLIST\n") && !text.contains("PRELOAD-HINT"));
    close(&durations(&playlist(&broadcast)), &[2.0, 0.8, 0.199]);
    pictures(&broadcast, 3_000, 5_000, 60);
    assert_eq!(broadcast.media().unwrap(), text);
}

#[test]
fn what_came_after_the_last_part_is_a_segment_of_its_own_and_no_parts_are_listed_any_more() {
    // The last frame is the first of a part, in the middle, and the last.
    for end in [2_410, 2_510, 2_600] {
        let broadcast = broadcast();
        announce_video(&broadcast);
        pictures(&broadcast, 0, end, 60);
        let listed = playlist(&broadcast).open.parts.len();
        assert!(listed > 0);
        broadcast.end();
        let text = broadcast.media().unwrap();
        assert!(!text.contains("EXT-X-PART:") && text.ends_with("segment-2.m4s\n#EXT-X-ENDLIST\n"), "{text}");
        // Whoever is about to fetch a part still gets it.
        assert!(broadcast.part(1, listed - 1).is_some() && broadcast.part(1, listed).is_none());
    }
}

#[test]
fn segments_say_when_they_were_sent() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 500, 5_000, 60);
    let playlist = playlist(&broadcast);
    let dates: Vec<_> = playlist.segments.iter().chain([&playlist.open]).map(|segment| segment.date.as_str()).collect();
    assert_eq!(dates, ["2026-11-29T12:00:00.000Z", "2026-11-29T12:00:02.000Z", "2026-11-29T12:00:04.000Z"]);
}

#[test]
fn what_is_no_frame_changes_nothing() {
    let broadcast = broadcast();
    picture(&broadcast, 0, true, &b"not announced"[..]);
    sound(&broadcast, 0);
    for video in [Video::Other, Video::End, Video::Frame { key: true, composition_offset_ms: 0, data: Bytes::new() }] {
        broadcast.video(0, video).unwrap();
    }
    broadcast.audio(0, Audio::Other).unwrap();
    assert!(!broadcast.has_begun() && broadcast.media().is_none());
}
