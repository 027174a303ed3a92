//! What follows from what nginx-rtmp tells.

use std::net::IpAddr;
use std::time::Duration;

use model::error::Denial;
use model::rtmp_hook::{Call, Notification};
use model::secret::are_equal;
use model::self_hosted::StreamName;
use model::self_hosted::broadcast::{Answer, Broadcast, Connection, News, Side, What};
use model::{Error, StreamId, Timestamp};

use crate::channel::HostedChannel;
use crate::table::{HookTables, Known};

/// How often a notification is judged anew because another one has been written meanwhile.
const ATTEMPTS: usize = 6;

/// What came of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It is about no channel of this deployment's that could be on air.
    Nothing,
    /// It is about that channel.
    Of {
        /// The stream, without its key.
        stream: StreamName,
        /// Whether the channel is on air now.
        is_live: bool,
    },
    /// Who wants to publish may not.
    Refused {
        /// Why.
        denial: Denial,
        /// What it would have published; absent if its name is none of a stream of ours, and may be a mistyped key.
        stream: Option<StreamName>,
    },
}

/// Takes note of what nginx tells, and decides whether who wants to publish may. Two AWS calls, and one if nothing
/// changes; more while others tell of the same channel.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn hear(tables: &HookTables, now: Timestamp, run: &str, notification: &Notification) -> Result<Heard, Error> {
    let asks = notification.call == Call::Publish;
    let refused = |denial, stream| Ok(Heard::Refused { denial, stream });
    let unknown = |stream| if asks { refused(Denial::Publisher, stream) } else { Ok(Heard::Nothing) };
    let Some(stream) = StreamName::read(notification.name.expose()) else { return unknown(None) };
    let side = if stream.key.is_some() { Side::Outside } else { Side::Inside };
    // Without a key, it can only be nginx itself, or its ffmpeg.
    if side == Side::Inside && !notification.addr.parse().is_ok_and(|addr: IpAddr| addr.is_loopback()) {
        return unknown(None);
    }
    let what = match notification.call {
        Call::Publish => What::Asked,
        Call::PublishDone => What::Ended,
        Call::Update { seconds, timestamp } => What::GoesOn { since: now - Duration::from_secs(seconds), timestamp },
    };
    let connection = Connection { run: run.to_owned(), number: notification.client_id };
    let mut news = News { quality: stream.quality.clone(), side, has_key: false, connection, what };
    for _ in 0..ATTEMPTS {
        let Known { channel, broadcast, version } = tables.read(&stream.channel).await?;
        let Some(channel) = channel else { return unknown(Some(stream).filter(|stream| stream.key.is_some())) };
        news.has_key = opens(&channel, &stream);
        // It changes nothing, so there is nothing to write.
        if asks && side == Side::Outside && !news.has_key {
            return unknown(Some(stream));
        }
        let fresh = StreamId::self_hosted()?;
        let before = broadcast.unwrap_or_else(|| Broadcast::none_yet(fresh.clone()));
        let (next, answer) = before.hear(&channel.qualities, &news, now, fresh);
        // What has never begun need not be written down as over.
        let is_news = next != before && !(version.is_none() && next.parts.is_empty());
        if is_news && !tables.write(&stream.channel, &channel, &next, version.as_ref(), now).await? {
            continue;
        }
        return match answer {
            Answer::Yes => Ok(Heard::Of { stream, is_live: next.is_live() }),
            Answer::OnAir => refused(Denial::OnAir, Some(stream)),
            Answer::Unknown => refused(Denial::Publisher, Some(stream)),
        };
    }
    Err(Error::unavailable(format!("the row of the channel {} is being written by others", stream.channel)))
}

fn opens(channel: &HostedChannel, stream: &StreamName) -> bool {
    let (given, known) = (stream.key.as_ref(), channel.key.as_ref());
    given.zip(known).is_some_and(|(given, known)| are_equal(given.expose(), known.expose()))
}
