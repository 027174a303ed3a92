//! The keys that sign tokens, over the life of a stack: made, rotated, removed, whatever happens to the function that
//! does it. (`shared` has the rules by themselves, against every order of steps.)

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{Setup, TestApp, eventually, nth_of_each, p384_key_pair};

const FUNCTION: &str = "SigningKeysFunction";
const RETIRED_AT: &str = "greenroom:retired-at";

/// Tests ask for keys more often than IVS allows, and have more of them.
async fn without_limits(app: &TestApp) {
    let rates =
        ["ImportPublicKey", "ListPublicKeys", "DeletePublicKey", "GetPublicKey", "TagResource", "UntagResource"];
    let rates = rates.into_iter().chain(["ImportPlaybackKeyPair", "ListPlaybackKeyPairs", "DeletePlaybackKeyPair"]);
    let quotas = rates.chain(["publicKeys", "playbackKeyPairs"]).map(|name| (name.to_owned(), json!(1000)));
    app.quotas(Value::Object(quotas.collect())).await;
}

/// Public keys and playback keys in IVS: their ARNs with their tags.
async fn keys_in_ivs(app: &TestApp) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut keys = BTreeMap::new();
    let tags = |tags: Option<&std::collections::HashMap<String, String>>| {
        tags.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>()
    };
    let public_keys = app.at_once(app.ivs().list_public_keys().max_results(100).send()).await.unwrap();
    for key in public_keys.public_keys() {
        keys.insert(key.arn().unwrap().to_owned(), tags(key.tags()));
    }
    let pairs = app.at_once(app.ivs_low_latency().list_playback_key_pairs().max_results(100).send()).await.unwrap();
    for key in pairs.key_pairs() {
        keys.insert(key.arn().unwrap().to_owned(), tags(key.tags()));
    }
    keys
}

/// The key that a secret names, if any.
async fn current(app: &TestApp, secret: &str) -> Option<String> {
    let id = format!("{}/{secret}-signing-key", app.stack());
    let value = app.secrets_manager().get_secret_value().secret_id(id).send().await.unwrap();
    let value: Value = serde_json::from_str(value.secret_string().unwrap()).unwrap();
    value["keyId"].as_str().map(str::to_owned)
}

async fn both_current(app: &TestApp) -> [Option<String>; 2] {
    [current(app, "participant").await, current(app, "playback").await]
}

/// Instances ask for the key every second, so that the end of the keys waits no longer.
fn soon_forgotten() -> Setup {
    Setup::default().parameter("KeyCacheSeconds", "1")
}

/// Has the function look after its keys; answers whether it succeeded.
async fn order(app: &TestApp, order: Value) -> bool {
    app.invoke(FUNCTION, order.to_string()).await == "null"
}

/// What a request of the stack comes to: 200 with the function's answer, or 409 with its reason.
async fn stack_asks(app: &TestApp, request_type: &str) -> (u16, Value) {
    let answer =
        app.anonymous().post("/_local/custom-resources/SigningKeys", json!({"requestType": request_type})).await;
    (answer.status, answer.json())
}

/// Has the secret of participant tokens hold a key that an operator made, and answers its ARN.
async fn put_own_key(app: &TestApp) -> String {
    let (private, public) = p384_key_pair();
    app.is_secret(&private);
    let imported = app.ivs().import_public_key().public_key_material(public).send().await.unwrap();
    let arn = imported.public_key().unwrap().arn().unwrap().to_owned();
    let value = json!({"keyId": arn, "privateKey": private}).to_string();
    app.put_secret("participant-signing-key", value).await;
    arn
}

/// A new participant token.
async fn token(app: &TestApp, user: &str) -> String {
    let minted = app.mint(&app.user(user), "demo", json!({"renew": true})).await.expect(201).json();
    minted["token"].as_str().unwrap().to_owned()
}

async fn joins(app: &TestApp, token: &str) -> bool {
    app.join(token).await["joined"] == true
}

/// A new URL that plays a private channel.
async fn playback_url(app: &TestApp) -> Value {
    app.user("bob").post("/channels/demo/playback-tokens", json!({})).await.expect(201).json()["playbackUrl"].clone()
}

async fn plays(app: &TestApp, url: &Value) -> bool {
    app.anonymous().post("/_local/play", json!({"playbackUrl": url})).await.expect(200).json()["plays"] == true
}

