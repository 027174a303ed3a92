//! Why a connection to the ingest came to nothing, or to an end.

use std::io;

/// A target that is not to be connected to, however often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetRefused {
    /// Not a URL of RTMP or RTMPS with an application.
    #[error("not an rtmp or rtmps URL with a host and an application")]
    Url,
    /// Its name stands for an address that is not of the public internet.
    #[error("the ingest's name resolves to an address that is not public")]
    PrivateAddress,
    /// Its certificate is not of its name, or of nobody who is trusted.
    #[error("the ingest's certificate is not valid for its name")]
    Certificate,
}

/// What went wrong. No text holds the key: the server's own is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Not to be tried again.
    #[error(transparent)]
    Target(#[from] TargetRefused),
    /// The name is not known.
    #[error("the ingest's name does not resolve")]
    Unresolved(#[source] io::Error),
    /// Nobody answers at any of its addresses.
    #[error("the ingest cannot be connected to")]
    Unreachable(#[source] io::Error),
    /// It says no to the key.
    #[error("the ingest refuses the key ({code})")]
    Refused {
        /// Its code, such as `NetStream.Publish.BadName`.
        code: String,
        /// Whether the reason may be that somebody publishes with the key already, such as a connection that nobody has noticed
        /// the end of.
        busy: bool,
    },
    /// It closes when it is asked to take the publish, as nginx-rtmp does for a key that it does not take.
    #[error("the ingest closes without an answer")]
    Unanswered,
    /// It does not get to the point within the time that it has.
    #[error("the ingest does not answer in time")]
    Slow,
    /// It takes no bytes any more.
    #[error("the ingest takes no bytes")]
    Stalled,
    /// It has ended the publish.
    #[error("the ingest ended the publish")]
    Stopped,
    /// The connection broke.
    #[error("the connection to the ingest broke")]
    Broken(#[source] io::Error),
    /// It does not speak RTMP as it should.
    #[error("the ingest breaks the protocol")]
    Protocol(#[source] rtmp::Error),
}
