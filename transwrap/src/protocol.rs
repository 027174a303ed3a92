//! The broadcast protocol, version 1 (`docs/broadcast-protocol.md`): what a browser and a server say to each other, and what follows
//! from a frame. No I/O and no clock.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::broadcast::{EndReason, Ticket};
use serde::{Deserialize, Serialize};

/// The subprotocol that is spoken.
pub const SUBPROTOCOL: &str = "greenroom.broadcast.v1";
/// What stands before the ticket, which is offered as a second subprotocol.
const TICKET_PREFIX: &str = "greenroom.ticket.";
/// The most that a binary frame may hold, in bytes: two seconds of 8.5 Mbit/s, IVS's limit.
pub const LARGEST_CHUNK: usize = 2 << 20;
/// The most that a text frame may hold, in bytes.
const LONGEST_TEXT: usize = 4096;
/// How long a browser may send no media.
pub const QUIET: Duration = Duration::from_secs(15);

/// What a browser says in a text frame.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BrowserMessage {
    /// A recording begins: the chunks that follow are of a new recorder.
    Start {
        /// As `MediaRecorder` has it, such as `video/x-matroska;codecs=avc1,opus`.
        mime_type: String,
    },
    /// The broadcast is over.
    Stop,
}

/// What a server says in a text frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    /// The ticket was good.
    Ready {
        /// Which broadcast.
        broadcast: String,
        /// What a browser has to keep.
        limits: Limits,
    },
    /// How far the broadcast is.
    State(State),
    /// Figures, each second.
    Stats {
        /// Bytes of media from the browser, since this connection began.
        received_bytes: u64,
        /// Bytes to the ingest, since the broadcast began on this server.
        sent_bytes: u64,
        /// Of the last second, kilobits.
        sent_kbps: u64,
        /// Frames of video that no viewer got, since the broadcast began on this server.
        dropped_frames: u64,
        /// How much time waits to be sent.
        buffered_ms: u64,
    },
    /// A new recorder is needed.
    Restart {
        /// Why, for the page's log.
        reason: String,
    },
    /// The server is going to end: another ticket is needed, for another server.
    Move {
        /// How long this one goes on.
        within_seconds: u64,
    },
    /// The broadcast is over; a close follows.
    End {
        /// As in the API.
        reason: &'static str,
        /// A sentence for a person.
        detail: &'static str,
    },
}

impl ServerMessage {
    /// The end of a broadcast.
    pub fn end(reason: EndReason) -> Self {
        Self::End { reason: reason.as_str(), detail: detail(reason) }
    }
}

/// What a browser has to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The most that a binary frame may hold.
    pub max_chunk_bytes: usize,
    /// How long it may send no media.
    pub quiet_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_chunk_bytes: LARGEST_CHUNK, quiet_seconds: QUIET.as_secs() }
    }
}

/// How far a broadcast is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum State {
    /// Not on air yet.
    Connecting {
        /// `ingest` or `media`.
        waits_for: &'static str,
    },
    /// The ingest takes media.
    Live,
    /// The connection to the ingest is being made anew.
    Reconnecting {
        /// The how manieth time in a row, from 1.
        attempt: u32,
    },
}

/// Why a connection is closed: a code of RFC 6455's private range. A browser cannot read the status of a refused handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The broadcast is over, as it was meant to.
    Ended,
    /// The browser does not keep to the protocol.
    ProtocolError,
    /// A frame is longer than the limits allow.
    TooLarge,
    /// The ticket opens nothing here.
    TicketRefused,
    /// The ingest, or its key, is refused.
    TargetRefused,
    /// No media for too long.
    Quiet,
    /// Another attempt has the broadcast, or another broadcast the target.
    Superseded,
    /// The server is full, and the ticket not used up; or it has no room to transcode what is recorded.
    NoRoom,
    /// The server failed.
    Internal,
    /// The ingest cannot be reached.
    IngestUnreachable,
    /// The server is going to end.
    Draining,
    /// The recording could not be made into a stream.
    UnusableMedia,
}

impl Close {
    /// The code.
    pub fn code(self) -> u16 {
        match self {
            Self::Ended => 1000,
            // Of RFC 6455 itself.
            Self::TooLarge => 1009,
            Self::ProtocolError => 4400,
            Self::TicketRefused => 4401,
            Self::TargetRefused => 4403,
            Self::Quiet => 4408,
            Self::Superseded => 4409,
            Self::UnusableMedia => 4415,
            Self::NoRoom => 4429,
            Self::Internal => 4500,
            Self::IngestUnreachable => 4502,
            Self::Draining => 4503,
        }
    }

