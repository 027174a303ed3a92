//! The HTTP client that all SDK clients share, and whom it trusts.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use rustls::CertificateError;

/// The roots that AWS's endpoints chain to, in every partition (Amazon Trust Services, "Repository": the roots that
/// clients are asked to trust). They expire in 2037 or later.
pub(crate) const AMAZON: [&str; 5] = [
    include_str!("../roots/amazon-root-ca-1.pem"),
    include_str!("../roots/amazon-root-ca-2.pem"),
    include_str!("../roots/amazon-root-ca-3.pem"),
    include_str!("../roots/amazon-root-ca-4.pem"),
    include_str!("../roots/starfield-services-root-ca-g2.pem"),
];

/// By whose authority an endpoint is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Amazon's own roots, and the system's once these are not enough. To read the system's was more than half of the work of a
    /// cold start: there are some 150 of them, and five sign for AWS.
    AmazonFirst,
    /// The system's roots alone, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    System,
}

/// The client. It reads no certificate before it is used.
pub(crate) fn http_client(trust: Trust) -> SharedHttpClient {
    match trust {
        Trust::AmazonFirst => in_turn(trusting(AMAZON), system()),
        Trust::System => system(),
    }
}

fn system() -> SharedHttpClient {
    builder(TrustStore::default())
}

pub(crate) fn trusting<'a>(roots: impl IntoIterator<Item = &'a str>) -> SharedHttpClient {
    let none = TrustStore::empty();
    builder(roots.into_iter().fold(none, |store, pem| store.with_pem_certificate(pem)))
}

fn builder(store: TrustStore) -> SharedHttpClient {
    let context = TlsContext::builder().with_trust_store(store).build();
    // Anything in its place would trust somebody else.
    let context = context.expect("a trust store alone is a valid context");
    let builder = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    builder.tls_context(context).build_https()
}

pub(crate) fn in_turn(first: SharedHttpClient, then: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(InTurn { first, then, passed: Arc::default() })
}

/// Asks the first client until an endpoint's issuer is none that it knows, and the other one from then on.
#[derive(Debug)]
struct InTurn {
    first: SharedHttpClient,
    then: SharedHttpClient,
    passed: Arc<AtomicBool>,
}

impl HttpClient for InTurn {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        if self.passed.load(Ordering::Relaxed) {
            return self.then.http_connector(settings, components);
        }
        SharedHttpConnector::new(Connector {
            first: self.first.http_connector(settings, components),
            then: self.then.clone(),
            settings: settings.clone(),
            components: components.clone(),
            passed: Arc::clone(&self.passed),
        })
    }

    fn validate_base_client_config(&self, _: &RuntimeComponentsBuilder, _: &ConfigBag) -> Result<(), BoxError> {
        // Smithy's client would build its whole connector for that, roots and all, and drop it.
        Ok(())
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.first.connector_metadata()
    }
}

#[derive(Debug)]
struct Connector {
    first: SharedHttpConnector,
    then: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    passed: Arc<AtomicBool>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let again = request.try_clone();
        let answer = self.first.call(request);
        let (then, settings, components) = (self.then.clone(), self.settings.clone(), self.components.clone());
        let passed = Arc::clone(&self.passed);
        HttpConnectorFuture::new(async move {
            match (answer.await, again) {
                // Nothing of the request was sent: it waits for the end of the handshake.
                (Err(error), Some(request)) if is_of_unknown_issuer(&error) => {
                    passed.store(true, Ordering::Relaxed);
                    then.http_connector(&settings, &components).call(request).await
                }
                (answer, _) => answer,
            }
        })
    }
}

fn is_of_unknown_issuer(error: &ConnectorError) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(cause)) = error.downcast_ref() {
            return *cause == CertificateError::UnknownIssuer;
        }
        // An I/O error does not give what it holds as its source, but that one's.
        let held = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        next = held.map(|held| held as &dyn Error).or_else(|| error.source());
    }
    false
}
