//! `/channels/{channel}/playback-tokens`: what the token says, and that the edge plays with it.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use tests::{TestApp, p384_key_pair};

/// The secret with the key that signs.
fn signing_key(app: &TestApp) -> String {
    format!("{}/playback-signing-key", app.stack())
}
const TOKENS: &str = "/channels/demo/playback-tokens";

async fn plays(app: &TestApp, url: &Value) -> Value {
    app.anonymous().post("/_local/play", json!({"playbackUrl": url})).await.expect(200).json()["plays"].clone()
}

#[tokio::test]
async fn a_private_channel_plays_with_a_token_and_not_without() {
    TestApp::run(async |app| {
        let channel = app.user("alice").put("/channels/demo", json!({"private": true})).await.expect(201).json();
        assert_eq!(plays(app, &channel["playbackUrl"]).await, false);
        let answer = app.user("bob").post(TOKENS, json!({"durationMinutes": 30})).await.expect(201);
        assert_eq!(answer.header("cache-control"), "no-store");
        let given = answer.json();
        assert_eq!(plays(app, &given["playbackUrl"]).await, true);
        let url = format!("{}?token={}", channel["playbackUrl"].as_str().unwrap(), given["token"].as_str().unwrap());
        assert_eq!(given["playbackUrl"], url);
    })
    .await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the clock of the local cloud is the system's")]
async fn a_token_verifies_against_the_imported_key_and_says_exactly_this() {
    TestApp::run(async |app| {
        let channel = app.user("alice").put("/channels/demo", json!({"private": true})).await.expect(201).json();
        // The key pair is this test's own, so that the public half is known.
        let (private, public) = p384_key_pair();
        let imported = app.ivs_low_latency().import_playback_key_pair().public_key_material(&public).send().await;
        let id = imported.unwrap().key_pair().unwrap().arn().unwrap().to_owned();
        let secret = json!({"keyId": id, "privateKey": private}).to_string();
        app.put_secret("playback-signing-key", secret).await;
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let given = app.user("bob").post(TOKENS, json!({"viewerId": "bob-1"})).await.expect(201).json();
        let token = given["token"].as_str().unwrap();
        let header = decode_header(token).unwrap();
        assert_eq!((header.alg, header.typ.as_deref(), header.kid), (Algorithm::ES384, Some("JWT"), None));
        let mut validation = Validation::new(Algorithm::ES384);
        validation.validate_aud = false;
        let key = DecodingKey::from_ec_pem(public.as_bytes()).unwrap();
        let claims = decode::<Value>(token, &key, &validation).unwrap().claims;
        let exp = claims["exp"].as_i64().unwrap();
        assert_eq!(claims, json!({"aws:channel-arn": channel["arn"], "aws:viewer-id": "bob-1", "exp": exp}));
        // With a viewer, ten minutes is the most that IVS takes.
        assert!((now + 600..=now + 615).contains(&exp), "{exp}");
        assert_eq!(plays(app, &given["playbackUrl"]).await, true);
    })
    .await;
}

#[tokio::test]
async fn limits_are_those_of_ivs() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/channels/demo", json!({"private": true})).await.expect(201);
        for (body, field) in [
            (json!({"durationMinutes": 11, "viewerId": "v"}), "durationMinutes"),
            (json!({"durationMinutes": 0}), "durationMinutes"),
            (json!({"viewerId": "x".repeat(41)}), "viewerId"),
            (json!({"viewerId": ""}), "viewerId"),
        ] {
            let bad = alice.post(TOKENS, body.clone()).await.expect_problem(400, "invalid-request").json();
            assert_eq!(bad["errors"][0]["field"], field, "{body}");
        }
        alice.post(TOKENS, json!({"durationMinutes": 10, "viewerId": "v"})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_public_channel_needs_no_token_and_without_a_key_there_is_none() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        let channel = alice.put("/channels/demo", json!({})).await.expect(201).json();
        assert_eq!(plays(app, &channel["playbackUrl"]).await, true);
        alice.post(TOKENS, json!({})).await.expect_problem(409, "not-private");
        alice.post("/channels/none/playback-tokens", json!({})).await.expect_problem(404, "not-found");
        alice.put("/channels/private", json!({"private": true})).await.expect(201);
        let delete =
            app.secrets_manager().delete_secret().secret_id(signing_key(app)).force_delete_without_recovery(true);
        delete.send().await.unwrap();
        alice.post("/channels/private/playback-tokens", json!({})).await.expect_problem(409, "playback-not-supported");
    })
    .await;
}
