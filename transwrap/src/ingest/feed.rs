//! What recordings and the connection share.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::Notify;

use super::queue::{Frame, Queue};

/// What has become of the media so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes that were written to ingests.
    pub sent_bytes: u64,
    /// Frames of video that nobody got.
    pub dropped_frames: u64,
    /// How much time waits to be sent.
    pub buffered_ms: u64,
}

/// The queue, with somebody at each end.
pub(crate) struct Feed {
    queue: Mutex<Queue>,
    filled: Notify,
    finished: AtomicBool,
    sent: AtomicU64,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            queue: Mutex::new(Queue::new()),
            filled: Notify::new(),
            finished: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        }
    }

    pub(crate) fn push(&self, frame: Frame) {
        self.queue().push(frame);
        self.filled.notify_one();
    }

    /// Nothing more comes.
    pub(crate) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
        self.filled.notify_one();
    }

    pub(crate) fn stats(&self) -> Stats {
        let queue = self.queue();
        Stats {
            sent_bytes: self.sent.load(Ordering::Relaxed),
            dropped_frames: queue.dropped(),
            buffered_ms: queue.span_ms(),
        }
    }

    pub(super) fn pop(&self) -> Option<Frame> {
        self.queue().pop()
    }

    pub(super) fn restart(&self, count: bool) {
        self.queue().restart(count);
    }

    /// Nothing more comes, and nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.is_finished() && self.queue().is_empty()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Waits until something may have come, or finished. For one at a time.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
