//! Errors as RFC 9457 problems: the one place where an [`Error`] becomes HTTP.

use std::time::Duration;

use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use model::Error;
use model::error::{Conflict, Denial, FieldError};
use serde::Serialize;

/// `application/problem+json`. `type` is a stable word that clients may rely on; `detail` is for people.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// API Gateway's id of the request, which is in the log, too.
    instance: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// Declares what each error is to a caller: the match is exhaustive, and the list of it cannot differ.
macro_rules! problems {
    ($($error:pat => $status:ident, $slug:literal, $title:literal;)+) => {
        /// Every problem that a function answers with: its status and its `type`. The OpenAPI document has the same.
        pub const PROBLEMS: &[(StatusCode, &str)] = &[$((StatusCode::$status, $slug)),+];

        /// Status, type and title of every error.
        fn classify(error: &Error) -> (StatusCode, &'static str, &'static str) {
            match error {
                $($error => (StatusCode::$status, $slug, $title),)+
            }
        }
    };
}

problems! {
    Error::InvalidRequest(_) => BAD_REQUEST, "invalid-request", "Invalid request";
    Error::MalformedBody(_) => BAD_REQUEST, "malformed-body", "Malformed body";
    Error::Unauthenticated => UNAUTHORIZED, "unauthenticated", "Unauthenticated";
    Error::Forbidden(Denial::NotOwner) => FORBIDDEN, "not-owner", "Not the owner";
    Error::Forbidden(Denial::NotCreator) => FORBIDDEN, "not-creator", "Not a creator";
    Error::Forbidden(Denial::NotInvited) => FORBIDDEN, "not-invited", "Not invited";
    Error::Forbidden(Denial::StageClosed) => FORBIDDEN, "stage-closed", "Stage closed";
    Error::Forbidden(Denial::Removed) => FORBIDDEN, "removed", "Removed";
    Error::Forbidden(Denial::NotModerator) => FORBIDDEN, "not-moderator", "Not a moderator";
    Error::Forbidden(Denial::Protected) => FORBIDDEN, "protected", "Protected";
    Error::Forbidden(Denial::Capabilities) => FORBIDDEN, "capabilities-not-allowed", "Capabilities not allowed";
    Error::Forbidden(Denial::HookSecret) => FORBIDDEN, "hook-secret", "Wrong hook secret";
    Error::Forbidden(Denial::Publisher) => FORBIDDEN, "publisher-refused", "Publisher refused";
    Error::Forbidden(Denial::OnAir) => FORBIDDEN, "on-air", "On air already";
    Error::NotFound(_) => NOT_FOUND, "not-found", "Not found";
    Error::Conflict(Conflict::OptionsDiffer(_)) => CONFLICT, "options-differ", "Options differ";
    Error::Conflict(Conflict::NothingToExchange) => CONFLICT, "nothing-to-exchange", "Nothing to exchange";
    Error::Conflict(Conflict::ExchangeNotSupported) => CONFLICT, "exchange-not-supported", "Exchange not supported";
    Error::Conflict(Conflict::NameTaken) => CONFLICT, "name-taken", "Name taken";
    Error::Conflict(Conflict::TooManyTokens) => CONFLICT, "too-many-tokens", "Too many tokens";
    Error::Conflict(Conflict::TooManyStages { .. }) => CONFLICT, "too-many-stages", "Too many stages";
    Error::Conflict(Conflict::TooManyChannels { .. }) => CONFLICT, "too-many-channels", "Too many channels";
    Error::Conflict(Conflict::Live) => CONFLICT, "live", "Live";
    Error::Conflict(Conflict::NotPrivate) => CONFLICT, "not-private", "Not private";
    Error::Conflict(Conflict::NotByInvitation) => CONFLICT, "not-by-invitation", "Not by invitation";
    Error::Conflict(Conflict::PlaybackNotSupported) => CONFLICT, "playback-not-supported", "Playback tokens not supported";
    Error::Conflict(Conflict::SelfHostedNotSupported) => CONFLICT, "self-hosted-not-supported", "No server of its own";
    Error::Conflict(Conflict::OnAir) => CONFLICT, "on-air", "On air already";
    Error::Conflict(Conflict::BroadcastEnded) => CONFLICT, "broadcast-ended", "Broadcast ended";
    Error::BodyTooLarge { .. } => PAYLOAD_TOO_LARGE, "body-too-large", "Body too large";
    Error::TooManyRequests { .. } => TOO_MANY_REQUESTS, "too-many-requests", "Too many requests";
    Error::UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type";
    Error::Internal(_) => INTERNAL_SERVER_ERROR, "internal", "Internal error";
    Error::Busy { .. } | Error::Unfinished(_) => SERVICE_UNAVAILABLE, "busy", "Busy";
    Error::Unavailable { .. } => SERVICE_UNAVAILABLE, "unavailable", "Unavailable";
    Error::NoServer => SERVICE_UNAVAILABLE, "no-server", "No server";
    Error::RemovalPending { .. } => SERVICE_UNAVAILABLE, "removal-pending", "Removal pending";
    Error::QuotaExceeded(_) => SERVICE_UNAVAILABLE, "limit-reached", "Limit reached";
}

