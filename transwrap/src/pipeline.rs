//! From a browser's chunks to the ingest.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use rtmp::flv::{self, Tag, TagKind};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::rustls::ClientConfig;

use crate::{
    ingest::{self, End, Endpoint, Feed, Frame, Headers, Medium, Signal, Stats, Target, TargetRefused},
    media::{self, Ffmpeg, RecordingFailure},
    timeline::Timeline,
};

#[cfg(test)]
mod tests;

/// Chunks that wait for FFmpeg, beside the one that it is taking.
const CHUNKS: usize = 4;
/// How long FFmpeg may take to finish a recording, and what is left to be sent.
const FINISHES: Duration = Duration::from_secs(2);

/// What a pipeline is made of.
pub struct Options {
    /// Where it goes.
    pub target: Target,
    /// Whom to trust there.
    pub tls: Arc<ClientConfig>,
    /// The program.
    pub ffmpeg: PathBuf,
}

/// What a broadcast that is not on air yet waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The ingest's yes.
    Ingest,
    /// Something to send.
    Media,
}

/// What happens to a broadcast.
#[derive(Debug)]
pub enum Event {
    /// Not on air yet.
    Connecting(WaitsFor),
    /// A recording has said what is in it.
    Recording {
        /// Whether its video goes on as it is, or there is none; else it is transcoded, which costs ten times the processor time.
        copies_video: bool,
    },
    /// The ingest takes it, and has been sent media.
    Live,
    /// The connection to the ingest is made anew, once `go` is told so; the broadcast ends if it is dropped.
    Reconnecting {
        /// The how manieth time in a row, from 1.
        attempt: u32,
        /// Who may say so.
        go: oneshot::Sender<()>,
    },
    /// The recording is of no use any more: another is needed. What comes of this one is ignored.
    RecordingFailed(RecordingFailure),
    /// It has ended. Nothing follows.
    Ended(End),
}

enum Input {
    Begin,
    Chunk(Bytes),
    Finish,
}

/// A broadcast on its way. It ends at once when it is dropped.
pub struct Pipeline {
    inputs: mpsc::Sender<Input>,
    feed: Arc<Feed>,
    job: JoinHandle<()>,
}

impl Pipeline {
    /// Connects to the ingest, and waits for recordings. Events are to be read as they come. Fails for a URL that is none.
    pub fn start(options: Options) -> Result<(Self, mpsc::UnboundedReceiver<Event>), TargetRefused> {
        let endpoint = Endpoint::of(&options.target)?;
        let (inputs, received) = mpsc::channel(CHUNKS);
        let (events, to_read) = mpsc::unbounded_channel();
        let feed = Arc::new(Feed::new());
        let job = tokio::spawn(run(options, endpoint, received, Arc::clone(&feed), events));
        Ok((Self { inputs, feed, job }, to_read))
    }

    /// Another recording begins; its chunks follow.
    pub async fn begin(&self) {
        self.input(Input::Begin).await;
    }

    /// Takes a chunk of the recording. Waits while FFmpeg is busy.
    pub async fn chunk(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.input(Input::Chunk(bytes)).await;
        }
    }

    /// Sends what there is, and ends the publish. [`Event::Ended`] tells when.
    pub async fn finish(&self) {
        self.input(Input::Finish).await;
    }

    /// Ends at once, whoever else holds it: nothing more goes to the ingest.
    pub fn stop(&self) {
        self.job.abort();
    }

    /// How it gets on.
    pub fn stats(&self) -> Stats {
        self.feed.stats()
    }

    /// A pipeline that has ended takes anything, to no effect.
    async fn input(&self, input: Input) {
        drop(self.inputs.send(input).await);
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn run(
    options: Options,
    endpoint: Endpoint,
    inputs: mpsc::Receiver<Input>,
    feed: Arc<Feed>,
    events: mpsc::UnboundedSender<Event>,
) {
    let (signals, mut heard) = mpsc::unbounded_channel();
    let Options { target, tls, ffmpeg } = options;
    let tell = |event| drop(events.send(event));
    tell(Event::Connecting(WaitsFor::Ingest));
    let mut recordings =
        Recordings { ffmpeg, feed: &feed, timeline: Timeline::default(), headers: Arc::default(), events: &events };
    let publishing = async {
        let end = ingest::publish(&endpoint, target.trusted, target.takes_over, &tls, &feed, &signals).await;
        drop(signals);
        end
    };
    let telling = async {
        let mut live = false;
        while let Some(signal) = heard.recv().await {
            match signal {
                Signal::Published if live => {}
                Signal::Published => tell(Event::Connecting(WaitsFor::Media)),
                Signal::Sent => {
                    live = true;
                    tell(Event::Live);
                }
                Signal::Reconnecting { attempt, go } => tell(Event::Reconnecting { attempt, go }),
            }
        }
    };
    let recording = async {
        recordings.run(inputs).await;
        feed.finish();
        // Whoever publishes ends by itself, unless the ingest is stuck.
        tokio::time::sleep(FINISHES).await;
    };
    let end = tokio::select! {
        (end, ()) = async { tokio::join!(publishing, telling) } => end,
        () = recording => End::Stopped,
    };
    tell(Event::Ended(end));
}

/// One recording after the other.
struct Recordings<'a> {
    ffmpeg: PathBuf,
    feed: &'a Feed,
    timeline: Timeline,
    headers: Arc<Headers>,
    events: &'a mpsc::UnboundedSender<Event>,
}

