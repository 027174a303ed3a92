//! The environment variables of a container's process.

use std::{env, io};

use super::order::Order;
use super::settings::ProcessSettings;
use crate::aws::ecs::agent_url;
use crate::aws::service::variables;

/// All variables; nothing else of this program's environment reaches it but `PATH`, since what the image holds besides the
/// binary is installed on this machine. `id` leads to its documents.
///
/// # Errors
/// The certificates cannot be written.
pub(super) fn variables(settings: &ProcessSettings, order: &Order, id: &str) -> io::Result<Vec<(String, String)>> {
    let path = env::var_os("PATH").and_then(|path| path.into_string().ok());
    let mut variables = order.environment.clone();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    set("PATH", path.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()));
    set("LANG", "C.UTF-8".to_owned());
    set("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE".to_owned());
    set("AWS_REGION", settings.region.clone());
    set("AWS_DEFAULT_REGION", settings.region.clone());
    set("ECS_CONTAINER_METADATA_URI_V4", agent_url::metadata_url(&settings.aws_url, id));
    if order.role.is_some() {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent_url::credentials_url(&settings.aws_url, id));
    }
    if order.listens {
        set("LISTEN", "inherited".to_owned());
    }
    if let Some(certificates) = &settings.certificates {
        set("SSL_CERT_FILE", certificates.file()?.display().to_string());
    }
    for (name, url) in variables::endpoints(&settings.aws_url, &settings.endpoints) {
        set(&name, url);
    }
    Ok(variables.into_iter().collect())
}
