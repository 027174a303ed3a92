//! CORS, as an HTTP API does it: once configured, the gateway answers preflights itself and its headers replace the
//! function's. A request without `origin` sees none of it.

use http::HeaderMap;
use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderName, HeaderValue, ORIGIN,
};

use crate::template::Cors;

/// Whether the request is a preflight.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Puts the headers of a preflight's answer into `answer`; none if the origin is not allowed.
pub(crate) fn answer_preflight(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap) {
    if !allow_origin(cors, request, answer) {
        return;
    }
    set(answer, ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods.join(","));
    set(answer, ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers.join(","));
    if let Some(seconds) = cors.max_age {
        set(answer, ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
}

/// Replaces the CORS headers of an answer from a function by the gateway's.
pub(crate) fn decorate(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap) {
    let theirs: Vec<_> = answer.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in theirs {
        answer.remove(name);
    }
    if allow_origin(cors, request, answer) {
        set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers.join(","));
    }
}

/// Allows the request's origin, if it has one that the configuration knows.
fn allow_origin(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap) -> bool {
    let Some(origin) = request.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
    let Some(allowed) = allowed(cors, origin) else { return false };
    set(answer, ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if cors.allow_credentials {
        set(answer, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    true
}

/// What the answer allows a page of this origin with: the origin itself, or `*`.
pub(crate) fn allowed<'a>(cors: &Cors, origin: &'a str) -> Option<&'a str> {
    let found = cors.allow_origins.iter().find(|allowed| match allowed.as_str() {
        "*" => true,
        "http://*" | "https://*" => origin.starts_with(allowed.trim_end_matches('*')),
        exact => exact.eq_ignore_ascii_case(origin),
    });
    match found {
        Some(allowed) if allowed == "*" => Some("*"),
        Some(_) => Some(origin),
        None => (cors.dev_origins && is_of_this_machine(origin)).then_some(origin),
    }
}

/// Whether the origin is `http://localhost` or `http://127.0.0.1`, at whatever port.
pub(crate) fn is_of_this_machine(origin: &str) -> bool {
    ["http://localhost", "http://127.0.0.1"].iter().any(|host| match origin.strip_prefix(host) {
        Some("") => true,
        // A browser writes a port without a sign or a zero before it.
        Some(port) => port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port)),
        None => false,
    })
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors() -> Cors {
        Cors {
            allow_origins: vec!["http://app.test".into()],
            allow_methods: vec!["GET".into(), "PUT".into()],
            allow_headers: vec!["authorization".into()],
            expose_headers: vec!["retry-after".into()],
            max_age: Some(600),
            allow_credentials: false,
            dev_origins: false,
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = headers.iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect();
        pairs.sort();
        pairs
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_preflight_of_an_allowed_origin_says_what_is_allowed() {
        let mut answer = HeaderMap::new();
        answer_preflight(&cors(), &headers(&[("origin", "http://app.test")]), &mut answer);
        let expected = [
            ("access-control-allow-headers", "authorization"),
            ("access-control-allow-methods", "GET,PUT"),
            ("access-control-allow-origin", "http://app.test"),
            ("access-control-max-age", "600"),
        ];
        assert_eq!(pairs(&answer), owned(&expected));
    }

    #[test]
    fn an_unknown_origin_learns_nothing() {
        for request in [headers(&[("origin", "http://evil.test")]), headers(&[])] {
            let mut answer = HeaderMap::new();
            answer_preflight(&cors(), &request, &mut answer);
            decorate(&cors(), &request, &mut answer);
            assert!(answer.is_empty());
        }
    }

    #[test]
    fn a_functions_own_cors_headers_are_dropped() {
        let mut answer = headers(&[("access-control-allow-origin", "*"), ("x-own", "1")]);
        decorate(&cors(), &headers(&[("origin", "http://app.test")]), &mut answer);
        let expected = [
            ("access-control-allow-origin", "http://app.test"),
            ("access-control-expose-headers", "retry-after"),
            ("x-own", "1"),
        ];
        assert_eq!(pairs(&answer), owned(&expected));
    }

    #[test]
    fn wildcards_and_credentials_are_honoured() {
        let any = Cors { allow_origins: vec!["*".into()], ..Cors::default() };
        let https = Cors { allow_origins: vec!["https://*".into()], allow_credentials: true, ..Cors::default() };
        let request = headers(&[("origin", "https://x.test")]);
        let (mut by_any, mut by_https) = (HeaderMap::new(), HeaderMap::new());
        decorate(&any, &request, &mut by_any);
        decorate(&https, &request, &mut by_https);
        assert_eq!(pairs(&by_any), owned(&[("access-control-allow-origin", "*")]));
        let expected =
            [("access-control-allow-credentials", "true"), ("access-control-allow-origin", "https://x.test")];
        assert_eq!(pairs(&by_https), owned(&expected));
    }

    #[test]
    fn dev_origins_are_those_of_this_machine_at_any_port_and_each_is_echoed() {
        let dev = Cors { dev_origins: true, ..cors() };
        for origin in [
            "http://localhost:8081",
            "http://localhost",
            "http://127.0.0.1:1",
            "http://127.0.0.1:65535",
            "http://app.test",
        ] {
            assert_eq!(allowed(&dev, origin), Some(origin));
            assert_eq!(allowed(&cors(), origin).is_some(), origin == "http://app.test", "{origin}");
        }
        for origin in [
            "https://localhost:8081",
            "http://localhost.evil.test",
            "http://localhost:8081.evil.test",
            "http://localhost:",
            "http://localhost:65536",
            "http://localhost:+80",
            "http://localhost@evil.test",
            "http://127.0.0.10",
            "http://evil.test",
            "null",
        ] {
            assert_eq!(allowed(&dev, origin), None, "{origin}");
        }
    }

    #[test]
    fn only_options_with_origin_and_method_is_a_preflight() {
        let full = headers(&[("origin", "o"), ("access-control-request-method", "PUT")]);
        assert!(is_preflight(&Method::OPTIONS, &full));
        assert!(!is_preflight(&Method::GET, &full));
        assert!(!is_preflight(&Method::OPTIONS, &headers(&[("origin", "o")])));
    }
}
