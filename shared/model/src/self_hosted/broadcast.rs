//! When a self-hosted channel is on air, by what nginx-rtmp tells of its publishers.
//!
//! A broadcast has parts: the source, and the qualities. nginx asks before a part begins, may tell when it ends, and
//! tells now and then that it goes on; any of it may be lost, late or about somebody else. So:
//!
//! - A part belongs to one connection of one run of nginx. What another one tells of it counts for nothing, and whoever
//!   wants to publish it meanwhile is refused.
//! - It takes the channel's key of now to begin one; what a key has opened that has been replaced since goes on, and ends.
//! - A part has begun once media has moved: nginx may have taken the answer for too late, and then tells nothing more.
//! - A part has a lease, renewed while media moves. A publisher that falls silent, or an nginx that dies, tells nothing.
//! - A broadcast is live once all qualities have begun, and over when its source ends; without one, with its last part.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::qualities::Qualities;
use crate::{Quality, StreamId, Timestamp};

/// How long a publisher has to show media before another one may come: three of nginx's updates. nginx may have refused it
/// without a word, and then the next one is most often the same again.
const TO_BEGIN: Duration = Duration::from_secs(15);
/// For how long media that moved counts.
const LEASE: Duration = Duration::from_secs(60);
/// A lease that has at least this left is not renewed: it would be one more write.
const LEFT: Duration = Duration::from_secs(40);
/// How far what nginx says of a start may be from what was noted, for it to be the same connection's.
const SAME_START: Duration = Duration::from_secs(30);
/// How many connections that have ended are remembered, so that what is late of them brings nothing back.
const REMEMBERED: usize = 16;

/// A connection to nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Which run of nginx: connections are counted from 1 in each. Empty if the forwarder does not say.
    pub run: String,
    /// Its number.
    pub number: u64,
}

/// A connection that has published, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Which.
    pub connection: Connection,
    /// When nginx asked about it, or says that it began.
    pub since: Timestamp,
}

impl Publisher {
    /// Whether it is that connection, which began then. Without the run, numbers repeat, and the start tells.
    fn is(&self, connection: &Connection, since: Timestamp) -> bool {
        let apart = if since > self.since { self.since.until(since) } else { since.until(self.since) };
        self.connection == *connection && apart <= SAME_START
    }
}

/// A publisher that does not count any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Who.
    pub publisher: Publisher,
    /// The timestamp at which it fell silent: it comes back with another one. `None`: it has ended.
    pub silent_at: Option<u64>,
}

/// Something that is being published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// By whom.
    pub publisher: Publisher,
    /// Whether nginx's own ffmpeg makes it from the source.
    pub from_source: bool,
    /// The timestamp of the media that came last, in milliseconds; `None` until there was any.
    pub media: Option<u64>,
    /// Until when it counts.
    pub lease_until: Timestamp,
}

/// A broadcast, or what is left of the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// Which.
    pub id: StreamId,
    /// What is being published. Empty: it is over.
    pub parts: BTreeMap<Quality, Part>,
    /// Since when all qualities have been there, if ever.
    pub live_since: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Who has been there lately, of earlier broadcasts, too.
    pub gone: Vec<Gone>,
}

/// Who tells of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A broadcaster with the channel's stream key.
    Outside,
    /// nginx itself, or its ffmpeg.
    Inside,
}

/// What nginx tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// About which part.
    pub quality: Quality,
    /// Published from where.
    pub side: Side,
    /// Whether the key that it came with is the channel's of now. Of what comes from [`Side::Inside`], nothing.
    pub has_key: bool,
    /// On which connection.
    pub connection: Connection,
    /// And what.
    pub what: What,
}

/// What there is to tell of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Somebody wants to publish it.
    Asked,
    /// It goes on.
    GoesOn {
        /// When it began, by nginx's count.
        since: Timestamp,
        /// The timestamp of its last media.
        timestamp: u64,
    },
    /// It has ended.
    Ended,
}

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes; or it does not matter.
    Yes,
    /// No: another publisher has it.
    OnAir,
    /// No: there is no such part, or nothing that it could be made from.
    Unknown,
}

impl Broadcast {
    /// Before anything was published.
    pub fn none_yet(id: StreamId) -> Self {
        Self { id, parts: BTreeMap::new(), live_since: None, ended_at: None, gone: Vec::new() }
    }

    /// Whether all of it has been there, and it is not over.
    pub fn is_live(&self) -> bool {
        self.live_since.is_some() && !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.parts.is_empty()
    }

    /// Until when it goes on if nothing more is heard; `None` when it is over.
    pub fn lease_until(&self) -> Option<Timestamp> {
        let source = self.parts.get(&Quality::source());
        let last = || self.parts.values().max_by_key(|part| part.lease_until);
        source.or_else(last).map(|part| part.lease_until)
    }

    /// Judges what nginx tells. `fresh` is the id of the next broadcast, should this one be over.
    pub fn hear(&self, qualities: &Qualities, news: &News, now: Timestamp, fresh: StreamId) -> (Self, Answer) {
        let mut next = self.clone();
        next.lapse(now);
        let answer = match news.what {
            What::Asked => next.ask(qualities, news, now, fresh),
            What::GoesOn { since, timestamp } => {
                next.go_on(qualities, news, now, since, timestamp, fresh);
                Answer::Yes
            }
            What::Ended => {
                next.end(news, now);
                Answer::Yes
            }
        };
        let has_begun = |quality: &Quality| next.parts.get(quality).is_some_and(|part| part.media.is_some());
        if next.live_since.is_none() && qualities.as_slice().iter().all(has_begun) {
            next.live_since = Some(now);
        }
        (next, answer)
    }

