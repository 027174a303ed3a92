//! EC2, for the one thing that ECS does not know: the public address of a network interface.
//!
//! `aws-sdk-ec2` alone takes longer to build than everything else together (ARCHITECTURE.md, "One call to EC2"), so
//! this one operation is written out here, for the SDK's own pipeline: it signs, retries, times out and is counted as
//! every other call. The protocol is EC2's query protocol (Smithy, "AWS EC2 query protocol").

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use aws_client::{Aws, AwsFailure, RateLimiter};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use model::server::Address;
use model::{Error, InterfaceId};
use roxmltree::{Document, Node};
use url::form_urlencoded;

/// The version of the API whose shapes are written out here.
const API_VERSION: &str = "2016-11-15";
/// The most values that a filter may hold.
const BATCH: usize = 200;

/// EC2, as far as addresses go.
pub struct Ec2 {
    describe: Operation<Vec<InterfaceId>, HashMap<InterfaceId, Address>, Ec2Error>,
    limiter: RateLimiter,
}

impl Ec2 {
    /// EC2 refills 20 describing calls a second for an account and region (Amazon EC2 developer guide, "Request
    /// throttling"); `limiter` leaves some of them to others.
    pub fn new(aws: &Aws, limiter: RateLimiter) -> Self {
        let operation = aws
            .operation("EC2", "DescribeNetworkInterfaces")
            .runtime_plugin(signing(aws.region(), aws.credentials()))
            .retry_classifier(TransientErrorClassifier::<Ec2Error>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Ec2Error>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .serializer(|interfaces: Vec<InterfaceId>| Ok(request(&interfaces)?))
            .deserializer(read_response);
        Self { describe: operation.build(), limiter }
    }

    /// The public address of an interface.
    ///
    /// # Errors
    /// What EC2 fails with.
    pub(crate) async fn locate(&self, interface: &InterfaceId) -> Result<Address, Error> {
        let addresses = self.locate_all([interface]).await?;
        Ok(addresses.get(interface).copied().unwrap_or(Address::Gone))
    }

    /// The public addresses of interfaces. Those that are gone are not among them: the call filters by id, because one
    /// unknown id would fail a call that names ids.
    ///
    /// # Errors
    /// What EC2 fails with, for any of them.
    pub async fn locate_all(
        &self,
        interfaces: impl IntoIterator<Item = &InterfaceId>,
    ) -> Result<HashMap<InterfaceId, Address>, Error> {
        let interfaces: Vec<&InterfaceId> = interfaces.into_iter().collect();
        let mut addresses = HashMap::new();
        for batch in interfaces.chunks(BATCH) {
            self.limiter.acquire().await;
            let batch = batch.iter().map(|interface| (*interface).clone()).collect();
            let found = self.describe.invoke(batch).await;
            let found = found.map_err(|error| AwsFailure::new("ec2:DescribeNetworkInterfaces", &error).into_error())?;
            addresses.extend(found);
        }
        Ok(addresses)
    }
}

/// Signature Version 4 with the function's own role.
fn signing(region: Region, credentials: SharedCredentialsProvider) -> StaticRuntimePlugin {
    let mut config = Layer::new("ec2 signing");
    config.store_put(SigningName::from_static("ec2"));
    config.store_put(SigningRegion::from(region));
    config.store_put(SigV4OperationSigningConfig::default());
    config.store_put(AuthSchemeOptionResolverParams::new(()));
    let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new("ec2 signing");
    components
        .set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
        .push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .set_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials))
        .set_identity_cache(Some(IdentityCache::no_cache()));
    StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components)
}

fn request(interfaces: &[InterfaceId]) -> Result<HttpRequest, aws_smithy_runtime_api::http::HttpError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "DescribeNetworkInterfaces");
    form.append_pair("Version", API_VERSION);
    // Otherwise an account may hide what Fargate manages for it (Amazon EC2 API reference, `IncludeManagedResources`).
    form.append_pair("IncludeManagedResources", "true");
    form.append_pair("Filter.1.Name", "network-interface-id");
    for (index, interface) in interfaces.iter().enumerate() {
        form.append_pair(&format!("Filter.1.Value.{}", index + 1), interface.as_str());
    }
    let mut request = HttpRequest::new(SdkBody::from(form.finish()));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().try_insert("content-type", "application/x-www-form-urlencoded")?;
    Ok(request)
}

fn read_response(response: &HttpResponse) -> Result<HashMap<InterfaceId, Address>, OrchestratorError<Ec2Error>> {
    let text = response.body().bytes().and_then(|body| str::from_utf8(body).ok()).unwrap_or_default();
    if response.status().is_success() {
        read_interfaces(text).ok_or_else(|| OrchestratorError::response("no network interfaces in the answer".into()))
    } else {
        Err(OrchestratorError::operation(Ec2Error(read_error(text))))
    }
}

/// `networkInterfaceSet/item`, each with `networkInterfaceId` and perhaps `association/publicIp`.
fn read_interfaces(xml: &str) -> Option<HashMap<InterfaceId, Address>> {
    let document = Document::parse(xml).ok()?;
    // What an answer leaves out counts as gone, so it must be whole.
    if child(document.root_element(), "nextToken").is_some() {
        return None;
    }
    let set = child(document.root_element(), "networkInterfaceSet")?;
    let items = set.children().filter(|node| is(node, "item"));
    items
        .map(|item| {
            let id = text(item, "networkInterfaceId")?.parse().ok()?;
            let public_ip = child(item, "association").and_then(|association| text(association, "publicIp"));
            let address = match public_ip.map(str::parse::<IpAddr>) {
                Some(ip) => Address::Public(ip.ok()?),
                None => Address::Unassociated,
            };
            Some((id, address))
        })
        .collect()
}

