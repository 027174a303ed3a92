//! Configuration: every value comes from an environment variable that template.yaml sets, or that Lambda does.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use aws_client::{Aws, AwsConfig, Trust};
use aws_credential_types::Credentials;
use model::server::Fleet;

/// Variables that are missing or invalid, all of them in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid configuration: {}", .0.join("; "))]
pub struct InvalidConfig(Vec<String>);

/// Reads variables and remembers what was wrong with them.
pub struct Variables {
    /// An empty value counts as absent.
    values: BTreeMap<String, String>,
    /// By whose authority AWS's endpoints are trusted.
    trust: Trust,
    problems: Vec<String>,
}

impl Variables {
    /// Of these; a test passes its own.
    fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut values: BTreeMap<_, _> = values.into_iter().collect();
        // Who names certificates, be it none, wants these and no others.
        let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| values.contains_key(name));
        values.retain(|_, value| !value.is_empty());
        Self { values, trust: if named { Trust::System } else { Trust::AmazonFirst }, problems: Vec::new() }
    }

    /// Those of the process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self::new(std::env::vars_os().filter_map(text))
    }

    /// The variable's value, empty (and noted as a problem) when it is not set.
    pub fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set"));
            String::new()
        })
    }

    /// The variable's value; an empty one counts as absent.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// The variable's value, parsed; `None` (and noted as a problem) when it is missing or invalid.
    pub fn parsed<T: FromStr<Err: ToString>>(&mut self, name: &str) -> Option<T> {
        let text = self.optional(name);
        let parsed = text.as_deref().map(str::parse::<T>);
        match parsed {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) => {
                let (text, error) = (text.unwrap_or_default(), error.to_string());
                self.problems.push(format!("{name} {error}, not {text:?}"));
                None
            }
            None => {
                self.problems.push(format!("{name} is not set"));
                None
            }
        }
    }

    /// The variable's value, parsed, if it is set; `None` (and noted as a problem) when it is invalid.
    pub fn optional_parsed<T: FromStr<Err: ToString>>(&mut self, name: &str) -> Option<Option<T>> {
        if self.optional(name).is_some() { self.parsed(name).map(Some) } else { Some(None) }
    }

    /// A whole number of seconds of at least one.
    pub fn seconds(&mut self, name: &str) -> Duration {
        let text = self.required(name);
        match text.parse() {
            Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
            _ => {
                if !text.is_empty() {
                    self.problems.push(format!("{name} must be a whole number of seconds, not {text:?}"));
                }
                Duration::ZERO
            }
        }
    }

    /// Which ECS tasks are transwrap servers: `TRANSWRAP_CLUSTER_ARN`, and `TRANSWRAP_GROUPS` with commas between.
    pub fn fleet(&mut self) -> Option<Fleet> {
        let cluster = self.parsed("TRANSWRAP_CLUSTER_ARN");
        let groups = self.required("TRANSWRAP_GROUPS");
        let groups = groups.split(',').map(str::to_owned).collect();
        Some(Fleet { cluster: cluster?, groups })
    }

    /// What Lambda sets for every function: region and credentials. `AWS_ENDPOINT_URL` and
    /// `AWS_ENDPOINT_URL_<SERVICE>` redirect a client, as in every AWS SDK.
    fn aws(&mut self) -> AwsConfig {
        let credentials = Credentials::new(
            self.required("AWS_ACCESS_KEY_ID"),
            self.required("AWS_SECRET_ACCESS_KEY"),
            self.optional("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let region = self.required("AWS_REGION");
        let own =
            |(name, url): (&String, &String)| Some((name.strip_prefix("AWS_ENDPOINT_URL_")?.to_owned(), url.clone()));
        let endpoints = self.values.iter().filter_map(own).collect();
        AwsConfig { region, credentials, endpoint: self.optional("AWS_ENDPOINT_URL"), endpoints, trust: self.trust }
    }

    /// The configuration, if every variable was there and valid.
    ///
    /// # Errors
    /// [`InvalidConfig`] names each that was not.
    fn finish<T>(self, config: Option<T>) -> Result<T, InvalidConfig> {
        config.filter(|_| self.problems.is_empty()).ok_or(InvalidConfig(self.problems))
    }
}

/// Reads a function's configuration from the environment of the process, and builds what its SDK clients share. `read`
/// gives `None` only where it has met a problem, and reads everything first, so that all problems are told at once.
///
/// # Errors
/// [`InvalidConfig`] names each variable that is missing or invalid.
pub fn from_env<T>(read: impl FnOnce(&mut Variables) -> Option<T>) -> Result<(Aws, T), InvalidConfig> {
    let mut variables = Variables::of_process();
    let (aws, config) = (variables.aws(), read(&mut variables));
    let (aws, config) = variables.finish(config.map(|config| (aws, config)))?;
    Ok((Aws::new(aws), config))
}

/// `STACK_NAME`: what tells the metrics of this stack from another's.
///
/// # Errors
/// When it is not set.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn stack_name() -> Result<String, InvalidConfig> {
    // Of the whole environment, `from_env` has made its copy: one is enough for a cold start.
    let value = std::env::var("STACK_NAME").ok();
    let mut variables = Variables::new(value.map(|value| ("STACK_NAME".to_owned(), value)));
    let stack = variables.required("STACK_NAME");
    variables.finish(Some(stack))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables<const N: usize>(values: [(&str, &str); N]) -> Variables {
        Variables::new(values.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn every_bad_variable_is_named_at_once() {
        let mut variables = variables([("LEASE", "soon"), ("STAGES_TABLE", "")]);
        let config = Some((variables.required("STAGES_TABLE"), variables.seconds("LEASE")));
        assert_eq!(
            variables.finish(config).unwrap_err().to_string(),
            "invalid configuration: STAGES_TABLE is not set; LEASE must be a whole number of seconds, not \"soon\""
        );
    }

    #[test]
    fn what_may_be_absent_must_be_valid_when_it_is_there() {
        let mut variables = variables([("FEW", "7"), ("MANY", "x"), ("NONE", "")]);
        assert_eq!(variables.optional_parsed::<u32>("FEW"), Some(Some(7)));
        assert_eq!(variables.optional_parsed::<u32>("NONE"), Some(None));
        assert_eq!(variables.optional_parsed::<u32>("MANY"), None);
        assert!(variables.finish(Some(())).unwrap_err().to_string().contains("MANY"));
    }

    #[test]
    fn a_services_own_endpoint_comes_before_the_general_one() {
        let mut variables = variables([
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb"),
            ("AWS_REGION", "us-east-1"),
        ]);
        let aws = Aws::new(variables.aws());
        assert_eq!(aws.endpoint("DYNAMODB"), Some("http://dynamodb"));
        assert_eq!(aws.endpoint("IVS_REALTIME"), Some("http://all"));
    }

    #[test]
    fn who_names_certificates_trusts_no_others() {
        for (values, expected) in [
            (variables([("PATH", "/bin")]), Trust::AmazonFirst),
            (variables([("SSL_CERT_FILE", "/own.pem")]), Trust::System),
            (variables([("SSL_CERT_DIR", "/own")]), Trust::System),
            (variables([("SSL_CERT_FILE", "")]), Trust::System),
        ] {
            let mut values = values;
            assert_eq!(values.aws().trust, expected, "{:?}", values.values);
        }
    }

    #[test]
    fn without_an_endpoint_the_service_is_awss_own() {
        assert_eq!(Aws::new(variables([]).aws()).endpoint("DYNAMODB"), None);
    }
}
