//! What all lists have in common: their pages, and whose cursors they take.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use model::server::{RingCursor, Segment};
use model::{Cursor, List, Position};
use serde_json::json;
use tests::{Caller, TestApp};

/// Every list, and how its route is written.
const LISTS: [(&str, &str); 6] = [
    ("/stages", "GET /stages"),
    ("/channels", "GET /channels"),
    ("/stages/demo/participants", "GET /stages/{stage}/participants"),
    ("/broadcasts", "GET /broadcasts"),
    ("/servers", "GET /servers"),
    ("/streams", "GET /streams"),
];

async fn refuses(caller: &Caller, list: &str, cursor: &str) {
    let refused = caller.get(&format!("{list}?cursor={cursor}")).await.expect_problem(400, "invalid-request").json();
    assert_eq!(refused["errors"].as_array().map(Vec::len), Some(1), "{list}: {refused}");
    assert_eq!(refused["errors"][0]["field"], "cursor", "{list}: {refused}");
}

#[tokio::test]
async fn a_cursor_is_taken_by_the_list_and_the_caller_that_it_was_given_to() {
    TestApp::run(async |app| {
        let (alice, bob) = (app.user("alice"), app.user("bob"));
        for name in ["demo", "other"] {
            alice.put(&format!("/stages/{name}"), json!({})).await.expect(201);
            alice.put(&format!("/channels/{name}"), json!({})).await.expect(201);
            for guest in ["bob", "carol"] {
                app.mint(&app.user(guest), name, json!({})).await.expect(201);
            }
        }
        let with_more = ["/stages", "/channels", "/stages/demo/participants", "/stages/other/participants"];
        for list in with_more {
            let page = alice.get(&format!("{list}?limit=1")).await.expect(200).json();
            let cursor = page["cursor"].as_str().unwrap();
            let next = alice.get(&format!("{list}?limit=1&cursor={cursor}")).await.expect(200).json();
            assert!(next["items"][0].is_object() && next["items"] != page["items"], "{list}: {next}");
            for other in LISTS.iter().map(|(path, _)| *path).chain(with_more).filter(|other| *other != list) {
                refuses(&alice, other, cursor).await;
            }
            refuses(&bob, list, cursor).await;
        }
    })
    .await;
}

/// A place of any text, with the digest of one that a page may end at.
struct Forged<'a>(&'a str);

impl Position for Forged<'_> {
    const ORDER: &'static str = Cursor::ORDER;

    fn write(&self) -> String {
        self.0.to_owned()
    }

    fn read(_: &str) -> Option<Self> {
        None
    }
}

/// The list as the function knows it, for alice.
fn list(path: &str, route: &str) -> List {
    let list = if path.contains("demo") { List::new(route).of("demo") } else { List::new(route) };
    if path == "/streams" { list } else { list.of("alice") }
}

#[tokio::test]
async fn a_cursor_that_was_made_up_is_refused_before_dynamodb_would() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        let times = ["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+23:59", "2026-02-30T12:00:00Z", "soon", ""];
        for (path, route) in LISTS {
            for text in ["", "x", "=", "%00", "%F0%9F%A6%80", "MjAyNi0wMy0wMVQxMjowMDowMC4wMDBaCmRlbW8", "ZnJvbQo4Cg"] {
                refuses(&alice, path, text).await;
            }
            for at in times {
                refuses(&alice, path, &BASE64_URL_SAFE_NO_PAD.encode(format!("{at}\nx"))).await;
                // Even from whoever has computed the digest.
                refuses(&alice, path, &list(path, route).cursor(&Forged(&format!("{at}\nx")))).await;
            }
        }
        let at = "9999-12-31T23:59:59.999Z".parse().unwrap();
        for (path, route) in LISTS.into_iter().filter(|(path, _)| *path != "/servers") {
            let cursor = list(path, route).cursor(&Cursor { at, id: "x".to_owned() });
            alice.get(&format!("{path}?cursor={cursor}")).await.expect(200);
        }
        // After a task that is not in the part of the list that the cursor names.
        let servers = list("/servers", "GET /servers");
        let id = |id: &str| id.parse().unwrap();
        for (segment, after) in
            [(Segment::From(id("8")), "1"), (Segment::Before(id("3")), "9"), (Segment::Before(id("3")), "3")]
        {
            let made_up = servers.cursor(&RingCursor { segment, after: Some(id(after)) });
            refuses(&alice, "/servers", &made_up).await;
        }
        let cursor = servers.cursor(&RingCursor { segment: Segment::From(id("8")), after: Some(id("9")) });
        alice.get(&format!("/servers?cursor={cursor}")).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_limit_that_is_none_or_is_given_twice_is_refused_by_every_list() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        for (path, _) in LISTS {
            for query in
                ["limit=0", "limit=101", "limit=%2B5", "limit=5&limit=x", "limit=5&limit=5", "limit=5,5", "limit"]
            {
                let refused = alice.get(&format!("{path}?{query}")).await.expect_problem(400, "invalid-request").json();
                assert_eq!(refused["errors"].as_array().map(Vec::len), Some(1), "{path} {query}: {refused}");
                assert_eq!(refused["errors"][0]["field"], "limit", "{path} {query}: {refused}");
            }
            let all = alice.get(&format!("{path}?b=1&limit=0&cursor=x&cursor=x&a=1")).await;
            let all = all.expect_problem(400, "invalid-request").json();
            let named: Vec<_> = all["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
            assert_eq!(named, ["limit", "cursor", "a", "b"], "{path}: {all}");
        }
    })
    .await;
}
