//! Shows the document, or that the caller has it already.

use std::hash::{DefaultHasher, Hash, Hasher};

use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::HeaderValue;
use lambda_http::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use model::Error;

use crate::route::Route;

/// What people read and review, and tests compare with the template and the code.
const DOCUMENT: &str = include_str!("../openapi.json");

/// A deployment may change the document; clients hear of it within five minutes.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// What the route needs.
pub(crate) struct Handler {
    /// The same for every instance of one build, and different once the document is.
    etag: String,
}

impl Handler {
    pub(crate) fn new() -> Self {
        let mut hasher = DefaultHasher::new();
        DOCUMENT.hash(&mut hasher);
        Self { etag: format!("\"{:016x}\"", hasher.finish()) }
    }

    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        match Route::of(route(&request)) {
            Some(Route::Get) => self.get(&request),
            None => Err(Error::NotFound("route")),
        }
    }

    fn get(&self, request: &Request) -> Result<Reply, Error> {
        Input::none(request)?;
        let reply = if self.is_held(request) { Reply::not_modified() } else { Reply::document(DOCUMENT) };
        let etag = HeaderValue::from_str(&self.etag).map_err(Error::internal)?;
        Ok(reply.header(CACHE_CONTROL, CACHING).header(ETAG, etag))
    }

    /// Whether `if-none-match` names this document. A cache may have made the tag a weak one.
    fn is_held(&self, request: &Request) -> bool {
        let held = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
        held.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }
}
