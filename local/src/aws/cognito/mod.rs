//! The local OpenID Connect issuer: stands in for the user pool or identity provider of the template.
//!
//! Its tokens carry the `iss` and `aud` that the template's authorizer asks for, signed by a key of its own. Tokens of
//! a real provider are good as well, if its keys are given.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::{Context, anyhow};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};

use crate::plumbing::pem;
use crate::plumbing::state_file;
use crate::plumbing::sync::lock;

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidToken {
    Malformed,
    Algorithm,
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    MalformedTime,
    NoExpiry,
    Expired,
    NotYetValid,
    IssuedInFuture,
}

impl fmt::Display for InvalidToken {
    /// The descriptions are those that API Gateway puts into `www-authenticate` where they are known.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the token is malformed",
            Self::Algorithm => "the token is signed by an unsupported algorithm",
            Self::UnknownKey => "the token is signed by an unknown key",
            Self::Signature => "the token has an invalid signature",
            Self::Issuer => "the token does not have a valid issuer",
            Self::Audience => "the token does not have a valid audience",
            Self::MalformedTime => "the token has a malformed time",
            Self::NoExpiry => "the token does not have an expiry",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::IssuedInFuture => "the token was issued in the future",
        })
    }
}

/// Signs tokens by RS256, the one algorithm of user pools, and checks those of any issuer that API Gateway takes.
pub(crate) struct Issuer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    jwk: Jwk,
    /// The keys of another issuer, by id.
    trusted: Vec<(String, DecodingKey)>,
    /// Tokens with a good signature, and their claims: keys do not change, so that a signature stays good.
    verified: Mutex<HashMap<String, Arc<Map<String, Value>>>>,
}

/// Tokens that are remembered; one more, and all are forgotten.
const MOST_VERIFIED: usize = 1_000;

const KEY_ID: &str = "local";

/// What API Gateway verifies: "RSA-based algorithms".
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];

impl Issuer {
    /// An issuer with the key in `file`, which is made if it does not exist.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that holds something else.
    pub(crate) fn open(file: &Path) -> anyhow::Result<Self> {
        let key = match fs::read(file) {
            Ok(key) => key,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = generate()?;
                pem::write_private(file, &key)?;
                key.into_bytes()
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        Self::from_pem(&key).map_err(|_| state_file::broken(file, "it is no RSA private key"))
    }

    /// An issuer with a key that lasts as long as the process.
    pub(crate) fn ephemeral() -> anyhow::Result<Self> {
        static KEY: OnceLock<String> = OnceLock::new();
        let key = match KEY.get() {
            Some(key) => key,
            None => {
                let key = generate()?;
                KEY.get_or_init(|| key)
            }
        };
        Self::from_pem(key.as_bytes())
    }

    fn from_pem(key: &[u8]) -> anyhow::Result<Self> {
        let encoding = EncodingKey::from_rsa_pem(key)?;
        let mut jwk = Jwk::from_encoding_key(&encoding, Algorithm::RS256)?;
        jwk.common.key_id = Some(KEY_ID.to_owned());
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        let decoding = DecodingKey::from_jwk(&jwk)?;
        Ok(Self { encoding, decoding, jwk, trusted: Vec::new(), verified: Mutex::default() })
    }

    /// The same, which also accepts what the keys of a JSON Web Key Set have signed.
    ///
    /// # Errors
    /// A file that cannot be read, that is no key set, or that has no usable RSA key.
    pub(crate) fn trusting(mut self, file: &Path) -> anyhow::Result<Self> {
        let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let set: JwkSet =
            serde_json::from_slice(&text).with_context(|| format!("{} is no JSON Web Key Set", file.display()))?;
        for jwk in &set.keys {
            if let (Some(id), Ok(key)) = (&jwk.common.key_id, DecodingKey::from_jwk(jwk)) {
                self.trusted.push((id.clone(), key));
            }
        }
        match self.trusted.is_empty() {
            true => Err(anyhow!("{} has no key with a `kid`", file.display())),
            false => Ok(self),
        }
    }

    /// Signs claims as they are.
    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY_ID.to_owned());
        // The key was accepted when this issuer was made, and JSON values always serialize.
        jsonwebtoken::encode(&header, claims, &self.encoding).unwrap_or_default()
    }

    /// The claims of a token that this issuer signed, unchecked beyond the signature; or what is wrong with it.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Map<String, Value>>, InvalidToken> {
        if let Some(claims) = lock(&self.verified).get(token) {
            return Ok(Arc::clone(claims));
        }
        let claims = Arc::new(self.decode(token)?);
        let mut verified = lock(&self.verified);
        if verified.len() >= MOST_VERIFIED {
            verified.clear();
        }
        verified.insert(token.to_owned(), Arc::clone(&claims));
        Ok(claims)
    }

    fn decode(&self, token: &str) -> Result<Map<String, Value>, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken::Malformed)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(InvalidToken::Algorithm);
        }
        let id = header.kid.as_deref().unwrap_or_default();
        let trusted = self.trusted.iter().find(|(trusted, _)| trusted == id).map(|(_, key)| key);
        let Some(key) = trusted.or((id == KEY_ID).then_some(&self.decoding)) else {
            return Err(InvalidToken::UnknownKey);
        };
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, key, &validation);
        decoded.map(|token| token.claims).map_err(|_| InvalidToken::Signature)
    }

    /// The key set, as an OpenID provider publishes it.
    pub(crate) fn key_set(&self) -> Value {
        json!({"keys": [self.jwk]})
    }
}

