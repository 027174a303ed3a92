//! What waits to be sent: bounded, and what is lost is lost as whole groups of pictures.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use rtmp::amf::Value;

/// About six seconds of 5 Mbit/s.
const MOST_BYTES: usize = 4 << 20;
/// Who is later than this is better served by what comes now.
const MOST_MS: u64 = 4000;

/// What a decoder has to know before the first frame. The same for all frames of a recording.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Headers {
    pub(crate) metadata: Vec<(String, Value)>,
    /// Bodies of messages.
    pub(crate) video: Option<Bytes>,
    pub(crate) audio: Option<Bytes>,
}

/// What a frame is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    Audio,
    Video { key: bool },
}

/// The body of a message, and when.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) medium: Medium,
    /// Milliseconds since the broadcast began.
    pub(crate) timestamp: u64,
    pub(crate) body: Bytes,
    pub(crate) headers: Arc<Headers>,
}

impl Frame {
    /// Whether what is sent can begin with it.
    fn is_start(&self) -> bool {
        match self.medium {
            Medium::Video { key } => key,
            Medium::Audio => self.headers.video.is_none(),
        }
    }
}

/// Frames in the order in which they came. The first is one that can be begun with, or follows one that was taken out.
#[derive(Debug)]
pub(crate) struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Nothing can be decoded until something begins.
    waits: bool,
    dropped: u64,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self { frames: VecDeque::new(), bytes: 0, waits: true, dropped: 0 }
    }

    /// Takes a frame. If there are too many, the oldest group of pictures goes, or all if there is only one.
    pub(crate) fn push(&mut self, frame: Frame) {
        if self.waits && !frame.is_start() {
            self.count(&frame);
            return;
        }
        self.waits = false;
        self.bytes += frame.body.len();
        self.frames.push_back(frame);
        while self.bytes > MOST_BYTES || self.span_ms() > MOST_MS {
            let next = self.frames.iter().skip(1).position(Frame::is_start).map(|place| place + 1);
            self.discard(next.unwrap_or(self.frames.len()), true);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.body.len();
        Some(frame)
    }

    /// Another connection begins, at the last frame that can be begun with. What was for nobody at first is not counted as dropped.
    pub(crate) fn restart(&mut self, count: bool) {
        let last = self.frames.iter().rposition(Frame::is_start);
        self.discard(last.unwrap_or(self.frames.len()), count);
        self.waits = self.frames.is_empty();
    }

    /// How much time waits.
    pub(crate) fn span_ms(&self) -> u64 {
        match (self.frames.front(), self.frames.back()) {
            (Some(first), Some(last)) => last.timestamp.saturating_sub(first.timestamp),
            _ => 0,
        }
    }

    /// How many frames of video were lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    fn discard(&mut self, frames: usize, count: bool) {
        for frame in self.frames.drain(..frames) {
            self.bytes -= frame.body.len();
            self.dropped += u64::from(count && frame.medium != Medium::Audio);
        }
        self.waits |= self.frames.is_empty();
    }

    fn count(&mut self, frame: &Frame) {
        self.dropped += u64::from(frame.medium != Medium::Audio);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn frame(medium: Medium, timestamp: u64, length: usize) -> Frame {
        let headers = Headers { video: Some(Bytes::new()), ..Headers::default() };
        Frame { medium, timestamp, body: vec![0; length].into(), headers: headers.into() }
    }

    fn queue(frames: impl IntoIterator<Item = Frame>) -> Queue {
        let mut queue = Queue::new();
        frames.into_iter().for_each(|frame| queue.push(frame));
        queue
    }

    fn times(mut queue: Queue) -> Vec<u64> {
        std::iter::from_fn(move || queue.pop()).map(|frame| frame.timestamp).collect()
    }

    const KEY: Medium = Medium::Video { key: true };
    const DELTA: Medium = Medium::Video { key: false };

    #[test]
    fn nothing_is_kept_until_a_key_frame() {
        let queue =
            queue([frame(Medium::Audio, 0, 1), frame(DELTA, 5, 1), frame(KEY, 10, 1), frame(Medium::Audio, 12, 1)]);
        assert_eq!(queue.dropped(), 1);
        assert_eq!(times(queue), [10, 12]);
    }

    #[test]
    fn audio_without_video_begins_anywhere() {
        let audio = |timestamp| Frame { headers: Headers::default().into(), ..frame(Medium::Audio, timestamp, 1) };
        assert_eq!(times(queue([audio(0), audio(21)])), [0, 21]);
    }

    #[test]
    fn too_much_costs_the_oldest_group_of_pictures_whole() {
        let gops = (0..6).flat_map(|second| {
            (0..4).map(move |n| frame(if n == 0 { KEY } else { DELTA }, second * 1000 + n * 250, 10))
        });
        let queue = queue(gops);
        assert_eq!(queue.dropped(), 8);
        assert_eq!(times(queue).first(), Some(&2000));
    }

    #[test]
    fn a_single_group_that_is_too_much_goes_and_the_next_key_frame_begins() {
        let big = MOST_BYTES / 2;
        let queue = queue([
            frame(KEY, 0, big),
            frame(DELTA, 33, big),
            frame(DELTA, 66, big),
            frame(DELTA, 100, 1),
            frame(KEY, 133, 1),
        ]);
        assert_eq!(queue.dropped(), 4);
        assert_eq!(times(queue), [133]);
    }

    #[test]
    fn another_connection_begins_at_the_last_key_frame() {
        let mut queue = queue([frame(KEY, 0, 1), frame(DELTA, 33, 1), frame(KEY, 66, 1), frame(Medium::Audio, 70, 1)]);
        queue.restart(true);
        assert_eq!(queue.dropped(), 2);
        assert_eq!(queue.pop().unwrap().timestamp, 66);
        // What is left cannot be begun with, and neither can what follows.
        queue.restart(false);
        queue.push(frame(DELTA, 99, 1));
        queue.push(frame(KEY, 133, 1));
        assert_eq!(times(queue), [133]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_bounds_hold_and_what_comes_out_can_be_decoded(
            frames in vec((0..8u8, 0..400u64, 0..MOST_BYTES / 4), 0..60),
            pops in vec(any::<bool>(), 60),
        ) {
            let (mut queue, mut time, mut last, mut pushed, mut popped) = (Queue::new(), 0, None, 0u64, 0u64);
            for ((kind, step, length), pop) in frames.into_iter().zip(pops) {
                time += step;
                let medium = match kind { 0 | 1 => KEY, 2 => Medium::Audio, _ => DELTA };
                // The number of its place in the stream goes with each frame of video.
                pushed += u64::from(medium != Medium::Audio);
                let mut pushing = frame(medium, time, length);
                pushing.headers = Headers { metadata: vec![("n".into(), Value::Number(pushed as f64))], ..(*pushing.headers).clone() }.into();
                queue.push(pushing);
                prop_assert!(queue.bytes <= MOST_BYTES && queue.span_ms() <= MOST_MS);
                let Some(frame) = pop.then(|| queue.pop()).flatten().filter(|frame| frame.medium != Medium::Audio) else { continue };
                popped += 1;
                let Value::Number(place) = frame.headers.metadata[0].1 else { unreachable!() };
                prop_assert!(frame.medium == KEY || last == Some(place - 1.0), "a frame without what it builds on");
                last = Some(place);
            }
            let left = queue.frames.iter().filter(|frame| frame.medium != Medium::Audio).count() as u64;
            prop_assert_eq!(queue.dropped() + popped + left, pushed);
        }
    }
}
