//! Signing in as OpenID Connect has it, by the local issuer: authorization code with PKCE (RFC 6749, RFC 7636), for pages,
//! which have no secret. Anybody may be anybody; what is checked is what a page has to get right.

mod authorize;
mod codes;
mod page;
mod token;

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Value, json};
use time::OffsetDateTime;

use self::authorize::Asked;
use self::codes::Codes;
use super::answer::{self, Refused};
use super::host;
use super::request::{last, once, repeated};
use super::tokens::Tokens;
use crate::plumbing::http_server::Answer;
use crate::program::log::printable;

/// The provider's endpoints.
pub(crate) struct SignIn {
    tokens: Arc<Tokens>,
    codes: Codes,
    /// Of pages that the template lets call the API.
    origins: Vec<String>,
}

impl SignIn {
    pub(crate) fn new(tokens: Arc<Tokens>, origins: Vec<String>) -> Self {
        Self { tokens, codes: Codes::default(), origins }
    }

    /// Shows who there is to be, or sends the browser back with what is wrong.
    pub(super) fn authorize(&self, query: &[(String, String)], headers: &HeaderMap) -> Answer {
        match self.asked(query, headers) {
            Ok(asked) => page::pick(&asked, query, &self.tokens.users.to_pick()),
            Err(answer) => *answer,
        }
    }

    /// Somebody has said who they are: the browser goes back with a code.
    pub(super) fn signed_in(
        &self,
        query: &[(String, String)],
        form: &[(String, String)],
        headers: &HeaderMap,
        now: OffsetDateTime,
    ) -> Answer {
        let asked = match self.asked(query, headers) {
            Ok(asked) => asked,
            Err(answer) => return *answer,
        };
        let named = form.iter().filter(|(name, _)| name == "username").map(|(_, value)| value.trim());
        let Some(user) = named.rev().find(|name| is_user(name)) else {
            return page::wrong("A user's name has 1 to 128 characters, none of them a control character.");
        };
        self.tokens.users.seen(user);
        let code = self.codes.issue(&asked, user, now);
        page::back(&asked.back(&[("code", &code)]))
    }

    /// Answers the token endpoint.
    pub(super) fn token(&self, form: &[(String, String)], now: OffsetDateTime) -> Answer {
        match token::exchange(&self.tokens, &self.codes, form, now) {
            Ok(tokens) => answer::json(200, &tokens),
            Err(error) => answer::json(400, &json!({"error": error.code(), "error_description": error.to_string()})),
        }
    }

    /// There is no session to end: the browser goes where it is to go.
    pub(super) fn logout(&self, query: &[(String, String)], headers: &HeaderMap) -> Result<Answer, Refused> {
        once(query)?;
        let uri = ["logout_uri", "post_logout_redirect_uri", "redirect_uri"].iter().find_map(|name| last(query, name));
        let Some(uri) = uri else { return Err(answer::bad_request("`logout_uri` is missing".to_owned())) };
        match self.leads_here(uri, headers) {
            true => Ok(page::back(uri)),
            false => Err(answer::bad_request(format!("`logout_uri` is {}", authorize::NOT_HERE))),
        }
    }

    /// What the provider adds to the description of the issuer.
    pub(super) fn describe(description: &mut Value, origin: &str) {
        description["authorization_endpoint"] = format!("{origin}/_local/oauth2/authorize").into();
        description["token_endpoint"] = format!("{origin}/_local/oauth2/token").into();
        description["end_session_endpoint"] = format!("{origin}/_local/logout").into();
        description["response_types_supported"] = json!(["code"]);
        description["grant_types_supported"] = json!(["authorization_code", "refresh_token"]);
        description["code_challenge_methods_supported"] = json!(["S256"]);
        description["token_endpoint_auth_methods_supported"] = json!(["none"]);
        description["scopes_supported"] = json!(["openid"]);
    }

    /// What a request asks for, or the answer that says what is wrong with it.
    fn asked(&self, query: &[(String, String)], headers: &HeaderMap) -> Result<Asked, Box<Answer>> {
        // None may be there more than once (RFC 6749, 3.1), and what is unknown is of no account.
        if let Some(name) = repeated(query) {
            return Err(page::wrong(&format!("`{}` is given more than once.", printable(name))).into());
        }
        let redirect_uri = last(query, "redirect_uri").unwrap_or_default();
        // Whoever cannot be sent back is told here.
        if !self.leads_here(redirect_uri, headers) {
            return Err(page::wrong(&format!("`redirect_uri` is {}.", authorize::NOT_HERE)).into());
        }
        let client_id = last(query, "client_id").unwrap_or_default();
        if !self.tokens.is_client(client_id) {
            let known = self.tokens.client_id();
            return Err(
                page::wrong(&format!("`client_id` is not {known}, which the template's authorizer takes.")).into()
            );
        }
        Asked::read(query, redirect_uri, client_id).map_err(|back| page::back(&back).into())
    }

    /// Whether a URI is of a page that may have tokens: of this machine, or of an origin that the template allows.
    fn leads_here(&self, uri: &str, headers: &HeaderMap) -> bool {
        authorize::origin(uri).is_some_and(|origin| host::is_known(&origin, headers, &self.origins))
    }
}

fn is_user(name: &str) -> bool {
    (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}
