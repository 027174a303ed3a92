//! `GET /streams` and `GET /streams/{channel}`: what is on air, for anybody.

use serde_json::{Value, json};
use tests::{Air, Channel, TestApp, eventually, p384_key_pair};

/// What is told of a channel that is not on air.
fn offline(channel: &Channel) -> Value {
    json!({
        "channel": channel.name, "state": "offline", "startedAt": null, "viewerCount": null, "health": null,
        "playbackUrl": channel.playback_url, "session": null,
    })
}

async fn playback_token(app: &TestApp, channel: &Channel) -> String {
    let path = format!("/channels/{}/playback-tokens", channel.name);
    app.user("bob").post(&path, json!({})).await.expect(201).json()["token"].as_str().unwrap().to_owned()
}

/// The status of a channel's stream for whoever has this token.
async fn status_with(app: &TestApp, token: &str, channel: &Channel) -> u16 {
    app.anonymous().with_token(token).get(&format!("/streams/{}", channel.name)).await.status
}

#[tokio::test]
async fn nothing_on_air_is_an_empty_list() {
    TestApp::run(async |app| {
        let empty = app.anonymous().get("/streams").await.expect(200);
        assert_eq!((empty.text.as_str(), empty.header("cache-control")), (r#"{"items":[]}"#, "public, max-age=2"));
    })
    .await;
}

#[tokio::test]
async fn a_channel_is_live_from_its_start_to_its_end() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        let answer = app.anonymous().get("/streams/show").await.expect(200);
        assert_eq!(answer.json(), offline(&show));
        assert_eq!((answer.header("cache-control"), answer.header("vary")), ("public, max-age=2", "authorization"));

        let (session, started) = (air.begin(&show).await, show.started("st-1", 5));
        air.tell([started.clone()]).await;
        let expected = json!({
            "channel": "show", "state": "live", "startedAt": started["time"].as_str().unwrap().replace('Z', ".000Z"),
            "viewerCount": null, "health": null, "playbackUrl": show.playback_url, "session": "st-1",
        });
        assert_eq!(air.of(&show).await, expected);
        assert_eq!(air.listed(100).await, [expected]);
        assert_ne!(session, "st-1");

        air.end(&show).await;
        air.tell([show.ended("st-1", 4)]).await;
        assert_eq!(air.of(&show).await, offline(&show));
        assert!(air.listed(100).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn pages_of_any_size_cover_every_stream_exactly_once_the_latest_first() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let mut expected = Vec::new();
        for number in 0..9 {
            let show = air.channel(&format!("show-{number}"), json!({"private": number == 4})).await;
            air.tell([show.started(&format!("st-{number}"), 100 - number)]).await;
            if number != 4 {
                expected.insert(0, show.name);
            }
        }
        for limit in [1, 2, 3, 7, 8, 9, 100] {
            let listed = air.listed(limit).await;
            let names: Vec<_> = listed.iter().map(|stream| stream["channel"].as_str().unwrap()).collect();
            assert_eq!(names, expected, "pages of {limit}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_there_is_not_is_404_and_a_bad_name_is_400() {
    TestApp::run(async |app| {
        let anonymous = app.anonymous();
        anonymous.get("/streams/none").await.expect_problem(404, "not-found");
        let bad = anonymous.get("/streams/a%20b").await.expect_problem(400, "invalid-request").json();
        assert_eq!(bad["errors"][0]["field"], "channel");
        for (query, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor")] {
            let bad = anonymous.get(&format!("/streams?{query}")).await.expect_problem(400, "invalid-request").json();
            assert_eq!(bad["errors"][0]["field"], field, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_nobody_has_confirmed_for_too_long_is_offline_and_not_listed() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let show = air.channel("show", json!({})).await;
        air.tell([show.started("st-1", 5)]).await;
        let mut row = app.rows("streams").await.remove(0);
        let over = "2026-01-01T00:00:00.000Z".to_owned();
        row.insert("leaseUntil".to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(over));
        app.fill("streams", [row]).await;
        assert_eq!(air.of(&show).await, offline(&show));
        assert!(air.listed(100).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_private_channel_is_shown_to_its_playback_token_alone_and_never_listed() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let (hidden, other) = (
            air.channel("hidden", json!({"private": true})).await,
            air.channel("other", json!({"private": true})).await,
        );
        air.tell([hidden.started("st-1", 5)]).await;
        assert!(air.listed(100).await.is_empty());
        let none = app.anonymous().get("/streams/hidden").await.expect_problem(404, "not-found");
        // Nobody may keep it for those with the token.
        assert_eq!(none.header("cache-control"), "no-store");
        // Its owner's access token is none.
        app.user("alice").get("/streams/hidden").await.expect_problem(404, "not-found");

        let token = playback_token(app, &hidden).await;
        app.is_secret(&token);
        let caller = app.anonymous().with_token(&token);
        let answer = caller.get("/streams/hidden").await.expect(200);
        assert_eq!((&answer.json()["state"], &answer.json()["session"]), (&json!("live"), &json!("st-1")));
        assert_eq!((answer.header("cache-control"), answer.header("vary")), ("private, max-age=2", "authorization"));
        let scheme = [("authorization", format!("bearer {token}")), ("authorization", format!("Basic {token}"))];
        let mut statuses = Vec::new();
        for (name, value) in &scheme {
            statuses.push(app.anonymous().send("GET", "/streams/hidden", &[(*name, value.as_str())], "").await.status);
        }
        assert_eq!(statuses, [200, 404]);

        let others = playback_token(app, &other).await;
        for wrong in [others.as_str(), "rubbish", "a.b.c", &token[..token.len() - 4], &format!("{token}A")] {
            assert_eq!(status_with(app, wrong, &hidden).await, 404, "{wrong}");
        }
        // It makes no difference to a public channel.
        let open = air.channel("open", json!({})).await;
        assert_eq!(status_with(app, "rubbish", &open).await, 200);
    })
    .await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the clock of the functions is the system's")]
async fn a_playback_token_that_has_expired_or_that_another_key_has_signed_shows_nothing() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let hidden = air.channel("hidden", json!({"private": true})).await;
        let (private, public) = p384_key_pair();
        let imported = app.ivs_low_latency().import_playback_key_pair().public_key_material(&public).send().await;
        let id = imported.unwrap().key_pair().unwrap().arn().unwrap().to_owned();
        app.put_secret("playback-signing-key", json!({"keyId": id, "privateKey": private}).to_string()).await;
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let sign = |pem: &str, seconds: i64| {
            let key = jsonwebtoken::EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
            let claims = json!({"aws:channel-arn": hidden.arn, "exp": now + seconds});
            jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES384), &claims, &key).unwrap()
        };
        assert_eq!(status_with(app, &sign(&private, 3600), &hidden).await, 200);
        assert_eq!(status_with(app, &sign(&private, -1), &hidden).await, 404);
        assert_eq!(status_with(app, &sign(&p384_key_pair().0, 3600), &hidden).await, 404);
    })
    .await;
}

#[tokio::test]
async fn a_token_outlives_the_key_that_signed_it() {
    TestApp::run(async |app| {
        let hidden = Air::new(app).await.channel("hidden", json!({"private": true})).await;
        let token = playback_token(app, &hidden).await;
        assert_eq!(app.invoke("SigningKeysFunction", r#"{"rotate": true}"#).await, "null");
        app.cloud().replace_instances();
        assert_ne!(playback_token(app, &hidden).await, token);
        assert_eq!(status_with(app, &token, &hidden).await, 200);
    })
    .await;
}

#[tokio::test]
async fn without_a_signing_key_nobody_sees_a_private_channel() {
    TestApp::run(async |app| {
        let hidden = Air::new(app).await.channel("hidden", json!({"private": true})).await;
        let token = playback_token(app, &hidden).await;
        let secret = app.secrets_manager().delete_secret().secret_id(format!("{}/playback-signing-key", app.stack()));
        secret.force_delete_without_recovery(true).send().await.unwrap();
        assert_eq!(status_with(app, &token, &hidden).await, 404);
    })
    .await;
}

#[tokio::test]
async fn a_channel_made_again_under_the_name_does_not_show_the_earlier_ones_stream() {
    TestApp::run(async |app| {
        let (air, alice) = (Air::new(app).await, app.user("alice"));
        let first = air.channel("show", json!({})).await;
        air.tell([first.started("st-1", 5)]).await;
        alice.delete("/channels/show").await.expect(204);
        app.anonymous().get("/streams/show").await.expect_problem(404, "not-found");
        assert!(air.listed(100).await.is_empty());

        let second = air.channel("show", json!({})).await;
        assert_eq!(air.of(&second).await, offline(&second));
        assert!(air.listed(100).await.is_empty());
        // What is still said of the earlier one changes nothing; what is said of this one does.
        air.tell([first.started("st-2", 3), first.ended("st-1", 3)]).await;
        assert_eq!(air.of(&second).await, offline(&second));
        air.tell([second.started("st-3", 2), first.ended("st-2", 1), first.ended("st-3", 1)]).await;
        assert_eq!(air.of(&second).await["session"], "st-3");
        assert_eq!(air.listed(100).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_live_channel_that_cannot_be_deleted_and_one_whose_key_is_rotated_stay_live() {
    TestApp::run(async |app| {
        let (air, alice) = (Air::new(app).await, app.user("alice"));
        let show = air.channel("show", json!({})).await;
        let session = air.begin(&show).await;
        air.tell([show.started(&session, 5)]).await;
        alice.delete("/channels/show").await.expect_problem(409, "live");
        alice.post("/channels/show/stream-key", json!({})).await.expect(200);
        assert_eq!(air.of(&show).await["session"], session);
        assert_eq!(air.sessions().await.len(), 1);
        air.end(&show).await;
        // The end comes when the channel is gone.
        alice.delete("/channels/show").await.expect(204);
        air.tell([show.ended(&session, 1)]).await;
        assert_eq!(app.rows("streams").await[0]["state"].as_s().unwrap(), "offline");
    })
    .await;
}

#[tokio::test]
async fn without_a_token_that_names_it_a_private_channel_is_as_one_that_there_is_not() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let private = json!({"private": true});
        let (hidden, other) = (air.channel("hidden", private.clone()).await, air.channel("other", private).await);
        let others = playback_token(app, &other).await;
        let fault = json!({"kind": "throttle"});
        app.fault(json!({"service": "secretsmanager", "operation": "GetSecretValue", "times": null, "fault": fault}))
            .await;
        app.cloud().replace_instances();
        for token in ["", "rubbish", "a.b.c", &others] {
            let (there, calls) = app.calls_of(app.anonymous().with_token(token).get("/streams/hidden")).await;
            let (nowhere, none) = app.calls_of(app.anonymous().with_token(token).get("/streams/none")).await;
            let (there, nowhere) = (there.expect_problem(404, "not-found"), nowhere.expect_problem(404, "not-found"));
            assert_eq!(calls, ["dynamodb:BatchGetItem"], "{token}");
            assert_eq!(calls, none, "{token}");
            assert_eq!(there.json()["detail"], nowhere.json()["detail"]);
        }
        app.heal().await;
        assert_eq!(status_with(app, &playback_token(app, &hidden).await, &hidden).await, 200);
    })
    .await;
}

#[tokio::test]
async fn aws_calls_that_fail_are_answered_with_503() {
    TestApp::run(async |app| {
        let air = Air::new(app).await;
        let (show, hidden) =
            (air.channel("show", json!({})).await, air.channel("hidden", json!({"private": true})).await);
        air.tell([show.started("st-1", 5)]).await;
        let token = playback_token(app, &hidden).await;
        for (service, operation, path) in [
            ("dynamodb", "BatchGetItem", "/streams/show"),
            ("dynamodb", "BatchGetItem", "/streams"),
            ("dynamodb", "Query", "/streams"),
            ("secretsmanager", "GetSecretValue", "/streams/hidden"),
        ] {
            let fault = json!({"kind": "throttle"});
            app.fault(json!({"service": service, "operation": operation, "times": null, "fault": fault})).await;
            let caller = app.anonymous().with_token(&token);
            let answer = caller.get(path).await.expect_problem(503, "unavailable");
            assert!(!answer.header("retry-after").is_empty(), "{operation}");
            app.heal().await;
        }
        assert_eq!(status_with(app, &token, &hidden).await, 200);
    })
    .await;
}

#[tokio::test]
async fn nobody_needs_a_token_and_the_log_says_which_channel() {
    TestApp::run(async |app| {
        let show = Air::new(app).await.channel("show", json!({})).await;
        app.anonymous().get("/streams/show").await.expect(200);
        let line = eventually("the request is logged", async || app.log_of("stream").pop()).await;
        assert_eq!((&line["route"], &line["channel"]), (&json!("GET /streams/{channel}"), &json!(show.name)));
    })
    .await;
}
