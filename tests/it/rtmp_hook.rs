//! `POST /hooks/rtmp` and channels whose origin is `selfHosted`. What follows from what nginx tells is in
//! `model::self_hosted`, and nginx itself in tests/self-hosted.

use serde_json::{Value, json};
use tests::{Answer, Row, Setup, TestApp, concurrently};

const SECRET: &str = "the-forwarders-own-secret-of-this-test";

/// A deployment with an RTMP server of its own.
async fn run(test: impl AsyncFnOnce(&TestApp)) {
    setup()
        .run(async |app| {
            app.put_secret("rtmp-hook", SECRET).await;
            app.is_secret(SECRET);
            test(app).await;
        })
        .await;
}

fn setup() -> Setup {
    Setup::default()
        .parameter("SelfHostedIngestUrl", "rtmps://video.example.com:1936/live")
        .parameter("SelfHostedPlaybackUrl", "https://video.example.com/hls/{channel}.m3u8")
}

/// What nginx would tell of a connection.
struct Nginx<'a> {
    app: &'a TestApp,
    addr: &'static str,
    client_id: u64,
}

impl<'a> Nginx<'a> {
    fn outside(app: &'a TestApp, client_id: u64) -> Self {
        Self { app, addr: "192.0.2.7", client_id }
    }

    fn inside(app: &'a TestApp, client_id: u64) -> Self {
        Self { app, addr: "127.0.0.1", client_id }
    }

    async fn tell(&self, rest: &str) -> Answer {
        let (addr, client_id) = (self.addr, self.client_id);
        let common = "app=live&flashver=FMLE/3.0&swfurl=&tcurl=rtmp://video.example.com/live&pageurl=";
        let body = format!("{common}&addr={addr}&clientid={client_id}&call={rest}");
        hook(self.app, &[("x-hook-secret", SECRET), ("x-nginx-run", "run-1")], body).await
    }

    async fn publish(&self, name: &str) -> Answer {
        self.tell(&format!("publish&name={name}&type=live")).await
    }

    async fn update(&self, name: &str, seconds: u64) {
        let timestamp = seconds * 1000;
        self.tell(&format!("update_publish&time={seconds}&timestamp={timestamp}&name={name}")).await.expect(204);
    }

    async fn done(&self, name: &str) {
        self.tell(&format!("publish_done&name={name}")).await.expect(204);
    }
}

async fn hook(app: &TestApp, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let headers = [&[("content-type", "application/x-www-form-urlencoded")], headers].concat();
    app.anonymous().send("POST", "/hooks/rtmp", &headers, body.into()).await
}

async fn create(app: &TestApp, name: &str, options: Value) -> (Value, String) {
    let mut body = json!({"origin": "selfHosted"});
    body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let alice = app.user("alice");
    let channel = alice.put(&format!("/channels/{name}"), body).await.expect(201).json();
    let key = alice.get(&format!("/channels/{name}/stream-key")).await.expect(200).json();
    (channel, key["streamKey"].as_str().unwrap().to_owned())
}

async fn state(app: &TestApp, name: &str) -> Value {
    app.anonymous().get(&format!("/streams/{name}")).await.expect(200).json()["state"].clone()
}