    fn ask(&mut self, qualities: &Qualities, news: &News, now: Timestamp, fresh: StreamId) -> Answer {
        if news.side == Side::Outside {
            // An nginx that has been restarted knows nothing of its predecessor's connections, nor do they exist.
            self.parts.retain(|_, part| part.publisher.connection.run == news.connection.run);
            self.settle(now);
        }
        match self.parts.get(&news.quality) {
            Some(part) if part.publisher.connection == news.connection => return Answer::Yes,
            // nginx hands on what came from outside.
            Some(part) if news.side == Side::Inside && !part.from_source => return Answer::Yes,
            Some(_) => return Answer::OnAir,
            None => {}
        }
        if !self.can_have(qualities, news) {
            return Answer::Unknown;
        }
        self.begin(news, now, None, now + TO_BEGIN, fresh);
        Answer::Yes
    }

    fn go_on(
        &mut self,
        qualities: &Qualities,
        news: &News,
        now: Timestamp,
        since: Timestamp,
        timestamp: u64,
        fresh: StreamId,
    ) {
        match self.parts.get_mut(&news.quality) {
            Some(part) if part.publisher.is(&news.connection, since) => {
                let moves = timestamp > 0 && part.media != Some(timestamp);
                if moves && (part.media.is_none() || now + LEFT > part.lease_until) {
                    (part.media, part.lease_until) = (Some(timestamp), now + LEASE);
                }
            }
            Some(_) => {}
            None => {
                // Nobody has heard of it for longer than its lease, or nobody was told of its begin.
                let is_theirs = |gone: &&Gone| gone.publisher.is(&news.connection, since);
                let is_gone = match self.gone.iter().rev().find(is_theirs) {
                    Some(gone) => gone.silent_at.is_none_or(|silent_at| silent_at == timestamp),
                    None => false,
                };
                if timestamp > 0 && !is_gone && self.can_have(qualities, news) {
                    self.begin(news, since, Some(timestamp), now + LEASE, fresh);
                }
            }
        }
    }

    fn end(&mut self, news: &News, now: Timestamp) {
        let is_theirs = |part: &Part| part.publisher.connection == news.connection;
        if !self.parts.get(&news.quality).is_some_and(is_theirs) {
            // It had fallen silent; what is still under way of it does not bring it back.
            let gone = self.gone.iter_mut().rev().find(|gone| gone.publisher.connection == news.connection);
            gone.into_iter().for_each(|gone| gone.silent_at = None);
            return;
        }
        if news.quality.is_source() {
            let parts = std::mem::take(&mut self.parts);
            parts.into_values().for_each(|part| self.remember(part, true));
        } else if let Some(part) = self.parts.remove(&news.quality) {
            self.remember(part, true);
        }
        self.settle(now);
    }

    /// Whether there can be such a part now.
    fn can_have(&self, qualities: &Qualities, news: &News) -> bool {
        let is_one = qualities.as_slice().contains(&news.quality);
        match news.side {
            Side::Outside => news.has_key && (is_one || news.quality.is_source()),
            Side::Inside => {
                let source = self.parts.get(&Quality::source());
                is_one && source.is_some_and(|source| source.publisher.connection.run == news.connection.run)
            }
        }
    }

    fn begin(&mut self, news: &News, since: Timestamp, media: Option<u64>, lease_until: Timestamp, fresh: StreamId) {
        if self.is_over() {
            let gone = std::mem::take(&mut self.gone);
            *self = Self { gone, ..Self::none_yet(fresh) };
        }
        let publisher = Publisher { connection: news.connection.clone(), since };
        let part = Part { publisher, from_source: news.side == Side::Inside, media, lease_until };
        self.parts.insert(news.quality.clone(), part);
    }

    /// What is not heard of any more is gone, and with a source whatever is made from it.
    fn lapse(&mut self, now: Timestamp) {
        let counts = |part: &Part| part.lease_until > now;
        let source_counts = self.parts.get(&Quality::source()).is_none_or(counts);
        let lapsed: Vec<Quality> = self
            .parts
            .iter()
            .filter(|(_, part)| !source_counts || !counts(part))
            .map(|(name, _)| name.clone())
            .collect();
        for quality in lapsed {
            if let Some(part) = self.parts.remove(&quality) {
                self.remember(part, false);
            }
        }
        self.settle(now);
    }

    /// Notes the end, if it is over.
    fn settle(&mut self, now: Timestamp) {
        if self.is_over() && self.ended_at.is_none() {
            self.ended_at = Some(now);
        }
    }

    fn remember(&mut self, part: Part, has_ended: bool) {
        let silent_at = if has_ended { None } else { part.media.or(Some(0)) };
        self.gone.retain(|gone| gone.publisher != part.publisher);
        self.gone.push(Gone { publisher: part.publisher, silent_at });
        let excess = self.gone.len().saturating_sub(REMEMBERED);
        self.gone.drain(..excess);
    }
}
