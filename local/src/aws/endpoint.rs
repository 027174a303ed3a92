//! The AWS endpoint: one port for every service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use http::Request;
use http::request::Parts;
use hyper::body::{Bytes, Incoming};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::sync::RwLock;

use super::call::{Call, NotACall, ServiceName, Signature};
use super::call_log::{CallLog, Record};
use super::callers::{Caller, Callers};
use super::dynamodb::DynamoDb;
use super::ec2;
use super::ecs::Ecs;
use super::fault::{Fault, Faults, When};
use super::iam;
use super::ivs_services::IvsServices;
use super::reply::{Protocol, Reply, xml_escape};
use super::secrets_manager::SecretsManager;
use super::service::{ACCOUNT, Requirement, Service, ServiceError};
use super::sqs::{self, Sqs};
use crate::clock;
use crate::events::EventBus;
use crate::http_server::{self, Answer, BodyError, HangUp};
use crate::jobs::Jobs;
use crate::lambda::{EventQueue, Lambda, PAYLOAD_LIMIT};
use crate::random;
use crate::template::Statement;

/// DynamoDB takes bodies up to 16 MB, and nothing here takes more.
const BODY_LIMIT: usize = 16 << 20;

/// Every service, and what stands between it and its callers.
pub(crate) struct Endpoint {
    pub(crate) region: String,
    /// What each function may do, by logical id.
    pub(crate) policies: BTreeMap<String, Vec<Statement>>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) calls: CallLog,
    pub(crate) dynamodb: DynamoDb,
    pub(crate) ivs: IvsServices,
    pub(crate) secrets: Arc<SecretsManager>,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) ecs: Ecs,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) event_queue: Arc<EventQueue>,
    pub(crate) bus: Arc<EventBus>,
    pub(crate) jobs: Jobs,
    /// Held for reading by every call, for writing while everything is reset.
    pub(crate) gate: RwLock<()>,
}

