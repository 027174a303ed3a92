//! The token endpoint: a code or a refresh token for tokens, as Cognito answers.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::codes::Codes;
use crate::program::side_door::request::last;
use crate::program::side_door::tokens::{LIFETIME, Tokens};

/// How long somebody stays signed in: Cognito's default.
const REFRESH_LIFETIME: Duration = Duration::days(30);
const REFRESH: &str = "refresh";

/// Why there are no tokens (RFC 6749, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenError {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnsupportedGrantType,
}

impl TokenError {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::InvalidRequest => "a parameter is missing: grant_type, client_id, code, redirect_uri, code_verifier",
            Self::InvalidClient => "client_id is none that the template's authorizer takes",
            Self::InvalidGrant => {
                "the code or refresh token is unknown, used, over, or of another client, redirect_uri or verifier"
            }
            Self::UnsupportedGrantType => "grant_type is authorization_code or refresh_token",
        })
    }
}

/// The answer to a request for tokens.
pub(super) fn exchange(
    tokens: &Tokens,
    codes: &Codes,
    form: &[(String, String)],
    now: OffsetDateTime,
) -> Result<Value, TokenError> {
    let needed = |name: &str| last(form, name).filter(|value| !value.is_empty()).ok_or(TokenError::InvalidRequest);
    let (grant_type, client_id) = (needed("grant_type")?, needed("client_id")?);
    if !tokens.is_client(client_id) {
        return Err(TokenError::InvalidClient);
    }
    match grant_type {
        "authorization_code" => {
            let (code, redirect_uri) = (needed("code")?, needed("redirect_uri")?);
            let verifier = needed("code_verifier")?;
            let grant = codes.redeem(code, now).ok_or(TokenError::InvalidGrant)?;
            let asked = &grant.asked;
            let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            if asked.challenge != challenge || asked.client_id != client_id || asked.redirect_uri != redirect_uri {
                return Err(TokenError::InvalidGrant);
            }
            let session = Session { user: &grant.user, client_id, scope: &asked.scope, since: now.unix_timestamp() };
            let mut answer = session.tokens(tokens, asked.nonce.as_deref(), now);
            answer["refresh_token"] = session.refresh_token(tokens, now).into();
            Ok(answer)
        }
        // As from Cognito, the refresh token stays the same one.
        "refresh_token" => {
            let claims = tokens.issuer.verify(needed("refresh_token")?).map_err(|_| TokenError::InvalidGrant)?;
            let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(TokenError::InvalidGrant);
            let number = |name: &str| claims.get(name).and_then(Value::as_i64).ok_or(TokenError::InvalidGrant);
            let is_over = number("exp")? <= now.unix_timestamp();
            if text("token_use")? != REFRESH || text("client_id")? != client_id || is_over {
                return Err(TokenError::InvalidGrant);
            }
            let session = Session { user: text("sub")?, client_id, scope: text("scope")?, since: number("auth_time")? };
            Ok(session.tokens(tokens, None, now))
        }
        _ => Err(TokenError::UnsupportedGrantType),
    }
}

/// Somebody who is signed in.
struct Session<'a> {
    user: &'a str,
    client_id: &'a str,
    scope: &'a str,
    since: i64,
}

impl Session<'_> {
    fn tokens(&self, tokens: &Tokens, nonce: Option<&str>, now: OffsetDateTime) -> Value {
        let claims = |own: Value| {
            let mut claims = tokens.claims(self.user, now.unix_timestamp(), LIFETIME);
            claims.insert("auth_time".to_owned(), self.since.into());
            claims.extend(own.as_object().cloned().unwrap_or_default());
            tokens.issuer.sign(&claims)
        };
        let mut id = json!({"token_use": "id", "aud": self.client_id, "preferred_username": self.user});
        if let Some(nonce) = nonce {
            id["nonce"] = nonce.into();
        }
        let access = json!({"token_use": "access", "client_id": self.client_id, "scope": self.scope});
        json!({
            "access_token": claims(access),
            "id_token": claims(id),
            "token_type": "Bearer",
            "expires_in": LIFETIME,
        })
    }

    /// It names no issuer, so that the API does not take it.
    fn refresh_token(&self, tokens: &Tokens, now: OffsetDateTime) -> String {
        let claims: Map<String, Value> = [
            ("sub", Value::from(self.user)),
            ("client_id", self.client_id.into()),
            ("scope", self.scope.into()),
            ("auth_time", self.since.into()),
            ("token_use", REFRESH.into()),
            ("exp", (now + REFRESH_LIFETIME).unix_timestamp().into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        tokens.issuer.sign(&claims)
    }
}
