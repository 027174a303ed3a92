//! The JWT authorizer of an HTTP API.
//!
//! It checks what API Gateway checks (`http-api-jwt-authorizer` in its guide): `kid`, `iss`, `aud` or else
//! `client_id`, `exp`, `nbf`, `iat`, the signature (RSA only), and the route's scopes against `scope` or `scp`.

use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::aws::cognito::{InvalidToken, Issuer};
use crate::template::JwtAuthorizer;

/// A caller whose token is good.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identity {
    pub(crate) claims: Arc<Map<String, Value>>,
    /// The token's scopes, if the route asks for some.
    pub(crate) scopes: Option<Vec<String>>,
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 401 without a reason: there is no token.
    Missing,
    /// 401: what is wrong with the token.
    Invalid(InvalidToken),
    /// 403: the token has none of the route's scopes.
    Scope,
}

/// Checks the token in the `authorization` header, with or without `Bearer`.
pub(crate) fn authorize(
    authorizer: &JwtAuthorizer,
    issuer: &Issuer,
    scopes: &[String],
    header: Option<&str>,
    now: OffsetDateTime,
) -> Result<Identity, Refusal> {
    let token = token(header).ok_or(Refusal::Missing)?;
    let claims = issuer.verify(token).map_err(Refusal::Invalid)?;
    check(authorizer, &claims, now).map_err(Refusal::Invalid)?;
    if scopes.is_empty() {
        return Ok(Identity { claims, scopes: None });
    }
    let granted = granted_scopes(&claims);
    match granted.iter().any(|scope| scopes.contains(scope)) {
        true => Ok(Identity { claims, scopes: Some(granted) }),
        false => Err(Refusal::Scope),
    }
}

/// The token in an `authorization` header, if there is one.
pub(crate) fn token(header: Option<&str>) -> Option<&str> {
    let header = header.unwrap_or_default().trim();
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        None if header.eq_ignore_ascii_case("bearer") => "",
        _ => header,
    };
    (!token.is_empty()).then_some(token)
}

fn check(authorizer: &JwtAuthorizer, claims: &Map<String, Value>, now: OffsetDateTime) -> Result<(), InvalidToken> {
    let now = now.unix_timestamp() as f64;
    let time = |name: &str| match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(InvalidToken::MalformedTime),
    };
    if claims.get("iss").and_then(Value::as_str) != Some(authorizer.issuer.as_str()) {
        return Err(InvalidToken::Issuer);
    }
    let audience = claims.get("aud").filter(|audience| !audience.is_null()).or_else(|| claims.get("client_id"));
    if !strings(audience).any(|audience| authorizer.audiences.iter().any(|known| known == audience)) {
        return Err(InvalidToken::Audience);
    }
    match time("exp")? {
        Some(expiry) if expiry > now => {}
        Some(_) => return Err(InvalidToken::Expired),
        None => return Err(InvalidToken::NoExpiry),
    }
    if time("nbf")?.is_some_and(|from| from > now) {
        return Err(InvalidToken::NotYetValid);
    }
    if time("iat")?.is_some_and(|issued| issued > now) {
        return Err(InvalidToken::IssuedInFuture);
    }
    Ok(())
}

fn granted_scopes(claims: &Map<String, Value>) -> Vec<String> {
    let scopes = claims.get("scope").or_else(|| claims.get("scp"));
    strings(scopes).flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// A claim that is a string or a list of strings.
fn strings(claim: Option<&Value>) -> impl Iterator<Item = &str> {
    let elements = match claim {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    elements.iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2030-01-01 0:00 UTC);

    fn authorizer() -> JwtAuthorizer {
        JwtAuthorizer { issuer: "https://issuer.test".into(), audiences: vec!["app".into()] }
    }

    /// Good claims with some replaced.
    fn claims(changes: Value) -> Map<String, Value> {
        let now = NOW.unix_timestamp();
        let mut claims =
            json!({"sub": "alice", "iss": "https://issuer.test", "aud": "app", "iat": now, "exp": now + 60});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object().unwrap().clone()
    }

    fn attempt(changes: Value, scopes: &[&str]) -> Result<Identity, Refusal> {
        let issuer = Issuer::ephemeral().unwrap();
        let token = issuer.sign(&claims(changes));
        let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        authorize(&authorizer(), &issuer, &scopes, Some(&format!("Bearer {token}")), NOW)
    }

    #[test]
    fn a_good_token_is_let_in_with_or_without_bearer() {
        let issuer = Issuer::ephemeral().unwrap();
        let token = issuer.sign(&claims(json!({})));
        for header in [token.clone(), format!("Bearer {token}"), format!("bearer {token}")] {
            let identity = authorize(&authorizer(), &issuer, &[], Some(&header), NOW).unwrap();
            assert_eq!((identity.claims["sub"].as_str(), identity.scopes), (Some("alice"), None));
        }
    }

    #[test]
    fn no_token_is_missing() {
        let issuer = Issuer::ephemeral().unwrap();
        for header in [None, Some(""), Some("Bearer ")] {
            assert_eq!(authorize(&authorizer(), &issuer, &[], header, NOW), Err(Refusal::Missing));
        }
    }

    #[test]
    fn each_wrong_claim_is_told() {
        let now = NOW.unix_timestamp();
        for (changes, expected) in [
            (json!({"iss": "https://other.test"}), "the token does not have a valid issuer"),
            (json!({"aud": "other"}), "the token does not have a valid audience"),
            (json!({"aud": "other", "client_id": "app"}), "the token does not have a valid audience"),
            (json!({"aud": null}), "the token does not have a valid audience"),
            (json!({"exp": now}), "the token has expired"),
            (json!({"exp": null}), "the token does not have an expiry"),
            (json!({"exp": "soon"}), "the token has a malformed time"),
            (json!({"nbf": now + 1}), "the token is not valid yet"),
            (json!({"iat": now + 1}), "the token was issued in the future"),
        ] {
            let Err(Refusal::Invalid(what)) = attempt(changes.clone(), &[]) else { panic!("{changes} is let in") };
            assert_eq!(what.to_string(), expected);
        }
    }

    #[test]
    fn the_client_id_stands_in_for_an_audience() {
        assert!(attempt(json!({"aud": null, "client_id": "app"}), &[]).is_ok());
        assert!(attempt(json!({"aud": ["x", "app"]}), &[]).is_ok());
    }

    #[test]
    fn one_of_the_scopes_of_a_route_suffices() {
        let identity = attempt(json!({"scope": "a b"}), &["b", "c"]).unwrap();
        assert_eq!(identity.scopes, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert!(attempt(json!({"scp": ["b"]}), &["b"]).is_ok());
        assert_eq!(attempt(json!({"scope": "a"}), &["b"]), Err(Refusal::Scope));
        assert_eq!(attempt(json!({}), &["b"]), Err(Refusal::Scope));
    }
}
