//! What the side door has. A route with parameters refuses any other, and one that is there twice; tokens may have any claims, and
//! signing in and out ignores what it does not know.
//!
//! | request | does |
//! |---|---|
//! | `GET /_local/token?sub=alice` | answers a signed token as plain text. `exp`: seconds from now (default 12 hours, may be negative). `iss`, `aud`, `scope` and any other key become string claims; an empty value leaves the claim out |
//! | `GET /_local/env?sub=alice` | variables for a shell, with a token that is made as above: `eval "$(curl -s http://127.0.0.1:8080/_local/env)"` |
//! | `GET /_local/.well-known/jwks.json`, `/_local/.well-known/openid-configuration` | the local issuer, as OpenID Connect Discovery describes one |
//! | `GET /_local/oauth2/authorize` | the authorization endpoint of that issuer (RFC 6749, RFC 7636): `response_type=code`, `client_id` (an audience of the template's authorizer), `redirect_uri` (of this machine, or of an origin that the template allows), `code_challenge` with `code_challenge_method=S256`, and `state`, `scope`, `nonce`, `login_hint`. A page of buttons and a field, whose form `POST`s `username` to the same URL: 303 to `redirect_uri` with `code` and `state` |
//! | `POST /_local/oauth2/token` | the token endpoint, a form: `grant_type=authorization_code` with `client_id`, `code` (good once, for 60 seconds), `redirect_uri`, `code_verifier`, or `grant_type=refresh_token` with `refresh_token`; answers `access_token`, `id_token`, `refresh_token` (not when refreshing), `token_type`, `expires_in` as Cognito does, or `error` and `error_description` with 400 |
//! | `GET /_local/logout?client_id=&logout_uri=` | there is no session to end: 303 to `logout_uri` |
//! | `GET /_local/users` | `{"users": [...]}`: up to 20 who signed in, took a token or called the API, the latest first |
//! | `GET /_local/ca.pem` | the certificate of the authority that signed that of RTMPS, for encoders to trust |
//! | `GET /_local/calls?since=<seq>` | every AWS call from that number on: who, what, how it ended |
//! | `GET /_local/about` | what runs where: `{"stack", "region", "template", "version", "dataDir", "addresses": {"api", "aws", "rtmps", "rtmp", "playback", "tasks"}, "functions": [{"id", "name", "routes"}], "schedules": [{"name", "function", "when", "enabled"}], "eventSources": [{"name", "function", "queue", "batchSize", "windowSeconds", "maximumConcurrency", "enabled"}], "tables", "queues", "parameters", "faultServices": {"ivs": ["CreateChannel", ...]}, "signIn"}`; `faultServices` is what faults can be put on, `signIn` as in `/config.json` |
//! | `GET /_local/state?rows=<count>`, `?table=<name>&offset=<count>&rows=<count>` | the rows of every table, or of one, beside what there is: `{"at", "tables": [{"name", "key", "count", "truncated", "rows": [{"item", "resources", "differences"}]}], "resources": [{"arn", "service", "kind", "name", "state", "tags", "description", "rows": [{"table", "key"}], "differences"}], "differences"}`. `rows` is 100 if left out and at most 1,000; rows with differences come first; a table is read up to 10,000 rows. Resources are channels, streams on air, stages, tasks that have not stopped, and services. It is a difference if the attribute `arn` of a row names what is not there, or no row names a resource that has the stack's name in a tag, if it is a channel, a stream, a stage or a running task. What is a secret by its name is `(hidden)`, whatever it looks like |
//! | `GET /_local/requests?since=<change>&last=<count>` | `{"requests": [{"seq", "change", "at", "method", "path", "route", "status", "ms", "sub", "function", "requestId", "problem", "refused", "calls", "lines"}], "next"}`: the requests to the API that have changed from that number on, the `last` (default 1,000) latest of them. A request comes when it is answered (`status` is `null` if its client went away first), and again with another `change` when a line or a call of its function comes late. `problem` is the type of the answer's problem, `refused` why the gateway let it not through; `calls` are `{"seq", "service", "operation", "ms", "status", "error", "deniedAction", "capacity"}`, `lines` those of the function's log. No query, header or body is kept, and what looks like a secret in a path is left out. The last 10,000 are kept |
//! | `GET /_local/requests/stream?last=<count>` | the same as server-sent events `request`, after the `last` (default 200) latest ones; `Last-Event-ID` goes on where a stream ended. An event `reset` says that all before is forgotten |
//! | `PUT /_local/faults` | puts a fault in force: `{"service", "operation", "function"?, "nth"?, "times"?, "fault"}`. `service` is dynamodb, ivs, secretsmanager, sqs, ecs, ec2, lambda, events or sts; `nth` the first matching call that it strikes (default 1); `times` how many from there on (default 1, `null` until deleted). A service, operation or function that is not here is refused. `fault` is one of `{"kind":"throttle"}`, `{"kind":"error","status","code","message"?}`, `{"kind":"latency","ms","when"?}` (before or after the effect; ends when all faults are taken back), `{"kind":"drop","when":"before"\|"after"}` (no answer, before or after the effect), `{"kind":"kill","when":"before"\|"after"}` (ends the calling instance). An `Invoke` of lambda is also what EventBridge and Scheduler do to hand an event over, without a `function` |
//! | `GET /_local/faults`, `DELETE /_local/faults`, `DELETE /_local/faults/{id}` | lists them with how often each struck; takes all or one back |
//! | `GET`, `PUT /_local/quotas` | quotas of IVS and IVS Real-Time: calls per second by operation, `channels`, `streamKeysPerChannel`, `playbackKeyPairs`, `stages`, `publicKeys` |
//! | `GET`, `PUT /_local/assumptions` | what the local cloud assumes where AWS does not say, or does it now and then, until a reset. `earlyDisconnect` is what `DisconnectParticipant` does about a participant that has not joined yet: `"bars"` its token (as at the start), or `"notFound"` (so with `--assume-unkind`), after which the token joins. The others are `false` at the start, and `true` with `--assume-unkind`: `lateIndexes` (a Query or Scan of a global secondary index shows the rows as they were a second ago; what PartiQL writes is shown at once, with all before it), `lateListings` (lists of IVS and IVS Real-Time show what there was two seconds ago), `longTaskLife` (new tasks of ECS are `ACTIVATING`, `DEACTIVATING` and `STOPPING` as well), `oldItemNeedsRead` (`ReturnValuesOnConditionCheckFailure` needs `dynamodb:GetItem`) |
//! | `POST /_local/join` | `{"token"}`: what IVS would say to a client that joins with this participant token. A join has a `connection`; a participant has one at a time, so `ended` says which was ended by this one (`{"connection", "reason": "token-reused"}`), and what that published is over |
//! | `PUT`, `DELETE /_local/stages/{stageId}/participants/{participantId}/published[?wait=true&connection=]` | a participant that has joined begins to publish, or stops, by the connection that it has: another is refused; the stage's id is what follows `stage/` in its ARN. Answers `{"participant", "events"}`, and with `wait` the deliveries as below |
//! | `DELETE /_local/stages/{stageId}/participants/{participantId}[?wait=true&connection=]` | a participant leaves, and may come back; answers as above |
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
//! | `GET /_local/overview` | a page of what runs where; `GET /` is the same where no pages are built |
//! | `GET /_local/` | this list, shortly |
//! | `POST /_local/reset` | back to the start: empty tables and queues, no stages, no channels, no clusters and tasks, no faults, empty logs of calls and events, new instances |