#[tokio::test]
async fn a_self_hosted_channel_is_made_without_ivs_and_is_its_owners() {
    run(async |app| {
        let alice = app.user("alice");
        let (_, calls) = app.calls_of(alice.put("/channels/demo", json!({"origin": "selfHosted"}))).await;
        assert!(calls.iter().all(|call| call.starts_with("dynamodb:")), "{calls:?}");
        let channel = alice.get("/channels/demo").await.expect(200).json();
        let expected = json!({
            "name": "demo", "owner": "alice", "origin": "selfHosted", "qualities": ["source"], "private": false,
            "ingestUrl": "rtmps://video.example.com:1936/live",
            "playbackUrl": "https://video.example.com/hls/demo.m3u8", "createdAt": channel["createdAt"],
        });
        assert_eq!(channel, expected);
        assert_eq!(app.user("bob").put("/channels/demo", json!({})).await.expect(200).json(), channel);
        assert_eq!(alice.get("/channels").await.expect(200).json()["items"], json!([channel]));
        let path = "/channels/demo/stream-key";
        app.user("bob").get(path).await.expect_problem(403, "not-owner");
        app.user("bob").post(path, json!({})).await.expect_problem(403, "not-owner");
        let first = alice.get(path).await.expect(200).json();
        assert!(first["streamKey"].as_str().unwrap().starts_with("demo_"));
        let (rotated, calls) = app.calls_of(alice.post(path, json!({}))).await;
        assert_eq!(calls, ["dynamodb:GetItem", "dynamodb:UpdateItem"]);
        let rotated = rotated.expect(200).json();
        assert_ne!(rotated, first);
        assert_eq!(alice.get(path).await.expect(200).json(), rotated);
        alice.post("/channels/demo/playback-tokens", json!({})).await.expect_problem(409, "not-private");
        app.user("bob").delete("/channels/demo").await.expect_problem(403, "not-owner");
        alice.delete("/channels/demo").await.expect(204);
        alice.get("/channels/demo").await.expect_problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn options_that_do_not_go_together_or_differ_are_all_named() {
    run(async |app| {
        let alice = app.user("alice");
        let fields = |problem: Answer| -> Vec<String> {
            let errors = problem.json()["errors"].as_array().unwrap().clone();
            errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
        };
        let all = json!({"origin": "selfHosted", "type": "BASIC", "latencyMode": "LOW", "private": false});
        let problem = alice.put("/channels/demo", all).await.expect_problem(400, "invalid-request");
        assert_eq!(fields(problem), ["type", "latencyMode", "private"]);
        let problem = alice.put("/channels/demo", json!({"qualities": ["high"]})).await;
        assert_eq!(fields(problem.expect_problem(400, "invalid-request")), ["qualities"]);
        for qualities in [
            json!([]),
            json!(["a", "a"]),
            json!(["a b"]),
            json!("high"),
            json!((0..9).map(|n| format!("q{n}")).collect::<Vec<_>>()),
        ] {
            let body = json!({"origin": "selfHosted", "qualities": qualities});
            let problem = alice.put("/channels/demo", body).await.expect_problem(400, "invalid-request");
            assert_eq!(fields(problem), ["qualities"]);
        }
        let problem = alice.put("/channels/a%20b", json!({"origin": "mine", "qualities": [1]})).await;
        assert_eq!(fields(problem.expect_problem(400, "invalid-request")), ["channel", "origin", "qualities"]);
        let (channel, _) = create(app, "demo", json!({"qualities": ["high", "low"]})).await;
        let same = json!({"origin": "selfHosted", "qualities": ["high", "low"]});
        assert_eq!(alice.put("/channels/demo", same).await.expect(200).json(), channel);
        let ivs = json!({"origin": "ivs", "type": "BASIC", "latencyMode": "LOW", "private": true});
        let problem = alice.put("/channels/demo", ivs).await.expect_problem(409, "options-differ");
        assert_eq!(fields(problem), ["origin", "type", "latencyMode", "private"]);
        let other = json!({"origin": "selfHosted", "qualities": ["low", "high"]});
        let problem = alice.put("/channels/demo", other).await.expect_problem(409, "options-differ");
        assert_eq!(fields(problem), ["qualities"]);
        alice.put("/channels/of-ivs", json!({})).await.expect(201);
        let problem = alice.put("/channels/of-ivs", json!({"origin": "selfHosted", "qualities": ["x"]})).await;
        assert_eq!(fields(problem.expect_problem(409, "options-differ")), ["origin", "qualities"]);
    })
    .await;
}

#[tokio::test]
async fn without_a_server_of_its_own_a_deployment_hosts_nothing() {
    Setup::default()
        .parameter("SelfHostedIngestUrl", "")
        .parameter("SelfHostedPlaybackUrl", "")
        .run(async |app| {
            let alice = app.user("alice");
            let problem = alice.put("/channels/demo", json!({"origin": "selfHosted"})).await;
            problem.expect_problem(409, "self-hosted-not-supported");
            // The name is free.
            alice.put("/channels/demo", json!({})).await.expect(201);
        })
        .await;
}

#[tokio::test]
async fn the_hook_is_opened_by_its_secret_alone() {
    setup()
        .run(async |app| {
            let body = || "app=live".to_owned();
            // Nobody has given it a value.
            for headers in [&[][..], &[("x-hook-secret", "")], &[("x-hook-secret", SECRET)]] {
                hook(app, headers, body()).await.expect_problem(403, "hook-secret");
            }
            app.is_secret(SECRET);
            app.put_secret("rtmp-hook", SECRET).await;
            app.cloud().replace_instances();
            for wrong in ["", "x", &SECRET[1..], &format!("{SECRET}x")] {
                hook(app, &[("x-hook-secret", wrong)], body()).await.expect_problem(403, "hook-secret");
            }
            // It is read no further before.
            hook(app, &[("x-hook-secret", SECRET)], body()).await.expect_problem(400, "invalid-request");
            hook(app, &[("x-hook-secret", "x")], vec![b'x'; 20_000]).await.expect_problem(403, "hook-secret");
            hook(app, &[("x-hook-secret", SECRET)], vec![b'x'; 20_000]).await.expect_problem(413, "body-too-large");
            let run = [("x-hook-secret", SECRET), ("x-nginx-run", "a b")];
            hook(app, &run, body()).await.expect_problem(400, "invalid-request");
            let headers = [("x-hook-secret", SECRET), ("content-type", "application/x-www-form-urlencoded")];
            let path = "/hooks/rtmp?unknown=1";
            app.anonymous().send("POST", path, &headers, body()).await.expect_problem(400, "invalid-request");
            app.anonymous().send("POST", path, &headers[1..], body()).await.expect_problem(403, "hook-secret");
        })
        .await;
}

#[tokio::test]
async fn a_publisher_with_the_key_is_live_once_media_has_moved_and_offline_at_its_end() {
    run(async |app| {
        let (channel, key) = create(app, "demo", json!({})).await;
        let nginx = Nginx::outside(app, 1);
        let admitted = nginx.publish(&key).await.expect(302);
        assert_eq!((admitted.header("location"), admitted.text.as_str()), ("demo", ""));
        // Whether nginx has taken the answer is not known yet.
        assert_eq!(state(app, "demo").await, "offline");
        nginx.update(&key, 5).await;
        let stream = app.anonymous().get("/streams/demo").await.expect(200).json();
        assert_eq!((&stream["state"], &stream["playbackUrl"]), (&json!("live"), &channel["playbackUrl"]));
        assert!(stream["session"].as_str().unwrap().starts_with("sh-"), "{stream}");
        assert_eq!(app.anonymous().get("/streams").await.expect(200).json()["items"], json!([stream]));
        app.user("alice").delete("/channels/demo").await.expect_problem(409, "live");
        // A key that is replaced meanwhile opens nothing, and ends what it opened.
        let rotated = app.user("alice").post("/channels/demo/stream-key", json!({})).await.expect(200).json();
        nginx.update(&key, 30).await;
        assert_eq!(state(app, "demo").await, "live");
        nginx.done(&key).await;
        assert_eq!(state(app, "demo").await, "offline");
        assert_eq!(app.anonymous().get("/streams").await.expect(200).json()["items"], json!([]));
        nginx.publish(&key).await.expect_problem(403, "publisher-refused");
        nginx.publish(rotated["streamKey"].as_str().unwrap()).await.expect(302);
        nginx.done(rotated["streamKey"].as_str().unwrap()).await;
        app.user("alice").delete("/channels/demo").await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn it_is_live_with_its_last_quality_and_they_are_renamed() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({"qualities": ["high", "mid", "low"]})).await;
        for (client_id, quality) in [(1, "high"), (2, "mid"), (3, "low")] {
            assert_eq!(state(app, "demo").await, "offline");
            let (nginx, name) = (Nginx::outside(app, client_id), format!("{key}_{quality}"));
            let admitted = nginx.publish(&name).await.expect(302);
            assert_eq!(admitted.header("location"), format!("demo.{quality}"));
            nginx.update(&name, 5).await;
        }
        assert_eq!(state(app, "demo").await, "live");
        Nginx::outside(app, 4).publish(&format!("{key}_other")).await.expect_problem(403, "publisher-refused");
    })
    .await;
}

#[tokio::test]
async fn qualities_made_of_a_source_come_from_inside_alone() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({"qualities": ["high", "low"]})).await;
        Nginx::inside(app, 9).publish("demo.high").await.expect_problem(403, "publisher-refused");
        let source = Nginx::outside(app, 1);
        source.publish(&key).await.expect(302);
        Nginx::outside(app, 9).publish("demo.high").await.expect_problem(403, "publisher-refused");
        for (client_id, name) in [(2, "demo.high"), (3, "demo.low")] {
            Nginx::inside(app, client_id).publish(name).await.expect(204);
            Nginx::inside(app, client_id).update(name, 2).await;
        }
        source.update(&key, 5).await;
        assert_eq!(state(app, "demo").await, "live");
        source.done(&key).await;
        Nginx::inside(app, 2).update("demo.high", 9).await;
        assert_eq!(state(app, "demo").await, "offline");
    })
    .await;
}

