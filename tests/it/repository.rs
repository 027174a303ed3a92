//! One name runs through everything: a route of template.yaml has a function's folder, an event and a row in
//! docs/api.md.

use std::collections::BTreeSet;
use std::fs;

use tests::smoke::Group;
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
        let mut missed = Vec::new();
        for route in app.routes() {
            let key = format!("{} {}", route.method, route.path);
            let folder = root().join("functions").join(&functions[&route.function]);
            for (found, place) in [
                (events.contains(&key), "a file under events/ with the routeKey"),
                (reference.contains(&format!("| `{key}` |")), "docs/api.md: a row for"),
                (folder.join("src/handler.rs").exists(), "a folder of functions/ that serves"),
            ] {
                if !found {
                    missed.push(format!("{place} {key}"));
                }
            }
        }
        assert!(missed.is_empty(), "missed: {missed:#?}");
    })
    .await;
}

/// Functions that need no picture: they serve what is in the repository.
const UNDRAWN: [&str; 1] = ["openapi"];

/// What a resource is made of outside its own folders, which its compiler or its own tests would not miss.
/// docs/adding-a-resource.md has the whole list.
#[tokio::test]
async fn no_place_of_a_resource_is_missed() {
    TestApp::run(async |app| {
        let read = |file: &str| fs::read_to_string(root().join(file)).unwrap_or_default();
        let mut missed = BTreeSet::new();
        let mut expect = |found: bool, place: String| {
            if !found {
                missed.insert(place);
            }
        };
        let (main, readme) = (read("tests/it/main.rs"), read("README.md"));
        let functions = app.functions();
        for package in functions.values() {
            let module = package.replace('-', "_");
            expect(root().join(format!("tests/it/{module}.rs")).exists(), format!("tests/it/{module}.rs"));
            let is_drawn = readme.contains(package) || UNDRAWN.contains(&package.as_str());
            expect(is_drawn, format!("README.md: {package}, in the picture"));
        }
        for subject in fs::read_dir(root().join("tests/it")).unwrap() {
            let subject = subject.unwrap().path();
            let module = subject.file_stem().unwrap().to_str().unwrap();
            let is_listed = module == "main" || main.contains(&format!("\nmod {module};"));
            expect(is_listed, format!("tests/it/main.rs: mod {module}"));
        }
        let (calls, changelog, fuzzing) =
            (read("tests/it/aws_calls.rs"), read("CHANGELOG.md"), read("tests/schemathesis.toml"));
        for route in app.routes().iter().filter(|route| route.authorized) {
            let package = &functions[&route.function];
            expect(Group::named(package).is_some(), format!("tests/src/smoke/case.rs: a group {package}"));
            let resource = route.path.split('/').nth(1).unwrap();
            expect(calls.contains(&format!("\"/{resource}")), format!("tests/it/aws_calls.rs: /{resource}"));
            let words = resource.replace('-', " ");
            expect(changelog.to_lowercase().contains(&words), format!("CHANGELOG.md: {words}"));
            for parameter in route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                let names = format!("\"path.{parameter}\" = ");
                expect(fuzzing.contains(&names), format!("tests/schemathesis.toml: names for path.{parameter}"));
            }
        }
        let architecture = read("ARCHITECTURE.md");
        for table in app.tables().await {
            expect(
                architecture.contains(&format!("`{table}`")),
                format!("ARCHITECTURE.md: `{table}`, how its rows change"),
            );
        }
        // What dies halfway is completed by the recovery, or else ended by the reconciler.
        let ends = [("reconciler", "sweep"), ("recovery", "recover")];
        for folder in fs::read_dir(root().join("shared/aws")).unwrap() {
            let resource = folder.unwrap().file_name().into_string().unwrap();
            let is_claimed = read(&format!("shared/aws/{resource}/src/operations.rs")).contains("\nimpl Provider<");
            for (function, operation) in ends {
                let (handler, end) = (
                    format!("functions/{function}/src/handler.rs"),
                    format!("aws_{}::{operation}(", resource.replace('-', "_")),
                );
                expect(!is_claimed || read(&handler).contains(&end), format!("{handler}: {end}"));
            }
        }
        assert!(missed.is_empty(), "missed, see docs/adding-a-resource.md: {missed:#?}");
    })
    .await;
}

/// The files that the page names are there, of `stage`.
#[test]
fn the_list_of_places_is_true_and_no_longer_than_promised() {
    const MOST: usize = 25;
    let page = fs::read_to_string(root().join("docs/adding-a-resource.md")).unwrap();
    let files = |text: &str| -> Vec<String> {
        let place = |line: &str| {
            let (number, rest) = line.split_once(". `")?;
            number.parse::<usize>().ok().and(rest.split('`').next()).map(str::to_owned)
        };
        text.lines().filter_map(place).collect()
    };
    for file in files(&page) {
        let file = file.replace("<name>", "stage").replace("<names>", "stages");
        assert!(root().join(&file).exists(), "docs/adding-a-resource.md: there is no {file}");
    }
    let places = files(page.split("\n## ").next().unwrap()).len();
    assert!((10..=MOST).contains(&places), "{places} places");
}

/// Parameters whose other value would take away what most tests are about.
const KEPT: [(&str, &str); 3] = [
    ("CreatorClaim", "nobody would create anything; `limits` has that deployment"),
    ("ManageSigningKeys", "without keys of its own; `signing_keys` has that deployment"),
    (
        "TranswrapCertificateArn",
        "a load balancer, which is not there locally, in place of the certificate that is given",
    ),
];

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