fn generate() -> anyhow::Result<String> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("cannot make an RSA key"))?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| anyhow!("cannot encode an RSA key"))?;
    Ok(pem::encode("PRIVATE KEY", der.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plumbing::state_file::tests::TemporaryDirectory;

    fn claims() -> Map<String, Value> {
        json!({"sub": "alice"}).as_object().unwrap().clone()
    }

    fn verified(issuer: &Issuer, token: &str) -> Result<Map<String, Value>, String> {
        issuer.verify(token).map(|claims| claims.as_ref().clone()).map_err(|what| what.to_string())
    }

    #[test]
    fn a_token_gives_back_its_claims() {
        let issuer = Issuer::ephemeral().unwrap();
        assert_eq!(verified(&issuer, &issuer.sign(&claims())), Ok(claims()));
    }

    #[test]
    fn a_changed_token_is_refused_also_after_the_unchanged_one() {
        let issuer = Issuer::ephemeral().unwrap();
        let token = issuer.sign(&claims());
        let (head, _) = token.rsplit_once('.').unwrap();
        assert_eq!(verified(&issuer, &token), Ok(claims()));
        assert_eq!(verified(&issuer, &format!("{head}.AAAA")), Err("the token has an invalid signature".to_owned()));
        assert_eq!(verified(&issuer, "nonsense"), Err("the token is malformed".to_owned()));
    }

    #[test]
    fn a_token_of_another_algorithm_is_refused() {
        let issuer = Issuer::ephemeral().unwrap();
        let secret = EncodingKey::from_secret(b"secret");
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let token = jsonwebtoken::encode(&Header::new(algorithm), &claims(), &secret).unwrap();
            assert_eq!(verified(&issuer, &token), Err("the token is signed by an unsupported algorithm".to_owned()));
        }
    }

    #[test]
    fn every_rsa_signature_with_sha_2_is_taken() {
        let issuer = Issuer::ephemeral().unwrap();
        for algorithm in [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512] {
            let mut header = Header::new(algorithm);
            header.kid = Some(KEY_ID.to_owned());
            let token = jsonwebtoken::encode(&header, &claims(), &issuer.encoding).unwrap();
            assert_eq!(verified(&issuer, &token), Ok(claims()), "{algorithm:?}");
            let (head, _) = token.rsplit_once('.').unwrap();
            let changed = format!("{head}.AAAA");
            assert_eq!(verified(&issuer, &changed), Err("the token has an invalid signature".to_owned()));
        }
    }

    #[test]
    fn a_token_of_a_provider_whose_keys_are_given_is_good() {
        let provider = |id: &str| {
            let mut provider = Issuer::from_pem(generate().unwrap().as_bytes()).unwrap();
            provider.jwk.common.key_id = Some(id.to_owned());
            provider
        };
        let token_of = |provider: &Issuer, id: &str| {
            let mut header = Header::new(Algorithm::RS256);
            header.kid = Some(id.to_owned());
            jsonwebtoken::encode(&header, &claims(), &provider.encoding).unwrap()
        };
        let (theirs, strangers) = (provider("theirs"), provider("strangers"));
        let directory = TemporaryDirectory::new();
        fs::write(directory.file(), theirs.key_set().to_string()).unwrap();
        let issuer = Issuer::ephemeral().unwrap().trusting(&directory.file()).unwrap();
        assert_eq!(verified(&issuer, &token_of(&theirs, "theirs")), Ok(claims()));
        assert_eq!(verified(&issuer, &issuer.sign(&claims())), Ok(claims()));
        for (signer, id, what) in [
            (&strangers, "theirs", "the token has an invalid signature"),
            (&theirs, "local", "the token has an invalid signature"),
            (&strangers, "strangers", "the token is signed by an unknown key"),
        ] {
            assert_eq!(verified(&issuer, &token_of(signer, id)), Err(what.to_owned()), "{id}");
        }
        let untrusting = Issuer::ephemeral().unwrap();
        assert_eq!(
            verified(&untrusting, &token_of(&theirs, "theirs")),
            Err("the token is signed by an unknown key".to_owned())
        );
    }

    #[test]
    fn a_file_that_is_no_key_set_is_refused_and_named() {
        let directory = TemporaryDirectory::new();
        for (text, what) in [("{}", "is no JSON Web Key Set"), (r#"{"keys": []}"#, "has no key with a `kid`")] {
            fs::write(directory.file(), text).unwrap();
            let said = format!("{:#}", Issuer::ephemeral().unwrap().trusting(&directory.file()).err().unwrap());
            assert!(said.contains(what) && said.contains(&directory.file().display().to_string()), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_kept_and_named_with_what_to_delete() {
        let directory = TemporaryDirectory::new();
        for garbage in [&b"garbage"[..], b"\xff\xfe"] {
            fs::write(directory.file(), garbage).unwrap();
            let said = Issuer::open(&directory.file()).err().unwrap().to_string();
            assert!(said.contains("is broken (it is no RSA private key): delete the whole data directory"), "{said}");
            assert_eq!(fs::read(directory.file()).unwrap(), garbage);
        }
    }

    #[test]
    fn the_key_set_names_its_key() {
        let set = Issuer::ephemeral().unwrap().key_set();
        assert_eq!(
            (&set["keys"][0]["kid"], &set["keys"][0]["kty"], &set["keys"][0]["alg"]),
            (&json!("local"), &json!("RSA"), &json!("RS256"))
        );
    }
}
