//! What a browser's connection and its broadcast say to each other.

use std::sync::Arc;

use model::AttemptId;
use model::broadcast::{BroadcastRow, EndReason, Redemption};
use tokio::sync::{mpsc, oneshot};

use crate::Pipeline;
use crate::protocol::{Close, ServerMessage};

/// What a browser's connection says to its broadcast.
pub(crate) enum Command {
    /// Another attempt has redeemed a ticket here: the broadcast is its, unless a later one has come first. Then the answer is none.
    Attach { row: Box<BroadcastRow>, browser: Browser, reply: oneshot::Sender<Option<Arc<Pipeline>>> },
    /// The browser of an attempt says something, which counts as long as the broadcast is that attempt's.
    Said { attempt: AttemptId, said: Said },
}

/// What a browser says.
pub(crate) enum Said {
    /// How many bytes have come.
    Received(u64),
    /// It is lost.
    Gone,
    /// The broadcast is to end.
    End(EndReason),
}

/// A browser that has come with a ticket: what that made of it, and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) redemption: Redemption,
    pub(crate) outputs: mpsc::Sender<Output>,
}

/// What a browser is sent.
#[derive(Debug)]
pub(crate) enum Output {
    Message(ServerMessage),
    Close(Close),
}
