//! What a browser's connection and its broadcast say to each other.

use std::sync::Arc;

use model::AttemptId;
use model::broadcast::{BroadcastRow, EndReason};
use tokio::sync::{mpsc, oneshot};

use crate::Pipeline;
use crate::protocol::{Close, ServerMessage};

/// What a browser's connection says to its broadcast.
pub(crate) enum Command {
    /// Another attempt has redeemed a ticket here: the broadcast is its, unless a later one has come first. Then the answer is none.
    Attach { row: Box<BroadcastRow>, browser: Browser, reply: oneshot::Sender<Option<Arc<Pipeline>>> },
    /// How many bytes have come.
    Received { attempt: AttemptId, bytes: u64 },
    /// The browser is lost.
    Gone { attempt: AttemptId },
    /// The broadcast is to end.
    End { attempt: AttemptId, reason: EndReason },
}

/// The way to a browser.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) attempt: AttemptId,
    pub(crate) outputs: mpsc::Sender<Output>,
}

/// What a browser is sent.
#[derive(Debug)]
pub(crate) enum Output {
    Message(ServerMessage),
    Close(Close),
}
