//! Events of IVS: whatever order they come in, and however often, what is on air is right in the end; and what no event
//! tells, the reconciler's listing does.

use serde_json::{Value, json};
use tests::{Air, TestApp, eventually, nth_of_each};

/// Has calls of a function fail.
async fn fault(app: &TestApp, function: &str, operation: &str, nth: usize) {
    let service = if operation.ends_with("Item") || operation == "Query" { "dynamodb" } else { "ivs" };
    app.fault(json!({
        "service": service, "operation": operation, "function": function, "nth": nth, "times": null,
        "fault": {"kind": "error", "status": 400, "code": "AccessDeniedException"},
    }))
    .await;
}

async fn rows(app: &TestApp) -> Vec<tests::Row> {
    let mut rows = app.rows("streams").await;
    rows.sort_by_key(|row| row["channel"].as_s().unwrap().clone());
    rows
}

#[tokio::test]
async fn the_rule_hands_the_events_of_streams_to_the_tracker() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        app.anonymous().delete("/_local/events/faults").await;
        let show = air.channel("show", json!({})).await;
        for (event, is_for_it) in [
            (show.started("st-1", 5), true),
            (show.event("Starvation Start", "st-1", 4), true),
            (show.event("Stream Takeover", "st-1", 3), false),
            (json!({"source": "aws.ivs", "detail-type": "IVS Limit Breach", "detail": {"limit_name": "x"}}), false),
        ] {
            let told = app.anonymous().post("/_local/events?wait=true", event.clone()).await.expect(200).json();
            let deliveries = told["deliveries"].as_array().unwrap();
            let to_it = deliveries.iter().filter(|delivery| delivery["function"] == "StreamTrackerFunction");
            let ok: Vec<_> = to_it.map(|delivery| &delivery["ok"]).collect();
            assert_eq!(ok, if is_for_it { vec![&json!(true)] } else { vec![] }, "{event}");
        }
        let stream = air.of(&show).await;
        assert_eq!((&stream["state"], &stream["health"]), (&json!("live"), &json!("STARVING")));
    })
    .await;
}

#[tokio::test]
async fn the_end_of_an_earlier_session_does_not_end_a_later_one_and_no_start_brings_one_back() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        air.tell([show.started("st-1", 20), show.started("st-2", 10), show.ended("st-1", 11)]).await;
        assert_eq!(air.of(&show).await["session"], "st-2");
        air.tell([show.started("st-1", 20)]).await;
        assert_eq!(air.of(&show).await["session"], "st-2");
        air.tell([show.ended("st-2", 5), show.started("st-2", 10), show.started("st-1", 20)]).await;
        assert_eq!(air.of(&show).await["state"], "offline");
        // Hours late.
        air.tell([show.started("st-3", 7200)]).await;
        assert_eq!(air.of(&show).await["state"], "offline");
    })
    .await;
}

#[tokio::test]
async fn what_ivs_tells_of_others_may_have_any_form_and_fails_nothing() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        let mut failure = show.event("Stream Failure", "st-1", 5);
        failure["detail"]["stream_id"] = Value::Null;
        // Of a channel of ours, it is a fault; of one of the same name, and one without a name, it is not ours.
        let answer = app.invoke("StreamTrackerFunction", failure.to_string()).await;
        assert!(answer.contains("no valid stream_id"), "{answer}");
        let mut foreign = failure.clone();
        foreign["resources"][0] = format!("{}x", show.arn).into();
        let mut unnamed = failure;
        unnamed["detail"]["channel_name"] = Value::Null;
        unnamed["resources"] = Value::Null;
        let stage = json!({"source": "aws.ivs", "detail-type": "IVS Stage Update", "time": null, "resources": [7],
            "detail": {"event_name": "Participant Published", "session_id": 1}});
        air.tell([foreign, unnamed, stage]).await;
        let lines =
            eventually("all are logged", async || Some(app.log_of("stream-tracker")).filter(|lines| lines.len() == 4))
                .await;
        let said: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        let outcomes = ["failed", "not ours", "not ours", "unreadable"].map(|word| format!("stream-tracker {word}"));
        assert_eq!(said, outcomes);
        assert_eq!(lines[3]["UnreadableEvents"], 1);
    })
    .await;
}

