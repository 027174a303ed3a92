//! Timestamps and the broadcast's own time.

use super::super::timeline::{AudioClock, Kind, Timeline};

fn video(timeline: &mut Timeline, timestamp: u32) -> (u64, bool) {
    let placed = timeline.place(Kind::Video, timestamp);
    (placed.milliseconds, placed.jump)
}

fn audio(timeline: &mut Timeline, timestamp: u32) -> (u64, bool) {
    let placed = timeline.place(Kind::Audio, timestamp);
    (placed.milliseconds, placed.jump)
}

#[test]
fn a_broadcast_begins_at_ten_seconds_whatever_the_publisher_counts_from() {
    for first in [0, 1, 86_400_000, u32::MAX] {
        let mut timeline = Timeline::default();
        assert_eq!(video(&mut timeline, first), (10_000, false));
        assert_eq!(audio(&mut timeline, first.wrapping_sub(20)), (9_980, false));
        assert_eq!(video(&mut timeline, first.wrapping_add(33)), (10_033, false));
    }
}

#[test]
fn timestamps_wrap_after_32_bits() {
    let mut timeline = Timeline::default();
    let first = u32::MAX - 1_000;
    for step in 0..100u32 {
        let at = first.wrapping_add(step * 33);
        assert_eq!(video(&mut timeline, at), (10_000 + u64::from(step) * 33, false));
        assert_eq!(audio(&mut timeline, at.wrapping_sub(10)), (9_990 + u64::from(step) * 33, false));
    }
}

#[test]
fn the_second_track_to_follow_a_jump_keeps_its_distance() {
    for jump in [1_000_000u32, 0u32.wrapping_sub(100_000)] {
        let mut timeline = Timeline::default();
        video(&mut timeline, 200_000);
        video(&mut timeline, 200_033);
        audio(&mut timeline, 200_040);
        let after = 200_066u32.wrapping_add(jump);
        assert_eq!(video(&mut timeline, after), (10_066, true));
        // One of before the jump comes late.
        assert_eq!(audio(&mut timeline, 200_061), (10_061, false));
        assert_eq!(audio(&mut timeline, after + 16), (10_082, false));
        assert_eq!(video(&mut timeline, after + 33), (10_099, false));
    }
}

#[test]
fn a_small_step_back_is_no_jump() {
    let mut timeline = Timeline::default();
    video(&mut timeline, 1_000);
    assert_eq!(video(&mut timeline, 900), (9_900, false));
    assert_eq!(video(&mut timeline, 1_033), (10_033, false));
}

#[test]
fn a_gap_that_the_other_track_fills_is_no_jump() {
    let mut timeline = Timeline::default();
    video(&mut timeline, 0);
    for time in (0..9_000).step_by(21) {
        audio(&mut timeline, time);
    }
    assert_eq!(video(&mut timeline, 9_000), (19_000, false));
}

#[test]
fn sound_is_counted_in_samples_and_not_moved_by_rounded_timestamps() {
    let mut clock = AudioClock::default();
    for frame in 0..1_000u64 {
        let jitter = [0, 40, 3, 80][frame as usize % 4];
        let time = clock.place(10_000 + frame * 1024 * 1000 / 44_100 + jitter, 44_100, 1024);
        assert_eq!(time, Some(441_000 + frame * 1024));
    }
}

#[test]
fn a_gap_of_more_than_a_tenth_of_a_second_moves_the_sound() {
    let mut clock = AudioClock::default();
    assert_eq!(clock.place(10_000, 48_000, 1024), Some(480_000));
    assert_eq!(clock.place(10_121, 48_000, 1024), Some(481_024), "100 ms more than it should be");
    assert_eq!(clock.place(10_200, 48_000, 1024), Some(489_600));
}

#[test]
fn sound_of_more_samples_than_time_is_thinned_out_until_it_is_right() {
    let mut clock = AudioClock::default();
    let placed: Vec<_> = (0..20).map(|frame| clock.place(10_000 + frame * 10, 48_000, 1024)).collect();
    let kept: Vec<_> = placed.iter().flatten().collect();
    assert!(placed.iter().any(Option::is_none));
    assert!(kept.windows(2).all(|pair| *pair[1] - *pair[0] == 1024));
    let (last, due) = (**kept.last().unwrap(), 10_190 * 48);
    assert!(last < due + 4_800 + 2 * 1024, "{last} when {due} is due");
}

#[test]
fn the_count_goes_on_in_another_rate() {
    let mut clock = AudioClock::default();
    clock.place(10_000, 48_000, 1024);
    clock.change_rate(48_000, 24_000);
    assert_eq!(clock.place(10_021, 24_000, 1024), Some(240_512));
}
