//! Payload 2.0: the event that a function receives for a request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::request::Parts;
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use super::authorizer::Identity;
use super::claims;
use super::route::Match;
use crate::aws::ACCOUNT;
use crate::plumbing::clock;

/// Who asks: everybody is on this machine.
const SOURCE: &str = "127.0.0.1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<&'a str>,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<Cow<'a, str>, String>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: &'a BTreeMap<String, String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'static str,
    api_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer<'a>>,
    domain_name: &'a str,
    domain_prefix: &'static str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
struct Authorizer<'a> {
    jwt: Jwt<'a>,
}

#[derive(Serialize)]
struct Jwt<'a> {
    claims: BTreeMap<&'a str, Cow<'a, str>>,
    scopes: Option<&'a [String]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'static str,
    user_agent: Cow<'a, str>,
}

/// Builds the event, and writes it as JSON.
pub(crate) fn event(
    request: &Parts,
    body: &[u8],
    found: &Match<'_>,
    identity: Option<&Identity>,
    request_id: &str,
    now: OffsetDateTime,
) -> String {
    let (path, query) = (&found.path, request.uri.query().unwrap_or_default());
    let route_key = found.route.key();
    let header = |name| request.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let domain = header(HOST).unwrap_or("localhost".into());
    let date = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let text = str::from_utf8(body).ok().filter(|_| is_text(&request.headers));
    let event = Event {
        version: "2.0",
        route_key: &route_key,
        raw_path: path,
        raw_query_string: query,
        cookies: cookies(&request.headers),
        headers: headers(&request.headers, &domain, trace_id(request_id, now)),
        query_string_parameters: query_parameters(query),
        request_context: Context {
            account_id: ACCOUNT,
            api_id: "local",
            authorizer: identity.map(authorizer),
            domain_name: &domain,
            domain_prefix: "local",
            http: Http {
                method: request.method.as_str(),
                path,
                protocol: "HTTP/1.1",
                source_ip: SOURCE,
                user_agent: header(USER_AGENT).unwrap_or_default(),
            },
            request_id,
            route_key: &route_key,
            stage: "$default",
            time: now.format(date).unwrap_or_default(),
            time_epoch: clock::epoch_millis(now),
        },
        body: (!body.is_empty()).then(|| text.map_or_else(|| STANDARD.encode(body).into(), Cow::from)),
        path_parameters: &found.parameters,
        is_base64_encoded: !body.is_empty() && text.is_none(),
    };
    // Text and numbers can always be written.
    serde_json::to_string(&event).unwrap_or_default()
}

fn authorizer(identity: &Identity) -> Authorizer<'_> {
    Authorizer { jwt: Jwt { claims: claims::to_strings(&identity.claims), scopes: identity.scopes.as_deref() } }
}

/// Names in lower case, the values of a repeated header joined by commas, without cookies.
fn headers<'a>(headers: &'a HeaderMap, host: &str, trace_id: String) -> BTreeMap<&'a str, Cow<'a, str>> {
    let mut joined = BTreeMap::<&str, Cow<'_, str>>::new();
    for (name, value) in headers.iter().filter(|(name, _)| **name != COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        match joined.entry(name.as_str()) {
            Entry::Vacant(entry) => _ = entry.insert(value),
            Entry::Occupied(mut entry) => *entry.get_mut() += Cow::from(format!(",{value}")),
        }
    }
    // Whoever stands in front may have said for whom it asks; the rest is the gateway's to say.
    let before = joined.get("x-forwarded-for").filter(|before| !before.is_empty());
    let forwarded_for = before.map_or(SOURCE.into(), |before| format!("{before}, {SOURCE}").into());
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
    joined.insert("x-forwarded-for", forwarded_for);
    joined.insert("x-forwarded-port", port.map_or("80".into(), |port| port.to_owned().into()));
    joined.insert("x-forwarded-proto", "http".into());
    joined.entry("x-amzn-trace-id").or_insert(trace_id.into());
    joined
}

/// A new trace's: the time, and 96 bits that are the request's.
fn trace_id(request_id: &str, now: OffsetDateTime) -> String {
    let random: String = request_id.chars().filter(char::is_ascii_hexdigit).take(24).collect();
    format!("Root=1-{:08x}-{random:0<24}", now.unix_timestamp())
}

fn cookies(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).map(str::trim).filter(|cookie| !cookie.is_empty()).collect()
}

fn query_parameters(query: &str) -> BTreeMap<Cow<'_, str>, String> {
    let mut parameters = BTreeMap::<_, String>::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match parameters.entry(key) {
            Entry::Vacant(entry) => _ = entry.insert(value.into_owned()),
            Entry::Occupied(mut entry) => entry.get_mut().extend([",", &value]),
        }
    }
    parameters
}

