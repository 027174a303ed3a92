//! What every instance needs to know.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::aws::sts::callers::Callers;
use crate::plumbing::jobs::Jobs;
use crate::program::log::Lines;
use crate::program::request_log::RequestLog;

/// What every instance needs to know.
pub(crate) struct Settings {
    pub(crate) region: String,
    /// URL of the AWS endpoint.
    pub(crate) aws_url: String,
    /// URLs of other endpoints, by the name of their service in `AWS_ENDPOINT_URL_<NAME>`.
    pub(crate) endpoints: BTreeMap<String, String>,
    pub(crate) bin_dir: PathBuf,
    /// Instances of one function at a time.
    pub(crate) max_instances: usize,
    pub(crate) callers: Arc<Callers>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) requests: Arc<RequestLog>,
    pub(crate) jobs: Jobs,
}
