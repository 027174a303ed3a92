//! The built pages of the project, on the API's port, and the configuration that they ask for.
//!
//! A route of the template wins over a page of the same path.

pub(crate) mod build;
mod file;
mod paths;

use std::path::{Path, PathBuf};

use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use self::paths::Page;
use crate::plumbing::http_server::{self, Answer, set_header};

/// A directory of built pages.
pub(crate) struct Pages {
    directory: PathBuf,
}

/// What a request for a page comes to.
pub(crate) enum Found {
    Answer(Answer),
    /// There is such a page, but it has not been built.
    Unbuilt,
}

impl Pages {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The project that the directory is built from.
    pub(crate) fn project(&self) -> &Path {
        self.directory.parent().unwrap_or(&self.directory)
    }

    /// What there is for a `GET` or a `HEAD`; `None` if it asks for no page and no file.
    pub(crate) async fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<Found> {
        let path = percent_decode_str(uri.path().strip_prefix('/')?).decode_utf8().ok()?;
        let segments: Vec<_> = path.split('/').collect();
        if let Some(page) = paths::instead(&segments) {
            let mut found = http_server::answer(302, "text/plain", "");
            set_header(&mut found, "location", page);
            return Some(Found::Answer(found));
        }
        let page = paths::page(&segments);
        // A name of a channel, say, is no name of a file.
        let name = match page {
            Some(page) => page.file,
            None if segments.iter().all(|segment| is_plain(segment)) => path.as_ref(),
            None => return None,
        };
        let (directory, file) = (self.directory.clone(), name.to_owned());
        let content = tokio::task::spawn_blocking(move || read(&directory, &file)).await.ok().flatten();
        match content {
            Some(content) => Some(Found::Answer(file::answer(name, content, page, headers))),
            None => page.map(|_: &Page| Found::Unbuilt),
        }
    }
}

/// What `/config.json` tells the pages: where the API is, and where and as whom one signs in. All is of the origin that
/// was asked, by whatever name.
pub(crate) fn config(origin: &str, client_id: &str) -> Value {
    json!({"api": origin, "signIn": sign_in(origin, client_id), "local": true})
}

/// The provider's part of it.
pub(crate) fn sign_in(origin: &str, client_id: &str) -> Value {
    json!({
        "authorizeUrl": format!("{origin}/_local/oauth2/authorize"),
        "tokenUrl": format!("{origin}/_local/oauth2/token"),
        "logoutUrl": format!("{origin}/_local/logout"),
        "clientId": client_id,
        "scope": "openid",
    })
}

/// The configuration as an answer.
pub(crate) fn config_answer(config: &Value) -> Answer {
    let mut answer = http_server::json(200, config);
    set_header(&mut answer, "cache-control", "no-store");
    set_header(&mut answer, "x-content-type-options", "nosniff");
    answer
}

/// Whether a segment of a path can only mean a file below: nothing hidden, no way up, no drive.
fn is_plain(segment: &str) -> bool {
    !segment.is_empty() && !segment.starts_with('.') && !segment.contains(['\\', ':', '\0'])
}

/// A regular file of the directory; none that a link leads to outside.
fn read(directory: &Path, name: &str) -> Option<Vec<u8>> {
    let directory = directory.canonicalize().ok()?;
    let file = directory.join(name).canonicalize().ok()?;
    (file.starts_with(&directory) && file.is_file()).then(|| std::fs::read(file).ok()).flatten()
}