#[tokio::test]
async fn trap_1_an_end_of_another_connection_or_run_ends_nothing() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        Nginx::outside(app, 1).publish(&key).await.expect(302);
        Nginx::outside(app, 1).update(&key, 5).await;
        // nginx tells of the end of whom it has refused, under the same name.
        Nginx::outside(app, 2).done(&key).await;
        let earlier = [("x-hook-secret", SECRET), ("x-nginx-run", "run-0")];
        let body = format!(
            "app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7&clientid=1&call=publish_done&name={key}"
        );
        hook(app, &earlier, body).await.expect(204);
        assert_eq!(state(app, "demo").await, "live");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_2_of_any_number_of_publishers_one_is_let_in_and_none_ends_it() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        let anonymous = app.anonymous();
        let answers = concurrently(8, |client_id| {
            let (anonymous, key) = (anonymous.clone(), key.clone());
            async move {
                let body = format!(
                    "app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7&clientid={client_id}&call=publish&\
                     name={key}&type=live"
                );
                let headers = [("x-hook-secret", SECRET), ("x-nginx-run", "run-1")];
                (client_id, anonymous.send("POST", "/hooks/rtmp", &headers, body).await)
            }
        });
        let mut admitted = Vec::new();
        for (client_id, answer) in answers.await {
            match answer.status {
                302 => admitted.push(u64::try_from(client_id).unwrap()),
                // Of so many at once, one may find the row written by others again and again.
                503 => {}
                _ => drop(answer.expect_problem(403, "on-air")),
            }
        }
        let [first] = admitted[..] else { panic!("{admitted:?} were let in") };
        Nginx::outside(app, first).update(&key, 5).await;
        Nginx::outside(app, 99).publish(&key).await.expect_problem(403, "on-air");
        assert_eq!(state(app, "demo").await, "live");
    })
    .await;
}

