//! The OpenAPI document says what the template and the code do. That each answer is one that the document allows for is
//! checked wherever a test calls the API.

use std::collections::BTreeSet;

use ::http::HeaderMap;
use lambda::http::PROBLEMS;
use serde_json::{Value, json};
use tests::{Answer, Document, TestApp, root};

const PROBLEM: &str = "application/problem+json";

#[tokio::test]
async fn the_document_has_the_routes_of_the_template_and_asks_for_a_token_where_it_does() {
    TestApp::run(async |app| {
        let document = Document::read();
        let default = !document.json()["security"].as_array().unwrap().is_empty();
        let described: BTreeSet<(String, bool)> = document
            .operations()
            .into_iter()
            .map(|(method, path, operation)| {
                // API Gateway looks at nothing that is not required.
                let required = |security: &Vec<Value>| !security.is_empty() && !security.contains(&json!({}));
                let authorized = operation["security"].as_array().map_or(default, required);
                (format!("{method} {path}"), authorized)
            })
            .collect();
        let routes = app.routes();
        let declared = routes.iter().map(|route| (format!("{} {}", route.method, route.path), route.authorized));
        assert_eq!(described, declared.collect());
    })
    .await;
}

#[tokio::test]
async fn the_document_is_served_as_the_file_is_and_only_when_it_is_new() {
    TestApp::run(async |app| {
        let file = std::fs::read_to_string(root().join("functions/openapi/openapi.json")).unwrap();
        let anonymous = app.anonymous();
        let (answer, calls) = app.calls_of(anonymous.get("/openapi.json")).await;
        let answer = answer.expect(200);
        assert!(answer.text == file, "another text than the file's is served");
        assert!(calls.is_empty(), "{calls:?}");
        let held = async |tag: String| {
            let headers = [("if-none-match", tag.as_str())];
            anonymous.send("GET", "/openapi.json", &headers, "").await
        };
        let tag = answer.header("etag");
        for tags in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            held(tags).await.expect(304);
        }
        held("\"other\"".to_owned()).await.expect(200);
    })
    .await;
}

#[test]
fn the_document_has_the_version_of_the_code() {
    let document = Document::read().json();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["components"]["schemas"]["Health"]["examples"][0]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_problems_of_the_document_are_those_of_the_code() {
    let document = Document::read();
    let mut described = BTreeSet::new();
    for (method, path, operation) in document.operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let content = &document.resolve(response)["content"];
            let Some(media) = content.get(PROBLEM) else { continue };
            let alternatives = media["schema"]["oneOf"].as_array().cloned();
            for problem in alternatives.unwrap_or_else(|| vec![media["schema"].clone()]) {
                let properties = &document.resolve(&problem)["allOf"][1]["properties"];
                let told = properties["status"]["const"].as_u64().unwrap();
                assert_eq!(told.to_string(), *status, "{method} {path}: {problem}");
                described.insert((told, properties["type"]["const"].as_str().unwrap().to_owned()));
            }
        }
    }
    let code = PROBLEMS.iter().map(|(status, slug)| (u64::from(status.as_u16()), (*slug).to_owned()));
    assert_eq!(described, code.collect());
    let types = &document.json()["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    let types: BTreeSet<&str> = types.as_array().unwrap().iter().map(|slug| slug.as_str().unwrap()).collect();
    assert_eq!(types, PROBLEMS.iter().map(|(_, slug)| *slug).collect());
}

#[test]
fn every_component_of_the_document_is_used() {
    let document = Document::read().json();
    let text = document.to_string();
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            assert!(text.contains(&format!("\"#/components/{kind}/{name}\"")), "{kind}/{name} is of no use");
        }
    }
}

