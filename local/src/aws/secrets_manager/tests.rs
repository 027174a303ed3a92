//! The service through its calls.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::datetime};

use super::SecretsManager;
use crate::aws::service::{Requirement, Service, ServiceError};
use crate::plumbing::state_file::tests::TemporaryDirectory;

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00:00.5 UTC);
const ONE: &str = "11111111-1111-1111-1111-111111111111";
const TWO: &str = "22222222-2222-2222-2222-222222222222";
const THREE: &str = "33333333-3333-3333-3333-333333333333";

fn empty() -> SecretsManager {
    SecretsManager::open("eu-central-1", None).unwrap()
}

fn call(service: &SecretsManager, operation: &str, input: Value) -> Value {
    service.call(operation, &input, NOW).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
}

fn refusal(service: &SecretsManager, operation: &str, input: Value) -> ServiceError {
    let error = service.call(operation, &input, NOW).unwrap_err();
    assert_eq!(error.status, 400, "{error:?}");
    error
}

fn code(service: &SecretsManager, operation: &str, input: Value) -> &'static str {
    refusal(service, operation, input).code
}

fn with_secret() -> SecretsManager {
    let service = empty();
    call(&service, "CreateSecret", json!({"Name": "key", "ClientRequestToken": ONE, "SecretString": "one"}));
    service
}

fn put(service: &SecretsManager, id: &str, value: &str) -> Value {
    call(service, "PutSecretValue", json!({"SecretId": "key", "ClientRequestToken": id, "SecretString": value}))
}

fn value(service: &SecretsManager, mut which: Value) -> Value {
    which["SecretId"] = json!("key");
    call(service, "GetSecretValue", which)["SecretString"].clone()
}

#[test]
fn a_created_secret_can_be_read_by_name_and_by_arn() {
    let service = empty();
    let created = call(&service, "CreateSecret", json!({"Name": "app/key", "SecretString": "hunter2"}));
    let arn = created["ARN"].as_str().unwrap();
    let prefix = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:app/key";
    assert_eq!((&arn[..prefix.len()], arn.len()), (prefix, prefix.len() + 7));
    for id in ["app/key", arn, prefix] {
        let read = call(&service, "GetSecretValue", json!({"SecretId": id}));
        assert_eq!(read["SecretString"], "hunter2");
        assert_eq!(read["VersionId"], created["VersionId"]);
        assert_eq!(read["VersionStages"], json!(["AWSCURRENT"]));
        assert_eq!(read["CreatedDate"], json!(1_767_225_600.5));
    }
}

#[test]
fn a_binary_value_comes_back_as_it_was() {
    let service = empty();
    call(&service, "CreateSecret", json!({"Name": "key", "SecretBinary": "AAEC"}));
    let read = call(&service, "GetSecretValue", json!({"SecretId": "key"}));
    assert_eq!((&read["SecretBinary"], &read["SecretString"]), (&json!("AAEC"), &Value::Null));
}

#[test]
fn a_secret_without_a_value_says_so_in_the_words_of_aws() {
    let service = empty();
    service.declare("key", "");
    let error = refusal(&service, "GetSecretValue", json!({"SecretId": "key"}));
    assert_eq!(error.code, "ResourceNotFoundException");
    assert_eq!(error.message, "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT");
}

#[test]
fn a_declared_secret_has_one_arn_across_calls_resets_and_restarts() {
    let directory = TemporaryDirectory::new();
    let service = SecretsManager::open("eu-central-1", Some(directory.file())).unwrap();
    let arn = service.declare("key", "the key");
    put(&service, ONE, "one");
    assert_eq!(service.declare("key", "the new key"), arn);
    assert_eq!(value(&service, json!({})), "one");

    let again = SecretsManager::open("eu-central-1", Some(directory.file())).unwrap();
    assert_eq!(again.declare("key", "the key"), arn);
    assert_eq!(value(&again, json!({})), "one");

    again.reset();
    assert_eq!(code(&again, "DescribeSecret", json!({"SecretId": "key"})), "ResourceNotFoundException");
    assert_eq!(again.declare("key", "the key"), arn);
    assert_eq!(code(&again, "GetSecretValue", json!({"SecretId": "key"})), "ResourceNotFoundException");
}

