//! The requests to the API as the side door tells of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::*;

async fn requests(cloud: &LocalCloud, query: &str) -> Value {
    door(cloud, "GET", &format!("requests{query}"), json!(null)).await.json()
}

/// Server-sent events as a browser reads them.
struct Events {
    body: Incoming,
    said: String,
}

impl Events {
    async fn open(cloud: &LocalCloud, query: &str, last_id: Option<&str>) -> Self {
        let mut request = Request::get(format!("{}/_local/requests/stream{query}", cloud.api_url()));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let answer = client.request(request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self { body: answer.into_body(), said: String::new() }
    }

    /// The next event with a name: its id, its name, its data.
    async fn next(&mut self) -> (String, String, Value) {
        loop {
            while let Some((event, rest)) = self.said.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
                let told = (field("id: "), field("event: "), field("data: "));
                self.said = rest.to_owned();
                if !told.1.is_empty() {
                    return (told.0, told.1, serde_json::from_str(&told.2).unwrap());
                }
            }
            let piece = tokio::time::timeout(Duration::from_secs(60), self.body.frame()).await.expect("an event comes");
            let data = piece.expect("the stream goes on").unwrap().into_data().unwrap();
            self.said.push_str(str::from_utf8(&data).unwrap());
        }
    }
}

#[tokio::test]
async fn a_request_is_told_with_its_calls_its_lines_and_its_problem() {
    let cloud = start().await;
    let next = requests(&cloud, "").await["next"].clone();
    probe(&cloud, put_row("a")).await;
    let scan = json!({"do": "aws", "service": "dynamodb", "target": "DynamoDB_20120810.Scan", "input": {"TableName": "stack-rows"}});
    probe(&cloud, scan).await;
    let problem = json!({
        "statusCode": 409,
        "headers": {"content-type": "application/problem+json"},
        "body": "{\"type\": \"conflict\"}",
    });
    probe(&cloud, json!({"do": "answer", "answer": problem})).await;
    let bearer = format!("Bearer {}", cloud.token("alice"));
    send("PUT", format!("{}/own/a?key=hidden", cloud.api_url()), &[("authorization", &bearer)], "body").await;
    send("GET", format!("{}/prode/sk_us-east-1_secret", cloud.api_url()), &[("authorization", &bearer)], "").await;

    let told = requests(&cloud, &format!("?since={next}")).await;
    let told = told["requests"].as_array().unwrap();
    let first = &told[0];
    let route = (&first["method"], &first["path"], &first["route"], &first["function"]);
    assert_eq!(route, (&json!("POST"), &json!("/probe"), &json!("POST /probe"), &json!("ProbeFunction")));
    assert_eq!((&first["status"], &first["sub"], &first["refused"]), (&json!(200), &Value::Null, &Value::Null));
    let call = &first["calls"][0];
    let named = (&call["service"], &call["operation"], &call["status"], &call["capacity"]);
    assert_eq!(named, (&json!("dynamodb"), &json!("PutItem"), &json!(200), &json!(1.0)));
    assert!(call["ms"].is_number() && first["ms"].is_number() && first["requestId"].is_string());
    let denied = &told[1]["calls"][0];
    assert_eq!((&denied["deniedAction"], &denied["error"]), (&json!("dynamodb:Scan"), &json!("AccessDeniedException")));
    assert_eq!(
        (&told[2]["status"], &told[2]["problem"], &told[2]["calls"]),
        (&json!(409), &json!("conflict"), &json!([]))
    );
    assert_eq!((&told[3]["path"], &told[3]["sub"]), (&json!("/own/a"), &json!("alice")));
    assert_eq!(
        (&told[4]["path"], &told[4]["route"], &told[4]["status"]),
        (&json!("/prode/…"), &Value::Null, &json!(404))
    );
    assert!(told[4]["refused"].as_str().unwrap().starts_with("no such route: "), "{}", told[4]);
    let text = requests(&cloud, "").await.to_string();
    for secret in ["hidden", "sk_us-east-1_secret", &bearer[7..], "\"body\""] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert_eq!(requests(&cloud, "?last=2").await["requests"].as_array().unwrap().len(), 2);
    assert_eq!(door(&cloud, "GET", "requests?last=x", json!(null)).await.status, 400);
    assert_eq!(door(&cloud, "GET", "users", json!(null)).await.json(), json!({"users": ["alice"]}));
}

#[tokio::test]
async fn a_line_is_of_the_request_that_its_instance_handles() {
    let cloud = start().await;
    let gate = std::env::temp_dir().join(format!("local-cloud-requests-{}", std::process::id()));
    std::fs::write(&gate, "").unwrap();
    probe(&cloud, json!({"do": "wait", "for": gate})).await;
    std::fs::remove_file(&gate).unwrap();
    until("the line has come", async || requests(&cloud, "").await["requests"][0]["lines"] == json!(["waits"])).await;
    // An event is no request, and what it leads to belongs to none.
    let event = json!({"source": "test", "detail-type": "x", "detail": {"do": "aws"}});
    door(&cloud, "POST", "events?wait=true", event).await;
    assert_eq!(requests(&cloud, "").await["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stream_begins_with_the_latest_goes_on_and_is_taken_up_where_it_ended() {
    let cloud = start().await;
    let ask = async |name: &str| send("GET", format!("{}/{name}", cloud.api_url()), &[], "").await;
    for name in ["a", "b", "c"] {
        ask(name).await;
    }
    let mut events = Events::open(&cloud, "?last=2", None).await;
    assert_eq!(events.next().await.2["path"], "/b");
    let (last_id, name, data) = events.next().await;
    assert_eq!((name.as_str(), &data["path"]), ("request", &json!("/c")));
    ask("d").await;
    assert_eq!(events.next().await.2["path"], "/d");
    drop(events);

    let mut events = Events::open(&cloud, "?last=1", Some(&last_id)).await;
    assert_eq!(events.next().await.2["path"], "/d", "what it has not been told, whatever `last` says");
    door(&cloud, "POST", "reset", json!(null)).await;
    assert_eq!(events.next().await.1, "reset");
    ask("e").await;
    assert_eq!(events.next().await.2["path"], "/e");

    let mut events = Events::open(&cloud, "", Some(&last_id)).await;
    assert_eq!(events.next().await.1, "reset", "the id is of a log that is gone");
    assert_eq!(events.next().await.2["path"], "/e");
}