#[tokio::test]
async fn trap_3_what_a_publisher_appends_counts_for_nothing() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        let (_, other) = create(app, "other", json!({})).await;
        let nginx = Nginx::outside(app, 1);
        let wrong = format!("publish&name=demo_{}&type=live&name={key}", "0".repeat(40));
        nginx.tell(&wrong).await.expect_problem(403, "publisher-refused");
        let right = format!("publish&name={key}&type=live&name={other}&call=publish_done&clientid=7&addr=127.0.0.1");
        assert_eq!(nginx.tell(&right).await.expect(302).header("location"), "demo");
        nginx
            .tell(&format!("update_publish&time=5&timestamp=5000&name={key}&name={other}&x= \u{e9}"))
            .await
            .expect(204);
        assert_eq!((state(app, "demo").await, state(app, "other").await), (json!("live"), json!("offline")));
        // Bytes that are no text, as a publisher's URL may have them.
        let mut body = format!(
            "app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7&clientid=1&call=publish_done&name={key}&x="
        )
        .into_bytes();
        body.extend([0xff, b' ', 0xc0]);
        hook(app, &[("x-hook-secret", SECRET), ("x-nginx-run", "run-1")], body).await.expect(204);
        assert_eq!(state(app, "demo").await, "offline");
    })
    .await;
}