enum Recording {
    /// None, or one that has failed.
    None,
    /// What has come does not say yet what it is.
    Beginning(BytesMut),
    Running(Box<Ffmpeg>),
}

impl Recordings<'_> {
    async fn run(&mut self, mut inputs: mpsc::Receiver<Input>) {
        let mut recording = Recording::None;
        loop {
            let input = match &mut recording {
                Recording::Running(ffmpeg) => {
                    let ready = ffmpeg.is_ready();
                    tokio::select! {
                        input = inputs.recv(), if ready => input,
                        next = ffmpeg.next() => {
                            match next {
                                Ok(Some(tag)) => self.take(tag),
                                Ok(None) => {}
                                Err(failure) => recording = self.fail(failure),
                            }
                            continue;
                        }
                    }
                }
                _ => inputs.recv().await,
            };
            match input {
                Some(Input::Begin) => {
                    self.end(recording).await;
                    self.timeline.begin();
                    recording = Recording::Beginning(BytesMut::new());
                }
                Some(Input::Chunk(chunk)) => recording = self.chunk(recording, chunk),
                Some(Input::Finish) | None => return self.end(recording).await,
            }
        }
    }

    fn chunk(&mut self, recording: Recording, chunk: Bytes) -> Recording {
        match recording {
            Recording::None => Recording::None,
            Recording::Beginning(mut begun) => {
                begun.extend_from_slice(&chunk);
                match media::header(&begun) {
                    Ok(None) => Recording::Beginning(begun),
                    Ok(Some(header)) => match Ffmpeg::start(&self.ffmpeg, header) {
                        Ok(mut ffmpeg) => {
                            tracing::info!(?header, ffmpeg.pid = ffmpeg.id(), "a recording begins");
                            let copies_video = header.video.is_none_or(|video| video.h264);
                            drop(self.events.send(Event::Recording { copies_video }));
                            self.headers = Arc::default();
                            ffmpeg.give(begun.freeze());
                            Recording::Running(Box::new(ffmpeg))
                        }
                        Err(failure) => self.fail(failure),
                    },
                    Err(error) => self.fail(error.into()),
                }
            }
            Recording::Running(mut ffmpeg) => {
                ffmpeg.give(chunk);
                Recording::Running(ffmpeg)
            }
        }
    }

    /// Takes what FFmpeg still has of it.
    async fn end(&mut self, recording: Recording) {
        if let Recording::Running(mut ffmpeg) = recording {
            let rest = async {
                while let Some(tag) = ffmpeg.last().await {
                    self.take(tag);
                }
            };
            if timeout(FINISHES, rest).await.is_err() {
                tracing::warn!("ffmpeg does not finish");
            }
        }
    }

    fn fail(&self, failure: RecordingFailure) -> Recording {
        tracing::warn!(%failure, "a recording failed");
        drop(self.events.send(Event::RecordingFailed(failure)));
        Recording::None
    }

    /// Passes a tag on: those that say something of all that follow are kept.
    fn take(&mut self, tag: Tag) {
        let medium = match tag.kind {
            TagKind::Script => {
                if let Some(fields) = tag.metadata() {
                    // It is 0 of a stream that goes on.
                    let of_use = |(name, _): &(String, _)| !matches!(name.as_str(), "duration" | "filesize");
                    Arc::make_mut(&mut self.headers).metadata = fields.into_iter().filter(of_use).collect();
                }
                return;
            }
            TagKind::Video => match flv::video(tag.body.clone()) {
                Ok(flv::Video::Config { .. }) => {
                    Arc::make_mut(&mut self.headers).video = Some(tag.body);
                    return;
                }
                // Nobody could decode it.
                Ok(flv::Video::Frame { .. }) if self.headers.video.is_none() => return,
                Ok(flv::Video::Frame { key, .. }) => Medium::Video { key },
                _ => return,
            },
            TagKind::Audio => match flv::audio(tag.body.clone()) {
                Ok(flv::Audio::Config { .. }) => {
                    Arc::make_mut(&mut self.headers).audio = Some(tag.body);
                    return;
                }
                Ok(flv::Audio::Frame { .. }) => Medium::Audio,
                _ => return,
            },
            TagKind::Other(_) => return,
        };
        let timestamp = self.timeline.place(tag.timestamp);
        self.feed.push(Frame { medium, timestamp, body: tag.body, headers: Arc::clone(&self.headers) });
    }
}
