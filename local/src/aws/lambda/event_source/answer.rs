//! Which messages of a batch failed, by the function's answer: `ReportBatchItemFailures`.
//!
//! After "Handling errors for an SQS event source in Lambda" in the developer guide, which lists what is a complete success
//! and what a complete failure. Of an answer that is neither a mapping nor null, it does not speak: here it is a failure.

use std::collections::BTreeSet;

use serde_json::Value;

/// The ids that the answer says have failed, of those in the batch.
///
/// # Errors
/// What is wrong with the answer: then all have failed.
pub(super) fn failures<'a>(answer: &[u8], batch: &BTreeSet<&'a str>) -> Result<BTreeSet<&'a str>, String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|_| "is not JSON".to_owned())?;
    let listed = match &answer {
        Value::Null => return Ok(BTreeSet::new()),
        Value::Object(answer) => answer.get("batchItemFailures").unwrap_or(&Value::Null),
        _ => return Err("is no mapping".to_owned()),
    };
    let listed = match listed {
        Value::Null => return Ok(BTreeSet::new()),
        Value::Array(listed) => listed,
        _ => return Err("has `batchItemFailures` that is no list".to_owned()),
    };
    let failed = listed.iter().map(|failure| match failure.get("itemIdentifier").and_then(Value::as_str) {
        None => Err("has a failure without `itemIdentifier`".to_owned()),
        Some(id) => batch.get(id).copied().ok_or_else(|| format!("names `{id}`, which is not in the batch")),
    });
    failed.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const BATCH: [&str; 3] = ["a", "b", "c"];

    fn of(answer: &str) -> Result<Vec<&'static str>, String> {
        failures(answer.as_bytes(), &BTreeSet::from(BATCH)).map(|failed| failed.into_iter().collect())
    }

    #[test]
    fn nothing_failed_where_nothing_is_listed() {
        for answer in
            ["null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, r#"{"failures":["a"]}"#]
        {
            assert_eq!(of(answer), Ok(Vec::new()), "{answer}");
        }
    }

    #[test]
    fn what_is_listed_failed_and_nothing_else() {
        assert_eq!(of(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#), Ok(vec!["b"]));
        let twice = r#"{"batchItemFailures":[{"itemIdentifier":"c"},{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}"#;
        assert_eq!(of(twice), Ok(vec!["a", "c"]));
    }

    #[test]
    fn an_answer_that_cannot_be_followed_fails_the_whole_batch() {
        for (answer, expected) in [
            ("", "is not JSON"),
            (r#"{"batchItemFailures":["#, "is not JSON"),
            (r#""done""#, "is no mapping"),
            ("[]", "is no mapping"),
            (r#"{"batchItemFailures":"a"}"#, "has `batchItemFailures` that is no list"),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, "names ``, which is not in the batch"),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, "has a failure without `itemIdentifier`"),
            (r#"{"batchItemFailures":[{"ItemIdentifier":"a"}]}"#, "has a failure without `itemIdentifier`"),
            (r#"{"batchItemFailures":["a"]}"#, "has a failure without `itemIdentifier`"),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"d"}]}"#,
                "names `d`, which is not in the batch",
            ),
        ] {
            assert_eq!(of(answer), Err(expected.to_owned()), "{answer}");
        }
    }

    proptest! {
        #[test]
        fn some_fail_exactly_as_listed_or_the_whole_batch_does(
            ids in proptest::collection::vec("[a-e]{0,2}", 0..6),
            batch in proptest::collection::btree_set("[a-e]{1,2}", 0..20),
        ) {
            let batch: BTreeSet<&str> = batch.iter().map(String::as_str).collect();
            let listed: Vec<_> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
            let answer = json!({"batchItemFailures": listed}).to_string();
            let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
            match failures(answer.as_bytes(), &batch) {
                Ok(failed) => prop_assert_eq!(failed, ids),
                Err(_) => prop_assert!(!ids.is_subset(&batch)),
            }
        }

        #[test]
        fn any_bytes_are_an_answer(answer in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(failed) = failures(&answer, &BTreeSet::from(BATCH)) {
                prop_assert!(failed.iter().all(|id| BATCH.contains(id)));
            }
        }
    }
}
