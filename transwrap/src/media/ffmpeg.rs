//! One FFmpeg for one recording.

use std::{io, path::Path, process::Stdio, time::Duration};

use bytes::{Bytes, BytesMut};
use rtmp::flv::{Tag, TagReader};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, sleep_until, timeout},
};

use super::{
    arguments::arguments,
    matroska::{Header, HeaderError},
};

/// A frame of more is none of a browser's.
const LONGEST_TAG: usize = 2 << 20;
/// How much is read at once.
const READ: usize = 32 << 10;
/// FFmpeg takes what it is given well within this, unless it hangs.
const TAKES: Duration = Duration::from_secs(8);

/// The first frame comes well within this, unless none will.
const BEGINS: Duration = Duration::from_secs(10);
/// While FFmpeg takes what it is given, it gives something well within this, unless it hangs.
const GIVES: Duration = Duration::from_secs(8);
/// A recording of a muted microphone and a still tab has chunks now and then: a longer pause between two counts for no more.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a recording has come to an end that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordingFailure {
    /// It cannot be used.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// FFmpeg ended without making anything of it.
    #[error("ffmpeg makes nothing of the recording")]
    Nothing,
    /// FFmpeg ended in the middle.
    #[error("ffmpeg ended in the middle of the recording")]
    Ended,
    /// FFmpeg takes nothing any more, or gives nothing of what it takes.
    #[error("ffmpeg hangs")]
    Hangs,
    /// There is no FFmpeg, or no process for it.
    #[error("ffmpeg does not start")]
    NotStarted,
}

impl RecordingFailure {
    /// Whether another recording of the same kind would fail, too.
    pub fn is_unusable(self) -> bool {
        match self {
            Self::Header(error) => !matches!(error, HeaderError::NotMatroska),
            Self::Nothing => true,
            Self::Ended | Self::Hangs | Self::NotStarted => false,
        }
    }
}

/// A running FFmpeg. It ends when it is dropped.
pub struct Ffmpeg {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    waiting: Bytes,
    read: BytesMut,
    tags: TagReader,
    any: bool,
    started: Instant,
    silence: Silence,
}

/// How long FFmpeg has taken, and given nothing.
#[derive(Debug, Default)]
struct Silence {
    taken_at: Option<Instant>,
    lasted: Duration,
}

impl Silence {
    /// It has taken something. Whether it should have given something by now.
    fn is_too_long(&mut self, now: Instant) -> bool {
        if let Some(before) = self.taken_at.replace(now) {
            self.lasted += now.saturating_duration_since(before).min(PAUSE);
        }
        self.lasted >= GIVES
    }

    /// It has given something.
    fn ends(&mut self) {
        *self = Self::default();
    }
}

impl Ffmpeg {
    /// Starts the program for a recording of this header.
    pub fn start(program: &Path, header: Header) -> Result<Self, RecordingFailure> {
        let mut child = Command::new(program)
            .args(arguments(header))
            .env_clear()
            // Names without a slash are looked up there, wherever somebody has FFmpeg.
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // What is sent to the server's group is not for it: it ends when the recording has.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                tracing::error!(%error, "ffmpeg does not start");
                RecordingFailure::NotStarted
            })?;
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(RecordingFailure::NotStarted);
        };
        tokio::spawn(drain(errors));
        Ok(Self {
            child,
            input: Some(input),
            output,
            waiting: Bytes::new(),
            read: BytesMut::new(),
            tags: TagReader::new(LONGEST_TAG),
            any: false,
            started: Instant::now(),
            silence: Silence::default(),
        })
    }

    /// Whether it can be given another chunk.
    pub fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives it a chunk, which [`next`](Self::next) writes.
    pub fn give(&mut self, chunk: Bytes) {
        debug_assert!(self.is_ready(), "a chunk is waiting");
        self.waiting = chunk;
    }

    /// Writes what is waiting and reads what comes: the next tag; `None` as soon as a chunk has been taken, so that another can
    /// be given. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Tag>, RecordingFailure> {
        loop {
            if let Some(tag) = self.tag()? {
                return Ok(Some(tag));
            }
            let writing = !self.waiting.is_empty() && self.input.is_some();
            let write = async {
                match self.input.as_mut() {
                    Some(input) => timeout(TAKES, input.write(&self.waiting)).await,
                    None => std::future::pending().await,
                }
            };
            self.read.reserve(READ);
            tokio::select! {
                written = write, if writing => match written {
                    Ok(Ok(count)) => {
                        drop(self.waiting.split_to(count));
                        if self.any && self.silence.is_too_long(Instant::now()) {
                            return Err(RecordingFailure::Hangs);
                        }
                        if self.waiting.is_empty() {
                            return Ok(None);
                        }
                    }
                    // It has ended; what it has said before is still read.
                    Ok(Err(_)) => {
                        self.input = None;
                        self.waiting.clear();
                    }
                    Err(_) => return Err(RecordingFailure::Hangs),
                },
                read = self.output.read_buf(&mut self.read) => {
                    if !matches!(read, Ok(1..)) {
                        return Err(self.ended());
                    }
                }
                () = sleep_until(self.started + BEGINS), if !self.any => return Err(RecordingFailure::Hangs),
            }
        }
    }

    /// Ends the recording: what is left of it is written, then tags come until there are none. Called until `None`.
    pub async fn last(&mut self) -> Option<Tag> {
        loop {
            match self.tag() {
                Ok(Some(tag)) => return Some(tag),
                Ok(None) => {}
                Err(_) => return None,
            }
            if let Some(input) = self.input.as_mut().filter(|_| !self.waiting.is_empty()) {
                self.read.reserve(READ);
                tokio::select! {
                    written = input.write(&self.waiting) => match written {
                        Ok(count) => drop(self.waiting.split_to(count)),
                        Err(_) => self.waiting.clear(),
                    },
                    read = self.output.read_buf(&mut self.read) => if !matches!(read, Ok(1..)) { return None },
                }
                continue;
            }
            self.input = None;
            if !matches!(self.output.read_buf(&mut self.read).await, Ok(1..)) {
                return None;
            }
        }
    }

    /// Its process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    fn tag(&mut self) -> Result<Option<Tag>, RecordingFailure> {
        let tag = self.tags.read(&mut self.read).map_err(|error| {
            tracing::warn!(%error, "ffmpeg writes what is no FLV");
            self.ended()
        })?;
        if tag.is_some() {
            self.any = true;
            self.silence.ends();
        }
        Ok(tag)
    }

    fn ended(&self) -> RecordingFailure {
        if self.any { RecordingFailure::Ended } else { RecordingFailure::Nothing }
    }
}

