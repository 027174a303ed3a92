//! `cargo run -p local`: builds the functions and runs the local cloud until it is told to stop.

mod arguments;

use std::collections::BTreeMap;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Parser;
use local::{LocalCloud, Log, Options, Packages, Profile, TemplateSource};

/// Runs the application of template.yaml on this machine, without an AWS account.
#[derive(Parser)]
struct Arguments {
    /// Port of the API
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of the AWS endpoint
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// Keep nothing: start empty and forget everything at the end
    #[arg(long, conflicts_with = "data_dir")]
    ephemeral: bool,
    /// Where state is kept; .greenroom beside the template by default
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// How the functions are built
    #[arg(long, value_enum, default_value_t = Profile::Dev)]
    profile: Profile,
    /// File name of the template, looked for here and in the directories above
    #[arg(long, default_value = "template.yaml")]
    template: PathBuf,
    /// What AWS::StackName is
    #[arg(long, default_value = "greenroom", value_parser = arguments::stack_name)]
    stack_name: String,
    /// A parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = arguments::parameter)]
    parameters: Vec<(String, String)>,
    /// What AWS::Region is
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Instances of one function at a time; more requests wait
    #[arg(long, default_value_t = 100, value_parser = arguments::at_least_one)]
    max_instances: usize,
    /// A service that is somebody else's, such as IVS=http://localhost:5000: sets AWS_ENDPOINT_URL_<NAME> for the
    /// functions; may be repeated
    #[arg(long = "endpoint", value_name = "NAME=URL", value_parser = arguments::endpoint)]
    endpoints: Vec<(String, String)>,
    /// Keys of an OpenID Connect provider (a JSON Web Key Set), whose tokens the API accepts, too; give issuer and
    /// audience with --parameter
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// How the functions' log lines are shown; compact on a terminal and raw elsewhere by default
    #[arg(long, value_enum)]
    log: Option<Lines>,
}

/// How log lines are shown.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Lines {
    /// Of a line of JSON its level and message, how long it took and the cause
    Compact,
    /// As the functions write them
    Raw,
}

impl Lines {
    /// For stderr as it is.
    fn by_default() -> Self {
        if io::stderr().is_terminal() { Self::Compact } else { Self::Raw }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let template = find(&arguments.template)?;
    let root = template.parent().map(Path::to_owned).unwrap_or_default();
    let data_dir = arguments.data_dir.unwrap_or_else(|| root.join(".greenroom"));
    let mut options = Options {
        template: TemplateSource::Path(template),
        stack_name: arguments.stack_name,
        parameters: BTreeMap::from_iter(arguments.parameters),
        region: arguments.region,
        port: arguments.port,
        aws_port: arguments.aws_port,
        data_dir: (!arguments.ephemeral).then_some(data_dir),
        bin_dir: PathBuf::new(),
        max_instances: arguments.max_instances,
        jwks: arguments.jwks,
        log: match arguments.log.unwrap_or_else(Lines::by_default) {
            Lines::Compact => Log::Compact,
            Lines::Raw => Log::Inherit,
        },
        endpoints: BTreeMap::from_iter(arguments.endpoints),
    };
    let packages = Packages::Named(options.read_template()?.binaries());
    local::check(&options).await?;
    options.bin_dir = local::build(&root, arguments.profile, &packages)?;
    let region = options.region.clone();
    let stopped = stop_signal()?;
    let cloud = LocalCloud::start(options).await?;
    // Without a stdout nobody reads the banner.
    let _ = io::stdout().write_all(banner(&cloud, &region).as_bytes());
    stopped.await;
    cloud.shutdown().await;
    Ok(())
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

fn banner(cloud: &LocalCloud, region: &str) -> String {
    let (api, aws, token) = (cloud.api_url(), cloud.aws_url(), cloud.token("alice"));
    let mut text = format!(
        "\nAPI           {api}\nAWS endpoint  {aws}\n\nexport AWS_ENDPOINT_URL={aws} AWS_ACCESS_KEY_ID=local \
         AWS_SECRET_ACCESS_KEY=local AWS_REGION={region} AWS_DEFAULT_REGION={region}\nexport API={api} \
         TOKEN={token}\n"
    );
    if let Some(route) =
        cloud.template().routes().iter().find(|route| route.method == "PUT" && route.path.contains('{'))
    {
        let path: Vec<_> =
            route.path.split('/').map(|segment| if segment.starts_with('{') { "demo" } else { segment }).collect();
        let path = path.join("/");
        text.push_str(&format!("\ncurl -X PUT -H 'authorization: Bearer {token}' {api}{path}\n"));
    }
    text.push_str("\nCtrl-C stops it.\n");
    text
}

/// Ends when the process is asked to stop. Signals count from this call on.
#[cfg(unix)]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends when the process is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
