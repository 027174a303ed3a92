//! From a function's result to an HTTP answer, by the rules of payload 2.0.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::Bytes;
use serde_json::Value;

use crate::plumbing::http_server::{self, Answer, Body};

/// The answer that a function's result describes; `None` if it describes none, which is the function's error.
///
/// A result with `statusCode` is taken apart; any other JSON is itself the body of a 200.
pub(crate) fn answer(payload: &[u8]) -> Option<Answer> {
    let result: Value = serde_json::from_slice(payload).ok()?;
    let Some(status) = result.get("statusCode") else {
        let body = match result {
            Value::String(text) => text,
            other => other.to_string(),
        };
        return Some(http_server::answer(200, "application/json", body));
    };
    let status = match status {
        Value::String(text) => text.parse().ok()?,
        number => u16::try_from(number.as_u64()?).ok()?,
    };
    let mut answer = Response::new(Body::complete(body(&result)?));
    *answer.status_mut() = StatusCode::from_u16(status).ok()?;
    let headers = answer.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    for (name, value) in result.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name: HeaderName = name.parse().ok()?;
        // The server frames the body itself.
        if name != http::header::CONTENT_LENGTH && name != http::header::TRANSFER_ENCODING {
            headers.insert(name, header_value(value)?);
        }
    }
    for cookie in result.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        headers.append(http::header::SET_COOKIE, header_value(cookie)?);
    }
    Some(answer)
}

fn body(result: &Value) -> Option<Bytes> {
    let text = match result.get("body") {
        None | Some(Value::Null) => return Some(Bytes::new()),
        Some(body) => body.as_str()?,
    };
    match result.get("isBase64Encoded").and_then(Value::as_bool) {
        Some(true) => STANDARD.decode(text).ok().map(Bytes::from),
        _ => Some(Bytes::copy_from_slice(text.as_bytes())),
    }
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    async fn parts(result: Value) -> Option<(u16, Vec<(String, String)>, Vec<u8>)> {
        let answer = answer(result.to_string().as_bytes())?;
        let mut headers: Vec<_> =
            answer.headers().iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect();
        headers.sort();
        let status = answer.status().as_u16();
        Some((status, headers, answer.into_body().collect().await.unwrap().to_bytes().to_vec()))
    }

    fn content_type(value: &str) -> (String, String) {
        ("content-type".to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn a_described_answer_is_taken_apart() {
        let result = json!({
            "statusCode": 201, "headers": {"Content-Type": "application/json", "X-N": 1}, "cookies": ["a=1", "b=2"],
            "body": "e30=", "isBase64Encoded": true,
        });
        let cookie = |value: &str| ("set-cookie".to_owned(), value.to_owned());
        let headers =
            vec![content_type("application/json"), cookie("a=1"), cookie("b=2"), ("x-n".to_owned(), "1".to_owned())];
        assert_eq!(parts(result).await, Some((201, headers, b"{}".to_vec())));
    }

    #[tokio::test]
    async fn any_other_json_is_the_body_of_a_200() {
        let json = vec![content_type("application/json")];
        assert_eq!(parts(json!({"a": 1})).await, Some((200, json.clone(), br#"{"a":1}"#.to_vec())));
        assert_eq!(parts(json!("hello")).await, Some((200, json, b"hello".to_vec())));
    }

    #[tokio::test]
    async fn an_answer_without_a_type_is_plain_text() {
        let expected = (204, vec![content_type("text/plain;charset=UTF-8")], Vec::new());
        assert_eq!(parts(json!({"statusCode": "204"})).await, Some(expected));
    }

    #[tokio::test]
    async fn a_malformed_answer_is_none() {
        for result in [
            json!({"statusCode": "abc"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"statusCode": 200, "headers": {"bad name": "x"}}),
            json!({"statusCode": 200, "body": "!", "isBase64Encoded": true}),
        ] {
            assert_eq!(parts(result).await, None);
        }
        assert!(answer(b"not json").is_none());
    }
}
