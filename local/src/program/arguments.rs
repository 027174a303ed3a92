//! The command line: its options, the values that they take, and what they come to.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::build::Profile;
use super::log::Log;
use super::options::{Options, TemplateSource};

/// Runs the application of template.yaml on this machine, without an AWS account.
#[derive(clap::Parser)]
pub struct Arguments {
    /// Port of the API
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of the AWS endpoint
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// Port of HLS, where channels are watched; 8082, or any free one with --port 0
    #[arg(long)]
    media_port: Option<u16>,
    /// Port of RTMPS, where encoders send to; 1936, or any free one with --port 0
    #[arg(long)]
    rtmps_port: Option<u16>,
    /// Port of plain RTMP; 1935, or any free one with --port 0
    #[arg(long)]
    rtmp_port: Option<u16>,
    /// Port of the front, which leads to the processes of ECS tasks; 8443, or any free one with --port 0
    #[arg(long)]
    tasks_port: Option<u16>,
    /// Port that chat clients connect to; 8084, or any free one with --port 0
    #[arg(long)]
    chat_port: Option<u16>,
    /// Plain RTMP is taken for every channel, and not only for those with insecureIngest
    #[arg(long)]
    insecure_ingest: bool,
    /// Keep nothing: start empty and forget everything at the end
    #[arg(long, conflicts_with = "data_dir")]
    ephemeral: bool,
    /// Where state is kept; .greenroom beside the template by default
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// How the functions are built
    #[arg(long, value_enum, default_value_t = Profile::Dev)]
    profile: Profile,
    /// Directory of the built pages; web/dist beside the template by default
    #[arg(long, value_parser = directory)]
    web_dir: Option<PathBuf>,
    /// Do not build the pages of web/: those that are built are shown
    #[arg(long)]
    no_web: bool,
    /// File name of the template, looked for here and in the directories above
    #[arg(long, default_value = "template.yaml")]
    template: PathBuf,
    /// What AWS::StackName is
    #[arg(long, default_value = "greenroom", value_parser = stack_name)]
    stack_name: String,
    /// A parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// What AWS::Region is
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Instances of one function at a time; more requests wait
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    max_instances: usize,
    /// A service that is somebody else's, such as IVS=http://localhost:5000, which sets AWS_ENDPOINT_URL_IVS for the
    /// functions; may be repeated
    #[arg(long = "endpoint", value_name = "NAME=URL", value_parser = endpoint)]
    endpoints: Vec<(String, String)>,
    /// Keys of an OpenID Connect provider (a JSON Web Key Set), whose tokens the API accepts, too; give issuer and
    /// audience with --parameter
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Pages of this machine may call the API: allows http://localhost:* and http://127.0.0.1:* in CORS, besides the
    /// template's origins
    #[arg(long)]
    dev_origins: bool,
    /// Assume the unkind in everything that PUT /_local/assumptions can change: earlyDisconnect, lateIndexes,
    /// lateListings, longTaskLife, oldItemNeedsRead
    #[arg(long)]
    assume_unkind: bool,
    /// How the functions' log lines are shown; compact on a terminal and raw elsewhere by default
    #[arg(long, value_enum)]
    log: Option<LogFormat>,
}

/// How log lines are shown.
#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    /// Of a line of JSON its level, message, problem, duration, counters and cause
    Compact,
    /// As the functions write them
    Raw,
}

impl LogFormat {
    /// For stderr as it is.
    fn by_default() -> Self {
        if io::stderr().is_terminal() { Self::Compact } else { Self::Raw }
    }
}

/// What a command line comes to.
#[derive(Debug)]
pub struct CommandLine {
    /// How the local cloud is to run, but for `bin_dir`: the functions have not been built.
    pub options: Options,
    /// How they are to be built.
    pub profile: Profile,
    /// The directory of the template.
    pub root: PathBuf,
    /// The npm project of the pages, if it is to be built.
    pub web: Option<PathBuf>,
}

