//! What follows from what IVS says of a channel, given what the table holds of it. No clock, no AWS.

use std::cmp::Ordering;

use super::{ENDED_KEPT, Happening, Health, LAG, LEASE, Listed, Live, News, Source, State, StreamChannel, StreamRow};
use crate::{ChannelArn, StreamId, Timestamp};

/// What to do about something that IVS says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub enum Verdict {
    /// It is about no channel of the table's.
    Foreign,
    /// The table knows of something later.
    Stale,
    /// The table says so already, or the news makes no difference to anybody.
    NoNews,
    /// The row has to become this one.
    Write(StreamRow),
}

/// Judges an event about the channel of that ARN by the channel's row and its stream's, as far as there are such.
///
/// A name may have gone to another channel meanwhile. Then nothing begins any more that is of the earlier one; what is
/// on air of it may still end.
pub fn judge(
    channel: Option<&StreamChannel>,
    row: Option<&StreamRow>,
    arn: &ChannelArn,
    news: &News,
    now: Timestamp,
) -> Verdict {
    let row = row.filter(|row| row.channel.arn == *arn);
    let News { session, at, what } = news;
    match (channel.filter(|channel| channel.arn == *arn), row) {
        (Some(channel), row) => match what {
            Happening::Created => created(row, session, *at),
            // Whatever is on air for longer than that, a listing has told.
            Happening::Started if *at + LEASE <= now => Verdict::Stale,
            Happening::Started => begin(channel, row, session, *at, Live::at(*at)),
            Happening::Ended => end(channel, row, session, *at),
            Happening::Health(health) => set_health(row, session, *at, *health),
        },
        (None, Some(row)) if *what == Happening::Ended => end(&row.channel, Some(row), session, *at),
        (None, _) => Verdict::Foreign,
    }
}

/// Judges an entry of a complete listing that began at that time.
pub fn judge_listed(channel: &StreamChannel, row: Option<&StreamRow>, listed: &Listed, began: Timestamp) -> Verdict {
    if channel.arn != listed.arn {
        return Verdict::Foreign;
    }
    let session = &listed.session;
    let live = Live { viewer_count: listed.viewer_count, health: Some(listed.health), ..Live::at(began) };
    let Some(row) = row.filter(|row| row.channel.arn == listed.arn) else {
        return begin(channel, None, session, listed.started_at, live);
    };
    // A listing is the truth of its own time, which may be a little before it began.
    let is_over = |lag| row.known_at() + lag <= began;
    let has_ended = row.ended.contains(session);
    match &row.state {
        State::Live(known) if row.session == *session => match known.confirmed_at < began {
            true => Verdict::Write(renewed(channel, row, known, listed, live)),
            false => Verdict::NoNews,
        },
        // An event has told its end. IVS goes on to list it for so long only if that was not the end.
        State::Offline { .. } if row.session == *session && has_ended => match is_over(LEASE) {
            true => Verdict::Write(StreamRow {
                ended: row.ended.iter().filter(|ended| *ended != session).cloned().collect(),
                ..replaced(channel, row, session, listed.started_at, live)
            }),
            false => Verdict::Stale,
        },
        _ if has_ended => Verdict::Stale,
        _ if is_over(LAG) => Verdict::Write(replaced(channel, row, session, listed.started_at, live)),
        _ => begin(channel, Some(row), session, listed.started_at, live),
    }
}

/// What the row becomes of a channel that is not in a complete listing that began at that time; `None` if that makes no
/// difference.
pub fn judge_unlisted(row: &StreamRow, began: Timestamp) -> Option<StreamRow> {
    let ended_at = match (&row.state, row.source) {
        (State::Live(live), Source::Ivs) if live.confirmed_at + LAG <= began => began,
        // IVS knows nothing of it. What ends it is heard of, or else its lease lapses.
        (State::Live(live), Source::SelfHosted) if live.lease_until <= began => live.lease_until,
        _ => return None,
    };
    Some(StreamRow { state: State::Offline { ended_at }, rivals: Vec::new(), ..row.clone() })
}

/// Nothing can be played yet. But what was on air before is over, as a channel has one session at a time.
fn created(row: Option<&StreamRow>, session: &StreamId, at: Timestamp) -> Verdict {
    let Some(row) = row else { return Verdict::NoNews };
    match &row.state {
        State::Live(live)
            if row.session != *session && !row.ended.contains(session) && is_later(at, live.confirmed_at) =>
        {
            Verdict::Write(StreamRow { state: State::Offline { ended_at: at }, rivals: Vec::new(), ..row.clone() })
        }
        _ => Verdict::NoNews,
    }
}