/// Reads what FFmpeg complains about, as it stands still otherwise, and logs the beginning of it. There is no key that it knows.
async fn drain(mut errors: tokio::process::ChildStderr) -> io::Result<()> {
    const SHOWN: usize = 512;
    let (mut first, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let count = errors.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        first.extend_from_slice(&buffer[..count.min(SHOWN - first.len())]);
    }
    if !first.is_empty() {
        tracing::info!(said = %String::from_utf8_lossy(&first).escape_debug(), "ffmpeg complained");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rtmp::flv::TagKind;

    use super::*;

    /// Gives what it takes, whatever its arguments.
    const ECHO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/media/testing/echo");
    /// Longer than anything here takes.
    const LIMIT: Duration = Duration::from_secs(30);

    /// Whether FFmpeg hangs that takes something every so often, so many times, and gives nothing.
    fn hangs(every: Duration, times: u32) -> bool {
        let (mut silence, now) = (Silence::default(), Instant::now());
        (0..=times).any(|time| silence.is_too_long(now + every * time))
    }

    #[test]
    fn silence_counts_while_chunks_are_taken_and_hardly_where_there_are_none() {
        assert!(!hangs(Duration::from_millis(250), 31));
        assert!(hangs(Duration::from_millis(250), 32));
        // Two chunks of a still tab, a minute apart: there is nothing yet that FFmpeg could have given.
        assert!(!hangs(Duration::from_secs(60), 1));
        assert!(hangs(Duration::from_secs(60), 8));
    }

    #[test]
    fn silence_begins_anew_with_each_tag() {
        let (mut silence, now) = (Silence::default(), Instant::now());
        for second in 0..60 {
            assert!(!silence.is_too_long(now + Duration::from_secs(second)));
            if second % 7 == 0 {
                silence.ends();
            }
        }
    }

    #[tokio::test]
    async fn ffmpeg_that_falls_silent_after_its_first_tag_hangs() {
        let header = Header { video: None, audio: true };
        let mut ffmpeg = Ffmpeg::start(Path::new(ECHO), header).unwrap();
        // A tag, and the beginning of one that never ends.
        let flv = b"FLV\x01\x04\0\0\0\x09\0\0\0\0\x08\0\0\x01\0\0\0\0\0\0\0\xaf\0\0\0\x0c\x08\x10\0\0\0\0\0\0\0\0\0";
        ffmpeg.give(Bytes::from_static(flv));
        let tag = timeout(LIMIT, async {
            loop {
                if let Some(tag) = ffmpeg.next().await.unwrap() {
                    return tag;
                }
            }
        });
        assert_eq!(tag.await.unwrap().kind, TagKind::Audio);
        tokio::time::pause();
        let failure = async {
            loop {
                ffmpeg.give(Bytes::from_static(b"more"));
                match ffmpeg.next().await {
                    Ok(taken) => assert!(taken.is_none()),
                    Err(failure) => return failure,
                }
                tokio::time::advance(Duration::from_millis(250)).await;
            }
        };
        assert_eq!(timeout(Duration::from_secs(600), failure).await.unwrap(), RecordingFailure::Hangs);
    }
}
