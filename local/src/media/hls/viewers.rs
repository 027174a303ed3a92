//! Who watches.

use std::collections::HashMap;
use std::sync::Mutex;

use time::{Duration, OffsetDateTime};

use crate::plumbing::ids;
use crate::plumbing::sync::lock;

/// A player asks for the playlist at least once a target duration; one that has not for five of them is gone.
const WATCHING: Duration = Duration::seconds(10);
/// A session that was not used for so long is forgotten. One of a private channel then needs a token again.
const REMEMBERED: Duration = Duration::hours(1);
/// Sessions that are remembered at most: as many views as IVS has quota for.
const MOST: usize = 15_000;

/// The sessions of viewers. Whoever knows a session's id may watch, so nothing shows it.
#[derive(Default)]
pub(super) struct Viewers(Mutex<HashMap<String, Session>>);

/// Whom a private channel's token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Viewer {
    /// The token's `aws:viewer-id`.
    pub(crate) id: String,
    /// Its `aws:viewer-session-version`.
    pub(crate) version: i64,
}

/// The id of a session that nobody has.
pub(super) fn unused() -> String {
    ids::alphanumeric(32)
}

struct Session {
    channel_id: String,
    stream_id: String,
    viewer: Option<Viewer>,
    used: OffsetDateTime,
    /// When it last asked for the media playlist.
    watched: Option<OffsetDateTime>,
}

impl Viewers {
    /// Opens a session for a broadcast (its channel and stream), and says its id, which cannot be guessed.
    pub(super) fn open(&self, broadcast: (&str, &str), viewer: Option<Viewer>, now: OffsetDateTime) -> String {
        let id = unused();
        self.admit(&id, broadcast, viewer, now);
        id
    }

    /// Opens a session under this id, which the viewer has from an earlier time.
    pub(super) fn admit(
        &self,
        id: &str,
        (channel_id, stream_id): (&str, &str),
        viewer: Option<Viewer>,
        now: OffsetDateTime,
    ) {
        let mut sessions = lock(&self.0);
        sessions.retain(|_, session| now - session.used <= REMEMBERED);
        if sessions.len() >= MOST
            && let Some(longest) = sessions.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone())
        {
            sessions.remove(&longest);
        }
        let (channel_id, stream_id) = (channel_id.to_owned(), stream_id.to_owned());
        sessions.insert(id.to_owned(), Session { channel_id, stream_id, viewer, used: now, watched: None });
    }

    /// Whose session it is, if a token said so.
    pub(super) fn viewer(&self, id: &str) -> Option<Viewer> {
        lock(&self.0).get(id)?.viewer.clone()
    }

    /// Whether the session is one for this broadcast; it is then in use. `watches` says that it asks for the playlist.
    pub(super) fn uses(&self, id: &str, stream_id: &str, watches: bool, now: OffsetDateTime) -> bool {
        let mut sessions = lock(&self.0);
        let Some(session) = sessions.get_mut(id).filter(|session| session.stream_id == stream_id) else {
            return false;
        };
        session.used = now;
        if watches {
            session.watched = Some(now);
        }
        true
    }

    /// How many watch the channel.
    pub(super) fn count(&self, channel_id: &str, now: OffsetDateTime) -> u64 {
        let sessions = lock(&self.0);
        let watching = |session: &&Session| session.watched.is_some_and(|watched| now - watched <= WATCHING);
        sessions.values().filter(|session| session.channel_id == channel_id).filter(watching).count() as u64
    }
}
