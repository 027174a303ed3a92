//! Who an ingest has to prove to be.

use std::{io, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{self, ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};

use super::failure::{Failure, TargetRefused};

/// There is nobody to trust.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// No certificate authority is installed: `ca-certificates` of Debian has them, `SSL_CERT_FILE` names others.
    #[error("no root certificates are found")]
    None,
    /// TLS cannot be set up.
    #[error("tls cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// What each RTMPS connection is made with: the roots of `SSL_CERT_FILE`, or the system's. Made once, as there are many roots.
pub fn client_config() -> Result<Arc<ClientConfig>, RootsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(RootsError::None);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Shakes hands with the host of that name.
pub(super) async fn secure(
    stream: TcpStream,
    host: &str,
    config: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Failure> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TargetRefused::Certificate)?;
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map_err(|error| {
        if is_of_certificate(&error) { TargetRefused::Certificate.into() } else { Failure::Unreachable(error) }
    })
}

fn is_of_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
