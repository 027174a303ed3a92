//! The side door: what AWS has no API for, under `/_local/` on the API's port.
//!
//! | request | does |
//! |---|---|
//! | `GET /_local/token?sub=alice` | answers a signed token as plain text. `exp`: seconds from now (default 12 hours, may be negative). `iss`, `aud`, `scope` and any other key become string claims; an empty value leaves the claim out |
//! | `GET /_local/env?sub=alice` | variables for a shell, with a token that is made as above: `eval "$(curl -s http://127.0.0.1:8080/_local/env)"` |
//! | `GET /_local/.well-known/jwks.json`, `/_local/.well-known/openid-configuration` | the local issuer, as OpenID Connect Discovery describes one |
//! | `GET /_local/ca.pem` | the certificate of the authority that signed that of RTMPS, for encoders to trust |
//! | `GET /_local/calls?since=<seq>` | every AWS call from that number on: who, what, how it ended |
//! | `PUT /_local/faults` | puts a fault in force: `{"service", "operation", "function"?, "nth"?, "times"?, "fault"}`. `service` is dynamodb, ivs, secretsmanager, sqs, ecs, ec2, lambda, events or sts; `nth` the first matching call that it strikes (default 1); `times` how many from there on (default 1, `null` until deleted). A service, operation or function that is not here is refused. `fault` is one of `{"kind":"throttle"}`, `{"kind":"error","status","code","message"?}`, `{"kind":"latency","ms","when"?}` (before or after the effect; ends when all faults are taken back), `{"kind":"drop","when":"before"\|"after"}` (no answer, before or after the effect), `{"kind":"kill","when":"before"\|"after"}` (ends the calling instance). An `Invoke` of lambda is also what EventBridge and Scheduler do to hand an event over, without a `function` |
//! | `GET /_local/faults`, `DELETE /_local/faults`, `DELETE /_local/faults/{id}` | lists them with how often each struck; takes all or one back |
//! | `GET`, `PUT /_local/quotas` | quotas of IVS and IVS Real-Time: calls per second by operation, `channels`, `streamKeysPerChannel`, `playbackKeyPairs`, `stages`, `publicKeys` |
//! | `POST /_local/join` | `{"token"}`: what IVS would say to a client that joins with this participant token |
//! | `PUT`, `DELETE /_local/stages/{stageId}/participants/{participantId}/published[?wait=true]` | a participant that has joined begins to publish, or stops; the stage's id is what follows `stage/` in its ARN. Answers `{"participant", "events"}`, and with `wait` the deliveries as below |
//! | `DELETE /_local/stages/{stageId}/participants/{participantId}[?wait=true]` | a participant leaves, and may come back; answers as above |
//! | `PUT`, `DELETE /_local/channels/{channelId}/live` | makes a channel live without media, or offline, which ends any broadcast to it, with the events of IVS; the id is what follows `channel/` in its ARN. `PUT` takes `{"health"?: "HEALTHY"\|"STARVING"\|"UNKNOWN", "viewerCount"?}`, also for a channel that is live, or no body; it answers the stream as `GetStream` does |
//! | `POST /_local/ingest` | `{"ingestEndpoint"?, "streamKey"}`: what the ingest server would say to an encoder: `{"accepted": true, "channelArn"}` if the key is a current one, else `{"accepted": false, "reason"}` |
//! | `POST /_local/play` | `{"playbackUrl", "token"?, "origin"?}`: whether the edge would play it to a viewer: `{"plays": true}` or `{"plays": false, "reason"}`. A public channel always plays; a private one checks the playback token, which may be in the URL (`?token=`). `origin` is what a browser would send. A token for a single use is used up |
//! | `POST /_local/events[?wait=true]` | an EventBridge event or a list of them; with `wait`, answers after their delivery: `{"deliveries": [{"rule", "function", "attempts", "ok", "refused", "deadLettered", "onFailure"}]}`. `attempts` is how often the function was invoked, `refused` how often Lambda did not accept the event; `deadLettered` and `onFailure` name the queue that got it in the end, or are `null` |
//! | `GET /_local/events?since=<seq>` | every event put on the bus from that number on, by whomever: `{"events": [{"seq", "event", "fault"}], "next"}`; `fault` is the kind of event fault that struck it, or `null`. The last 10,000 are kept |
//! | `PUT /_local/events/faults` | puts an event fault in force: `{"pattern"?, "times"?, "fault"}`. `pattern` is an event pattern (default: every event); `times` how many events it strikes (default 1, `null` until deleted). `fault` is one of `{"kind":"lose"}`, `{"kind":"duplicate","copies"?}` (default 2), `{"kind":"delay","ms"}`, `{"kind":"reorder","among"?}` (default 2; holds events until so many have come, then delivers them one after the other, the last first; `times` counts such groups) |
//! | `GET /_local/events/faults`, `DELETE /_local/events/faults` | lists them with how often each struck; takes all back and delivers what they hold |
//! | `POST /_local/events/flush` | delivers what `reorder` faults hold, and answers as `POST /_local/events?wait=true` does |
//! | `POST /_local/schedules/{schedule}/run` | fires a schedule at once and waits: answers one delivery as above, with `schedule` in place of `rule`, and `"disabled": true` if the template disables it. The name is `Function.Event`, or the function's alone if it has one schedule |
//! | `POST /_local/custom-resources/{id}` | `{"requestType": "Create"\|"Update"\|"Delete"}`: has CloudFormation ask the function of the custom resource with this logical id, and answers what the function did |
//! | `GET`, `PUT /_local/ecs/clock` | how ECS tasks move from state to state: `{"mode": "automatic", "stepMs"?}` (one state every 500 ms, as at the start) or `{"mode": "manual"}` (by ticks alone) |
//! | `POST /_local/ecs/tick[?wait=true]` | `{"task"?, "steps"?}`: moves the task of that id, or all, one state further, or as many as `steps` says; answers `{"events"}`, and with `wait`, after their delivery, `{"events", "deliveries"}` |
//! | `POST /_local/ecs/tasks/{taskId}/crash[?wait=true]` | ends the essential container of a running task, a process by `SIGKILL`; answers as a tick |
//! | `PUT /_local/ecs/tasks/{taskId}/network` | `{"cut": true}` cuts the connections to the task's process: those that come by the front neither deliver nor close, and new ones hang; `{"cut": false}` lets them go on. What the process connects to is not cut |
//! | `PUT /_local/ecs/tasks/{taskId}/public-ip` | `{"associated": false}` keeps the public address of the task back from EC2, `{"associated": true}` no longer |
//! | `DELETE /_local/ecs/tasks/{taskId}` | ECS forgets the task without an event, as if it had stopped over an hour ago |
//! | `POST /_local/ecs/services/{service}/tasks[?wait=true]` | the input of `RunTask`: starts tasks as the service's scheduler would; answers as a tick, with `tasks` as `RunTask` has them |
//! | `GET /_local/` | this list, shortly |
//! | `POST /_local/reset` | back to the start: empty tables and queues, no stages, no channels, no clusters and tasks, no faults, empty logs of calls and events, new instances |
//!
//! Errors are `{"message": ...}` with a 4xx status. Every answer ends with a newline. `GET /` is a page of what runs
//! where, unless the template has such a route.
//!
//! A request has to name this machine in `host`: by an address, or as `localhost`. A name that somebody else owns could
//! be made to lead here (DNS rebinding), and its pages would be at home. For the same reason, a page that asks must be of
//! this machine or of an origin that the template allows.