/// When a caller should ask again, for every 429 and 503. A quota is raised by people, so not before a minute.
fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Busy { retry_after, .. }
        | Error::Unavailable { retry_after, .. }
        | Error::TooManyRequests { retry_after }
        | Error::RemovalPending { retry_after, .. } => Some(*retry_after),
        Error::Unfinished(_) => Some(model::recovery::RETRY_AFTER),
        // Servers say every five seconds how much room they have.
        Error::NoServer => Some(Duration::from_secs(5)),
        Error::QuotaExceeded(_) => Some(Duration::from_secs(60)),
        _ => None,
    }
}

/// The problem's `type`.
pub(super) fn slug(error: &Error) -> &'static str {
    classify(error).1
}

/// Writes the problem, and its source into the log, once.
pub(super) fn respond(error: &Error, request_id: &str) -> Response<Body> {
    let (status, r#type, title) = classify(error);
    log(error, status, r#type, request_id);
    let errors = match error {
        Error::InvalidRequest(errors) | Error::Conflict(Conflict::OptionsDiffer(errors)) => errors.as_slice(),
        _ => &[],
    };
    let problem =
        Problem { r#type, title, status: status.as_u16(), detail: error.to_string(), instance: request_id, errors };
    let mut response = Response::new(Body::Text(serde_json::to_string(&problem).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    // A cache may keep a 404 unless it is told not to (RFC 9110 section 15.1), and show it to a caller who may see more.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(retry_after) = retry_after(error) {
        // Whole seconds, rounded up: zero would be an invitation to hammer.
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

/// Only what has a source is news; the request's own line tells the rest.
fn log(error: &Error, status: StatusCode, r#type: &str, request_id: &str) {
    let Some(cause) = error.causes() else { return };
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(requestId = request_id, problem = r#type, cause, "the request failed");
    } else {
        tracing::warn!(requestId = request_id, problem = r#type, cause, "the request was put off");
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn body(response: &Response<Body>) -> Value {
        serde_json::from_slice(response.body()).unwrap()
    }

    #[test]
    fn a_bad_request_names_its_fields() {
        let error = Error::InvalidRequest(vec![FieldError::new("stage", "must be short")]);
        let response = respond(&error, "id-1");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(
            body(&response),
            json!({
                "type": "invalid-request", "title": "Invalid request", "status": 400,
                "detail": "the request has invalid fields", "instance": "id-1",
                "errors": [{"field": "stage", "reason": "must be short"}],
            })
        );
    }

    #[test]
    fn every_error_has_its_status_and_type() {
        let secs = Duration::from_secs;
        let table: [(Error, u16, &str); 35] = [
            (Error::MalformedBody("x".to_owned()), 400, "malformed-body"),
            (Error::UnsupportedMediaType, 415, "unsupported-media-type"),
            (Error::BodyTooLarge { limit: 1 }, 413, "body-too-large"),
            (Error::Unauthenticated, 401, "unauthenticated"),
            (Error::Forbidden(Denial::NotOwner), 403, "not-owner"),
            (Error::Forbidden(Denial::NotCreator), 403, "not-creator"),
            (Error::Forbidden(Denial::NotInvited), 403, "not-invited"),
            (Error::Forbidden(Denial::StageClosed), 403, "stage-closed"),
            (Error::Forbidden(Denial::Removed), 403, "removed"),
            (Error::Forbidden(Denial::NotModerator), 403, "not-moderator"),
            (Error::Forbidden(Denial::Protected), 403, "protected"),
            (Error::Conflict(Conflict::NameTaken), 409, "name-taken"),
            (Error::TooManyRequests { retry_after: secs(6) }, 429, "too-many-requests"),
            (Error::Forbidden(Denial::Capabilities), 403, "capabilities-not-allowed"),
            (Error::Forbidden(Denial::HookSecret), 403, "hook-secret"),
            (Error::Forbidden(Denial::Publisher), 403, "publisher-refused"),
            (Error::Forbidden(Denial::OnAir), 403, "on-air"),
            (Error::NotFound("stage"), 404, "not-found"),
            (Error::Conflict(Conflict::OptionsDiffer(Vec::new())), 409, "options-differ"),
            (Error::Conflict(Conflict::NothingToExchange), 409, "nothing-to-exchange"),
            (Error::Conflict(Conflict::ExchangeNotSupported), 409, "exchange-not-supported"),
            (Error::Conflict(Conflict::TooManyTokens), 409, "too-many-tokens"),
            (Error::Conflict(Conflict::TooManyStages { most: 1 }), 409, "too-many-stages"),
            (Error::Conflict(Conflict::TooManyChannels { most: 1 }), 409, "too-many-channels"),
            (Error::Conflict(Conflict::Live), 409, "live"),
            (Error::Conflict(Conflict::NotPrivate), 409, "not-private"),
            (Error::Conflict(Conflict::NotByInvitation), 409, "not-by-invitation"),
            (Error::Conflict(Conflict::PlaybackNotSupported), 409, "playback-not-supported"),
            (Error::Conflict(Conflict::SelfHostedNotSupported), 409, "self-hosted-not-supported"),
            (Error::Conflict(Conflict::OnAir), 409, "on-air"),
            (Error::Conflict(Conflict::BroadcastEnded), 409, "broadcast-ended"),
            (Error::NoServer, 503, "no-server"),
            (
                Error::RemovalPending { until: Timestamp::from_epoch(0, 0).unwrap(), retry_after: secs(1) },
                503,
                "removal-pending",
            ),
            (Error::Busy { resource: "stage", retry_after: secs(1) }, 503, "busy"),
            (Error::internal("oops"), 500, "internal"),
        ];
        for (error, status, r#type) in table {
            let response = respond(&error, "id");
            assert_eq!((response.status().as_u16(), body(&response)["type"].as_str()), (status, Some(r#type)));
            assert_eq!(response.headers().contains_key("retry-after"), matches!(status, 429 | 503), "{error}");
            assert_eq!(response.headers()["cache-control"], "no-store", "{error}");
        }
    }

    #[test]
    fn the_time_to_retry_is_rounded_up_and_never_zero() {
        let after = |millis| {
            let error = Error::Busy { resource: "stage", retry_after: Duration::from_millis(millis) };
            respond(&error, "id").headers()["retry-after"].to_str().unwrap().to_owned()
        };
        assert_eq!([after(0), after(1), after(1000), after(1001)], ["1", "1", "1", "2"]);
    }

    #[test]
    fn what_went_wrong_inside_stays_inside() {
        for error in [
            Error::internal("arn:aws:secret"),
            Error::unavailable("arn:aws:secret"),
            Error::QuotaExceeded("arn:aws:secret".into()),
        ] {
            assert!(!body(&respond(&error, "id")).to_string().contains("arn:aws"));
        }
    }
}
