//! A caller of the API, as a frontend is one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::contract::Document;

/// A request under way.
pub type Request<'a> = std::pin::Pin<Box<dyn Future<Output = Answer> + 'a>>;

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A header's value, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Fails the test unless this is a problem of that status and type.
    #[track_caller]
    pub fn expect_problem(self, status: u16, r#type: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text);
        assert_eq!(answer.json()["type"], r#type, "{}", answer.text);
        answer
    }
}

/// Somebody who calls the API with a token, or without one.
#[derive(Clone)]
pub struct Caller {
    client: HttpClient,
    base: String,
    authorization: Option<String>,
    /// Whom the token names.
    who: String,
    secrets: Secrets,
}

/// Texts that were given to callers and that no log line may show.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    texts: Arc<Mutex<BTreeSet<String>>>,
    /// Every answer that a user was given, headers and body.
    answers: Arc<Mutex<Vec<(String, String)>>>,
}

impl Secrets {
    pub(crate) fn insert(&self, text: &str) {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned());
    }

    /// Remembers every secret field of an answer.
    fn insert_from(&self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.insert_from(item)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(text) if matches!(name.as_str(), "token" | "streamKey") && text.len() > 8 => {
                            self.insert(text);
                        }
                        _ => self.insert_from(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn keep(&self, who: &str, answer: &Answer) {
        let text = format!("{:?} {}", answer.headers, answer.text);
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push((who.to_owned(), text));
    }

    /// Fails the test if any answer has shown the owner's key to somebody else.
    pub(crate) fn check_key(&self, owner: &str, key: &str) {
        for (who, answer) in self.answers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            assert!(who == owner || !answer.contains(key), "{who} was shown a stream key of {owner}'s: {answer}");
        }
    }

    /// The secret that a text shows. The signature of a token is the part that makes it one.
    pub(crate) fn shown_by(&self, text: &str) -> Option<String> {
        let secrets = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let telling = |secret: &str| -> String {
            let signature = secret.rsplit('.').next().unwrap_or_default();
            if signature.len() > 20 { signature.to_owned() } else { secret.to_owned() }
        };
        secrets.iter().find(|secret| text.contains(&telling(secret))).cloned()
    }
}

impl Caller {
    pub(crate) fn new(base: String, secrets: Secrets) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base, authorization: None, who: String::new(), secrets }
    }

    /// The same connections with another user's token.
    #[must_use]
    pub(crate) fn of_user(&self, who: &str, token: &str) -> Self {
        Self { who: who.to_owned(), ..self.with_token(token) }
    }

    /// The same connections with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        // A test's "x" is no secret.
        if token.len() > 20 {
            self.secrets.insert(token);
        }
        Self { authorization: Some(format!("Bearer {token}")), ..self.clone() }
    }

    /// Sends a request with exactly these headers, besides the caller's token.
    ///
    /// # Panics
    /// When there is no answer, or one that the API's document does not allow for.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = ::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("the request is well-formed");
        let response = self.client.request(request).await.expect("the API answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the answer is complete").to_bytes();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&body).into(),
        };
        self.secrets.insert_from(&answer.json());
        self.secrets.keep(&self.who, &answer);
        if let Some(fault) = Document::read().forbids(method, path, &answer) {
            panic!("{method} {path} is answered by {answer:?}, which openapi.json does not allow for: {fault}");
        }
        answer
    }

    async fn json(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json("PUT", path, body).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.json("POST", path, body).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json("PATCH", path, body).await
    }
}
