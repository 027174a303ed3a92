//! What every process needs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::certificates::Certificates;
use crate::aws::sts::callers::Callers;
use crate::plumbing::jobs::Jobs;
use crate::program::log::Lines;

/// What every process needs.
pub(crate) struct ProcessSettings {
    pub(crate) region: String,
    /// URL of the AWS endpoint.
    pub(crate) aws_url: String,
    /// URLs of other endpoints, by the name of their service in `AWS_ENDPOINT_URL_<NAME>`.
    pub(crate) endpoints: BTreeMap<String, String>,
    pub(crate) bin_dir: PathBuf,
    /// The binaries that images stand for.
    pub(crate) binaries: BTreeMap<String, String>,
    /// Whom processes trust in TLS; none leaves it to them.
    pub(crate) certificates: Option<Certificates>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) jobs: Jobs,
}
