//! Every route for every kind of caller. The routes come from template.yaml: one without a row here fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Caller, TestApp};

/// What those are told who may not: of most routes, that they are not the owner.
fn refusal(route: &str) -> &'static str {
    let moderates = route.contains("/chat/users") || route.contains("/chat/messages");
    if moderates { "not-moderator" } else { "not-owner" }
}

/// Who calls.
const CALLERS: [&str; 6] = ["no token", "expired", "wrong audience", "stranger", "guest", "owner"];

/// A route, an example of it, and the status that each of [`CALLERS`] gets, in their order.
struct Row {
    route: &'static str,
    path: &'static str,
    body: Option<Value>,
    statuses: [u16; 6],
}

/// Of somebody who broadcasts elsewhere.
fn settings() -> Value {
    json!({
        "kind": "custom", "ingestUrl": "rtmp://live.example.com/app", "streamKey": "key",
        "playbackUrl": "https://cdn.example.com/x.m3u8",
    })
}

/// `demo` is a hosted stage of the owner's, on which the guest holds a token and the stranger does not, and a private
/// channel.
fn table() -> Vec<Row> {
    let row = |route, path, body, statuses| Row { route, path, body, statuses };
    let user = "/stages/demo/participants/guest";
    let viewer = "/channels/demo/viewers/guest";
    vec![
        row("GET /health", "/health", None, [200; 6]),
        row("GET /openapi.json", "/openapi.json", None, [200; 6]),
        row("PUT /stages/{stage}", "/stages/demo", Some(json!({})), [401, 401, 401, 200, 200, 200]),
        row("GET /stages/{stage}", "/stages/demo", None, [401, 401, 401, 200, 200, 200]),
        row("GET /stages", "/stages", None, [401, 401, 401, 200, 200, 200]),
        row("PATCH /stages/{stage}", "/stages/demo", Some(json!({"doors": "open"})), [401, 401, 401, 403, 403, 200]),
        row(
            "POST /stages/{stage}/participants",
            "/stages/demo/participants",
            Some(json!({})),
            [401, 401, 401, 201, 200, 201],
        ),
        row("GET /stages/{stage}/participants", "/stages/demo/participants", None, [401, 401, 401, 403, 403, 200]),
        row("GET /stages/{stage}/session", "/stages/demo/session", None, [401, 401, 401, 200, 200, 200]),
        row("PATCH /stages/{stage}/participants/{userId}", user, Some(json!({})), [401, 401, 401, 403, 403, 200]),
        row(
            "POST /stages/{stage}/chat-tokens",
            "/stages/demo/chat-tokens",
            Some(json!({})),
            [401, 401, 401, 201, 201, 201],
        ),
        row("GET /stages/{stage}/chat", "/stages/demo/chat", None, [401, 401, 401, 200, 200, 200]),
        row(
            "PATCH /stages/{stage}/chat",
            "/stages/demo/chat",
            Some(json!({"slowModeSeconds": 0})),
            [401, 401, 401, 403, 403, 200],
        ),
        row("GET /stages/{stage}/chat/users", "/stages/demo/chat/users", None, [401, 401, 401, 403, 403, 200]),
        row(
            "PATCH /stages/{stage}/chat/users/{userId}",
            "/stages/demo/chat/users/another",
            Some(json!({"muted": true})),
            [401, 401, 401, 403, 403, 200],
        ),
        row(
            "DELETE /stages/{stage}/chat/users/{userId}",
            "/stages/demo/chat/users/another",
            None,
            [401, 401, 401, 403, 403, 204],
        ),
        row(
            "DELETE /stages/{stage}/chat/messages/{messageId}",
            "/stages/demo/chat/messages/AbCdEfGhIjKl",
            None,
            [401, 401, 401, 403, 403, 204],
        ),
        row("GET /stages/{stage}/chat/log", "/stages/demo/chat/log", None, [401, 401, 401, 403, 403, 200]),
        row("DELETE /stages/{stage}/participants/{userId}", user, None, [401, 401, 401, 403, 403, 204]),
        row("PUT /channels/{channel}", "/channels/demo", Some(json!({})), [401, 401, 401, 200, 200, 200]),
        row("GET /channels/{channel}", "/channels/demo", None, [401, 401, 401, 200, 200, 200]),
        row("GET /channels", "/channels", None, [401, 401, 401, 200, 200, 200]),
        row("GET /channels/{channel}/stream-key", "/channels/demo/stream-key", None, [401, 401, 401, 403, 403, 200]),
        row(
            "POST /channels/{channel}/stream-key",
            "/channels/demo/stream-key",
            Some(json!({})),
            [401, 401, 401, 403, 403, 200],
        ),
        row(
            "POST /channels/{channel}/chat-tokens",
            "/channels/demo/chat-tokens",
            Some(json!({})),
            [401, 401, 401, 201, 201, 201],
        ),
        row("GET /channels/{channel}/chat", "/channels/demo/chat", None, [401, 401, 401, 200, 200, 200]),
        row(
            "PATCH /channels/{channel}/chat",
            "/channels/demo/chat",
            Some(json!({"slowModeSeconds": 0})),
            [401, 401, 401, 403, 403, 200],
        ),
        row("GET /channels/{channel}/chat/users", "/channels/demo/chat/users", None, [401, 401, 401, 403, 403, 200]),
        row(
            "PATCH /channels/{channel}/chat/users/{userId}",
            "/channels/demo/chat/users/another",
            Some(json!({"muted": true})),
            [401, 401, 401, 403, 403, 200],
        ),
        row(
            "DELETE /channels/{channel}/chat/users/{userId}",
            "/channels/demo/chat/users/another",
            None,
            [401, 401, 401, 403, 403, 204],
        ),
        row(
            "DELETE /channels/{channel}/chat/messages/{messageId}",
            "/channels/demo/chat/messages/AbCdEfGhIjKl",
            None,
            [401, 401, 401, 403, 403, 204],
        ),
        row("GET /channels/{channel}/chat/log", "/channels/demo/chat/log", None, [401, 401, 401, 403, 403, 200]),
        row(
            "POST /channels/{channel}/playback-tokens",
            "/channels/demo/playback-tokens",
            Some(json!({})),
            [401, 401, 401, 201, 201, 201],
        ),
        // Nobody is invited to it, since its admission is open.
        row("GET /channels/{channel}/viewers", "/channels/demo/viewers", None, [401, 401, 401, 403, 403, 409]),
        row("PUT /channels/{channel}/viewers/{userId}", viewer, Some(json!({})), [401, 401, 401, 403, 403, 409]),
        row("DELETE /channels/{channel}/viewers/{userId}", viewer, None, [401, 401, 401, 403, 403, 409]),
        // Of nobody who calls the API: nginx's forwarder has a secret of its own.
        row("POST /hooks/rtmp", "/hooks/rtmp", Some(json!({})), [403; 6]),
        row("PUT /broadcast-settings", "/broadcast-settings", Some(settings()), [401, 401, 401, 201, 201, 201]),
        row("GET /broadcast-settings", "/broadcast-settings", None, [401, 401, 401, 200, 200, 200]),
        row("DELETE /broadcast-settings", "/broadcast-settings", None, [401, 401, 401, 204, 204, 204]),
        // The channel is the owner's, and there is no server; nobody has such a broadcast.
        row("POST /broadcasts", "/broadcasts", Some(json!({"channel": "demo"})), [401, 401, 401, 403, 403, 503]),
        row("GET /broadcasts", "/broadcasts", None, [401, 401, 401, 200, 200, 200]),
        row("GET /broadcasts/{broadcast}", "/broadcasts/bc-none", None, [401, 401, 401, 404, 404, 404]),
        row("DELETE /broadcasts/{broadcast}", "/broadcasts/bc-none", None, [401, 401, 401, 404, 404, 404]),
        row(
            "POST /broadcasts/{broadcast}/tickets",
            "/broadcasts/bc-none/tickets",
            Some(json!({})),
            [401, 401, 401, 404, 404, 404],
        ),
        // Nobody's token here is a playback token, and the channel is private.
        row("GET /streams", "/streams", None, [200; 6]),
        row("GET /streams/{channel}", "/streams/demo", None, [404; 6]),
        row("GET /servers", "/servers", None, [401, 401, 401, 200, 200, 200]),
        // Last, since they end the channel and the stage.
        row("DELETE /channels/{channel}", "/channels/demo", None, [401, 401, 401, 403, 403, 204]),
        row("DELETE /stages/{stage}", "/stages/demo", None, [401, 401, 401, 403, 403, 204]),
    ]
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_table_says() {
    TestApp::run(async |app| {
        app.bar_the_disconnected().await;
        let owner = app.user("owner");
        owner.put("/stages/demo", json!({"admission": "hosted"})).await.expect(201);
        owner.put("/channels/demo", json!({"private": true})).await.expect(201);
        app.mint(&app.user("guest"), "demo", json!({})).await.expect(201);
        let callers: [Caller; 6] = [
            app.anonymous().clone(),
            app.user_with("sub=owner&exp=-60").await,
            app.user_with("sub=owner&aud=somebody-else").await,
            app.user("stranger"),
            app.user("guest"),
            owner,
        ];
        for row in table() {
            let method = row.route.split(' ').next().unwrap();
            for ((caller, name), status) in callers.iter().zip(CALLERS).zip(row.statuses) {
                let answer = match &row.body {
                    Some(body) => {
                        let json = [("content-type", "application/json")];
                        caller.send(method, row.path, &json, body.to_string()).await
                    }
                    None => caller.send(method, row.path, &[], "").await,
                };
                assert_eq!(answer.status, status, "{} for {name}: {}", row.route, answer.text);
                match status {
                    // What API Gateway refuses looks as API Gateway's own answer does.
                    401 => assert_eq!(answer.text, r#"{"message":"Unauthorized"}"#, "{}", row.route),
                    403 if row.route == "POST /hooks/rtmp" => assert_eq!(answer.json()["type"], "hook-secret"),
                    403 => assert_eq!(answer.json()["type"], refusal(row.route), "{}", row.route),
                    _ => {}
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_route_names_each_query_parameter_that_it_does_not_know_and_does_nothing() {
    TestApp::run(async |app| {
        let owner = app.user("owner");
        owner.put("/stages/demo", json!({"admission": "hosted"})).await.expect(201);
        owner.put("/channels/demo", json!({"private": true})).await.expect(201);
        // The hook looks at nothing before its secret; `rtmp_hook` has it.
        for row in table().into_iter().filter(|row| row.route != "POST /hooks/rtmp") {
            let method = row.route.split(' ').next().unwrap();
            let path = format!("{}?zebra=1&apple&zebra=2&limit[]=5", row.path);
            let json = [("content-type", "application/json")];
            let headers: &[_] = if row.body.is_some() { &json } else { &[] };
            let body = row.body.map(|body| body.to_string()).unwrap_or_default();
            let refused = owner.send(method, &path, headers, body).await.expect_problem(400, "invalid-request").json();
            let named = refused["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap());
            assert_eq!(named.collect::<Vec<_>>(), ["apple", "limit[]", "zebra"], "{}", row.route);
        }
        owner.get("/stages/demo").await.expect(200);
        owner.get("/channels/demo").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn every_route_of_the_template_has_a_row() {
    TestApp::run(async |app| {
        let rows: BTreeSet<String> = table().iter().map(|row| row.route.to_owned()).collect();
        let routes = app.routes();
        let template: BTreeSet<String> = routes.iter().map(key).collect();
        assert_eq!(rows, template);
        // Only what says so is open.
        let open: BTreeSet<String> = routes.iter().filter(|route| !route.authorized).map(key).collect();
        let expected =
            ["GET /health", "GET /openapi.json", "GET /streams", "GET /streams/{channel}", "POST /hooks/rtmp"];
        assert_eq!(open, expected.map(str::to_owned).into());
    })
    .await;
}

fn key(route: &local::Route) -> String {
    format!("{} {}", route.method, route.path)
}