impl Endpoint {
    /// Answers one request. It is carried out to its end even if the caller stops waiting.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, HangUp> {
        let (parts, body) = request.into_parts();
        let body = match http_server::read_body(body, BODY_LIMIT).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => {
                return Ok(Protocol::RestJson
                    .error(413, "RequestEntityTooLargeException", "the body is too large")
                    .answer);
            }
            Err(BodyError::Interrupted) => return Err(HangUp),
        };
        let jobs = self.jobs.clone();
        jobs.run(async move { self.answer(&parts, body).await }).await.unwrap_or(Err(HangUp))
    }

    async fn answer(&self, parts: &Parts, body: Bytes) -> Result<Answer, HangUp> {
        let request_id = random::uuid();
        let (caller, call) = match self.read(parts, body) {
            Ok(read) => read,
            Err(reply) => return Ok(finish(*reply, &request_id)),
        };
        let (at, started) = (clock::now(), Instant::now());
        let result = self.carry_out(&caller, &call).await;
        let reply = result.as_ref().ok();
        self.calls.record(&Record {
            at,
            caller: &caller,
            call: &call,
            status: reply.map(|reply| reply.answer.status().as_u16()),
            error_code: reply.and_then(|reply| reply.error_code.as_deref()),
            denied_action: reply.and_then(|reply| reply.denied_action.as_deref()),
            duration: started.elapsed(),
            consumed_capacity: reply.and_then(|reply| reply.consumed_capacity),
            request_id: &request_id,
        });
        result.map(|reply| finish(reply, &request_id))
    }

    /// Who calls what. `Err` is the answer to a request that cannot be told.
    fn read(&self, parts: &Parts, body: Bytes) -> Result<(Caller, Call), Box<Reply>> {
        let Some(signature) = Signature::read(&parts.headers) else {
            let protocol = Protocol::RestJson;
            return Err(protocol
                .error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
                .into());
        };
        let Some(service) = ServiceName::parse(&signature.service) else {
            let what =
                format!("the local cloud has no service `{}`; it has: {}", signature.service, ServiceName::names());
            return Err(protocol_of(parts).error(404, "UnknownOperationException", &what).into());
        };
        let protocol = service.protocol();
        let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let caller = self.callers.identify(&signature.access_key_id, token).map_err(|_| {
            let what = "The security token included in the request is invalid.";
            match protocol {
                Protocol::Json10 | Protocol::Json11 => protocol.error(400, "UnrecognizedClientException", what),
                Protocol::Query => protocol.error(403, "InvalidClientTokenId", what),
                Protocol::Ec2Query => protocol.error(401, "AuthFailure", what),
                Protocol::RestJson | Protocol::RestJsonIvs => protocol.error(403, "UnrecognizedClientException", what),
            }
        })?;
        match Call::read(service, parts, body) {
            Ok(call) => Ok((caller, call)),
            Err(NotACall::Malformed) => {
                Err(protocol.error(400, "SerializationException", "the body is malformed").into())
            }
            Err(NotACall::UnknownOperation(what)) => Err(unknown_operation(service, &what).into()),
        }
    }

    /// Carries out a call, with the fault that is due for it.
    async fn carry_out(&self, caller: &Caller, call: &Call) -> Result<Reply, HangUp> {
        let cleared = self.faults.cleared();
        let fault = self.faults.on_call(call.service, &call.operation, caller.function());
        if let Some(reply) = fault.as_ref().and_then(|fault| fault.reply(call.service)) {
            return Ok(reply);
        }
        let wait = async |at: When| {
            if let Some(latency) = fault.as_ref().and_then(|fault| fault.latency(at)) {
                let mut cleared = cleared.clone();
                tokio::select! {
                    () = tokio::time::sleep(latency) => {}
                    _ = cleared.changed() => {}
                }
            }
        };
        wait(When::Before).await;
        let strike = |at: When| match (&fault, caller) {
            (Some(Fault::Drop { when }), _) => *when == at,
            (Some(Fault::Kill { when }), Caller::Function { function, instance }) if *when == at => {
                self.lambda.kill(function, instance);
                true
            }
            _ => false,
        };
        if strike(When::Before) {
            return Err(HangUp);
        }
        let reply = self.perform(caller, call).await;
        wait(When::After).await;
        if strike(When::After) {
            return Err(HangUp);
        }
        Ok(reply)
    }

    async fn perform(&self, caller: &Caller, call: &Call) -> Reply {
        // An invocation makes calls of its own, which must not wait for it.
        if call.service == ServiceName::Lambda {
            return match self.refusal(caller, call) {
                Some(refusal) => refusal,
                None => self.invoke(call).await,
            };
        }
        if call.service == ServiceName::Sqs {
            // A receiver waits for messages, and nothing else must wait for it.
            return match self.refusal(caller, call) {
                Some(refusal) => refusal,
                None => sqs::serve(&self.sqs, &self.gate, call).await,
            };
        }
        let _open = self.gate.read().await;
        if let Some(refusal) = self.refusal(caller, call) {
            return refusal;
        }
        match call.service {
            ServiceName::DynamoDb => self.dynamodb.call(call).await,
            ServiceName::Ivs => served(&self.ivs, call),
            ServiceName::SecretsManager => served(self.secrets.as_ref(), call),
            ServiceName::Ecs => self.call_ecs(call),
            ServiceName::Ec2 => self.call_ec2(call),
            ServiceName::EventBridge => self.put_events(call),
            ServiceName::Sts => get_caller_identity(caller, call),
            ServiceName::Sqs | ServiceName::Lambda => unknown_operation(call.service, &call.operation),
        }
    }

    /// The answer to a function whose policy does not allow the call.
    fn refusal(&self, caller: &Caller, call: &Call) -> Option<Reply> {
        let policy = self.policies.get(caller.function()?).map_or(&[][..], Vec::as_slice);
        let requirements = self.requirements(call);
        let denied = iam::denied(policy, &requirements)?;
        let protocol = call.service.protocol();
        let (status, code) = match protocol {
            Protocol::Json10 | Protocol::Json11 => (400, "AccessDeniedException"),
            Protocol::Ec2Query => (403, "UnauthorizedOperation"),
            Protocol::RestJson | Protocol::RestJsonIvs | Protocol::Query => (403, "AccessDeniedException"),
        };
        let what = format!(
            "User: {} is not authorized to perform: {} on resource: {}",
            caller.arn(),
            denied.action,
            denied.resource
        );
        let denied_action = Some(denied.action.clone());
        Some(Reply { denied_action, ..protocol.error(status, code, &what) })
    }

    fn requirements(&self, call: &Call) -> Vec<Requirement> {
        let one = |action: &str, resource: String| {
            vec![Requirement { action: action.to_owned(), resource, ..Requirement::default() }]
        };
        let region = &self.region;
        match call.service {
            ServiceName::DynamoDb => self.dynamodb.requirements(&call.operation, &call.input),
            ServiceName::Ivs => self.ivs.requirements(&call.operation, &call.input),
            ServiceName::SecretsManager => self.secrets.requirements(&call.operation, &call.input),
            ServiceName::Sqs => self.sqs.requirements(&call.operation, &call.input),
            ServiceName::Ecs => self.ecs.requirements(&call.operation, &call.input),
            ServiceName::Ec2 => vec![ec2::requirement(&call.operation)],
            ServiceName::Lambda => {
                let name = call.input["FunctionName"].as_str().unwrap_or_default();
                let name = self.lambda.function(name).map_or(name, |function| &function.name);
                one("lambda:InvokeFunction", format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"))
            }
            ServiceName::EventBridge => {
                one("events:PutEvents", format!("arn:aws:events:{region}:{ACCOUNT}:event-bus/default"))
            }
            // Everyone may ask who they are.
            ServiceName::Sts => Vec::new(),
        }
    }

    fn call_ec2(&self, call: &Call) -> Reply {
        let protocol = call.service.protocol();
        if !ec2::OPERATIONS.contains(&call.operation.as_str()) {
            return unknown_operation(call.service, &call.operation);
        }
        match ec2::describe_network_interfaces(self.ecs.network_interfaces(), &call.input) {
            Ok(xml) => protocol.body(200, xml),
            Err(error) => protocol.service_error(&error),
        }
    }

    async fn invoke(&self, call: &Call) -> Reply {
        let protocol = call.service.protocol();
        let name = call.input["FunctionName"].as_str().unwrap_or_default();
        let Some(function) = self.lambda.function(name) else {
            let arn = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{name}", self.region);
            return protocol.error(404, "ResourceNotFoundException", &format!("Function not found: {arn}"));
        };
        if call.body.len() > PAYLOAD_LIMIT {
            return protocol.error(413, "RequestTooLargeException", "the payload is larger than 6 MB");
        }
        let payload = if call.body.is_empty() { Bytes::from_static(b"{}") } else { call.body.clone() };
        match call.headers.get("x-amz-invocation-type").map_or("RequestResponse", |kind| kind.to_str().unwrap_or("")) {
            "RequestResponse" => {
                let outcome = self.lambda.invoke(&function.id, payload).await;
                let failed = outcome.is_err();
                let body = outcome.unwrap_or_else(|error| error.payload);
                let mut answer = http_server::answer(200, "application/json", body);
                http_server::set_header(&mut answer, "x-amz-executed-version", "$LATEST");
                if failed {
                    http_server::set_header(&mut answer, "x-amz-function-error", "Unhandled");
                }
                Reply { answer, error_code: None, denied_action: None, consumed_capacity: None }
            }
            "Event" => {
                self.event_queue.accept(&function.id, payload);
                protocol.body(202, String::new())
            }
            "DryRun" => protocol.body(204, String::new()),
            other => {
                protocol.error(400, "InvalidParameterValueException", &format!("unknown invocation type `{other}`"))
            }
        }
    }

    fn put_events(&self, call: &Call) -> Reply {
        let protocol = call.service.protocol();
        if call.operation != "PutEvents" {
            return unknown_operation(call.service, &call.operation);
        }
        let entries = call.input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=10).contains(&entries.len()) {
            return protocol.error(400, "ValidationException", "`Entries` takes 1 to 10 entries");
        }
        let mut failed = 0;
        let results: Vec<_> = entries
            .iter()
            .map(|entry| match event(entry) {
                Ok(event) => {
                    let event = self.bus.complete(event, clock::now());
                    let id = event["id"].clone();
                    self.bus.put(event);
                    json!({"EventId": id})
                }
                Err(what) => {
                    failed += 1;
                    json!({"ErrorCode": "InvalidArgument", "ErrorMessage": what})
                }
            })
            .collect();
        protocol.success(&json!({"FailedEntryCount": failed, "Entries": results}))
    }
}

