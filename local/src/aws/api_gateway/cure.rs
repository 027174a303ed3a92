//! What a developer is told, in the local log, of a request that the gateway refuses: why, and what to do about it.
//!
//! Never more of a request than its method, its path, its origin, what a preflight asks for, and those claims of its
//! token that decide: an `iss`, an `aud`, a time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN};
use http::request::Parts;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::authorizer::{self, Refusal};
use super::cors;
use crate::aws::cognito::InvalidToken;
use crate::plumbing::clock;
use crate::program::log::printable;
use crate::template::{Cors, HttpRoute, JwtAuthorizer};

/// The most characters of one value that are shown.
const SHOWN: usize = 200;
/// Letters by which a path may differ from a route's to be taken for a misspelling of it.
const MISSPELLING: usize = 3;

/// Where the cures are.
pub(super) struct Cures {
    /// Base URL of the API, without a slash at its end.
    pub(super) api_url: String,
    /// The template's parameters that say which origins are allowed.
    pub(super) origin_parameters: Vec<String>,
}

impl Cures {
    /// For a request that the authorizer does not let in.
    pub(super) fn unauthorized(
        &self,
        refusal: &Refusal,
        authorizer: &JwtAuthorizer,
        scopes: &[String],
        header: Option<&str>,
    ) -> String {
        let url = format!("{}/_local/token?sub=alice", self.api_url);
        let cure = format!("a token is at {url}");
        let invalid = match refusal {
            Refusal::Missing => {
                let what =
                    if header.is_none() { "no authorization header" } else { "no token in the authorization header" };
                return format!("{what}: send `authorization: Bearer $TOKEN`; {cure}");
            }
            Refusal::Scope => {
                let (scopes, first) = (scopes.join(", "), scopes.first().map_or("", String::as_str));
                return format!("the token has none of the scopes {scopes}: one that has is at {url}&scope={first}");
            }
            Refusal::Invalid(invalid) => invalid,
        };
        let claims = authorizer::token(header).and_then(claims).unwrap_or_default();
        let claim = |name: &str| claims.get(name).map_or_else(|| "none".to_owned(), shown);
        let time = |name: &str| claims.get(name).and_then(rfc3339).unwrap_or_else(|| claim(name));
        let issuer = &authorizer.issuer;
        match invalid {
            InvalidToken::Malformed => format!("{invalid}: send `authorization: Bearer $TOKEN` with a JWT; {cure}"),
            InvalidToken::Algorithm => format!("{invalid}: API Gateway takes RS256, RS384 and RS512; {cure}"),
            InvalidToken::UnknownKey if claim("iss") == *issuer => {
                format!("{invalid} of the issuer {issuer}: --jwks FILE gives the issuer's keys; {cure}")
            }
            InvalidToken::UnknownKey | InvalidToken::Issuer => format!(
                "unknown issuer {}: the template's authorizer takes {issuer}; --jwks FILE and --parameter have it take \
                 your provider's tokens; {cure}",
                claim("iss")
            ),
            InvalidToken::Signature => {
                format!("{invalid}: it may be of a local cloud that ran before with --ephemeral; {cure}")
            }
            InvalidToken::Audience => {
                let name =
                    if claims.get("aud").is_some_and(|audience| !audience.is_null()) { "aud" } else { "client_id" };
                let audiences = authorizer.audiences.join(", ");
                format!("unknown audience {}: the template's authorizer takes {audiences}; {cure}", claim(name))
            }
            InvalidToken::Expired => format!("the token ended at {}: {cure}", time("exp")),
            InvalidToken::NotYetValid => format!("the token begins at {}: {cure}", time("nbf")),
            InvalidToken::IssuedInFuture => {
                format!("the token was issued at {}, by a clock that is ahead of this one: {cure}", time("iat"))
            }
            InvalidToken::NoExpiry | InvalidToken::MalformedTime => format!("{invalid}: {cure}"),
        }
    }