#[test]
fn every_example_of_the_document_keeps_to_its_schema() {
    let document = Document::read();
    let components = &document.json()["components"];
    let mut checked = 0;
    let mut check = |name: &str, schema: &Value, example: &Value| {
        let faults = document.faults(schema, example);
        assert!(faults.is_empty(), "the example of {name}: {faults:?}");
        checked += 1;
    };
    for (name, schema) in components["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten().chain(schema.get("example")) {
            check(name, schema, example);
        }
    }
    for (name, response) in components["responses"].as_object().unwrap() {
        for media in response["content"].as_object().into_iter().flatten().map(|(_, media)| media) {
            media.get("example").into_iter().for_each(|example| check(name, &media["schema"], example));
        }
    }
    assert!(checked > 30, "{checked} examples");
}

#[test]
fn an_answer_that_the_document_does_not_allow_for_is_noticed() {
    let stage = &Document::read().json()["components"]["schemas"]["Stage"]["examples"][0];
    let without = |field: &str| {
        let mut stage = stage.clone();
        stage.as_object_mut().unwrap().remove(field);
        stage.to_string()
    };
    let with = |field: &str, value: Value| {
        let mut stage = stage.clone();
        stage[field] = value;
        stage.to_string()
    };
    let problem = |r#type: &str, title: &str| {
        json!({"type": r#type, "title": title, "status": 404, "detail": "x", "instance": "id"}).to_string()
    };
    let gateway = || r#"{"message":"Not Found"}"#.to_owned();
    let (json, id) = ("application/json", ("apigw-requestid", "id"));
    let key = |cache| vec![id, ("cache-control", cache)];
    for (route, status, content_type, headers, text, fault) in [
        ("GET /stages/demo", 200, json, vec![id], stage.to_string(), None),
        ("GET /stages/demo?x=/y", 404, PROBLEM, vec![id], problem("not-found", "Not found"), None),
        ("GET /stages/demo", 404, json, vec![id], gateway(), None),
        ("DELETE /stages/demo", 204, "text/plain", vec![id], String::new(), None),
        ("GET /channels/demo/stream-key", 200, json, key("no-store"), r#"{"streamKey":"sk"}"#.to_owned(), None),
        // Not of this API.
        ("GET /_local/calls", 202, json, vec![], String::new(), None),
        ("POST /stages/demo", 404, json, vec![], gateway(), None),
        ("GET /stages/demo", 202, json, vec![id], stage.to_string(), Some("status 202")),
        ("GET /stages/demo", 200, "text/html", vec![id], stage.to_string(), Some("content type")),
        ("GET /stages/demo", 200, json, vec![], stage.to_string(), Some("lacks the header apigw-requestid")),
        ("GET /stages/demo", 200, json, vec![id], without("owner"), Some("\"owner\" is a required property")),
        ("GET /stages/demo", 200, json, vec![id], with("streamKey", json!("sk")), Some("'streamKey' was unexpected")),
        ("GET /stages/demo", 200, json, vec![id], with("createdAt", json!("2026-03-01")), Some("/createdAt")),
        ("GET /stages/demo", 200, json, vec![id], "{".to_owned(), Some("no JSON")),
        ("GET /stages/demo", 404, PROBLEM, vec![id], problem("not-owner", "Not the owner"), Some("not-found")),
        ("DELETE /stages/demo", 204, json, vec![id], "{}".to_owned(), Some("no body")),
        (
            "GET /channels/demo/stream-key",
            200,
            json,
            key("public"),
            r#"{"streamKey":"sk"}"#.to_owned(),
            Some("cache-control"),
        ),
    ] {
        let mut answer = Answer { status, headers: HeaderMap::new(), text };
        answer.headers.insert("content-type", content_type.parse().unwrap());
        for (name, value) in headers {
            answer.headers.insert(name, value.parse().unwrap());
        }
        let (method, path) = route.split_once(' ').unwrap();
        let found = Document::read().forbids(method, path, &answer);
        match (fault, found) {
            (None, None) => {}
            (Some(fault), Some(found)) if found.contains(fault) => {}
            (fault, found) => panic!("{route} {status} {}: {found:?} instead of {fault:?}", answer.text),
        }
    }
}
