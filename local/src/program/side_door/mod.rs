//! The side door: what AWS has no API for, under `/_local/` on the API's port. `routes` has the list of what there is.
//!
//! Errors are `{"message": ...}` with a 4xx status. Every answer ends with a newline. What is at `/` and beside
//! it is in `front`.
//!
//! A request has to name this machine in `host`: by an address, or as `localhost`. A name that somebody else owns could
//! be made to lead here (DNS rebinding), and its pages would be at home. For the same reason, a page that asks must be of
//! this machine or of an origin that the template allows.

mod answer;
mod assumptions;
mod ecs;
mod emit;
mod front;
mod host;
mod masked;
mod request;
mod requests;
mod routes;
mod sign_in;
mod stages;
mod state;
mod tokens;

use std::sync::Arc;

use http::{Method, Request};
use hyper::body::{Bytes, Incoming};
use serde_json::{Value, json};

use self::answer::{Refused, bad_request, deliveries};
use self::request::{parse, since, waits};
use self::routes::{PREFIX, no_such_route};
pub(crate) use self::sign_in::SignIn;
pub(crate) use self::tokens::Tokens;
use crate::aws::Endpoint;
use crate::aws::cloud_formation::{CloudFormation, RequestType};
use crate::aws::lambda::EventSources;
use crate::aws::scheduler::Scheduler;
use crate::plumbing::clock;
use crate::plumbing::http_server::{self, Answer};
use crate::program::overview::Overview;
use crate::program::pages::{self, Pages};
use crate::template::{EcsResources, Secret};

/// Whether a path is of the side door.
pub(crate) fn takes(path: &str) -> bool {
    path.starts_with(PREFIX) || path == PREFIX.trim_end_matches('/')
}

/// The most that a request's body may hold.
const BODY_LIMIT: usize = 6 << 20;

/// What the side door reaches.
pub(crate) struct SideDoor {
    pub(crate) overview: Overview,
    /// What the front door shows.
    pub(crate) pages: Option<Pages>,
    /// Of the authority behind RTMPS.
    pub(crate) certificate: String,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) event_sources: EventSources,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) sign_in: SignIn,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) ecs: EcsResources,
    pub(crate) cloud_formation: Arc<CloudFormation>,
    /// Held for reading by every request to the API, for writing by a reset.
    pub(crate) api_gate: tokio::sync::RwLock<()>,
}

