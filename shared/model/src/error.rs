//! One error type for every operation, independent of HTTP. `lambda::http` turns it into an answer in one place.

use std::time::Duration;

use crate::Timestamp;

/// The cause of a failure, for the log only. It never reaches a caller.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why an operation failed. `Display` is what the caller may read; the source is for the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Values that could not be parsed: every bad field of the request at once.
    #[error("the request has invalid fields")]
    InvalidRequest(Vec<FieldError>),
    /// The body is not the JSON object that it should be.
    #[error("the body is not a JSON object: {0}")]
    MalformedBody(String),
    /// The body is declared as something else than JSON.
    #[error("the body must be JSON, sent with the header content-type: application/json")]
    UnsupportedMediaType,
    /// The body is longer than any valid request, in bytes.
    #[error("the body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The longest body that is read, in bytes.
        limit: usize,
    },
    /// The authorizer let the request through, but its token names no usable user.
    #[error("the access token has no usable sub claim")]
    Unauthenticated,
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(Denial),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The request contradicts the present state.
    #[error("{0}")]
    Conflict(Conflict),
    /// Another request is at work on the same thing.
    #[error("the {resource} is being worked on by another request; try again")]
    Busy {
        /// What is being worked on, such as `stage`.
        resource: &'static str,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// Whoever worked on the same thing before has died, and its recovery is asked for.
    #[error("an earlier request for the {0} was cut short and is being finished; try again")]
    Unfinished(&'static str),
    /// One user asks for more than one user may.
    #[error("you ask for too many of these; wait a moment")]
    TooManyRequests {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// No transwrap server has room for another broadcast.
    #[error("no server has room for a broadcast now; try again")]
    NoServer,
    /// A user is barred, but not yet kept from joining with a token that they hold.
    #[error(
        "the user gets no participant token any more, but can join with one that IVS could not revoke yet, until {until} \
         at the latest; try again"
    )]
    RemovalPending {
        /// When the last of those tokens ends.
        until: Timestamp,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// A quota of the account is used up: ours to raise, not the caller's to fix.
    #[error("a limit of this deployment is reached; try again later")]
    QuotaExceeded(#[source] Source),
    /// A dependency is throttling, slow, unreachable or broken; the same request may succeed later.
    #[error("the service is busy; try again")]
    Unavailable {
        /// What the dependency said.
        #[source]
        source: Source,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// A bug or a broken set-up.
    #[error("something went wrong on our side")]
    Internal(#[source] Source),
}

impl Error {
    /// A dependency failed in a way that passes; ask again in a second.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable { source: source.into(), retry_after: Duration::from_secs(1) }
    }

    /// A bug or a broken set-up.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// The same failure, with a later moment to try again.
    #[must_use]
    pub fn retry_after(self, retry_after: Duration) -> Self {
        match self {
            Self::Unavailable { source, .. } => Self::Unavailable { source, retry_after },
            other => other,
        }
    }
}

impl Error {
    /// What is behind it, for the log: each cause in a row.
    pub fn causes(&self) -> Option<String> {
        std::error::Error::source(self).map(chain)
    }
}

/// An error and its causes in a row.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// One bad field of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field as the caller knows it: `durationMinutes`, `stage`, `limit`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FieldError {
    /// One bad field.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// Why a known caller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Only the owner may.
    #[error("only the owner may do this")]
    NotOwner,
    /// The caller's token does not have the claim of those who may create.
    #[error("there is none of this name, and you may not create one")]
    NotCreator,
    /// The channel is private, and its owner has not invited this user to watch it.
    #[error("the owner of the channel has not invited you to watch it")]
    NotInvited,
    /// The owner has closed the doors (`doors: closed`).
    #[error("the stage is closed; its owner can open it")]
    StageClosed,
    /// The owner disconnected this user and has not granted a return.
    #[error("the owner, or a moderator of the chat, has removed you")]
    Removed,
    /// Only the owner and the moderators of a chat may.
    #[error("only the owner and the moderators of the chat may do this")]
    NotModerator,
    /// Nobody moderates the owner, nor a moderator but the owner.
    #[error("nobody moderates the owner, and the owner alone moderators")]
    Protected,
    /// What calls the RTMP hook does not know its secret.
    #[error("the hook's secret is missing or wrong")]
    HookSecret,
    /// The RTMP server asks about a publisher that may not broadcast.
    #[error("this publisher may not broadcast")]
    Publisher,
    /// The RTMP server asks about a second publisher of what is on air.
    #[error("another publisher is on air under this name")]
    OnAir,
    /// More capabilities asked for than granted.
    #[error("you may not have all of these capabilities on this stage")]
    Capabilities,
}

/// How a request contradicts the present state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// It exists already, with other options: one entry per option that differs.
    #[error("it exists already with other options")]
    OptionsDiffer(Vec<FieldError>),
    /// `exchange` without a token that is still valid.
    #[error("you hold no valid participant token to exchange; ask for one without exchange")]
    NothingToExchange,
    /// Only tokens signed by this deployment's own key can be exchanged.
    #[error("participant tokens cannot be exchanged, because this deployment does not sign its own")]
    ExchangeNotSupported,
    /// A live channel cannot be deleted.
    #[error("the channel is live; stop the broadcast first")]
    Live,
    /// Somebody broadcasts to the target already.
    #[error("this is on air already; \"takeOver\": true takes it over")]
    OnAir,
    /// Another ticket for a broadcast that is over.
    #[error("the broadcast has ended; begin another one")]
    BroadcastEnded,
    /// A playback token for a channel that anybody may watch.
    #[error("the channel is not private: its playbackUrl needs no token")]
    NotPrivate,
    /// Invitations to a channel that whoever is signed in may watch, or anybody.
    #[error("nobody is invited to this channel: its admission is open, or it is not private")]
    NotByInvitation,
    /// Private channels need a playback key, and none is configured.
    #[error("this deployment has no playback key to sign with")]
    PlaybackNotSupported,
    /// Self-hosted channels need a server, and none is configured.
    #[error("this deployment has no RTMP server of its own to host a channel")]
    SelfHostedNotSupported,
    /// Somebody in the chat has that name, or one that looks like it.
    #[error("somebody in the chat has this name, or one that looks like it")]
    NameTaken,
    /// The user holds as many unexpired tokens as one user may.
    #[error("you hold as many unexpired participant tokens for this stage as one user may")]
    TooManyTokens,
    /// The caller owns as many stages as this deployment lets one user own.
    #[error("you own {most} stages, which is as many as one user may; delete one first")]
    TooManyStages {
        /// How many.
        most: u32,
    },
    /// The caller owns as many channels as this deployment lets one user own.
    #[error("you own {most} channels, which is as many as one user may; delete one first")]
    TooManyChannels {
        /// How many.
        most: u32,
    },
}
