//! What a handler answers, before it is written as HTTP.

use std::borrow::Cow;

use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use model::{Error, List, Page, Position};
use serde::Serialize;
use serde_json::{Map, Value};

/// An answer, and what the request's log line should say about it.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Option<Cow<'static, str>>,
    headers: HeaderMap,
    pub(super) fields: Map<String, Value>,
    pub(super) counts: Vec<(&'static str, u64)>,
}

impl Reply {
    /// An answer with a JSON body.
    ///
    /// # Errors
    /// A view that does not serialise is a bug.
    pub fn json(status: StatusCode, view: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_string(view).map_err(Error::internal)?;
        Ok(Self::new(status, Some(body.into())))
    }

    /// 200 with a text that is JSON already.
    pub fn document(json: &'static str) -> Self {
        Self::new(StatusCode::OK, Some(json.into()))
    }

    /// 200 with one page of the list, each item shown through `view`.
    ///
    /// # Errors
    /// A view that does not serialise is a bug.
    pub fn page<'a, T, C: Position, V: Serialize>(
        list: &List,
        page: &'a Page<T, C>,
        view: impl Fn(&'a T) -> V,
    ) -> Result<Self, Error> {
        #[derive(Serialize)]
        struct PageView<V> {
            items: Vec<V>,
            #[serde(skip_serializing_if = "Option::is_none")]
            cursor: Option<String>,
        }
        let items = page.items.iter().map(view).collect();
        Self::json(StatusCode::OK, &PageView { items, cursor: page.cursor.as_ref().map(|cursor| list.cursor(cursor)) })
    }

    /// 204.
    pub fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT, None)
    }

    /// 304: the caller has it.
    pub fn not_modified() -> Self {
        Self::new(StatusCode::NOT_MODIFIED, None)
    }

    /// 302, to what `location` says.
    pub fn found(location: HeaderValue) -> Self {
        Self::new(StatusCode::FOUND, None).header(LOCATION, location)
    }

    fn new(status: StatusCode, body: Option<Cow<'static, str>>) -> Self {
        let mut headers = HeaderMap::new();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Self { status, body, headers, fields: Map::new(), counts: Vec::new() }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The answer carries a secret: no cache may keep it.
    #[must_use]
    pub fn no_store(self) -> Self {
        self.header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// Adds a field to the request's log line. Never a secret.
    #[must_use]
    pub fn log(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Counts one for a metric.
    #[must_use]
    pub fn count(mut self, metric: &'static str) -> Self {
        self.counts.push((metric, 1));
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body.map_or(Body::Empty, |body| Body::Text(body.into_owned())));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
