//! Payload 2.0: the event that a function receives for a request.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::request::Parts;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::authorizer::Identity;
use super::claims;
use super::route::Match;
use crate::aws::ACCOUNT;
use crate::plumbing::clock;

/// Who asks: everybody is on this machine.
const SOURCE: &str = "127.0.0.1";

/// Builds the event.
pub(crate) fn event(
    request: &Parts,
    body: &[u8],
    found: &Match<'_>,
    identity: Option<&Identity>,
    request_id: &str,
    now: OffsetDateTime,
) -> Value {
    let (path, query) = (&found.path, request.uri.query().unwrap_or_default());
    let header = |name| request.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let domain = header(HOST).unwrap_or_else(|| "localhost".to_owned());
    let date = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let mut context = json!({
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": "local",
        "http": {
            "method": request.method.as_str(),
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": SOURCE,
            "userAgent": header(USER_AGENT).unwrap_or_default(),
        },
        "requestId": request_id,
        "routeKey": found.route.key(),
        "stage": "$default",
        "time": now.format(date).unwrap_or_default(),
        "timeEpoch": clock::epoch_millis(now),
    });
    if let Some(identity) = identity {
        let claims = claims::to_strings(&identity.claims);
        context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": identity.scopes}});
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": found.route.key(),
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&request.headers, &domain, &trace_id(request_id, now)),
        "requestContext": context,
        "isBase64Encoded": false,
    });
    let cookies = cookies(&request.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = query_parameters(query);
    }
    if !found.parameters.is_empty() {
        event["pathParameters"] = json!(found.parameters);
    }
    if !body.is_empty() {
        let text = str::from_utf8(body).ok().filter(|_| is_text(&request.headers));
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// Names in lower case, the values of a repeated header joined by commas, without cookies.
fn headers(headers: &HeaderMap, host: &str, trace_id: &str) -> Value {
    let names = headers.keys().filter(|name| **name != COOKIE);
    let mut joined: Map<String, Value> = names
        .map(|name| {
            let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            (name.to_string(), Value::from(values.collect::<Vec<_>>().join(",")))
        })
        .collect();
    // Whoever stands in front may have said for whom it asks; the rest is the gateway's to say.
    let before = joined.get("x-forwarded-for").and_then(Value::as_str).filter(|before| !before.is_empty());
    let forwarded_for = before.map_or_else(|| SOURCE.to_owned(), |before| format!("{before}, {SOURCE}"));
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
    joined.insert("x-forwarded-for".to_owned(), forwarded_for.into());
    joined.insert("x-forwarded-port".to_owned(), port.unwrap_or("80").into());
    joined.insert("x-forwarded-proto".to_owned(), "http".into());
    joined.entry("x-amzn-trace-id").or_insert_with(|| trace_id.into());
    joined.into()
}

/// A new trace's: the time, and 96 bits that are the request's.
fn trace_id(request_id: &str, now: OffsetDateTime) -> String {
    let random: String = request_id.chars().filter(char::is_ascii_hexdigit).take(24).collect();
    format!("Root=1-{:08x}-{random:0<24}", now.unix_timestamp())
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).map(|cookie| cookie.trim().to_owned()).filter(|c| !c.is_empty()).collect()
}

fn query_parameters(query: &str) -> Value {
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        parameters.entry(key).or_default().push(value);
    }
    parameters.into_iter().map(|(key, values)| (key, Value::from(values.join(",")))).collect::<Map<_, _>>().into()
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
    use std::time::Duration;

    use http::Request;
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
        event(&parts, body, &found, identity, "id-1", datetime!(2020-03-12 19:03:58.390 UTC))
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
        let claims = json!({"sub": "alice", "exp": 5}).as_object().unwrap().clone();
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