#[tokio::test]
async fn the_log_says_what_came_of_each_event_and_counts_it() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        let events = [show.started("st-1", 9), show.started("st-1", 9), show.ended("st-1", 5), show.started("st-1", 9)];
        air.tell(events).await;
        let lines =
            eventually("all are logged", async || Some(app.log_of("stream-tracker")).filter(|lines| lines.len() == 4))
                .await;
        let said: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        let outcomes = ["recorded", "no news", "recorded", "stale"];
        assert_eq!(said, outcomes.map(|outcome| format!("stream-tracker {outcome}")));
        assert_eq!((&lines[0]["stream.id"], &lines[0]["channel"]), (&json!("st-1"), &json!("show")));
        let counts = ["StreamsStarted", "StreamsEnded", "StaleEvents"]
            .map(|name| lines.iter().filter_map(|line| line[name].as_u64()).sum::<u64>());
        assert_eq!(counts, [1, 1, 1]);
    })
    .await;
}

#[tokio::test]
async fn an_event_whose_row_cannot_be_read_or_written_fails_and_can_be_repeated() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        for operation in ["BatchGetItem", "PutItem"] {
            fault(app, "StreamTrackerFunction", operation, 1).await;
            let answer = app.invoke("StreamTrackerFunction", show.started("st-1", 9).to_string()).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["errorType"], "Internal", "{operation}: {answer}");
            app.heal().await;
        }
        assert_eq!(air.of(&show).await["state"], "offline");
        air.tell([show.started("st-1", 9)]).await;
        assert_eq!(air.of(&show).await["state"], "live");
    })
    .await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_made_once() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        let lost = json!({"kind": "drop", "when": "after"});
        let call =
            json!({"service": "dynamodb", "operation": "PutItem", "function": "StreamTrackerFunction", "fault": lost});
        app.fault(call).await;
        air.tell([show.started("st-1", 9)]).await;
        let line = eventually("the event is logged", async || app.log_of("stream-tracker").pop()).await;
        assert_eq!(line["message"], "stream-tracker recorded");
        assert_eq!(air.of(&show).await["state"], "live");
    })
    .await;
}

#[tokio::test]
async fn a_listing_makes_up_for_all_events_that_were_lost() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let (on, off, hidden_on, hidden_off, again) = (
            air.channel("on", json!({})).await,
            air.channel("off", json!({})).await,
            air.channel("hidden-on", json!({"private": true})).await,
            air.channel("hidden-off", json!({"private": true})).await,
            air.channel("again", json!({})).await,
        );
        // Begun without a word, over without a word, and begun anew without a word.
        let (session, later) = (air.begin(&on).await, air.begin(&again).await);
        air.begin(&hidden_on).await;
        air.tell([off.started("st-1", 60), hidden_off.started("st-2", 60), again.started("st-3", 60)]).await;
        air.reconciled().await;
        assert_eq!(air.sessions().await, [("again".to_owned(), later), ("on".to_owned(), session)].into());
        let stream = air.of(&on).await;
        assert_eq!((&stream["viewerCount"], &stream["health"]), (&json!(3), &json!("HEALTHY")));
        let states: Vec<_> = rows(app).await.iter().map(|row| row["state"].as_s().unwrap().clone()).collect();
        assert_eq!(states, ["live", "offline", "live", "offline", "live"]);
        let line = eventually("the run is logged", async || app.log_of("reconciler").pop()).await;
        let counts = ["StreamListings", "StreamsLive", "StreamsAdded", "StreamsRemoved"].map(|name| line[name].clone());
        assert_eq!(counts, [json!(1), json!(3), json!(2), json!(2)]);
        // The rest is not this schedule's.
        assert_eq!((&line["ServersOffered"], &line["Reconciliations"]), (&Value::Null, &Value::Null));
        for channel in [&on, &hidden_on, &again] {
            air.end(channel).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_listing_does_not_end_what_has_begun_since_or_is_too_new_for_it() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        // As if the listing had begun an hour before, however long it takes.
        air.tell([show.started("st-1", -3600)]).await;
        air.reconciled().await;
        assert_eq!(air.of(&show).await["state"], "live");
        // Nor does one that still has it bring back what has ended.
        let other = air.channel("other", json!({})).await;
        let session = air.begin(&other).await;
        air.tell([other.started(&session, 0), other.ended(&session, -3600)]).await;
        air.reconciled().await;
        assert_eq!(air.of(&other).await["state"], "offline");
        air.end(&other).await;
    })
    .await;
}