#[tokio::test]
async fn trap_5_no_other_redirect_is_answered_than_a_name() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        let nginx = Nginx::outside(app, 1);
        for rest in [
            "play&name=demo&start=0&duration=0&reset=0".to_owned(),
            "update_play&time=2&timestamp=1903&name=demo".to_owned(),
            format!("publish_done&name={key}"),
            format!("update_publish&time=2&timestamp=1903&name={key}"),
        ] {
            assert_eq!(nginx.tell(&rest).await.status, 204, "{rest}");
        }
    })
    .await;
}

#[tokio::test]
async fn trap_6_what_is_not_renewed_is_not_live_for_ever() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        Nginx::outside(app, 1).publish(&key).await.expect(302);
        Nginx::outside(app, 1).update(&key, 5).await;
        lapse(app).await;
        assert_eq!(state(app, "demo").await, "offline");
        assert_eq!(app.anonymous().get("/streams").await.expect(200).json()["items"], json!([]));
        // Somebody else may broadcast, and the row takes note of the end before.
        Nginx::outside(app, 2).publish(&key).await.expect(302);
        assert!(!stream(app).await.contains_key("listed"));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_renewed_is_taken_off_the_list_by_a_listing_of_ivs_and_stays_silent() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        let nginx = Nginx::outside(app, 1);
        nginx.publish(&key).await.expect(302);
        nginx.update(&key, 5).await;
        lapse(app).await;
        assert_eq!(app.invoke("ReconcilerFunction", r#"{"only": "streams"}"#).await, "null");
        let row = stream(app).await;
        assert_eq!((row["state"].as_s().unwrap().as_str(), row.contains_key("listed")), ("offline", false));
        assert_eq!(row["endedAt"].as_s().unwrap(), "2026-01-01T00:00:00.000Z");
        assert!(row.contains_key("ttl"));
        // nginx goes on to tell of it, without media; who it was is still known.
        nginx.update(&key, 5).await;
        assert_eq!(state(app, "demo").await, "offline");
        nginx.update(&key, 6).await;
        assert_eq!(state(app, "demo").await, "live");
    })
    .await;
}

#[tokio::test]
async fn trap_9_names_that_could_leave_their_folder_are_refused() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        for name in ["..%2Fdemo", "a/b", "demo%3Fx=1", "..", "", &format!("{key}/x"), &format!("{key}%2F..")] {
            Nginx::inside(app, 1).publish(name).await.expect_problem(403, "publisher-refused");
        }
    })
    .await;
}

#[tokio::test]
async fn a_channel_of_ivs_and_one_that_is_gone_have_no_publishers_here() {
    run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/of-ivs", json!({})).await.expect(201);
        let key = alice.get("/channels/of-ivs/stream-key").await.expect(200).json();
        let nginx = Nginx::outside(app, 1);
        nginx.publish(key["streamKey"].as_str().unwrap()).await.expect_problem(403, "publisher-refused");
        let (_, key) = create(app, "demo", json!({})).await;
        nginx.publish(&key).await.expect(302);
        alice.delete("/channels/demo").await.expect(204);
        nginx.update(&key, 5).await;
        app.anonymous().get("/streams/demo").await.expect_problem(404, "not-found");
        // The next channel of that name has nothing of it.
        let (_, next) = create(app, "demo", json!({})).await;
        assert_ne!(key, next);
        assert_eq!(state(app, "demo").await, "offline");
        nginx.publish(&key).await.expect_problem(403, "publisher-refused");
        // An encoder that was let in before goes on; it is on air in nobody else's channel.
        nginx.update(&key, 10).await;
        assert_eq!(state(app, "demo").await, "offline");
        Nginx::outside(app, 2).publish(&next).await.expect(302);
    })
    .await;
}

