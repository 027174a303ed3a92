//! Endpoints over TLS, of one authority or another.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::http::{AMAZON, in_turn, trusting};
use crate::{Aws, AwsConfig, Trust};

/// Who signs for servers.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn client(&self) -> SharedHttpClient {
        let body = BASE64_STANDARD.encode(self.0.der());
        trusting([format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").as_str()])
    }

    /// Where a server of it listens, and how many connections it has had.
    async fn server(&self) -> (String, Arc<AtomicUsize>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let tls = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(tls.clone(), stream));
            }
        });
        (url, connections)
    }
}

/// Says the request's body to each request of a connection.
async fn answer(tls: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = tls.accept(stream).await else { return };
    let mut bytes = vec![0; 8 << 10];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        let body = bytes[..read].rsplit(|byte| *byte == b'\n').next().unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
    }
}

/// What an endpoint answers, if it is trusted.
async fn asked(client: &SharedHttpClient, url: &str, body: &'static str) -> Option<String> {
    let post = Operation::builder()
        .service_name("test")
        .operation_name("Post")
        .behavior_version(BehaviorVersion::latest())
        .http_client(client.clone())
        .endpoint_url(url)
        .sleep_impl(TokioSleep::new())
        .no_auth()
        .no_retry()
        .serializer(|body: &'static str| {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.headers_mut().insert("content-length", body.len().to_string());
            Ok(request)
        })
        .deserializer(|answer| {
            let text = String::from_utf8(answer.body().bytes().unwrap().to_vec()).unwrap();
            Ok::<_, OrchestratorError<Infallible>>(text)
        })
        .build();
    post.invoke(body).await.ok()
}

#[tokio::test]
async fn an_endpoint_that_the_first_roots_do_not_vouch_for_is_asked_with_the_others_from_then_on() {
    let (amazon, system) = (Authority::new("Amazon"), Authority::new("system"));
    let (url, connections) = system.server().await;
    let client = in_turn(amazon.client(), system.client());
    assert_eq!(asked(&client, &url, "first").await.as_deref(), Some("first"));
    assert_eq!(connections.load(Ordering::Relaxed), 2);
    assert_eq!(asked(&client, &url, "second").await.as_deref(), Some("second"));
    assert_eq!(connections.load(Ordering::Relaxed), 2, "no third handshake");
}

#[tokio::test]
async fn an_endpoint_that_the_first_roots_vouch_for_is_asked_once() {
    let (amazon, system) = (Authority::new("Amazon"), Authority::new("system"));
    let (url, connections) = amazon.server().await;
    assert_eq!(asked(&in_turn(amazon.client(), system.client()), &url, "first").await.as_deref(), Some("first"));
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_endpoint_that_nobody_vouches_for_is_asked_nothing() {
    let (amazon, system) = (Authority::new("Amazon"), Authority::new("system"));
    let (url, _) = Authority::new("nobody").server().await;
    assert_eq!(asked(&in_turn(amazon.client(), system.client()), &url, "first").await, None);
    // Nor is one of another name.
    let (url, connections) = amazon.server().await;
    let client = in_turn(amazon.client(), amazon.client());
    assert_eq!(asked(&client, &url.replace("localhost", "127.0.0.1"), "first").await, None);
    assert_eq!(connections.load(Ordering::Relaxed), 1, "other roots do not help");
}

#[tokio::test]
async fn a_request_after_a_connection_was_made_ahead_makes_none() {
    let authority = Authority::new("Amazon");
    let (url, connections) = authority.server().await;
    let config = |endpoint: &str| AwsConfig {
        region: "eu-west-1".to_owned(),
        credentials: Credentials::new("test", "test", None, None, "test"),
        endpoint: Some(endpoint.to_owned()),
        endpoints: [].into(),
        trust: Trust::System,
    };
    let aws = Aws::new(config(&url)).with_http_client(authority.client());
    aws.connect("DYNAMODB").await;
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    let get = aws.plain_operation("DYNAMODB", "Get", &url);
    let get = get.serializer(|()| Ok(HttpRequest::get("/")?));
    let get = get.deserializer(|_| Ok::<_, OrchestratorError<Infallible>>(())).build();
    get.invoke(()).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    // What cannot be reached holds nobody up.
    let aws = Aws::new(config("https://localhost:1"));
    tokio::time::timeout(Duration::from_secs(20), aws.connect("DYNAMODB")).await.unwrap();
}

#[test]
fn amazons_roots_are_among_those_that_the_system_trusts() {
    let system = rustls_native_certs::load_native_certs().certs;
    for pem in AMAZON {
        let root = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        assert!(system.contains(&root), "{pem}");
    }
}
