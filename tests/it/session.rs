//! Who publishes in a stage: as IVS tells, in whatever order, and as it answers when it is asked.

use serde_json::{Value, json};
use tests::{Caller, TestApp};

/// A stage of Alice's, with those who are in it.
struct Room<'a> {
    app: &'a TestApp,
    arn: String,
}

impl<'a> Room<'a> {
    async fn open(app: &'a TestApp) -> Self {
        let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json();
        Self { app, arn: stage["arn"].as_str().unwrap().to_owned() }
    }

    /// Somebody comes in with their own token: the participant and the session.
    async fn join(&self, user: &Caller) -> (String, String) {
        let token = self.app.mint(user, "demo", json!({})).await.json()["token"].clone();
        let joined = self.app.join(token.as_str().unwrap()).await;
        let text = |member: &str| joined[member].as_str().unwrap_or_else(|| panic!("{joined}")).to_owned();
        (text("participantId"), text("sessionId"))
    }

    fn path(&self, participant: &str) -> String {
        let stage = self.arn.rsplit('/').next().unwrap();
        format!("/_local/stages/{stage}/participants/{participant}")
    }

    /// The participant publishes, and the event is delivered. Answers it.
    async fn publish(&self, participant: &str) -> Value {
        let path = format!("{}/published?wait=true", self.path(participant));
        self.app.anonymous().put(&path, json!({})).await.expect(200).json()["events"][0].clone()
    }

    async fn stop(&self, participant: &str) -> Value {
        let path = format!("{}/published?wait=true", self.path(participant));
        self.app.anonymous().delete(&path).await.expect(200).json()["events"][0].clone()
    }

    async fn leave(&self, participant: &str) {
        self.app.anonymous().delete(&format!("{}?wait=true", self.path(participant))).await.expect(200);
    }

    /// What Bob is shown.
    async fn session(&self) -> Value {
        self.app.user("bob").get("/stages/demo/session").await.expect(200).json()
    }

    /// Who is listed, and whether they publish.
    async fn publishing(&self) -> Vec<(String, bool)> {
        let session = self.session().await;
        let listed = session["participants"].as_array().unwrap().iter();
        listed.map(|it| (it["userId"].as_str().unwrap().to_owned(), it["publishing"].as_bool().unwrap())).collect()
    }

    /// Lets news of the stage be old enough to be judged by a listing, or so old that it does not count by itself.
    async fn age(&self, minutes: u32) {
        for row in self.app.rows("stage-sessions").await {
            let key = ["stageArn", "participantId"].map(|name| (name.to_owned(), row[name].clone()));
            let ago = |attribute: &str| minutes_before(row[attribute].as_s().unwrap(), minutes);
            let mut changed = row.clone();
            for attribute in
                ["since", "firstPublished", "leaseUntil"].into_iter().filter(|name| row.contains_key(*name))
            {
                let at = ago(attribute);
                changed.insert(attribute.to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(at));
            }
            self.app.delete("stage-sessions", [key.into_iter().collect()]).await;
            self.app.fill("stage-sessions", [changed]).await;
        }
    }

    async fn reconcile(&self) {
        let answer = self.app.invoke("ReconcilerFunction", json!({"only": "sessions"}).to_string()).await;
        assert_eq!(answer, "null");
    }
}

/// A time of a row, so many minutes earlier, in the same form.
fn minutes_before(at: &str, minutes: u32) -> String {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    let earlier = OffsetDateTime::parse(at, &Rfc3339).unwrap() - time::Duration::minutes(minutes.into());
    let fraction = at.split_once('.').unwrap().1;
    let seconds = earlier.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap();
    format!("{}.{fraction}", seconds.trim_end_matches('Z'))
}

fn listed(users: &[(&str, bool)]) -> Vec<(String, bool)> {
    users.iter().map(|(user, publishing)| ((*user).to_owned(), *publishing)).collect()
}

/// Loses events of IVS, until the faults are taken back.
async fn lose(app: &TestApp, name: &str, times: Value) {
    let pattern = json!({"detail": {"event_name": [name]}});
    let fault = json!({"pattern": pattern, "times": times, "fault": {"kind": "lose"}});
    app.anonymous().put("/_local/events/faults", fault).await.expect(200);
}

