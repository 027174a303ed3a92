//! `/stages` and `/stages/{stage}`: what each route answers.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Answer, Caller, Setup, TestApp, concurrently, nth_of_each};

#[tokio::test]
async fn a_stage_is_created_once_and_fetched_after() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let created = alice.put("/stages/demo", json!({})).await.expect(201);
        let stage = created.json();
        assert_eq!(created.header("content-type"), "application/json");
        assert_eq!(stage["name"], "demo");
        assert_eq!(stage["owner"], "alice");
        assert_eq!(stage["doors"], "open");
        assert_eq!(stage["admission"], "open");
        let arns = format!("arn:aws:ivs:{}:000000000000:stage/", app.region());
        assert!(stage["arn"].as_str().unwrap().starts_with(&arns), "{stage}");
        assert!(stage["endpoints"]["events"].as_str().unwrap().starts_with("wss://"), "{stage}");
        assert!(stage["endpoints"]["whip"].as_str().unwrap().starts_with("https://"), "{stage}");
        assert!(stage["createdAt"].as_str().unwrap().ends_with('Z'), "{stage}");
        assert_eq!(stage.as_object().unwrap().len(), 7, "{stage}");
        assert_eq!(alice.put("/stages/demo", json!({})).await.expect(200).json(), stage);
        assert_eq!(alice.get("/stages/demo").await.expect(200).json(), stage);
    })
    .await;
}

#[tokio::test]
async fn a_stage_needs_no_body() {
    TestApp::run(async |app| {
        app.user("alice").send("PUT", "/stages/demo", &[], "").await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_guest_fetches_the_stage_and_does_not_own_it() {
    TestApp::run(async |app| {
        let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json();
        let guest = app.user("bob");
        assert_eq!(guest.put("/stages/demo", json!({})).await.expect(200).json(), stage);
        guest.patch("/stages/demo", json!({"doors": "closed"})).await.expect_problem(403, "not-owner");
        guest.delete("/stages/demo").await.expect_problem(403, "not-owner");
    })
    .await;
}

#[tokio::test]
async fn options_that_differ_are_a_conflict_that_names_them() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({"admission": "hosted"})).await.expect(201);
        alice.put("/stages/demo", json!({"admission": "hosted"})).await.expect(200);
        alice.put("/stages/demo", json!({})).await.expect(200);
        let conflict = alice.put("/stages/demo", json!({"admission": "open"})).await;
        let problem = conflict.expect_problem(409, "options-differ").json();
        assert_eq!(problem["errors"], json!([{"field": "admission", "reason": "is hosted already, not open"}]));
    })
    .await;
}

#[tokio::test]
async fn the_owner_opens_and_closes_the_doors() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        let closed = alice.patch("/stages/demo", json!({"doors": "closed"})).await.expect(200).json();
        assert_eq!((&closed["doors"], &closed["admission"]), (&json!("closed"), &json!("open")));
        let hosted =
            alice.patch("/stages/demo", json!({"doors": "open", "admission": "hosted"})).await.expect(200).json();
        assert_eq!((&hosted["doors"], &hosted["admission"]), (&json!("open"), &json!("hosted")));
        assert_eq!(alice.get("/stages/demo").await.expect(200).json(), hosted);
        let nothing = alice.patch("/stages/demo", json!({})).await.expect_problem(400, "invalid-request");
        assert_eq!(fields(&nothing), ["doors", "admission"]);
        let ajar =
            alice.patch("/stages/demo", json!({"doors": "ajar"})).await.expect_problem(400, "invalid-request").json();
        assert_eq!(ajar["errors"], json!([{"field": "doors", "reason": "must be open or closed"}]));
        alice.patch("/stages/other", json!({"doors": "open"})).await.expect_problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn what_doors_were_called_before_is_an_unknown_field() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        for body in [json!({"live": false}), json!({"live": false, "admission": "hosted"})] {
            let problem = alice.patch("/stages/demo", body).await.expect_problem(400, "invalid-request");
            assert!(fields(&problem).contains(&"live".to_owned()), "{:?}", fields(&problem));
        }
        let stage = alice.get("/stages/demo").await.expect(200).json();
        assert_eq!((&stage["doors"], &stage["admission"]), (&json!("open"), &json!("open")));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_stage_is_gone_and_deleting_it_again_is_fine() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let first = alice.put("/stages/demo", json!({})).await.expect(201).json();
        alice.delete("/stages/demo").await.expect(204);
        alice.delete("/stages/demo").await.expect(204);
        alice.get("/stages/demo").await.expect_problem(404, "not-found");
        assert!(app.stages_in_ivs().await.is_empty());
        // The name is free, and its next first caller owns it.
        let second = app.user("bob").put("/stages/demo", json!({})).await.expect(201).json();
        assert_eq!(second["owner"], "bob");
        assert_ne!(first["arn"], second["arn"]);
    })
    .await;
}