fn begin(
    channel: &StreamChannel,
    row: Option<&StreamRow>,
    session: &StreamId,
    started_at: Timestamp,
    live: Live,
) -> Verdict {
    let Some(row) = row else {
        return Verdict::Write(StreamRow {
            channel: channel.clone(),
            source: Source::Ivs,
            session: session.clone(),
            started_at: Some(started_at),
            state: State::Live(live),
            ended: Vec::new(),
            rivals: Vec::new(),
        });
    };
    if row.ended.contains(session) {
        return Verdict::Stale;
    }
    let is_live = matches!(row.state, State::Live(_));
    if row.session == *session {
        // A session begins once: this is known, and so is what became of it.
        return if is_live { Verdict::NoNews } else { Verdict::Stale };
    }
    // Sessions do not overlap: what began before another one ended is over, if it is not that one. IVS may tell of an end
    // a little late.
    if matches!(row.state, State::Offline { ended_at } if started_at + LAG < ended_at) {
        return Verdict::Stale;
    }
    match row.started_at.map(|known| started_at.whole_seconds().cmp(&known.whole_seconds())) {
        Some(Ordering::Less) => Verdict::Stale,
        // Nobody can tell which came first. Both are over once their ends are heard of.
        Some(Ordering::Equal) if is_live && row.rivals.contains(session) => Verdict::NoNews,
        Some(Ordering::Equal) if is_live => {
            let rivals = remember(&row.rivals, session);
            Verdict::Write(StreamRow { rivals, ..row.clone() })
        }
        _ => Verdict::Write(replaced(channel, row, session, started_at, live)),
    }
}

fn end(channel: &StreamChannel, row: Option<&StreamRow>, session: &StreamId, at: Timestamp) -> Verdict {
    let Some(row) = row else {
        return Verdict::Write(StreamRow {
            channel: channel.clone(),
            source: Source::Ivs,
            session: session.clone(),
            started_at: None,
            state: State::Offline { ended_at: at },
            ended: vec![session.clone()],
            rivals: Vec::new(),
        });
    };
    if row.ended.contains(session) {
        return Verdict::NoNews;
    }
    let mut next = StreamRow { ended: remember(&row.ended, session), ..row.clone() };
    next.rivals.retain(|rival| rival != session);
    match &row.state {
        State::Live(_) if row.session == *session => match next.rivals.pop() {
            Some(rival) => next.session = rival,
            None => next.state = State::Offline { ended_at: at },
        },
        // As sessions do not overlap, what was on air long before another one ended was over when that one began.
        State::Live(live) if live.confirmed_at + LAG < at => {
            next.rivals.clear();
            next.state = State::Offline { ended_at: at };
        }
        State::Live(_) | State::Offline { .. } => {}
    }
    Verdict::Write(next)
}

fn set_health(row: Option<&StreamRow>, session: &StreamId, at: Timestamp, health: Health) -> Verdict {
    let Some(StreamRow { state: State::Live(live), .. }) = row.filter(|row| row.session == *session) else {
        return Verdict::Stale;
    };
    let Some(row) = row else { return Verdict::Stale };
    // Of two in one second, the alarming one: a listing corrects it soon.
    let is_news = at + LAG > live.confirmed_at
        && live.health_at.is_none_or(|known| known < at || (known == at && health == Health::Starving));
    match is_news {
        false => Verdict::Stale,
        true if live.health == Some(health) && live.health_at == Some(at) => Verdict::NoNews,
        true => {
            let live = Live { health: Some(health), health_at: Some(at), ..live.clone() };
            Verdict::Write(StreamRow { state: State::Live(live), ..row.clone() })
        }
    }
}

/// The row of a session that goes on, as a listing has it.
fn renewed(channel: &StreamChannel, row: &StreamRow, known: &Live, listed: &Listed, live: Live) -> StreamRow {
    // An event about health may be ahead of the listing.
    let is_ahead = known.health_at.is_some_and(|at| at + LAG > live.confirmed_at);
    let health = if is_ahead { known.health } else { live.health };
    let is_settled = known.confirmed_at + LAG <= live.confirmed_at;
    StreamRow {
        channel: channel.clone(),
        started_at: Some(listed.started_at),
        rivals: if is_settled { Vec::new() } else { row.rivals.clone() },
        state: State::Live(Live { health, health_at: known.health_at, ..live }),
        ..row.clone()
    }
}

/// The row with another session in it.
fn replaced(
    channel: &StreamChannel,
    row: &StreamRow,
    session: &StreamId,
    started_at: Timestamp,
    live: Live,
) -> StreamRow {
    StreamRow {
        channel: channel.clone(),
        source: Source::Ivs,
        session: session.clone(),
        started_at: Some(started_at),
        state: State::Live(live),
        ended: row.ended.clone(),
        rivals: Vec::new(),
    }
}

/// Whether a time is later than another by what IVS's events can tell.
fn is_later(at: Timestamp, than: Timestamp) -> bool {
    at.whole_seconds() > than.whole_seconds()
}

/// The latest sessions, with this one last.
fn remember(sessions: &[StreamId], session: &StreamId) -> Vec<StreamId> {
    let forgotten = (sessions.len() + 1).saturating_sub(ENDED_KEPT);
    sessions.iter().skip(forgotten).chain([session]).cloned().collect()
}
