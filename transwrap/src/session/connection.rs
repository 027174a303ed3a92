//! A browser's connection: its ticket, then its frames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_broadcast::Redeemed;
use futures_util::{SinkExt, StreamExt};
use model::broadcast::{BroadcastRow, EndReason, Ticket};
use model::{AttemptId, BroadcastId, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

use super::broadcast::{self, NotBegun};
use super::command::{Browser as Way, Command, Output, Said};
use super::roster::{Drain, Place};
use super::shared::Shared;
use crate::Pipeline;
use crate::admission::Newcomer;
use crate::protocol::{Action, Browser, Close, Frame, Limits, ServerMessage};

/// How often a browser is asked whether it is there; a browser answers by itself.
const PING_EVERY: Duration = Duration::from_secs(4);
/// How long one may say nothing at all before it counts as lost.
const SILENT: Duration = Duration::from_secs(10);
/// Messages that wait for a browser which does not read; then they are dropped.
const OUTPUTS: usize = 16;
/// How long one may wait until its ticket is asked about.
const TURN: Duration = Duration::from_secs(5);
/// How long a close may take.
const CLOSES: Duration = Duration::from_secs(2);

/// Serves a browser that has come with this ticket, if with any.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    shared: Arc<Shared>,
    socket: WebSocketStream<S>,
    ticket: Option<Ticket>,
    newcomer: Newcomer,
) {
    let mut connection = Connection { shared, socket };
    let close = match connection.open(ticket, &newcomer).await {
        Ok(session) => {
            drop(newcomer);
            connection.run(session).await
        }
        Err(close) => Some(close),
    };
    if let Some(close) = close {
        connection.close(close).await;
    }
}

struct Connection<S> {
    shared: Arc<Shared>,
    socket: WebSocketStream<S>,
}