#[tokio::test]
async fn channels_of_others_are_asked_for_once_and_left_alone() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let own = air.channel("show", json!({})).await;
        // One with a name of ours, and one whose name none of ours could have.
        for name in ["show", "not a name"] {
            let made = app.ivs_low_latency().create_channel().name(name).send().await;
            let Ok(made) = made else { continue };
            let arn = made.channel().unwrap().arn().unwrap();
            let id = arn.rsplit('/').next().unwrap();
            app.anonymous().put(&format!("/_local/channels/{id}/live"), json!({})).await.expect(200);
        }
        let (ok, first) = app.calls_of(air.reconcile()).await;
        let (also_ok, second) = app.calls_of(air.reconcile()).await;
        assert!(ok && also_ok);
        let asked = |calls: &[String]| calls.iter().filter(|call| *call == "ivs:BatchGetChannel").count();
        assert_eq!((asked(&first), asked(&second)), (1, 0), "{first:?} {second:?}");
        assert_eq!(air.of(&own).await["state"], "offline");
        assert!(rows(app).await.is_empty());
        for arn in app.channels_in_ivs().await.into_iter().filter(|arn| *arn != own.arn) {
            let id = arn.rsplit('/').next().unwrap();
            app.anonymous().delete(&format!("/_local/channels/{id}/live")).await;
            app.ivs_low_latency().delete_channel().arn(arn).send().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn names_that_a_run_has_learnt_before_it_failed_are_known_to_the_next_one() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        // One more than one call tells of.
        for number in 0..51 {
            let made = app.ivs_low_latency().create_channel().name(format!("others-{number}")).send().await.unwrap();
            let id = made.channel().unwrap().arn().unwrap().rsplit('/').next().unwrap().to_owned();
            app.anonymous().put(&format!("/_local/channels/{id}/live"), json!({})).await.expect(200);
        }
        fault(app, "ReconcilerFunction", "BatchGetChannel", 2).await;
        assert!(!air.reconcile().await);
        app.heal().await;
        let (ok, calls) = app.calls_of(air.reconcile()).await;
        let asked = calls.iter().filter(|call| *call == "ivs:BatchGetChannel").count();
        assert_eq!((ok, asked), (true, 1), "{calls:?}");
        for arn in app.channels_in_ivs().await {
            let id = arn.rsplit('/').next().unwrap();
            app.anonymous().delete(&format!("/_local/channels/{id}/live")).await;
            app.ivs_low_latency().delete_channel().arn(arn).send().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_listing_that_is_not_complete_changes_nothing_and_the_run_fails() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let (on, off) = (air.channel("on", json!({})).await, air.channel("off", json!({})).await);
        air.begin(&on).await;
        air.tell([off.started("st-1", 60)]).await;
        let before = rows(app).await;
        let reads = ["Query", "ListStreams", "BatchGetChannel", "BatchGetItem"];
        for operation in reads {
            fault(app, "ReconcilerFunction", operation, 1).await;
            assert!(!air.reconcile().await, "{operation}");
            app.heal().await;
            assert_eq!(rows(app).await, before, "{operation}");
        }
        assert!(app.log_of("reconciler").iter().all(|line| line["StreamListings"].is_null()));
        let (ok, made) = app.calls_of(air.reconcile()).await;
        assert!(ok);
        let calls: Vec<_> = nth_of_each(&made).into_iter().map(|(_, operation, nth)| (operation, nth)).collect();
        // The run before has learnt whose channel it is.
        let expected = [("Query", 1), ("Query", 2), ("ListStreams", 1), ("BatchGetItem", 1)];
        let expected = expected.into_iter().chain([("PutItem", 1), ("PutItem", 2)]);
        assert_eq!(calls, expected.map(|(operation, nth)| (operation.to_owned(), nth)).collect::<Vec<_>>());
        air.end(&on).await;
    })
    .await;
}

#[tokio::test]
async fn two_runs_at_once_are_one() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let (on, off) = (air.channel("on", json!({})).await, air.channel("off", json!({})).await);
        let session = air.begin(&on).await;
        air.tell([off.started("st-1", 60)]).await;
        tokio::join!(air.reconciled(), air.reconciled(), air.reconciled());
        assert_eq!(air.sessions().await, [("on".to_owned(), session)].into());
        air.end(&on).await;
    })
    .await;
}
