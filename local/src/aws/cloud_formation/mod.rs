//! CloudFormation, as far as custom resources go: it has the functions of the template make them when the stack comes
//! up for the first time, change them when their properties have changed, and delete those that the template no longer
//! has.
//!
//! A request is an asynchronous invocation; its answer is a `PUT` to an address of its own, as to S3's (AWS
//! CloudFormation user guide, "Custom resource reference").

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{anyhow, bail};
use http::{Method, Request, header};
use hyper::body::{Bytes, Incoming};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::aws::ACCOUNT;
use crate::aws::lambda::EventQueue;
use crate::plumbing::http_server::{self, Answer};
use crate::plumbing::ids;
use crate::plumbing::state_file::Stored;
use crate::plumbing::sync::lock;
use crate::template::CustomResource;

/// What every address for an answer begins with.
pub(crate) const ANSWERS: &str = "/custom-resource-answers/";

/// The most that an answer may hold.
const MAX_ANSWER: usize = 4_096;

/// The custom resources of the stack.
pub(crate) struct CloudFormation {
    stack_id: String,
    /// Where answers are put, without a slash at its end.
    aws_url: String,
    resources: Vec<CustomResource>,
    /// What has been made, by logical id.
    made: Stored<BTreeMap<String, PhysicalResource>>,
    queue: Arc<EventQueue>,
    /// Who waits for an answer, by the last part of its address.
    waiting: Mutex<HashMap<String, oneshot::Sender<Value>>>,
}

/// A resource that exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalResource {
    physical_id: String,
    kind: String,
    function: String,
    properties: Value,
}

/// What is to be done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RequestType {
    Create,
    Update,
    Delete,
}

