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

/// Builds the event.
pub(crate) fn event(
    request: &Parts,
    body: &[u8],
    found: &Match<'_>,
    identity: Option<&Identity>,
    request_id: &str,
    now: OffsetDateTime,
) -> Value {
    let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
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
            "sourceIp": "127.0.0.1",
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
        "headers": headers(&request.headers),
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
fn headers(headers: &HeaderMap) -> Value {
    let names = headers.keys().filter(|name| **name != COOKIE);
    let mut joined: Map<String, Value> = names
        .map(|name| {
            let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            (name.to_string(), Value::from(values.collect::<Vec<_>>().join(",")))
        })
        .collect();
    for (name, value) in [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "http")] {
        joined.entry(name).or_insert_with(|| value.into());
    }
    joined.into()
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
            "rawPath": "/stages/a%20b",
            "rawQueryString": "p=1&q=x+y&p=2",
            "cookies": ["a=1", "b=2"],
            "headers": {
                "host": "127.0.0.1:8080", "x-two": "1,2", "content-type": "application/json",
                "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http",
            },
            "queryStringParameters": {"p": "1,2", "q": "x y"},
            "requestContext": {
                "accountId": "000000000000", "apiId": "local",
                "authorizer": {"jwt": {"claims": {"sub": "alice", "exp": "5"}, "scopes": null}},
                "domainName": "127.0.0.1:8080", "domainPrefix": "local",
                "http": {
                    "method": "POST", "path": "/stages/a%20b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
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
