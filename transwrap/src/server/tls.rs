//! The server's own certificate, where nothing in front of it has one. It is renewed while the server runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_client::{Aws, AwsFailure, SdkClient, sdk_client};
use aws_sdk_secretsmanager::Client;
use serde::Deserialize;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

/// How often the secret is read again: a certificate is renewed weeks before the old one ends.
const EVERY: Duration = Duration::from_secs(60 * 60);

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

/// The certificate, with its chain and key, as the secret had it last.
pub struct Certificate {
    client: SdkClient<Client>,
    secret: String,
    shown: Arc<Shown>,
}

impl Certificate {
    /// Reads the secret.
    ///
    /// # Errors
    /// The secret cannot be read, or it is none.
    pub async fn read(aws: &Aws, secret: String) -> Result<Self, TlsError> {
        let client = sdk_client!(aws, aws_sdk_secretsmanager, "SECRETS_MANAGER");
        let shown = Arc::new(Shown(RwLock::new(Arc::new(fetch(&client, &secret).await?))));
        Ok(Self { client, secret, shown })
    }

    /// Shakes hands with whatever was read last.
    pub fn acceptor(&self) -> TlsAcceptor {
        let shown: Arc<dyn ResolvesServerCert> = Arc::<Shown>::clone(&self.shown);
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(shown);
        // WebSocket over HTTP/2 is another handshake.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reads the secret again from time to time, until it is dropped. The old certificate stays where that fails.
    pub async fn keep_up(&self) {
        loop {
            sleep(EVERY).await;
            match self.read_again().await {
                Ok(true) => tracing::info!("the certificate is another one"),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the certificate stays as it is")
                }
            }
        }
    }

    /// Reads the secret again. True: it has another certificate.
    async fn read_again(&self) -> Result<bool, TlsError> {
        let read = fetch(&self.client, &self.secret).await?;
        let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_another = shown.cert != read.cert;
        *shown = Arc::new(read);
        Ok(is_another)
    }
}

/// What browsers are shown.
struct Shown(RwLock<Arc<CertifiedKey>>);

/// Nothing of the key.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

async fn fetch(client: &Client, secret: &str) -> Result<CertifiedKey, TlsError> {
    let value = client.get_secret_value().secret_id(secret).send().await;
    let value = value
        .map_err(|error| TlsError::Secret(AwsFailure::new("secretsmanager:GetSecretValue", &error).into_error()))?;
    let pair: Pair = serde_json::from_str(value.secret_string().unwrap_or_default()).map_err(|_| TlsError::Invalid)?;
    certified(&pair)
}

fn certified(pair: &Pair) -> Result<CertifiedKey, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect();
    let chain = chain.map_err(|_| TlsError::Invalid)?;
    let key = PrivateKeyDer::from_pem_slice(pair.private_key.as_bytes()).map_err(|_| TlsError::Invalid)?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|_| TlsError::Invalid)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use aws_client::{AwsConfig, Trust};
    use aws_credential_types::Credentials;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use http::{Response, StatusCode};
    use http_body_util::Full;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use rcgen::{CertifiedKey as Made, KeyPair};
    use serde_json::json;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;

    const NAME: &str = "live.example.com";

    fn made() -> Made<KeyPair> {
        rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap()
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let text = BASE64_STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    fn pair(own: &Made<KeyPair>, key: &KeyPair) -> Pair {
        Pair { certificate: pem("CERTIFICATE", own.cert.der()), private_key: pem("PRIVATE KEY", &key.serialize_der()) }
    }

    #[test]
    fn a_certificate_and_its_key_make_a_server_and_another_key_does_not() {
        let (own, other) = (made(), made());
        assert!(certified(&pair(&own, &own.signing_key)).is_ok());
        assert!(matches!(certified(&pair(&own, &other.signing_key)), Err(TlsError::Invalid)));
        let empty = Pair { certificate: String::new(), private_key: String::new() };
        assert!(matches!(certified(&empty), Err(TlsError::Invalid)));
    }

    /// What Secrets Manager answers.
    type Answer = Arc<Mutex<(StatusCode, String)>>;

    fn secret(own: &Made<KeyPair>, key: &KeyPair) -> (StatusCode, String) {
        let Pair { certificate, private_key } = pair(own, key);
        let text = json!({"certificate": certificate, "privateKey": private_key}).to_string();
        (StatusCode::OK, json!({"SecretString": text}).to_string())
    }

    async fn secrets_manager(answer: Answer) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                let service = service_fn(move |_| {
                    let (status, body) = answer.lock().unwrap().clone();
                    let response = Response::builder().status(status).body(Full::new(bytes::Bytes::from(body)));
                    async { Ok::<_, Infallible>(response.unwrap()) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        address
    }

    /// What a browser is shown that trusts these.
    async fn shown(acceptor: &TlsAcceptor, trusted: &[&Made<KeyPair>]) -> Vec<u8> {
        let mut roots = RootCertStore::empty();
        for made in trusted {
            roots.add(made.cert.der().clone()).unwrap();
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let (client, server) = tokio::io::duplex(1 << 16);
        let connector = TlsConnector::from(Arc::new(config));
        let (client, server) =
            tokio::join!(connector.connect(NAME.try_into().unwrap(), client), acceptor.accept(server));
        server.unwrap();
        client.unwrap().get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_never() {
        let (old, new) = (made(), made());
        let answer: Answer = Arc::new(Mutex::new(secret(&old, &old.signing_key)));
        let aws = Aws::new(AwsConfig {
            region: "eu-west-1".to_owned(),
            credentials: Credentials::new("test", "test", None, None, "test"),
            endpoint: Some(format!("http://{}", secrets_manager(Arc::clone(&answer)).await)),
            endpoints: [].into(),
            trust: Trust::System,
        });
        let certificate = Certificate::read(&aws, "secret".to_owned()).await.unwrap();
        let acceptor = certificate.acceptor();
        let gone = json!({"__type": "ResourceNotFoundException"}).to_string();
        for broken in [secret(&new, &old.signing_key), (StatusCode::BAD_REQUEST, gone)] {
            *answer.lock().unwrap() = broken;
            assert!(certificate.read_again().await.is_err());
            assert_eq!(shown(&acceptor, &[&old, &new]).await, old.cert.der().to_vec());
        }
        *answer.lock().unwrap() = secret(&new, &new.signing_key);
        assert!(certificate.read_again().await.unwrap());
        assert_eq!(shown(&acceptor, &[&old, &new]).await, new.cert.der().to_vec());
        assert!(!certificate.read_again().await.unwrap());
    }
}
