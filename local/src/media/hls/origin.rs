//! Where players come to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{Method, header};
use time::OffsetDateTime;

use super::answer::{finish, media, playlist, preflight, problem};
use super::archive::Archive;
use super::broadcast::{Broadcast, Wait};
use super::path::{self, Resource, Target};
use super::viewers::{self, Viewer, Viewers};
use crate::plumbing::http_server::{Answer, set_header};
use crate::plumbing::sync::lock;

/// Broadcasts of one channel that are served after their end, at most: one that comes and goes must not fill the memory.
const ENDED_BROADCASTS: usize = 2;

/// Who may watch what, which is for IVS to say.
pub(crate) trait Access: Send + Sync {
    /// Whether playback may begin, and whose it is if the token says so. Asked once for each master playlist.
    ///
    /// # Errors
    /// The reason why not.
    fn play(&self, view: &View<'_>, now: OffsetDateTime) -> Result<Option<Viewer>, String>;

    /// Whether the viewer's session was revoked since it began.
    fn is_revoked(&self, playback_url_path: &str, viewer: &Viewer) -> bool;
}

/// What a player asks for. No `Debug`: the token is a secret.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// The path of the channel's playback URL.
    pub(crate) playback_url_path: &'a str,
    /// The playback token.
    pub(crate) token: Option<&'a str>,
    /// The origin of the page.
    pub(crate) origin: Option<&'a str>,
    /// Whether it begins to play, so that a token for a single use is used up; else it only looks.
    pub(crate) begins: bool,
}

/// All broadcasts that are on air, or were lately.
#[derive(Default)]
pub(crate) struct Origin {
    archive: Arc<Archive>,
    broadcasts: Mutex<Vec<Arc<Broadcast>>>,
    viewers: Viewers,
    next: AtomicU64,
}

impl Origin {
    /// A broadcast of the channel begins at `start`. One that is still on air ends; it stays served under its own URLs for a
    /// while.
    pub(crate) fn begin(&self, channel_id: &str, stream_id: &str, start: OffsetDateTime) -> Arc<Broadcast> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let broadcast = Arc::new(Broadcast::new(number, (channel_id, stream_id), self.archive.clone(), start));
        let mut broadcasts = lock(&self.broadcasts);
        let mut earlier = 0;
        // The latest are last.
        for other in broadcasts.iter().rev().filter(|other| other.channel_id == channel_id) {
            other.end();
            earlier += 1;
        }
        broadcasts.retain(|other| {
            let too_many = other.channel_id == channel_id && earlier > ENDED_BROADCASTS;
            earlier -= usize::from(too_many);
            !too_many && !other.is_over()
        });
        broadcasts.push(broadcast.clone());
        broadcast
    }

    /// How many watch the channel.
    pub(crate) fn viewers(&self, channel_id: &str, now: OffsetDateTime) -> u64 {
        self.viewers.count(channel_id, now)
    }

    /// Answers a player, at once or, when it asks for what comes next, as soon as that is there.
    pub(crate) async fn handle(&self, request: &Parts, access: &dyn Access, now: OffsetDateTime) -> Answer {
        let answer = match request.method {
            Method::GET | Method::HEAD => self.get(request, access, now).await,
            Method::OPTIONS => preflight(),
            _ => {
                let mut answer = problem(405, "only GET, HEAD and OPTIONS are answered");
                set_header(&mut answer, "allow", "GET, HEAD, OPTIONS");
                answer
            }
        };
        finish(answer, &request.method)
    }

    async fn get(&self, request: &Parts, access: &dyn Access, now: OffsetDateTime) -> Answer {
        let query = Query::parse(request.uri.query().unwrap_or_default());
        match path::parse(request.uri.path()) {
            None => problem(404, "there is nothing at this path"),
            Some(Target::Master { channel_id }) => {
                let view = View {
                    playback_url_path: request.uri.path(),
                    token: query.token.as_deref(),
                    origin: header(request, header::ORIGIN),
                    begins: request.method != Method::HEAD,
                };
                self.master(channel_id, &view, access, now)
            }
            Some(Target::Stream { stream_id, session, resource }) => {
                let Some(broadcast) = self.broadcast(|broadcast| broadcast.stream_id == stream_id) else {
                    return problem(404, "the broadcast is over");
                };
                if !self.admits(&broadcast, session, resource == Resource::Media, access, now) {
                    return problem(403, "the session is not one for this broadcast");
                }
                if self.is_revoked(&broadcast, session, access) {
                    return problem(403, "the viewer's session was revoked");
                }
                match resource {
                    Resource::Media => reload(&broadcast, &query).await,
                    resource => serve(&broadcast, resource, header(request, header::RANGE)).await,
                }
            }
        }
    }

    fn master(&self, channel_id: &str, view: &View<'_>, access: &dyn Access, now: OffsetDateTime) -> Answer {
        let live = self.broadcast(|broadcast| broadcast.channel_id == channel_id && !broadcast.has_ended());
        let Some(broadcast) = live.filter(|broadcast| broadcast.has_begun()) else {
            return problem(404, "the channel is not live");
        };
        let viewer = match access.play(view, now) {
            Ok(viewer) => viewer,
            Err(reason) => return problem(403, &reason),
        };
        let _ = broadcast.playback_path.set(view.playback_url_path.to_owned());
        let session = match view.begins {
            true => self.viewers.open((channel_id, &broadcast.stream_id), viewer, now),
            false => viewers::unused(),
        };
        match broadcast.master(&path::media(&broadcast.stream_id, &session)) {
            Some(text) => playlist(text),
            None => problem(404, "the channel is not live"),
        }
    }

    /// Whether a viewer who was let in is not any more.
    fn is_revoked(&self, broadcast: &Broadcast, session: &str, access: &dyn Access) -> bool {
        let viewer = self.viewers.viewer(session);
        let path = broadcast.playback_path.get();
        viewer.zip(path).is_some_and(|(viewer, path)| access.is_revoked(path, &viewer))
    }

    /// Whether the session may have something of the broadcast. A session that is forgotten is as good as a new one if the
    /// channel is for everybody.
    fn admits(
        &self,
        broadcast: &Broadcast,
        session: &str,
        watches: bool,
        access: &dyn Access,
        now: OffsetDateTime,
    ) -> bool {
        let stream_id = &broadcast.stream_id;
        if self.viewers.uses(session, stream_id, watches, now) {
            return true;
        }
        let public = |path: &String| {
            let view = View { playback_url_path: path, token: None, origin: None, begins: false };
            access.play(&view, now).is_ok()
        };
        if session.len() != 32 || !broadcast.playback_path.get().is_some_and(public) {
            return false;
        }
        self.viewers.admit(session, (&broadcast.channel_id, stream_id), None, now);
        self.viewers.uses(session, stream_id, watches, now)
    }

    /// The latest broadcast of this kind.
    fn broadcast(&self, is_it: impl Fn(&Broadcast) -> bool) -> Option<Arc<Broadcast>> {
        let mut broadcasts = lock(&self.broadcasts);
        broadcasts.retain(|broadcast| !broadcast.is_over());
        broadcasts.iter().rev().find(|broadcast| is_it(broadcast)).cloned()
    }
}