    /// For a request that no route takes.
    pub(super) fn no_route(&self, routes: &[HttpRoute], method: &str, path: &str) -> String {
        if let Some(taker) = routes.iter().find(|route| takes(&route.path, path)) {
            let same_path = routes.iter().filter(|route| route.path == taker.path);
            let methods: Vec<_> = same_path.map(|route| route.method.as_str()).collect();
            // As it was sent, it has a route; as it was matched, it has none.
            if path.contains('%') && methods.iter().any(|taken| [method, "ANY"].contains(taken)) {
                let why = "a path is decoded before it is matched, so no parameter has a slash, and a ? ends the path";
                return format!("no such route: {why}");
            }
            return format!("no such route: {} takes {}", taker.path, methods.join(", "));
        }
        let same_method = |route: &&HttpRoute| route.method == method || route.method == "ANY";
        let distances =
            routes.iter().filter_map(|route| Some((distance(&route.path, path)?, !same_method(&route), route)));
        match distances.min_by_key(|(distance, other_method, _)| (*distance, *other_method)) {
            Some((.., route)) => format!("no such route: did you mean {}?", route.key()),
            None => format!("no such route: {}/ lists those of the template", self.api_url),
        }
    }

    /// For a request whose answer a browser keeps from its page; `None` if it does not.
    pub(super) fn cross_origin(&self, cors: Option<&Cors>, parts: &Parts) -> Option<String> {
        let origin = text(&parts.headers, ORIGIN)?;
        let host = text(&parts.headers, HOST).unwrap_or_default();
        if origin.strip_prefix("http://").is_some_and(|origin| origin == host) {
            return None;
        }
        let Some(cors) = cors else {
            let origin = cut(origin);
            return Some(format!("origin {origin} is not allowed: the template's API has no CorsConfiguration"));
        };
        if cors::allowed(cors, origin).is_none() {
            let origin = cut(origin);
            let mut cures: Vec<_> =
                self.origin_parameters.iter().take(1).map(|name| format!("--parameter {name}={origin}")).collect();
            if cors::is_of_this_machine(origin) {
                cures.push("--dev-origins".to_owned());
            }
            if cures.is_empty() {
                cures.push("add it to AllowOrigins of the template's CorsConfiguration".to_owned());
            }
            return Some(format!("origin {origin} is not allowed: {}", cures.join(" or ")));
        }
        if !cors::is_preflight(&parts.method, &parts.headers) {
            return None;
        }
        let listed =
            |list: &[String], name: &str| list.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(name));
        let method = text(&parts.headers, ACCESS_CONTROL_REQUEST_METHOD).unwrap_or_default();
        // Fetch allows these everywhere.
        if !["GET", "HEAD", "POST"].contains(&method) && !listed(&cors.allow_methods, method) {
            return Some(format!("method {} is not allowed: add it to AllowMethods of CorsConfiguration", cut(method)));
        }
        let headers = text(&parts.headers, ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let mut headers = headers.split(',').map(str::trim).filter(|header| !header.is_empty());
        let refused = headers.find(|header| !listed(&cors.allow_headers, header))?;
        Some(format!("header {} is not allowed: add it to AllowHeaders of CorsConfiguration", cut(refused)))
    }
}

/// The path of a request without what may be a secret: its query, and segments that look like a token or a stream key,
/// or are longer than any name.
pub(super) fn path(parts: &Parts) -> String {
    let secret = |segment: &str| segment.len() > 128 || segment.starts_with("eyJ") || segment.starts_with("sk_");
    let segments = parts.uri.path().split('/').map(|segment| if secret(segment) { "…" } else { segment });
    let path = printable(&segments.collect::<Vec<_>>().join("/"));
    cut(&path).to_owned()
}

/// The claims of a token, whoever signed it.
fn claims(token: &str) -> Option<Map<String, Value>> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

fn shown(claim: &Value) -> String {
    let text = claim.as_str().map_or_else(|| claim.to_string(), str::to_owned);
    printable(cut(&text))
}

fn rfc3339(claim: &Value) -> Option<String> {
    // Fractions of a second, which a claim may have, do not matter here.
    let seconds = claim.as_f64()? as i64;
    OffsetDateTime::from_unix_timestamp(seconds).ok().map(clock::rfc3339)
}

