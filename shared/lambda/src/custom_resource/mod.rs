//! Custom resources of CloudFormation: the request that a stack makes of a function, and its answer (AWS CloudFormation
//! user guide, "Custom resource request objects").

mod answer;

use std::fmt;

use model::{Error, secret};
use serde::{Deserialize, Serialize};

pub use self::answer::CloudFormation;
use crate::event::Report;
use crate::panic::caught;

/// The longest reason that is told. An answer may have 4 KB in all.
const LONGEST_REASON: usize = 1_000;

/// What a stack wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    /// The resource is new in the template.
    Create,
    /// The resource's properties have changed.
    Update,
    /// The resource is no longer in the template, or the stack is deleted, or its creation is rolled back.
    Delete,
}

secret!(
    /// Where the answer goes: whoever has this address can answer.
    ResponseUrl
);

/// A request. CloudFormation waits for its answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackRequest {
    /// What is to be done.
    pub request_type: RequestType,
    #[serde(rename = "ResponseURL", deserialize_with = "response_url")]
    response_url: ResponseUrl,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
}

impl StackRequest {
    /// Answers with what comes of `work`. A failure or a panic is told to the stack, which shows its reason, and is not
    /// the invocation's: Lambda would repeat it, and the stack would hear nothing of that.
    ///
    /// `physical_id` must stay the same for as long as the resource does: CloudFormation deletes what another id
    /// replaces.
    ///
    /// # Errors
    /// If the answer cannot be delivered; Lambda then repeats the request.
    pub async fn answer(
        &self,
        cloud_formation: &CloudFormation<'_>,
        physical_id: &str,
        work: impl Future<Output = Result<Report, Error>>,
    ) -> Result<Report, Error> {
        let (report, failure) = done(work).await.without_failure();
        let reason = failure.as_ref().map(reason);
        let answer = Answer {
            status: if reason.is_none() { "SUCCESS" } else { "FAILED" },
            reason: reason.as_deref(),
            physical_resource_id: physical_id,
            stack_id: &self.stack_id,
            request_id: &self.request_id,
            logical_resource_id: &self.logical_resource_id,
        };
        let answer = serde_json::to_string(&answer).map_err(Error::internal)?;
        cloud_formation.answer(self.response_url.expose(), answer).await?;
        if let Some(cause) = reason {
            tracing::error!(cause, "the stack was told that its request failed");
        }
        Ok(report.log("requestType", self.request_type.to_string()))
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What came of `work`, however it ended.
async fn done(work: impl Future<Output = Result<Report, Error>>) -> Report {
    caught(work).await.flatten().unwrap_or_else(|error| Report::new("failed").fail(error))
}

fn response_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ResponseUrl, D::Error> {
    String::deserialize(deserializer).map(ResponseUrl::new)
}

/// For whoever deploys: what failed, with its causes.
fn reason(error: &Error) -> String {
    let mut reason = error.causes().unwrap_or_else(|| error.to_string());
    reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
    reason
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;
    use crate::panic::tests::watch_in_tests;

    type Work = Pin<Box<dyn Future<Output = Result<Report, Error>>>>;

    #[test]
    fn a_request_does_not_show_where_its_answer_goes() {
        let request: StackRequest = serde_json::from_value(serde_json::json!({
            "RequestType": "Create", "ResponseURL": "https://answers.example/?signature=hunter2", "StackId": "stack",
            "RequestId": "request", "ResourceType": "Custom::SigningKeys", "LogicalResourceId": "SigningKeys",
            "ResourceProperties": {"ServiceToken": "arn"},
        }))
        .unwrap();
        assert_eq!(request.request_type, RequestType::Create);
        assert!(!format!("{request:?}").contains("hunter2"), "{request:?}");
    }

    #[tokio::test]
    async fn the_stack_is_told_of_an_error_and_of_a_panic() {
        watch_in_tests();
        let told = async |work| done(work).await.without_failure().1.as_ref().map(reason);
        assert_eq!(told(Box::pin(async { Ok(Report::new("made")) }) as Work).await, None);
        assert_eq!(told(Box::pin(async { Err(Error::internal("no key")) })).await.as_deref(), Some("no key"));
        let panicked = told(Box::pin(async { panic!("out of keys") })).await.unwrap();
        assert!(panicked.starts_with("panicked at ") && panicked.ends_with("out of keys"), "{panicked}");
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(reason(&Error::internal("é".repeat(1_000))), "é".repeat(500));
    }
}
