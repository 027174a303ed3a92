//! Answers to players: what may be kept for how long, pages of other origins, ranges, problems.

use http::header;
use http::{HeaderValue, Method, StatusCode};
use hyper::body::Bytes;
use serde_json::json;

use crate::plumbing::http_server::{self, Answer, Body, set_header};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// No cache may answer for us: each answer is of its moment, and a master playlist of one viewer.
const NEVER_KEPT: &str = "no-cache, no-store, private";
/// What a media URL names never changes. Only the viewer may keep it: the URL is of a session.
const ALWAYS_KEPT: &str = "private, max-age=31536000, immutable";

pub(super) fn playlist(text: String) -> Answer {
    let mut answer = http_server::answer(200, PLAYLIST, text);
    set_header(&mut answer, "cache-control", NEVER_KEPT);
    answer
}

/// Media, or the part of it that `range` asks for.
pub(super) fn media(data: Bytes, range: Option<&str>) -> Answer {
    let length = data.len();
    let mut answer = match range.map_or(Range::Whole, |range| parse(range, length)) {
        Range::Whole => http_server::answer(200, "video/mp4", data),
        Range::Part(first, last) => {
            let mut answer = http_server::answer(206, "video/mp4", data.slice(first..=last));
            set_header(&mut answer, "content-range", &format!("bytes {first}-{last}/{length}"));
            answer
        }
        Range::Nothing => {
            let mut answer = problem(416, "the range is beyond the end");
            set_header(&mut answer, "content-range", &format!("bytes */{length}"));
            return answer;
        }
    };
    set_header(&mut answer, "accept-ranges", "bytes");
    set_header(&mut answer, "cache-control", ALWAYS_KEPT);
    answer
}

/// An answer that says what is wrong, as RFC 9457 has it.
pub(super) fn problem(status: u16, detail: &str) -> Answer {
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let body = json!({"type": "about:blank", "title": title, "status": status, "detail": detail});
    let mut answer = http_server::answer(status, "application/problem+json", body.to_string());
    set_header(&mut answer, "cache-control", NEVER_KEPT);
    answer
}

/// The answer to a browser that asks what a page of another origin may do.
pub(super) fn preflight() -> Answer {
    let mut answer = Answer::new(Body::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    set_header(&mut answer, "access-control-allow-methods", "GET, HEAD, OPTIONS");
    set_header(&mut answer, "access-control-allow-headers", "*");
    set_header(&mut answer, "access-control-max-age", "86400");
    answer
}

/// What every answer has; one to HEAD says how long the body would be, and has none.
pub(super) fn finish(mut answer: Answer, method: &Method) -> Answer {
    set_header(&mut answer, "access-control-allow-origin", "*");
    set_header(&mut answer, "access-control-expose-headers", "content-length, content-range, date");
    if method == Method::HEAD {
        let length = hyper::body::Body::size_hint(answer.body()).exact().unwrap_or_default();
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        *answer.body_mut() = Body::default();
    }
    answer
}

/// What a `Range` header comes to.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// The first byte and the last.
    Part(usize, usize),
    /// There is nothing of it.
    Nothing,
}

/// RFC 9110, 14.2. What is no single range of bytes is ignored, as a server may.
fn parse(range: &str, length: usize) -> Range {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Range::Whole;
    };
    let end = length.saturating_sub(1);
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first > last => Range::Whole,
        (Ok(first), _) if first >= length && (last.is_empty() || last.parse::<usize>().is_ok()) => Range::Nothing,
        (Ok(first), Ok(last)) => Range::Part(first, last.min(end)),
        (Ok(first), Err(_)) if last.is_empty() => Range::Part(first, end),
        (Err(_), Ok(0)) if first.is_empty() => Range::Nothing,
        (Err(_), Ok(count)) if first.is_empty() && length > 0 => Range::Part(length.saturating_sub(count), end),
        _ => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_has_it() {
        for (range, expected) in [
            ("bytes=0-", Range::Part(0, 99)),
            ("bytes=10-19", Range::Part(10, 19)),
            ("bytes=10-1000", Range::Part(10, 99)),
            ("bytes=-30", Range::Part(70, 99)),
            ("bytes=-1000", Range::Part(0, 99)),
            ("bytes=100-", Range::Nothing),
            ("bytes=100-200", Range::Nothing),
            ("bytes=-0", Range::Nothing),
            ("bytes=20-10", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=-", Range::Whole),
            ("seconds=0-1", Range::Whole),
        ] {
            assert_eq!(parse(range, 100), expected, "{range}");
        }
    }
}