use super::answer::Refused;
use super::{ecs, stages};

/// The prefix of every path of the side door but the page's.
pub(super) const PREFIX: &str = "/_local/";

/// Every route, and what it does.
const ROUTES: [(&str, &str); 39] = [
    ("GET ", "this list"),
    ("GET overview", "what runs where, as a page"),
    ("GET token", "a signed token as plain text: ?sub=alice, &exp=-60 (seconds from now), &aud=, &iss=, &scope="),
    ("GET env", "variables for a shell: eval \"$(curl -s ...)\"; takes what token does, such as ?sub=bob"),
    ("GET .well-known/jwks.json", "the public key of those tokens"),
    ("GET .well-known/openid-configuration", "the issuer of those tokens"),
    ("GET oauth2/authorize", "signs a page's user in: authorization code with PKCE, as an OpenID provider has it"),
    ("POST oauth2/authorize", "what its form sends"),
    ("POST oauth2/token", "tokens for a code, or for a refresh token"),
    ("GET logout", "leads back to ?logout_uri="),
    ("GET users", "who signed in, took a token or called the API, the latest first"),
    ("GET ca.pem", "the certificate to trust for RTMPS"),
    ("GET about", "what runs where, as JSON"),
    ("GET state", "the rows of every table beside what IVS and ECS say of them"),
    ("GET requests", "the requests to the API, each with its AWS calls and log lines: ?since=, ?last="),
    ("GET requests/stream", "the same as they come, as server-sent events"),
    ("GET calls", "every AWS call of the functions: ?since="),
    ("GET faults", "the faults in force, and how often each struck"),
    ("PUT faults", "makes AWS calls fail"),
    ("DELETE faults", "ends all faults"),
    ("DELETE faults/{id}", "ends one fault"),
    ("GET quotas", "quotas and rates of IVS"),
    ("PUT quotas", "sets quotas and rates of IVS"),
    ("GET assumptions", "what is assumed where AWS does not say"),
    ("PUT assumptions", "assumes otherwise"),
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

/// The answer to a request for anything else.
pub(super) fn no_such_route(method: &str, path: &str) -> Refused {
    let routes: Vec<_> = routes().map(|(method, path, _)| format!("{method} {path}")).collect();
    Refused(404, format!("the side door has no {method} {PREFIX}{path}; it has: {}", routes.join(", ")))
}

/// Method, path and purpose of every route.
pub(super) fn routes() -> impl Iterator<Item = (&'static str, String, &'static str)> {
    ROUTES.iter().chain(&stages::ROUTES).chain(&ecs::ROUTES).filter_map(|(route, what)| {
        let (method, path) = route.split_once(' ')?;
        Some((method, format!("{PREFIX}{path}"), *what))
    })
}

/// A line for each route.
pub(super) fn list() -> String {
    let width = routes().map(|(_, path, _)| path.len()).max().unwrap_or_default();
    let lines = routes().map(|(method, path, what)| format!("{method:6} {path:width$}  {what}"));
    lines.collect::<Vec<_>>().join("\n")
}
