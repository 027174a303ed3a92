//! CloudFormation's custom resources from outside: when they are made, changed and deleted, and what becomes of a
//! function that fails at it.

use std::path::Path;

use local::{LocalCloud, Options, TemplateSource};
use serde_json::json;

use super::{door, options};

/// Starts with these parameters; `Err` is what the developer reads.
async fn start(parameters: &[(&str, &str)], data_dir: Option<&Path>) -> Result<LocalCloud, String> {
    let template = TemplateSource::Text(include_str!("custom_resources.yaml").to_owned());
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let data_dir = data_dir.map(Path::to_owned);
    let cloud = LocalCloud::start(Options { template, parameters, data_dir, ..options() }).await;
    cloud.map_err(|error| format!("{error:#}"))
}

/// Starts, stops, and answers what the function was asked: request type, physical id, `Size` before.
async fn asked(parameters: &[(&str, &str)], data_dir: &Path) -> Vec<String> {
    let cloud = start(parameters, Some(data_dir)).await.expect("the local cloud starts");
    cloud.shutdown().await.into_iter().map(|line| line.line).collect()
}

struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("custom-resources-{name}-{}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_resource_is_created_once_changed_with_its_properties_and_deleted_with_its_declaration() {
    let dir = Scratch::new("life");
    assert_eq!(asked(&[], &dir.0).await, [r#""Create" null was null"#]);
    assert_eq!(asked(&[], &dir.0).await, [""; 0]);
    assert_eq!(asked(&[("Size", "2")], &dir.0).await, [r#""Update" "thing" was "1""#]);
    // Another physical id is another resource: the one before is deleted.
    let replaced = asked(&[("Size", "3"), ("PhysicalId", "other")], &dir.0).await;
    assert_eq!(replaced, [r#""Update" "thing" was "2""#, r#""Delete" "thing" was null"#]);
    assert_eq!(asked(&[("There", "false")], &dir.0).await, [r#""Delete" "other" was null"#]);
    assert_eq!(asked(&[("There", "false")], &dir.0).await, [""; 0]);
}

#[tokio::test]
async fn a_resource_that_cannot_be_made_keeps_the_stack_from_coming_up_and_the_reason_is_told() {
    let error = start(&[("Status", "FAILED")], None).await.err().unwrap();
    assert_eq!(error, "the stack cannot come up: Create of Thing failed: told to");
    let dir = Scratch::new("failing");
    let error = start(&[("Status", "FAILED")], Some(&dir.0)).await.err().unwrap();
    assert!(error.contains("--ephemeral") && error.ends_with("told to"), "{error}");
    // Nothing was made, so the next start tries again.
    assert_eq!(asked(&[], &dir.0).await, [r#""Create" null was null"#]);
}

#[tokio::test]
async fn a_function_that_dies_without_an_answer_is_asked_three_times() {
    let dir = Scratch::new("dying");
    let error = start(&[("Exit", "true")], Some(&dir.0)).await.err().unwrap();
    assert!(error.ends_with("Create of Thing failed: ProbeFunction did not answer; its log says more"), "{error}");
}

#[tokio::test]
async fn a_reset_makes_the_resources_again() {
    let cloud = start(&[], None).await.unwrap();
    assert_eq!(door(&cloud, "POST", "reset", json!(null)).await.status, 200);
    let lines: Vec<_> = cloud.shutdown().await.into_iter().map(|line| line.line).collect();
    assert_eq!(lines, [r#""Create" null was null"#; 2]);
}

#[tokio::test]
async fn the_side_door_has_a_resource_changed_or_deleted() {
    let cloud = start(&[], None).await.unwrap();
    let answer = door(&cloud, "POST", "custom-resources/Thing", json!({"requestType": "Delete"})).await;
    assert_eq!((answer.status, &answer.json()["Status"]), (200, &json!("SUCCESS")));
    let answer = door(&cloud, "POST", "custom-resources/Other", json!({"requestType": "Delete"})).await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.json()["message"], "the template has no custom resource `Other`; it has: Thing");
    let answer = door(&cloud, "POST", "custom-resources/Thing", json!({"requestType": "Destroy"})).await;
    assert_eq!(answer.status, 400);
}
