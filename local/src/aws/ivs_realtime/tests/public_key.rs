//! Public keys.

use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::*;

#[test]
fn a_key_is_answered_as_it_was_imported() {
    let service = empty();
    let pem = SigningKey::generate().public_pem();
    let imported = call(
        &service,
        "ImportPublicKey",
        json!({"publicKeyMaterial": pem, "name": "current", "tags": {"a": "b"}}),
    )["publicKey"]
        .clone();
    assert!(imported["arn"].as_str().unwrap().starts_with("arn:aws:ivs:eu-central-1:000000000000:public-key/"));
    assert_eq!((&imported["name"], &imported["publicKeyMaterial"]), (&json!("current"), &json!(pem)));
    let fingerprint: Vec<_> = imported["fingerprint"].as_str().unwrap().split(':').collect();
    assert!(fingerprint.len() == 16 && fingerprint.iter().all(|byte| byte.len() == 2), "{fingerprint:?}");
    assert_eq!(call(&service, "GetPublicKey", json!({"arn": imported["arn"]}))["publicKey"], imported);
    let listed = call(&service, "ListPublicKeys", json!({}))["publicKeys"].clone();
    assert_eq!(listed, json!([{"arn": imported["arn"], "name": "current", "tags": {"a": "b"}}]));
    assert_eq!(
        call(&service, "ListTagsForResource", json!({"resourceArn": imported["arn"]}))["tags"],
        json!({"a": "b"})
    );
}

#[test]
fn the_same_key_twice_is_a_conflict_however_it_is_written() {
    let service = empty();
    let pem = SigningKey::generate().public_pem();
    call(&service, "ImportPublicKey", json!({"publicKeyMaterial": pem}));
    for again in [pem.clone(), pem.replace('\n', "\r\n")] {
        assert_eq!(code(&service, "ImportPublicKey", json!({"publicKeyMaterial": again, "name": "again"})), CONFLICT);
    }
}

#[test]
fn a_fourth_key_is_one_too_many_until_one_is_deleted() {
    let service = empty();
    let arns: Vec<_> = (0..3).map(|_| import(&service, &SigningKey::generate())).collect();
    let fourth = SigningKey::generate();
    assert_eq!(code(&service, "ImportPublicKey", json!({"publicKeyMaterial": fourth.public_pem()})), QUOTA_EXCEEDED);
    call(&service, "DeletePublicKey", json!({"arn": arns[0]}));
    assert_eq!(code(&service, "GetPublicKey", json!({"arn": arns[0]})), NOT_FOUND);
    assert_eq!(code(&service, "DeletePublicKey", json!({"arn": arns[0]})), NOT_FOUND);
    import(&service, &fourth);
}

#[test]
fn only_the_pem_of_a_p384_public_key_is_imported() {
    let service = empty();
    let pem = SigningKey::generate().public_pem();
    let off_the_curve = {
        let mut der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
        *der.last_mut().unwrap() ^= 1;
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    };
    for material in [
        String::new(),
        "not a key".to_owned(),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
        "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----\n".to_owned(),
        "-----END PUBLIC KEY----------BEGIN PUBLIC KEY-----".to_owned(),
        pem.replace("PUBLIC", "PRIVATE"),
        pem.replace('\n', ""),
        SigningKey::on(&ECDSA_P256_SHA256_FIXED_SIGNING).public_pem(),
        off_the_curve,
    ] {
        assert_eq!(code(&service, "ImportPublicKey", json!({"publicKeyMaterial": material})), VALIDATION, "{material}");
    }
}