/// What a good ticket has opened.
struct Session {
    id: BroadcastId,
    attempt: AttemptId,
    commands: mpsc::Sender<Command>,
    pipeline: Arc<Pipeline>,
    outputs: mpsc::Receiver<Output>,
    /// What came while a chunk had to wait, and is to be said once it has not.
    held: Vec<ServerMessage>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Redeems the ticket. What keeps this server from taking anybody comes first, so that the ticket is not used up.
    async fn open(&mut self, ticket: Option<Ticket>, newcomer: &Newcomer) -> Result<Session, Close> {
        let shared = Arc::clone(&self.shared);
        let ticket = ticket.ok_or(Close::TicketRefused)?;
        let turn = timeout(TURN, newcomer.turn()).await.ok().flatten().ok_or(Close::Internal)?;
        if *shared.roster.drain().borrow() != Drain::No {
            return Err(Close::Draining);
        }
        // Who comes back here has a place already.
        let place = match shared.roster.find(ticket.broadcast()) {
            Some(_) => None,
            None if newcomer.is_distrusted(Instant::now()) => return Err(Close::TicketRefused),
            None => Some(shared.roster.reserve().ok_or(Close::NoRoom)?),
        };
        let internal = |error: model::Error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a ticket could not be redeemed");
            Close::Internal
        };
        let attempt = AttemptId::random().map_err(internal)?;
        let redeemed =
            shared.table.redeem(&ticket, &shared.server, &attempt, Timestamp::now()).await.map_err(internal)?;
        drop(turn);
        let row = match redeemed {
            Redeemed::Accepted { row, ticket_issued_at } => {
                shared.roster.redeemed(ticket_issued_at);
                row
            }
            Redeemed::Refused(refusal) => {
                tracing::info!(?refusal, "a ticket is refused");
                newcomer.count_refusal(Instant::now());
                return Err(Close::TicketRefused);
            }
        };
        let id = row.id.clone();
        tracing::info!(broadcast.id = %id, "a ticket is redeemed");
        let (to_browser, outputs) = mpsc::channel(OUTPUTS);
        let ready = ServerMessage::Ready { broadcast: id.to_string(), limits: Limits::default() };
        // First of all, also of an end.
        let _ = timeout(CLOSES, self.say(&ready)).await;
        let redemption = row.redemption().cloned().ok_or(Close::Internal)?;
        let way = Way { redemption, outputs: to_browser };
        match attach(&shared, row, way, place).await {
            Ok((commands, pipeline)) => Ok(Session { id, attempt, commands, pipeline, outputs, held: Vec::new() }),
            Err(NotBegun::Closed(close)) => Err(close),
            Err(NotBegun::Ends(reason)) => {
                shared.record_end(&id, &attempt, reason).await;
                let _ = timeout(CLOSES, self.say(&ServerMessage::end(reason))).await;
                Err(Close::of(reason))
            }
        }
    }

    /// Passes frames on until one side ends. `None`: the browser is gone already.
    async fn run(&mut self, mut session: Session) -> Option<Close> {
        match self.pass_on(&mut session).await {
            Ended::ByBroadcast(close) => Some(close),
            Ended::ByBrowser(close) => {
                session.tell(Said::Gone).await;
                close
            }
        }
    }

    async fn pass_on(&mut self, session: &mut Session) -> Ended {
        let mut browser = Browser::new(Instant::now());
        let mut heard_at = Instant::now();
        let mut pings = interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // What the broadcast says comes first: a close is to be heard over a flood of chunks.
                biased;
                output = session.outputs.recv() => match output {
                    Some(Output::Message(message)) => {
                        if !self.is_told(&message).await {
                            return Ended::ByBrowser(None);
                        }
                    }
                    Some(Output::Close(close)) => return Ended::ByBroadcast(close),
                    None => return Ended::ByBroadcast(Close::Internal),
                },
                _ = seconds.tick() => session.tell(Said::Received(browser.received())).await,
                _ = pings.tick() => {
                    let now = Instant::now();
                    if now.saturating_duration_since(heard_at) >= SILENT {
                        return Ended::ByBrowser(None);
                    }
                    if browser.is_quiet(now) {
                        session.tell(Said::End(EndReason::Quiet)).await;
                    }
                    let _ = timeout(SILENT, self.socket.send(Message::Ping(Default::default()))).await;
                }
                message = self.socket.next() => {
                    let message = match message {
                        Some(Ok(message)) => message,
                        Some(Err(error)) => return Ended::ByBrowser(blame(&error)),
                        None => return Ended::ByBrowser(None),
                    };
                    heard_at = Instant::now();
                    let frame = match message {
                        Message::Binary(chunk) => Frame::Binary(chunk),
                        Message::Text(text) => Frame::Text(text.as_str().to_owned()),
                        // Pongs are a sign of life, and a close is followed by the end.
                        _ => continue,
                    };
                    match browser.frame(frame, heard_at) {
                        Action::Begin => session.pipeline.begin().await,
                        Action::Chunk(chunk) => {
                            let close = session.feed(chunk).await;
                            for message in std::mem::take(&mut session.held) {
                                if !self.is_told(&message).await {
                                    return Ended::ByBrowser(None);
                                }
                            }
                            if let Some(close) = close {
                                return Ended::ByBroadcast(close);
                            }
                            // Not its fault, if FFmpeg took its time.
                            heard_at = Instant::now();
                        }
                        Action::Stop => session.tell(Said::End(EndReason::Stopped)).await,
                        Action::None => {}
                        Action::Close(close, why) => {
                            tracing::info!(broadcast.id = %session.id, why, "a browser does not keep to the protocol");
                            return Ended::ByBrowser(Some(close));
                        }
                    }
                }
            }
        }
    }

    /// Whether the browser takes a message, and soon enough.
    async fn is_told(&mut self, message: &ServerMessage) -> bool {
        matches!(timeout(SILENT, self.say(message)).await, Ok(true))
    }

    /// Whether it could be said.
    async fn say(&mut self, message: &ServerMessage) -> bool {
        match serde_json::to_string(message) {
            Ok(text) => self.socket.send(Message::text(text)).await.is_ok(),
            Err(_) => false,
        }
    }

    async fn close(&mut self, close: Close) {
        let frame = CloseFrame { code: close.code().into(), reason: Default::default() };
        let closing = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                // Its answer; without it the other side may see a reset, and no code.
                let mut is_answered = false;
                while let Some(Ok(message)) = self.socket.next().await {
                    is_answered |= message.is_close();
                }
                // What cannot be understood any more, such as the rest of a frame that is too large, has to go all the same.
                let mut rest = vec![0; 4096];
                while !is_answered && matches!(self.socket.get_mut().read(&mut rest).await, Ok(1..)) {}
            }
        };
        let _ = timeout(CLOSES, closing).await;
    }
}

