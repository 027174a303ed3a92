//! ES384 with keys from Secrets Manager: what participant tokens and playback tokens share.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use crate::secret;

/// How long a key goes on signing while Secrets Manager does not say whether it is still the one. After that, its
/// public half may be gone from IVS ([`super::signing_keys::RETENTION`]).
pub const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Signs one kind of token with a key from a secret.
pub trait Signer: Sized + Send + Sync {
    /// Makes a signer of a key's id and its private half in PEM.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    fn from_secret(key_id: &str, pem: &str) -> Result<Self, InvalidSigningKey>;
}

/// The secret holds no usable key. The text never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of a key and a P-384 private key in PEM form (PKCS#8 or SEC 1)")]
pub struct InvalidSigningKey;

secret!(
    /// A private key in PEM (PKCS#8).
    PrivatePem
);

/// A new P-384 pair in PEM, as IVS and Secrets Manager take its halves.
#[derive(Debug)]
pub struct KeyPair {
    /// For IVS: SubjectPublicKeyInfo.
    pub public: String,
    /// For the secret.
    pub private: PrivatePem,
}

impl KeyPair {
    /// Makes one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn generate() -> Result<Self, crate::Error> {
        let failed = |_| crate::Error::internal("a P-384 key could not be made");
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(failed)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
        let private = pair.to_pkcs8v1().map_err(failed)?;
        Ok(Self {
            public: pem("PUBLIC KEY", public.as_ref()),
            private: PrivatePem::new(pem("PRIVATE KEY", private.as_ref())),
        })
    }
}

/// DER as openssl would write it: lines of 64 characters (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, letter) in BASE64_STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text + &format!("\n-----END {label}-----\n")
}

/// A P-384 private key. Parsed once, where JWT crates parse the key for every token. A signature costs some 80 µs in the
/// release build (x86_64; `cargo bench -p aws-signer`).
pub(super) struct PrivateKey(EcdsaKeyPair);

impl PrivateKey {
    /// Reads a private key, as `openssl ecparam -name secp384r1 -genkey` or `openssl genpkey` write it.
    pub(super) fn from_pem(pem: &str) -> Result<Self, InvalidSigningKey> {
        let der = pem_body(pem).ok_or(InvalidSigningKey)?;
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_FIXED_SIGNING, &der);
        pair.map(Self).map_err(|_| InvalidSigningKey)
    }

    /// Encodes a header for [`Self::sign`].
    pub(super) fn header(header: &serde_json::Value) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(header.to_string()) + "."
    }

    /// Signs a payload as a compact JWS with ES384 (RFC 7515, RFC 7518 section 3.4: r and s, 48 bytes each).
    pub(super) fn sign(&self, header: &str, payload: &[u8]) -> Result<String, crate::Error> {
        let mut text = String::with_capacity(1024);
        text.push_str(header);
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut text);
        let signature = self
            .0
            .sign(&SystemRandom::new(), text.as_bytes())
            .map_err(|_| crate::Error::internal("a token could not be signed"))?;
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text)
    }

    /// Header and payload of a compact JWS, if this key has signed it.
    pub(super) fn verify(&self, token: &str) -> Option<[serde_json::Value; 2]> {
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let (signed, signature) = token.rsplit_once('.')?;
        let public = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, self.0.public_key().as_ref());
        public.verify(signed.as_bytes(), &decode(signature)?).ok()?;
        let (header, payload) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice(&decode(part)?).ok();
        Some([json(header)?, json(payload)?])
    }
}

/// What a compact JWS says, whoever has signed it.
pub(super) fn payload(token: &str) -> Option<serde_json::Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

/// The bytes of the private key block. `openssl ecparam -genkey` writes the curve's parameters in a block before it.
fn pem_body(pem: &str) -> Option<Vec<u8>> {
    let mut lines = pem.lines().map(str::trim);
    lines.find(|line| line.starts_with("-----BEGIN") && line.ends_with("PRIVATE KEY-----"))?;
    let body: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    BASE64_STANDARD.decode(body).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::encoding::EcPrivateKeyRfc5915Der;

    use super::*;

    /// A new private key in PEM.
    pub(crate) fn private_pem() -> String {
        KeyPair::generate().unwrap().private.expose().to_owned()
    }

    #[test]
    fn the_halves_of_a_new_pair_belong_together() {
        let pair = KeyPair::generate().unwrap();
        let private = PrivateKey::from_pem(pair.private.expose()).unwrap();
        let spki: PublicKeyX509Der<'_> = private.0.public_key().as_der().unwrap();
        assert_eq!(pair.public, pem("PUBLIC KEY", spki.as_ref()));
        assert!(pair.public.lines().all(|line| line.len() <= 64), "{}", pair.public);
        assert_eq!(format!("{:?}", pair.private), "PrivatePem(redacted)");
    }

    #[test]
    fn the_signature_is_96_raw_bytes_that_the_public_key_verifies() {
        let key = PrivateKey::from_pem(&private_pem()).unwrap();
        let token = key.sign(&PrivateKey::header(&serde_json::json!({"alg": "ES384"})), b"{}").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(signature.len(), 96);
        let public = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key.0.public_key().as_ref().to_vec());
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
    }

    #[test]
    fn both_pem_forms_of_one_key_are_read() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
        // What `openssl ecparam -genkey` writes first.
        let parameters = "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n";
        for pem in [
            pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
            parameters.to_owned() + &pem("EC PRIVATE KEY", sec1.as_ref()),
        ] {
            let key = PrivateKey::from_pem(&pem).unwrap();
            assert_eq!(key.0.public_key().as_ref(), pair.public_key().as_ref());
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_quoted() {
        let p256 =
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----";
        for pem in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", p256] {
            let error = PrivateKey::from_pem(pem).unwrap_err();
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_key_does_not_show_itself_in_debug() {
        assert_eq!(format!("{:?}", PrivateKey::from_pem(&private_pem()).unwrap()), "PrivateKey(redacted)");
    }
}