async fn put(app: &TestApp, event: &Value) {
    app.anonymous().post("/_local/events?wait=true", event.clone()).await.expect(200);
}

#[tokio::test]
async fn a_stage_is_live_while_somebody_publishes() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let offline = json!({"state": "offline", "startedAt": null, "participants": []});
        assert_eq!(room.session().await, offline);
        let (alice, _) = room.join(&app.user("alice")).await;
        assert_eq!(room.session().await, offline);
        room.publish(&alice).await;
        let session = room.session().await;
        let since = session["participants"][0]["since"].clone();
        let expected = json!({
            "state": "live", "startedAt": since,
            "participants": [{"participantId": alice, "userId": "alice", "publishing": true, "since": since}],
        });
        assert_eq!(session, expected);
        let (bob, _) = room.join(&app.user("bob")).await;
        room.publish(&bob).await;
        room.stop(&alice).await;
        assert_eq!(room.publishing().await, listed(&[("alice", false), ("bob", true)]));
        assert_eq!(room.session().await["startedAt"], since);
        room.stop(&bob).await;
        assert_eq!(room.session().await["state"], "offline");
    })
    .await;
}

#[tokio::test]
async fn who_publishes_is_shown_to_those_who_may_come_in() {
    TestApp::run(async |app| {
        let (room, alice, bob) = (Room::open(app).await, app.user("alice"), app.user("bob"));
        let path = "/stages/demo/session";
        let (participant, _) = room.join(&bob).await;
        room.publish(&participant).await;
        assert_eq!(app.user("carol").get(path).await.expect(200).json()["participants"][0]["userId"], "bob");
        alice.patch("/stages/demo", json!({"doors": "closed"})).await.expect(200);
        bob.get(path).await.expect_problem(403, "stage-closed");
        alice.get(path).await.expect(200);
        alice.patch("/stages/demo", json!({"doors": "open"})).await.expect(200);
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        bob.get(path).await.expect_problem(403, "removed");
        alice.get("/stages/other/session").await.expect_problem(404, "not-found");
        alice.get("/stages/no%20name/session").await.expect_problem(400, "invalid-request");
    })
    .await;
}

#[tokio::test]
async fn who_is_removed_stops_to_publish() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let (bob, _) = room.join(&app.user("bob")).await;
        room.publish(&bob).await;
        let alice = app.user("alice");
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        let offline = async || {
            let session = alice.get("/stages/demo/session").await.expect(200).json();
            (session["state"] == "offline").then_some(())
        };
        tests::eventually("the event of the disconnect is delivered", offline).await;
    })
    .await;
}

#[tokio::test]
async fn events_in_any_order_and_number_end_as_the_last_one_says() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let (alice, _) = room.join(&app.user("alice")).await;
        lose(app, "Participant Published", Value::Null).await;
        lose(app, "Participant Unpublished", Value::Null).await;
        let mut told = Vec::new();
        for _ in 0..2 {
            told.extend([room.publish(&alice).await, room.stop(&alice).await]);
        }
        app.anonymous().delete("/_local/events/faults").await.expect(200);
        for order in [[3, 0, 1, 2], [2, 3, 3, 0], [1, 0, 3, 2]] {
            for index in order {
                put(app, &told[index]).await;
            }
            assert_eq!(room.publishing().await, listed(&[("alice", false)]), "{order:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_late_event_of_an_earlier_session_changes_nothing_in_a_later_one() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let user = app.user("alice");
        let (alice, earlier) = room.join(&user).await;
        room.publish(&alice).await;
        lose(app, "Participant Unpublished", json!(1)).await;
        let end = room.stop(&alice).await;
        room.leave(&alice).await;
        let (_, later) = room.join(&user).await;
        assert_ne!(earlier, later);
        room.publish(&alice).await;
        let before = room.session().await;
        put(app, &end).await;
        assert_eq!(room.session().await, before);
        assert_eq!(before["state"], "live");
    })
    .await;
}

