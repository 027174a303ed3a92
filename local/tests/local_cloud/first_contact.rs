//! What a person meets first: the variables for a shell, the page, and a line with the cure for what is refused.

use std::process::Command;

use super::*;

/// The local cloud with texts of its template replaced.
fn changed(changes: &[(&str, &str)]) -> Options {
    let template = changes.iter().fold(include_str!("../template.yaml").to_owned(), |template, (from, to)| {
        assert!(template.contains(from), "{from}");
        template.replace(from, to)
    });
    Options { template: TemplateSource::Text(template), ..options() }
}

/// What the gateway has said.
fn said(cloud: &LocalCloud) -> Vec<String> {
    cloud.logs().into_iter().filter(|line| line.function == "API Gateway").map(|line| line.line).collect()
}

async fn get(cloud: &LocalCloud, path: &str, headers: &[(&str, &str)]) -> Answer {
    send("GET", format!("{}{path}", cloud.api_url()), headers, "").await
}

fn text(answer: &Answer) -> &str {
    str::from_utf8(&answer.body).expect("the answer is text")
}

#[tokio::test]
async fn the_variables_set_up_a_shell_for_the_user_that_is_asked_for() {
    let cloud = LocalCloud::start(Options { region: "x'; echo $HOME \"y".to_owned(), ..options() }).await.unwrap();
    for (path, user) in [("/_local/env", "alice"), ("/_local/env?sub=bob", "bob")] {
        let answer = get(&cloud, path, &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain"));
        assert_eq!(answer.header("cache-control"), "no-store");
        let script = "eval \"$1\"; printf '%s\\n' \"$API\" \"$TOKEN\" \"$AWS_ENDPOINT_URL\" \"$AWS_ACCESS_KEY_ID\" \
                      \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_REGION\" \"$AWS_DEFAULT_REGION\"";
        let shell = Command::new("sh").args(["-euc", script, "sh", text(&answer)]).output().unwrap();
        assert!(shell.status.success(), "{shell:?}");
        let shell = String::from_utf8(shell.stdout).unwrap();
        let [api, token, aws, key, secret, region, default_region] = shell.lines().collect::<Vec<_>>()[..] else {
            panic!("{shell}")
        };
        assert_eq!((api, aws, key, secret), (&*cloud.api_url(), &*cloud.aws_url(), "local", "local"));
        assert_eq!((region, default_region), ("x'; echo $HOME \"y", "x'; echo $HOME \"y"));
        let bearer = format!("Bearer {token}");
        let event = send("PUT", format!("{api}/own/a"), &[("authorization", &bearer)], "").await.json();
        assert_eq!(event["event"]["requestContext"]["authorizer"]["jwt"]["claims"]["sub"], user);
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_gets_nothing_from_the_side_door_and_empties_nothing() {
    let cloud = start().await;
    let evil = [("origin", "https://evil.test")];
    for path in ["/_local/token", "/_local/env", "/_local/calls", "/_local"] {
        let refused = get(&cloud, path, &evil).await;
        assert_eq!(
            (refused.status, refused.header("access-control-allow-origin") == "*"),
            (403, path != "/_local/env")
        );
        assert!(
            String::from_utf8(refused.body.to_vec()).unwrap().contains("a page of https://evil.test may not"),
            "{path}"
        );
    }
    assert_eq!(send("POST", format!("{}/_local/reset", cloud.api_url()), &evil, "").await.status, 403);
    for origin in ["http://localhost:9999", "http://127.0.0.1", "http://app.test"] {
        assert_eq!(get(&cloud, "/_local/token", &[("origin", origin)]).await.status, 200, "{origin}");
    }
}

#[tokio::test]
async fn no_page_can_read_the_variables_for_a_shell() {
    let cloud = start().await;
    let answer = get(&cloud, "/_local/env", &[("origin", "http://app.test")]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
}

#[tokio::test]
async fn a_shell_that_evaluates_a_refusal_prints_it_and_fails() {
    let cloud = start().await;
    let refused = get(&cloud, "/_local/env?exp=`soon`", &[]).await;
    let evaluated =
        std::process::Command::new("sh").arg("-c").arg(str::from_utf8(&refused.body).unwrap()).output().unwrap();
    let said = String::from_utf8(evaluated.stderr).unwrap();
    assert_eq!((refused.status, evaluated.status.code()), (400, Some(1)), "{said}");
    assert!(said.contains("`exp`") && evaluated.stdout.is_empty(), "{said}");
}

#[tokio::test]
async fn no_answer_of_the_side_door_is_kept() {
    let cloud = start().await;
    for path in ["/_local/token", "/_local/env", "/_local/calls", "/_local/nothing", "/_local", "/"] {
        assert_eq!(get(&cloud, path, &[]).await.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_unknown_or_repeated_is_refused_by_its_name_before_anything_happens() {
    let cloud = start().await;
    let event = json!({"source": "a.test", "detail-type": "Told"});
    for (method, path, name) in [
        ("GET", "calls?since=1&since=2", "since"),
        ("GET", "events?sinc=1", "sinc"),
        ("POST", "events?wait=true&wait=false", "wait"),
        ("POST", "events?weight=true", "weight"),
        ("GET", "requests?since=1&last=2&lst=3", "lst"),
        ("GET", "requests/stream?last=1&last=2", "last"),
        ("GET", "state?row=1", "row"),
        ("GET", "state?rows=1&rows=2", "rows"),
        ("GET", "token?sub=alice&sub=bob", "sub"),
        ("POST", "ecs/tick?wiat=true", "wiat"),
        ("PUT", "stages/a/participants/b/published?wait=true&wait=true", "wait"),
        ("GET", "oauth2/authorize?state=1&state=2", "state"),
        ("GET", "logout?logout_uri=http://localhost&logout_uri=http://localhost", "logout_uri"),
    ] {
        let refused = door(&cloud, method, path, event.clone()).await;
        let said = String::from_utf8_lossy(&refused.body);
        assert!(refused.status == 400 && said.contains(&format!("`{name}` is ")), "{path}: {} {said}", refused.status);
    }
    assert_eq!(door(&cloud, "GET", "events", json!(null)).await.json()["events"], json!([]));
}

#[tokio::test]
async fn a_request_by_a_foreign_name_gets_nothing_from_the_side_door_or_the_page() {
    let cloud = start().await;
    let port = cloud.api_url().rsplit(':').next().unwrap().to_owned();
    for path in ["/", "/_local", "/_local/", "/_local/env", "/_local/token", "/_local/calls"] {
        for host in ["evil.test".to_owned(), format!("evil.test:{port}"), format!("localhost.evil.test:{port}")] {
            let refused = get(&cloud, path, &[("host", &host)]).await;
            let url = cloud.api_url();
            let message =
                format!("`{host}` is no name of this machine: use {url}, or send the header `host: localhost`");
            assert_eq!(refused.status, 403, "{path}");
            let said = String::from_utf8(refused.body.to_vec()).unwrap();
            match path {
                "/_local/env" => assert_eq!(said, format!("echo '{message}' >&2; false\n")),
                _ => assert_eq!(refused.json(), json!({"message": message}), "{path}"),
            }
        }
        for host in [format!("localhost:{port}"), format!("[::1]:{port}"), "app.localhost".to_owned()] {
            assert_eq!(get(&cloud, path, &[("host", &host)]).await.status, 200, "{path} {host}");
        }
    }
    let reset = send("POST", format!("{}/_local/reset", cloud.api_url()), &[("host", "evil.test")], "").await;
    assert_eq!(reset.status, 403);
}

#[tokio::test]
async fn the_side_door_lists_its_routes_with_and_without_a_slash() {
    let cloud = start().await;
    let list = get(&cloud, "/_local/", &[]).await;
    assert_eq!((list.status, list.header("content-type")), (200, "text/plain"));
    assert_eq!(text(&list), text(&get(&cloud, "/_local", &[]).await));
    let lines: Vec<_> = text(&list).lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines.len(), 50);
    assert!(lines.iter().all(|line| line.len() > 2 && line[1].starts_with("/_local/")), "{lines:?}");
    assert!(lines.iter().any(|line| line[..2] == ["GET", "/_local/env"]), "{lines:?}");
}

#[tokio::test]
async fn the_page_says_what_runs_where_and_holds_no_token() {
    let schedules = "        Told:\n          Type: EventBridgeRule";
    let with_schedules = "        Sweep: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes)}}\n        \
                          Nightly: {Type: Schedule, Properties: {Schedule: cron(0 3 * * ? *)}}\n        Told:\n          \
                          Type: EventBridgeRule";
    let queue = "  Rows:\n";
    let with_queue = "  Waiting: {Type: AWS::SQS::Queue, Properties: {QueueName: stack-waiting}}\n  Rows:\n";
    let cloud = LocalCloud::start(changed(&[(schedules, with_schedules), (queue, with_queue)])).await.unwrap();
    let page = get(&cloud, "/", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let page = text(&page);
    for shown in [
        &*cloud.api_url(),
        &*cloud.aws_url(),
        "<code>stack</code>",
        "<code>us-east-1</code>",
        "a template in memory",
        "<code>ProbeFunction</code>",
        "<code>PUT /own/{name}</code></li>",
        "<code>POST /probe</code> without a token",
        "rule ProbeFunction.Told",
        "<code>stack-rows</code>",
        "<code>stack-waiting</code>",
        "<code>stack/key</code>",
        "<code>ProbeFunction.Sweep</code></td><td>every 5 minutes</td><td>runs here",
        "<code>ProbeFunction.Nightly</code></td><td>cron(0 3 * * ? *)</td><td>runs when it is told to",
        "<a href=\"/_local/token?sub=alice\">",
        "<a href=\"/_local/calls\">",
        "<code>/_local/faults/{id}</code>",
        "eval &quot;$(curl -s http://127.0.0.1:",
        "<meta charset=\"utf-8\">",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    assert!(!page.contains("eyJ"), "{page}");
    for elsewhere in ["src=", "@import", "url(", "<script", "href=\"http", "href=\"//", "/openapi.json"] {
        assert!(!page.contains(elsewhere), "{elsewhere} is in {page}");
    }
}

#[tokio::test]
async fn what_the_template_says_is_text_on_the_page() {
    let named = changed(&[("\"/exit\"", r#""/<script>alert('&\")</script>""#)]);
    let page = get(&LocalCloud::start(named).await.unwrap(), "/", &[]).await;
    let expected = "<code>POST /&lt;script&gt;alert(&#39;&amp;&quot;)&lt;/script&gt;</code>";
    assert!(text(&page).contains(expected) && !text(&page).contains("<script"), "{}", text(&page));
}

#[tokio::test]
async fn the_page_gives_way_to_a_route_of_the_template() {
    for route in ["Method: GET, Path: \"/\"", "Method: ANY, Path: \"/\""] {
        let root =
            format!("Open: {{Type: HttpApi, Properties: {{{route}, Auth: {{Authorizer: NONE}}}}}}\n        Short:");
        let cloud = LocalCloud::start(changed(&[("Short:", &root.replace("Open", "Root"))])).await.unwrap();
        let answer = get(&cloud, "/", &[("host", "app.test")]).await;
        assert_eq!((answer.status, &answer.json()["event"]["rawPath"]), (200, &json!("/")), "{route}");
    }
    let cloud = start().await;
    let answer = send("POST", format!("{}/", cloud.api_url()), &[], "").await;
    assert_eq!((answer.status, answer.json()), (404, json!({"message": "Not Found"})));
}

#[tokio::test]
async fn a_request_that_is_not_let_in_leaves_a_line_that_says_where_a_token_is() {
    let cloud = start().await;
    let url = format!("{}/own/a?key=hidden", cloud.api_url());
    let at = format!("a token is at {}/_local/token?sub=alice", cloud.api_url());
    send("PUT", url.clone(), &[], "").await;
    for header in ["Bearer ", "Bearer nonsense"] {
        send("PUT", url.clone(), &[("authorization", header)], "").await;
    }
    for claims in ["exp=-60", "iss=https://other.test", "aud=other", "nbf=4102444800"] {
        let token = get(&cloud, &format!("/_local/token?{claims}"), &[]).await;
        send("PUT", url.clone(), &[("authorization", &format!("Bearer {}", text(&token).trim()))], "").await;
    }
    let (head, _) = cloud.token("alice").rsplit_once('.').map(|(head, tail)| (head.to_owned(), tail.len())).unwrap();
    send("PUT", url, &[("authorization", &format!("Bearer {head}.AAAA"))], "").await;
    let lines = said(&cloud);
    let ended = lines[3].strip_prefix("PUT /own/a 401: the token ended at 20").unwrap();
    assert!(ended.ends_with(&format!("Z: {at}")), "{ended}");
    let other = "unknown issuer https://other.test: the template's authorizer takes https://issuer.test; --jwks FILE and \
                 --parameter have it take your provider's tokens";
    let expected = [
        format!("no authorization header: send `authorization: Bearer $TOKEN`; {at}"),
        format!("no token in the authorization header: send `authorization: Bearer $TOKEN`; {at}"),
        format!("the token is malformed: send `authorization: Bearer $TOKEN` with a JWT; {at}"),
        lines[3].strip_prefix("PUT /own/a 401: ").unwrap().to_owned(),
        format!("{other}; {at}"),
        format!("unknown audience other: the template's authorizer takes app; {at}"),
        format!("the token has a malformed time: {at}"),
        format!(
            "the token has an invalid signature: it may be of a local cloud that ran before with --ephemeral; {at}"
        ),
    ];
    assert_eq!(lines, expected.map(|cure| format!("PUT /own/a 401: {cure}")));
}

#[tokio::test]
async fn a_token_without_a_scope_of_the_route_leaves_a_line_with_the_scopes() {
    let own = "Path: \"/own/{name}\"";
    let scoped = "Path: \"/own/{name}\", Auth: {AuthorizationScopes: [write, admin]}";
    let cloud = LocalCloud::start(changed(&[(own, scoped)])).await.unwrap();
    let bearer = format!("Bearer {}", cloud.token("alice"));
    let answer = send("PUT", format!("{}/own/a", cloud.api_url()), &[("authorization", &bearer)], "").await;
    let url = format!("{}/_local/token?sub=alice&scope=write", cloud.api_url());
    let line = format!("PUT /own/a 403: the token has none of the scopes write, admin: one that has is at {url}");
    assert_eq!((answer.status, said(&cloud)), (403, vec![line]));
}

#[tokio::test]
async fn a_request_without_a_route_leaves_a_line_with_the_route_that_was_meant() {
    let cloud = start().await;
    let url = cloud.api_url();
    let lists = format!("no such route: {url}/ lists those of the template");
    let decoded =
        "no such route: a path is decoded before it is matched, so no parameter has a slash, and a ? ends the path";
    let mut expected = Vec::new();
    for (method, path, shown, cure) in [
        ("POST", "/prob", "/prob", "no such route: did you mean POST /probe?"),
        ("POST", "/Probe/?token=hidden", "/Probe/", "no such route: did you mean POST /probe?"),
        ("GET", "/prode", "/prode", "no such route: did you mean POST /probe?"),
        ("PUT", "/prod/own/a", "/prod/own/a", "no such route: did you mean PUT /own/{name}?"),
        ("GET", "/probe", "/probe", "no such route: /probe takes POST"),
        ("DELETE", "/own/b", "/own/b", "no such route: /own/{name} takes PUT"),
        ("PUT", "/own/a%2Fb", "/own/a%2Fb", decoded),
        ("PUT", "/own/%3Fa", "/own/%3Fa", decoded),
        ("GET", "/nothing", "/nothing", &*lists),
        ("PUT", "/own", "/own", &*lists),
        ("GET", "/a/eyJhbGciOiJSUzI1NiJ9/sk_us-east-1_x/b", "/a/…/…/b", &*lists),
    ] {
        assert_eq!(send(method, format!("{url}{path}"), &[], "").await.status, 404);
        expected.push(format!("{method} {shown} 404: {cure}"));
    }
    let long = "x".repeat(129);
    send("GET", format!("{url}/{long}"), &[], "").await;
    expected.push(format!("GET /… 404: {lists}"));
    assert_eq!(said(&cloud), expected);
}

#[tokio::test]
async fn a_request_beyond_a_limit_leaves_a_line_with_the_limit() {
    let limits =
        "      DefaultRouteSettings: {ThrottlingRateLimit: 0.001, ThrottlingBurstLimit: 3}\n      CorsConfiguration";
    let cloud = LocalCloud::start(changed(&[("      CorsConfiguration", limits)])).await.unwrap();
    let url = format!("{}/probe", cloud.api_url());
    send("POST", url.clone(), &[("x-long", &"x".repeat(10_240))], "").await;
    for length in [(6 << 20) + 1, (10 << 20) + 1] {
        send("POST", url.clone(), &[], "x".repeat(length)).await;
    }
    probe(&cloud, json!({})).await;
    probe(&cloud, json!({})).await;
    let lines = said(&cloud);
    assert!(lines[0].starts_with("POST /probe 431: request line and headers are 10"), "{lines:?}");
    assert!(lines[0].ends_with(" bytes, and may be 10240: send less"), "{lines:?}");
    let expected = [
        "POST /probe 413: the event with the body is over 6 MB, Lambda's limit: send less",
        "POST /probe 413: the body is over 10 MB, API Gateway's limit: send less",
        "POST /probe 429: POST /probe is above its rate, 0.001 a second after a burst of 3: wait, or raise the API's \
         DefaultRouteSettings",
    ];
    assert_eq!(lines[1..], expected);
}

#[tokio::test]
async fn a_function_that_gives_no_answer_leaves_a_line_with_its_name() {
    let cloud = start().await;
    post(&cloud, "/short", json!({"do": "sleep", "ms": 500})).await;
    probe(&cloud, json!({"do": "fail"})).await;
    probe(&cloud, json!({"do": "answer", "answer": {"statusCode": "?"}})).await;
    let expected = [
        "POST /short 503: ProbeFunction took longer than the route's 100 ms (TimeoutInMillis)",
        "POST /probe 500: ProbeFunction failed: its lines say why",
        "POST /probe 500: ProbeFunction answered what is no answer of payload 2.0",
    ];
    assert_eq!(said(&cloud), expected);
}

async fn preflight(cloud: &LocalCloud, headers: &[(&str, &str)]) -> Answer {
    send("OPTIONS", format!("{}/probe?key=hidden", cloud.api_url()), headers, "").await
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_not_allowed_leaves_a_line_with_the_options_that_allow_it() {
    let parameter =
        "Parameters: {Other: {Type: String, Default: x}, Page: {Type: String, Default: \"http://app.test\"}}\nGlobals:";
    let cloud = LocalCloud::start(changed(&[("Globals:", parameter)])).await.unwrap();
    let asks = ("access-control-request-method", "POST");
    preflight(&cloud, &[("origin", "http://localhost:8081"), asks]).await;
    preflight(&cloud, &[("origin", "https://other.test"), asks]).await;
    let url = format!("{}/probe", cloud.api_url());
    send("POST", url.clone(), &[("origin", "http://localhost:8081")], "{}").await;
    send("PUT", url.clone(), &[("origin", "http://localhost:8081")], "{}").await;
    preflight(&cloud, &[("origin", "http://app.test"), ("access-control-request-method", "PATCH")]).await;
    preflight(
        &cloud,
        &[("origin", "http://app.test"), asks, ("access-control-request-headers", "authorization, x-own")],
    )
    .await;
    // These are let through.
    preflight(&cloud, &[("origin", "http://app.test"), asks, ("access-control-request-headers", "Authorization")])
        .await;
    send("POST", url.clone(), &[("origin", "http://app.test")], "{}").await;
    send("POST", url, &[("origin", &cloud.api_url())], "{}").await;
    let local = "origin http://localhost:8081 is not allowed: --parameter Page=http://localhost:8081 or --dev-origins";
    let expected = [
        format!("OPTIONS /probe 204: {local}"),
        "OPTIONS /probe 204: origin https://other.test is not allowed: --parameter Page=https://other.test".to_owned(),
        format!("POST /probe 200: {local}"),
        format!("PUT /probe 404: no such route: /probe takes POST; {local}"),
        "OPTIONS /probe 204: method PATCH is not allowed: add it to AllowMethods of CorsConfiguration".to_owned(),
        "OPTIONS /probe 204: header x-own is not allowed: add it to AllowHeaders of CorsConfiguration".to_owned(),
    ];
    assert_eq!(said(&cloud), expected);
}

#[tokio::test]
async fn an_origin_that_no_parameter_says_is_to_be_added_to_the_template() {
    let cloud = start().await;
    let asks = ("access-control-request-method", "POST");
    preflight(&cloud, &[("origin", "https://other.test"), asks]).await;
    preflight(&cloud, &[("origin", "http://127.0.0.1:3000"), asks]).await;
    let expected = [
        "OPTIONS /probe 204: origin https://other.test is not allowed: add it to AllowOrigins of the template's \
         CorsConfiguration",
        "OPTIONS /probe 204: origin http://127.0.0.1:3000 is not allowed: --dev-origins",
    ];
    assert_eq!(said(&cloud), expected);
}

#[tokio::test]
async fn dev_origins_allow_pages_of_this_machine_at_any_port_and_no_others() {
    let with = LocalCloud::start(Options { dev_origins: true, ..options() }).await.unwrap();
    let without = start().await;
    for (origin, of_this_machine) in [
        ("http://localhost:8081", true),
        ("http://127.0.0.1:65535", true),
        ("http://localhost", true),
        ("https://localhost:8081", false),
        ("http://localhost:8081.evil.test", false),
        ("http://evil.test", false),
    ] {
        for (cloud, allowed) in [(&with, of_this_machine), (&without, false)] {
            let expected = if allowed { origin } else { "" };
            let asked = preflight(cloud, &[("origin", origin), ("access-control-request-method", "POST")]).await;
            assert_eq!(asked.header("access-control-allow-origin"), expected, "{origin}");
            assert_eq!(asked.header("access-control-allow-methods"), if allowed { "GET,POST" } else { "" }, "{origin}");
            let answer = send("POST", format!("{}/probe", cloud.api_url()), &[("origin", origin)], "{}").await;
            assert_eq!(answer.header("access-control-allow-origin"), expected, "{origin}");
        }
    }
    let own = preflight(&with, &[("origin", "http://app.test"), ("access-control-request-method", "POST")]).await;
    assert_eq!(own.header("access-control-allow-origin"), "http://app.test");
}
