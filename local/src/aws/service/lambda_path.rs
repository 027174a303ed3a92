//! The operations of Lambda's API, told by method and path.

use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// Those that a client is likely to call, so that one that is not here has a name: method, path, name.
const OPERATIONS: [(&str, &str, &str); 26] = [
    ("POST", "/2015-03-31/functions/*/invocations", "Invoke"),
    ("POST", "/2014-11-13/functions/*/invoke-async", "InvokeAsync"),
    ("POST", "/2021-11-15/functions/*/response-streaming-invocations", "InvokeWithResponseStream"),
    ("GET", "/2015-03-31/functions", "ListFunctions"),
    ("POST", "/2015-03-31/functions", "CreateFunction"),
    ("GET", "/2015-03-31/functions/*", "GetFunction"),
    ("DELETE", "/2015-03-31/functions/*", "DeleteFunction"),
    ("GET", "/2015-03-31/functions/*/configuration", "GetFunctionConfiguration"),
    ("PUT", "/2015-03-31/functions/*/configuration", "UpdateFunctionConfiguration"),
    ("PUT", "/2015-03-31/functions/*/code", "UpdateFunctionCode"),
    ("GET", "/2015-03-31/functions/*/policy", "GetPolicy"),
    ("POST", "/2015-03-31/functions/*/policy", "AddPermission"),
    ("GET", "/2015-03-31/functions/*/versions", "ListVersionsByFunction"),
    ("POST", "/2015-03-31/functions/*/versions", "PublishVersion"),
    ("GET", "/2015-03-31/functions/*/aliases", "ListAliases"),
    ("POST", "/2015-03-31/functions/*/aliases", "CreateAlias"),
    ("GET", "/2015-03-31/functions/*/aliases/*", "GetAlias"),
    ("GET", "/2015-03-31/event-source-mappings", "ListEventSourceMappings"),
    ("POST", "/2015-03-31/event-source-mappings", "CreateEventSourceMapping"),
    ("GET", "/2015-03-31/event-source-mappings/*", "GetEventSourceMapping"),
    ("PUT", "/2015-03-31/event-source-mappings/*", "UpdateEventSourceMapping"),
    ("DELETE", "/2015-03-31/event-source-mappings/*", "DeleteEventSourceMapping"),
    ("GET", "/2019-09-25/functions/*/event-invoke-config", "GetFunctionEventInvokeConfig"),
    ("PUT", "/2019-09-25/functions/*/event-invoke-config", "PutFunctionEventInvokeConfig"),
    ("PUT", "/2017-10-31/functions/*/concurrency", "PutFunctionConcurrency"),
    ("GET", "/2016-08-19/account-settings", "GetAccountSettings"),
];

/// The name of the operation that a request calls, and the members of its input that are in path and query. `None` if
/// the path is of no operation that is known.
pub(super) fn read(parts: &Parts) -> Option<(&'static str, Value)> {
    let path: Vec<_> = parts.uri.path().trim_end_matches('/').split('/').collect();
    let is_meant = |method: &str, pattern: &str| {
        let pattern: Vec<_> = pattern.split('/').collect();
        parts.method == method
            && pattern.len() == path.len()
            && pattern.iter().zip(&path).all(|(wanted, part)| wanted == part || (*wanted == "*" && !part.is_empty()))
    };
    let (_, _, name) = OPERATIONS.iter().find(|(method, pattern, _)| is_meant(method, pattern))?;
    let mut input = json!({});
    if *name == "Invoke" {
        input["FunctionName"] = path.get(3).map(|name| percent_decode_str(name).decode_utf8_lossy()).into();
        let mut query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        if let Some((_, qualifier)) = query.find(|(key, _)| key == "Qualifier") {
            input["Qualifier"] = qualifier.into();
        }
    }
    Some((name, input))
}
