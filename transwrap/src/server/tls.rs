//! The server's own certificate, where nothing in front of it has one.

use std::sync::Arc;

use aws_client::{Aws, AwsFailure, sdk_client};
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no certificate. It shows nothing of the secret.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The secret cannot be had.
    #[error("the secret of TLS_SECRET_ARN cannot be read")]
    Secret(#[source] model::Error),
    /// It is not what it should be.
    #[error("the secret of TLS_SECRET_ARN must be {{\"certificate\", \"privateKey\"}}, both PEM, and belong together")]
    Invalid,
}

/// What the secret holds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pair {
    certificate: String,
    private_key: String,
}

/// Fetches the certificate, with its chain, and its key.
///
/// # Errors
/// The secret cannot be read, or it is none.
pub async fn acceptor(aws: &Aws, secret: &str) -> Result<TlsAcceptor, TlsError> {
    let client = sdk_client!(aws, aws_sdk_secretsmanager, "SECRETS_MANAGER");
    let value = client.get_secret_value().secret_id(secret).send().await;
    let value = value
        .map_err(|error| TlsError::Secret(AwsFailure::new("secretsmanager:GetSecretValue", &error).into_error()))?;
    let pair: Pair = serde_json::from_str(value.secret_string().unwrap_or_default()).map_err(|_| TlsError::Invalid)?;
    config(&pair).map(|config| TlsAcceptor::from(Arc::new(config)))
}

fn config(pair: &Pair) -> Result<ServerConfig, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect();
    let chain = chain.map_err(|_| TlsError::Invalid)?;
    let key = PrivateKeyDer::from_pem_slice(pair.private_key.as_bytes()).map_err(|_| TlsError::Invalid)?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).map_err(|_| TlsError::Invalid)?;
    // WebSocket over HTTP/2 is another handshake.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        let text = BASE64_STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn a_certificate_and_its_key_make_a_server_and_another_key_does_not() {
        let made = || rcgen::generate_simple_self_signed(vec!["live.example.com".to_owned()]).unwrap();
        let (own, other) = (made(), made());
        let pair = |key: &rcgen::KeyPair| Pair {
            certificate: pem("CERTIFICATE", own.cert.der()),
            private_key: pem("PRIVATE KEY", &key.serialize_der()),
        };
        assert!(config(&pair(&own.signing_key)).is_ok());
        assert!(matches!(config(&pair(&other.signing_key)), Err(TlsError::Invalid)));
        let empty = Pair { certificate: String::new(), private_key: String::new() };
        assert!(matches!(config(&empty), Err(TlsError::Invalid)));
    }
}
