//! Blocking reload: a player asks for what comes next and gets it when it is there. Time is tokio's, and stands still.

use std::time::Duration;

use super::*;
use crate::media::hls::broadcast::Wait;

/// Segments 0 and 1 are complete, of ten parts each; of segment 2 there are parts 0 and 1.
fn on_air() -> Arc<Broadcast> {
    let broadcast = Arc::new(broadcast());
    announce_video(&broadcast);
    announce_audio(&broadcast);
    pictures(&broadcast, 0, 4_401, 60);
    let playlist = playlist(&broadcast);
    assert_eq!((playlist.segments.len(), playlist.open.parts.len()), (2, 2));
    assert!(playlist.segments.iter().all(|segment| segment.parts.len() == 10));
    broadcast
}

/// What a player gets that asks before the broadcast goes on until then, and whether it waited for that.
async fn asks(broadcast: &Arc<Broadcast>, number: u64, part: Option<usize>, until: u32) -> (Wait, bool) {
    let asking = tokio::spawn({
        let broadcast = broadcast.clone();
        async move { broadcast.reload(number, part).await }
    });
    // Lets it ask; nothing else runs, and the clock stands still.
    tokio::task::yield_now().await;
    let waited = !asking.is_finished();
    more_pictures(broadcast, 4_400, until, 60);
    (asking.await.unwrap(), waited)
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_served_at_once() {
    let broadcast = on_air();
    for (number, part) in
        [(0, None), (1, None), (0, Some(3)), (1, Some(9)), (1, Some(10)), (2, Some(0)), (2, Some(1)), (0, Some(99))]
    {
        let answer = asks(&broadcast, number, part, 0).await;
        assert_eq!(answer, (Wait::Over, false), "{number}, {part:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_part_is_waited_for() {
    let broadcast = on_air();
    assert_eq!(asks(&broadcast, 2, Some(2), 4_650).await, (Wait::Over, true));
    assert_eq!(playlist(&broadcast).open.parts.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_next_segment_is_waited_for_until_it_is_complete() {
    let broadcast = on_air();
    assert_eq!(asks(&broadcast, 2, None, 6_100).await, (Wait::Over, true));
    assert_eq!(playlist(&broadcast).segments.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_part_after_the_last_of_a_segment_is_the_first_of_the_next() {
    let broadcast = on_air();
    assert_eq!(asks(&broadcast, 2, Some(12), 6_300).await, (Wait::Over, true));
    assert!(!playlist(&broadcast).open.parts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_too_far_ahead_is_refused() {
    let broadcast = on_air();
    // Parts of three part targets: 3 s / 0.21 s, rounded up.
    for (number, part) in [(4, None), (4, Some(0)), (u64::MAX, None), (2, Some(2 + 15)), (2, Some(usize::MAX))] {
        assert_eq!(broadcast.reload(number, part).await, Wait::TooFar, "{number}, {part:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_three_target_durations() {
    let broadcast = on_air();
    let before = tokio::time::Instant::now();
    assert_eq!(broadcast.reload(3, None).await, Wait::TimedOut);
    assert_eq!(before.elapsed(), Duration::from_secs(6));
    assert_eq!(broadcast.hinted(2, 2).await, Wait::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn the_end_wakes_everybody() {
    let broadcast = on_air();
    let waiting: Vec<_> = [(2, Some(2)), (2, None), (3, Some(0))]
        .map(|(number, part)| {
            let broadcast = broadcast.clone();
            tokio::spawn(async move { broadcast.reload(number, part).await })
        })
        .into();
    tokio::task::yield_now().await;
    broadcast.end();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), Wait::Over);
    }
    assert_eq!(broadcast.reload(99, None).await, Wait::Over, "there is nothing to wait for");
}

#[tokio::test(start_paused = true)]
async fn the_hinted_part_is_waited_for_and_no_other() {
    let broadcast = on_air();
    let asking = tokio::spawn({
        let broadcast = broadcast.clone();
        async move { broadcast.hinted(2, 2).await }
    });
    tokio::task::yield_now().await;
    assert!(!asking.is_finished());
    more_pictures(&broadcast, 4_400, 4_650, 60);
    assert_eq!(asking.await.unwrap(), Wait::Over);
    assert!(broadcast.part(2, 2).is_some());
    for (number, index) in [(2, 1), (2, 4), (3, 0), (0, 0)] {
        assert_eq!(broadcast.hinted(number, index).await, Wait::Over);
    }
}