/// Who has ended a connection.
enum Ended {
    /// The broadcast, which knows.
    ByBroadcast(Close),
    /// The browser, which is lost to its broadcast. It is still told why, if it can be.
    ByBrowser(Option<Close>),
}

/// The close code for a browser that breaks the WebSocket protocol, or sends too much. `None`: the connection broke.
fn blame(error: &tungstenite::Error) -> Option<Close> {
    match error {
        tungstenite::Error::Capacity(_) => Some(Close::TooLarge),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => Some(Close::ProtocolError),
        _ => None,
    }
}

impl Session {
    async fn tell(&self, said: Said) {
        let _ = self.commands.send(Command::Said { attempt: self.attempt.clone(), said }).await;
    }

    /// Gives a chunk to the pipeline, which may let it wait: that is what holds a fast browser back. The broadcast may end
    /// meanwhile.
    async fn feed(&mut self, chunk: bytes::Bytes) -> Option<Close> {
        let Self { pipeline, outputs, held, .. } = self;
        hold(pipeline.chunk(chunk), outputs, held).await
    }
}

/// Waits for `feeding`, and hears what the broadcast says meanwhile. Of a page that is held back, figures may get lost; what it has
/// to act upon may not: without its `restart`, it would send the rest of a recording that nobody wants.
async fn hold(
    feeding: impl Future<Output = ()>,
    outputs: &mut mpsc::Receiver<Output>,
    held: &mut Vec<ServerMessage>,
) -> Option<Close> {
    tokio::pin!(feeding);
    loop {
        tokio::select! {
            () = &mut feeding => return None,
            output = outputs.recv() => match output {
                Some(Output::Message(ServerMessage::Stats { .. })) => {}
                Some(Output::Message(message)) => held.push(message),
                Some(Output::Close(close)) => return Some(close),
                None => return Some(Close::Internal),
            },
        }
    }
}

/// Gives the browser to its broadcast: the one that is here, or one that begins.
async fn attach(
    shared: &Arc<Shared>,
    row: Box<BroadcastRow>,
    way: Way,
    place: Option<Place>,
) -> Result<(mpsc::Sender<Command>, Arc<Pipeline>), NotBegun> {
    if let Some(commands) = shared.roster.find(&row.id) {
        let (reply, replied) = oneshot::channel();
        let command = Command::Attach { row: row.clone(), browser: way.clone(), reply };
        if commands.send(command).await.is_ok()
            && let Ok(pipeline) = replied.await
        {
            let pipeline = pipeline.ok_or(NotBegun::Closed(Close::Superseded))?;
            return Ok((commands, pipeline));
        }
        // It has just gone.
    }
    let place = place.or_else(|| shared.roster.reserve()).ok_or(NotBegun::Closed(Close::NoRoom))?;
    broadcast::begin(shared, row, way, place).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_page_has_to_act_upon_is_kept_while_a_chunk_waits() {
        let (to_browser, mut outputs) = mpsc::channel(OUTPUTS);
        let restart = ServerMessage::Restart { reason: "ffmpeg hangs".to_owned() };
        let stats =
            ServerMessage::Stats { received_bytes: 1, sent_bytes: 1, sent_kbps: 1, dropped_frames: 0, buffered_ms: 0 };
        for message in [stats, restart.clone()] {
            to_browser.try_send(Output::Message(message)).unwrap();
        }
        let heard = async {
            while to_browser.capacity() < OUTPUTS {
                tokio::task::yield_now().await;
            }
        };
        let mut held = Vec::new();
        assert_eq!(hold(heard, &mut outputs, &mut held).await, None);
        assert_eq!(held, [restart]);
        let end = ServerMessage::end(EndReason::Quiet);
        to_browser.try_send(Output::Message(end.clone())).unwrap();
        to_browser.try_send(Output::Close(Close::Quiet)).unwrap();
        assert_eq!(hold(std::future::pending(), &mut outputs, &mut held).await, Some(Close::Quiet));
        assert_eq!(held.last(), Some(&end));
    }
}
