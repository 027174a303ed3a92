//! Payload 2.0 of API Gateway: the event of a request, and the answer to it.
//!
//! `lambda_http` would make an URI of the decoded path, which is another one if it holds a `#` or a `?`, and panics where
//! there is none. Nobody here asks for the URI: paths come as parameters.

use std::collections::{BTreeMap, HashMap};

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};
use serde::{Deserialize, Serialize};

/// What is read of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    raw_query_string: Option<String>,
    headers: Option<HashMap<String, String>>,
    path_parameters: Option<HashMap<String, String>>,
    request_context: ApiGatewayV2httpRequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl Event {
    /// The request, of which parameters, headers, body and context are the event's.
    pub(super) fn into_request(self) -> Request {
        let text = self.body.as_deref();
        let body = text.map_or(Body::Empty, |text| Body::from_maybe_encoded(self.is_base64_encoded, text));
        // Not `queryStringParameters`, where a parameter that is given twice and one with a comma look the same.
        let query: QueryMap = self.raw_query_string.unwrap_or_default().parse().unwrap_or_default();
        let mut request = Request::new(body)
            .with_query_string_parameters(query)
            .with_path_parameters(self.path_parameters.unwrap_or_default());
        *request.method_mut() = self.request_context.http.method.clone();
        *request.headers_mut() = headers(self.headers.unwrap_or_default());
        request.with_request_context(RequestContext::ApiGatewayV2(self.request_context))
    }
}

/// Those that are headers; one that HTTP does not allow is nobody's here.
fn headers(headers: HashMap<String, String>) -> HeaderMap {
    let valid = headers.into_iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    valid.collect()
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

impl From<Response<Body>> for Answer {
    /// Every answer is a text, or empty.
    fn from(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            status_code: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            body: if let Body::Text(text) = body { Some(text) } else { None },
            is_base64_encoded: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(event: serde_json::Value) -> Request {
        let mut whole = json!({"version": "2.0", "requestContext": {"http": {"method": "GET"}, "requestId": "id-1"}});
        whole.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        serde_json::from_str::<Event>(&whole.to_string()).unwrap().into_request()
    }

    #[test]
    fn a_path_that_was_decoded_makes_no_difference_to_its_parameters() {
        for id in ["a#b", "a?b", "a b", "a%2Fb", "a\"<>{}|\\^`b", "é", "a\u{0}b", ""] {
            let request = request(json!({
                "rawPath": format!("/users/{id}"), "rawQueryString": "limit=5", "pathParameters": {"userId": id},
                "headers": {"host": "api.example", "x-forwarded-proto": "1 no scheme"},
            }));
            assert_eq!(request.path_parameters().first("userId"), Some(id));
            assert_eq!(request.query_string_parameters().first("limit"), Some("5"), "{id}");
        }
    }

    #[test]
    fn a_header_or_a_query_that_http_does_not_allow_keeps_no_request_from_being_read() {
        let request = request(json!({
            "rawQueryString": "limit=<\"5\">&limit={|}&a=%zz&&=", "body": "e30=", "isBase64Encoded": true,
            "headers": {"content-type": "application/json", "user-agent": "é", "x-line": "a\nb", "no name": "x"},
        }));
        assert_eq!(request.query_string_parameters().all("limit"), Some(vec!["<\"5\">", "{|}"]));
        assert_eq!(&request.headers()["content-type"], "application/json");
        assert_eq!(request.headers().len(), 2);
        assert_eq!(&request.body()[..], b"{}");
    }
}