async fn make_stage_and_channel(app: &TestApp) {
    app.user("alice").put("/stages/demo", json!({})).await.expect(201);
    app.user("alice").put("/channels/demo", json!({"private": true})).await.expect(201);
}

#[tokio::test]
async fn a_new_stack_has_a_key_of_each_kind_that_nobody_made_by_hand() {
    TestApp::run(async |app| {
        let keys = keys_in_ivs(app).await;
        assert_eq!(keys.len(), 2);
        for key in both_current(app).await {
            let tags = &keys[&key.unwrap()];
            assert_eq!(tags["greenroom:stack"], app.stack());
            assert!(tags.contains_key("greenroom:signs-since") && !tags.contains_key(RETIRED_AT), "{tags:?}");
        }
        let line = eventually("the run is logged", async || app.log_of("signing-keys").pop()).await;
        assert_eq!((&line["KeysMade"], &line["requestType"]), (&json!(2), &json!("Create")));
    })
    .await;
}

#[tokio::test]
async fn tokens_of_before_during_and_after_a_rotation_verify_until_none_can_need_the_key() {
    TestApp::run(async |app| {
        without_limits(app).await;
        make_stage_and_channel(app).await;
        let before = both_current(app).await;
        let (old_token, old_url) = (token(app, "bob").await, playback_url(app).await);
        assert!(order(app, json!({"rotate": true})).await);
        let after = both_current(app).await;
        assert!(before.iter().zip(&after).all(|(before, after)| before != after));
        // An instance that has not heard of it signs with the earlier key for a while.
        let (late_token, late_url) = (token(app, "carol").await, playback_url(app).await);
        app.cloud().replace_instances();
        let (new_token, new_url) = (token(app, "dave").await, playback_url(app).await);
        for token in [&old_token, &late_token, &new_token] {
            assert!(joins(app, token).await);
        }
        for url in [&old_url, &late_url, &new_url] {
            assert!(plays(app, url).await);
        }

        // A token lives 14 days at most. Fourteen days after it was replaced, the earlier key is there.
        let retire = async |days: i64| {
            for key in before.iter().flatten() {
                app.retire_key(key, days).await;
            }
        };
        retire(14).await;
        assert!(order(app, json!({})).await);
        assert!(joins(app, &old_token).await && plays(app, &old_url).await);
        // Sixteen days after, no token of it is valid.
        retire(16).await;
        assert!(order(app, json!({})).await);
        let keys: Vec<_> = keys_in_ivs(app).await.into_keys().map(Some).collect();
        assert_eq!(keys.len(), 2);
        assert!(after.iter().all(|key| keys.contains(key)));
        assert!(!joins(app, &old_token).await && joins(app, &new_token).await);
        assert!(!plays(app, &old_url).await && plays(app, &new_url).await);
    })
    .await;
}

#[tokio::test]
async fn a_fourth_key_has_no_place_and_the_present_one_goes_on() {
    TestApp::run(async |app| {
        make_stage_and_channel(app).await;
        let rates = json!({"ImportPublicKey": 100, "ListPublicKeys": 100, "ImportPlaybackKeyPair": 100});
        app.quotas(rates).await;
        assert!(order(app, json!({"rotate": true})).await && order(app, json!({"rotate": true})).await);
        let third = both_current(app).await;
        assert!(!order(app, json!({"rotate": true})).await);
        assert_eq!(both_current(app).await, third);
        let token = token(app, "bob").await;
        assert!(joins(app, &token).await);
    })
    .await;
}

#[tokio::test]
async fn a_stack_may_ask_any_number_of_times() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            make_stage_and_channel(app).await;
            let made = both_current(app).await;
            for request in ["Create", "Update", "Create"] {
                let (status, answer) = stack_asks(app, request).await;
                assert_eq!((status, &answer["Status"]), (200, &json!("SUCCESS")), "{answer}");
                assert_eq!(answer["PhysicalResourceId"], format!("{}-signing-keys", app.stack()));
                assert_eq!(both_current(app).await, made);
            }
            for _ in 0..2 {
                assert_eq!(stack_asks(app, "Delete").await.0, 200);
                assert!(keys_in_ivs(app).await.is_empty());
                assert_eq!(both_current(app).await, [None, None]);
            }
            // While there is no key, IVS mints, and the schedule leaves it at that: the stack is about to be gone.
            assert!(order(app, json!({})).await);
            assert!(keys_in_ivs(app).await.is_empty());
            app.cloud().replace_instances();
            let token = token(app, "bob").await;
            assert!(joins(app, &token).await);
            assert_eq!(stack_asks(app, "Create").await.0, 200);
            assert_eq!(keys_in_ivs(app).await.len(), 2);
        })
        .await;
}