#[tokio::test]
async fn the_log_names_the_channel_of_whoever_is_refused_and_no_key() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        let (nginx, digits) = (Nginx::outside(app, 1), "0123456789".repeat(4));
        app.is_secret(&digits[..39]);
        nginx.publish(&format!("demo_{digits}")).await.expect_problem(403, "publisher-refused");
        nginx.publish(&format!("none_{digits}")).await.expect_problem(403, "publisher-refused");
        nginx.publish(&format!("{key}_other")).await.expect_problem(403, "publisher-refused");
        nginx.publish(&key).await.expect(302);
        Nginx::outside(app, 2).publish(&key).await.expect_problem(403, "on-air");
        // A digit is missing, and the name could be a channel's.
        Nginx::inside(app, 3)
            .publish(&format!("demo_{}", &digits[..39]))
            .await
            .expect_problem(403, "publisher-refused");
        let lines = tests::eventually("all are logged", async || {
            Some(app.log_of("rtmp-hook")).filter(|lines| lines.len() == 6)
        });
        let lines = lines.await;
        let refused: Vec<_> = lines.iter().filter(|line| line["status"] == 403).collect();
        let said: Vec<_> = refused.iter().map(|line| [&line["channel"], &line["quality"], &line["problem"]]).collect();
        let expected = json!([
            ["demo", "source", "publisher-refused"],
            ["none", "source", "publisher-refused"],
            ["demo", "other", "publisher-refused"],
            ["demo", "source", "on-air"],
            [null, null, "publisher-refused"],
        ]);
        assert_eq!(json!(said), expected);
    })
    .await;
}

#[tokio::test]
async fn when_dynamodb_or_secrets_manager_fail_nobody_is_let_in() {
    run(async |app| {
        let (_, key) = create(app, "demo", json!({})).await;
        let nginx = Nginx::outside(app, 1);
        for (service, operation) in
            [("secretsmanager", "GetSecretValue"), ("dynamodb", "BatchGetItem"), ("dynamodb", "PutItem")]
        {
            app.cloud().replace_instances();
            let throttle =
                json!({"service": service, "operation": operation, "times": null, "fault": {"kind": "throttle"}});
            app.fault(throttle).await;
            nginx.publish(&key).await.expect_problem(503, "unavailable");
            app.heal().await;
        }
        nginx.publish(&key).await.expect(302);
    })
    .await;
}

#[tokio::test]
async fn the_reconciler_leaves_self_hosted_channels_alone() {
    run(async |app| {
        let (channel, key) = create(app, "demo", json!({})).await;
        Nginx::outside(app, 1).publish(&key).await.expect(302);
        Nginx::outside(app, 1).update(&key, 5).await;
        assert_eq!(app.invoke("ReconcilerFunction", "{}").await, "null");
        assert_eq!(app.invoke("ReconcilerFunction", r#"{"only": "streams"}"#).await, "null");
        assert_eq!(app.user("alice").get("/channels/demo").await.expect(200).json(), channel);
        assert_eq!(state(app, "demo").await, "live");
    })
    .await;
}

/// The one row of what is on air.
async fn stream(app: &TestApp) -> Row {
    let rows = app.rows("streams").await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

/// Ends the lease of the one row of what is on air.
async fn lapse(app: &TestApp) {
    let mut row = stream(app).await;
    let over = aws_sdk_dynamodb::types::AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned());
    row.insert("leaseUntil".to_owned(), over.clone());
    let mut parts = row["parts"].as_l().unwrap().clone();
    for part in &mut parts {
        let mut fields = part.as_m().unwrap().clone();
        fields.insert("leaseUntil".to_owned(), over.clone());
        *part = aws_sdk_dynamodb::types::AttributeValue::M(fields);
    }
    row.insert("parts".to_owned(), aws_sdk_dynamodb::types::AttributeValue::L(parts));
    app.fill("streams", [row]).await;
}