/// `Errors/Error`, with `Code` and `Message`; an answer without them is not EC2's.
fn read_error(xml: &str) -> ErrorMetadata {
    let document = Document::parse(xml).ok();
    let error = document.as_ref().and_then(|document| child(child(document.root_element(), "Errors")?, "Error"));
    let field = |name| error.and_then(|error| text(error, name));
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = field("Code") {
        metadata = metadata.code(code);
    }
    if let Some(message) = field("Message") {
        metadata = metadata.message(message);
    }
    metadata.build()
}

/// Whether it is an element of that local name: EC2 puts all of an answer into the namespace of the API's version.
fn is(node: &Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|node| is(node, name))
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name)?.text().map(str::trim)
}

/// An error that EC2 answers with.
#[derive(Debug)]
struct Ec2Error(ErrorMetadata);

impl fmt::Display for Ec2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ec2 refused the call")
    }
}

impl std::error::Error for Ec2Error {}

impl ProvideErrorMetadata for Ec2Error {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As EC2 answers (Amazon EC2 API reference, "DescribeNetworkInterfaces", "Examples"), with what Fargate makes.
    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>fc45294c-006b-457b-bab9-012f5b3b0e40</requestId>
    <networkInterfaceSet>
        <item>
            <networkInterfaceId>eni-0103a2f01bad57d71</networkInterfaceId>
            <subnetId>subnet-0d0eab1bb38d5ca64</subnetId>
            <vpcId>vpc-0a1b2c3d</vpcId>
            <availabilityZone>us-east-1b</availabilityZone>
            <description>arn:aws:ecs:us-east-1:123456789012:attachment/fe3a9a46-6a47-40ee-afd9-7952ae90a75a</description>
            <requesterManaged>true</requesterManaged>
            <status>in-use</status>
            <privateIpAddress>10.0.1.163</privateIpAddress>
            <association>
                <publicIp>198.51.100.7</publicIp>
                <publicDnsName>ec2-198-51-100-7.compute-1.amazonaws.com</publicDnsName>
                <ipOwnerId>amazon</ipOwnerId>
            </association>
            <tagSet/>
            <privateIpAddressesSet>
                <item>
                    <privateIpAddress>10.0.1.163</privateIpAddress>
                    <primary>true</primary>
                    <association><publicIp>203.0.113.9</publicIp></association>
                </item>
            </privateIpAddressesSet>
        </item>
        <item>
            <networkInterfaceId>eni-0</networkInterfaceId>
            <privateIpAddress>10.0.1.164</privateIpAddress>
        </item>
    </networkInterfaceSet>
</DescribeNetworkInterfacesResponse>"#;

    fn id(text: &str) -> InterfaceId {
        text.parse().unwrap()
    }

    #[test]
    fn each_interface_of_an_answer_has_its_own_address_or_none() {
        let expected = HashMap::from([
            (id("eni-0103a2f01bad57d71"), Address::Public("198.51.100.7".parse().unwrap())),
            (id("eni-0"), Address::Unassociated),
        ]);
        assert_eq!(read_interfaces(ANSWER), Some(expected));
    }

    #[test]
    fn an_answer_without_interfaces_means_that_they_are_gone() {
        for answer in [
            "<DescribeNetworkInterfacesResponse><networkInterfaceSet/></DescribeNetworkInterfacesResponse>",
            "<DescribeNetworkInterfacesResponse><networkInterfaceSet>\n</networkInterfaceSet></DescribeNetworkInterfacesResponse>",
        ] {
            assert_eq!(read_interfaces(answer), Some(HashMap::new()), "{answer}");
        }
    }

    #[test]
    fn an_answer_of_another_shape_is_no_answer() {
        for answer in [
            "",
            "{}",
            "<html><body>Service Unavailable</body></html>",
            "<DescribeNetworkInterfacesResponse/>",
            &ANSWER.replace("198.51.100.7", "somewhere"),
            &ANSWER.replace("eni-0103a2f01bad57d71", "i-1"),
            // A part of an answer.
            &ANSWER.replace("</networkInterfaceSet>", "</networkInterfaceSet><nextToken>more</nextToken>"),
            &ANSWER[..ANSWER.len() - 10],
        ] {
            assert_eq!(read_interfaces(answer), None, "{answer}");
        }
    }

    #[test]
    fn an_error_says_its_code_and_message() {
        let error = read_error(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors>
<RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"#,
        );
        assert_eq!((error.code(), error.message()), (Some("RequestLimitExceeded"), Some("Request limit exceeded.")));
        assert_eq!(read_error("<html/>").code(), None);
    }

    #[test]
    fn a_request_filters_by_the_ids_of_the_interfaces() {
        let request = request(&[id("eni-0a"), id("eni-0b")]).unwrap();
        assert_eq!((request.method(), request.uri()), ("POST", "/"));
        let body = str::from_utf8(request.body().bytes().unwrap()).unwrap();
        assert_eq!(
            body,
            "Action=DescribeNetworkInterfaces&Version=2016-11-15&IncludeManagedResources=true\
             &Filter.1.Name=network-interface-id&Filter.1.Value.1=eni-0a&Filter.1.Value.2=eni-0b"
        );
    }
}
