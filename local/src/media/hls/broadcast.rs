//! A broadcast: what one publisher sends, from beginning to end.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use hyper::body::Bytes;
use rtmp::flv::{Audio, Video};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::Instant;

use super::MediaError;
use super::archive::Archive;
use super::packager::Packager;
use super::playlist::{self, Rendition};
use super::segment::SECOND;
use super::window::{Progress, TARGET_DURATION, Window};
use crate::plumbing::sync::lock;

/// How long a request for what is not there yet waits: three target durations, after which the draft wants an error.
const LONGEST_WAIT: Duration = Duration::from_secs(3 * TARGET_DURATION);
/// How long the playlist is served after the end.
const SERVED_AFTER_END: Duration = Duration::from_secs(120);

/// A broadcast on air, or one that was.
pub(crate) struct Broadcast {
    pub(super) channel_id: String,
    pub(super) stream_id: String,
    /// The path of the playback URL under which it was found.
    pub(super) playback_path: OnceLock<String>,
    packager: Mutex<Packager>,
    progress: watch::Sender<Progress>,
    start: OffsetDateTime,
    began: Instant,
    ended: OnceLock<Instant>,
}

/// What was measured of a broadcast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Description {
    /// Frames a second, once some have come.
    pub(crate) frame_rate: Option<f64>,
    /// The average of both tracks.
    pub(crate) bits_per_second: u64,
}

/// What became of waiting for something that was not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// It is there, or it never will be.
    Over,
    /// It is too far ahead to wait for.
    TooFar,
    /// It took too long.
    TimedOut,
}

impl Broadcast {
    pub(super) fn new(
        number: u64,
        (channel_id, stream_id): (&str, &str),
        archive: Arc<Archive>,
        start: OffsetDateTime,
    ) -> Self {
        Self {
            channel_id: channel_id.to_owned(),
            stream_id: stream_id.to_owned(),
            playback_path: OnceLock::new(),
            packager: Mutex::new(Packager::new(Window::new(number, archive), start)),
            progress: watch::Sender::default(),
            start,
            began: Instant::now(),
            ended: OnceLock::new(),
        }
    }

    /// Takes a video message.
    ///
    /// # Errors
    /// A configuration that cannot be read, or more bytes than a broadcast may hold: the publisher is to be sent away.
    pub(crate) fn video(&self, timestamp_ms: u32, video: Video) -> Result<(), MediaError> {
        let now = self.now();
        self.take(|packager| packager.video(timestamp_ms, video, now))
    }

    /// Takes an audio message.
    ///
    /// # Errors
    /// As [`Self::video`].
    pub(crate) fn audio(&self, timestamp_ms: u32, audio: Audio) -> Result<(), MediaError> {
        let now = self.now();
        self.take(|packager| packager.audio(timestamp_ms, audio, now))
    }

    /// Timed metadata for players, due with the frame that came last.
    pub(crate) fn metadata(&self, text: &str) {
        let _ = self.take(|packager| {
            packager.metadata(text);
            Ok(())
        });
    }

    /// Ends the broadcast, for good. Its playlist then says so, and is served for two minutes more.
    pub(crate) fn end(&self) {
        let _ = self.take(|packager| {
            packager.end();
            Ok(())
        });
        let _ = self.ended.set(Instant::now());
    }

    /// Whether there is something to play.
    pub(crate) fn has_begun(&self) -> bool {
        lock(&self.packager).window().has_begun()
    }

    /// What was measured of it.
    pub(crate) fn description(&self) -> Description {
        let packager = lock(&self.packager);
        Description { frame_rate: packager.frame_rate(), bits_per_second: packager.window().bit_rates().1 }
    }

    fn take(&self, take: impl FnOnce(&mut Packager) -> Result<(), MediaError>) -> Result<(), MediaError> {
        if self.has_ended() {
            return Ok(());
        }
        let mut packager = lock(&self.packager);
        let taken = take(&mut packager);
        let progress = packager.window().progress();
        self.progress.send_if_modified(|known| std::mem::replace(known, progress) != progress);
        taken
    }

    fn now(&self) -> OffsetDateTime {
        self.start + self.began.elapsed()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    /// Whether it ended so long ago that it is not served any more.
    pub(super) fn is_over(&self) -> bool {
        self.ended.get().is_some_and(|ended| ended.elapsed() > SERVED_AFTER_END)
    }

    /// The master playlist, which leads to the media playlist at `uri`. None before there is something to play.
    pub(super) fn master(&self, uri: &str) -> Option<String> {
        let packager = lock(&self.packager);
        packager.window().has_begun().then(|| {
            playlist::master(&Rendition {
                uri,
                formats: packager.formats(),
                bit_rates: packager.window().bit_rates(),
                frame_rate: packager.frame_rate(),
            })
        })
    }

    /// The media playlist. None before there is something to play.
    pub(super) fn media(&self) -> Option<String> {
        let packager = lock(&self.packager);
        packager.window().has_begun().then(|| playlist::media(packager.window(), packager.part_target()))
    }

    pub(super) fn init(&self, version: u32) -> Option<Bytes> {
        lock(&self.packager).window().init(version)
    }

    pub(super) fn segment(&self, number: u64) -> Option<Bytes> {
        // Put together when the lock is free again.
        let segment = lock(&self.packager).window().segment(number);
        segment.map(|segment| segment.data())
    }

    pub(super) fn part(&self, number: u64, index: usize) -> Option<Bytes> {
        lock(&self.packager).window().part(number, index)
    }

    /// Waits until the playlist has the segment, or the part of it (`_HLS_msn`, `_HLS_part`).
    pub(super) async fn reload(&self, number: u64, part: Option<usize>) -> Wait {
        let now = *self.progress.borrow();
        // One after the segment that grows is the farthest that a player can mean; and so many parts in three part targets,
        // or three (Advance Part Limit).
        let limit = match lock(&self.packager).part_target() {
            Some(target) if target < SECOND => usize::try_from((3 * SECOND).div_ceil(target)).unwrap_or(usize::MAX),
            _ => 3,
        };
        let farthest = now.parts.saturating_add(limit);
        let too_far = number > now.number.saturating_add(1)
            || (number == now.number && part.is_some_and(|part| part >= farthest));
        if too_far && !now.ended {
            return Wait::TooFar;
        }
        self.until(|progress| match part {
            None => progress.number > number,
            // A part after the segment's last is the first of the next.
            Some(part) if progress.number == number => progress.parts > part,
            Some(part) if progress.number == number + 1 => part < progress.last_parts || progress.parts > 0,
            Some(_) => progress.number > number,
        })
        .await
    }

    /// Waits for a part, if it is the one that the playlist hints at.
    pub(super) async fn hinted(&self, number: u64, index: usize) -> Wait {
        let now = *self.progress.borrow();
        if now.number != number || now.parts != index {
            return Wait::Over;
        }
        self.until(|progress| progress.number != number || progress.parts > index).await
    }

    async fn until(&self, there: impl Fn(&Progress) -> bool) -> Wait {
        let mut progress = self.progress.subscribe();
        let waited = progress.wait_for(|progress| progress.ended || there(progress));
        match tokio::time::timeout(LONGEST_WAIT, waited).await {
            Ok(_) => Wait::Over,
            Err(_) => Wait::TimedOut,
        }
    }
}