    /// What follows from why a broadcast has ended.
    pub fn of(reason: EndReason) -> Self {
        match reason {
            EndReason::Stopped | EndReason::Deleted => Self::Ended,
            EndReason::TakenOver => Self::Superseded,
            EndReason::Expired => Self::TicketRefused,
            EndReason::Lost | EndReason::ServerLost => Self::Internal,
            EndReason::Quiet => Self::Quiet,
            EndReason::KeyRefused | EndReason::TargetRefused => Self::TargetRefused,
            EndReason::IngestUnreachable => Self::IngestUnreachable,
            EndReason::UnusableMedia => Self::UnusableMedia,
        }
    }
}

/// A sentence for a person about the end of a broadcast.
fn detail(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Stopped => "The broadcast was stopped.",
        EndReason::Deleted => "The broadcast was ended through the API.",
        EndReason::TakenOver => "Another broadcast has taken over.",
        EndReason::Expired => "Nobody came with the ticket in time.",
        EndReason::Lost => "The browser was lost.",
        EndReason::ServerLost => "The server was lost.",
        EndReason::Quiet => "No media came any more.",
        EndReason::KeyRefused => "The ingest does not take the stream key.",
        EndReason::IngestUnreachable => "The ingest cannot be reached.",
        EndReason::TargetRefused => "The ingest is not one that may be connected to.",
        EndReason::UnusableMedia => "What the browser records cannot be made into a stream.",
    }
}

/// What a browser offers in `Sec-WebSocket-Protocol`.
pub struct Offer {
    /// The ticket, if it is one.
    pub ticket: Option<Ticket>,
}

impl Offer {
    /// Reads the header; `None` unless the subprotocol is among what is offered.
    pub fn read(header: &str) -> Option<Self> {
        let mut offered = header.split(',').map(str::trim);
        offered
            .clone()
            .any(|name| name == SUBPROTOCOL)
            .then(|| Self { ticket: offered.find_map(|name| Ticket::parse(name.strip_prefix(TICKET_PREFIX)?)) })
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer(redacted)")
    }
}

/// A frame of a browser's that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Media.
    Binary(Bytes),
    /// JSON.
    Text(String),
}

/// What a frame asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A recording begins.
    Begin,
    /// A piece of it.
    Chunk(Bytes),
    /// The broadcast ends.
    Stop,
    /// Nothing.
    None,
    /// The browser is to be closed.
    Close(Close, &'static str),
}

/// What is known of a browser on one connection.
#[derive(Debug)]
pub struct Browser {
    recording: bool,
    stopped: bool,
    media_at: Instant,
    received: u64,
}

impl Browser {
    /// One whose ticket was good.
    pub fn new(now: Instant) -> Self {
        Self { recording: false, stopped: false, media_at: now, received: 0 }
    }

    /// Takes a frame.
    pub fn frame(&mut self, frame: Frame, now: Instant) -> Action {
        if self.stopped {
            return Action::None;
        }
        match frame {
            Frame::Binary(chunk) if chunk.len() > LARGEST_CHUNK => {
                Action::Close(Close::TooLarge, "a chunk is too long")
            }
            Frame::Binary(_) if !self.recording => Action::Close(Close::ProtocolError, "media came before a start"),
            // A recorder gives empty ones when it is asked too often. They are no sign of life.
            Frame::Binary(chunk) if chunk.is_empty() => Action::None,
            Frame::Binary(chunk) => {
                self.media_at = now;
                self.received += chunk.len() as u64;
                Action::Chunk(chunk)
            }
            Frame::Text(text) if text.len() > LONGEST_TEXT => {
                Action::Close(Close::ProtocolError, "a message is too long")
            }
            Frame::Text(text) => match serde_json::from_str(&text) {
                Ok(BrowserMessage::Start { mime_type: _ }) => {
                    self.recording = true;
                    Action::Begin
                }
                Ok(BrowserMessage::Stop) => {
                    self.stopped = true;
                    Action::Stop
                }
                Err(_) => Action::Close(Close::ProtocolError, "a message is none of this protocol"),
            },
        }
    }

    /// Whether it has sent no media for too long.
    pub fn is_quiet(&self, now: Instant) -> bool {
        !self.stopped && now.saturating_duration_since(self.media_at) >= QUIET
    }

