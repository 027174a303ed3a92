//! Playback keys.

use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use serde_json::json;

use super::*;

#[test]
fn a_key_pair_is_answered_without_its_material() {
    let service = empty();
    let key = SigningKey::generate();
    let input = json!({"publicKeyMaterial": key.public_pem(), "name": "current", "tags": {"a": "b"}});
    let imported = call(&service, "ImportPlaybackKeyPair", input)["keyPair"].clone();
    assert!(imported["arn"].as_str().unwrap().starts_with("arn:aws:ivs:eu-central-1:000000000000:playback-key/"));
    let fingerprint: Vec<_> = imported["fingerprint"].as_str().unwrap().split(':').collect();
    assert!(fingerprint.len() == 16 && fingerprint.iter().all(|byte| byte.len() == 2), "{fingerprint:?}");
    let expected =
        json!({"arn": imported["arn"], "name": "current", "tags": {"a": "b"}, "fingerprint": imported["fingerprint"]});
    assert_eq!(imported, expected);
    assert_eq!(call(&service, "GetPlaybackKeyPair", json!({"arn": imported["arn"]}))["keyPair"], imported);
    let listed = call(&service, "ListPlaybackKeyPairs", json!({}))["keyPairs"].clone();
    assert_eq!(listed, json!([{"arn": imported["arn"], "name": "current", "tags": {"a": "b"}}]));
}

#[test]
fn the_same_key_twice_is_a_conflict() {
    let service = empty();
    let key = SigningKey::generate();
    import(&service, &key);
    assert_eq!(code(&service, "ImportPlaybackKeyPair", json!({"publicKeyMaterial": key.public_pem()})), CONFLICT);
}

#[test]
fn a_fourth_key_pair_is_one_too_many_until_one_is_deleted() {
    let service = empty();
    let arns: Vec<_> = (0..3).map(|_| import(&service, &SigningKey::generate())["arn"].clone()).collect();
    let fourth = SigningKey::generate();
    let input = json!({"publicKeyMaterial": fourth.public_pem()});
    assert_eq!(code(&service, "ImportPlaybackKeyPair", input), QUOTA_EXCEEDED);
    assert_eq!(call(&service, "DeletePlaybackKeyPair", json!({"arn": arns[0]})), json!({}));
    for operation in ["GetPlaybackKeyPair", "DeletePlaybackKeyPair"] {
        assert_eq!(code(&service, operation, json!({"arn": arns[0]})), NOT_FOUND);
    }
    import(&service, &fourth);
    assert_eq!(walk(&service, "ListPlaybackKeyPairs", json!({"maxResults": 2}), "keyPairs").len(), 3);
}

#[test]
fn only_the_pem_of_a_p384_public_key_is_imported() {
    let service = empty();
    let other_curve = SigningKey::on(&ECDSA_P256_SHA256_FIXED_SIGNING).public_pem();
    for material in ["", "not a key", other_curve.as_str()] {
        let input = json!({"publicKeyMaterial": material});
        assert_eq!(code(&service, "ImportPlaybackKeyPair", input), VALIDATION, "{material}");
    }
}
