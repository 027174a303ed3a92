//! The transwrap servers of the stack, as the local cloud runs them: real ones, which hold no broadcast here.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Setup, TestApp, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Id and URL of the one server that is offered.
async fn offered(app: &TestApp) -> (String, String) {
    eventually("one server is offered", async || match app.servers(10).await.as_slice() {
        [server] => Some((server["taskId"].as_str()?.to_owned(), server["url"].as_str()?.to_owned())),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_server_has_room_as_soon_as_it_says_so_and_may_do_what_it_does() {
    Setup::default()
        .with_servers()
        .run(async |app| {
            let (task, url) = offered(app).await;
            assert_eq!(url, format!("{}/{task}", app.cloud().tasks_url()).replace("http:", "ws:"));
            let alice = app.user("alice");
            alice.put("/channels/demo", json!({})).await.expect(201);
            let begun = eventually("the server has room", async || {
                let answer = alice.post("/broadcasts", json!({"channel": "demo"})).await;
                (answer.status == 201).then(|| answer.json())
            })
            .await;
            app.is_secret(begun["ticket"].as_str().unwrap());
            assert_eq!(begun["url"], url);
            let calls = app.anonymous().get("/_local/calls").await.expect(200).json();
            let of_task: Vec<_> =
                calls["calls"].as_array().unwrap().iter().filter(|call| call["task"] == task.as_str()).collect();
            assert!(of_task.iter().any(|call| call["status"] == 200), "{of_task:?}");
            assert!(of_task.iter().all(|call| call["deniedAction"] == Value::Null), "{of_task:?}");
        })
        .await;
}

#[tokio::test]
async fn a_server_writes_of_its_row_what_its_policy_names_alone() {
    // The same condition with an attribute less: whoever writes more than it names is denied.
    let named = "dynamodb:Attributes: [taskId, state, places, promised, room, leaseUntil]";
    Setup::default()
        .edit(named, &named.replace(", room", ""))
        .with_servers()
        .run(async |app| {
            let (task, _) = offered(app).await;
            eventually("its heartbeat is denied", async || {
                let calls = app.anonymous().get("/_local/calls").await.expect(200).json();
                let mut calls = calls["calls"].as_array().unwrap().iter().filter(|call| call["task"] == task.as_str());
                calls.any(|call| call["deniedAction"] == "dynamodb:UpdateItem").then_some(())
            })
            .await;
        })
        .await;
}

/// A browser that comes with a ticket, and says nothing then. It is there until this is dropped.
async fn browser(app: &TestApp, begun: &Value) -> TcpStream {
    let text = |name: &str| begun[name].as_str().unwrap();
    app.is_secret(text("ticket"));
    let (host, path) = text("url").strip_prefix("ws://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: greenroom.broadcast.v1, greenroom.ticket.{}\r\n\r\n",
        text("ticket")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

#[tokio::test]
async fn a_broadcast_that_takes_over_ends_the_other_one() {
    Setup::default()
        .with_servers()
        .run(async |app| {
            offered(app).await;
            let alice = app.user("alice");
            alice.put("/channels/demo", json!({})).await.expect(201);
            let mut browsers = Vec::new();
            let mut earlier: Option<String> = None;
            for _ in 0..2 {
                let begun = eventually("the server has room", async || {
                    let answer = alice.post("/broadcasts", json!({"channel": "demo", "takeOver": true})).await;
                    (answer.status == 201).then(|| answer.json())
                })
                .await;
                browsers.push(browser(app, &begun).await);
                let path = format!("/broadcasts/{}", begun["broadcast"].as_str().unwrap());
                eventually("the ticket is redeemed", async || {
                    let state = alice.get(&path).await.expect(200).json()["state"].clone();
                    (state == "connecting").then_some(())
                })
                .await;
                if let Some(earlier) = earlier.replace(path) {
                    let reason = eventually("the earlier one ends", async || {
                        let shown = alice.get(&earlier).await.expect(200).json();
                        (shown["state"] == "ended").then(|| shown["endReason"].clone())
                    })
                    .await;
                    assert_eq!(reason, "taken-over");
                }
            }
            alice.delete(earlier.as_deref().unwrap()).await.expect(204);
            eventually("the last one ends", async || {
                let shown = alice.get(earlier.as_deref().unwrap()).await.expect(200).json();
                (shown["state"] == "ended").then_some(())
            })
            .await;
        })
        .await;
}

#[tokio::test]
async fn a_server_that_stops_or_crashes_is_replaced_by_another() {
    Setup::default()
        .with_servers()
        .run(async |app| {
            let mut seen = BTreeSet::new();
            for end in ["stop", "crash", "none"] {
                let task = eventually("a new server is offered", async || {
                    let (task, _) = offered(app).await;
                    (!seen.contains(&task)).then_some(task)
                })
                .await;
                match end {
                    "stop" => {
                        app.ecs()
                            .stop_task()
                            .cluster("transwrap")
                            .task(&task)
                            .send()
                            .await
                            .expect("a task can be stopped");
                    }
                    "crash" => {
                        let path = format!("/_local/ecs/tasks/{task}/crash");
                        app.anonymous().post(&path, json!(null)).await.expect(200);
                    }
                    _ => {}
                }
                seen.insert(task);
            }
            assert_eq!(seen.len(), 3);
        })
        .await;
}
