//! Builds the function binaries with cargo.

use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

use crate::template::Template;

/// Which of cargo's profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Fast to build.
    Dev,
    /// As deployed.
    Release,
}

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packages {
    /// These binaries alone, each with its package.
    Named(Vec<(String, String)>),
    /// Every binary of the workspace.
    Workspace,
}

impl Packages {
    /// With the binaries of the workspace that the images of the template are named after. Other images are somebody else's.
    ///
    /// # Errors
    /// Cargo cannot be run, or the directory is of no workspace.
    pub fn and_images(self, manifest_dir: &Path, template: &Template) -> anyhow::Result<Self> {
        let images = template.images();
        let Self::Named(mut named) = self else { return Ok(self) };
        if !images.is_empty() {
            let binaries = binaries(manifest_dir)?;
            let of_images = binaries.into_iter().filter(|(_, binary)| images.values().any(|name| name == binary));
            named.extend(of_images);
        }
        Ok(Self::Named(named))
    }
}

/// The package and the name of every binary of the workspace.
fn binaries(manifest_dir: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let arguments = ["metadata", "--no-deps", "--format-version=1", "--quiet"];
    let output =
        cargo().current_dir(manifest_dir).args(arguments).stderr(Stdio::inherit()).output().map_err(cannot_run)?;
    if !output.status.success() {
        bail!("cargo does not know the workspace: see its messages above");
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cannot read cargo's metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let binaries = packages.flat_map(|package| {
        let targets = package["targets"].as_array().into_iter().flatten();
        let of_kind =
            targets.filter(|target| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"bin".into())));
        of_kind.map(move |target| {
            [&package["name"], &target["name"]].map(|name| name.as_str().unwrap_or_default().to_owned())
        })
    });
    Ok(binaries.map(|[package, binary]| (package, binary)).collect())
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn cannot_run(error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow!("cannot run cargo, which is not found: install Rust from https://rustup.rs"),
        _ => anyhow!("cannot run cargo: {error}"),
    }
}

/// Builds, with cargo's own progress on stderr, and answers the directory that holds the binaries.
///
/// `manifest_dir` is any directory of the workspace. `CARGO` and `CARGO_TARGET_DIR` are honoured.
///
/// # Errors
/// Cargo cannot be run or fails, or it builds no binary.
pub fn build(manifest_dir: &Path, profile: Profile, packages: &Packages) -> anyhow::Result<PathBuf> {
    let mut cargo = cargo();
    cargo.current_dir(manifest_dir).args(["build", "--message-format=json-render-diagnostics"]);
    cargo.args(selection(profile, packages));
    let child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(cannot_run)?;
    let mut executables = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            executables.extend(executable(&line.context("cannot read cargo's messages")?));
        }
    }
    if !child.wait().context("cannot wait for cargo")?.success() {
        bail!("the functions do not build: see cargo's messages above");
    }
    let directory = executables.first().and_then(|executable| executable.parent());
    directory.map(Path::to_owned).ok_or_else(|| anyhow!("cargo built no binary"))
}

/// The arguments that say what is built.
///
/// For development, cargo settles features for the whole workspace, as for `cargo test --workspace`, whatever is built:
/// with `-p` it would for the packages named, and the SDK would be compiled once more. A release is as deployed: there
/// each function has its own features.
fn selection(profile: Profile, packages: &Packages) -> Vec<&str> {
    let mut arguments = match (profile, packages) {
        (_, Packages::Workspace) => vec!["--workspace", "--bins"],
        (Profile::Dev, Packages::Named(named)) => {
            let binaries = named.iter().flat_map(|(_, binary)| ["--bin", binary]);
            ["--workspace"].into_iter().chain(binaries).collect()
        }
        (Profile::Release, Packages::Named(named)) => {
            let packages = named.iter().flat_map(|(package, _)| ["-p", package]);
            ["--bins"].into_iter().chain(packages).collect()
        }
    };
    if profile == Profile::Release {
        arguments.push("--release");
    }
    arguments
}

/// The executable that one of cargo's messages announces.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_for_development_has_the_features_of_the_whole_workspace() {
        let named = Packages::Named(vec![("stage".to_owned(), "stage-main".to_owned())]);
        assert_eq!(selection(Profile::Dev, &named), ["--workspace", "--bin", "stage-main"]);
        assert_eq!(selection(Profile::Release, &named), ["--bins", "-p", "stage", "--release"]);
        assert_eq!(selection(Profile::Dev, &Packages::Workspace), ["--workspace", "--bins"]);
    }

    #[test]
    fn only_artifacts_that_are_executables_count() {
        let artifact = r#"{"reason":"compiler-artifact","executable":"/t/debug/stage"}"#;
        assert_eq!(executable(artifact), Some(PathBuf::from("/t/debug/stage")));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