/// Which bodies reach the function as text; of others it gets base64. A body without a type is taken for text.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return true };
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    content_type.starts_with("text/")
        || content_type.ends_with("+json")
        || content_type.ends_with("+xml")
        || ["application/json", "application/xml", "application/javascript"].contains(&content_type.as_str())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http::Request;
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;
    use crate::aws::api_gateway::route::Router;
    use crate::template::HttpRoute;

    fn make(request: http::request::Builder, body: &[u8], identity: Option<&Identity>) -> Value {
        let route = HttpRoute {
            method: "POST".into(),
            path: "/stages/{stage}".into(),
            function: "F".into(),
            authorizer: None,
            scopes: Vec::new(),
            timeout: Duration::from_secs(1),
        };
        let (parts, ()) = request.method("POST").body(()).unwrap().into_parts();
        let router = Router::new(&[route]);
        let found = router.find("POST", parts.uri.path()).unwrap();
        let event = event(&parts, body, &found, identity, "id-1", datetime!(2020-03-12 19:03:58.390 UTC));
        serde_json::from_str(&event).unwrap()
    }

    #[test]
    fn a_request_becomes_payload_2_0() {
        let request = Request::builder()
            .uri("/stages/a%20b?p=1&q=x+y&p=2")
            .header("Host", "127.0.0.1:8080")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .header("Cookie", "a=1; b=2")
            .header("Content-Type", "application/json");
        let claims = Arc::new(json!({"sub": "alice", "exp": 5}).as_object().unwrap().clone());
        let event = make(request, b"{}", Some(&Identity { claims, scopes: None }));
        let expected = json!({
            "version": "2.0",
            "routeKey": "POST /stages/{stage}",
            "rawPath": "/stages/a b",
            "rawQueryString": "p=1&q=x+y&p=2",
            "cookies": ["a=1", "b=2"],
            "headers": {
                "host": "127.0.0.1:8080", "x-two": "1,2", "content-type": "application/json",
                "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "8080", "x-forwarded-proto": "http",
                "x-amzn-trace-id": "Root=1-5e6a879e-d10000000000000000000000",
            },
            "queryStringParameters": {"p": "1,2", "q": "x y"},
            "requestContext": {
                "accountId": "000000000000", "apiId": "local",
                "authorizer": {"jwt": {"claims": {"sub": "alice", "exp": "5"}, "scopes": null}},
                "domainName": "127.0.0.1:8080", "domainPrefix": "local",
                "http": {
                    "method": "POST", "path": "/stages/a b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                    "userAgent": "",
                },
                "requestId": "id-1", "routeKey": "POST /stages/{stage}", "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_584_039_838_390_u64,
            },
            "body": "{}",
            "pathParameters": {"stage": "a b"},
            "isBase64Encoded": false,
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn a_query_keeps_its_order_and_its_duplicates() {
        let event = make(Request::builder().uri("/stages/s?b=1&a=x+y%2Bz&&b=2&flag"), b"", None);
        assert_eq!(event["queryStringParameters"], json!({"a": "x y+z", "b": "1,2", "flag": ""}));
    }

    #[test]
    fn whoever_stands_in_front_is_named_before_the_gateways_own_view() {
        let request = Request::builder()
            .uri("/stages/a")
            .header("Host", "api.example")
            .header("X-Forwarded-For", "192.0.2.1")
            .header("X-Forwarded-For", "192.0.2.2, 192.0.2.3")
            .header("X-Forwarded-Proto", "ftp")
            .header("X-Forwarded-Port", "1")
            .header("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793");
        let headers = make(request, b"", None)["headers"].clone();
        let expected = json!({
            "host": "api.example", "x-forwarded-for": "192.0.2.1,192.0.2.2, 192.0.2.3, 127.0.0.1",
            "x-forwarded-port": "80", "x-forwarded-proto": "http",
            "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
        });
        assert_eq!(headers, expected);
        let plain = make(Request::builder().uri("/stages/a"), b"", None);
        let trace = plain["headers"]["x-amzn-trace-id"].as_str().unwrap();
        assert!(trace.starts_with("Root=1-5e6a879e-") && trace.len() == 40, "{trace}");
    }

    #[test]
    fn a_path_arrives_decoded_and_a_query_does_not() {
        let event = make(Request::builder().uri("/stages/a%23b%20%C3%A9?q=%2F&p=a+b"), b"", None);
        assert_eq!(event["rawPath"], "/stages/a#b é");
        assert_eq!(event["requestContext"]["http"]["path"], "/stages/a#b é");
        assert_eq!(event["pathParameters"], json!({"stage": "a#b é"}));
        assert_eq!(event["rawQueryString"], "q=%2F&p=a+b");
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let event = make(Request::builder().uri("/stages/a"), b"", None);
        for absent in ["cookies", "queryStringParameters", "body"] {
            assert!(event.get(absent).is_none(), "{absent}");
        }
        assert!(event["requestContext"].get("authorizer").is_none());
    }

    #[test]
    fn a_body_that_is_not_text_is_base64() {
        for (content_type, body, expected) in [
            ("application/octet-stream", &b"hi"[..], (true, "aGk=")),
            ("application/json", b"\xff", (true, "/w==")),
            ("application/problem+json; charset=utf-8", b"{}", (false, "{}")),
            ("text/plain", b"hi", (false, "hi")),
        ] {
            let request = Request::builder().uri("/stages/a").header("content-type", content_type);
            let event = make(request, body, None);
            assert_eq!((event["isBase64Encoded"].as_bool().unwrap(), event["body"].as_str().unwrap()), expected);
        }
    }
}
