//! A file of the build as an answer: its type, how long it may be kept, and whether the browser has it already.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::IF_NONE_MATCH;

use super::paths::Page;
use crate::plumbing::http_server::{self, Answer, Body, set_header};

/// Text says its encoding: what a browser assumes is not UTF-8.
const TYPES: [(&str, &str); 17] = [
    ("css", "text/css; charset=utf-8"),
    ("gif", "image/gif"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
];
/// What servers of the local cloud are reached by, whatever their ports are.
const HERE: &str = "http://127.0.0.1:* http://localhost:*";
const SOCKETS_HERE: &str = "ws://127.0.0.1:* ws://localhost:*";

/// The answer of a file's content to a request with these headers. A page has a policy of its own.
pub(super) fn answer(name: &str, content: Vec<u8>, page: Option<&Page>, request: &HeaderMap) -> Answer {
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest(&SHA256, &content).as_ref()[..18]));
    let mut answer = http_server::answer(200, content_type(name), content);
    if is_known(request, &tag) {
        *answer.status_mut() = http::StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Body::default();
    }
    set_header(&mut answer, "etag", &tag);
    let kept = if is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    set_header(&mut answer, "cache-control", kept);
    set_header(&mut answer, "x-content-type-options", "nosniff");
    if let Some(page) = page {
        set_header(&mut answer, "content-security-policy", &policy(page));
        set_header(&mut answer, "referrer-policy", "strict-origin-when-cross-origin");
        let features = "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()";
        set_header(&mut answer, "permissions-policy", features);
    }
    answer
}

/// What a page may load, and from where. A page to watch plays what its channel says, which may be of another host.
fn policy(page: &Page) -> String {
    let (players, frames) = if page.may_be_embedded { (" https:", "*") } else { ("", "'none'") };
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: \
         {HERE}{players}; worker-src 'self' blob:; connect-src 'self' {HERE} {SOCKETS_HERE}{players}; base-uri 'none'; \
         form-action 'none'; frame-ancestors {frames}"
    )
}

fn content_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    known.map_or("application/octet-stream", |(_, content_type)| content_type)
}

/// Whether the name has a hash of the content in it, as Vite writes one: `watch-R9rTt2PE.js`.
fn is_hashed(name: &str) -> bool {
    const HASH: usize = 8;
    let Some((stem, _)) = name.strip_prefix("assets/").and_then(|file| file.rsplit_once('.')) else { return false };
    let Some((_, hash)) = stem.len().checked_sub(HASH + 1).and_then(|at| stem.split_at_checked(at)) else {
        return false;
    };
    let mut hash = hash.bytes();
    hash.next() == Some(b'-') && hash.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether the browser says that it has the content of this tag.
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let known = request.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let mut known = known.flat_map(|tags| tags.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_in_the_name_of_an_asset_is_told_from_a_word() {
        for (name, expected) in [
            ("assets/watch-R9rTt2PE.js", true),
            ("assets/index-B3-r6_bQ.css", true),
            ("assets/licenses.txt", false),
            ("assets/a-long-name.js", false),
            ("assets/x.js", false),
            ("watch-R9rTt2PE.js", false),
            ("assets/é-23456789.js", true),
            ("assets/é-2345678.js", false),
            ("assets/23456é78.js", false),
        ] {
            assert_eq!(is_hashed(name), expected, "{name}");
        }
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let answer = |known: &str| {
            let request = HeaderMap::from_iter([(IF_NONE_MATCH, known.parse().unwrap())]);
            answer("mark.svg", b"<svg/>".to_vec(), None, &request)
        };
        let tag = answer("").headers()["etag"].to_str().unwrap().to_owned();
        for (known, expected) in [("\"other\"", 200), (&tag, 304), (&format!("\"other\", W/{tag}"), 304), ("*", 304)] {
            assert_eq!(answer(known).status(), expected, "{known}");
        }
    }
}
