//! The front door: the pages of the project, or one that says what runs where.

use std::path::Path;

use http::request::Parts;
use http::{HeaderMap, Method};

use super::{SideDoor, answer, host, routes};
use crate::plumbing::http_server::Answer;
use crate::program::pages::{self, Found};

impl SideDoor {
    /// The answer to a request for a page or a file of one; `None` if it asks for something else.
    pub(crate) async fn show(&self, request: &Parts) -> Option<Answer> {
        let found = self.find(request).await?;
        let foreign = host::foreign(&request.uri, &request.headers);
        Some(foreign.map_or(found, |name| answer::refused(&host::refusal(&name, self.overview.api_url()))))
    }

    async fn find(&self, request: &Parts) -> Option<Answer> {
        let Parts { method, uri, headers, .. } = request;
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        let Some(pages) = &self.pages else {
            return (uri.path() == "/").then(|| self.show_overview(None));
        };
        if uri.path() == "/config.json" {
            return Some(pages::config_answer(&pages::config(&self.origin(headers), self.tokens.client_id())));
        }
        match pages.find(uri, headers).await? {
            Found::Answer(answer) => Some(answer),
            Found::Unbuilt => Some(self.show_overview(Some(pages.project()))),
        }
    }

    /// What runs where; `unbuilt` is the project of the pages that would be here.
    pub(super) fn show_overview(&self, unbuilt: Option<&Path>) -> Answer {
        answer::page(self.overview.page(routes::routes(), unbuilt))
    }

    /// The origin by which a request came: this machine has more names than one.
    pub(super) fn origin(&self, headers: &HeaderMap) -> String {
        host::origin(headers).unwrap_or_else(|| self.overview.api_url().to_owned())
    }
}
