//! Endpoints over TLS, of one authority or another.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::Credentials;
use aws_lc_rs::digest::{SHA256, digest};
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

    /// Where a server of it listens, and how many connections it has had; and requests.
    async fn counting_server(&self) -> (String, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let tls = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, answered) = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(tls.clone(), stream, Arc::clone(&answered)));
            }
        });
        (url, connections, requests)
    }

    async fn server(&self) -> (String, Arc<AtomicUsize>) {
        let (url, connections, _) = self.counting_server().await;
        (url, connections)
    }
}

/// Says the request's body to each request of a connection.
async fn answer(tls: TlsAcceptor, stream: TcpStream, requests: Arc<AtomicUsize>) {
    let Ok(mut stream) = tls.accept(stream).await else { return };
    let mut bytes = vec![0; 8 << 10];
    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
        requests.fetch_add(1, Ordering::Relaxed);
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
    let seen = |connections: &AtomicUsize, requests: &AtomicUsize| {
        (connections.load(Ordering::Relaxed), requests.load(Ordering::Relaxed))
    };
    let (url, connections, requests) = Authority::new("nobody").counting_server().await;
    assert_eq!(asked(&in_turn(amazon.client(), system.client()), &url, "first").await, None);
    assert_eq!(seen(&connections, &requests), (2, 0));
    // Nor is one of another name, which other roots do not help.
    let (url, connections, requests) = amazon.counting_server().await;
    let client = in_turn(amazon.client(), amazon.client());
    assert_eq!(asked(&client, &url.replace("localhost", "127.0.0.1"), "first").await, None);
    assert_eq!(seen(&connections, &requests), (1, 0));
}

#[tokio::test]
async fn a_request_after_a_connection_was_made_ahead_makes_none() {
    let authority = Authority::new("Amazon");
    let (url, connections) = authority.server().await;
    let config = AwsConfig {
        region: "eu-west-1".to_owned(),
        credentials: Credentials::new("test", "test", None, None, "test"),
        endpoint: Some(url.clone()),
        endpoints: [].into(),
        trust: Trust::System,
    };
    let aws = Aws::new(config).with_http_client(authority.client());
    aws.connect("DYNAMODB").await;
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    let get = aws.plain_operation("DYNAMODB", "Get", &url);
    let get = get.serializer(|()| Ok(HttpRequest::get("/")?));
    let get = get.deserializer(|_| Ok::<_, OrchestratorError<Infallible>>(())).build();
    get.invoke(()).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[test]
fn amazons_roots_are_those_that_amazon_publishes() {
    // SHA-256, of each certificate.
    let expected = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];
    let hash = |pem: &str| {
        let root = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let hash = digest(&SHA256, &root);
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(AMAZON.map(hash), expected);
}
