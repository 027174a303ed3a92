//! What is on air, as the API shows it, and what an event changes of it.

use model::stream::{News, StreamChannel, StreamRow, Verdict, judge};
use model::{ChannelArn, ChannelName, Cursor, Error, Limit, Page, Timestamp};

use crate::row::Partition;
use crate::table::{Known, StreamTable};

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The table says so now: `live` or `offline`.
    Written {
        /// Whether the channel is on air.
        is_live: bool,
        /// Whether it was before.
        was_live: bool,
    },
    /// The table said so already, or it makes no difference.
    NoNews,
    /// The table knows of something later.
    Stale,
    /// It is about no channel of this deployment's.
    Foreign,
}

/// How often an event is judged anew because somebody else has written the row meanwhile.
const ATTEMPTS: usize = 4;

/// Records what an event says of a channel. Two AWS calls: read the rows, write the stream's; again if somebody else has
/// written it meanwhile. An event that brings no news costs the read.
///
/// # Errors
/// What DynamoDB fails with; then the event can be repeated.
pub async fn record(
    streams: &StreamTable,
    now: Timestamp,
    name: &ChannelName,
    arn: &ChannelArn,
    news: &News,
) -> Result<Recorded, Error> {
    for _ in 0..ATTEMPTS {
        let Known { channel, stream, .. } = streams.read(name).await?;
        let row = stream.as_ref().map(|stored| &stored.row);
        let next = match judge(channel.as_ref(), row, arn, news, now) {
            Verdict::Foreign => return Ok(Recorded::Foreign),
            Verdict::Stale => return Ok(Recorded::Stale),
            Verdict::NoNews => return Ok(Recorded::NoNews),
            Verdict::Write(next) => next,
        };
        if streams.write(&next, stream.as_ref(), now).await? {
            let was_live = row.is_some_and(|row| row.on_air(now).is_some());
            return Ok(Recorded::Written { is_live: next.on_air(now).is_some(), was_live });
        }
    }
    Err(Error::unavailable(format!("the row of the channel {name} is being written by others")))
}

/// Whether the channel of that name and ARN is, or was the last of its name, one of this deployment's. One AWS call.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn is_ours(streams: &StreamTable, name: &ChannelName, arn: &ChannelArn) -> Result<bool, Error> {
    let Known { channel, stream, .. } = streams.read(name).await?;
    let row = stream.map(|stored| stored.row.channel);
    Ok(channel.into_iter().chain(row).any(|channel| channel.arn == *arn))
}

/// A channel, and its broadcast if there was one lately. One AWS call.
///
/// # Errors
/// [`Error::NotFound`] if there is no such channel; what DynamoDB fails with.
pub async fn fetch(streams: &StreamTable, name: &ChannelName) -> Result<(StreamChannel, Option<StreamRow>), Error> {
    let Known { channel, is_deleting, stream } = streams.read(name).await?;
    let channel = channel.filter(|_| !is_deleting).ok_or(Error::NotFound("channel"))?;
    // What an earlier channel of that name has broadcast is nobody's business.
    let row = stream.map(|stored| stored.row).filter(|row| row.channel.arn == channel.arn);
    Ok((channel, row))
}

/// A page of the public channels on air, the latest first. Two AWS calls: the streams, and the channels, which tell
/// that a stream is still that of the channel of its name, and public. A page may be short and have a successor.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn list(
    streams: &StreamTable,
    now: Timestamp,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<StreamRow>, Error> {
    let mut page = streams.live(Partition::Public, u16::from(limit.get()), cursor).await?;
    page.items.retain(|row| row.on_air(now).is_some());
    if !page.items.is_empty() {
        let names: Vec<_> = page.items.iter().map(|row| row.channel.name.clone()).collect();
        let channels = streams.channels(&names).await?;
        page.items.retain(|row| {
            channels.get(&row.channel.name).is_some_and(|channel| channel.arn == row.channel.arn && !channel.private)
        });
    }
    Ok(page)
}
