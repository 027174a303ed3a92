//! How much is kept, and for how long.

use std::time::Duration;

use super::*;

/// A broadcast that shares the archive.
fn in_archive(number: u64, archive: &Arc<Archive>) -> Broadcast {
    let broadcast = Broadcast::new(number, ("channel", "st-1"), archive.clone(), START);
    announce_video(&broadcast);
    announce_audio(&broadcast);
    broadcast
}

/// Sends 3 Mbit/s.
fn send(broadcast: &Broadcast, from: u32, to: u32) {
    let data = Bytes::from(vec![0; 12_500]);
    for (index, time) in frame_times(from, to).enumerate() {
        picture(broadcast, time, index % 60 == 0, data.clone());
    }
}

#[test]
fn four_streams_of_three_megabits_fit_into_thirty_megabytes() {
    let archive = Arc::new(Archive::default());
    let broadcasts: Vec<_> = (0..4).map(|number| in_archive(number, &archive)).collect();
    let mut most = 0;
    for second in (0..40_000).step_by(2_000) {
        for broadcast in &broadcasts {
            send(broadcast, second, second + 2_000);
            most = most.max(archive.size());
        }
    }
    // Beside it is the segment that grows, of two seconds at most.
    let growing = 4 * 2 * 375_000;
    assert!(most + growing < 28_000_000, "{most} bytes");
    for broadcast in &broadcasts {
        let listed = playlist(broadcast);
        assert!(listed.duration() >= 6.0);
        let oldest = (0..listed.sequence).find(|number| broadcast.segment(*number).is_some()).unwrap();
        assert!(listed.sequence - oldest >= 3, "six seconds more are there: from {oldest} to {}", listed.sequence);
    }
}

#[test]
fn what_has_left_the_list_is_there_for_as_long_again_at_any_rate() {
    let archive = Arc::new(Archive::default());
    let broadcasts: Vec<_> = (0..6).map(|number| in_archive(number, &archive)).collect();
    let data = Bytes::from(vec![0; 35_000]);
    for second in (0..30_000).step_by(1_000) {
        for broadcast in &broadcasts {
            for (index, time) in frame_times(second, second + 1_000).enumerate() {
                picture(broadcast, time, index % 30 == 0, data.clone());
            }
        }
    }
    for broadcast in &broadcasts {
        let listed = playlist(broadcast);
        let left = (0..listed.sequence).filter(|number| broadcast.segment(*number).is_some());
        assert!((6..=8).contains(&left.count()), "seconds before {}", listed.sequence);
    }
}

#[test]
fn a_stream_alone_has_all_the_room() {
    let archive = Arc::new(Archive::default());
    let broadcast = in_archive(0, &archive);
    send(&broadcast, 0, 50_000);
    assert!(broadcast.segment(0).is_some());
}

#[test]
fn the_list_is_as_long_as_players_stay_behind_and_no_longer() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 60_000, 60);
    let listed: f64 = playlist(&broadcast).segments.iter().map(|segment| segment.duration).sum();
    assert!((6.0..8.0).contains(&listed), "{listed}");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_left_the_list_is_served_for_two_minutes() {
    let broadcast = broadcast();
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 20_000, 60);
    tokio::time::advance(Duration::from_secs(119)).await;
    pictures(&broadcast, 20_000, 22_000, 60);
    assert!(broadcast.segment(0).is_some() && broadcast.part(0, 0).is_some());
    tokio::time::advance(Duration::from_secs(2)).await;
    pictures(&broadcast, 22_000, 26_000, 60);
    assert!(broadcast.segment(0).is_none() && broadcast.part(0, 0).is_none());
    assert!(broadcast.segment(9).is_some());
}

#[test]
fn what_a_broadcast_held_is_free_when_it_is_gone() {
    let archive = Arc::new(Archive::default());
    let broadcast = in_archive(0, &archive);
    let other = in_archive(1, &archive);
    send(&broadcast, 0, 15_000);
    let first = archive.size();
    assert!(first > 5_000_000);
    send(&other, 0, 15_000);
    assert_eq!(archive.size(), 2 * first);
    drop(broadcast);
    assert_eq!(archive.size(), first);
    drop(other);
    assert_eq!(archive.size(), 0);
}