#[tokio::test]
async fn a_stage_that_somebody_deleted_in_ivs_can_still_be_deleted_here() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let stage = alice.put("/stages/demo", json!({})).await.expect(201).json();
        app.ivs().delete_stage().arn(stage["arn"].as_str().unwrap()).send().await.unwrap();
        alice.delete("/stages/demo").await.expect(204);
        alice.get("/stages/demo").await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_list_holds_the_callers_own_stages_newest_first_page_by_page() {
    TestApp::run(async |app| {
        app.quotas(json!({"CreateStage": 1000})).await;
        let alice = app.user("alice");
        for n in 0..7 {
            alice.put(&format!("/stages/s{n}"), json!({})).await.expect(201);
        }
        app.user("bob").put("/stages/not-hers", json!({})).await.expect(201);
        let mut names = Vec::new();
        let mut path = "/stages?limit=3".to_owned();
        let mut pages = 0;
        loop {
            let page = alice.get(&path).await.expect(200).json();
            pages += 1;
            names.extend(page["items"].as_array().unwrap().iter().map(|stage| stage["name"].clone()));
            let Some(cursor) = page["cursor"].as_str() else { break };
            path = format!("/stages?limit=3&cursor={cursor}");
        }
        assert_eq!(names, ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]);
        assert_eq!(pages, 3);
        assert_eq!(app.user("carol").get("/stages").await.expect(200).json(), json!({"items": []}));
    })
    .await;
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let bad = alice.put("/stages/no%20spaces", json!({"admission": "closed", "colour": "red"})).await;
        assert_eq!(fields(&bad.expect_problem(400, "invalid-request")), ["stage", "admission", "colour"]);
        let bad = alice.get("/stages?limit=0&cursor=x").await;
        assert_eq!(fields(&bad.expect_problem(400, "invalid-request")), ["limit", "cursor"]);
        let long = format!("/stages/{}", "x".repeat(129));
        assert_eq!(fields(&alice.put(&long, json!({})).await.expect_problem(400, "invalid-request")), ["stage"]);
        alice.get("/stages/none").await.expect_problem(404, "not-found");
        assert!(app.stages_in_ivs().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_its_own_status() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let put = async |content_type: &str, body: String| {
            alice.send("PUT", "/stages/demo", &[("content-type", content_type)], body).await
        };
        put("text/plain", "{}".to_owned()).await.expect_problem(415, "unsupported-media-type");
        put("application/json", "{".to_owned()).await.expect_problem(400, "malformed-body");
        put("application/json", "[1]".to_owned()).await.expect_problem(400, "malformed-body");
        put("application/json", "\u{0}\u{1}".to_owned()).await.expect_problem(400, "malformed-body");
        put("application/json", format!("{{\"admission\": \"{}\"}}", "x".repeat(20_000)))
            .await
            .expect_problem(413, "body-too-large");
        put("application/json;charset=UTF-8", "{}".to_owned()).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_problem_carries_the_request_id_that_api_gateway_gave() {
    TestApp::run(async |app| {
        let answer = app.user("alice").get("/stages/none").await.expect(404);
        assert_eq!(answer.json()["instance"], answer.header("apigw-requestid"));
        assert!(!answer.header("apigw-requestid").is_empty());
    })
    .await;
}

#[tokio::test]
async fn health_is_open_and_calls_nothing() {
    TestApp::run(async |app| {
        let (health, calls) = app.calls_of(app.anonymous().get("/health")).await;
        assert_eq!(health.expect(200).json(), json!({"status": "ok", "version": "0.1.0"}));
        assert!(calls.is_empty(), "{calls:?}");
    })
    .await;
}

#[tokio::test]
async fn the_participants_of_a_deleted_stage_are_forgotten() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        for guest in 0..30 {
            app.mint(&app.user(&format!("guest-{guest}")), "demo", json!({})).await.expect(201);
        }
        alice.patch("/stages/demo/participants/troll", json!({"capabilities": ["SUBSCRIBE"]})).await.expect(200);
        alice.delete("/stages/demo/participants/troll").await.expect(204);
        assert_eq!(app.rows("participants").await.len(), 31);
        alice.delete("/stages/demo").await.expect(204);
        assert!(app.rows("participants").await.is_empty());
        // Who was removed from that stage is not removed from the next of its name.
        alice.put("/stages/demo", json!({})).await.expect(201);
        app.mint(&app.user("troll"), "demo", json!({})).await.expect(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_was_cut_short_at_any_aws_call_is_finished_by_the_next_caller() {
    let mut calls = Vec::new();
    TestApp::run(async |app| {
        let alice = stage_with_a_participant(app).await;
        calls = nth_of_each(&app.calls_of(alice.delete("/stages/demo")).await.1);
    })
    .await;
    assert!(calls.len() > 4, "{calls:?}");
    for (service, operation, nth) in calls {
        for when in ["before", "after"] {
            TestApp::run(async |app| {
                let context = format!("killed {when} {service}:{operation} #{nth}");
                let alice = stage_with_a_participant(app).await;
                let kill = json!({"kind": "kill", "when": when});
                app.fault(json!({"service": service, "operation": operation, "nth": nth, "fault": kill})).await;
                alice.delete("/stages/demo").await.expect(500);
                app.heal().await;
                // Before anything was decided, the stage is alice's as ever; after, somebody else's PUT finishes the
                // delete, and the name is theirs.
                let next = app.user("bob").put("/stages/demo", json!({})).await;
                match next.status {
                    200 => assert_eq!(next.json()["owner"], "alice", "{context}"),
                    201 => assert_eq!(next.json()["owner"], "bob", "{context}"),
                    status => panic!("{context}: {status} {}", next.text),
                }
                assert_eq!(app.stages_in_ivs().await.len(), 1, "{context}");
                assert_eq!(app.rows("participants").await.is_empty(), next.status == 201, "{context}");
            })
            .await;
        }
    }
}

async fn stage_with_a_participant(app: &TestApp) -> Caller {
    let alice = app.user("alice");
    alice.put("/stages/demo", json!({})).await.expect(201);
    app.mint(&alice, "demo", json!({})).await.expect(201);
    alice
}

#[tokio::test]
async fn a_slow_delete_takes_nothing_of_the_next_stage_of_that_name() {
    TestApp::run(async |app| {
        let alice = stage_with_a_participant(app).await;
        app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
        // The delete has listed the participants and is held up before it deletes their rows.
        app.hold(json!({"service": "dynamodb", "operation": "Query"}), "after").await;
        let next = async {
            assert!(app.stages_in_ivs().await.is_empty());
            // Meanwhile somebody finishes the delete and makes the next stage, where bob is barred.
            let carol = app.user("carol");
            carol.put("/stages/demo", json!({})).await.expect(201);
            carol.delete("/stages/demo/participants/bob").await.expect(204);
            app.mint(&app.user("dave"), "demo", json!({})).await.expect(201).json()
        };
        let (slow, token) = app.while_held(1, alice.delete("/stages/demo"), next).await.expect("a delete that lists");
        slow.expect(204);
        app.mint(&app.user("bob"), "demo", json!({})).await.expect_problem(403, "removed");
        let again = app.mint(&app.user("dave"), "demo", json!({})).await.expect(200).json();
        assert_eq!(again["participantId"], token["participantId"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deletes_all_succeed() {
    TestApp::run(async |app| {
        app.quotas(json!({"DeleteStage": 1000, "GetStage": 1000})).await;
        let alice = stage_with_a_participant(app).await;
        let deletes = concurrently(8, |_| {
            let alice = alice.clone();
            async move { alice.delete("/stages/demo").await }
        });
        for delete in deletes.await {
            delete.expect(204);
        }
        assert!(app.stages_in_ivs().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn nothing_depends_on_the_name_of_the_stack_or_on_the_parameters() {
    Setup::default()
        .stack_name("another")
        .parameter("JwtIssuer", "https://issuer.example")
        .parameter("JwtAudience", "https://api.example")
        .parameter("AppOrigin", "https://app.example")
        .parameter("SecondAppOrigin", "")
        .parameter("ChannelsKmsKeyArn", "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555")
        .run(async |app| {
            app.user("alice").put("/stages/demo", json!({})).await.expect(201);
            app.mint(&app.user("alice"), "demo", json!({})).await.expect(201);
            app.user("alice").put("/channels/demo", json!({})).await.expect(201);
            assert_eq!(app.rows("stages").await.len(), 1);
        })
        .await;
}

/// The fields that a problem names, in its order.
/// So many days and seconds ago.
fn ago(days: u64, seconds: u64) -> String {
    (model::Timestamp::now() - Duration::from_secs(days * 24 * 60 * 60 + seconds)).to_string()
}

#[tokio::test]
async fn endpoints_are_asked_of_ivs_anew_in_time_and_never_shown_when_they_are_older_than_it_allows() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let fresh = alice.put("/stages/demo", json!({})).await.expect(201).json()["endpoints"].clone();
        let age = async |at: String| {
            app.set_stage_attribute("demo", "whipUrl", "https://outdated.example").await;
            app.set_stage_attribute("demo", "endpointsFetchedAt", &at).await;
        };
        let shown = async || {
            [
                alice.get("/stages/demo").await.expect(200).json()["endpoints"].clone(),
                alice.put("/stages/demo", json!({})).await.expect(200).json()["endpoints"].clone(),
                alice.patch("/stages/demo", json!({"doors": "open"})).await.expect(200).json()["endpoints"].clone(),
                alice.get("/stages").await.expect(200).json()["items"][0]["endpoints"].clone(),
            ]
        };
        let throttle = json!({"service": "ivs", "operation": "GetStage", "times": null, "fault": {"kind": "throttle"}});
        let outdated = json!({"events": fresh["events"], "whip": "https://outdated.example"});
        age(ago(12, 23 * 60 * 60)).await;
        assert!(shown().await.iter().all(|endpoints| *endpoints == outdated), "before its time");
        // In the last of the 14 days they still do, for a token, too.
        app.fault(throttle.clone()).await;
        age(ago(13, 60)).await;
        assert!(shown().await.iter().all(|endpoints| *endpoints == outdated), "IVS is throttled");
        app.mint(&app.user("bob"), "demo", json!({})).await.expect(201);
        // After them they do not.
        age(ago(14, 60)).await;
        assert!(shown().await.iter().all(Value::is_null), "they are over");
        app.mint(&app.user("carol"), "demo", json!({})).await.expect_problem(503, "unavailable");
        app.heal().await;
        for of in 0..4 {
            age(ago(13, 60)).await;
            let endpoints = match of {
                0 => alice.get("/stages/demo").await.expect(200).json()["endpoints"].clone(),
                1 => alice.put("/stages/demo", json!({})).await.expect(200).json()["endpoints"].clone(),
                2 => {
                    alice.patch("/stages/demo", json!({"doors": "open"})).await.expect(200).json()["endpoints"].clone()
                }
                _ => alice.get("/stages").await.expect(200).json()["items"][0]["endpoints"].clone(),
            };
            assert_eq!(endpoints, fresh, "{of}");
        }
        let (answer, calls) = app.calls_of(alice.get("/stages/demo")).await;
        assert_eq!(answer.expect(200).json()["endpoints"], fresh);
        assert!(!calls.iter().any(|call| call.starts_with("ivs:")), "{calls:?}");
    })
    .await;
}

fn fields(answer: &Answer) -> Vec<String> {
    let problem: Value = answer.json();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["field"].as_str().unwrap_or_default().to_owned()).collect()
}