impl SideDoor {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let refused = if path == "env" { answer::refused_shell } else { answer::refused };
        if let Some(name) = host::foreign(&parts.uri, &parts.headers) {
            return refused(&host::refusal(&name, self.overview.api_url()));
        }
        if let Some(origin) = host::foreign_origin(&parts.headers, self.overview.origins()) {
            return refused(&host::refusal_of_origin(&origin));
        }
        if parts.method == Method::OPTIONS {
            return answer::preflight(&parts.headers);
        }
        let Ok(body) = http_server::read_body(body, BODY_LIMIT).await else {
            return refused(&Refused(413, "the body is larger than 6 MB, or incomplete".to_owned()));
        };
        let path: Vec<_> = path.split('/').collect();
        let query = request::form(parts.uri.query().unwrap_or_default().as_bytes());
        let answered = self.answer(&parts.method, &path, &query, &body, &parts.headers).await;
        answered.unwrap_or_else(|refusal| refused(&refusal))
    }

    async fn answer(
        &self,
        method: &Method,
        path: &[&str],
        query: &[(String, String)],
        body: &Bytes,
        headers: &http::HeaderMap,
    ) -> Result<Answer, Refused> {
        let Endpoint { faults, ivs, bus, .. } = self.endpoint.as_ref();
        let json = match (method.as_str(), path) {
            ("GET", ["token"]) => {
                let token = self.tokens.by_query(query, clock::now())?;
                return Ok(answer::text(&token));
            }
            ("GET", ["env"]) => {
                let token = self.tokens.by_query(query, clock::now())?;
                return Ok(answer::shell(200, &self.overview.variables(&token)));
            }
            ("GET", ["ca.pem"]) => return Ok(answer::text(self.certificate.trim_end())),
            ("GET", ["overview"]) => return Ok(self.show_overview(None)),
            ("GET", [""]) => return Ok(answer::text(&routes::list())),
            ("GET", [".well-known", "jwks.json"]) => self.tokens.issuer.key_set(),
            ("GET", [".well-known", "openid-configuration"]) => {
                let origin = self.origin(headers);
                let mut description = self.tokens.openid_configuration(&origin);
                SignIn::describe(&mut description, &origin);
                description
            }
            ("GET", ["oauth2", "authorize"]) => return Ok(self.sign_in.authorize(query, headers)),
            ("POST", ["oauth2", "authorize"]) => {
                return Ok(self.sign_in.signed_in(query, &request::form(body), headers, clock::now()));
            }
            ("POST", ["oauth2", "token"]) => return Ok(self.sign_in.token(&request::form(body), clock::now())),
            ("GET", ["logout"]) => return self.sign_in.logout(query, headers),
            ("GET", ["users"]) => json!({"users": self.tokens.users.latest()}),
            ("GET", ["about"]) => {
                let mut about = self.overview.about();
                about["parameters"] = masked::masked(&about["parameters"]);
                about["signIn"] = pages::sign_in(&self.origin(headers), self.tokens.client_id());
                about
            }
            ("GET", ["state"]) => state::answer(&self.endpoint, self.overview.stack_name(), query).await?,
            ("GET", ["requests"]) => requests::list(&self.endpoint.requests, query)?,
            ("GET", ["requests", "stream"]) => return requests::stream(&self.endpoint, query, headers),
            ("GET", ["calls"]) => self.endpoint.calls.since(since(query)?),
            ("PUT", ["faults"]) => faults.put(body).map_err(bad_request)?,
            ("GET", ["faults"]) => faults.list(),
            ("DELETE", ["faults"]) => {
                faults.clear();
                json!({})
            }
            ("DELETE", ["faults", id]) => match id.parse().is_ok_and(|id| faults.delete(id)) {
                true => json!({}),
                false => return Err(Refused(404, format!("there is no fault `{id}`"))),
            },
            ("GET", ["quotas"]) => self.endpoint.quotas().into(),
            ("PUT", ["quotas"]) => {
                self.endpoint.set_quotas(&parse(body)?).map_err(bad_request)?;
                self.endpoint.quotas().into()
            }
            ("GET", ["assumptions"]) => assumptions::answer(&self.endpoint),
            ("PUT", ["assumptions"]) => {
                assumptions::set(&self.endpoint, body)?;
                assumptions::answer(&self.endpoint)
            }
            ("POST", ["join"]) => self.join(&parse(body)?).await?,
            ("PUT", ["channels", id, "live"]) => {
                let body = if body.is_empty() { json!({}) } else { parse(body)? };
                ivs.low_latency.go_live(id, &body, clock::now())?
            }
            ("DELETE", ["channels", id, "live"]) => {
                ivs.low_latency.go_offline(id, clock::now())?;
                json!({})
            }
            ("POST", ["ingest"]) => ivs.low_latency.ingest(&parse(body)?)?,
            ("POST", ["play"]) => ivs.low_latency.play(&parse(body)?, clock::now())?,
            (method, ["stages", path @ ..]) => match stages::answer(&self.endpoint, method, path, query).await? {
                Some(json) => json,
                None => return Err(no_such_route(method, &format!("stages/{}", path.join("/")))),
            },
            (method, ["ecs", path @ ..]) => match ecs::answer(&self.endpoint, method, path, query, body).await? {
                Some(json) => json,
                None => return Err(no_such_route(method, &format!("ecs/{}", path.join("/")))),
            },
            ("POST", ["events"]) => self.events(parse(body)?, query).await?,
            ("GET", ["events"]) => bus.events_since(since(query)?),
            ("GET", ["events", "faults"]) => bus.faults(),
            ("PUT", ["events", "faults"]) => bus.put_fault(body).map_err(bad_request)?,
            ("DELETE", ["events", "faults"]) => deliveries(&bus.clear_faults().await),
            ("POST", ["events", "flush"]) => deliveries(&bus.flush().await),
            ("POST", ["schedules", name, "run"]) => {
                let (delivery, enabled) = self.scheduler.run(name).await.map_err(|what| Refused(404, what))?;
                let mut json = delivery.to_json("schedule");
                // On AWS nothing would have fired it.
                if !enabled {
                    json["disabled"] = true.into();
                }
                json
            }
            ("POST", ["custom-resources", id]) => {
                let what = "`requestType` is \"Create\", \"Update\" or \"Delete\"";
                let body: CustomResourceRequest =
                    serde_json::from_slice(body).map_err(|_| bad_request(what.to_owned()))?;
                let answer = self.cloud_formation.request(body.request_type, id).await;
                answer.map_err(|error| Refused(409, format!("{error:#}")))?
            }
            ("POST", ["reset"]) => {
                self.reset().await?;
                json!({})
            }
            (method, path) => return Err(no_such_route(method, &path.join("/"))),
        };
        Ok(answer::json(200, &json))
    }

    async fn join(&self, body: &Value) -> Result<Value, Refused> {
        let token = body["token"].as_str().ok_or_else(|| bad_request("`token` must be a string".to_owned()))?;
        let (answer, events) = {
            let _open = self.endpoint.gate.read().await;
            let ivs = &self.endpoint.ivs.real_time;
            (ivs.join(token, clock::now()), ivs.take_events())
        };
        emit::emit(&self.endpoint, events, false).await;
        Ok(answer)
    }

    async fn events(&self, body: Value, query: &[(String, String)]) -> Result<Value, Refused> {
        let events = match body {
            Value::Array(events) => events,
            single => vec![single],
        };
        let bus = &self.endpoint.bus;
        let wait = waits(query)?;
        let complete = |event: Value| match event {
            Value::Object(event) if event.contains_key("source") && event.contains_key("detail-type") => {
                Ok(bus.complete(event, clock::now()))
            }
            _ => Err(bad_request("an event is a mapping with at least `source` and `detail-type`".to_owned())),
        };
        let events = events.into_iter().map(complete).collect::<Result<Vec<_>, _>>()?;
        let mut delivered = Vec::new();
        for event in events {
            if wait {
                delivered.extend(bus.put_and_wait(event).await);
            } else {
                bus.put(event);
            }
        }
        Ok(if wait { deliveries(&delivered) } else { json!({}) })
    }

    /// Back to the start. Requests under way end first, and new ones wait until it is done.
    async fn reset(&self) -> Result<(), Refused> {
        let _api = self.api_gate.write().await;
        self.event_sources.stop().await;
        let result = self.empty().await;
        self.event_sources.start();
        result
    }

    async fn empty(&self) -> Result<(), Refused> {
        let endpoint = &self.endpoint;
        endpoint.silence();
        endpoint.bus.forget().await;
        endpoint.lambda.replace_instances();
        {
            let _aws = endpoint.gate.write().await;
            endpoint.reset(&self.secrets).map_err(failed)?;
        }
        self.cloud_formation.reset();
        self.cloud_formation.deploy().await.map_err(failed)?;
        endpoint.deploy_ecs(&self.ecs).map_err(failed)?;
        endpoint.calls.reset();
        endpoint.requests.reset();
        Ok(())
    }
}

/// The body of `POST custom-resources/{id}`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CustomResourceRequest {
    request_type: RequestType,
}

fn failed(error: anyhow::Error) -> Refused {
    Refused(500, format!("{error:#}"))
}
