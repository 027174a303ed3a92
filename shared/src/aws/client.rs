//! How the functions build their SDK clients: without `aws-config` (Lambda gives region and credentials by variables,
//! and its credential chain costs 0.6 ms of init and 2.5 MB), and all of them on one HTTP client, so that the
//! certificate bundle is parsed once.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls;
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;

use super::Calls;

/// What the SDK clients are built from.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// Such as `eu-west-1`.
    pub region: String,
    /// The function's own role.
    pub credentials: Credentials,
    /// Endpoint instead of AWS's own.
    pub dynamodb: Option<String>,
    /// Endpoint instead of AWS's own.
    pub ec2: Option<String>,
    /// Endpoint instead of AWS's own.
    pub ecs: Option<String>,
    /// Endpoint instead of AWS's own.
    pub ivs: Option<String>,
    /// Endpoint instead of AWS's own.
    pub ivs_realtime: Option<String>,
    /// Endpoint instead of AWS's own.
    pub secrets_manager: Option<String>,
}

/// Builds SDK clients that share one HTTP client and one count of calls.
pub struct Aws {
    config: AwsConfig,
    http: SharedHttpClient,
    calls: Calls,
}

/// Builds a client's configuration. The SDK's builders have no common trait.
macro_rules! sdk_client {
    ($aws:expr, $sdk:ident, $endpoint:ident) => {{
        let aws = $aws;
        let mut config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new(aws.config.region.clone()))
            .credentials_provider(aws.config.credentials.clone())
            .http_client(aws.http.clone())
            .sleep_impl(TokioSleep::new())
            .retry_config(retries())
            .timeout_config(timeouts())
            .interceptor(aws.calls.clone());
        config.set_endpoint_url(aws.config.$endpoint.clone());
        $sdk::Client::from_conf(config.build())
    }};
}

impl Aws {
    /// Reads the certificates of the system; the only costly step.
    pub fn new(config: AwsConfig) -> Self {
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let http = aws_smithy_http_client::Builder::new().tls_provider(provider).build_https();
        Self { config, http, calls: Calls::default() }
    }

    /// The calls that these clients make.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    pub(super) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        sdk_client!(self, aws_sdk_dynamodb, dynamodb)
    }

    pub(super) fn ecs(&self) -> aws_sdk_ecs::Client {
        sdk_client!(self, aws_sdk_ecs, ecs)
    }

    pub(super) fn ivs(&self) -> aws_sdk_ivs::Client {
        sdk_client!(self, aws_sdk_ivs, ivs)
    }

    pub(super) fn ivs_realtime(&self) -> aws_sdk_ivsrealtime::Client {
        sdk_client!(self, aws_sdk_ivsrealtime, ivs_realtime)
    }

    pub(super) fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        sdk_client!(self, aws_sdk_secretsmanager, secrets_manager)
    }

    /// What every operation has in common, for one that no SDK crate of ours has. It still has to be signed.
    pub(super) fn ec2_operation(&self, operation: &'static str) -> OperationBuilder {
        let endpoint = self.config.ec2.clone();
        let endpoint = endpoint.unwrap_or_else(|| format!("https://ec2.{}.{}", self.config.region, self.dns_suffix()));
        Operation::builder()
            .service_name("EC2")
            .operation_name(operation)
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .endpoint_url(&endpoint)
            .sleep_impl(TokioSleep::new())
            .standard_retry(&retries())
            .timeout_config(timeouts())
            .interceptor(self.calls.clone())
    }

    /// An HTTP request that is no call of an AWS operation and bears no signature of ours, with its retries and timeouts
    /// and as one of the calls.
    pub(super) fn plain_operation(
        &self,
        service: &'static str,
        operation: &'static str,
        url: &str,
    ) -> OperationBuilder {
        Operation::builder()
            .service_name(service)
            .operation_name(operation)
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .endpoint_url(url)
            .no_auth()
            .sleep_impl(TokioSleep::new())
            .standard_retry(&patient_retries())
            .timeout_config(timeouts())
            .interceptor(self.calls.clone())
    }

    pub(super) fn region(&self) -> Region {
        Region::new(self.config.region.clone())
    }

    pub(super) fn credentials(&self) -> Credentials {
        self.config.credentials.clone()
    }

    /// The partition's domain, for the partitions that have IVS, and China.
    fn dns_suffix(&self) -> &'static str {
        if self.config.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
    }
}

/// Three attempts with a short backoff: a function that waits is paid for, and its caller can ask again.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(100))
}

/// For listings: a full account is ten pages of 100 stages, at five a second, so a page may have to wait for its turn.
pub(super) fn patient_retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(6).with_initial_backoff(Duration::from_millis(300))
}

/// All attempts of a call end well before the function's own timeout, so that a slow dependency becomes an answer.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build()
}
