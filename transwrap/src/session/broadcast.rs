//! One broadcast on this server: its lease, its pipeline, and whichever browser has it now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::broadcast::{BroadcastRow, EndReason, IngestKind, Phase, RENEW_EVERY, Redemption, Standing, priority};
use model::{Error, Timestamp};
use rtmp::StreamKey;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until, timeout};

use super::command::{Browser, Command, Output, Said};
use super::failures::Failures;
use super::lease::{Kept, Lease};
use super::roster::{Drain, Place};
use super::shared::Shared;
use crate::ingest::{End, Target};
use crate::media::RecordingFailure;
use crate::protocol::{Close, ServerMessage, State};
use crate::{Event, Options, Pipeline, WaitsFor};

#[cfg(test)]
mod tests;

/// How long a broadcast waits for its browser to come back here; its row says for how long it may elsewhere.
const COMES_BACK: Duration = Duration::from_secs(10);
/// At which of its renewals a broadcast looks a second time for another one of its target; the first is at its beginning.
const LOOKS_AGAIN: u32 = 2;
/// How soon a lease is renewed again if nobody knows whether it was.
const RENEW_AGAIN: Duration = Duration::from_secs(1);
/// How long a draining server goes on.
pub const MOVES_WITHIN: Duration = Duration::from_secs(25);
/// How long its row may take to hear that it has left.
const TELLS: Duration = Duration::from_secs(1);
/// How long the pipeline may take to send what there is.
const FINISHES: Duration = Duration::from_secs(6);
/// How long the browser whose attempt supersedes this one may take to come here, rather than elsewhere.
const HEIR: Duration = Duration::from_millis(500);

/// Why the broadcast is over here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// It has ended.
    Ended(EndReason),
    /// It is another attempt's.
    Superseded,
    /// It may go on elsewhere: the lease lapses by itself.
    Left(Close),
}

/// Why a broadcast does not begin here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// It cannot, here or elsewhere: it ends.
    Ends(EndReason),
    /// Not now, or not for this browser. The broadcast stays as it is, and another ticket may open it.
    Closed(Close),
}

impl NotBegun {
    /// What a target comes to that cannot be had.
    fn of(error: &Error) -> Self {
        match error {
            Error::NotFound(_) | Error::Forbidden(_) => Self::Ends(EndReason::TargetRefused),
            // A key that is being replaced, or a table that does not answer: that passes.
            Error::Busy { .. } | Error::Unavailable { .. } => Self::Closed(Close::Internal),
            _ => Self::Ends(EndReason::IngestUnreachable),
        }
    }
}

/// Takes a broadcast whose ticket was redeemed, until it is over here. Answers how to reach it, or why it does not begin.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    row: Box<BroadcastRow>,
    browser: Browser,
    mut place: Place,
) -> Result<(mpsc::Sender<Command>, Arc<Pipeline>), NotBegun> {
    let lease = Lease::of(&browser.redemption, Timestamp::now());
    let target = shared.targets.resolve(&row).await.map_err(|error| {
        tracing::warn!(broadcast.id = %row.id, error = &error as &dyn std::error::Error, "its target cannot be had");
        NotBegun::of(&error)
    })?;
    // Whatever else is known: the other one has to be told.
    let has_rival = make_room(shared, &row).await;
    let takes_over = row.take_over || row.live_at.is_some() || has_rival;
    let target = Target {
        trusted: target.is_trusted(),
        priority: (target.kind == IngestKind::Ivs).then(|| priority(browser.redemption.redeemed_at)),
        key: StreamKey::new(target.key.expose().to_owned()),
        url: target.url,
        takes_over,
    };
    let options = Options { target, tls: Arc::clone(&shared.tls), ffmpeg: shared.ffmpeg.clone() };
    if lease.is_over() {
        tracing::warn!(broadcast.id = %row.id, "it has taken too long to begin");
        return Err(NotBegun::Closed(Close::Internal));
    }
    let (pipeline, events) = Pipeline::start(options).map_err(|refused| {
        tracing::warn!(broadcast.id = %row.id, %refused, "its target is refused");
        NotBegun::Ends(EndReason::TargetRefused)
    })?;
    let (commands, received) = mpsc::channel(16);
    place.enter(&row.id, commands.clone());
    let pipeline = Arc::new(pipeline);
    let broadcast = Broadcast::new(shared, row, browser, lease, Arc::clone(&pipeline));
    tokio::spawn(broadcast.run(place, received, events));
    Ok((commands, pipeline))
}

