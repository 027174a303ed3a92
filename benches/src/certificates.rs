//! The certificates of the AWS endpoint: as AWS's, a chain of RSA keys of 2,048 bits with an authority between.

use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server needs, and its clients.
pub(crate) struct Issued {
    /// Does the server's part of TLS.
    pub(crate) acceptor: TlsAcceptor,
    /// The root, in PEM.
    pub(crate) authority: String,
}

/// Makes keys and certificates that are valid for a day.
///
/// # Errors
/// None that is known; the libraries have them.
pub(crate) fn issue(now: OffsetDateTime) -> anyhow::Result<Issued> {
    let root = CertifiedIssuer::self_signed(authority("Benches Root CA", now), key()?)?;
    let between = CertifiedIssuer::signed_by(authority("Benches RSA 2048 M01", now), key()?, &root)?;
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(1);
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server = key()?;
    let chain = vec![params.signed_by(&server, &between)?.der().clone(), between.as_ref().der().clone()];
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.serialized_der().to_vec()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .context("the endpoint's certificate is refused")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A session with one of AWS's hosts cannot be resumed with another, and these two have one name.
    config.send_tls13_tickets = 0;
    Ok(Issued { acceptor: TlsAcceptor::from(Arc::new(config)), authority: pem("CERTIFICATE", root.as_ref().der()) })
}

fn key() -> anyhow::Result<KeyPair> {
    Ok(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?)
}

fn authority(name: &str, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(1);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// The armour of RFC 7468.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
