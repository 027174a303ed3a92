//! The certificate of RTMPS: a certificate authority of this local cloud's own, and a server certificate that it signs at
//! each start.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SigningKey,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::plumbing::pem;
use crate::plumbing::state_file::broken;

/// Whom the server certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long clients trust an authority that they were told to trust.
const AUTHORITY_LIFETIME: Duration = Duration::days(3_650);
/// Some clients take none that lives longer than 398 days.
const SERVER_LIFETIME: Duration = Duration::days(397);
/// Clocks differ, in virtual machines above all.
const LEEWAY: Duration = Duration::days(1);

/// A certificate authority.
pub(crate) struct Authority {
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// The authority whose key and certificate are in these files, which are made if they do not exist.
    ///
    /// # Errors
    /// Files that cannot be read or written, or that hold something else.
    pub(crate) fn open(key_file: &Path, certificate_file: &Path, now: OffsetDateTime) -> anyhow::Result<Self> {
        if let (Some(key), Some(certificate)) = (read(key_file)?, read(certificate_file)?) {
            let key = PrivatePkcs8KeyDer::from_pem_slice(&key)
                .ok()
                .and_then(|der| KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256).ok());
            let key = key.ok_or_else(|| broken(key_file, "it is no P-256 private key"))?;
            let certificate = CertificateDer::from_pem_slice(&certificate);
            let certificate = certificate.map_err(|_| broken(certificate_file, "it is no certificate"))?;
            return Ok(Self { key, certificate });
        }
        let authority = Self::ephemeral(now)?;
        pem::write_private(key_file, &pem::encode("PRIVATE KEY", authority.key.serialized_der()))?;
        fs::write(certificate_file, authority.certificate_pem())
            .with_context(|| format!("cannot write {}", certificate_file.display()))?;
        Ok(authority)
    }

    /// An authority that is gone with the process.
    pub(crate) fn ephemeral(now: OffsetDateTime) -> anyhow::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = authority();
        params.not_before = now - LEEWAY;
        params.not_after = now + AUTHORITY_LIFETIME;
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self { key, certificate })
    }

    /// Its certificate, for clients that are to trust it.
    pub(crate) fn certificate_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.certificate)
    }

    /// What does the server's part of TLS, with a new certificate.
    ///
    /// # Errors
    /// None that is known; the libraries have them.
    pub(crate) fn acceptor(&self, now: OffsetDateTime) -> anyhow::Result<TlsAcceptor> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.not_before = now - LEEWAY;
        params.not_after = now + SERVER_LIFETIME;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = signed(&params, &key, &self.key)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate, self.certificate.clone()];
        Ok(TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key)?)))
    }
}

fn signed(
    params: &CertificateParams,
    key: &KeyPair,
    by: &impl SigningKey,
) -> Result<CertificateDer<'static>, rcgen::Error> {
    let authority = authority();
    Ok(params.signed_by(key, &Issuer::from_params(&authority, by))?.der().clone())
}

/// What names the authority: the same at each start, so that what it signs leads to the certificate in the file.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "local cloud");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn read(file: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;
    use crate::plumbing::clock;
    use crate::plumbing::state_file::tests::TemporaryDirectory;

    /// Whether a client that trusts this certificate reaches the server by that name.
    async fn trusts(certificate_pem: &str, acceptor: &TlsAcceptor, name: &'static str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
        let (near, far) = tokio::io::duplex(64 << 10);
        let serve = async {
            if let Ok(mut stream) = acceptor.accept(far).await {
                let _ = stream.write_all(b"x").await;
                let _ = stream.flush().await;
            }
        };
        let ask = async {
            let mut stream = connector.connect(ServerName::try_from(name).unwrap(), near).await.ok()?;
            stream.read_u8().await.ok()
        };
        tokio::join!(serve, ask).1 == Some(b'x')
    }

    #[tokio::test]
    async fn a_client_that_trusts_the_authority_reaches_this_machine_by_its_names_alone() {
        let authority = Authority::ephemeral(clock::now()).unwrap();
        let acceptor = authority.acceptor(clock::now()).unwrap();
        for name in NAMES {
            assert!(trusts(&authority.certificate_pem(), &acceptor, name).await, "{name}");
        }
        assert!(!trusts(&authority.certificate_pem(), &acceptor, "example.com").await);
        let other = Authority::ephemeral(clock::now()).unwrap();
        assert!(!trusts(&other.certificate_pem(), &acceptor, "localhost").await);
    }

    #[tokio::test]
    async fn a_certificate_that_was_trusted_once_is_good_after_a_restart() {
        let directory = TemporaryDirectory::new();
        let (key, certificate) = (directory.file(), directory.file().with_extension("pem"));
        let before = Authority::open(&key, &certificate, clock::now()).unwrap().certificate_pem();
        assert_eq!(fs::read_to_string(&certificate).unwrap(), before);
        let again = Authority::open(&key, &certificate, clock::now()).unwrap();
        assert_eq!(again.certificate_pem(), before);
        assert!(trusts(&before, &again.acceptor(clock::now()).unwrap(), "127.0.0.1").await);
        #[cfg(unix)]
        assert_eq!(crate::plumbing::private_file::mode(&key), 0o600);
        fs::write(&key, "no key").unwrap();
        let said = Authority::open(&key, &certificate, datetime!(2026-01-01 00:00 UTC)).err().unwrap().to_string();
        assert!(said.contains("is broken (it is no P-256 private key)"), "{said}");
    }
}
