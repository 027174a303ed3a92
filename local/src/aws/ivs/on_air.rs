//! The broadcasts that are on air or were. They are not saved: after a restart, nothing is on air.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{
    event::{Breach, StreamEvent, TakeoverFailure},
    limit,
    publisher::{Order, Publisher},
    seat::{Admission, Contender, Entry, Refusal, Seat, priority_of},
    session::{Session, Target},
    track::Tracks,
};
use crate::plumbing::sync::lock;
use crate::plumbing::token_bucket::TokenBucket;

/// Ended sessions of a channel that are kept.
const KEPT: usize = 100;
/// Takeovers of one stream.
const MAX_TAKEOVERS: u32 = 100;
/// Metadata that a channel takes in a second.
const METADATA_RATE: f64 = 5.0;

/// Gets each event, but for what EventBridge fills in, and its time.
pub(crate) type Sink = Arc<dyn Fn(Map<String, Value>, OffsetDateTime) + Send + Sync>;

/// The broadcasts of all channels.
#[derive(Default)]
pub(crate) struct OnAir {
    air: Mutex<Air>,
    sink: OnceLock<Sink>,
}

#[derive(Default)]
struct Air {
    /// By channel ARN, the latest last: it alone may be on air.
    sessions: BTreeMap<String, VecDeque<Session>>,
    metadata: BTreeMap<String, TokenBucket>,
    seats: u64,
}

impl OnAir {
    /// Has each event told to the sink; the first one counts.
    pub(crate) fn tell(&self, sink: Sink) {
        let _ = self.sink.set(sink);
    }

    /// Lets an encoder in.
    pub(super) fn enter(&self, entry: Entry<'_>, now: OffsetDateTime) -> Result<Admission, Refusal> {
        let mut air = lock(&self.air);
        let Entry { target, stream_key_arn, is_secure, publisher, priority, grace } = entry;
        let valid = priority.and_then(priority_of);
        let Some(session) = air.live_mut(&target.arn) else {
            return Ok(Admission::Begun(self.begin(&mut air, target, Some(publisher), valid.unwrap_or(0), now)));
        };
        // Silent, or without media.
        let is_gone = session.publisher.as_ref().is_none_or(|held| held.is_gone(grace));
        if is_gone {
            self.end(&mut air, &target.arn, now);
            return Ok(Admission::Begun(self.begin(&mut air, target, Some(publisher), valid.unwrap_or(0), now)));
        }
        if priority.is_none() {
            return Err(Refusal::OnAir);
        }
        let failure = match valid {
            Some(priority) if priority > session.priority => {
                if session.takeovers < MAX_TAKEOVERS {
                    let stream_key_arn = stream_key_arn.to_owned();
                    return Ok(Admission::Contends(Contender { stream_key_arn, is_secure, priority, publisher }));
                }
                TakeoverFailure::LimitBreached
            }
            _ => TakeoverFailure::InvalidPriority,
        };
        self.emit(session, &StreamEvent::TakeoverFailure(failure), now);
        Err(Refusal::Takeover(failure))
    }

    /// The contender goes on in place of whoever is on air by now, or with a session of its own.
    pub(super) fn take_over(
        &self,
        by: Contender,
        target: Target,
        tracks: &Tracks,
        now: OffsetDateTime,
    ) -> Result<Seat, Refusal> {
        let mut air = lock(&self.air);
        let Contender { priority, publisher, .. } = by;
        air.seats += 1;
        let number = air.seats;
        // A broadcast without media has none to go on with.
        let Some(session) = air.live_mut(&target.arn).filter(|session| session.publisher.is_some()) else {
            self.end(&mut air, &target.arn, now);
            return Ok(self.begin(&mut air, target, Some(publisher), priority, now));
        };
        let failure = match () {
            () if !tracks.match_those_of(&session.tracks) => Some(TakeoverFailure::MediaMismatch),
            () if priority <= session.priority => Some(TakeoverFailure::InvalidPriority),
            () if session.takeovers >= MAX_TAKEOVERS => Some(TakeoverFailure::LimitBreached),
            () => None,
        };
        if let Some(failure) = failure {
            self.emit(session, &StreamEvent::TakeoverFailure(failure), now);
            return Err(Refusal::Takeover(failure));
        }
        session.dismiss();
        session.publisher = Some(publisher);
        session.priority = priority;
        session.takeovers += 1;
        session.seat = number;
        self.emit(session, &StreamEvent::Takeover, now);
        // The media of this one come.
        self.set_health(session, "HEALTHY", now);
        Ok(Seat::of(session))
    }

