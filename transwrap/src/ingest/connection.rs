//! One connection to an ingest, from the first byte to the last.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use rtmp::{ClientSession, Output, client::Event};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until, timeout},
};

use super::{
    endpoint::Endpoint,
    failure::Failure,
    feed::Feed,
    queue::{Frame, Headers, Medium},
};

/// How long an ingest may take to say that it takes the publish.
const PUBLISHES: Duration = Duration::from_secs(8);
/// How long it may take no byte of what it is sent.
const STALLS: Duration = Duration::from_secs(4);
/// As much as is taken from the queue before it is sent: what is here can no longer be dropped.
const UNSENT: usize = 64 << 10;
/// What has waited longest to be said at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Words of servers for a name that is in use.
const IN_USE: [&str; 4] = ["already", "in use", "exists", "busy"];

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The ingest takes media.
    Published,
    /// It has been sent some.
    Sent,
}

/// What there was before a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    /// How many connections of this broadcast have been on air.
    pub(super) connections: u32,
    /// Whether another broadcast may have been.
    pub(super) others: bool,
}

impl Before {
    /// Whether a name that is refused may be in use by an earlier connection.
    fn busy_is_likely(self) -> bool {
        self.others || self.connections > 0
    }
}

/// Publishes what the feed has, until it is done. `progress` is told how far it has come.
pub(super) async fn run<S: AsyncRead + AsyncWrite>(
    stream: S,
    endpoint: &Endpoint,
    feed: &Feed,
    before: Before,
    mut progress: impl FnMut(Progress),
) -> Result<(), Failure> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut session = ClientSession::new(&endpoint.app, &endpoint.tc_url, endpoint.name(before.connections));
    let mut unsent = BytesMut::new();
    let (mut read, mut state) = (BytesMut::with_capacity(4096), Stage::Begun);
    let deadline = Instant::now() + PUBLISHES;
    // When bytes last went, or there were none that had to.
    let mut went = Instant::now();
    let mut flushed = true;
    loop {
        drain(&mut session, &mut unsent, &mut state, before.busy_is_likely())?;
        if let Stage::Accepted = state {
            progress(Progress::Published);
            feed.restart(before.connections > 0);
            state = Stage::Publishing(Sender::default());
        }
        if let Stage::Publishing(sender) = &mut state {
            while unsent.len() < UNSENT
                && let Some(frame) = feed.pop()
            {
                sender.send(frame, &mut session).map_err(Failure::Protocol)?;
                while let Some(output) = session.poll() {
                    if let Output::Transmit(bytes) = output {
                        unsent.extend_from_slice(&bytes);
                    }
                }
            }
            if sender.sent && unsent.is_empty() && flushed && !std::mem::replace(&mut sender.told, true) {
                progress(Progress::Sent);
            }
        }
        if feed.is_done() || (feed.is_finished() && !matches!(state, Stage::Publishing(_))) {
            break;
        }
        let idle = unsent.is_empty() && flushed;
        if idle {
            went = Instant::now();
        }
        tokio::select! {
            count = reader.read_buf(&mut read) => {
                if count.map_err(Failure::Broken)? == 0 {
                    return Err(state.closed());
                }
                let result = session.input(&read);
                read.clear();
                // What it said before comes first.
                drain(&mut session, &mut unsent, &mut state, before.busy_is_likely())?;
                result.map_err(Failure::Protocol)?;
            }
            count = put(&mut writer, &mut unsent), if !idle => {
                let count = count.map_err(|error| state.broken(error))?;
                feed.count_sent(count);
                (went, flushed) = (Instant::now(), count == 0);
            }
            () = feed.filled(), if unsent.len() < UNSENT => {}
            () = sleep_until(deadline), if !matches!(state, Stage::Publishing(_)) => return Err(Failure::Slow),
            () = sleep_until(went + STALLS), if !idle => return Err(Failure::Stalled),
        }
    }
    session.unpublish();
    while let Some(output) = session.poll() {
        if let Output::Transmit(bytes) = output {
            unsent.extend_from_slice(&bytes);
        }
    }
    let words = async {
        while unsent.has_remaining() {
            feed.count_sent(writer.write_buf(&mut unsent).await?);
        }
        writer.flush().await?;
        writer.shutdown().await
    };
    // The broadcast has ended, whether the ingest has heard it or not.
    if let Ok(Err(error)) = timeout(LAST_WORDS, words).await {
        tracing::debug!(%error, "the ingest did not hear the end");
    }
    Ok(())
}

/// Writes some, or sees to it that what was written goes: TLS may hold bytes back. Then it is 0.
async fn put(writer: &mut (impl AsyncWrite + Unpin), unsent: &mut BytesMut) -> io::Result<usize> {
    if unsent.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    match writer.write_buf(unsent).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        count => Ok(count),
    }
}

enum Stage {
    Begun,
    /// The connection is welcome; whether the name is will be said.
    Asked,
    Accepted,
    Publishing(Sender),
}

impl Stage {
    /// What it means that the server closes.
    fn closed(&self) -> Failure {
        match self {
            Self::Asked => Failure::Unanswered,
            _ => Failure::Broken(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn broken(&self, error: io::Error) -> Failure {
        match self {
            Self::Asked => Failure::Unanswered,
            _ => Failure::Broken(error),
        }
    }
}

/// What the session wants, and what it has heard.
fn drain(
    session: &mut ClientSession,
    unsent: &mut BytesMut,
    stage: &mut Stage,
    busy_is_likely: bool,
) -> Result<(), Failure> {
    while let Some(output) = session.poll() {
        match output {
            Output::Transmit(bytes) => unsent.extend_from_slice(&bytes),
            Output::Event(Event::Connected) => *stage = Stage::Asked,
            Output::Event(Event::Published) => *stage = Stage::Accepted,
            Output::Event(Event::Rejected { code, description }) => {
                let description = description.to_ascii_lowercase();
                let bad_name = code == "NetStream.Publish.BadName";
                let busy = bad_name && (busy_is_likely || IN_USE.iter().any(|word| description.contains(word)));
                // Its own words are for nobody: they may be anything.
                let code = if code.starts_with("Net") && code.len() < 64 { code } else { "no code".to_owned() };
                return Err(Failure::Refused { code, busy });
            }
            Output::Event(Event::Stopped { .. }) => return Err(Failure::Stopped),
            Output::Close => {}
        }
    }
    Ok(())
}

/// Makes messages of frames.
#[derive(Default)]
struct Sender {
    /// The headers that the server has.
    headers: Option<Arc<Headers>>,
    /// The time of the first frame: each connection begins at 0.
    base: Option<u64>,
    sent: bool,
    told: bool,
}

impl Sender {
    fn send(&mut self, frame: Frame, session: &mut ClientSession) -> Result<(), rtmp::Error> {
        let base = *self.base.get_or_insert(frame.timestamp);
        let timestamp = frame.timestamp.saturating_sub(base) as u32;
        if !self.headers.as_ref().is_some_and(|headers| Arc::ptr_eq(headers, &frame.headers)) {
            session.metadata(frame.headers.metadata.clone())?;
            if let Some(config) = &frame.headers.video {
                session.video(timestamp, config.clone())?;
            }
            if let Some(config) = &frame.headers.audio {
                session.audio(timestamp, config.clone())?;
            }
            self.headers = Some(frame.headers);
        }
        self.sent = true;
        match frame.medium {
            Medium::Video { .. } => session.video(timestamp, frame.body),
            Medium::Audio => session.audio(timestamp, frame.body),
        }
    }
}
