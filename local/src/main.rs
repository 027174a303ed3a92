//! `cargo run -p local`: builds the functions and runs the local cloud until it is told to stop.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use local::{Arguments, CommandLine, LocalCloud, Packages};

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
    let CommandLine { mut options, profile, root } = arguments.resolve()?;
    let packages = Packages::Named(options.read_template()?.packages());
    local::check(&options).await?;
    options.bin_dir = local::build(&root, profile, &packages)?;
    let region = options.region.clone();
    let stopped = stop_signal()?;
    let cloud = LocalCloud::start(options).await?;
    // Without a stdout nobody reads the banner.
    let _ = io::stdout().write_all(banner(&cloud, &region).as_bytes());
    stopped.await;
    cloud.shutdown().await;
    Ok(())
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
