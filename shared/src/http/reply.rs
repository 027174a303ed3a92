//! What a handler answers, before it is written as HTTP.

use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;
use crate::domain::Page;

/// An answer, and what the request's log line should say about it.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Option<String>,
    no_store: bool,
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
        Ok(Self { status, body: Some(body), no_store: false, fields: Map::new(), counts: Vec::new() })
    }

    /// 200 with one page of a list, each item shown through `view`.
    ///
    /// # Errors
    /// A view that does not serialise is a bug.
    pub fn page<'a, T, C: ToString, V: Serialize>(
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
        Self::json(StatusCode::OK, &PageView { items, cursor: page.cursor.as_ref().map(ToString::to_string) })
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, no_store: false, fields: Map::new(), counts: Vec::new() }
    }

    /// The answer carries a secret: no cache may keep it.
    #[must_use]
    pub fn no_store(mut self) -> Self {
        self.no_store = true;
        self
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
        let mut response = Response::new(self.body.map_or(Body::Empty, Body::Text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status != StatusCode::NO_CONTENT {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if self.no_store {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }
}
