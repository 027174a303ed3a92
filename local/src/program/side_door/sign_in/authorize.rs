//! What a page asks the authorization endpoint for.

use form_urlencoded::Serializer;
use http::Uri;

use crate::program::side_door::request::last;

pub(super) const NOT_HERE: &str = "no http(s) URL of this machine or of an origin that the template allows";

/// A request that can be granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    /// To be sent back as it is.
    state: Option<String>,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    /// The verifier's SHA-256 in base64url.
    pub(super) challenge: String,
    /// Who is likely to sign in.
    pub(super) login_hint: String,
}

impl Asked {
    /// Reads the rest of a request whose client and redirection are good.
    ///
    /// # Errors
    /// Where to send the browser, with what is wrong (RFC 6749, 4.1.2.1).
    pub(super) fn read(query: &[(String, String)], redirect_uri: &str, client_id: &str) -> Result<Self, String> {
        let text = |name: &str| last(query, name).filter(|value| !value.is_empty()).map(str::to_owned);
        let asked = Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: text("state"),
            scope: text("scope").unwrap_or_else(|| "openid".to_owned()),
            nonce: text("nonce"),
            challenge: text("code_challenge").unwrap_or_default(),
            login_hint: text("login_hint").unwrap_or_default(),
        };
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let wrong = match () {
            () if last(query, "response_type") != Some("code") => {
                Some(("unsupported_response_type", "response_type is code"))
            }
            () if last(query, "code_challenge_method") != Some("S256") => {
                Some(("invalid_request", "code_challenge_method is S256"))
            }
            () if asked.challenge.len() != 43 || !asked.challenge.bytes().all(is_base64url) => {
                Some(("invalid_request", "code_challenge is the SHA-256 of the verifier in base64url"))
            }
            () => None,
        };
        match wrong {
            Some((error, description)) => Err(asked.back(&[("error", error), ("error_description", description)])),
            None => Ok(asked),
        }
    }

    /// Where the browser goes on, with these parameters and the state.
    pub(super) fn back(&self, parameters: &[(&str, &str)]) -> String {
        let uri = &self.redirect_uri;
        let separator = if uri.contains('?') { '&' } else { '?' };
        let mut query = Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        format!("{uri}{separator}{}", query.finish())
    }
}

/// The origin of an absolute http(s) URL without a fragment and without a user.
pub(super) fn origin(uri: &str) -> Option<String> {
    if uri.contains(['#', '\\']) {
        return None;
    }
    let uri: Uri = uri.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    let is_web = scheme == "http" || scheme == "https";
    (is_web && !authority.contains('@')).then(|| format!("{scheme}://{}", authority.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_that_of_a_web_address() {
        for (uri, expected) in [
            ("http://127.0.0.1:8080/signed-in?a=b", Some("http://127.0.0.1:8080")),
            ("https://App.test", Some("https://app.test")),
            ("http://localhost@evil.test/", None),
            ("http://localhost:8080/#x", None),
            ("http://evil.test\\@localhost/", None),
            ("javascript:alert(1)", None),
            ("app://localhost/", None),
            ("/signed-in", None),
            ("", None),
        ] {
            assert_eq!(origin(uri).as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn the_way_back_keeps_the_query_and_the_state() {
        let pairs = |text: &str| form_urlencoded::parse(text.as_bytes()).into_owned().collect::<Vec<_>>();
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let query = format!(
            "response_type=code&code_challenge={challenge}&code_challenge_method=S256&state=%26a%3Db&scope=openid%20email"
        );
        let asked = Asked::read(&pairs(&query), "http://localhost/back?to=x", "app").unwrap();
        assert_eq!((asked.scope.as_str(), asked.challenge.as_str()), ("openid email", challenge));
        assert_eq!(asked.back(&[("code", "c d")]), "http://localhost/back?to=x&code=c+d&state=%26a%3Db");
        for (from, to, expected) in [
            ("response_type=code", "response_type=token", "error=unsupported_response_type"),
            ("method=S256", "method=plain", "error=invalid_request"),
            (challenge, "short", "error=invalid_request"),
        ] {
            let back = Asked::read(&pairs(&query.replace(from, to)), "http://localhost/back", "app").unwrap_err();
            assert!(back.contains(expected) && back.ends_with("&state=%26a%3Db"), "{back}");
        }
    }
}
