//! From an HTTP request to an AWS call: which service, which operation, which input, whose credentials.

use http::request::Parts;
use http::{HeaderMap, Method};
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::lambda_path;
use super::reply::{Protocol, Reply};

/// A service, told from the signing name in the credential scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceName {
    DynamoDb,
    /// IVS and IVS Real-Time: they sign alike and differ by operation.
    Ivs,
    IvsChat,
    SecretsManager,
    Sqs,
    Ecs,
    Ec2,
    Lambda,
    EventBridge,
    Sts,
}

impl ServiceName {
    pub(crate) const ALL: [Self; 10] = [
        Self::DynamoDb,
        Self::Ivs,
        Self::IvsChat,
        Self::SecretsManager,
        Self::Sqs,
        Self::Ecs,
        Self::Ec2,
        Self::Lambda,
        Self::EventBridge,
        Self::Sts,
    ];

    /// The signing name; also the name in faults and in the call log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Ivs => "ivs",
            Self::IvsChat => "ivschat",
            Self::SecretsManager => "secretsmanager",
            Self::Sqs => "sqs",
            Self::Ecs => "ecs",
            Self::Ec2 => "ec2",
            Self::Lambda => "lambda",
            Self::EventBridge => "events",
            Self::Sts => "sts",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }

    /// Every name, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::DynamoDb | Self::Sqs => Protocol::Json10,
            Self::SecretsManager | Self::EventBridge | Self::Ecs => Protocol::Json11,
            Self::Ivs => Protocol::RestJsonIvs,
            Self::IvsChat | Self::Lambda => Protocol::RestJson,
            Self::Sts => Protocol::Query,
            Self::Ec2 => Protocol::Ec2Query,
        }
    }

    /// The answer to a call of an operation that is not here.
    pub(crate) fn unknown_operation(self, operation: &str) -> Reply {
        let message = format!(
            "the local cloud has no operation `{operation}` of {}; what it has is `faultServices` of GET /_local/about",
            self.as_str()
        );
        let (status, code) = match self {
            Self::Ivs | Self::IvsChat | Self::Lambda => (404, "UnknownOperationException"),
            Self::Ec2 => (400, "InvalidAction"),
            _ => (400, "UnknownOperationException"),
        };
        self.protocol().error(status, code, &message)
    }
}

/// One call of an AWS operation.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: ServiceName,
    pub(crate) operation: String,
    /// The input with the members of path and query merged in.
    pub(crate) input: Value,
    pub(crate) headers: HeaderMap,
    /// The body as it was sent.
    pub(crate) body: Bytes,
}

/// The part of `Authorization` that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) access_key_id: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Signature {
    /// Reads `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, ...`.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let header = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let fields = header.strip_prefix("AWS4-")?.split_once(' ')?.1;
        let credential = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
        let mut scope = credential.rsplitn(5, '/');
        let (_terminator, service, region, _date) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        let (region, service) = (region.to_owned(), service.to_owned());
        Some(Self { access_key_id: scope.next()?.to_owned(), region, service })
    }
}

/// Why a request is no call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// No such operation; as the protocol of the service says it.
    UnknownOperation(String),
    /// The body is not what the protocol asks for.
    Malformed,
}

impl Call {
    /// Reads the call that the request makes to `service`.
    pub(crate) fn read(service: ServiceName, parts: &Parts, body: Bytes) -> Result<Self, CallError> {
        let path = parts.uri.path();
        let (operation, input) = match service {
            ServiceName::DynamoDb => (target(parts, "DynamoDB_20120810.")?, Some(json_body(&body)?)),
            ServiceName::SecretsManager => (target(parts, "secretsmanager.")?, Some(json_body(&body)?)),
            ServiceName::Sqs => (target(parts, "AmazonSQS.")?, Some(json_body(&body)?)),
            ServiceName::Ecs => (target(parts, "AmazonEC2ContainerServiceV20141113.")?, Some(json_body(&body)?)),
            ServiceName::EventBridge => (target(parts, "AWSEvents.")?, Some(json_body(&body)?)),
            ServiceName::Ivs | ServiceName::IvsChat => ivs(parts, &body)?,
            ServiceName::Lambda => match lambda_path::read(parts) {
                Some((operation, input)) => (operation.to_owned(), Some(input)),
                None => return Err(CallError::UnknownOperation(format!("{} {path}", parts.method))),
            },
            ServiceName::Sts | ServiceName::Ec2 => query(&body)?,
        };
        let input = input.unwrap_or_else(|| json!({}));
        Ok(Self { service, operation, input, headers: parts.headers.clone(), body })
    }
}

fn target(parts: &Parts, prefix: &str) -> Result<String, CallError> {
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    match target.strip_prefix(prefix) {
        Some(operation) if !operation.is_empty() => Ok(operation.to_owned()),
        _ => Err(CallError::UnknownOperation(target.to_owned())),
    }
}

fn json_body(body: &[u8]) -> Result<Value, CallError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).ok().filter(Value::is_object).ok_or(CallError::Malformed)
}

