//! The AWS endpoint: one port for every service.

pub(crate) mod call_log;
mod ecs;
pub(crate) mod ivs;
pub(crate) mod known;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use http::Request;
use http::request::Parts;
use hyper::body::{Bytes, Incoming};
use serde_json::{Map, Value};
use tokio::sync::RwLock;

use super::assumptions::Assumed;
use super::dynamodb::DynamoDb;
use super::ec2;
use super::ecs::Ecs;
use super::fault::{Fault, Faults, When};
use super::iam;
use super::ivs_chat::IvsChat;
use super::secrets_manager::SecretsManager;
use super::service::resource::Resource;
use super::service::{Requirement, Service};
use super::sqs::{self, Sqs};
use crate::aws::endpoint::call_log::{CallLog, Record};
use crate::aws::endpoint::ivs::IvsServices;
use crate::aws::event_bridge::{self, EventBus};
use crate::aws::lambda::{self, EventQueue, Lambda};
use crate::aws::service::call::{Call, CallError, ServiceName, Signature};
use crate::aws::service::reply::{Protocol, Reply};
use crate::aws::sts;
use crate::aws::sts::callers::{Caller, Callers, TokenError};
use crate::plumbing::clock;
use crate::plumbing::http_server::{self, Answer, BodyError, HangUp};
use crate::plumbing::ids;
use crate::plumbing::jobs::Jobs;
use crate::program::request_log::{self, RequestLog};
use crate::template::{Secret, Statement};

/// DynamoDB takes bodies up to 16 MB, and nothing here takes more.
const BODY_LIMIT: usize = 16 << 20;

