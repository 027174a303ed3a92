//! `GET /servers`: transwrap servers that can take a broadcast, page by page.

use std::collections::BTreeSet;

use tests::{Fleet, Setup, TestApp};

#[tokio::test]
async fn no_servers_are_an_empty_list() {
    TestApp::run(async |app| {
        let empty = app.user("alice").get("/servers").await.expect(200);
        assert_eq!(empty.text, r#"{"items":[]}"#);
    })
    .await;
}

#[tokio::test]
async fn pages_of_any_size_cover_every_server_exactly_once() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        fleet.fill(23).await;
        let everyone = fleet.offered().await;
        assert_eq!(everyone.len(), 23);
        for limit in [1, 2, 7, 11, 22, 23, 24, 100] {
            // Each list begins elsewhere.
            for _ in 0..3 {
                let listed: Vec<_> = app.servers(limit).await;
                let distinct: BTreeSet<_> =
                    listed.iter().map(|server| server["taskId"].as_str().unwrap().to_owned()).collect();
                assert_eq!((listed.len(), &distinct), (23, &everyone), "pages of {limit}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn not_everyone_is_given_the_same_server_first() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        fleet.fill(5).await;
        // Whether all fit on the page or not.
        for limit in [2, 20] {
            // That one of the five has been first in none of 150 lists happens once in 10^13 times.
            let (mut first, mut lists) = (BTreeSet::new(), 0);
            while first.len() < 5 && lists < 150 {
                let page = app.user("alice").get(&format!("/servers?limit={limit}")).await.expect(200).json();
                first.insert(page["items"][0]["taskId"].as_str().unwrap().to_owned());
                lists += 1;
            }
            assert_eq!(first.len(), 5, "{lists} lists, {limit} servers each");
        }
    })
    .await;
}

#[tokio::test]
async fn the_url_of_a_server_is_as_the_deployer_has_it() {
    let template = "wss://{dashedIp}.live.example.com/{taskId}";
    Setup::default()
        .parameter("TranswrapUrl", template)
        .run(async |app| {
            let fleet = Fleet::new(app).await;
            let task = fleet.run_one().await;
            fleet.tell(task.last()).await;
            let expected = format!("wss://198-18-0-1.live.example.com/{}", task.id);
            assert_eq!(app.servers(100).await[0]["url"], expected);
        })
        .await;
}

#[tokio::test]
async fn a_cursor_or_limit_that_is_none_is_a_400_problem() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=many", "limit"),
            ("cursor=x", "cursor"),
            ("cursor=%00", "cursor"),
            ("cursor=ZnJvbQoK", "cursor"),
        ] {
            let refused = alice.get(&format!("/servers?{query}")).await.expect_problem(400, "invalid-request").json();
            assert_eq!(refused["errors"][0]["field"], field, "{query}: {refused}");
        }
        let both = alice.get("/servers?limit=0&cursor=x").await.expect_problem(400, "invalid-request").json();
        assert_eq!(both["errors"].as_array().map(Vec::len), Some(2), "{both}");
    })
    .await;
}

/// What the calls of 21 times `GET /servers?limit=20` cost, in capacity units each.
async fn cost_of_lists(app: &TestApp) -> Vec<f64> {
    let alice = app.user("alice");
    let since = app.anonymous().get("/_local/calls").await.expect(200).json()["next"].clone();
    for _ in 0..21 {
        alice.get("/servers?limit=20").await.expect(200);
    }
    let calls = app.anonymous().get(&format!("/_local/calls?since={since}")).await.expect(200).json();
    let calls = calls["calls"].as_array().unwrap();
    assert!(calls.iter().all(|call| call["operation"] == "Query"), "{calls:?}");
    calls.iter().map(|call| call["consumedCapacity"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn a_list_costs_the_same_among_ten_thousand_servers_as_among_ten() {
    TestApp::run(async |app| {
        let fleet = Fleet::new(app).await;
        fleet.fill(10).await;
        // What an instance learns by its first list, it knows from then on.
        app.servers(20).await;
        let few = cost_of_lists(app).await;
        assert_eq!(few.len(), 21, "{few:?}");
        fleet.fill(10_000).await;
        app.servers(100).await;
        let many = cost_of_lists(app).await;
        let dearest = |units: &[f64]| units.iter().copied().fold(0.0, f64::max);
        assert_eq!(dearest(&many), dearest(&few), "{few:?} and {many:?}");
        // A page that goes past the last server takes a second Query, which is one page of 500.
        assert!((21..=42).contains(&many.len()), "{many:?}");
    })
    .await;
}