/// Has the other broadcast of the same target end, if there is one. True: there is, or was until just now.
async fn make_room(shared: &Shared, row: &BroadcastRow) -> bool {
    match shared.table.standing(row).await {
        Ok(Standing::TakesOver(other)) => {
            shared.table.take_over(&other, Timestamp::now()).await.unwrap_or_else(|error| {
                tracing::warn!(broadcast.id = %other, error = &error as &dyn std::error::Error, "it cannot be told to end");
                true
            })
        }
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(broadcast.id = %row.id, error = &error as &dyn std::error::Error, "its rivals are not known");
            false
        }
    }
}

/// When a lease is renewed: at once, and then from time to time.
fn renewals() -> Interval {
    let mut renewals = interval(RENEW_EVERY);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    renewals
}

struct Broadcast {
    row: Box<BroadcastRow>,
    /// What has it now.
    redemption: Redemption,
    lease: Lease,
    renewals: Interval,
    browser: Option<mpsc::Sender<Output>>,
    shared: Arc<Shared>,
    pipeline: Arc<Pipeline>,
    state: State,
    gone_at: Option<Instant>,
    begun: Instant,
    live_after: Option<Duration>,
    received: u64,
    sent: u64,
    failures: Failures,
    /// Why it ends, once what there is has been sent, and since when.
    stopping: Option<(EndReason, Instant)>,
}

impl Broadcast {
    fn new(
        shared: &Arc<Shared>,
        row: Box<BroadcastRow>,
        browser: Browser,
        lease: Lease,
        pipeline: Arc<Pipeline>,
    ) -> Self {
        Self {
            redemption: browser.redemption,
            lease,
            renewals: renewals(),
            browser: Some(browser.outputs),
            shared: Arc::clone(shared),
            row,
            pipeline,
            state: State::Connecting { waits_for: "ingest" },
            gone_at: None,
            begun: Instant::now(),
            live_after: None,
            received: 0,
            sent: 0,
            failures: Failures::default(),
            stopping: None,
        }
    }

    async fn run(
        mut self,
        place: Place,
        mut received: mpsc::Receiver<Command>,
        mut events: mpsc::UnboundedReceiver<Event>,
    ) {
        let shared = Arc::clone(&self.shared);
        let mut drain = shared.roster.drain();
        if *drain.borrow_and_update() == Drain::Moving {
            self.tell_to_move();
        }
        let mut ticks = 0;
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let over = loop {
            let over = tokio::select! {
                event = events.recv() => self.on_event(event, &place).await,
                Some(command) = received.recv() => self.on_command(command).await,
                _ = self.renewals.tick() => {
                    ticks += 1;
                    // The index by target may have been behind when the broadcast began. The lease does not wait for that.
                    if ticks == LOOKS_AGAIN {
                        let (shared, row) = (Arc::clone(&shared), self.row.clone());
                        tokio::spawn(async move { make_room(&shared, &row).await });
                    }
                    self.renew().await
                }
                () = sleep_until(self.lease.ends_at()) => Some(self.lapse()),
                _ = seconds.tick() => self.on_second(),
                Ok(()) = drain.changed() => match *drain.borrow_and_update() {
                    Drain::No => None,
                    Drain::Moving => {
                        self.tell_to_move();
                        None
                    }
                    Drain::Over => Some(Over::Left(Close::Draining)),
                },
            };
            let over = match over {
                Some(Over::Superseded) => self.await_heir(&mut received).await,
                over => over,
            };
            if let Some(over) = over {
                break over;
            }
        };
        self.finish(over).await;
        drop(place);
    }

