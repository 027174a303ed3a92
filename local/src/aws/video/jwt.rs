//! JSON Web Tokens (RFC 7519) in compact form, taken apart.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// How a token is signed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) typ: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
}

/// A token taken apart; nothing is said yet about its signature.
pub(crate) struct Jwt<'a, C> {
    pub(crate) header: Header,
    pub(crate) claims: C,
    /// What the signature is of.
    pub(crate) message: &'a str,
    pub(crate) signature: Vec<u8>,
}

impl<'a, C: for<'de> Deserialize<'de>> Jwt<'a, C> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// What is malformed. The text of the token is not quoted.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let three_parts = "a token has three parts, separated by dots";
        let (message, signature) = text.rsplit_once('.').ok_or(three_parts)?;
        let (header, claims) = message.split_once('.').ok_or(three_parts)?;
        let token = Self {
            header: part("header", header)?,
            claims: part("claims", claims)?,
            message,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| "the signature is not base64url")?,
        };
        if token.header.typ == "JWT" { Ok(token) } else { Err("the header's typ is not JWT".to_owned()) }
    }
}

fn part<T: for<'de> Deserialize<'de>>(name: &str, base64: &str) -> Result<T, String> {
    let cannot = |reason: &str| format!("the token's {name} cannot be read: {reason}");
    let json = URL_SAFE_NO_PAD.decode(base64).map_err(|_| cannot("not base64url"))?;
    serde_json::from_slice(&json).map_err(|error| cannot(&error.to_string()))
}
