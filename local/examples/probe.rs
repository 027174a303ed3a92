//! A function that does what its event says, for the tests of the local cloud. It speaks the Runtime API by itself, so
//! that no runtime library stands between a test and what it looks at.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let api = variable("AWS_LAMBDA_RUNTIME_API");
    match variable("PROBE_INIT").as_str() {
        "exit" => {
            let _ = writeln!(io::stderr(), "cannot start");
            std::process::exit(7);
        }
        "error" => {
            let error = json!({"errorType": "Probe.Init", "errorMessage": "told to"});
            send(&api, "POST", "/2018-06-01/runtime/init/error", &[], &error.to_string())?;
            std::process::exit(1);
        }
        _ => {}
    }
    loop {
        let next = send(&api, "GET", "/2018-06-01/runtime/invocation/next", &[], "")?;
        let id = next.header("lambda-runtime-aws-request-id");
        let event: Value = serde_json::from_str(&next.body)?;
        // Over HTTP, what to do is in the body.
        if event["RequestType"].is_string() {
            make(&event)?;
        }
        let order = match event["Records"].as_array() {
            Some(records) => of_messages(&event, records),
            None => {
                // A message of a chat says it itself.
                let text = event["body"].as_str().or(event["Content"].as_str());
                text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(event.clone())
            }
        };
        let (kind, answer) = match obey(&order, event, &next)? {
            Ok(answer) => ("response", answer),
            Err(error) => ("error", error),
        };
        send(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/{kind}"), &[], &answer.to_string())?;
    }
}

/// All that the process was started with.
#[expect(clippy::disallowed_methods, reason = "what it is asked to show")]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars()
}

fn obey(order: &Value, event: Value, next: &Answer) -> io::Result<Result<Value, Value>> {
    Ok(match order["do"].as_str().unwrap_or("echo") {
        "exit" => std::process::exit(3),
        "hang" => loop {
            thread::park();
        },
        "sleep" => {
            thread::sleep(Duration::from_millis(order["ms"].as_u64().unwrap_or_default()));
            Ok(json!({"process": std::process::id()}))
        }
        // Says so, and goes on once the file is there.
        "wait" => {
            let _ = writeln!(io::stderr(), "waits");
            while !Path::new(order["for"].as_str().unwrap_or_default()).exists() {
                thread::sleep(Duration::from_millis(10));
            }
            Ok(json!({"process": std::process::id()}))
        }
        "fail" => Err(json!({"errorType": "Probe.Failure", "errorMessage": "told to"})),
        "answer" => Ok(order["answer"].clone()),
        // Lets a message of a chat through, which then says what there was to review.
        "show" => Ok(json!({"ReviewResult": "ALLOW", "Content": event.to_string()})),
        "say" => {
            let _ = writeln!(io::stderr(), "{}", order["line"].as_str().unwrap_or_default());
            Ok(json!({}))
        }
        "environment" => Ok(environment().map(|(name, value)| (name, Value::from(value))).collect()),
        "context" => Ok(next.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()),
        "aws" => Ok(call_aws(order)?),
        _ => Ok(json!({"process": std::process::id(), "event": event})),
    })
}

/// What to do with the messages of a queue: what a body that is an order says, or to report those whose body is `bad`.
/// Says what it got.
fn of_messages(event: &Value, records: &[Value]) -> Value {
    let _ = writeln!(io::stderr(), "{event}");
    let body = |record: &Value| record["body"].as_str().unwrap_or_default().to_owned();
    let order = |record: &Value| serde_json::from_str::<Value>(&body(record)).ok().filter(Value::is_object);
    let bad = records.iter().filter(|record| body(record) == "bad");
    let failures: Vec<_> = bad.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
    let report = json!({"do": "answer", "answer": {"batchItemFailures": failures}});
    records.iter().find_map(order).unwrap_or(report)
}

/// Answers for a custom resource, as its properties say: `Status`, `PhysicalId`; with `Exit`, it dies instead.
fn make(event: &Value) -> io::Result<()> {
    let properties = &event["ResourceProperties"];
    let (asked, id) = (&event["RequestType"], &event["PhysicalResourceId"]);
    let _ = writeln!(io::stderr(), "{asked} {id} was {}", event["OldResourceProperties"]["Size"]);
    if properties["Exit"] == "true" {
        std::process::exit(3);
    }
    let answer = json!({
        "Status": properties["Status"].as_str().unwrap_or("SUCCESS"),
        "Reason": "told to",
        "PhysicalResourceId": properties["PhysicalId"].as_str().unwrap_or("thing"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    });
    let url = event["ResponseURL"].as_str().unwrap_or_default().replace("http://", "");
    let (host, path) = url.split_once('/').ok_or(io::ErrorKind::InvalidData)?;
    let path = format!("/{path}");
    // What is not as it was signed is refused, and no answer.
    for (path, headers) in
        [(format!("{path}0"), vec![]), (path.clone(), vec![("content-type", "text/plain".to_owned())])]
    {
        if send(host, "PUT", &path, &headers, &answer.to_string())?.status != 403 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    send(host, "PUT", &path, &[], &answer.to_string()).map(drop)
}

/// Calls the AWS endpoint with this instance's credentials.
fn call_aws(order: &Value) -> io::Result<Value> {
    let text = |key: &str| order[key].as_str().unwrap_or_default().to_owned();
    let credential = format!("{}/20300101/us-east-1/{}/aws4_request", variable("AWS_ACCESS_KEY_ID"), text("service"));
    let headers = [
        ("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0")),
        ("x-amz-security-token", variable("AWS_SESSION_TOKEN")),
        ("x-amz-date", "20300101T000000Z".to_owned()),
        ("x-amz-target", text("target")),
        ("content-type", "application/x-amz-json-1.0".to_owned()),
    ];
    let host = variable("AWS_ENDPOINT_URL").replace("http://", "");
    let path = if text("path").is_empty() { "/".to_owned() } else { text("path") };
    // A text, such as a form, is sent as it is, and an answer that is not JSON is answered as a text.
    let input = order["input"].as_str().map_or_else(|| order["input"].to_string(), str::to_owned);
    match send(&host, "POST", &path, &headers, &input) {
        Ok(answer) => {
            let body = serde_json::from_str(&answer.body).unwrap_or(Value::from(answer.body));
            Ok(json!({"status": answer.status, "body": body}))
        }
        Err(_) => Ok(json!({"status": null})),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test program has no configuration to speak of")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// One request on a connection of its own.
fn send(host: &str, method: &str, path: &str, headers: &[(&str, String)], body: &str) -> io::Result<Answer> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut connection = TcpStream::connect(host)?;
    connection.write_all(request.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Ok(Answer { status: status.unwrap_or_default(), headers, body: body.to_owned() })
}
