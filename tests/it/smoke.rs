//! The smoke test of a deployment, on the local cloud: each of its cases, and how it behaves when something is wrong.

use std::process::{Command, Output, Stdio};

use serde_json::json;
use tests::smoke::{self, Group, Tally, Target, cases};
use tests::{Room, TestApp, eventually};

/// The program, told of a deployment.
fn smoke(app: &TestApp, groups: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smoke"));
    command.args(groups).env("API_URL", app.cloud().api_url()).env("ALICE_TOKEN", app.cloud().token("alice"));
    command.env("BOB_TOKEN", app.cloud().token("bob")).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end; it must not block the cloud, which runs in this process.
async fn finished(mut command: Command) -> (Option<i32>, String) {
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let Output { status, stdout, stderr } = run.await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

/// What a run has made is gone.
async fn assert_nothing_left(app: &TestApp) {
    assert!(app.stages_in_ivs().await.is_empty() && app.channels_in_ivs().await.is_empty());
    // How a broadcast ended is there to be read for 30 days.
    let kept = ["broadcasts", "servers"];
    for table in app.tables().await.into_iter().filter(|table| !kept.contains(&table.as_str())) {
        // A room ends by the recovery, a moment after its stage.
        eventually(&table, async || app.rows(&table).await.is_empty().then_some(())).await;
    }
}

#[tokio::test]
async fn every_case_holds_and_leaves_nothing_behind() {
    TestApp::run(async |app| {
        Room::new(app).await.open(1, 8).await;
        let (alice, bob) = (app.cloud().token("alice"), app.cloud().token("bob"));
        let target = Target::new(&app.cloud().api_url(), &alice, &bob).unwrap();
        let mut said = Vec::new();
        let tally = smoke::run(&target, &Group::ALL, |line| said.push(line.to_owned())).await;
        assert_eq!(tally, Tally { passed: cases().len(), ..Tally::default() }, "\n{}", said.join("\n"));
        for group in Group::ALL {
            assert!(cases().iter().any(|case| case.group == group), "no case is about {}", group.name());
        }
        assert_nothing_left(app).await;
    })
    .await;
}

#[tokio::test]
async fn the_program_runs_the_groups_that_are_named_and_says_how_each_case_went() {
    TestApp::run(async |app| {
        let (code, said) = finished(smoke(app, &["health", "server"])).await;
        assert_eq!(code, Some(0), "{said}");
        let lines: Vec<_> = said.lines().collect();
        let expected = cases().iter().filter(|case| matches!(case.group, Group::Health | Group::Server)).count();
        assert_eq!(lines.len(), expected + 1, "{said}");
        assert!(lines[0].starts_with("ok") && lines[0].ends_with(" s)"), "{said}");
        assert_eq!(lines[expected], format!("{expected} passed, 0 skipped, 0 failed"));
    })
    .await;
}

#[tokio::test]
async fn a_deployment_that_fails_is_told_with_the_answer_and_nothing_is_left() {
    TestApp::run(async |app| {
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        app.fault(json!({"service": "ivs", "operation": "DeleteStreamKey", "times": null, "fault": refused})).await;
        let (code, said) = finished(smoke(app, &["stage", "channel"])).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("FAILED  channel "), "{said}");
        assert!(said.contains("/stream-key: 500 instead of 200: {"), "{said}");
        assert!(said.ends_with("5 passed, 0 skipped, 1 failed\n"), "{said}");
        app.heal().await;
        assert_nothing_left(app).await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_deleted_fails_the_run_and_is_named() {
    TestApp::run(async |app| {
        let refused = json!({"kind": "error", "status": 403, "code": "AccessDeniedException"});
        app.fault(json!({"service": "ivs", "operation": "DeleteStage", "times": null, "fault": refused})).await;
        let (code, said) = finished(smoke(app, &["participant"])).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("left behind: DELETE /stages/smoke-"), "{said}");
        app.heal().await;
        for row in app.rows("stages").await {
            app.user("alice").delete(&format!("/stages/{}", row["name"].as_s().unwrap())).await.expect(204);
        }
    })
    .await;
}

#[tokio::test]
async fn it_waits_for_a_deployment_that_says_not_now() {
    TestApp::run(async |app| {
        app.fault(json!({"service": "ivs", "operation": "CreateStage", "times": 3, "fault": {"kind": "throttle"}}))
            .await;
        let (code, said) = finished(smoke(app, &["stage"])).await;
        assert_eq!(code, Some(0), "{said}");
        app.until_faults_strike(3).await;
    })
    .await;
}

#[tokio::test]
async fn a_deployment_without_signing_keys_is_told_apart_from_a_broken_one() {
    TestApp::run(async |app| {
        for name in ["participant-signing-key", "playback-signing-key"] {
            let delete = app.secrets_manager().delete_secret().secret_id(format!("{}/{name}", app.stack()));
            delete.force_delete_without_recovery(true).send().await.unwrap();
        }
        let (code, said) = finished(smoke(app, &["participant", "channel"])).await;
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(said.matches("there is no signing key").count(), 2, "{said}");
        assert!(said.ends_with("6 passed, 2 skipped, 0 failed\n"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn settings_that_a_user_has_are_there_again_afterwards() {
    TestApp::run(async |app| {
        let settings = json!({
            "kind": "custom", "ingestUrl": "rtmp://own.example.com/app", "streamKey": "key-of-alice",
            "playbackUrl": "https://own.example.com/x.m3u8",
        });
        let alice = app.user("alice");
        alice.put("/broadcast-settings", settings.clone()).await.expect(201);
        let (code, said) = finished(smoke(app, &["broadcast-settings"])).await;
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(alice.get("/broadcast-settings").await.expect(200).json(), settings);
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_run_deletes_what_it_made() {
    TestApp::run(async |app| {
        app.hold(json!({"service": "dynamodb", "operation": "UpdateItem"}), "after").await;
        let running = smoke(app, &["stage"]).spawn().unwrap();
        let made = async || (!app.rows("stages").await.is_empty()).then_some(());
        eventually("a stage is made", made).await;
        Command::new("kill").arg(running.id().to_string()).status().unwrap();
        app.heal().await;
        let ended = tokio::task::spawn_blocking(move || running.wait_with_output().unwrap()).await.unwrap();
        let said = String::from_utf8(ended.stdout).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.ends_with("terminated: deleting what was made\n"), "{said}");
        // A create that was under way ends by itself.
        eventually("nothing is left", async || app.rows("stages").await.is_empty().then_some(())).await;
    })
    .await;
}

#[tokio::test]
async fn what_it_is_not_told_it_asks_for_by_name() {
    TestApp::run(async |app| {
        let mut bare = smoke(app, &[]);
        bare.env_remove("API_URL").env_remove("BOB_TOKEN");
        let (code, said) = finished(bare).await;
        assert_eq!(code, Some(1));
        assert!(said.starts_with("error: not set: API_URL (the base URL of the API"), "{said}");
        assert!(said.contains("BOB_TOKEN (a JWT of another user)") && !said.contains("ALICE_TOKEN"), "{said}");

        let (code, said) = finished(smoke(app, &["stages"])).await;
        assert_eq!(code, Some(1));
        assert!(said.contains("there is no group `stages`; there are: health, stage, "), "{said}");

        let mut twice = smoke(app, &[]);
        twice.env("BOB_TOKEN", app.cloud().token("alice"));
        assert!(finished(twice).await.1.contains("tokens of the same user"));
        let mut broken = smoke(app, &[]);
        broken.env("BOB_TOKEN", "secret-that-is-no-token");
        let (_, said) = finished(broken).await;
        assert!(said.contains("BOB_TOKEN is no JWT") && !said.contains("secret-that"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn no_line_shows_a_token() {
    TestApp::run(async |app| {
        let token = app.cloud().token("alice");
        // An answer that quotes what it was sent, as a proxy's page of errors may.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let quoted = token.clone();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            while let Ok((mut client, _)) = listener.accept() {
                let _ = client.read(&mut [0; 4096]);
                // Else the next request may go to the connection that is being closed.
                let end = format!("connection: close\r\ncontent-length: {}\r\n\r\n", quoted.len());
                let head = format!("HTTP/1.1 502 Bad Gateway\r\n{end}");
                let _ = client.write_all((head + &quoted).as_bytes());
            }
        });
        let mut command = smoke(app, &["health"]);
        command.env("API_URL", url).env("ALICE_TOKEN", token.as_str());
        let (code, said) = finished(command).await;
        assert_eq!(code, Some(1));
        assert!(said.contains("502 instead of 401: ***"), "{said}");
        assert!(!said.contains(token.rsplit('.').next().unwrap()), "{said}");
    })
    .await;
}