fn text(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

/// Whether a route's path is this one but for the method.
fn takes(route: &str, path: &str) -> bool {
    distance(route, path) == Some(0)
}

/// In how many letters a path differs from the one of a route; `None` if it is another path.
fn distance(route: &str, path: &str) -> Option<usize> {
    let trimmed = path.trim_end_matches('/');
    let mut additional = usize::from(trimmed != path);
    let (route, mut path): (Vec<_>, Vec<_>) = (route.split('/').collect(), trimmed.split('/').collect());
    // Such as the name of a stage of API Gateway, or of a version, that the API's URL does not have.
    if path.len() == route.len() + 1 {
        path.remove(1);
        additional += 1;
    }
    if route.len() != path.len() {
        return None;
    }
    let segments = route.iter().zip(&path).map(|(route, path)| match route.starts_with('{') {
        true => usize::from(path.is_empty()) * (MISSPELLING + 1),
        // Of a short word, three letters are all of it.
        false => match edits(route, path) {
            edits if edits * 2 > route.len() => MISSPELLING + 1,
            edits => edits,
        },
    });
    let distance = additional + segments.sum::<usize>();
    (distance <= MISSPELLING).then_some(distance)
}

/// The distance of Levenshtein: letters to change, put in or leave out.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(SHOWN).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unauthorized(invalid: InvalidToken, claims: &Value) -> String {
        let cures = Cures { api_url: "http://here".to_owned(), origin_parameters: Vec::new() };
        let authorizer =
            JwtAuthorizer { issuer: "https://issuer.test".to_owned(), audiences: vec!["a".to_owned(), "b".to_owned()] };
        let header = format!("Bearer x.{}.z", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let cure = cures.unauthorized(&Refusal::Invalid(invalid), &authorizer, &[], Some(&header));
        cure.strip_suffix("a token is at http://here/_local/token?sub=alice").unwrap_or(&cure).to_owned()
    }

    #[test]
    fn a_refused_token_is_told_by_the_claim_that_decided() {
        let claims = json!({
            "iss": "https://issuer.test", "client_id": "c", "exp": 1.9e9, "nbf": 4_102_444_800_u64, "iat": -1e300,
        });
        for (invalid, expected) in [
            (
                InvalidToken::Algorithm,
                "the token is signed by an unsupported algorithm: API Gateway takes RS256, RS384 and RS512; ",
            ),
            (
                InvalidToken::UnknownKey,
                "the token is signed by an unknown key of the issuer https://issuer.test: --jwks FILE gives the issuer's \
                 keys; ",
            ),
            (InvalidToken::Audience, "unknown audience c: the template's authorizer takes a, b; "),
            (InvalidToken::Expired, "the token ended at 2030-03-17T17:46:40Z: "),
            (InvalidToken::NotYetValid, "the token begins at 2100-01-01T00:00:00Z: "),
            (InvalidToken::IssuedInFuture, "the token was issued at -1e+300, by a clock that is ahead of this one: "),
            (InvalidToken::NoExpiry, "the token does not have an expiry: "),
        ] {
            assert_eq!(unauthorized(invalid, &claims), expected);
        }
        let theirs = unauthorized(InvalidToken::UnknownKey, &json!({"iss": "https://theirs.test\n\u{1b}[2J"}));
        assert!(theirs.starts_with("unknown issuer https://theirs.test  [2J: the template's"), "{theirs}");
        let long = unauthorized(InvalidToken::Issuer, &json!({"iss": "x".repeat(1_000)}));
        assert!(long.starts_with(&format!("unknown issuer {}: ", "x".repeat(SHOWN))), "{long}");
        assert!(unauthorized(InvalidToken::Issuer, &json!([])).starts_with("unknown issuer none: "));
    }

    #[test]
    fn a_misspelt_path_is_near_and_another_path_is_not() {
        for (route, path, expected) in [
            ("/stages", "/stages", Some(0)),
            ("/stages", "/stage", Some(1)),
            ("/stages", "/Stages/", Some(2)),
            ("/stages/{stage}", "/stgaes/demo", Some(2)),
            ("/stages/{stage}", "/stages/", None),
            ("/stages", "/v1/stages", Some(1)),
            ("/stages", "/channels", None),
            ("/a", "/b", None),
            ("/stages", "/", None),
        ] {
            assert_eq!(distance(route, path), expected, "{route} {path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_path_has_a_distance_or_none(path in "/[ -~]{0,40}|/(é|/){0,9}") {
            let _ = distance("/stages/{stage}", &path);
            proptest::prop_assert_eq!(edits(&path, &path), 0);
        }
    }
}