mod answer;
mod ecs;
mod emit;
mod host;
mod request;
mod stages;

use std::sync::Arc;

use http::{Method, Request};
use hyper::body::{Bytes, Incoming};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use self::answer::{Refused, bad_request, deliveries};
use self::request::{parse, since, waits};
use crate::aws::Endpoint;
use crate::aws::cloud_formation::{CloudFormation, RequestType};
use crate::aws::cognito::Issuer;
use crate::aws::scheduler::Scheduler;
use crate::plumbing::clock;
use crate::plumbing::http_server::{self, Answer};
use crate::program::overview::Overview;
use crate::template::{EcsResources, JwtAuthorizer, Secret};

/// The prefix of every path of the side door but the page's.
const PREFIX: &str = "/_local/";

/// Whether a path is of the side door.
pub(crate) fn takes(path: &str) -> bool {
    path.starts_with(PREFIX) || path == PREFIX.trim_end_matches('/')
}

/// Every route, and what it does.
const ROUTES: [(&str, &str); 27] = [
    ("GET ", "this list"),
    ("GET token", "a signed token as plain text: ?sub=alice, &exp=-60 (seconds from now), &aud=, &iss=, &scope="),
    ("GET env", "variables for a shell: eval \"$(curl -s ...)\"; takes what token does, such as ?sub=bob"),
    ("GET .well-known/jwks.json", "the public key of those tokens"),
    ("GET .well-known/openid-configuration", "the issuer of those tokens"),
    ("GET ca.pem", "the certificate to trust for RTMPS"),
    ("GET calls", "every AWS call of the functions: ?since="),
    ("GET faults", "the faults in force, and how often each struck"),
    ("PUT faults", "makes AWS calls fail"),
    ("DELETE faults", "ends all faults"),
    ("DELETE faults/{id}", "ends one fault"),
    ("GET quotas", "quotas and rates of IVS"),
    ("PUT quotas", "sets quotas and rates of IVS"),
    ("POST join", "what IVS says to a client that joins with this participant token"),
    ("PUT channels/{channelId}/live", "a broadcast without media begins"),
    ("DELETE channels/{channelId}/live", "a broadcast ends"),
    ("POST ingest", "whether an ingest server takes a broadcast with this stream key"),
    ("POST play", "whether the edge plays this playback URL"),
    ("POST events", "puts an EventBridge event on the bus: ?wait=true answers after its delivery"),
    ("GET events", "every event that was put on the bus: ?since="),
    ("GET events/faults", "the event faults in force"),
    ("PUT events/faults", "loses, doubles, delays or reorders events"),
    ("DELETE events/faults", "ends all event faults"),
    ("POST events/flush", "delivers what reorder faults hold"),
    ("POST schedules/{schedule}/run", "fires a schedule at once and waits"),
    ("POST custom-resources/{id}", "has CloudFormation ask the function of a custom resource"),
    ("POST reset", "forgets everything"),
];

