//! A deployment, and two users who are signed in to it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::answer::{Failure, Said};
use crate::http::{Caller, Secrets};

/// For how long a request is repeated that is answered "not now": IVS throttles, and a name may be held by a create
/// that died for as long as its lease.
const RETRY_LIMIT: Duration = Duration::from_secs(60);
/// API Gateway answers within 30 seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(35);
/// Between looks at a list, which may lag behind writes.
const PAUSE: Duration = Duration::from_millis(300);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The first user, who owns what is made.
    Alice,
    /// The second user, a guest.
    Bob,
    /// Somebody without a token.
    Nobody,
}

/// How something that a case did is undone.
#[derive(Debug, Clone)]
enum Undo {
    Delete(Who, String),
    Put(Who, String, Value),
}

/// A deployment, and two users who are signed in to it.
pub struct Target {
    anonymous: Caller,
    users: [User; 2],
    /// Stands in every name that this run makes.
    run: String,
    undo: Mutex<Vec<Undo>>,
    secrets: Secrets,
}

struct User {
    caller: Caller,
    id: String,
}

impl Target {
    /// A deployment by its base URL, and two users by their tokens.
    ///
    /// # Errors
    /// A URL or a token that cannot be one, or two tokens of the same user.
    pub fn new(url: &str, alice: &str, bob: &str) -> Result<Self, String> {
        let url = url.trim_end_matches('/');
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err("API_URL starts with https://".to_owned());
        }
        let secrets = Secrets::default();
        let anonymous = Caller::new(url.to_owned(), secrets.clone())?;
        let user = |name: &str, token: &str| {
            let id = subject(token).ok_or_else(|| format!("{name} is no JWT with a `sub`"))?;
            Ok::<_, String>(User { caller: anonymous.with_token(token), id })
        };
        let users = [user("ALICE_TOKEN", alice)?, user("BOB_TOKEN", bob)?];
        if users[0].id == users[1].id {
            return Err("ALICE_TOKEN and BOB_TOKEN are tokens of the same user".to_owned());
        }
        let mut random = [0; 5];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| "the system has no randomness to give".to_owned())?;
        let run = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { anonymous, users, run, undo: Mutex::default(), secrets })
    }

    /// The user's id, as the API names it.
    pub(super) fn id(&self, who: Who) -> &str {
        match who {
            Who::Alice => &self.users[0].id,
            Who::Bob => &self.users[1].id,
            Who::Nobody => "",
        }
    }

    /// A name that no other run has.
    pub(super) fn name(&self, what: &str) -> String {
        format!("smoke-{}-{what}", self.run)
    }

    /// The path of something that Alice is about to make, which is deleted at the end.
    pub(super) fn new_path(&self, collection: &str, what: &str) -> String {
        let path = format!("/{collection}/{}", self.name(what));
        self.note(Undo::Delete(Who::Alice, path.clone()));
        path
    }

    /// Has what is there now be there again at the end.
    pub(super) fn restore(&self, who: Who, path: &str, body: Option<Value>) {
        self.note(match body {
            Some(body) => Undo::Put(who, path.to_owned(), body),
            None => Undo::Delete(who, path.to_owned()),
        });
    }

    fn note(&self, undo: Undo) {
        self.undo.lock().unwrap_or_else(PoisonError::into_inner).push(undo);
    }

    pub(super) async fn get(&self, who: Who, path: &str) -> Result<Said, Failure> {
        self.ask(who, "GET", path, None).await
    }

    pub(super) async fn put(&self, who: Who, path: &str, body: Value) -> Result<Said, Failure> {
        self.ask(who, "PUT", path, Some(body)).await
    }

    pub(super) async fn post(&self, who: Who, path: &str, body: Value) -> Result<Said, Failure> {
        self.ask(who, "POST", path, Some(body)).await
    }

    pub(super) async fn patch(&self, who: Who, path: &str, body: Value) -> Result<Said, Failure> {
        self.ask(who, "PATCH", path, Some(body)).await
    }

    pub(super) async fn delete(&self, who: Who, path: &str) -> Result<Said, Failure> {
        self.ask(who, "DELETE", path, None).await
    }

    /// As somebody who has this token and is none of the users.
    pub(super) async fn get_with(&self, token: &str, path: &str) -> Result<Said, Failure> {
        self.send(&self.anonymous.with_token(token), "GET", path, None).await
    }

    async fn ask(&self, who: Who, method: &str, path: &str, body: Option<Value>) -> Result<Said, Failure> {
        let caller = match who {
            Who::Alice => &self.users[0].caller,
            Who::Bob => &self.users[1].caller,
            Who::Nobody => &self.anonymous,
        };
        self.send(caller, method, path, body).await
    }

    /// Sends a request, again for as long as the answer is "not now" and patience lasts.
    async fn send(&self, caller: &Caller, method: &str, path: &str, body: Option<Value>) -> Result<Said, Failure> {
        let request = format!("{method} {path}");
        let headers: &[_] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let started = Instant::now();
        loop {
            let sent = timeout(ANSWER_LIMIT, caller.try_send(method, path, headers, body.clone())).await;
            let answer = sent
                .map_err(|_| Failure::new(format!("{request}: no answer within {} seconds", ANSWER_LIMIT.as_secs())))?
                .map_err(|cause| Failure::new(format!("{request}: no answer: {cause}")))?;
            // A function throttled by Lambda, or a request by API Gateway, is told no time.
            let pause = Duration::from_secs(answer.header("retry-after").parse().unwrap_or(1).max(1));
            if !matches!(answer.status, 429 | 503) || started.elapsed() + pause > RETRY_LIMIT {
                return Ok(Said { request, answer });
            }
            sleep(pause).await;
        }
    }

    /// Looks through Alice's list until it has an item of this name, and answers it.
    pub(super) async fn listed(&self, list: &str, name: &str) -> Result<Value, Failure> {
        let started = Instant::now();
        while started.elapsed() < RETRY_LIMIT {
            let mut cursor = String::new();
            loop {
                let page = self.get(Who::Alice, &format!("{list}?limit=100{cursor}")).await?.json(200)?;
                let mut items = page["items"].as_array().into_iter().flatten();
                if let Some(item) = items.find(|item| item["name"] == name) {
                    return Ok(item.clone());
                }
                match page["cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            sleep(PAUSE).await;
        }
        Err(Failure::new(format!("GET {list}: {name} is not on the list after {} seconds", RETRY_LIMIT.as_secs())))
    }

    /// Undoes what was done, the last first, and says what could not be undone. If this is cut short, the next call
    /// begins with what was under way.
    pub async fn clean_up(&self) -> Vec<String> {
        let mut left = Vec::new();
        loop {
            let undo = self.undo.lock().unwrap_or_else(PoisonError::into_inner).last().cloned();
            let undone = match undo {
                None => return left,
                Some(Undo::Delete(who, path)) => self.delete(who, &path).await.and_then(|said| said.json(204)),
                Some(Undo::Put(who, path, body)) => self.put(who, &path, body).await.and_then(|said| {
                    // New, or in place of what the case saved.
                    if said.answer.status == 201 { said.json(201) } else { said.json(200) }
                }),
            };
            self.undo.lock().unwrap_or_else(PoisonError::into_inner).pop();
            left.extend(undone.err().map(|failure| format!("left behind: {failure}")));
        }
    }

    /// A text without the tokens and keys that this run knows.
    pub fn redacted(&self, text: &str) -> String {
        self.secrets.redacted(text)
    }
}

/// Whom a token names. The API checks the token; here it is only read.
fn subject(token: &str) -> Option<String> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&claims).ok()?["sub"].as_str().map(str::to_owned)
}

/// A text as a segment of a path.
pub(super) fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
