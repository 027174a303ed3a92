//! What an encoder brings whose key was accepted.

use std::sync::Arc;

use bytes::Bytes;
use rtmp::amf::Value;
use rtmp::flv::{self, Audio, Video};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::Ingest;
use super::refusal::to_encoder;
use super::registry::Feed;
use super::tracks::Known;
use crate::aws::{Contender, Order, Refusal, Seat};
use crate::media::hls::MediaError;
use crate::plumbing::clock;

/// Messages of a contender that wait until its media are known, and their bytes: as many as a broadcast holds.
const HELD: usize = 256;
const HELD_BYTES: usize = 8 << 20;

/// Why this side ends a publication.
pub(super) enum Finish {
    /// IVS says so.
    Stopped,
    /// The connection cannot go on; it was logged already.
    Closed,
    /// No media came for too long.
    Silent,
    /// The media cannot be processed.
    Unusable(String),
    /// The media exceed what the channel's type takes.
    Breach,
    /// It was not to take the stream over.
    Refused(Refusal),
}

impl Finish {
    /// For the log.
    pub(super) fn reason(&self) -> Option<String> {
        Some(match self {
            Self::Closed => return None,
            Self::Stopped => "as its stream was stopped or another encoder has its place".to_owned(),
            Self::Silent => "as no media came".to_owned(),
            Self::Unusable(why) => format!("as its media cannot be used: {why}"),
            Self::Breach => "as its media exceed what the channel's type takes".to_owned(),
            Self::Refused(refusal) => format!("as {}", to_encoder(*refusal).1),
        })
    }
}

pub(super) struct Publication {
    state: State,
    /// What IVS asks. Once they are dropped, the encoder's place is free.
    orders: UnboundedReceiver<Order>,
    known: Known,
    last_media: Instant,
    window: Window,
}

enum State {
    OnAir(OnAir),
    /// Waits for its media to be known.
    Contends(Option<Box<Contender>>, Held),
}

/// Media that wait.
#[derive(Default)]
struct Held {
    messages: Vec<(u32, Media)>,
    bytes: usize,
}

struct OnAir {
    seat: Seat,
    feed: Arc<Feed>,
    has_started: bool,
    starves: bool,
}

enum Media {
    Video(Video),
    Audio(Audio),
}

/// Bits that came since a time.
struct Window {
    since: Instant,
    bytes: u64,
}

impl Publication {
    /// Begins a broadcast.
    pub(super) fn begin(ingest: &Ingest, seat: Seat, encoder: String, orders: UnboundedReceiver<Order>) -> Self {
        Self::new(State::OnAir(OnAir::enter(ingest, seat)), encoder, orders)
    }

    /// Waits to take another's place.
    pub(super) fn contend(contender: Contender, encoder: String, orders: UnboundedReceiver<Order>) -> Self {
        Self::new(State::Contends(Some(Box::new(contender)), Held::default()), encoder, orders)
    }

    fn new(state: State, encoder: String, orders: UnboundedReceiver<Order>) -> Self {
        let now = Instant::now();
        let window = Window { since: now, bytes: 0 };
        Self { state, orders, known: Known::of(encoder), last_media: now, window }
    }

    /// What IVS asks next. May be given up without losing anything.
    pub(super) async fn order(&mut self) -> Option<Order> {
        self.orders.recv().await
    }

    /// The channel, for the log.
    pub(super) fn channel(&self) -> &str {
        match &self.state {
            State::OnAir(on_air) => on_air.seat.channel(),
            State::Contends(..) => "an encoder that would take a stream over",
        }
    }

    pub(super) fn metadata(&mut self, ingest: &Ingest, fields: &[(String, Value)]) {
        self.known.metadata(fields);
        self.describe(ingest);
    }

    pub(super) fn video(&mut self, ingest: &Ingest, timestamp: u32, body: Bytes) -> Option<Finish> {
        self.count(body.len());
        match flv::video(body) {
            Ok(video) => {
                let described = self.known.video(&video);
                self.take(ingest, timestamp, Media::Video(video), described)
            }
            Err(error) => Some(self.fail(ingest, error.to_string())),
        }
    }

    pub(super) fn audio(&mut self, ingest: &Ingest, timestamp: u32, body: Bytes) -> Option<Finish> {
        self.count(body.len());
        match flv::audio(body) {
            Ok(audio) => {
                let described = self.known.audio(&audio);
                self.take(ingest, timestamp, Media::Audio(audio), described)
            }
            Err(error) => Some(self.fail(ingest, error.to_string())),
        }
    }

    /// Inserts timed metadata.
    pub(super) fn put_metadata(&self, text: &str) {
        if let State::OnAir(on_air) = &self.state {
            on_air.feed.with(&on_air.seat, |broadcast| broadcast.metadata(text));
        }
    }

    /// Looks at what time has brought about.
    pub(super) fn look(&mut self, ingest: &Ingest) -> Option<Finish> {
        let (limits, now) = (&ingest.limits, clock::now());
        let silence = self.last_media.elapsed();
        if silence >= limits.silence {
            return Some(Finish::Silent);
        }
        let State::OnAir(on_air) = &mut self.state else { return None };
        let tell = ingest.ivs.on_air();
        if silence >= limits.starvation && !on_air.starves {
            on_air.starves = true;
            ingest.log(format!("{}: media starve", on_air.seat.channel()));
            tell.starve(&on_air.seat, true, now);
        }
        let media = on_air.feed.broadcast.description();
        if self.known.measured(media.frame_rate, media.bits_per_second) {
            tell.describe(&on_air.seat, self.known.tracks().clone());
        }
        tell.count_viewers(&on_air.seat, ingest.origin.viewers(on_air.seat.channel_id(), now));
        let span = self.window.since.elapsed();
        if span >= limits.bitrate_window {
            let bits = (self.window.bytes as f64 * 8.0 / span.as_secs_f64()) as u64;
            self.window = Window { since: Instant::now(), bytes: 0 };
            return tell.breaches(&on_air.seat, bits, now).then_some(Finish::Breach);
        }
        None
    }

