//! `Invoke` and `PutEvents`, as a developer calls them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use local::{LocalCloud, Options, TemplateSource};
use serde_json::{Value, json};

use crate::{Answer, developer, options, send, start, until};

const FUNCTION: &str = "stack-ProbeFunction";

/// `Invoke` with a body that may be anything.
async fn invoke(cloud: &LocalCloud, function: &str, headers: &[(&str, &str)], body: impl Into<bytes::Bytes>) -> Answer {
    let authorization =
        "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0";
    let url = format!("{}/2015-03-31/functions/{}", cloud.aws_url(), function);
    send("POST", url, &[&[("authorization", authorization)], headers].concat(), body).await
}

fn path(function: &str) -> String {
    format!("{}/invocations", function.replace(':', "%3A").replace('$', "%24"))
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.header("x-amzn-errortype").to_owned())
}

#[tokio::test]
async fn a_function_is_invoked_by_every_name_that_it_has() {
    let cloud = start().await;
    for name in [
        FUNCTION.to_owned(),
        "ProbeFunction".to_owned(),
        format!("{FUNCTION}:$LATEST"),
        format!("000000000000:function:{FUNCTION}"),
        format!("arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}"),
        format!("arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}:$LATEST"),
    ] {
        let answer = invoke(&cloud, &path(&name), &[], r#"{"a":1}"#).await;
        assert_eq!((answer.status, answer.json()["event"].clone()), (200, json!({"a": 1})), "{name}");
        assert_eq!(answer.header("x-amz-executed-version"), "$LATEST");
    }
    let latest = format!("{}?Qualifier=%24LATEST", path(FUNCTION));
    assert_eq!(invoke(&cloud, &latest, &[], "{}").await.status, 200);
}

#[tokio::test]
async fn a_version_or_a_function_of_elsewhere_is_not_found_nor_invoked() {
    let cloud = start().await;
    let not_found = "ResourceNotFoundException";
    for (name, status, code, said) in [
        ("nobody", 404, not_found, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody"),
        ("stack-ProbeFunction:live", 404, not_found, "function:stack-ProbeFunction:live"),
        (
            "arn:aws:lambda:eu-west-1:000000000000:function:stack-ProbeFunction",
            404,
            not_found,
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        (
            "arn:aws:lambda:us-east-1:111111111111:function:stack-ProbeFunction",
            403,
            "AccessDeniedException",
            "no resource-based policy",
        ),
        ("not a name", 400, "ValidationException", "at 'FunctionName' failed to satisfy constraint"),
    ] {
        let answer = invoke(&cloud, &path(&name.replace(' ', "%20")), &[], "{}").await;
        assert_eq!(error(&answer), (status, code.to_owned()), "{name}");
        assert!(answer.json()["message"].as_str().unwrap().contains(said), "{}", answer.json());
    }
    let answer = invoke(&cloud, &format!("{}?Qualifier=1", path(FUNCTION)), &[], "{}").await;
    assert_eq!(error(&answer), (404, not_found.to_owned()));
    let both = format!("{}?Qualifier=1", path(&format!("{FUNCTION}:$LATEST")));
    assert_eq!(error(&invoke(&cloud, &both, &[], "{}").await), (400, "InvalidParameterValueException".to_owned()));
}

#[tokio::test]
async fn the_invoker_may_have_the_end_of_the_log() {
    // The frame of the platform is text where the log is text, and JSON where it is JSON.
    for format in ["JSON", "Text"] {
        let template = include_str!("../template.yaml").replace("LogFormat: JSON", &format!("LogFormat: {format}"));
        let options = Options { template: TemplateSource::Text(template), ..options() };
        let cloud = LocalCloud::start(options).await.unwrap();
        let order = json!({"do": "say", "line": "said by the function"}).to_string();
        let answer = invoke(&cloud, &path(FUNCTION), &[("x-amz-log-type", "Tail")], order.clone()).await;
        let log = String::from_utf8(BASE64_STANDARD.decode(answer.header("x-amz-log-result")).unwrap()).unwrap();
        let lines: Vec<_> = log.lines().collect();
        let (first, last) =
            if format == "JSON" { ("platform.start", "platform.report") } else { ("START ", "REPORT ") };
        assert!(lines[0].contains(first) && lines[1] == "said by the function", "{log}");
        assert!(lines.last().unwrap().contains(last), "{log}");
        let line = "x".repeat(10_000);
        let order_of_much = json!({"do": "say", "line": line}).to_string();
        let answer = invoke(&cloud, &path(FUNCTION), &[("x-amz-log-type", "Tail")], order_of_much).await;
        assert_eq!(BASE64_STANDARD.decode(answer.header("x-amz-log-result")).unwrap().len(), 4096);
        // Unasked, it does not come.
        assert_eq!(invoke(&cloud, &path(FUNCTION), &[], order).await.header("x-amz-log-result"), "");
    }
}

#[tokio::test]
async fn a_payload_is_json_and_within_lambdas_limits() {
    let cloud = start().await;
    let event = [("x-amz-invocation-type", "Event")];
    for (headers, size, expected) in [
        (&[][..], 6 << 20, (200, "")),
        (&[], (6 << 20) + 1, (413, "RequestTooLargeException")),
        (&event, 1 << 20, (202, "")),
        (&event, (1 << 20) + 1, (413, "RequestTooLargeException")),
    ] {
        let body = format!("\"{}\"", "x".repeat(size - 2));
        // The answer of the probe would be too large itself.
        let body =
            if expected.0 == 200 { format!("{{\"do\":\"sleep\",\"x\":\"{}\"}}", "x".repeat(size - 21)) } else { body };
        assert_eq!(body.len(), size);
        let answer = invoke(&cloud, &path(FUNCTION), headers, body).await;
        assert_eq!(error(&answer), (expected.0, expected.1.to_owned()));
    }
    for headers in [&[][..], &event] {
        let answer = invoke(&cloud, &path(FUNCTION), headers, "{no json").await;
        assert_eq!(error(&answer), (400, "InvalidRequestContentException".to_owned()));
    }
    assert_eq!(invoke(&cloud, &path(FUNCTION), &[], "").await.json()["event"], json!({}));
}

#[tokio::test]
async fn an_invocation_may_be_asynchronous_or_only_tried() {
    let cloud = start().await;
    let say = json!({"do": "say", "line": "invoked"}).to_string();
    let dry = invoke(&cloud, &path(FUNCTION), &[("x-amz-invocation-type", "DryRun")], say.clone()).await;
    assert_eq!((dry.status, dry.body.len()), (204, 0));
    let event = invoke(&cloud, &path(FUNCTION), &[("x-amz-invocation-type", "Event")], say).await;
    assert_eq!((event.status, event.body.len()), (202, 0));
    let said = || cloud.logs().iter().filter(|line| line.line == "invoked").count();
    until("the event is handled", async || said() > 0).await;
    assert_eq!(said(), 1);
    let dry = invoke(&cloud, &path("nobody"), &[("x-amz-invocation-type", "DryRun")], "{}").await;
    assert_eq!(dry.status, 404);
    let unknown = invoke(&cloud, &path(FUNCTION), &[("x-amz-invocation-type", "Later")], "{}").await;
    assert_eq!(error(&unknown), (400, "ValidationException".to_owned()));
}

#[tokio::test]
async fn an_operation_that_is_not_here_is_refused_by_its_name() {
    let cloud = start().await;
    for (service, target, path, name) in [
        ("dynamodb", "DynamoDB_20120810.CreateBackup", "/", "CreateBackup"),
        ("secretsmanager", "secretsmanager.RotateSecret", "/", "RotateSecret"),
        ("sqs", "AmazonSQS.StartMessageMoveTask", "/", "StartMessageMoveTask"),
        ("ecs", "AmazonEC2ContainerServiceV20141113.CreateTaskSet", "/", "CreateTaskSet"),
        ("events", "AWSEvents.PutRule", "/", "PutRule"),
        ("ivs", "", "/StartComposition", "StartComposition"),
        ("lambda", "", "/2015-03-31/event-source-mappings", "CreateEventSourceMapping"),
        ("sns", "SNS.Publish", "/", "Publish"),
    ] {
        let answer = developer(&cloud, service, target, path, json!({})).await;
        let said = answer.json().to_string();
        assert!((400..=404).contains(&answer.status) && said.contains(name), "{service}: {said}");
        assert_eq!(answer.header("x-amzn-errortype"), "UnknownOperationException", "{service}");
    }
    let headers = |service: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    };
    for (service, action) in [("sts", "AssumeRole"), ("ec2", "RunInstances"), ("sns", "Publish")] {
        let authorization = headers(service);
        let headers =
            [("authorization", authorization.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let form = format!("Action={action}&Version=2011-06-15");
        let answer = send("POST", format!("{}/", cloud.aws_url()), &headers, form).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!((400..=404).contains(&answer.status) && said.contains(action), "{service}: {said}");
    }
}

async fn put_events(cloud: &LocalCloud, entries: Value) -> Answer {
    developer(cloud, "events", "AWSEvents.PutEvents", "/", json!({"Entries": entries})).await
}

#[tokio::test]
async fn events_are_put_on_the_default_bus_and_those_of_aws_come_by_the_side_door() {
    let cloud = start().await;
    let arn = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let entry = |source: &str, bus: &str| {
        let detail = json!({"do": "say", "line": "told"}).to_string();
        json!({"Source": source, "DetailType": "t", "Detail": detail, "EventBusName": bus})
    };
    let answer = put_events(&cloud, json!([entry("test", arn), entry("aws.ivs", arn), entry("test", "other")])).await;
    let answer = answer.json();
    assert_eq!(answer["FailedEntryCount"], 2);
    assert!(answer["Entries"][0]["EventId"].is_string(), "{answer}");
    assert_eq!(answer["Entries"][1]["ErrorCode"], "NotAuthorizedForSourceException");
    assert_eq!(answer["Entries"][2]["ErrorCode"], "InvalidArgument");
    let event = json!({"source": "aws.ivs", "detail-type": "t", "detail": {}});
    assert_eq!(crate::door(&cloud, "POST", "events", event).await.status, 200);
    let seen = crate::door(&cloud, "GET", "events", Value::Null).await.json();
    let sources: Vec<_> = seen["events"].as_array().unwrap().iter().map(|one| &one["event"]["source"]).collect();
    assert_eq!(sources, ["test", "aws.ivs"]);
    let many = put_events(&cloud, vec![entry("test", arn); 11].into()).await;
    assert_eq!((many.status, many.json()["__type"].clone()), (400, json!("ValidationException")));
}