/// The most that a request's body may hold.
const BODY_LIMIT: usize = 6 << 20;
/// How long a token is good unless it says otherwise, seconds.
const TOKEN_LIFETIME: i64 = 12 * 60 * 60;

/// What the side door reaches.
pub(crate) struct SideDoor {
    pub(crate) overview: Overview,
    /// Of the authority behind RTMPS.
    pub(crate) certificate: String,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) issuer: Arc<Issuer>,
    /// Whom tokens are made for; an API may have no authorizer.
    pub(crate) authorizer: Option<JwtAuthorizer>,
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
        if parts.uri.path() == "/" {
            return answer::page(self.overview.page(routes()));
        }
        if parts.method == Method::OPTIONS {
            return answer::preflight(&parts.headers);
        }
        let Ok(body) = http_server::read_body(body, BODY_LIMIT).await else {
            return refused(&Refused(413, "the body is larger than 6 MB, or incomplete".to_owned()));
        };
        let path: Vec<_> = path.split('/').collect();
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query: Vec<_> = query.into_owned().collect();
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
                let token = self.token(query, clock::now())?;
                return Ok(answer::text(&token));
            }
            ("GET", ["env"]) => {
                let token = self.token(query, clock::now())?;
                return Ok(answer::shell(200, &self.overview.variables(&token)));
            }
            ("GET", ["ca.pem"]) => return Ok(answer::text(self.certificate.trim_end())),
            ("GET", [""]) => return Ok(answer::text(&list())),
            ("GET", [".well-known", "jwks.json"]) => self.issuer.key_set(),
            ("GET", [".well-known", "openid-configuration"]) => self.openid_configuration(headers),
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
            ("GET", ["quotas"]) => ivs.quotas().into(),
            ("PUT", ["quotas"]) => {
                ivs.set_quotas(&parse(body)?).map_err(bad_request)?;
                ivs.quotas().into()
            }
            ("POST", ["join"]) => self.join(&parse(body)?)?,
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

    /// A token for `sub`, good for 12 hours.
    pub(crate) fn token_for(&self, sub: &str, now: OffsetDateTime) -> String {
        self.issuer.sign(&self.claims(sub, now.unix_timestamp(), TOKEN_LIFETIME))
    }

    fn token(&self, query: &[(String, String)], now: OffsetDateTime) -> Result<String, Refused> {
        let lifetime = query.iter().rev().find(|(key, _)| key == "exp");
        let lifetime = lifetime.map_or(Ok(TOKEN_LIFETIME), |(_, value)| value.parse());
        let lifetime = lifetime.map_err(|_| bad_request("`exp` is a number of seconds from now".to_owned()))?;
        let mut claims = self.claims("alice", now.unix_timestamp(), lifetime);
        for (key, value) in query.iter().filter(|(key, _)| key != "exp") {
            if value.is_empty() {
                claims.remove(key);
            } else {
                claims.insert(key.clone(), value.as_str().into());
            }
        }
        Ok(self.issuer.sign(&claims))
    }

    fn claims(&self, sub: &str, now: i64, lifetime: i64) -> Map<String, Value> {
        let mut claims = Map::from_iter([
            ("sub".to_owned(), sub.into()),
            ("iat".to_owned(), now.into()),
            ("exp".to_owned(), now.saturating_add(lifetime).into()),
        ]);
        if let Some(authorizer) = &self.authorizer {
            claims.insert("iss".to_owned(), authorizer.issuer.as_str().into());
            if let Some(audience) = authorizer.audiences.first() {
                claims.insert("aud".to_owned(), audience.as_str().into());
            }
        }
        claims
    }

    fn openid_configuration(&self, headers: &http::HeaderMap) -> Value {
        let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        json!({
            "issuer": self.authorizer.as_ref().map(|authorizer| &authorizer.issuer),
            "jwks_uri": format!("http://{host}{PREFIX}.well-known/jwks.json"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        })
    }

    fn join(&self, body: &Value) -> Result<Value, Refused> {
        let token = body["token"].as_str().ok_or_else(|| bad_request("`token` must be a string".to_owned()))?;
        Ok(self.endpoint.ivs.real_time.join(token, clock::now()))
    }

    async fn events(&self, body: Value, query: &[(String, String)]) -> Result<Value, Refused> {
        let events = match body {
            Value::Array(events) => events,
            single => vec![single],
        };
        let bus = &self.endpoint.bus;
        let complete = |event: Value| match event {
            Value::Object(event) if event.contains_key("source") && event.contains_key("detail-type") => {
                Ok(bus.complete(event, clock::now()))
            }
            _ => Err(bad_request("an event is a mapping with at least `source` and `detail-type`".to_owned())),
        };
        let events = events.into_iter().map(complete).collect::<Result<Vec<_>, _>>()?;
        let mut delivered = Vec::new();
        let wait = waits(query);
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

fn no_such_route(method: &str, path: &str) -> Refused {
    let routes: Vec<_> = routes().map(|(method, path, _)| format!("{method} {path}")).collect();
    Refused(404, format!("the side door has no {method} {PREFIX}{path}; it has: {}", routes.join(", ")))
}

/// Method, path and purpose of every route.
fn routes() -> impl Iterator<Item = (&'static str, String, &'static str)> {
    ROUTES.iter().chain(&stages::ROUTES).chain(&ecs::ROUTES).filter_map(|(route, what)| {
        let (method, path) = route.split_once(' ')?;
        Some((method, format!("{PREFIX}{path}"), *what))
    })
}

/// A line for each route.
fn list() -> String {
    let width = routes().map(|(_, path, _)| path.len()).max().unwrap_or_default();
    let lines = routes().map(|(method, path, what)| format!("{method:6} {path:width$}  {what}"));
    lines.collect::<Vec<_>>().join("\n")
}
