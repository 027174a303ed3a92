//! What a server is told by its environment, which the task definition sets, and ECS.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use aws_client::{AwsConfig, Trust};
use aws_credential_types::Credentials;

/// Where browsers are listened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// At an address of this machine.
    Address(SocketAddr),
    /// At the socket that is the standard input, as inetd and systemd pass one.
    Inherited,
}

/// All of it.
#[derive(Debug)]
pub struct Config {
    /// `STACK_NAME`: whose log this is.
    pub stack: String,
    /// `LISTEN`: an address, or `inherited`.
    pub listen: Listen,
    /// `CAPACITY`: how many broadcasts whose video is passed on as it is.
    pub capacity: u32,
    /// `BROADCASTS_TABLE`.
    pub broadcasts: String,
    /// `CHANNELS_TABLE`.
    pub channels: String,
    /// `BROADCAST_SETTINGS_TABLE`.
    pub settings: String,
    /// `SERVERS_TABLE`.
    pub servers: String,
    /// `TLS_SECRET_ARN`: where the certificate and its key are; without it, something in front of the server speaks TLS.
    pub tls_secret: Option<String>,
    /// `ECS_CONTAINER_METADATA_URI_V4`.
    pub metadata: String,
    /// Region, endpoints, and credentials if ECS gives none.
    pub aws: AwsConfig,
    /// Whether ECS gives credentials, which expire.
    pub has_task_role: bool,
}

/// Variables that are missing or invalid, all of them in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid configuration: {}", .0.join("; "))]
pub struct InvalidConfig(Vec<String>);

/// Broadcasts that a server holds unless it is told otherwise.
const CAPACITY: u32 = 40;

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// [`InvalidConfig`] names each variable that is missing or invalid.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, InvalidConfig> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::read(&std::env::vars_os().filter_map(text).collect())
    }

    /// Reads variables. An empty one counts as absent.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn read(variables: &BTreeMap<String, String>) -> Result<Self, InvalidConfig> {
        let mut problems = Vec::new();
        let optional = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let mut required = |name: &str| {
            optional(name).unwrap_or_else(|| {
                problems.push(format!("{name} is not set"));
                String::new()
            })
        };
        let (stack, broadcasts, channels) =
            (required("STACK_NAME"), required("BROADCASTS_TABLE"), required("CHANNELS_TABLE"));
        let (settings, servers) = (required("BROADCAST_SETTINGS_TABLE"), required("SERVERS_TABLE"));
        let (metadata, region) = (required("ECS_CONTAINER_METADATA_URI_V4"), required("AWS_REGION"));
        let has_task_role = optional("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
            .or(optional("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
            .is_some();
        let credentials = match has_task_role {
            true => Credentials::new("", "", None, None, "task"),
            false => Credentials::new(
                required("AWS_ACCESS_KEY_ID"),
                required("AWS_SECRET_ACCESS_KEY"),
                optional("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
        };
        let listen = match optional("LISTEN").as_deref() {
            None => Listen::Address(SocketAddr::from(([0, 0, 0, 0], 8443))),
            Some("inherited") => Listen::Inherited,
            Some(address) => address.parse().map(Listen::Address).unwrap_or_else(|_| {
                problems.push(format!("LISTEN must be an address with a port, or inherited, not {address:?}"));
                Listen::Inherited
            }),
        };
        let capacity = match optional("CAPACITY").map(|text| (text.parse::<u32>(), text)) {
            None => CAPACITY,
            Some((Ok(capacity @ 1..=10_000), _)) => capacity,
            Some((_, text)) => {
                problems.push(format!("CAPACITY must be a number from 1 to 10000, not {text:?}"));
                CAPACITY
            }
        };
        let own =
            |(name, url): (&String, &String)| Some((name.strip_prefix("AWS_ENDPOINT_URL_")?.to_owned(), url.clone()));
        let endpoints = variables.iter().filter_map(own).collect();
        let aws =
            AwsConfig { region, credentials, endpoint: optional("AWS_ENDPOINT_URL"), endpoints, trust: Trust::System };
        let tls_secret = optional("TLS_SECRET_ARN");
        let config = Self {
            stack,
            listen,
            capacity,
            broadcasts,
            channels,
            settings,
            servers,
            tls_secret,
            metadata,
            aws,
            has_task_role,
        };
        if problems.is_empty() { Ok(config) } else { Err(InvalidConfig(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<String, String> {
        let names = ["STACK_NAME", "BROADCASTS_TABLE", "CHANNELS_TABLE", "BROADCAST_SETTINGS_TABLE", "SERVERS_TABLE"];
        let more = ["ECS_CONTAINER_METADATA_URI_V4", "AWS_REGION", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        names.into_iter().chain(more).map(|name| (name.to_owned(), "x".to_owned())).collect()
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let InvalidConfig(problems) = Config::read(&BTreeMap::new()).unwrap_err();
        assert_eq!(problems.len(), 9, "{problems:?}");
    }

    #[test]
    fn a_server_listens_on_8443_for_forty_unless_it_is_told_otherwise() {
        let config = Config::read(&variables()).unwrap();
        assert_eq!((config.listen, config.capacity), (Listen::Address(([0, 0, 0, 0], 8443).into()), 40));
        let mut told = variables();
        told.extend(
            [("LISTEN", "inherited"), ("CAPACITY", "7")].map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let config = Config::read(&told).unwrap();
        assert_eq!((config.listen, config.capacity), (Listen::Inherited, 7));
    }

    #[test]
    fn what_is_no_address_and_no_number_is_told() {
        let mut told = variables();
        told.extend([("LISTEN", "here"), ("CAPACITY", "0")].map(|(name, value)| (name.to_owned(), value.to_owned())));
        let InvalidConfig(problems) = Config::read(&told).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
    }
}
