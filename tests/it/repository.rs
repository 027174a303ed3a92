//! One name runs through everything: a route of template.yaml has a function's folder, an event and a row in README.

use std::collections::BTreeSet;
use std::fs;

use tests::{TestApp, root};

#[tokio::test]
async fn every_route_has_an_event_a_readme_row_and_a_function_folder() {
    TestApp::run(async |app| {
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        let mut events = BTreeSet::new();
        for folder in fs::read_dir(root().join("events")).unwrap() {
            for event in fs::read_dir(folder.unwrap().path()).unwrap() {
                let event: serde_json::Value =
                    serde_json::from_slice(&fs::read(event.unwrap().path()).unwrap()).unwrap();
                events.extend(event["routeKey"].as_str().map(str::to_owned));
            }
        }
        for route in app.routes() {
            let key = format!("{} {}", route.method, route.path);
            assert!(events.contains(&key), "no file under events/ has the routeKey {key}");
            assert!(readme.contains(&format!("`{key}`")), "README.md has no row for {key}");
            let folder = root().join("functions").join(folder(&route.function));
            assert!(folder.join("src/handler.rs").exists(), "{key} is served by no folder of functions/");
        }
    })
    .await;
}

/// `BroadcastSettingsFunction` lives in `broadcast-settings`.
fn folder(function: &str) -> String {
    let mut folder = String::new();
    for letter in function.trim_end_matches("Function").chars() {
        if letter.is_uppercase() && !folder.is_empty() {
            folder.push('-');
        }
        folder.extend(letter.to_lowercase());
    }
    folder
}
