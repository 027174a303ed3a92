//! What API Gateway answers by itself looks as API Gateway's own answer does.

use serde_json::json;
use tests::{Setup, TestApp, eventually};

#[tokio::test]
async fn an_unknown_route_or_method_is_api_gateways_404() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        for (method, path) in [("GET", "/nothing"), ("POST", "/stages/demo"), ("GET", "/stages/a/b/c"), ("POST", "/")] {
            let answer = alice.send(method, path, &[], "").await.expect(404);
            assert_eq!(answer.text, r#"{"message":"Not Found"}"#, "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/json");
            assert!(!answer.header("apigw-requestid").is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn a_bad_token_is_api_gateways_401_and_reaches_no_function() {
    TestApp::run(async |app| {
        let good = app.user_with("sub=alice").await;
        good.get("/stages").await.expect(200);
        let (_, calls) = app
            .calls_of(async {
                for token in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."] {
                    let answer = app.anonymous().with_token(token).get("/stages").await.expect(401);
                    assert_eq!(answer.text, r#"{"message":"Unauthorized"}"#, "{token:?}");
                    assert!(answer.header("www-authenticate").starts_with("Bearer"));
                }
                for query in ["sub=alice&exp=-60", "sub=alice&aud=other", "sub=alice&iss=https://other.example"] {
                    app.user_with(query).await.get("/stages").await.expect(401);
                }
            })
            .await;
        assert!(calls.is_empty(), "{calls:?}");
    })
    .await;
}

#[tokio::test]
async fn a_token_without_a_usable_sub_is_the_functions_401() {
    TestApp::run(async |app| {
        let long = format!("sub={}", "x".repeat(129));
        app.user_with(&long).await.get("/stages").await.expect_problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn an_event_that_makes_no_uri_is_answered_as_any_other() {
    TestApp::run(async |app| {
        let context = |route| {
            json!({
                "http": {"method": "GET", "path": "/"}, "requestId": "id-1", "routeKey": route, "stage": "$default",
                "authorizer": {"jwt": {"claims": {"sub": "alice"}}},
            })
        };
        for (query, headers, status) in [
            ("limit=1", json!({"host": "api.example", "x-forwarded-proto": "1 no scheme"}), 200),
            ("limit=1", json!({"host": "a b", "user-agent": "é", "x-broken": "a\nb"}), 200),
            ("limit=<1>", json!({"host": "api.example"}), 400),
        ] {
            let event = json!({
                "version": "2.0", "rawPath": "/stages/a?b#c \u{0}", "rawQueryString": query, "headers": headers,
                "requestContext": context("GET /stages"),
            });
            let answer: serde_json::Value =
                serde_json::from_str(&app.invoke("StageFunction", event.to_string()).await).unwrap();
            assert_eq!(answer["statusCode"], status, "{query} {headers}: {answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_over_api_gateways_limit_is_api_gateways_413() {
    TestApp::run(async |app| {
        let huge = vec![b'x'; 10 * 1024 * 1024 + 1];
        let answer = app.user("alice").send("PUT", "/stages/demo", &[], huge).await.expect(413);
        assert_eq!(answer.json(), json!({"message": "Request Entity Too Large"}));
    })
    .await;
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_and_other_origins_get_nothing() {
    TestApp::run(async |app| {
        let preflight = async |origin: &str| {
            let headers = [("origin", origin), ("access-control-request-method", "PUT")];
            app.anonymous().send("OPTIONS", "/stages/demo", &headers, "").await
        };
        let allowed = preflight(app.parameter("AppOrigin")).await.expect(204);
        assert_eq!(allowed.header("access-control-allow-origin"), app.parameter("AppOrigin"));
        assert!(allowed.header("access-control-allow-methods").contains("PUT"));
        assert!(allowed.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
        let answer =
            app.user("alice").send("GET", "/stages", &[("origin", app.parameter("AppOrigin"))], "").await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), app.parameter("AppOrigin"));
    })
    .await;
}

/// A script reads no header that is not exposed. One that is refused needs them most.
#[tokio::test]
async fn a_browser_may_read_what_it_needs_to_come_back_or_to_complain() {
    TestApp::run(async |app| {
        let origin = [("origin", app.parameter("AppOrigin"))];
        let alice = app.user("alice");
        let answered = alice.send("GET", "/stages", &origin, "").await.expect(200);
        let unknown = alice.send("GET", "/nothing", &origin, "").await.expect(404);
        let refused = app.anonymous().send("GET", "/stages", &origin, "").await.expect(401);
        let document = app.anonymous().send("GET", "/openapi.json", &origin, "").await.expect(200);
        for answer in [&answered, &unknown, &refused, &document] {
            let exposed = answer.header("access-control-expose-headers").split(',').collect::<Vec<_>>();
            assert_eq!(exposed, ["retry-after", "apigw-requestid", "www-authenticate", "etag"]);
            assert!(!answer.header("apigw-requestid").is_empty());
        }
        assert!(!refused.header("www-authenticate").is_empty());
        assert!(!document.header("etag").is_empty());
        let elsewhere = alice.send("GET", "/stages", &[("origin", "https://evil.example")], "").await.expect(200);
        assert_eq!(elsewhere.header("access-control-expose-headers"), "");
    })
    .await;
}

#[tokio::test]
async fn a_function_whose_time_is_up_answers_before_lambda_ends_it() {
    Setup::default()
        .edit("Timeout: 10\n", "Timeout: 2\n")
        .run(async |app| {
            app.hold(json!({"service": "dynamodb", "operation": "Query", "times": null}), "before").await;
            // The function leaves itself 300 ms for its answer, which a busy machine may need for itself.
            eventually("the function answers in time", async || {
                let answer = app.user("alice").get("/stages").await;
                (answer.status == 503).then(|| answer.expect_problem(503, "unavailable"))
            })
            .await;
            app.heal().await;
            app.user("alice").get("/stages").await.expect(200);
        })
        .await;
}