/// The protocol of a service that is not here, as far as the request shows it: SNS, for one, reads only XML.
fn protocol_of(parts: &Parts) -> Protocol {
    let content_type = parts.headers.get(http::header::CONTENT_TYPE);
    let is_form = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if is_form { Protocol::Query } else { Protocol::RestJson }
}

/// The event of one entry of `PutEvents`.
fn event(entry: &Value) -> Result<Map<String, Value>, &'static str> {
    let mut event = Map::new();
    for (member, field) in [("Source", "source"), ("DetailType", "detail-type")] {
        let text = entry[member].as_str().filter(|text| !text.is_empty());
        event.insert(field.to_owned(), text.ok_or("Source and DetailType are required")?.into());
    }
    let detail = entry["Detail"].as_str().and_then(|detail| serde_json::from_str::<Value>(detail).ok());
    event.insert("detail".to_owned(), detail.filter(Value::is_object).ok_or("Detail is malformed")?);
    if entry["EventBusName"].as_str().is_some_and(|bus| bus != "default") {
        return Err("the local cloud has no event bus but default");
    }
    if let Some(time) = entry["Time"].as_f64().and_then(|time| OffsetDateTime::from_unix_timestamp(time as i64).ok()) {
        event.insert("time".to_owned(), clock::rfc3339(time).into());
    }
    if let Some(resources) = entry.get("Resources").filter(|resources| resources.is_array()) {
        event.insert("resources".to_owned(), resources.clone());
    }
    Ok(event)
}

/// The answer of a stand-in.
fn served(service: &dyn Service, call: &Call) -> Reply {
    let protocol = call.service.protocol();
    match service.call(&call.operation, &call.input, clock::now()) {
        Ok(output) => protocol.success(&output),
        Err(error) => protocol.service_error(&error),
    }
}

fn get_caller_identity(caller: &Caller, call: &Call) -> Reply {
    if call.operation != "GetCallerIdentity" {
        return unknown_operation(call.service, &call.operation);
    }
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{}</Arn><UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>",
        xml_escape(&caller.arn())
    );
    call.service.protocol().body(200, body)
}

fn unknown_operation(service: ServiceName, operation: &str) -> Reply {
    let message = format!("the local cloud has no operation `{operation}` of {}", service.as_str());
    let (status, code) = match service {
        ServiceName::Ivs | ServiceName::Lambda => (404, "UnknownOperationException"),
        ServiceName::Ec2 => (400, "InvalidAction"),
        _ => (400, "UnknownOperationException"),
    };
    service.protocol().service_error(&ServiceError::new(status, code, message))
}

fn finish(reply: Reply, request_id: &str) -> Answer {
    let mut answer = reply.answer;
    http_server::set_header(&mut answer, "x-amzn-requestid", request_id);
    answer
}