/// The media playlist, when it has what the query asks for.
async fn reload(broadcast: &Broadcast, query: &Query) -> Answer {
    let (number, part) = match (&query.number, &query.part) {
        (Ok(number), Ok(part)) => (*number, *part),
        (number, part) => {
            let reasons: Vec<_> = [number.as_ref().err(), part.as_ref().err()].into_iter().flatten().copied().collect();
            return problem(400, &reasons.join("; "));
        }
    };
    let waited = match number {
        Some(number) => broadcast.reload(number, part.and_then(|part| usize::try_from(part).ok())).await,
        None if part.is_some() => return problem(400, "_HLS_part needs _HLS_msn"),
        // Players without low latency take a playlist without a whole segment for broken: ffmpeg and mpv give up.
        None => match broadcast.reload(0, None).await {
            Wait::TimedOut => Wait::Over,
            waited => waited,
        },
    };
    match waited {
        Wait::Over => match broadcast.media() {
            Some(text) => playlist(text),
            None => problem(404, "there is nothing to play yet"),
        },
        Wait::TooFar => problem(400, "_HLS_msn and _HLS_part are too far ahead of the broadcast"),
        Wait::TimedOut => timed_out(),
    }
}

async fn serve(broadcast: &Broadcast, resource: Resource, range: Option<&str>) -> Answer {
    let data = match resource {
        Resource::Media => None,
        Resource::Init { version } => broadcast.init(version),
        Resource::Segment { number } => broadcast.segment(number),
        Resource::Part { number, index } => match broadcast.hinted(number, index).await {
            Wait::TimedOut => return timed_out(),
            Wait::Over | Wait::TooFar => broadcast.part(number, index),
        },
    };
    match data {
        Some(data) => media(data, range),
        None => problem(404, "it is not there, or not any more"),
    }
}

fn timed_out() -> Answer {
    let mut answer = problem(503, "nothing new came from the publisher");
    set_header(&mut answer, "retry-after", "1");
    answer
}

fn header(request: &Parts, name: header::HeaderName) -> Option<&str> {
    request.headers.get(name)?.to_str().ok()
}

/// What a URL's query says. No `Debug`: the token is a secret.
struct Query {
    token: Option<String>,
    number: Result<Option<u64>, &'static str>,
    part: Result<Option<u64>, &'static str>,
}

impl Query {
    fn parse(query: &str) -> Self {
        let value =
            |name| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
        let number = |name, reason| value(name).map(|value| value.parse().map_err(|_| reason)).transpose();
        Self {
            token: value("token").map(|token| token.into_owned()),
            number: number("_HLS_msn", "_HLS_msn is not a number"),
            part: number("_HLS_part", "_HLS_part is not a number"),
        }
    }
}
