//! The environment variables of an instance, as Lambda sets them.

use super::settings::Settings;
use crate::aws::Credentials;
use crate::aws::service::variables::endpoints;
use crate::template::Function;

/// All variables of one instance; nothing else of this process's environment reaches it.
pub(crate) fn variables(
    function: &Function,
    settings: &Settings,
    runtime_api: &str,
    instance: &str,
    credentials: &Credentials,
) -> Vec<(String, String)> {
    let group = function.logging.group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", function.name));
    let task_root = settings.bin_dir.display().to_string();
    let memory = function.memory_mb.to_string();
    let mut variables: Vec<(String, String)> = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", instance),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_REGION", &settings.region),
        ("AWS_DEFAULT_REGION", &settings.region),
        ("AWS_ACCESS_KEY_ID", &credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key),
        ("AWS_SESSION_TOKEN", &credentials.session_token),
        ("_HANDLER", &function.handler),
        ("LAMBDA_TASK_ROOT", &task_root),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    variables.extend(endpoints(&settings.aws_url, &settings.endpoints));
    if let Some(format) = &function.logging.format {
        variables.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), format.clone()));
        let level = function.logging.level.clone().unwrap_or_else(|| "INFO".to_owned());
        variables.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), level));
    }
    variables.extend(function.environment.clone());
    variables
}