    /// Puts a channel on air without media, or answers the stream that is. `change` then changes it.
    pub(super) fn pretend(
        &self,
        target: Target,
        now: OffsetDateTime,
        change: impl FnOnce(&mut Pretended<'_>),
    ) -> Value {
        let mut air = lock(&self.air);
        let arn = target.arn.clone();
        if air.live_mut(&arn).is_none() {
            self.begin(&mut air, target, None, 0, now);
        }
        let Some(session) = air.live_mut(&arn) else { return Value::Null };
        self.go_live(session, now);
        change(&mut Pretended { session, on_air: self, now });
        session.stream()
    }

    /// The first segment of the seat's session can be watched; whether that is news.
    pub(crate) fn start(&self, seat: &Seat, now: OffsetDateTime) -> bool {
        let mut is_news = false;
        self.with(seat, |session| is_news = self.go_live(session, now));
        is_news
    }

    /// What the encoder in that seat sends.
    pub(crate) fn describe(&self, seat: &Seat, tracks: Tracks) {
        self.with(seat, |session| session.tracks = tracks);
    }

    /// How many watch.
    pub(crate) fn count_viewers(&self, seat: &Seat, viewers: u64) {
        self.with(seat, |session| session.viewers = i64::try_from(viewers).unwrap_or(i64::MAX));
    }

    /// Media starve, or come again.
    pub(crate) fn starve(&self, seat: &Seat, starves: bool, now: OffsetDateTime) {
        self.with(seat, |session| self.set_health(session, if starves { "STARVING" } else { "HEALTHY" }, now));
    }

    /// The media cannot be processed.
    pub(crate) fn fail(&self, seat: &Seat, reason: &str, now: OffsetDateTime) {
        self.with(seat, |session| self.emit(session, &StreamEvent::Failure(reason.to_owned()), now));
    }

    /// Tells of a breach by media of this many bits a second, if it is one; whether it is.
    pub(crate) fn breaches(&self, seat: &Seat, bits_per_second: u64, now: OffsetDateTime) -> bool {
        let mut breached: Option<Breach> = None;
        self.with(seat, |session| {
            let (width, height) = session.tracks.video.as_ref().map_or((0, 0), |video| (video.width, video.height));
            let kind = session.channel.view["type"].as_str().unwrap_or_default();
            breached = limit::breach(kind, bits_per_second, width.into(), height.into());
            if let Some(breach) = breached {
                self.emit(session, &StreamEvent::LimitBreach(breach), now);
            }
        });
        breached.is_some()
    }

    /// The encoder in that seat is gone. Its session ends, unless another encoder has taken over: `end` then ends what is
    /// played before anybody is told. Whether it has ended.
    pub(crate) fn leave(&self, seat: &Seat, now: OffsetDateTime, end: impl FnOnce()) -> bool {
        let mut air = lock(&self.air);
        match air.live_mut(&seat.arn).filter(|session| session.id == seat.stream_id) {
            Some(session) if session.seat != seat.number => return false,
            Some(session) => {
                end();
                // It knows.
                session.publisher = None;
                self.end(&mut air, &seat.arn, now);
            }
            None => end(),
        }
        true
    }

    /// Ends the broadcast to a channel; whether there was one.
    pub(super) fn stop(&self, arn: &str, now: OffsetDateTime) -> bool {
        let mut air = lock(&self.air);
        let there = air.live_mut(arn).is_some();
        self.end(&mut air, arn, now);
        there
    }

    /// Passes metadata to the encoder's connection; `None` if nothing can be watched, `Some(false)` if it comes too
    /// often.
    pub(super) fn put_metadata(&self, arn: &str, text: &str, now: OffsetDateTime) -> Option<bool> {
        let mut air = lock(&self.air);
        air.live_mut(arn).filter(|session| session.is_live)?;
        let bucket = air.metadata.entry(arn.to_owned()).or_insert(TokenBucket::new(METADATA_RATE, METADATA_RATE));
        if !bucket.take(now) {
            return Some(false);
        }
        if let Some(publisher) = air.live_mut(arn).and_then(|session| session.publisher.as_ref()) {
            publisher.order(Order::Metadata(text.to_owned()));
        }
        Some(true)
    }

    /// Whether an encoder is connected to the channel, or it is on air without one.
    pub(super) fn is_taken(&self, arn: &str) -> bool {
        lock(&self.air).live_mut(arn).is_some()
    }

    /// Looks at the session of a channel in which something can be watched.
    pub(super) fn live<R>(&self, arn: &str, look: impl FnOnce(&Session) -> R) -> Option<R> {
        lock(&self.air).live_mut(arn).filter(|session| session.is_live).map(|session| look(session))
    }

    /// The summaries of all streams that can be watched, by channel ARN.
    pub(super) fn streams(&self) -> Vec<(String, Value)> {
        let air = lock(&self.air);
        let latest = air.sessions.values().filter_map(|sessions| sessions.back());
        let live = latest.filter(|session| session.ended.is_none() && session.is_live);
        live.map(|session| (session.channel.arn.clone(), session.stream_summary())).collect()
    }

    /// The sessions of a channel, the latest first.
    pub(super) fn sessions<R>(&self, arn: &str, look: impl Fn(&Session) -> R) -> Vec<R> {
        let air = lock(&self.air);
        air.sessions.get(arn).into_iter().flat_map(|sessions| sessions.iter().rev()).map(look).collect()
    }

    /// Forgets a channel that is deleted.
    pub(super) fn forget(&self, arn: &str) {
        let mut air = lock(&self.air);
        air.sessions.remove(arn);
        air.metadata.remove(arn);
    }

    /// Closes every connection and forgets everything, without an event.
    pub(super) fn clear(&self) {
        let mut air = lock(&self.air);
        air.sessions.values_mut().flatten().for_each(Session::dismiss);
        air.sessions.clear();
        air.metadata.clear();
    }

    fn begin(
        &self,
        air: &mut Air,
        target: Target,
        publisher: Option<Publisher>,
        priority: u32,
        now: OffsetDateTime,
    ) -> Seat {
        air.seats += 1;
        let mut session = Session::new(target, publisher, priority, air.seats, now);
        self.emit(&mut session, &StreamEvent::SessionCreated, now);
        let seat = Seat::of(&session);
        let sessions = air.sessions.entry(seat.arn.clone()).or_default();
        sessions.push_back(session);
        if sessions.len() > KEPT {
            sessions.pop_front();
        }
        seat
    }

    fn end(&self, air: &mut Air, arn: &str, now: OffsetDateTime) {
        let Some(session) = air.live_mut(arn) else { return };
        session.dismiss();
        session.ended = Some(now);
        self.emit(session, &StreamEvent::SessionEnded, now);
        if session.is_live {
            self.emit(session, &StreamEvent::End, now);
        }
    }

    fn go_live(&self, session: &mut Session, now: OffsetDateTime) -> bool {
        let is_news = !std::mem::replace(&mut session.is_live, true);
        if is_news {
            self.emit(session, &StreamEvent::Start, now);
        }
        is_news
    }

    fn set_health(&self, session: &mut Session, health: &str, now: OffsetDateTime) {
        let was_starving = session.health == "STARVING";
        health.clone_into(&mut session.health);
        match (was_starving, health == "STARVING") {
            (false, true) => self.emit(session, &StreamEvent::StarvationStart, now),
            (true, false) => self.emit(session, &StreamEvent::StarvationEnd, now),
            _ => {}
        }
    }

    /// Does something with the session of a seat that is still the encoder's.
    fn with(&self, seat: &Seat, act: impl FnOnce(&mut Session)) {
        if let Some(session) = lock(&self.air).live_mut(&seat.arn).filter(|session| session.seat == seat.number) {
            act(session);
        }
    }

    fn emit(&self, session: &mut Session, event: &StreamEvent, now: OffsetDateTime) {
        session.record(event, now);
        if let Some(sink) = self.sink.get() {
            sink(event.to_event(&session.channel.arn, &session.channel.name, &session.id), now);
        }
    }
}

/// A broadcast that the side door changes.
pub(super) struct Pretended<'a> {
    session: &'a mut Session,
    on_air: &'a OnAir,
    now: OffsetDateTime,
}

impl Pretended<'_> {
    pub(super) fn set_health(&mut self, health: &str) {
        self.on_air.set_health(self.session, health, self.now);
    }

    pub(super) fn set_viewers(&mut self, viewers: i64) {
        self.session.viewers = viewers;
    }
}

impl Air {
    /// The session of a channel that has not ended.
    fn live_mut(&mut self, arn: &str) -> Option<&mut Session> {
        self.sessions.get_mut(arn)?.back_mut().filter(|session| session.ended.is_none())
    }
}
