//! The tokens of the local issuer: whom they are for, and what they say.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::answer::{Refused, bad_request};
use super::request::{last, number, once};
use super::routes::PREFIX;
use crate::aws::cognito::Issuer;
use crate::program::users::Users;
use crate::template::JwtAuthorizer;

/// How long a token is good unless it says otherwise, seconds.
pub(super) const LIFETIME: i64 = 12 * 60 * 60;

/// Makes tokens that the API takes.
pub(crate) struct Tokens {
    pub(crate) issuer: Arc<Issuer>,
    /// Whom they are made for; an API may have no authorizer.
    pub(crate) authorizer: Option<JwtAuthorizer>,
    /// Whom they were made for.
    pub(crate) users: Arc<Users>,
}

impl Tokens {
    /// A token for `sub`, good for 12 hours.
    pub(crate) fn for_user(&self, sub: &str, now: OffsetDateTime) -> String {
        self.issuer.sign(&self.claims(sub, now.unix_timestamp(), LIFETIME))
    }

    /// A token that says what the query does.
    ///
    /// # Errors
    /// `exp` is no number, a claim is given more than once, or `sub` is empty: the API takes no token of nobody's.
    pub(super) fn by_query(&self, query: &[(String, String)], now: OffsetDateTime) -> Result<String, Refused> {
        once(query)?;
        if last(query, "sub") == Some("") {
            return Err(bad_request("`sub` is whom the token is for".to_owned()));
        }
        let lifetime = number(last(query, "exp"), "exp", LIFETIME, "a number of seconds from now")?;
        let mut claims = self.claims("alice", now.unix_timestamp(), lifetime);
        for (key, value) in query.iter().filter(|(key, _)| key != "exp") {
            if value.is_empty() {
                claims.remove(key);
            } else {
                // A list, such as that of Cognito's groups, is written as JSON.
                let list = serde_json::from_str(value).ok().filter(Value::is_array);
                claims.insert(key.clone(), list.unwrap_or_else(|| value.as_str().into()));
            }
        }
        if let Some(user) = claims.get("sub").and_then(Value::as_str) {
            self.users.seen(user);
        }
        Ok(self.issuer.sign(&claims))
    }

    /// What a token of `sub` says, `lifetime` seconds long.
    pub(super) fn claims(&self, sub: &str, now: i64, lifetime: i64) -> Map<String, Value> {
        let mut claims = Map::from_iter([
            ("sub".to_owned(), sub.into()),
            ("iat".to_owned(), now.into()),
            ("exp".to_owned(), now.saturating_add(lifetime).into()),
        ]);
        if let Some(authorizer) = &self.authorizer {
            claims.insert("iss".to_owned(), authorizer.issuer.as_str().into());
            if let Some(audience) = authorizer.audiences.first() {
                claims.insert("aud".to_owned(), audience.as_str().into());
            }
        }
        claims
    }

    /// Who the pages are to the issuer.
    pub(super) fn client_id(&self) -> &str {
        let audience = self.authorizer.as_ref().and_then(|authorizer| authorizer.audiences.first());
        audience.map_or("local", String::as_str)
    }

    /// Whether the API takes tokens of this client.
    pub(super) fn is_client(&self, id: &str) -> bool {
        self.authorizer.as_ref().is_none_or(|authorizer| authorizer.audiences.iter().any(|audience| audience == id))
    }

    /// The issuer as OpenID Connect Discovery describes one.
    pub(super) fn openid_configuration(&self, origin: &str) -> Value {
        json!({
            "issuer": self.authorizer.as_ref().map(|authorizer| &authorizer.issuer),
            "jwks_uri": format!("{origin}{PREFIX}.well-known/jwks.json"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
        })
    }
}