#[tokio::test]
async fn keys_of_others_are_neither_counted_nor_touched() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            let (_, public) = p384_key_pair();
            let import = app.ivs().import_public_key().public_key_material(public).tags("greenroom:stack", "another");
            let foreign = import.send().await.unwrap().public_key().unwrap().arn().unwrap().to_owned();
            let (_, public) = p384_key_pair();
            let own =
                app.ivs_low_latency().import_playback_key_pair().public_key_material(public).send().await.unwrap();
            let own = own.key_pair().unwrap().arn().unwrap().to_owned();
            assert!(order(app, json!({"rotate": true})).await);
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            assert_eq!(keys_in_ivs(app).await.into_keys().collect::<Vec<_>>(), [own, foreign]);
        })
        .await;
}

#[tokio::test]
async fn a_key_that_a_deployer_put_there_signs_on_and_stays_when_it_is_followed() {
    TestApp::run(async |app| {
        without_limits(app).await;
        make_stage_and_channel(app).await;
        let by_hand = put_own_key(app).await;
        assert!(order(app, json!({})).await);
        assert_eq!(current(app, "participant").await.as_ref(), Some(&by_hand));
        app.cloud().replace_instances();
        let token = token(app, "bob").await;
        assert!(order(app, json!({"rotate": true})).await);
        assert_ne!(current(app, "participant").await.as_ref(), Some(&by_hand));
        assert!(keys_in_ivs(app).await.contains_key(&by_hand) && joins(app, &token).await);
    })
    .await;
}

#[tokio::test]
async fn an_update_that_is_rolled_back_leaves_an_operators_own_key_alone() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            make_stage_and_channel(app).await;
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            let own = put_own_key(app).await;
            // What CloudFormation asks for when `ManageSigningKeys` becomes true, and when that update fails elsewhere.
            assert_eq!(stack_asks(app, "Create").await.0, 200);
            assert_eq!(current(app, "participant").await.as_ref(), Some(&own));
            assert_eq!(keys_in_ivs(app).await.len(), 2);
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            assert_eq!(both_current(app).await, [Some(own.clone()), None]);
            assert_eq!(keys_in_ivs(app).await.into_keys().collect::<Vec<_>>(), [own]);
            app.cloud().replace_instances();
            let token = token(app, "bob").await;
            assert!(joins(app, &token).await);
        })
        .await;
}

#[tokio::test]
async fn an_operators_key_that_ivs_does_not_show_survives_an_update_that_is_rolled_back() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            let own = put_own_key(app).await;
            app.ivs().delete_public_key().arn(&own).send().await.unwrap();
            assert_eq!(stack_asks(app, "Create").await.0, 200);
            assert_eq!(current(app, "participant").await.as_ref(), Some(&own));
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            assert_eq!(both_current(app).await, [Some(own), None]);
        })
        .await;
}

#[tokio::test]
async fn an_operators_public_key_with_the_tag_of_the_stack_alone_is_not_removed() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            let (_, public) = p384_key_pair();
            let import = app.ivs().import_public_key().public_key_material(public).tags("greenroom:stack", app.stack());
            let tagged = import.send().await.unwrap().public_key().unwrap().arn().unwrap().to_owned();
            assert!(order(app, json!({})).await);
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            assert_eq!(keys_in_ivs(app).await.into_keys().collect::<Vec<_>>(), [tagged]);
        })
        .await;
}

#[tokio::test]
async fn no_token_is_signed_with_a_key_that_has_ended() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            make_stage_and_channel(app).await;
            // A warm instance, which knows the key.
            token(app, "bob").await;
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            let token = token(app, "bob").await;
            assert!(joins(app, &token).await);
        })
        .await;
}

#[tokio::test]
async fn a_secret_that_holds_no_key_keeps_no_stack_from_its_end_and_stays_as_it_is() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            app.put_secret("participant-signing-key", "no key at all").await;
            assert_eq!(stack_asks(app, "Update").await.0, 409);
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            assert!(keys_in_ivs(app).await.is_empty());
            let id = format!("{}/participant-signing-key", app.stack());
            let left = app.secrets_manager().get_secret_value().secret_id(id).send().await.unwrap();
            assert_eq!(left.secret_string(), Some("no key at all"));
            app.put_secret("participant-signing-key", "{}").await;
        })
        .await;
}

