//! Builds the pages with npm, when what they are made of has changed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What was built from what; npm makes the directory anew with everything that it installs.
const STAMP: &str = "node_modules/.greenroom-build";
/// What of the project is no source.
const NO_SOURCES: [&str; 4] = ["node_modules", "dist", "coverage", "test-results"];
/// What pages take from beside their project: the client of the chat, which is anybody's.
const BESIDE: &str = "../clients/typescript/chat";
/// What Vite needs.
const NODE: (u32, u32) = (20, 19);

/// Builds the npm project in `project` into its `dist`, unless that is up to date. Progress goes to stderr, and so does
/// what keeps it from being built: pages are no reason not to start.
pub fn build_pages(project: &Path) {
    let said = match build(project) {
        Ok(()) => return,
        Err(what) if is_built(project) => format!("warning: {what}; the pages are those of an earlier build\n"),
        Err(what) => format!("warning: {what}; everything else runs without the pages\n"),
    };
    let _ = io::stderr().write_all(said.as_bytes());
}

/// Whether there are pages, of whatever sources.
fn is_built(project: &Path) -> bool {
    project.join("dist").is_dir()
}

fn build(project: &Path) -> Result<(), String> {
    let wanted = Stamp::of(project).map_err(|error| format!("cannot read {}: {error}", project.display()))?;
    let built = Stamp::read(&project.join(STAMP));
    let is_installed = built.as_ref().is_some_and(|built| built.lock == wanted.lock);
    if is_installed && is_built(project) && built.is_some_and(|built| built.sources == wanted.sources) {
        return Ok(());
    }
    check_node()?;
    let steps: &[&[&str]] = match is_installed {
        true => &[&["run", "build"]],
        false => &[
            // Without a network, it is to give up soon.
            &["ci", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--fetch-timeout=60000"],
            &["run", "build"],
        ],
    };
    let _ = io::stderr().write_all(b"building the pages with npm; --no-web starts without that\n");
    for step in steps {
        npm(project, step)?;
    }
    let stamp = format!("{}\n{}\n", wanted.lock, wanted.sources);
    fs::write(project.join(STAMP), stamp).map_err(|error| format!("cannot write {STAMP}: {error}"))
}

fn npm(project: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut npm = Command::new("npm");
    npm.current_dir(project).args(arguments).stdin(Stdio::null()).stdout(io::stderr());
    let step =
        arguments.iter().take_while(|argument| !argument.starts_with("--")).copied().collect::<Vec<_>>().join(" ");
    match npm.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("the pages do not build: `npm {step}` in {} says why above", project.display())),
        Err(error) => {
            Err(format!("the pages are not built, since npm cannot be run ({error}): install Node.js 20.19 or later"))
        }
    }
}

/// Says what to do about a Node.js that is missing or too old, before npm fails in words of its own.
fn check_node() -> Result<(), String> {
    let cure = "install Node.js 20.19 or later";
    let output = Command::new("node").arg("--version").stdin(Stdio::null()).output();
    let Ok(output) = output else { return Err(format!("the pages are not built, since there is no Node.js: {cure}")) };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match parse(&version) {
        Some(found) if found < NODE => {
            Err(format!("the pages are not built, since Node.js {version} is too old: {cure}"))
        }
        _ => Ok(()),
    }
}

/// Major and minor of `v20.19.2`.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// What pages are made of, as hashes.
struct Stamp {
    /// Of what npm installs.
    lock: String,
    /// Of everything else.
    sources: String,
}

impl Stamp {
    fn of(project: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        list(project, &mut files)?;
        let beside = project.join(BESIDE);
        if beside.is_dir() {
            list(&beside, &mut files)?;
        }
        files.sort();
        let (mut lock, mut sources) = (Context::new(&SHA256), Context::new(&SHA256));
        for file in &files {
            let name = file.strip_prefix(project).unwrap_or(file);
            let hash = if name == Path::new("package-lock.json") { &mut lock } else { &mut sources };
            let content = fs::read(file)?;
            // Each part is as long as it says, so that no two sets of files are alike.
            for part in [name.as_os_str().as_encoded_bytes(), &content] {
                hash.update(&part.len().to_be_bytes());
                hash.update(part);
            }
        }
        let text = |hash: Context| URL_SAFE_NO_PAD.encode(hash.finish().as_ref());
        Ok(Self { lock: text(lock), sources: text(sources) })
    }

    fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let (lock, sources) = text.trim_end().split_once('\n')?;
        Some(Self { lock: lock.to_owned(), sources: sources.to_owned() })
    }
}

/// The source files below a directory.
fn list(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || NO_SOURCES.contains(&name.as_ref()) || name.ends_with(".test.ts") {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plumbing::state_file::tests::TemporaryDirectory;

    #[test]
    fn a_version_of_node_is_compared_by_its_numbers() {
        for (version, expected) in [("v20.19.2", Some(false)), ("v20.9.0", Some(true)), ("v100.0.0", Some(false))] {
            assert_eq!(parse(version).map(|found| found < NODE), expected, "{version}");
        }
        assert_eq!(parse("what"), None);
    }

    #[test]
    fn a_stamp_changes_with_a_source_and_not_with_what_is_built_or_tests() {
        let directory = TemporaryDirectory::new();
        let project = directory.file().join("web");
        let write = |name: &str, content: &str| {
            let file = project.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        };
        write("package-lock.json", "{}");
        write("src/a.ts", "1");
        let stamp = || Stamp::of(&project).map(|stamp| (stamp.lock, stamp.sources)).unwrap();
        let (lock, sources) = stamp();
        for name in ["dist/a.js", "node_modules/a/index.js", "src/a.test.ts", ".cache/a"] {
            write(name, "2");
            assert_eq!(stamp(), (lock.clone(), sources.clone()), "{name}");
        }
        write("src/a.ts", "2");
        let changed = stamp();
        assert!(changed.0 == lock && changed.1 != sources);
        write("../clients/typescript/chat/client.ts", "1");
        assert!(stamp().0 == lock && stamp().1 != changed.1);
        let changed = stamp();
        write("package-lock.json", "{ }");
        assert!(stamp().0 != lock && stamp().1 == changed.1);
    }
}