impl Arguments {
    /// Finds the template, and fills in what depends on its place.
    ///
    /// # Errors
    /// There is no such template in the working directory or above it.
    pub fn resolve(self) -> anyhow::Result<CommandLine> {
        let template = find(&self.template)?;
        let root = template.parent().map(Path::to_owned).unwrap_or_default();
        let data_dir = self.data_dir.unwrap_or_else(|| root.join(".greenroom"));
        let web = root.join("web");
        let has_web = web.join("package.json").is_file();
        let builds_web = has_web && !self.no_web && self.web_dir.is_none();
        let web_dir = self.web_dir.or_else(|| has_web.then(|| web.join("dist")));
        // Who takes any port for the API is not to meet a port that is taken.
        let or_default = |port: Option<u16>, default| port.unwrap_or(if self.port == 0 { 0 } else { default });
        let options = Options {
            template: TemplateSource::Path(template),
            stack_name: self.stack_name,
            parameters: BTreeMap::from_iter(self.parameters),
            local_parameters: true,
            region: self.region,
            port: self.port,
            aws_port: self.aws_port,
            media_port: or_default(self.media_port, 8082),
            rtmps_port: or_default(self.rtmps_port, 1936),
            rtmp_port: or_default(self.rtmp_port, 1935),
            tasks_port: or_default(self.tasks_port, 8443),
            chat_port: or_default(self.chat_port, 8084),
            insecure_ingest: self.insecure_ingest,
            data_dir: (!self.ephemeral).then_some(data_dir),
            bin_dir: PathBuf::new(),
            web_dir,
            max_instances: self.max_instances,
            jwks: self.jwks,
            dev_origins: self.dev_origins,
            run_schedules: true,
            assume_unkind: self.assume_unkind,
            log: match self.log.unwrap_or_else(LogFormat::by_default) {
                LogFormat::Compact => Log::Compact,
                LogFormat::Raw => Log::Inherit,
            },
            endpoints: BTreeMap::from_iter(self.endpoints),
        };
        Ok(CommandLine { options, profile: self.profile, root, web: builds_web.then_some(web) })
    }
}

/// A directory that is there: pages of none would be looked for in vain.
fn directory(path: &str) -> Result<PathBuf, String> {
    let directory = PathBuf::from(path);
    if directory.is_dir() { Ok(directory) } else { Err("there is no such directory".to_owned()) }
}

/// The template in the working directory or the nearest one above it.
fn find(template: &Path) -> anyhow::Result<PathBuf> {
    let here = env::current_dir().context("there is no working directory")?;
    let found = here.ancestors().map(|directory| directory.join(template)).find(|file| file.is_file());
    found.ok_or_else(|| {
        anyhow!(
            "there is no {} in {} or above it: run this in the project, or name the file with --template",
            template.display(),
            here.display()
        )
    })
}

/// `NAME=VALUE`.
fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `NAME=URL`, the name as in `AWS_ENDPOINT_URL_<NAME>`.
fn endpoint(text: &str) -> Result<(String, String), String> {
    let (name, url) = text.split_once('=').ok_or("must be NAME=URL")?;
    let is_name = |character: char| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err("NAME is as in AWS_ENDPOINT_URL_<NAME>, such as IVS or IVS_REALTIME".to_owned());
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("URL starts with http:// or https://".to_owned());
    }
    Ok((name.to_owned(), url.to_owned()))
}

/// The name of a stack, by CloudFormation's rule.
fn stack_name(text: &str) -> Result<String, String> {
    let follows = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.chars().all(follows) && text.len() <= 128 {
        return Ok(text.to_owned());
    }
    Err("a letter first, then letters, digits and -, at most 128 in all".to_owned())
}

/// A count of one or more.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "must be a whole number, 1 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_as_cloudformation_has_it() {
        for name in ["a", "greenroom", "Green-Room-2", &"a".repeat(128)] {
            assert_eq!(stack_name(name).as_deref(), Ok(name));
        }
        for name in ["", "2a", "-a", "a_b", "a b", "ä", &"a".repeat(129)] {
            assert!(stack_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn pages_are_of_a_directory_that_is_there() {
        assert_eq!(directory("."), Ok(PathBuf::from(".")));
        assert!(directory("/nope").is_err());
    }

    #[test]
    fn an_endpoint_is_a_name_and_a_url() {
        for name in ["ECS", "EC2"] {
            assert!(endpoint(&format!("{name}=http://localhost:5000")).is_ok(), "{name}");
        }
        let expected = ("IVS_REALTIME".to_owned(), "http://localhost:5000/?a=b".to_owned());
        assert_eq!(endpoint("IVS_REALTIME=http://localhost:5000/?a=b"), Ok(expected));
        for wrong in ["IVS", "=http://localhost", "ivs=http://localhost", "I-VS=http://localhost", "IVS=localhost:5000"]
        {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_parameter_may_have_any_value() {
        assert_eq!(parameter("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(parameter("A="), Ok(("A".to_owned(), String::new())));
        assert!(parameter("A").is_err());
    }

    #[test]
    fn no_instances_are_too_few() {
        assert_eq!(at_least_one("1"), Ok(1));
        for wrong in ["0", "-1", "x", ""] {
            assert!(at_least_one(wrong).is_err(), "{wrong}");
        }
    }
}