#[tokio::test]
async fn what_keeps_a_key_from_being_made_is_told_to_the_stack() {
    soon_forgotten()
        .run(async |app| {
            without_limits(app).await;
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            app.quotas(json!({"publicKeys": 0})).await;
            let (status, answer) = stack_asks(app, "Create").await;
            let reason = answer["message"].as_str().unwrap();
            assert_eq!(status, 409);
            assert!(
                reason.starts_with("Create of SigningKeys failed: ivs:ImportPublicKey failed with status 402"),
                "{reason}"
            );
            // The other kind is there nevertheless, and a roll-back removes it.
            assert_eq!(keys_in_ivs(app).await.len(), 1);
            assert_eq!(stack_asks(app, "Delete").await.0, 200);
            assert!(keys_in_ivs(app).await.is_empty());
        })
        .await;
}

/// The calls of a rotation, when nothing goes wrong.
async fn calls_of_a_rotation() -> Vec<(String, String, usize)> {
    let explore = Setup::default().explore(async |app| {
        without_limits(app).await;
        let (succeeded, made) = app.calls_of(order(app, json!({"rotate": true}))).await;
        assert!(succeeded);
        nth_of_each(&made)
    });
    explore.await
}

#[tokio::test]
async fn a_function_that_dies_at_any_call_costs_no_token_and_the_next_run_goes_on() {
    let calls = calls_of_a_rotation().await;
    assert!(calls.len() >= 14, "{calls:?}");
    TestApp::run(async |app| {
        without_limits(app).await;
        make_stage_and_channel(app).await;
        let mut given = Vec::new();
        for (service, operation, nth) in &calls {
            for when in ["before", "after"] {
                app.fault(json!({
                    "service": service, "operation": operation, "nth": nth, "function": FUNCTION,
                    "fault": {"kind": "kill", "when": when},
                }))
                .await;
                assert!(!order(app, json!({"rotate": true})).await, "{service}:{operation} {nth} {when}");
                app.heal().await;
                app.cloud().replace_instances();
                let keys = keys_in_ivs(app).await;
                for key in both_current(app).await {
                    assert!(key.is_some_and(|key| keys.contains_key(&key)), "{operation} {nth} {when}");
                }
                given.push((token(app, &format!("user-{}", given.len())).await, playback_url(app).await));
            }
        }
        assert!(order(app, json!({})).await);
        for (token, url) in &given {
            assert!(joins(app, token).await && plays(app, url).await);
        }
        // What signed nothing is gone once its maker's lease is over, and all else is on its way out.
        let signing = both_current(app).await;
        for (key, tags) in keys_in_ivs(app).await {
            if !tags.contains_key("greenroom:signs-since") {
                app.end_lease_of_key(&key).await;
            }
        }
        assert!(order(app, json!({})).await);
        for (key, tags) in keys_in_ivs(app).await {
            assert!(tags.contains_key(RETIRED_AT) || signing.contains(&Some(key)), "{tags:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_lost_after_its_effect_makes_no_second_key() {
    TestApp::run(async |app| {
        without_limits(app).await;
        for (service, operation) in [
            ("ivs", "ImportPublicKey"),
            ("ivs", "ImportPlaybackKeyPair"),
            ("secretsmanager", "PutSecretValue"),
            ("secretsmanager", "UpdateSecretVersionStage"),
        ] {
            let before = keys_in_ivs(app).await.len();
            app.fault(json!({"service": service, "operation": operation, "fault": {"kind": "drop", "when": "after"}}))
                .await;
            assert!(order(app, json!({"rotate": true})).await, "{operation}");
            app.until_faults_strike(1).await;
            app.heal().await;
            let keys = keys_in_ivs(app).await;
            assert_eq!(keys.len(), before + 2, "{operation}");
            assert!(both_current(app).await.iter().flatten().all(|key| keys.contains_key(key)), "{operation}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stack_without_managed_keys_has_none_and_ivs_mints() {
    Setup::default()
        .parameter("ManageSigningKeys", "false")
        .run(async |app| {
            make_stage_and_channel(app).await;
            assert!(keys_in_ivs(app).await.is_empty());
            let token = token(app, "bob").await;
            assert!(joins(app, &token).await);
            let refused = app.user("bob").post("/channels/demo/playback-tokens", json!({})).await;
            refused.expect_problem(409, "playback-not-supported");
        })
        .await;
}
