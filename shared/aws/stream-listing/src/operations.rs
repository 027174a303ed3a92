//! What no event said: the table is compared with what IVS lists, and repaired; what is still on air is confirmed.
//!
//! Nothing is done on a listing that is not complete. What an event has told meanwhile stays: a row is written only on
//! top of the one that was judged.

use std::collections::{HashMap, HashSet};

use aws_stream::{AT_ONCE, Known, Partition, StreamTable};
use model::stream::{Listed, Source, State, StreamRow, Verdict, judge_listed, judge_unlisted};
use model::{ChannelArn, ChannelName, Error, Timestamp};

use crate::StreamIvs;
use crate::ivs::Listing;

/// What one page of the table holds.
const PAGE: u16 = 1000;

/// How far the table was from what IVS lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamDrift {
    /// Streams of this deployment on air, as IVS lists them.
    pub live: usize,
    /// Streams on air that the table did not have.
    pub added: usize,
    /// Streams of the table that were not on air any more.
    pub removed: usize,
    /// Entries of IVS's list that lack an ARN, an id or a start.
    pub unclear: usize,
}

/// Compares the table with IVS, repairs it, and confirms what is on air. Running it twice at once is harmless. `now` is
/// when the listing begins.
///
/// # Errors
/// What IVS and DynamoDB fails with. Before the listing was complete, nothing has been changed; after that, each change
/// that was made was right by itself.
pub async fn reconcile(streams: &StreamTable, ivs: &StreamIvs, now: Timestamp) -> Result<StreamDrift, Error> {
    // The table first: what begins meanwhile is not missing from the listing.
    let rows = all_live(streams).await?;
    let listing = ivs.streams().await?;
    let names = names(ivs, &rows, &listing.streams).await?;
    let by_name: Vec<_> = compare(&rows, &listing, &names).into_iter().collect();

    let unclear = listing.unclear.len() + listing.nameless;
    let mut drift = StreamDrift { unclear, ..StreamDrift::default() };
    for batch in by_name.chunks(AT_ONCE) {
        let of: Vec<ChannelName> = batch.iter().map(|(name, _)| (*name).clone()).collect();
        let mut known = streams.read_all(&of).await?;
        for (name, stream) in batch {
            let known = known.remove(*name).unwrap_or_default();
            repair(streams, &known, *stream, now, &mut drift).await?;
        }
    }
    Ok(drift)
}

/// What the listing says of each channel whose row may have to change; `None`: it is not on air.
fn compare<'a>(
    rows: &'a [StreamRow],
    listing: &'a Listing,
    names: &'a HashMap<ChannelArn, ChannelName>,
) -> HashMap<&'a ChannelName, Option<&'a Listed>> {
    let on_air: HashSet<&ChannelArn> = listing.streams.iter().map(|stream| &stream.arn).collect();
    let is_missing = |row: &StreamRow| {
        // Whatever is on air without its name being told may be any of IVS's.
        let is_unclear = row.source == Source::Ivs && listing.nameless > 0;
        !is_unclear && !on_air.contains(&row.channel.arn) && !listing.unclear.contains(&row.channel.arn)
    };
    let missing = rows.iter().filter(|row| is_missing(row)).map(|row| (&row.channel.name, None));
    let listed = listing.streams.iter().filter_map(|stream| Some((names.get(&stream.arn)?, Some(stream))));
    missing.chain(listed).collect()
}

/// Writes what the row of one channel becomes, unless somebody else has written it since: the next listing goes on.
async fn repair(
    streams: &StreamTable,
    known: &Known,
    listed: Option<&Listed>,
    now: Timestamp,
    drift: &mut StreamDrift,
) -> Result<(), Error> {
    let row = known.stream.as_ref().map(|stored| &stored.row);
    let next = match (listed, &known.channel, row) {
        (Some(listed), Some(channel), row) => {
            drift.live += usize::from(channel.arn == listed.arn);
            match judge_listed(channel, row, listed, now) {
                Verdict::Write(next) => Some(next),
                Verdict::Foreign | Verdict::Stale | Verdict::NoNews => None,
            }
        }
        (None, _, Some(row)) => judge_unlisted(row, now),
        _ => None,
    };
    let Some(next) = next else { return Ok(()) };
    let is_live = |row: &StreamRow| matches!(row.state, State::Live(_));
    if streams.write(&next, known.stream.as_ref(), now).await? {
        let was_live = row.is_some_and(is_live);
        drift.added += usize::from(is_live(&next) && !was_live);
        drift.removed += usize::from(was_live && !is_live(&next));
    }
    Ok(())
}

/// The names of the channels on air: as the table has them, and of the others, as IVS does.
async fn names(
    ivs: &StreamIvs,
    rows: &[StreamRow],
    listed: &[Listed],
) -> Result<HashMap<ChannelArn, ChannelName>, Error> {
    let mut names: HashMap<_, _> = rows.iter().map(|row| (row.channel.arn.clone(), row.channel.name.clone())).collect();
    let unknown: Vec<_> = listed.iter().map(|stream| &stream.arn).filter(|arn| !names.contains_key(arn)).collect();
    names.extend(ivs.names(&unknown).await?);
    Ok(names)
}

/// Everything that the table has on air, to the last page.
async fn all_live(streams: &StreamTable) -> Result<Vec<StreamRow>, Error> {
    let mut rows = Vec::new();
    for partition in [Partition::Public, Partition::Private] {
        let mut cursor = None;
        loop {
            let page = streams.live(partition, PAGE, cursor).await?;
            rows.extend(page.items);
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use model::stream::{Health, Live, StreamChannel};

    use super::*;

    fn arn(name: &str) -> ChannelArn {
        format!("arn:aws:ivs:us-east-1:000000000000:channel/{name}").parse().unwrap()
    }

    fn row(name: &str, source: Source) -> StreamRow {
        let channel = StreamChannel {
            name: name.parse().unwrap(),
            arn: arn(name),
            private: false,
            playback_url: "https://p.example/x.m3u8".to_owned(),
        };
        let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        StreamRow {
            channel,
            source,
            session: "st-1".parse().unwrap(),
            started_at: Some(at),
            state: State::Live(Live::at(at)),
            ended: Vec::new(),
            rivals: Vec::new(),
        }
    }

    #[test]
    fn what_ivs_lists_without_saying_enough_is_neither_confirmed_nor_ended() {
        let rows = [("on", Source::Ivs), ("off", Source::Ivs), ("unclear", Source::Ivs), ("own", Source::SelfHosted)];
        let rows = rows.map(|(name, source)| row(name, source));
        let names: HashMap<_, _> = rows.iter().map(|row| (row.channel.arn.clone(), row.channel.name.clone())).collect();
        let on = Listed {
            arn: arn("on"),
            session: "st-1".parse().unwrap(),
            started_at: "2026-03-01T12:00:00Z".parse().unwrap(),
            viewer_count: None,
            health: Health::Unknown,
        };
        let judged = |nameless| {
            let listing = Listing { streams: vec![on.clone()], unclear: [arn("unclear")].into(), nameless };
            let of = compare(&rows, &listing, &names).into_iter();
            let mut of: Vec<_> = of.map(|(name, listed)| (name.as_str().to_owned(), listed.is_some())).collect();
            of.sort();
            of
        };
        let is = |name: &str, listed| (name.to_owned(), listed);
        assert_eq!(judged(0), [is("off", false), is("on", true), is("own", false)]);
        // Of those that do not even say whose they are, one may be of `off`.
        assert_eq!(judged(1), [is("on", true), is("own", false)]);
    }
}