    async fn on_event(&mut self, event: Option<Event>, place: &Place) -> Option<Over> {
        match event? {
            Event::Connecting(waits_for) => {
                let waits_for = match waits_for {
                    WaitsFor::Ingest => "ingest",
                    WaitsFor::Media => "media",
                };
                self.set_state(State::Connecting { waits_for });
                None
            }
            Event::Recording { copies_video } => {
                let fits = place.set_copies_video(copies_video);
                if !fits {
                    tracing::warn!(broadcast.id = %self.row.id, "there is no room to transcode it");
                }
                // Elsewhere there may be.
                (!fits && self.stopping.is_none()).then_some(Over::Left(Close::NoRoom))
            }
            Event::Live => {
                self.live_after.get_or_insert_with(|| self.begun.elapsed());
                self.set_state(State::Live);
                // At once: whoever asks the API is told by the row.
                self.renew().await
            }
            Event::Reconnecting { attempt, go } => {
                self.set_state(State::Reconnecting { attempt });
                // Another one may have taken the ingest from this one, by right.
                self.lease.allow(go);
                self.renew().await
            }
            Event::RecordingFailed(failure) => {
                if failure.is_unusable() || self.failures.are_too_many(Instant::now()) {
                    // Without an FFmpeg, no recording is to blame: it may do on another server.
                    let is_ours = failure == RecordingFailure::NotStarted;
                    return Some(if is_ours {
                        Over::Left(Close::Internal)
                    } else {
                        Over::Ended(EndReason::UnusableMedia)
                    });
                }
                self.say(ServerMessage::Restart { reason: failure.to_string() });
                None
            }
            Event::Ended(end) => Some(match end {
                End::Stopped | End::Withdrawn => match self.stopping {
                    Some((reason, _)) => Over::Ended(reason),
                    // It was not let connect anew for an attempt that has come here meanwhile: nobody has stopped that one.
                    None if end == End::Withdrawn => Over::Left(Close::Internal),
                    None => Over::Ended(EndReason::Stopped),
                },
                End::KeyRefused => Over::Ended(EndReason::KeyRefused),
                End::TargetRefused(_) => Over::Ended(EndReason::TargetRefused),
                End::IngestUnreachable => Over::Ended(EndReason::IngestUnreachable),
            }),
        }
    }

    async fn on_command(&mut self, command: Command) -> Option<Over> {
        match command {
            Command::Attach { row, browser, reply } => {
                // Two may have come at once, and the later one been faster.
                if browser.redemption.redeemed_at < self.redemption.redeemed_at {
                    let _ = reply.send(None);
                    return None;
                }
                if let Some(old) = self.browser.replace(browser.outputs) {
                    let _ = old.try_send(Output::Close(Close::Superseded));
                }
                (self.redemption, self.row) = (browser.redemption, row);
                self.lease.pass_on(Lease::of(&self.redemption, Timestamp::now()));
                self.gone_at = None;
                self.received = 0;
                let _ = reply.send(Some(Arc::clone(&self.pipeline)));
                tracing::info!(broadcast.id = %self.row.id, "its browser is back");
                self.say(ServerMessage::State(self.state));
                self.renew().await
            }
            // Of a browser that has the broadcast no more.
            Command::Said { attempt, .. } if attempt != self.redemption.attempt => None,
            Command::Said { said: Said::Received(bytes), .. } => {
                self.received = bytes;
                None
            }
            Command::Said { said: Said::Gone, .. } => {
                self.browser = None;
                self.gone_at = Some(Instant::now());
                tracing::info!(broadcast.id = %self.row.id, "its browser is lost");
                self.renew().await
            }
            Command::Said { said: Said::End(reason), .. } => {
                if self.stopping.is_none() {
                    self.stopping = Some((reason, Instant::now()));
                    // What there is goes out first; the pipeline then says that it has ended.
                    let pipeline = Arc::clone(&self.pipeline);
                    tokio::spawn(async move { pipeline.finish().await });
                }
                None
            }
        }
    }

    /// The attempt that has the broadcast now may be of this very server, and its browser about to come: then it goes on.
    async fn await_heir(&mut self, received: &mut mpsc::Receiver<Command>) -> Option<Over> {
        let heir = async {
            while let Some(command) = received.recv().await {
                if matches!(command, Command::Attach { .. }) {
                    return Some(command);
                }
            }
            None
        };
        match timeout(HEIR, heir).await {
            Ok(Some(command)) => self.on_command(command).await,
            Ok(None) | Err(_) => Some(Over::Superseded),
        }
    }

