//! What a participant token says, who signs it, and what happens when keys change.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use tests::{TestApp, eventually, p384_key_pair};

/// The secret with the key that signs.
fn signing_key(app: &TestApp) -> String {
    format!("{}/participant-signing-key", app.stack())
}

/// The claims, verified by a JWT library that the functions do not use, with the public key as IVS gives it back.
async fn verified(app: &TestApp, token: &str) -> (String, Value) {
    let header = decode_header(token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::ES384, Some("JWT")));
    let kid = header.kid.unwrap();
    let key = app.ivs().get_public_key().arn(&kid).send().await.unwrap();
    let pem = key.public_key().unwrap().public_key_material().unwrap().to_owned();
    let mut validation = Validation::new(Algorithm::ES384);
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp"]);
    let claims = decode::<Value>(token, &DecodingKey::from_ec_pem(pem.as_bytes()).unwrap(), &validation).unwrap();
    (kid, claims.claims)
}

#[tokio::test]
async fn a_token_verifies_against_the_imported_key_and_says_exactly_this() {
    TestApp::run(async |app| {
        let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json();
        let bob = app.user("bob");
        let body = json!({"durationMinutes": 90, "attributes": {"name": "Bob"}, "capabilities": ["SUBSCRIBE"]});
        let answer = app.mint(&bob, "demo", body).await.expect(201).json();
        let (kid, claims) = verified(app, answer["token"].as_str().unwrap()).await;
        assert!(kid.starts_with(&format!("arn:aws:ivs:{}:000000000000:public-key/", app.region())), "{kid}");
        let arn = stage["arn"].as_str().unwrap();
        let (exp, iat) = (claims["exp"].as_i64().unwrap(), claims["iat"].as_i64().unwrap());
        assert_eq!(exp - iat, 90 * 60);
        assert_eq!(
            claims,
            json!({
                "exp": exp, "iat": iat, "jti": answer["participantId"], "user_id": "bob",
                "resource": arn, "topic": arn.rsplit('/').next(),
                "events_url": stage["endpoints"]["events"], "whip_url": stage["endpoints"]["whip"],
                "capabilities": {"allow_subscribe": true}, "attributes": {"name": "Bob"}, "version": "1.0",
            })
        );
        let expires = time::OffsetDateTime::from_unix_timestamp(exp).unwrap();
        let shown = answer["expiresAt"].as_str().unwrap();
        let shown = time::OffsetDateTime::parse(shown, &time::format_description::well_known::Rfc3339).unwrap();
        assert_eq!(shown, expires);
    })
    .await;
}

#[tokio::test]
async fn an_exchanged_token_keeps_every_claim_that_ivs_wants_kept() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({"admission": "hosted"})).await.expect(201);
        let bob = app.user("bob");
        let watching = app.mint(&bob, "demo", json!({})).await.expect(201).json();
        // Endpoints that IVS gives anew do not go into a token of the same participant.
        app.set_stage_attribute("demo", "whipUrl", "https://elsewhere.example").await;
        alice
            .patch("/stages/demo/participants/bob", json!({"capabilities": ["PUBLISH", "SUBSCRIBE"]}))
            .await
            .expect(200);
        let speaking = app.mint(&bob, "demo", json!({"exchange": true})).await.expect(201).json();
        let (_, before) = verified(app, watching["token"].as_str().unwrap()).await;
        let (_, after) = verified(app, speaking["token"].as_str().unwrap()).await;
        // The web SDK compares these as texts, and another exchange is compared with the first token, too.
        let again = app.mint(&bob, "demo", json!({"exchange": true})).await.expect(201).json();
        let (_, again) = verified(app, again["token"].as_str().unwrap()).await;
        for claim in ["topic", "resource", "jti", "whip_url", "events_url", "version"] {
            assert_eq!((&before[claim], &before[claim]), (&after[claim], &again[claim]), "{claim}");
        }
        // A new participant has the stage's.
        let renewed = app.mint(&bob, "demo", json!({"renew": true})).await.expect(201).json();
        let (_, renewed) = verified(app, renewed["token"].as_str().unwrap()).await;
        assert_eq!(renewed["whip_url"], "https://elsewhere.example");
        assert_eq!(after["capabilities"], json!({"allow_publish": true, "allow_subscribe": true}));
    })
    .await;
}

#[tokio::test]
async fn endpoints_that_cannot_be_stored_are_in_the_token_nevertheless() {
    TestApp::run(async |app| {
        let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json();
        app.set_stage_attribute("demo", "whipUrl", "https://outdated.example").await;
        app.set_stage_attribute("demo", "endpointsFetchedAt", "2020-01-01T00:00:00.000Z").await;
        let throttled = json!({"kind": "throttle"});
        app.fault(json!({"service": "dynamodb", "operation": "UpdateItem", "times": null, "fault": throttled})).await;
        let given = app.mint(&app.user("bob"), "demo", json!({})).await.expect(201).json();
        let (_, claims) = verified(app, given["token"].as_str().unwrap()).await;
        assert_eq!(claims["whip_url"], stage["endpoints"]["whip"]);
        app.heal().await;
    })
    .await;
}

