//! One name runs through everything: a route of template.yaml has a function's folder, an event and a row in
//! docs/api.md.

use std::collections::BTreeSet;
use std::fs;

use tests::{Deployment, TestApp, root};

#[tokio::test]
async fn every_route_has_an_event_a_row_in_the_documentation_and_a_function_folder() {
    TestApp::run(async |app| {
        let reference = fs::read_to_string(root().join("docs/api.md")).unwrap();
        let mut events = BTreeSet::new();
        for folder in fs::read_dir(root().join("events")).unwrap() {
            let Ok(folder) = fs::read_dir(folder.unwrap().path()) else { continue };
            for event in folder {
                let event: serde_json::Value =
                    serde_json::from_slice(&fs::read(event.unwrap().path()).unwrap()).unwrap();
                events.extend(event["routeKey"].as_str().map(str::to_owned));
            }
        }
        let functions = app.functions();
        for route in app.routes() {
            let key = format!("{} {}", route.method, route.path);
            assert!(events.contains(&key), "no file under events/ has the routeKey {key}");
            assert!(reference.contains(&format!("| `{key}` |")), "docs/api.md has no row for {key}");
            let folder = root().join("functions").join(&functions[&route.function]);
            assert!(folder.join("src/handler.rs").exists(), "{key} is served by no folder of functions/");
        }
    })
    .await;
}

/// Parameters whose other value would take away what most tests are about.
const KEPT: [(&str, &str); 1] = [("ManageSigningKeys", "without keys of its own; `signing_keys` has that deployment")];

/// What differs in the other deployment cannot be hard-coded where a test of it passes, too.
#[test]
fn the_other_deployment_of_the_tests_differs_in_everything() {
    let other = Deployment::read(&root().join("tests/another-deployment.json"));
    assert_ne!((other.stack_name.as_str(), other.region.as_str()), ("greenroom", "us-east-1"));
    let defaults = local::Options {
        template: local::TemplateSource::Path(root().join("template.yaml")),
        ..local::Options::default()
    };
    let defaults = defaults.read_template().unwrap();
    for (name, default) in defaults.parameters().iter().filter(|(name, _)| KEPT.iter().all(|(kept, _)| kept != name)) {
        let value = other.parameters.get(name);
        assert!(
            value.is_some_and(|value| value != default),
            "tests/another-deployment.json gives {name} no other value than the template's default"
        );
    }
}

/// What names the deployment in a test.
const NAMES: [&str; 3] = ["app.stack()", "app.region()", "app.parameter("];

/// Most tests say the same on any deployment. Those that CI repeats on the other one are in its file, each with its
/// reason.
#[test]
fn each_subject_that_names_the_deployment_is_tested_on_the_other_one() {
    let file = fs::read_to_string(root().join("tests/another-deployment.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let mut chosen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (test, reason) in file["tests"].as_object().unwrap() {
        assert!(reason.as_str().is_some_and(|reason| !reason.is_empty()), "{test} has no reason");
        chosen.insert(test.split_once("::").unwrap());
    }
    let mut found = BTreeSet::new();
    for subject in fs::read_dir(root().join("tests/it")).unwrap() {
        let subject = subject.unwrap().path();
        let Ok(text) = fs::read_to_string(&subject) else { continue };
        let subject = subject.file_stem().unwrap().to_str().unwrap();
        let tests: Vec<_> = text.split("test]\n").skip(1).filter_map(|test| test.split_once("fn ")).collect();
        let named = |test: &str| tests.iter().any(|(_, name)| name.starts_with(test));
        found.extend(chosen.iter().filter(|(of, test)| *of == subject && named(test)).copied());
        let names_it = NAMES.iter().any(|name| text.contains(name)) && subject != "repository";
        assert!(
            !names_it || tests.is_empty() || chosen.iter().any(|(of, _)| *of == subject),
            "tests/another-deployment.json names no test of {subject}, whose tests differ with the deployment"
        );
    }
    assert_eq!(found, chosen, "tests that are named and not there");
}