    fn on_second(&mut self) -> Option<Over> {
        if self.gone_at.is_some_and(|gone_at| gone_at.elapsed() >= COMES_BACK) {
            return Some(Over::Left(Close::Internal));
        }
        if let Some((reason, since)) = self.stopping
            && since.elapsed() >= FINISHES
        {
            return Some(Over::Ended(reason));
        }
        let stats = self.pipeline.stats();
        let sent_kbps = stats.sent_bytes.saturating_sub(self.sent) * 8 / 1000;
        self.sent = stats.sent_bytes;
        self.say(ServerMessage::Stats {
            received_bytes: self.received,
            sent_bytes: stats.sent_bytes,
            sent_kbps,
            dropped_frames: stats.dropped_frames,
            buffered_ms: stats.buffered_ms,
        });
        None
    }

    /// Renews the lease, and hears whether the broadcast is to end.
    async fn renew(&mut self) -> Option<Over> {
        let phase = match (self.gone_at, self.state) {
            (Some(_), _) => Phase::Interrupted,
            (None, State::Live) => Phase::Live,
            (None, State::Connecting { .. } | State::Reconnecting { .. }) => Phase::Connecting,
        };
        let (id, attempt) = (&self.row.id, &self.redemption.attempt);
        match self.lease.renew(self.shared.table.renew(id, attempt, phase, Timestamp::now())).await {
            Kept::Owned(row) => row.end_requested.map(Over::Ended),
            Kept::Superseded => Some(Over::Superseded),
            Kept::Unknown(error) => {
                tracing::warn!(broadcast.id = %self.row.id, error = &error as &dyn std::error::Error, "its lease may not be renewed");
                self.renewals.reset_after(RENEW_AGAIN);
                None
            }
            Kept::Lapsed => Some(self.lapse()),
        }
    }

    /// Somebody else may have it in a moment.
    fn lapse(&self) -> Over {
        tracing::warn!(broadcast.id = %self.row.id, "its lease was not renewed in time");
        Over::Left(Close::Internal)
    }

    async fn finish(mut self, over: Over) {
        // The browser's connection holds the pipeline, too, and may be stuck for seconds: another attempt may publish by now.
        self.pipeline.stop();
        let (reason, close) = match over {
            Over::Ended(reason) => (reason.as_str(), Close::of(reason)),
            Over::Superseded => ("superseded", Close::Superseded),
            Over::Left(close) => ("left", close),
        };
        if let Over::Ended(reason) = over {
            self.shared.record_end(&self.row.id, &self.redemption.attempt, reason).await;
            self.say(ServerMessage::end(reason));
        }
        if let Some(browser) = self.browser.take() {
            let _ = browser.try_send(Output::Close(close));
        }
        if over == Over::Left(Close::NoRoom) {
            // Until it is elsewhere. If it never is, the browser was lost, and no server.
            self.gone_at = Some(Instant::now());
            // Not for long: until this is over, a page that comes back is given to this broadcast.
            let _ = timeout(TELLS, self.renew()).await;
        }
        tracing::info!(
            broadcast.id = %self.row.id,
            reason,
            seconds = self.begun.elapsed().as_secs(),
            live_after_ms = self.live_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            sent_bytes = self.pipeline.stats().sent_bytes,
            dropped_frames = self.pipeline.stats().dropped_frames,
            "a broadcast is over here"
        );
    }

    fn set_state(&mut self, state: State) {
        self.state = state;
        self.say(ServerMessage::State(state));
    }

    fn tell_to_move(&self) {
        self.say(ServerMessage::Move { within_seconds: MOVES_WITHIN.as_secs() });
    }

    /// A browser that does not read is not waited for: it is told the next time.
    fn say(&self, message: ServerMessage) {
        if let Some(browser) = &self.browser {
            let _ = browser.try_send(Output::Message(message));
        }
    }
}
