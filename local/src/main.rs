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
    let CommandLine { mut options, profile, root, web } = arguments.resolve()?;
    let template = options.read_template()?;
    let packages = Packages::Named(template.binaries()).and_images(&root, &template)?;
    local::check(&options).await?;
    // Cargo has just said that it is done, with this program.
    let _ = writeln!(io::stderr(), "building the functions, which takes minutes the first time; the API is not up yet");
    options.bin_dir = local::build(&root, profile, &packages)?;
    if let Some(web) = web {
        local::build_pages(&web);
    }
    let stopped = stop_signal()?;
    let cloud = LocalCloud::start(options).await?;
    // Without a stdout nobody reads the banner.
    let _ = io::stdout().write_all(cloud.banner().as_bytes());
    stopped.await;
    cloud.shutdown().await;
    Ok(())
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