#[tokio::test]
async fn who_left_without_a_word_is_gone_after_a_reconciliation() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let ((alice, _), (bob, _)) = (room.join(&app.user("alice")).await, room.join(&app.user("bob")).await);
        for participant in [&alice, &bob] {
            room.publish(participant).await;
        }
        lose(app, "Participant Unpublished", Value::Null).await;
        room.leave(&alice).await;
        assert_eq!(room.publishing().await, listed(&[("alice", true), ("bob", true)]));
        room.age(1).await;
        room.reconcile().await;
        assert_eq!(room.publishing().await, listed(&[("bob", true)]));
        // The last one takes the session with it.
        room.leave(&bob).await;
        room.reconcile().await;
        assert_eq!(room.session().await["participants"], json!([]));
        let rows = app.rows("stage-sessions").await;
        assert!(rows.iter().all(|row| !row.contains_key("presence") && row.contains_key("ttl")), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn who_began_without_a_word_is_found_by_a_reconciliation() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let (alice, _) = room.join(&app.user("alice")).await;
        lose(app, "Participant Published", json!(1)).await;
        room.publish(&alice).await;
        assert_eq!(room.session().await["state"], "offline");
        room.reconcile().await;
        assert_eq!(room.publishing().await, listed(&[("alice", true)]));
        // What is told of it yet is later.
        room.stop(&alice).await;
        assert_eq!(room.publishing().await, listed(&[("alice", false)]));
    })
    .await;
}

#[tokio::test]
async fn a_lease_ends_unless_ivs_confirms_it() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let (alice, _) = room.join(&app.user("alice")).await;
        room.publish(&alice).await;
        room.age(11).await;
        assert_eq!(room.session().await["state"], "offline");
        room.reconcile().await;
        assert_eq!(room.publishing().await, listed(&[("alice", true)]));
    })
    .await;
}

#[tokio::test]
async fn a_reconciliation_asks_about_stages_that_somebody_is_in_and_writes_what_is_new() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        app.user("alice").put("/stages/empty", json!({})).await.expect(201);
        let (_, calls) = app.calls_of(room.reconcile()).await;
        assert_eq!(calls, ["dynamodb:Query", "ivs:ListStages"]);
        let (alice, _) = room.join(&app.user("alice")).await;
        room.publish(&alice).await;
        room.age(1).await;
        let (_, calls) = app.calls_of(room.reconcile()).await;
        assert_eq!(calls, ["dynamodb:Query", "ivs:ListStages", "dynamodb:Query", "ivs:ListParticipants"]);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_dynamodb_refuses_is_delivered_again() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let (alice, _) = room.join(&app.user("alice")).await;
        for operation in ["GetItem", "PutItem"] {
            let refused = json!({"kind": "error", "status": 400, "code": "AccessDeniedException"});
            let function = "StreamTrackerFunction";
            app.fault(json!({"service": "dynamodb", "operation": operation, "function": function, "fault": refused}))
                .await;
        }
        let path = format!("{}/published?wait=true", room.path(&alice));
        let answer = app.anonymous().put(&path, json!({})).await.expect(200).json();
        assert_eq!(answer["deliveries"][0]["attempts"], 3, "{answer}");
        assert_eq!(room.publishing().await, listed(&[("alice", true)]));
    })
    .await;
}

#[tokio::test]
async fn a_reconciliation_that_ivs_or_dynamodb_refuses_fails_and_the_next_one_goes_on() {
    TestApp::run(async |app| {
        let room = Room::open(app).await;
        let (alice, _) = room.join(&app.user("alice")).await;
        room.publish(&alice).await;
        room.age(11).await;
        for (service, operation, nth) in [
            ("dynamodb", "Query", 1),
            ("dynamodb", "Query", 2),
            ("dynamodb", "PutItem", 1),
            ("ivs", "ListStages", 1),
            ("ivs", "ListParticipants", 1),
        ] {
            let refused = json!({"kind": "error", "status": 400, "code": "AccessDeniedException"});
            let function = "ReconcilerFunction";
            app.fault(json!({
                "service": service, "operation": operation, "function": function, "nth": nth, "fault": refused,
            }))
            .await;
            let answer = app.invoke(function, json!({"only": "sessions"}).to_string()).await;
            assert!(answer.contains("errorType"), "{operation} #{nth}: {answer}");
            app.heal().await;
            assert_eq!(room.session().await["state"], "offline", "{operation} #{nth}");
        }
        room.reconcile().await;
        assert_eq!(room.publishing().await, listed(&[("alice", true)]));
    })
    .await;
}