    /// Bytes of media that it has sent.
    pub fn received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Frame {
        Frame::Text(r#"{"type":"start","mimeType":"video/x-matroska;codecs=avc1,opus"}"#.to_owned())
    }

    fn chunk(length: usize) -> Frame {
        Frame::Binary(vec![1; length].into())
    }

    #[test]
    fn media_needs_a_start_and_every_start_begins_a_recording() {
        let now = Instant::now();
        let mut browser = Browser::new(now);
        assert!(matches!(browser.frame(chunk(3), now), Action::Close(Close::ProtocolError, _)));
        assert_eq!(browser.frame(start(), now), Action::Begin);
        assert!(matches!(browser.frame(chunk(3), now), Action::Chunk(_)));
        assert_eq!(browser.frame(start(), now), Action::Begin);
        assert_eq!(browser.received(), 3);
    }

    #[test]
    fn a_chunk_may_be_as_large_as_a_browser_is_told_and_no_larger() {
        let now = Instant::now();
        let mut browser = Browser::new(now);
        browser.frame(start(), now);
        assert!(matches!(browser.frame(chunk(LARGEST_CHUNK), now), Action::Chunk(_)));
        assert!(matches!(browser.frame(chunk(LARGEST_CHUNK + 1), now), Action::Close(Close::TooLarge, _)));
        assert_eq!(Close::TooLarge.code(), 1009);
    }

    #[test]
    fn what_follows_a_stop_is_nothing() {
        let now = Instant::now();
        let mut browser = Browser::new(now);
        assert_eq!(browser.frame(Frame::Text(r#"{"type":"stop"}"#.to_owned()), now), Action::Stop);
        assert_eq!(browser.frame(chunk(3), now), Action::None);
        assert_eq!(browser.frame(start(), now), Action::None);
        assert!(!browser.is_quiet(now + QUIET));
    }

    #[test]
    fn a_browser_is_quiet_once_it_has_sent_no_media_for_the_time_that_it_was_told() {
        let now = Instant::now();
        let mut browser = Browser::new(now);
        let almost = now + QUIET - Duration::from_millis(1);
        assert!(!browser.is_quiet(almost));
        browser.frame(start(), almost);
        browser.frame(chunk(0), almost);
        assert!(browser.is_quiet(now + QUIET), "neither a start nor an empty chunk is media");
        browser.frame(chunk(1), almost);
        assert!(!browser.is_quiet(now + QUIET));
    }

    #[test]
    fn the_ticket_is_the_second_subprotocol() {
        let ticket = Ticket::draw(&model::BroadcastId::random().unwrap()).unwrap();
        let header = format!("greenroom.broadcast.v1, greenroom.ticket.{}", ticket.expose());
        let offer = Offer::read(&header).unwrap();
        assert_eq!(offer.ticket.unwrap().expose(), ticket.expose());
        assert!(!format!("{:?}", Offer::read(&header)).contains(ticket.expose()));
        assert!(Offer::read("greenroom.broadcast.v2").is_none());
        assert!(Offer::read(SUBPROTOCOL).unwrap().ticket.is_none());
    }

    #[test]
    fn messages_of_a_server_are_written_as_they_are_documented() {
        let written = |message: ServerMessage| serde_json::to_string(&message).unwrap();
        assert_eq!(
            written(ServerMessage::Ready { broadcast: "bc-1".to_owned(), limits: Limits::default() }),
            r#"{"type":"ready","broadcast":"bc-1","limits":{"maxChunkBytes":2097152,"quietSeconds":15}}"#
        );
        assert_eq!(
            written(ServerMessage::State(State::Connecting { waits_for: "ingest" })),
            r#"{"type":"state","state":"connecting","waitsFor":"ingest"}"#
        );
        assert_eq!(written(ServerMessage::State(State::Live)), r#"{"type":"state","state":"live"}"#);
        assert_eq!(written(ServerMessage::Move { within_seconds: 25 }), r#"{"type":"move","withinSeconds":25}"#);
    }

    #[test]
    fn every_end_has_a_code_that_a_page_may_see_and_a_sentence() {
        for reason in EndReason::ALL {
            let code = Close::of(reason).code();
            assert!(code == 1000 || (4000..5000).contains(&code), "{code}");
            assert!(detail(reason).ends_with('.'));
        }
    }

    fn frames() -> impl Strategy<Value = Frame> {
        prop_oneof![
            3 => (0usize..9).prop_map(chunk),
            2 => Just(start()),
            1 => Just(Frame::Text(r#"{"type":"stop"}"#.to_owned())),
            1 => r#"\{"type":"(start|stop|ready)"(,"mimeType":"\PC{0,9}")?\}"#.prop_map(Frame::Text),
            1 => "\\PC{0,40}".prop_map(Frame::Text),
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_no_chunk_is_taken_before_a_start_or_after_a_stop(frames in proptest::collection::vec(frames(), 0..20)) {
            let now = Instant::now();
            let mut browser = Browser::new(now);
            let (mut begun, mut stopped, mut received) = (false, false, 0);
            for frame in frames {
                match browser.frame(frame, now) {
                    Action::Begin => {
                        prop_assert!(!stopped);
                        begun = true;
                    }
                    Action::Chunk(chunk) => {
                        prop_assert!(begun && !stopped && !chunk.is_empty());
                        received += chunk.len() as u64;
                    }
                    Action::Stop => stopped = true,
                    Action::None => {}
                    Action::Close(close, _) => prop_assert_eq!(close, Close::ProtocolError),
                }
            }
            prop_assert_eq!(browser.received(), received);
        }
    }
}