/// Every service, and what stands between it and its callers.
pub(crate) struct Endpoint {
    pub(crate) region: String,
    /// What each function may do, by logical id.
    pub(crate) policies: BTreeMap<String, Vec<Statement>>,
    /// What the tasks of each role may do, by the role's ARN.
    pub(crate) task_roles: BTreeMap<String, Vec<Statement>>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) calls: CallLog,
    pub(crate) requests: Arc<RequestLog>,
    pub(crate) assumed: Assumed,
    pub(crate) dynamodb: DynamoDb,
    pub(crate) ivs: IvsServices,
    pub(crate) ivs_chat: Arc<IvsChat>,
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
    /// Ends what makes events by itself and would go on while everything is reset: the clock of ECS has no tasks any more,
    /// and encoders no channel; they are sent away, and do not come in again.
    pub(crate) fn silence(&self) {
        self.ecs.reset();
        self.ivs.reset();
    }

    /// Empties everything.
    pub(crate) fn reset(&self, secrets: &[Secret]) -> anyhow::Result<()> {
        self.faults.clear();
        self.assumed.reset();
        self.dynamodb.reset()?;
        self.ivs.reset();
        self.ivs_chat.reset();
        self.secrets.reset();
        self.sqs.reset();
        self.ecs.reset();
        self.bus.reset();
        self.declare(secrets);
        Ok(())
    }

    /// What IVS, IVS Real-Time, IVS Chat and ECS have.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        let IvsServices { low_latency, real_time } = &self.ivs;
        [low_latency.inventory(), real_time.inventory(), self.ivs_chat.inventory(), self.ecs.inventory()].concat()
    }

    /// Calls per second by operation, and how many there may be of each resource: of IVS, IVS Real-Time and IVS Chat.
    pub(crate) fn quotas(&self) -> Map<String, Value> {
        let mut quotas = self.ivs.quotas();
        quotas.extend(self.ivs_chat.quotas());
        quotas
    }

    /// Replaces the quotas that are named, in the form of [`quotas`](Self::quotas); the others stay. What has the same
    /// name in several services, such as `TagResource`, is replaced in all.
    ///
    /// # Errors
    /// An unknown quota or a value that is none; nothing has changed then.
    pub(crate) fn set_quotas(&self, overrides: &Value) -> Result<(), String> {
        let of_chat = self.ivs_chat.quotas();
        let Some(given) = overrides.as_object() else { return self.ivs.set_quotas(overrides) };
        let is_of_ivs = |name: &&String| self.ivs.quotas().contains_key(*name) || !of_chat.contains_key(*name);
        let of_ivs: Map<String, Value> = given
            .iter()
            .filter(|(name, _)| is_of_ivs(name))
            .map(|(name, quota)| (name.clone(), quota.clone()))
            .collect();
        self.ivs_chat.check_quotas(given)?;
        self.ivs.set_quotas(&of_ivs.into())?;
        self.ivs_chat.set_quotas(given)
    }

    /// Sees to it that the template's secrets are there.
    pub(crate) fn declare(&self, secrets: &[Secret]) {
        for secret in secrets {
            self.secrets.declare(&secret.name, &secret.description);
        }
    }

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
        let request_id = ids::uuid();
        let (caller, call) = match self.read(parts, body) {
            Ok(read) => read,
            Err(reply) => return Ok(finish(*reply, &request_id)),
        };
        let (at, started) = (clock::now(), Instant::now());
        let result = self.carry_out(&caller, &call).await;
        let reply = result.as_ref().ok();
        let record = Record {
            at,
            caller: &caller,
            call: &call,
            status: reply.map(|reply| reply.answer.status().as_u16()),
            error_code: reply.and_then(|reply| reply.error_code.as_deref()),
            denied_action: reply.and_then(|reply| reply.denied_action.as_deref()),
            duration: started.elapsed(),
            consumed_capacity: reply.and_then(|reply| reply.consumed_capacity),
            request_id: &request_id,
        };
        self.record(&record);
        result.map(|reply| finish(reply, &request_id))
    }

    /// Notes a call, for those who look at calls and for those who look at requests.
    fn record(&self, record: &Record<'_>) {
        let seq = self.calls.record(record);
        if let Caller::Function { instance, .. } = record.caller {
            let call = request_log::Call {
                seq,
                service: record.call.service.as_str(),
                operation: record.call.operation.clone(),
                ms: record.duration.as_secs_f64() * 1000.0,
                status: record.status,
                error: record.error_code.map(str::to_owned),
                denied_action: record.denied_action.map(str::to_owned),
                capacity: record.consumed_capacity,
            };
            self.requests.called(instance, call);
        }
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
            let operation = named_operation(parts, &body).map(|name| format!(" for `{name}`")).unwrap_or_default();
            let what = format!(
                "the local cloud has no service `{}`{operation}; it has: {}",
                signature.service,
                ServiceName::names()
            );
            return Err(protocol_of(parts).error(404, "UnknownOperationException", &what).into());
        };
        let protocol = service.protocol();
        if signature.region != self.region {
            let what = format!(
                "Credential should be scoped to a valid region: the local cloud is `{}`, and the call is for `{}`; \
                 --region starts it in another one",
                self.region, signature.region
            );
            return Err(protocol.error(403, "InvalidSignatureException", &what).into());
        }
        let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let now = clock::epoch_millis(clock::now());
        let caller = self.callers.identify(&signature.access_key_id, token, now).map_err(|error| {
            if error == TokenError::Expired {
                let status = if protocol == Protocol::Ec2Query { 400 } else { 403 };
                let what = "The security token included in the request is expired";
                return protocol.error(status, "ExpiredTokenException", what);
            }
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
            Err(CallError::Malformed) => {
                Err(protocol.error(400, "SerializationException", "the body is malformed").into())
            }
            Err(CallError::UnknownOperation(what)) => Err(service.unknown_operation(&what).into()),
        }
    }

    /// Carries out a call, with the fault that is due for it.
    async fn carry_out(&self, caller: &Caller, call: &Call) -> Result<Reply, HangUp> {
        let cleared = self.faults.cleared();
        let can_be_killed = *caller != Caller::Developer;
        let fault = self.faults.on_call(call.service, &call.operation, caller.function(), can_be_killed);
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
            (Some(Fault::Kill { when }), Caller::Task { task, .. }) if *when == at => {
                if let Ok(events) = self.ecs.crash(task, clock::now()) {
                    self.publish(events);
                }
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
            return match self.refusal(caller, call, &self.requirements(call)) {
                Some(refusal) => refusal,
                None => lambda::invoke::invoke(&self.event_queue, call).await,
            };
        }
        if call.service == ServiceName::Sqs {
            // A receiver waits for messages, and nothing else must wait for it.
            return match self.refusal(caller, call, &self.requirements(call)) {
                Some(refusal) => refusal,
                None => sqs::serve(&self.sqs, &self.gate, call).await,
            };
        }
        let _open = self.gate.read().await;
        let needed = self.requirements(call);
        if let Some(refusal) = self.refusal(caller, call, &needed) {
            return refusal;
        }
        match call.service {
            ServiceName::DynamoDb => self.dynamodb.call(call, &needed).await,
            ServiceName::Ivs => {
                let reply = served(&self.ivs, call);
                self.publish(self.ivs.real_time.take_events());
                reply
            }
            ServiceName::IvsChat => served(self.ivs_chat.as_ref(), call),
            ServiceName::SecretsManager => served(self.secrets.as_ref(), call),
            ServiceName::Ecs => self.call_ecs(call),
            ServiceName::Ec2 => self.call_ec2(call),
            ServiceName::EventBridge => event_bridge::put_events::put_events(&self.bus, call),
            ServiceName::Sts => sts::get_caller_identity(caller, call),
            ServiceName::Sqs | ServiceName::Lambda => call.service.unknown_operation(&call.operation),
        }
    }

    /// The answer to a function or a task whose policy does not allow the call.
    fn refusal(&self, caller: &Caller, call: &Call, needed: &[Requirement]) -> Option<Reply> {
        let policy = match caller {
            Caller::Function { function, .. } => self.policies.get(function),
            Caller::Task { role, .. } => self.task_roles.get(role),
            Caller::Developer => return None,
        };
        let policy = policy.map_or(&[][..], Vec::as_slice);
        let denied = iam::denied(policy, needed)?;
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
        match call.service {
            ServiceName::DynamoDb => self.dynamodb.requirements(&call.operation, &call.input),
            ServiceName::Ivs => self.ivs.requirements(&call.operation, &call.input),
            ServiceName::IvsChat => self.ivs_chat.requirements(&call.operation, &call.input),
            ServiceName::SecretsManager => self.secrets.requirements(&call.operation, &call.input),
            ServiceName::Sqs => self.sqs.requirements(&call.operation, &call.input),
            ServiceName::Ecs => self.ecs.requirements(&call.operation, &call.input),
            ServiceName::Ec2 => ec2::permission::requirements(&call.operation),
            ServiceName::Lambda => lambda::permission::requirements(&self.event_queue, &call.input),
            ServiceName::EventBridge => event_bridge::permission::requirements(&self.region, &call.input),
            // Everyone may ask who they are.
            ServiceName::Sts => Vec::new(),
        }
    }

    fn call_ec2(&self, call: &Call) -> Reply {
        let protocol = call.service.protocol();
        if !ec2::operation::OPERATIONS.contains(&call.operation.as_str()) {
            return call.service.unknown_operation(&call.operation);
        }
        match ec2::describe_network_interfaces(self.ecs.network_interfaces(), &call.input) {
            Ok(xml) => protocol.body(200, xml),
            Err(error) => protocol.service_error(&error),
        }
    }
}

/// The protocol of a service that is not here, as far as the request shows it: SNS, for one, reads only XML.
fn protocol_of(parts: &Parts) -> Protocol {
    let content_type = parts.headers.get(http::header::CONTENT_TYPE);
    let is_form = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if is_form { Protocol::Query } else { Protocol::RestJson }
}

/// The operation that a call of a service that is not here names, where it is said as it is said here.
fn named_operation(parts: &Parts, body: &[u8]) -> Option<String> {
    if let Some(target) = parts.headers.get("x-amz-target") {
        return Some(target.to_str().ok()?.rsplit('.').next()?.to_owned());
    }
    form_urlencoded::parse(body).find(|(key, _)| key == "Action").map(|(_, action)| action.into_owned())
}

/// The answer of a stand-in.
fn served(service: &dyn Service, call: &Call) -> Reply {
    let protocol = call.service.protocol();
    match service.call(&call.operation, &call.input, clock::now()) {
        Ok(output) => protocol.success(&output),
        Err(error) => protocol.service_error(&error),
    }
}

fn finish(reply: Reply, request_id: &str) -> Answer {
    let mut answer = reply.answer;
    http_server::set_header(&mut answer, "x-amzn-requestid", request_id);
    answer
}