    /// The encoder is gone. Its broadcast ends with it, unless another one has taken over.
    pub(super) fn leave(self, ingest: &Ingest) {
        if let State::OnAir(on_air) = &self.state {
            on_air.leave(ingest);
        }
    }

    fn count(&mut self, bytes: usize) {
        self.last_media = Instant::now();
        self.window.bytes += bytes as u64;
    }

    fn take(&mut self, ingest: &Ingest, timestamp: u32, media: Media, described: bool) -> Option<Finish> {
        let is_frame = matches!(media, Media::Video(Video::Frame { .. }) | Media::Audio(Audio::Frame { .. }));
        match &mut self.state {
            State::OnAir(_) => {
                if described && let Some(finish) = self.describe(ingest) {
                    return Some(finish);
                }
                self.play(ingest, timestamp, media)
            }
            State::Contends(contender, held) => {
                // Nobody loses the place to media that cannot be used.
                if let Some(error) = media.unreadable(described) {
                    return Some(Finish::Unusable(error.to_string()));
                }
                held.bytes += media.length();
                held.messages.push((timestamp, media));
                if held.bytes > HELD_BYTES {
                    return Some(Finish::Unusable(MediaError::TooMuch.to_string()));
                }
                // Configurations come first: once a frame is there, the tracks are known.
                let is_known = is_frame && self.known.tracks().video.is_some();
                if !is_known && held.messages.len() < HELD {
                    return None;
                }
                let (contender, held) = (contender.take()?, std::mem::take(held));
                self.take_over(ingest, *contender, held)
            }
        }
    }

    fn take_over(&mut self, ingest: &Ingest, contender: Contender, held: Held) -> Option<Finish> {
        let seat = match ingest.ivs.take_over(contender, self.known.tracks(), clock::now()) {
            Ok(seat) => seat,
            Err(refusal) => return Some(Finish::Refused(refusal)),
        };
        ingest.log(format!("{}: another encoder has taken over, {}", seat.channel(), seat.stream_id()));
        self.state = State::OnAir(OnAir::enter(ingest, seat));
        let described = self.describe(ingest);
        let mut held = held.messages.into_iter();
        described.or_else(|| held.find_map(|(timestamp, media)| self.play(ingest, timestamp, media)))
    }

    /// Tells IVS what the tracks are; a resolution may be too much for the channel.
    fn describe(&self, ingest: &Ingest) -> Option<Finish> {
        let State::OnAir(on_air) = &self.state else { return None };
        let tell = ingest.ivs.on_air();
        tell.describe(&on_air.seat, self.known.tracks().clone());
        tell.breaches(&on_air.seat, 0, clock::now()).then_some(Finish::Breach)
    }

    /// Adds media to the broadcast.
    fn play(&mut self, ingest: &Ingest, timestamp: u32, media: Media) -> Option<Finish> {
        let State::OnAir(on_air) = &mut self.state else { return None };
        let added = on_air.feed.with(&on_air.seat, |broadcast| match media {
            Media::Video(video) => broadcast.video(timestamp, video),
            Media::Audio(audio) => broadcast.audio(timestamp, audio),
        });
        match added {
            // Another one has the place; the order to stop is on its way.
            None => return None,
            Some(Ok(())) => {}
            Some(Err(error)) => return Some(self.fail(ingest, error.to_string())),
        }
        if on_air.starves {
            on_air.starves = false;
            ingest.ivs.on_air().starve(&on_air.seat, false, clock::now());
        }
        if !on_air.has_started && on_air.feed.broadcast.has_begun() {
            on_air.has_started = true;
            // If it has taken over, this is news only if the one before did not come to say it.
            if ingest.ivs.on_air().start(&on_air.seat, clock::now()) {
                ingest.log(format!("{}: on air, {}", on_air.seat.channel(), on_air.seat.stream_id()));
            }
        }
        None
    }

    fn fail(&self, ingest: &Ingest, why: String) -> Finish {
        if let State::OnAir(on_air) = &self.state {
            ingest.ivs.on_air().fail(&on_air.seat, &why, clock::now());
        }
        Finish::Unusable(why)
    }
}

impl OnAir {
    fn enter(ingest: &Ingest, seat: Seat) -> Self {
        let feed = ingest.registry.enter(&seat, &ingest.origin);
        Self { seat, feed, has_started: false, starves: false }
    }

    fn leave(&self, ingest: &Ingest) {
        let end = || ingest.registry.end(self.seat.stream_id());
        if ingest.ivs.on_air().leave(&self.seat, clock::now(), end) {
            ingest.log(format!("{}: off the air, {}", self.seat.channel(), self.seat.stream_id()));
        }
    }
}

impl Media {
    /// Why it cannot be used, if it is a configuration of which nothing could be learnt.
    fn unreadable(&self, described: bool) -> Option<MediaError> {
        match self {
            Self::Video(Video::Config { .. }) if !described => Some(MediaError::VideoConfiguration),
            Self::Audio(Audio::Config { .. }) if !described => Some(MediaError::AudioConfiguration),
            _ => None,
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Video(Video::Config { record, .. }) | Self::Audio(Audio::Config { record }) => record.len(),
            Self::Video(Video::Frame { data, .. }) | Self::Audio(Audio::Frame { data }) => data.len(),
            Self::Video(Video::End | Video::Other) | Self::Audio(Audio::Other) => 0,
        }
    }
}