#[tokio::test]
async fn endpoints_older_than_ivs_allows_are_fetched_again() {
    TestApp::run(async |app| {
        let stage = app.user("alice").put("/stages/demo", json!({})).await.expect(201).json();
        app.set_stage_attribute("demo", "whipUrl", "https://outdated.example").await;
        app.set_stage_attribute("demo", "endpointsFetchedAt", "2020-01-01T00:00:00.000Z").await;
        let (answer, calls) = app.calls_of(app.mint(&app.user("bob"), "demo", json!({}))).await;
        let (_, claims) = verified(app, answer.expect(201).json()["token"].as_str().unwrap()).await;
        assert_eq!(claims["whip_url"], stage["endpoints"]["whip"]);
        assert!(calls.contains(&"ivs:GetStage".to_owned()), "{calls:?}");
        let (answer, calls) = app.calls_of(app.mint(&app.user("carol"), "demo", json!({}))).await;
        answer.expect(201);
        assert!(!calls.iter().any(|call| call.starts_with("ivs:")), "{calls:?}");
    })
    .await;
}

#[tokio::test]
async fn two_keys_are_valid_at_once_while_one_follows_the_other() {
    TestApp::run(async |app| {
        // The test asks for keys more often than IVS allows.
        app.quotas(json!({"GetPublicKey": 100, "ImportPublicKey": 100})).await;
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        let before = app.mint(&app.user("bob"), "demo", json!({})).await.expect(201).json();
        let (old_key, _) = verified(app, before["token"].as_str().unwrap()).await;

        // The next key: its public half to IVS, its private half as the secret's current version.
        let (private, public) = p384_key_pair();
        app.is_secret(&private);
        let imported = app.ivs().import_public_key().name("next").public_key_material(public).send().await.unwrap();
        let new_key = imported.public_key().unwrap().arn().unwrap().to_owned();
        let secret = json!({"keyId": new_key, "privateKey": private}).to_string();
        app.put_secret("participant-signing-key", secret).await;

        // An instance that knows the old key signs with it for a while; both kinds of token join.
        let still_old = app.mint(&app.user("carol"), "demo", json!({})).await.expect(201).json();
        assert_eq!(verified(app, still_old["token"].as_str().unwrap()).await.0, old_key);
        app.cloud().replace_instances();
        let after = app.mint(&app.user("dave"), "demo", json!({})).await.expect(201).json();
        assert_eq!(verified(app, after["token"].as_str().unwrap()).await.0, new_key);
        for token in [&before, &still_old, &after] {
            assert_eq!(app.join(token["token"].as_str().unwrap()).await["joined"], true);
        }
        // The current token of before, given again, is signed with the key of now.
        let again = app.mint(&app.user("bob"), "demo", json!({})).await.expect(200).json();
        assert_eq!(again["participantId"], before["participantId"]);
        assert_eq!(verified(app, again["token"].as_str().unwrap()).await.0, new_key);

        app.ivs().delete_public_key().arn(&old_key).send().await.unwrap();
        assert_eq!(app.join(before["token"].as_str().unwrap()).await["joined"], false);
        assert_eq!(app.join(again["token"].as_str().unwrap()).await["joined"], true);
    })
    .await;
}

#[tokio::test]
async fn without_a_key_ivs_mints_and_the_log_says_so() {
    TestApp::run(async |app| {
        let alice = app.user("alice");
        alice.put("/stages/demo", json!({})).await.expect(201);
        let delete =
            app.secrets_manager().delete_secret().secret_id(signing_key(app)).force_delete_without_recovery(true);
        delete.send().await.unwrap();
        let bob = app.user("bob");
        let (answer, calls) = app.calls_of(app.mint(&bob, "demo", json!({"attributes": {"name": "Bob"}}))).await;
        let minted = answer.expect(201).json();
        assert!(calls.contains(&"ivs:CreateParticipantToken".to_owned()), "{calls:?}");
        assert_eq!(minted["attributes"], json!({"name": "Bob"}));
        // The same token again, to the letter: it cannot be made a second time.
        let again = app.mint(&bob, "demo", json!({})).await.expect(200).json();
        assert_eq!(again, minted);
        assert_eq!(app.join(minted["token"].as_str().unwrap()).await["joined"], true);
        app.mint(&bob, "demo", json!({"exchange": true})).await.expect_problem(409, "exchange-not-supported");
        let line = eventually("the request is logged", async || {
            app.log_lines().into_iter().find(|line| line.contains("TokensMintedByIvs"))
        })
        .await;
        assert!(line.contains(r#""tokenOrigin":"ivs""#), "{line}");
        // What IVS minted is disconnected like any other.
        alice.delete("/stages/demo/participants/bob").await.expect(204);
        assert_eq!(app.join(minted["token"].as_str().unwrap()).await["code"], 10);
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_is_no_key_is_our_error_and_is_not_quoted() {
    TestApp::run(async |app| {
        app.user("alice").put("/stages/demo", json!({})).await.expect(201);
        for secret in ["hunter2", r#"{"keyId": "hunter2", "privateKey": "hunter2"}"#] {
            app.is_secret("hunter2");
            app.put_secret("participant-signing-key", secret).await;
            app.cloud().replace_instances();
            let failed = app.mint(&app.user("bob"), "demo", json!({})).await.expect_problem(500, "internal");
            assert!(!failed.text.contains("hunter2"), "{}", failed.text);
        }
    })
    .await;
}
