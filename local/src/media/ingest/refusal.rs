//! What an encoder is told that does not come in. Encoders write it into their logs.

use rtmp::server::Reject;

use crate::aws::{Refusal, TakeoverFailure};

/// How RTMP says it, and why.
pub(super) fn to_encoder(refusal: Refusal) -> (Reject, &'static str) {
    match refusal {
        Refusal::UnknownKey => (Reject::Unauthorized, "the stream key is not that of any channel"),
        Refusal::Insecure => (
            Reject::Unauthorized,
            "the channel takes RTMPS alone: use the rtmps URL, or start the local cloud with --insecure-ingest",
        ),
        Refusal::OnAir => (Reject::BadName, "the channel is on air already"),
        Refusal::Takeover(TakeoverFailure::MediaMismatch) => {
            (Reject::BadName, "codec or resolution differ from those of the stream to take over")
        }
        Refusal::Takeover(TakeoverFailure::InvalidPriority) => {
            (Reject::BadName, "to take the stream over, priority must be a number above that of its encoder")
        }
        Refusal::Takeover(TakeoverFailure::LimitBreached) => {
            (Reject::BadName, "the stream has been taken over too often")
        }
    }
}

/// The value of a key in the query that follows a stream key.
pub(super) fn argument(query: &str, key: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}
