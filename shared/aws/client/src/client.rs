//! How the functions build their SDK clients: without `aws-config` (Lambda gives region and credentials by variables,
//! and its credential chain costs 0.6 ms of init and 2.5 MB), and all of them on one HTTP client, so that they
//! share its connections and certificates.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, OrchestratorError};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;

use crate::Calls;
use crate::http::{Trust, http_client};

/// What the SDK clients are built from.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// Such as `eu-west-1`.
    pub region: String,
    /// The function's own role.
    pub credentials: Credentials,
    /// Endpoint of every service instead of AWS's own: `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// Endpoints of single services, by what follows `AWS_ENDPOINT_URL_`, such as `DYNAMODB`; they come before the
    /// general one.
    pub endpoints: BTreeMap<String, String>,
    /// By whose authority they are trusted.
    pub trust: Trust,
}

/// A client of an SDK crate, built when it is first used: each parses a table of partitions and regions, which a function
/// need not do for a service that its request does not call. A configuration that the SDK refuses is a panic then.
pub type SdkClient<C> = LazyLock<C, Box<dyn FnOnce() -> C + Send>>;

/// Builds SDK clients that share one HTTP client and one count of calls.
#[derive(Clone)]
pub struct Aws {
    config: Arc<AwsConfig>,
    credentials: SharedCredentialsProvider,
    http: SharedHttpClient,
    calls: Calls,
}

/// Builds a client of an SDK crate: `sdk_client!(aws, aws_sdk_ivs, "IVS")`, with the service as
/// `AWS_ENDPOINT_URL_<SERVICE>` names it. The SDK's builders have no common trait.
#[macro_export]
macro_rules! sdk_client {
    ($aws:expr, $sdk:ident, $service:literal) => {{
        let aws: $crate::Aws = $crate::Aws::clone($aws);
        let build: Box<dyn FnOnce() -> $sdk::Client + Send> = Box::new(move || {
            let mut config = $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new(aws.region().to_string()))
                .credentials_provider(aws.credentials())
                .http_client(aws.http_client())
                .sleep_impl(aws.sleep())
                .retry_config(aws.retries())
                .timeout_config(aws.timeouts())
                .interceptor(aws.calls());
            config.set_endpoint_url(aws.endpoint($service).map(str::to_owned));
            $sdk::Client::from_conf(config.build())
        });
        $crate::SdkClient::new(build)
    }};
}

impl Aws {
    /// Connects to nothing yet.
    pub fn new(config: AwsConfig) -> Self {
        let (http, credentials) =
            (http_client(config.trust), SharedCredentialsProvider::new(config.credentials.clone()));
        Self { config: Arc::new(config), credentials, http, calls: Calls::default() }
    }

    /// The same, whose clients ask for their credentials: those of an ECS task expire while it runs.
    #[must_use]
    pub fn with_credentials(self, credentials: SharedCredentialsProvider) -> Self {
        Self { credentials, ..self }
    }

    #[cfg(test)]
    pub(crate) fn with_http_client(self, http: SharedHttpClient) -> Self {
        Self { http, ..self }
    }

    /// The calls that these clients make.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// The endpoint of a service, unless it is AWS's own.
    pub fn endpoint(&self, service: &str) -> Option<&str> {
        self.config.endpoints.get(service).or(self.config.endpoint.as_ref()).map(String::as_str)
    }

    /// The HTTP client that all clients share.
    pub fn http_client(&self) -> SharedHttpClient {
        self.http.clone()
    }

    /// How a client waits between attempts.
    pub fn sleep(&self) -> TokioSleep {
        TokioSleep::new()
    }

    /// Three attempts with a short backoff: a function that waits is paid for, and its caller can ask again.
    pub fn retries(&self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(100))
    }

    /// All attempts of a call end well before the function's own timeout, so that a slow dependency becomes an answer.
    pub fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(2))
            .operation_timeout(Duration::from_secs(5))
            .build()
    }

    /// What every operation has in common, for one that no SDK crate of ours has. It still has to be signed. `service`
    /// is the SDK's name of it, such as `EC2`, and its host's first label in capitals.
    pub fn operation(&self, service: &'static str, operation: &'static str) -> OperationBuilder {
        let endpoint = self.endpoint_of(service);
        self.base(service, operation, &endpoint).standard_retry(&self.retries())
    }

    /// An HTTP request that is no call of an AWS operation and bears no signature of ours, with its retries and
    /// timeouts and as one of the calls.
    pub fn plain_operation(&self, service: &'static str, operation: &'static str, url: &str) -> OperationBuilder {
        self.base(service, operation, url).no_auth().standard_retry(&listing_retries())
    }

    /// Connects to a service while the function starts, where a processor is whole: its first request need not look the
    /// name up and shake hands then. Best effort, without signature and permission: whatever is answered, the connection
    /// is there, and whoever calls finds out what is wrong with it. It takes as long as an attempt may.
    pub async fn connect(&self, service: &'static str) {
        let endpoint = self.endpoint_of(service);
        // Nothing is gained where nobody shakes hands.
        if !endpoint.starts_with("https:") {
            return;
        }
        let get = self
            .base(service, "Connect", &endpoint)
            .no_auth()
            .no_retry()
            .serializer(|()| Ok(HttpRequest::get("/")?))
            .deserializer(|_| Ok::<(), OrchestratorError<Infallible>>(()))
            .build();
        let _ = get.invoke(()).await;
    }

    /// The endpoint of a service, AWS's own or another.
    fn endpoint_of(&self, service: &str) -> String {
        let endpoint = self.endpoint(service).map(str::to_owned);
        let host = service.to_ascii_lowercase();
        endpoint.unwrap_or_else(|| format!("https://{host}.{}.{}", self.config.region, self.dns_suffix()))
    }

    fn base(&self, service: &'static str, operation: &'static str, url: &str) -> OperationBuilder {
        Operation::builder()
            .service_name(service)
            .operation_name(operation)
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http_client())
            .endpoint_url(url)
            .sleep_impl(self.sleep())
            .timeout_config(self.timeouts())
            .interceptor(self.calls())
    }

    /// The region that is called.
    pub fn region(&self) -> Region {
        Region::new(self.config.region.clone())
    }

    /// The role that calls: the function's own, or the task's.
    pub fn credentials(&self) -> SharedCredentialsProvider {
        self.credentials.clone()
    }

    /// The partition's domain, for the partitions that have IVS, and China.
    fn dns_suffix(&self) -> &'static str {
        if self.config.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}

/// For a create: IVS may take longer over it than over a read, and one that is given up may come to be nevertheless. It
/// is tried once, and ends before the function's own timeout, with a wait before it.
pub fn create_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(CREATE)
        .operation_timeout(CREATE)
        .build()
}

/// How long a create may take.
const CREATE: Duration = Duration::from_secs(5);

/// For listings: a full account is ten pages of 100 stages, at five a second, so a page may have to wait its time.
pub fn listing_retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(6).with_initial_backoff(Duration::from_millis(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_outlasts_the_function_with_a_create_that_is_under_way_at_its_end() {
        let template = include_str!("../../../../template.yaml");
        let number = |after: &[&str]| {
            let found = after.iter().fold(template, |text, part| text.split_once(part).unwrap().1);
            Duration::from_secs(found.split('\n').next().unwrap().parse().unwrap())
        };
        let least = number(&["\n  ClaimLeaseSeconds:\n", "\n    MinValue: "]);
        for function in ["\n  StageFunction:\n", "\n  ChannelFunction:\n"] {
            assert!(number(&[function, "\n      Timeout: "]) + CREATE <= least, "{function}");
        }
    }
}