/// `POST /<Operation>`, and `/tags/{resourceArn}` by method.
fn ivs(parts: &Parts, body: &[u8]) -> Result<(String, Option<Value>), CallError> {
    let path = parts.uri.path();
    let unknown = || CallError::UnknownOperation(format!("{} {path}", parts.method));
    if let Some(arn) = path.strip_prefix("/tags/") {
        let mut input = json_body(body)?;
        input["resourceArn"] = percent_decode_str(arn).decode_utf8_lossy().into();
        let operation = match parts.method {
            Method::GET => "ListTagsForResource",
            Method::POST => "TagResource",
            Method::DELETE => {
                let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
                let keys = pairs.filter(|(key, _)| key == "tagKeys").map(|(_, value)| Value::from(value));
                input["tagKeys"] = keys.collect();
                "UntagResource"
            }
            _ => return Err(unknown()),
        };
        return Ok((operation.to_owned(), Some(input)));
    }
    match path.strip_prefix('/') {
        Some(operation) if parts.method == Method::POST && !operation.is_empty() && !operation.contains('/') => {
            Ok((operation.to_owned(), Some(json_body(body)?)))
        }
        _ => Err(unknown()),
    }
}

/// The query protocol: a form with `Action`.
fn query(body: &[u8]) -> Result<(String, Option<Value>), CallError> {
    let form = str::from_utf8(body).map_err(|_| CallError::Malformed)?;
    let fields: Map<String, Value> =
        form_urlencoded::parse(form.as_bytes()).into_owned().map(|(key, value)| (key, value.into())).collect();
    match fields.get("Action").and_then(Value::as_str) {
        Some(action) => Ok((action.to_owned(), Some(fields.clone().into()))),
        None => Err(CallError::UnknownOperation(String::new())),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(service: ServiceName, request: http::request::Builder, body: &str) -> Result<(String, Value), CallError> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let call = Call::read(service, &parts, Bytes::from(body.to_owned()))?;
        Ok((call.operation, call.input))
    }

    #[test]
    fn the_signature_tells_key_and_service() {
        let header =
            "AWS4-HMAC-SHA256 Credential=ASIAX/20300101/us-east-1/ivs/aws4_request, SignedHeaders=host, Signature=0";
        let mut headers = HeaderMap::new();
        assert_eq!(Signature::read(&headers), None);
        headers.insert("authorization", header.parse().unwrap());
        assert_eq!(
            Signature::read(&headers),
            Some(Signature { access_key_id: "ASIAX".into(), region: "us-east-1".into(), service: "ivs".into() })
        );
        headers.insert("authorization", "Bearer x".parse().unwrap());
        assert_eq!(Signature::read(&headers), None);
    }

    #[test]
    fn json_services_name_the_operation_in_a_header() {
        let request = Request::post("/").header("x-amz-target", "DynamoDB_20120810.GetItem");
        let call = read(ServiceName::DynamoDb, request, r#"{"TableName":"t"}"#).unwrap();
        assert_eq!(call, ("GetItem".to_owned(), json!({"TableName": "t"})));
        let request = Request::post("/").header("x-amz-target", "DynamoDB_20120810.GetItem");
        assert_eq!(read(ServiceName::DynamoDb, request, "[]"), Err(CallError::Malformed));
        let request = Request::post("/").header("x-amz-target", "Other.Thing");
        let expected = CallError::UnknownOperation("Other.Thing".into());
        assert_eq!(read(ServiceName::SecretsManager, request, "{}"), Err(expected));
    }

    #[test]
    fn ivs_names_the_operation_in_the_path() {
        let call = read(ServiceName::Ivs, Request::post("/CreateStage"), r#"{"name":"s"}"#).unwrap();
        assert_eq!(call, ("CreateStage".to_owned(), json!({"name": "s"})));
        let expected = CallError::UnknownOperation("GET /CreateStage".into());
        assert_eq!(read(ServiceName::Ivs, Request::get("/CreateStage"), ""), Err(expected));
    }

    #[test]
    fn tags_of_ivs_resources_are_told_by_method() {
        let path = "/tags/arn%3Aaws%3Aivs%3Aus-east-1%3A0%3Astage%2FaB";
        let arn = "arn:aws:ivs:us-east-1:0:stage/aB";
        let call = read(ServiceName::Ivs, Request::get(path), "").unwrap();
        assert_eq!(call, ("ListTagsForResource".to_owned(), json!({"resourceArn": arn})));
        let call = read(ServiceName::Ivs, Request::post(path), r#"{"tags":{"a":"b"}}"#).unwrap();
        assert_eq!(call, ("TagResource".to_owned(), json!({"resourceArn": arn, "tags": {"a": "b"}})));
        let call = read(ServiceName::Ivs, Request::delete(format!("{path}?tagKeys=a&tagKeys=b%20c")), "").unwrap();
        assert_eq!(call, ("UntagResource".to_owned(), json!({"resourceArn": arn, "tagKeys": ["a", "b c"]})));
    }

    #[test]
    fn lambda_and_sts_have_their_own_ways() {
        let call = read(ServiceName::Lambda, Request::post("/2015-03-31/functions/F/invocations"), "{}").unwrap();
        assert_eq!(call, ("Invoke".to_owned(), json!({"FunctionName": "F"})));
        let path = "/2015-03-31/functions/us-east-1%3A000000000000%3Afunction%3AF/invocations?Qualifier=live";
        let input = json!({"FunctionName": "us-east-1:000000000000:function:F", "Qualifier": "live"});
        assert_eq!(read(ServiceName::Lambda, Request::post(path), "{}").unwrap(), ("Invoke".to_owned(), input));
        let call = read(ServiceName::Lambda, Request::get("/2015-03-31/functions/"), "").unwrap();
        assert_eq!(call.0, "ListFunctions");
        let call = read(ServiceName::Sts, Request::post("/"), "Action=GetCallerIdentity&Version=1").unwrap();
        assert_eq!(call.0, "GetCallerIdentity");
    }
}