impl CloudFormation {
    /// The resources of a stack, with what `state_file` remembers of them.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub(crate) fn open(
        (stack, region): (&str, &str),
        aws_url: String,
        resources: Vec<CustomResource>,
        state_file: Option<PathBuf>,
        queue: Arc<EventQueue>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            stack_id: format!("arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{stack}/local"),
            aws_url,
            resources,
            made: Stored::open(state_file)?,
            queue,
            waiting: Mutex::default(),
        })
    }

    /// Brings the resources to what the template says.
    ///
    /// # Errors
    /// Names the resource and says what its function answered.
    pub(crate) async fn deploy(&self) -> anyhow::Result<()> {
        for (id, made) in self.made.read(Clone::clone) {
            if !self.resources.iter().any(|resource| resource.id == id) {
                let gone = CustomResource {
                    id: id.clone(),
                    kind: made.kind,
                    function: made.function,
                    properties: made.properties,
                    timeout: Duration::from_secs(60),
                };
                // With the function gone from the template, too, there is nobody to ask.
                if self.queue.lambda.function(&gone.function).is_some() {
                    self.carry_out(RequestType::Delete, &gone).await?;
                }
                self.made.change_anyway(|made| made.remove(&id));
            }
        }
        for resource in &self.resources {
            let made = self.made.read(|made| made.get(&resource.id).map(|made| made.properties.clone()));
            match made {
                None => self.carry_out(RequestType::Create, resource).await?,
                Some(properties) if properties != resource.properties => {
                    self.carry_out(RequestType::Update, resource).await?
                }
                Some(_) => json!(null),
            };
        }
        Ok(())
    }

    /// Forgets what has been made, without a word to anybody.
    pub(crate) fn reset(&self) {
        self.made.change_anyway(BTreeMap::clear);
    }

    /// Sends a request for the resource of this logical id, and answers what its function answered.
    ///
    /// # Errors
    /// Says which resources there are, or what went wrong.
    pub(crate) async fn request(&self, request_type: RequestType, id: &str) -> anyhow::Result<Value> {
        let Some(resource) = self.resources.iter().find(|resource| resource.id == id) else {
            let ids: Vec<_> = self.resources.iter().map(|resource| resource.id.as_str()).collect();
            let there = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
            bail!("the template has no custom resource `{id}`; it has: {there}");
        };
        self.carry_out(request_type, resource).await
    }

    async fn carry_out(&self, request_type: RequestType, resource: &CustomResource) -> anyhow::Result<Value> {
        let before = self.made.read(|made| made.get(&resource.id).cloned());
        let failed = |what: String| anyhow!("{request_type:?} of {} failed: {what}", resource.id);
        let answer = self.invoke(request_type, resource, before.as_ref()).await.map_err(failed)?;
        if answer["Status"] != "SUCCESS" {
            return Err(failed(answer["Reason"].as_str().unwrap_or("no reason was given").to_owned()));
        }
        if request_type == RequestType::Delete {
            self.made.change_anyway(|made| made.remove(&resource.id));
            return Ok(answer);
        }
        let Some(physical_id) = answer["PhysicalResourceId"].as_str().filter(|id| !id.is_empty()) else {
            return Err(failed("the answer has no PhysicalResourceId".to_owned()));
        };
        let made = PhysicalResource {
            physical_id: physical_id.to_owned(),
            kind: resource.kind.clone(),
            function: resource.function.clone(),
            properties: resource.properties.clone(),
        };
        self.made.change_anyway(|all| all.insert(resource.id.clone(), made));
        // Another id is another resource, and nobody refers to the earlier one any more.
        if let Some(before) = before.filter(|before| before.physical_id != physical_id) {
            self.invoke(RequestType::Delete, resource, Some(&before)).await.map_err(failed)?;
        }
        Ok(answer)
    }

    /// Invokes the function and waits for its answer.
    async fn invoke(
        &self,
        request_type: RequestType,
        resource: &CustomResource,
        before: Option<&PhysicalResource>,
    ) -> Result<Value, String> {
        let (id, signature) = (ids::uuid(), ids::uuid());
        let mut event = json!({
            "RequestType": request_type,
            "ServiceToken": resource.properties["ServiceToken"],
            "ResponseURL": format!("{}{ANSWERS}{id}?X-Amz-Signature={signature}", self.aws_url),
            "StackId": self.stack_id,
            "RequestId": id,
            "LogicalResourceId": resource.id,
            "ResourceType": resource.kind,
            "ResourceProperties": resource.properties,
        });
        if request_type != RequestType::Create {
            // As in a roll-back of a create that was never answered.
            let physical_id = before.map_or_else(|| format!("local-{id}"), |before| before.physical_id.clone());
            event["PhysicalResourceId"] = physical_id.into();
        }
        if let (RequestType::Update, Some(before)) = (request_type, before) {
            event["OldResourceProperties"] = before.properties.clone();
        }
        let key = format!("{id}?X-Amz-Signature={signature}");
        let (sender, mut answer) = oneshot::channel();
        lock(&self.waiting).insert(key.clone(), sender);
        let handled = self.queue.accept(&resource.function, Bytes::from(event.to_string()));
        // An answer is put before the invocation ends.
        let _ = timeout(resource.timeout, handled).await;
        let answered = answer.try_recv();
        lock(&self.waiting).remove(&key);
        answered.map_err(|_| format!("{} did not answer; its log says more", resource.function))
    }

    /// Takes an answer, as S3 takes an object at an address that somebody else has signed.
    pub(crate) async fn take_answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let key = parts.uri.path_and_query().map_or("", |path| path.as_str()).strip_prefix(ANSWERS).unwrap_or_default();
        let forbidden = |what: &str| http_server::answer(403, "application/json", json!({"message": what}).to_string());
        if parts.method != Method::PUT || !lock(&self.waiting).contains_key(key) {
            return forbidden("this address is for one PUT, as it stands in a request's ResponseURL");
        }
        // The signature covers it, and CloudFormation signs without one.
        if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| !kind.is_empty()) {
            return forbidden("an answer must be put without a content type");
        }
        let body = http_server::read_body(body, MAX_ANSWER).await;
        let answer = body.ok().and_then(|body| serde_json::from_slice::<Map<_, _>>(&body).ok());
        let Some(answer) = answer else { return forbidden("an answer is a JSON object of at most 4 KB") };
        if let Some(waiting) = lock(&self.waiting).remove(key) {
            // Whoever gave up waiting does not want to know.
            let _ = waiting.send(answer.into());
        }
        http_server::answer(200, "application/json", String::new())
    }
}
