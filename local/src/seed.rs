//! What the template's owner would do by hand after a deployment: put signing keys in place.

use anyhow::{Context, anyhow};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::aws::{Endpoint, Service, ServiceError};
use crate::pem;
use crate::template::{KeyPairPurpose, Secret};

/// Declares the template's secrets, and makes the key pairs that they ask for and do not have yet.
pub(crate) fn seed(endpoint: &Endpoint, secrets: &[Secret], stack: &str, now: OffsetDateTime) -> anyhow::Result<()> {
    for secret in secrets {
        let arn = endpoint.secrets.declare(&secret.name, &secret.description);
        let has_value = endpoint.secrets.call("GetSecretValue", &json!({"SecretId": arn}), now).is_ok();
        if let Some(purpose) = secret.key_pair_for
            && !has_value
        {
            let cannot = || format!("cannot put a signing key into {}", secret.name);
            let value = import_key_pair(endpoint, purpose, stack, now).with_context(cannot)?;
            let put = json!({
                "SecretId": arn,
                "SecretString": value.to_string(),
                "ClientRequestToken": crate::random::uuid(),
            });
            endpoint.secrets.call("PutSecretValue", &put, now).map_err(|error| failed(&error)).with_context(cannot)?;
        }
    }
    Ok(())
}

/// Makes a P-384 pair and imports its public half into IVS; the answer is what the secret holds.
fn import_key_pair(
    endpoint: &Endpoint,
    purpose: KeyPairPurpose,
    name: &str,
    now: OffsetDateTime,
) -> anyhow::Result<Value> {
    // The operation that imports such a key, and the member of its answer that has the ARN.
    let (operation, member) = match purpose {
        KeyPairPurpose::ParticipantTokens => ("ImportPublicKey", "publicKey"),
        KeyPairPurpose::PlaybackTokens => ("ImportPlaybackKeyPair", "keyPair"),
    };
    let unspecified = |_| anyhow!("cannot make a P-384 key");
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(unspecified)?;
    let private = pair.to_pkcs8v1().map_err(unspecified)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(unspecified)?;
    let import = json!({"name": name, "publicKeyMaterial": pem::encode("PUBLIC KEY", public.as_ref())});
    let imported = endpoint.ivs.call(operation, &import, now).map_err(|error| failed(&error))?;
    let key = &imported[member]["arn"];
    Ok(json!({"keyId": key, "privateKey": pem::encode("PRIVATE KEY", private.as_ref())}))
}

fn failed(error: &ServiceError) -> anyhow::Error {
    anyhow!("{}: {}", error.code, error.message)
}