#[test]
fn labels_move_as_new_values_come() {
    let service = with_secret();
    assert_eq!(put(&service, TWO, "two")["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(value(&service, json!({})), "two");
    assert_eq!(value(&service, json!({"VersionStage": "AWSPREVIOUS"})), "one");
    put(&service, THREE, "three");
    assert_eq!(value(&service, json!({"VersionStage": "AWSPREVIOUS"})), "two");
    // A version without a label stays readable by its id.
    assert_eq!(value(&service, json!({"VersionId": ONE})), "one");
    let described = call(&service, "DescribeSecret", json!({"SecretId": "key"}));
    assert_eq!(described["VersionIdsToStages"], json!({THREE: ["AWSCURRENT"], TWO: ["AWSPREVIOUS"]}));
}

#[test]
fn a_put_repeated_with_its_token_is_the_same_put() {
    let service = with_secret();
    put(&service, TWO, "two");
    put(&service, THREE, "three");
    assert_eq!(put(&service, TWO, "two")["VersionId"], TWO);
    assert_eq!(value(&service, json!({})), "three");
    let other = json!({"SecretId": "key", "ClientRequestToken": TWO, "SecretString": "other"});
    assert_eq!(code(&service, "PutSecretValue", other), "ResourceExistsException");
}

#[test]
fn a_create_repeated_with_its_token_is_the_same_create() {
    let service = with_secret();
    let again = json!({"Name": "key", "ClientRequestToken": ONE, "SecretString": "one"});
    assert_eq!(call(&service, "CreateSecret", again)["VersionId"], ONE);
    for other in [
        json!({"Name": "key", "ClientRequestToken": ONE, "SecretString": "other"}),
        json!({"Name": "key", "ClientRequestToken": TWO, "SecretString": "one"}),
        json!({"Name": "key"}),
    ] {
        assert_eq!(code(&service, "CreateSecret", other), "ResourceExistsException");
    }
}

#[test]
fn a_pending_version_becomes_current_when_its_label_is_moved() {
    let service = with_secret();
    let pending = json!({
        "SecretId": "key", "ClientRequestToken": TWO, "SecretString": "two", "VersionStages": ["AWSPENDING"],
    });
    call(&service, "PutSecretValue", pending);
    assert_eq!(value(&service, json!({})), "one");
    let promote = |from: Value| {
        let label = "AWSCURRENT";
        json!({"SecretId": "key", "VersionStage": label, "RemoveFromVersionId": from, "MoveToVersionId": TWO})
    };
    assert_eq!(code(&service, "UpdateSecretVersionStage", promote(Value::Null)), "InvalidParameterException");
    assert_eq!(code(&service, "UpdateSecretVersionStage", promote(json!(TWO))), "InvalidParameterException");
    assert_eq!(code(&service, "UpdateSecretVersionStage", promote(json!(THREE))), "ResourceNotFoundException");
    call(&service, "UpdateSecretVersionStage", promote(json!(ONE)));
    assert_eq!(value(&service, json!({})), "two");
    assert_eq!(value(&service, json!({"VersionStage": "AWSPREVIOUS"})), "one");
    let take_off = |label: &str| json!({"SecretId": "key", "VersionStage": label, "RemoveFromVersionId": TWO});
    call(&service, "UpdateSecretVersionStage", take_off("AWSPENDING"));
    assert_eq!(code(&service, "UpdateSecretVersionStage", take_off("AWSCURRENT")), "InvalidParameterException");
}

#[test]
fn an_id_and_a_label_must_agree() {
    let service = with_secret();
    put(&service, TWO, "two");
    assert_eq!(value(&service, json!({"VersionId": TWO, "VersionStage": "AWSCURRENT"})), "two");
    let disagree = json!({"SecretId": "key", "VersionId": ONE, "VersionStage": "AWSCURRENT"});
    assert_eq!(code(&service, "GetSecretValue", disagree), "InvalidRequestException");
}

#[test]
fn an_update_changes_what_it_names() {
    let service = with_secret();
    call(&service, "UpdateSecret", json!({"SecretId": "key", "Description": "the key"}));
    assert_eq!(value(&service, json!({})), "one");
    let updated =
        call(&service, "UpdateSecret", json!({"SecretId": "key", "ClientRequestToken": TWO, "SecretString": "two"}));
    assert_eq!(updated["VersionId"], TWO);
    assert_eq!(value(&service, json!({})), "two");
    assert_eq!(call(&service, "DescribeSecret", json!({"SecretId": "key"}))["Description"], "the key");
}

#[test]
fn a_deleted_secret_can_be_restored_within_its_window() {
    let service = with_secret();
    let deleted = call(&service, "DeleteSecret", json!({"SecretId": "key", "RecoveryWindowInDays": 7}));
    assert_eq!(deleted["DeletionDate"], json!(1_767_225_600.5 + 7.0 * 86_400.0));
    assert_eq!(code(&service, "GetSecretValue", json!({"SecretId": "key"})), "InvalidRequestException");
    assert_eq!(code(&service, "DeleteSecret", json!({"SecretId": "key"})), "InvalidRequestException");
    assert_eq!(code(&service, "CreateSecret", json!({"Name": "key"})), "InvalidRequestException");
    assert_eq!(call(&service, "DescribeSecret", json!({"SecretId": "key"}))["DeletedDate"], json!(1_767_225_600.5));
    assert_eq!(call(&service, "ListSecrets", json!({}))["SecretList"], json!([]));
    let all = call(&service, "ListSecrets", json!({"IncludePlannedDeletion": true}));
    assert_eq!(all["SecretList"][0]["Name"], "key");

    call(&service, "RestoreSecret", json!({"SecretId": "key"}));
    assert_eq!(value(&service, json!({})), "one");

    call(&service, "DeleteSecret", json!({"SecretId": "key", "RecoveryWindowInDays": 7}));
    let too_late = service.call("RestoreSecret", &json!({"SecretId": "key"}), NOW + Duration::days(7)).unwrap_err();
    assert_eq!(too_late.code, "ResourceNotFoundException");
}

#[test]
fn a_forced_deletion_is_final_and_repeatable() {
    let service = with_secret();
    let force = json!({"SecretId": "key", "ForceDeleteWithoutRecovery": true});
    call(&service, "DeleteSecret", force.clone());
    assert_eq!(code(&service, "DescribeSecret", json!({"SecretId": "key"})), "ResourceNotFoundException");
    call(&service, "DeleteSecret", force);
    let both = json!({"SecretId": "key", "ForceDeleteWithoutRecovery": true, "RecoveryWindowInDays": 7});
    assert_eq!(code(&service, "DeleteSecret", both), "InvalidParameterException");
}

#[test]
fn tags_come_and_go() {
    let service = with_secret();
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
    call(&service, "TagResource", json!({"SecretId": "key", "Tags": tags}));
    call(&service, "UntagResource", json!({"SecretId": "key", "TagKeys": ["a", "never"]}));
    let described = call(&service, "DescribeSecret", json!({"SecretId": "key"}));
    assert_eq!(described["Tags"], json!([{"Key": "b", "Value": "2"}]));
    let many: Vec<_> = (0..50).map(|number| json!({"Key": number.to_string(), "Value": ""})).collect();
    assert_eq!(code(&service, "TagResource", json!({"SecretId": "key", "Tags": many})), "InvalidParameterException");
    let reserved = json!({"SecretId": "key", "Tags": [{"Key": "aws:x", "Value": ""}]});
    assert_eq!(code(&service, "TagResource", reserved), "InvalidParameterException");
}

#[test]
fn pages_walk_every_secret_once() {
    let service = empty();
    for number in 0..7 {
        service.declare(&format!("key-{number}"), "");
    }
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = call(&service, "ListSecrets", json!({"MaxResults": 3, "NextToken": token}));
        names.extend(page["SecretList"].as_array().unwrap().iter().map(|secret| secret["Name"].clone()));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(names, (0..7).map(|number| format!("key-{number}")).collect::<Vec<_>>());
    assert_eq!(code(&service, "ListSecrets", json!({"NextToken": "x"})), "InvalidNextTokenException");
}

#[test]
fn a_list_is_filtered_and_in_the_order_that_is_asked_for() {
    let service = empty();
    for (second, name, description, tag) in
        [(2, "app/one", "The first", "red"), (1, "app/two", "the second", "blue"), (0, "other", "Of others", "blue")]
    {
        let input = json!({"Name": name, "Description": description, "Tags": [{"Key": "Colour", "Value": tag}]});
        service
            .call("CreateSecret", &input, NOW + Duration::seconds(second))
            .unwrap_or_else(|error| panic!("{error:?}"));
    }
    let names = |input: Value| -> Vec<String> {
        let listed = call(&service, "ListSecrets", input)["SecretList"].clone();
        listed.as_array().unwrap().iter().map(|secret| secret["Name"].as_str().unwrap().to_owned()).collect()
    };
    let (one, two, other) = ("app/one", "app/two", "other");
    for (input, expected) in [
        (json!({}), vec![other, two, one]),
        (json!({"SortOrder": "desc"}), vec![one, two, other]),
        (json!({"SortBy": "name"}), vec![one, two, other]),
        (json!({"SortBy": "name", "SortOrder": "desc"}), vec![other, two, one]),
        (json!({"Filters": [{"Key": "name", "Values": ["app/", "x"]}]}), vec![two, one]),
        (json!({"Filters": [{"Key": "name", "Values": ["APP/"]}]}), vec![]),
        (json!({"Filters": [{"Key": "name", "Values": ["!app/o"]}]}), vec![other, two]),
        (json!({"Filters": [{"Key": "description", "Values": ["the"]}]}), vec![two, one]),
        (
            json!({"Filters": [{"Key": "tag-key", "Values": ["Col"]}, {"Key": "tag-value", "Values": ["blue"]}]}),
            vec![other, two],
        ),
        (json!({"Filters": [{"Key": "all", "Values": ["FIRST app"]}]}), vec![one]),
        (json!({"Filters": [{"Key": "owning-service", "Values": ["rds"]}]}), vec![]),
    ] {
        assert_eq!(names(input.clone()), expected, "{input}");
    }
    let first = call(&service, "ListSecrets", json!({"MaxResults": 2, "SortOrder": "desc"}));
    let rest = json!({"MaxResults": 2, "SortOrder": "desc", "NextToken": first["NextToken"]});
    assert_eq!(names(rest), [other]);
}

#[test]
fn bad_input_is_refused_with_its_reason() {
    let service = with_secret();
    for (operation, input, reason) in [
        ("CreateSecret", json!({}), "Value null at 'Name'"),
        ("CreateSecret", json!({"Name": "a b"}), "regular expression pattern"),
        ("CreateSecret", json!({"Name": "a", "SecretString": "s", "SecretBinary": "AA=="}), "both"),
        ("CreateSecret", json!({"Name": "a", "SecretBinary": "?"}), "not base64"),
        ("CreateSecret", json!({"Name": "a", "ClientRequestToken": "short"}), "length greater than or equal to 32"),
        ("CreateSecret", json!({"Name": "a", "SecretString": "s".repeat(65_537)}), "at most 65536 bytes"),
        ("PutSecretValue", json!({"SecretId": "key"}), "either SecretString or SecretBinary"),
        ("DeleteSecret", json!({"SecretId": "key", "RecoveryWindowInDays": 6}), "greater than or equal to 7"),
        ("TagResource", json!({"SecretId": "key", "Tags": [{"Value": "x"}]}), "'Tags.1.member.Key'"),
        ("ListSecrets", json!({"Filters": [{"Key": "colour", "Values": ["x"]}]}), "at 'Filters.1.member.Key'"),
        ("ListSecrets", json!({"SortOrder": "up"}), "at 'SortOrder'"),
    ] {
        let error = refusal(&service, operation, input);
        assert_eq!(error.code, "InvalidParameterException", "{error:?}");
        assert!(error.message.contains(reason), "{operation}: {}", error.message);
    }
}

#[test]
fn no_error_quotes_a_value() {
    let service = empty();
    for input in [
        json!({"Name": "a", "SecretString": "hunter2".repeat(20_000)}),
        json!({"Name": "a", "SecretString": ["hunter2"]}),
        json!({"Name": "a", "SecretBinary": "hunter2"}),
        json!("hunter2"),
    ] {
        let error = refusal(&service, "CreateSecret", input);
        assert!(!format!("{error:?}").contains("hunter2"), "{}", error.code);
    }
}

#[test]
fn an_operation_that_is_not_here_is_named() {
    let error = empty().call("RotateSecret", &json!({}), NOW).unwrap_err();
    assert_eq!((error.status, error.code), (404, "UnknownOperationException"));
    assert!(error.message.contains("RotateSecret"), "{}", error.message);
}

#[test]
fn a_call_requires_its_action_on_the_secrets_arn() {
    let service = with_secret();
    call(&service, "TagResource", json!({"SecretId": "key", "Tags": [{"Key": "team", "Value": "live"}]}));
    let arn = call(&service, "DescribeSecret", json!({"SecretId": "key"}))["ARN"].as_str().unwrap().to_owned();
    for id in ["key", arn.as_str()] {
        let expected = Requirement {
            action: "secretsmanager:GetSecretValue".to_owned(),
            resource: arn.clone(),
            resource_tags: [("team".to_owned(), "live".to_owned())].into(),
            ..Requirement::default()
        };
        assert_eq!(service.requirements("GetSecretValue", &json!({"SecretId": id})), [expected]);
    }
    let unknown = service.requirements("GetSecretValue", &json!({"SecretId": "other"}));
    assert_eq!(unknown[0].resource, "arn:aws:secretsmanager:eu-central-1:000000000000:secret:other");
    assert_eq!(service.requirements("ListSecrets", &json!({}))[0].resource, "*");
    assert_eq!(service.requirements("GetSecretValue", &json!({"SecretId": 7}))[0].resource, "*");
}

#[test]
fn to_create_with_tags_requires_tagging_too() {
    let input = json!({"Name": "key", "Tags": [{"Key": "team", "Value": "live"}]});
    let required = empty().requirements("CreateSecret", &input);
    let actions: Vec<_> = required.iter().map(|requirement| requirement.action.as_str()).collect();
    assert_eq!(actions, ["secretsmanager:CreateSecret", "secretsmanager:TagResource"]);
    assert!(required.iter().all(|requirement| requirement.request_tags["team"] == "live"));
    assert_eq!(required[0].resource, "arn:aws:secretsmanager:eu-central-1:000000000000:secret:key-*");
}
