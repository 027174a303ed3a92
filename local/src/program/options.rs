//! How a local cloud is to run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::program::log::Log;
use crate::template::{SecretArn, Template};

/// Where the template comes from.
#[derive(Debug, Clone)]
pub enum TemplateSource {
    /// A file.
    Path(PathBuf),
    /// YAML in memory.
    Text(String),
}

/// Everything that a local cloud needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// The SAM template.
    pub template: TemplateSource,
    /// What `AWS::StackName` is.
    pub stack_name: String,
    /// Parameters in place of the template's defaults. `{tasksPort}` in a value is the port of the front, `{chatPort}`
    /// that of the chat.
    pub parameters: BTreeMap<String, String>,
    /// Whether the values that the template's `Metadata.LocalCloud` has for this machine come before its defaults.
    pub local_parameters: bool,
    /// What `AWS::Region` is.
    pub region: String,
    /// Port of the API; 0 for any free one.
    pub port: u16,
    /// Port of the AWS endpoint; 0 for any free one.
    pub aws_port: u16,
    /// Port of HLS playback; 0 for any free one.
    pub media_port: u16,
    /// Port of RTMPS ingest; 0 for any free one.
    pub rtmps_port: u16,
    /// Port of plain RTMP ingest; 0 for any free one.
    pub rtmp_port: u16,
    /// Port of the front, which leads to the processes of tasks; 0 for any free one.
    pub tasks_port: u16,
    /// Port that chat clients connect to; 0 for any free one.
    pub chat_port: u16,
    /// Whether plain RTMP is taken for every channel, and not only for those with `insecureIngest`.
    pub insecure_ingest: bool,
    /// Where state is kept; `None` forgets it at the end.
    pub data_dir: Option<PathBuf>,
    /// The directory that holds the function binaries.
    pub bin_dir: PathBuf,
    /// The directory of the built pages, which are shown on the API's port; `None` shows none.
    pub web_dir: Option<PathBuf>,
    /// Instances of one function at a time; more requests wait.
    pub max_instances: usize,
    /// A JSON Web Key Set of an OpenID Connect provider, whose tokens the API accepts besides those made here.
    pub jwks: Option<PathBuf>,
    /// Whether pages of this machine may call the API from any port, besides the origins that the template allows.
    pub dev_origins: bool,
    /// Whether schedules run by the clock; the side door runs them either way.
    pub run_schedules: bool,
    /// Whether all that `/_local/assumptions` shows is unkind at the start and after a reset.
    pub assume_unkind: bool,
    /// Where the functions' output goes.
    pub log: Log,
    /// Services that are somebody else's, such as moto's: the URL for the functions' `AWS_ENDPOINT_URL_<NAME>`, by
    /// name. The local cloud neither sees nor fails the calls to them.
    pub endpoints: BTreeMap<String, String>,
}

impl Default for Options {
    /// Any free ports, nothing kept, `template.yaml` and the binaries in the working directory.
    fn default() -> Self {
        Self {
            template: TemplateSource::Path("template.yaml".into()),
            stack_name: "greenroom".to_owned(),
            parameters: BTreeMap::new(),
            local_parameters: false,
            region: "us-east-1".to_owned(),
            port: 0,
            aws_port: 0,
            media_port: 0,
            rtmps_port: 0,
            rtmp_port: 0,
            tasks_port: 0,
            chat_port: 0,
            insecure_ingest: false,
            data_dir: None,
            bin_dir: PathBuf::from("."),
            web_dir: None,
            max_instances: 100,
            jwks: None,
            dev_origins: false,
            run_schedules: true,
            assume_unkind: false,
            log: Log::Inherit,
            endpoints: BTreeMap::new(),
        }
    }
}

impl Options {
    /// Reads the template with these parameters, without starting anything.
    ///
    /// # Errors
    /// A template that cannot be read or run.
    pub fn read_template(&self) -> anyhow::Result<Template> {
        self.load_template(&|name, _| format!("arn:aws:secretsmanager:{}:secret:{name}", self.region))
    }

    /// The endpoint that queue URLs lead to. The port must be known.
    pub(crate) fn queues_url(&self) -> String {
        let local = || format!("http://127.0.0.1:{}", self.aws_port);
        self.endpoints.get("SQS").map_or_else(local, |url| url.trim_end_matches('/').to_owned())
    }

    pub(crate) fn load_template(&self, secret_arn: SecretArn<'_>) -> anyhow::Result<Template> {
        let load = |text: &str| {
            let local = if self.local_parameters { Template::local_parameters(text)? } else { BTreeMap::new() };
            let given = local.iter().chain(&self.parameters);
            let filled = |(name, value): (&String, &String)| {
                let filled = value.replace("{tasksPort}", &self.tasks_port.to_string());
                (name.clone(), filled.replace("{chatPort}", &self.chat_port.to_string()))
            };
            Template::load(
                text,
                &self.stack_name,
                &self.region,
                &self.queues_url(),
                &given.map(filled).collect(),
                secret_arn,
            )
        };
        match &self.template {
            TemplateSource::Text(text) => Ok(load(text)?),
            TemplateSource::Path(path) => {
                let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                let template = load(&text).and_then(|template| {
                    template.check_code(path.parent().unwrap_or(path))?;
                    Ok(template)
                });
                template.with_context(|| path.display().to_string())
            }
        }
    }
}
