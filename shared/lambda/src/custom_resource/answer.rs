//! The answer to a request for a custom resource (AWS CloudFormation user guide, "Custom resource response objects").

use std::fmt;

use aws_client::{Aws, AwsFailure};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use model::Error;
use url::{Position, Url};

/// Where CloudFormation waits for answers: at an address of its own for each request, signed by itself.
pub struct CloudFormation<'a>(&'a Aws);

impl<'a> CloudFormation<'a> {
    /// Shares the HTTP client of `aws`.
    pub fn new(aws: &'a Aws) -> Self {
        Self(aws)
    }

    /// Puts an answer to the request's `ResponseURL`. Whoever has that address can answer, so it is a secret.
    ///
    /// # Errors
    /// What the address answers with, if no repetition helps; never the address itself.
    pub(super) async fn answer(&self, address: &str, answer: String) -> Result<(), Error> {
        let url = Url::parse(address).ok().filter(|url| url.has_host());
        let url = url.ok_or_else(|| Error::internal("the address for the answer is no URL"))?;
        let put = self
            .0
            .plain_operation("CloudFormation", "AnswerRequest", &url[..Position::BeforePath])
            .retry_classifier(TransientErrorClassifier::<Refused>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .serializer(|(path, answer): (String, String)| {
                // No content type: the address was signed without one.
                let mut request = HttpRequest::new(SdkBody::from(answer));
                request.set_method("PUT")?;
                request.set_uri(path)?;
                Ok(request)
            })
            .deserializer(|response: &HttpResponse| match response.status().is_success() {
                true => Ok(()),
                false => Err(OrchestratorError::operation(Refused(ErrorMetadata::builder().build()))),
            })
            .build();
        let path = url[Position::BeforePath..Position::AfterQuery].to_owned();
        let sent = put.invoke((path, answer)).await;
        sent.map_err(|error| AwsFailure::new("cloudformation:AnswerRequest", &error).into_error())
    }
}

/// The address answered that it does not take the answer.
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was refused")
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}
