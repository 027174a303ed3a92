//! A caller of the API, as a frontend is one.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::answer::Answer;
use crate::contract::Document;

/// A request under way.
pub type Request<'a> = std::pin::Pin<Box<dyn Future<Output = Answer> + 'a>>;

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

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
                        Some(text) if matches!(name.as_str(), "token" | "streamKey" | "ticket") && text.len() > 8 => {
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

    /// A text with every secret, and the signature of every token, left out.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let secrets = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        // The longest first: one may be part of another.
        let mut hidden: Vec<&str> =
            secrets.iter().map(String::as_str).chain(secrets.iter().map(|s| telling(s))).collect();
        hidden.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        hidden.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// The secret that a text shows.
    pub(crate) fn shown_by(&self, text: &str) -> Option<String> {
        let secrets = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().find(|secret| text.contains(telling(secret))).cloned()
    }
}

/// The signature of a token, which is the part that makes it one; else the whole secret.
fn telling(secret: &str) -> &str {
    secret.rsplit('.').next().filter(|signature| signature.len() > 20).unwrap_or(secret)
}

fn tls(is_needed: bool) -> Result<ClientConfig, Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match is_needed {
        true => config.with_native_roots()?,
        false => config.with_root_certificates(RootCertStore::empty()),
    };
    Ok(config.with_no_client_auth())
}

/// What went wrong, and why: the client's own errors say only the first.
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Caller {
    /// Nobody in particular. The certificates that the system trusts are read if the base URL asks for TLS.
    pub(crate) fn new(base: String, secrets: Secrets) -> Result<Self, String> {
        let tls = tls(base.starts_with("https:")).map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, base, authorization: None, who: String::new(), secrets })
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
        let answer = self.try_send(method, path, headers, body).await;
        let answer = answer.unwrap_or_else(|cause| panic!("the API answers: {cause}"));
        if let Some(fault) = Document::read().forbids(method, path, &answer) {
            panic!("{method} {path} is answered by {answer:?}, which openapi.json does not allow for: {fault}");
        }
        answer
    }

    /// The same without a look at the document, and why there is no answer if there is none.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let mut request = ::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).map_err(|error| with_causes(&error))?;
        let response = self.client.request(request).await.map_err(|error| with_causes(&error))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| with_causes(&error))?.to_bytes();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&body).into(),
        };
        self.secrets.insert_from(&answer.json());
        self.secrets.keep(&self.who, &answer);
        Ok(answer)
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
