//! `cargo run -p local` as a person meets it: the banner, the end, and what it says when it cannot start.
//!
//! Cargo is replaced by a script, so that no test waits for a build.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

const TEMPLATE: &str = include_str!("template.yaml");

/// A directory with a template and a stand-in for cargo.
struct Project(PathBuf);

impl Project {
    fn new(name: &str, template: &str, cargo: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("greenroom-cli-{name}-{}", std::process::id()));
        for function in ["probe", "exit", "error"] {
            fs::create_dir_all(dir.join("functions").join(function)).unwrap();
        }
        fs::write(dir.join("template.yaml"), template).unwrap();
        let script = dir.join("cargo");
        fs::write(&script, format!("#!/bin/sh\n{cargo}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    /// With a cargo that announces the probe as built.
    fn with_probe(name: &str) -> Self {
        let this = std::env::current_exe().unwrap();
        let probe = this.parent().and_then(Path::parent).unwrap().join("examples/probe");
        Self::new(name, TEMPLATE, &format!("echo '{{\"executable\": \"{}\"}}'", probe.display()))
    }

    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_local"))
            .current_dir(&self.0)
            .env("CARGO", self.0.join("cargo"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What it says when it cannot start.
    fn refusal(&self, arguments: &[&str]) -> String {
        let mut ports = vec!["--port", "0", "--aws-port", "0", "--ephemeral"];
        ports.extend(arguments);
        refusal(self.start(&ports))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refusal(mut child: Child) -> String {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    said
}

#[test]
fn a_taken_port_is_named_with_the_option_that_helps_before_anything_is_built() {
    let project = Project::new("port", TEMPLATE, "echo built >&2");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = refusal(project.start(&["--ephemeral", "--port", &port.to_string()]));
    let cure = "give --port another one, or 0 for any; a second local cloud needs --port 0, --aws-port 0 and --ephemeral \
                (or --data-dir)";
    assert_eq!(said, format!("error: port {port} is taken, perhaps by another local cloud: {cure}\n"));
    for option in ["--media-port", "--rtmps-port", "--rtmp-port"] {
        let said = project.refusal(&[option, &port.to_string()]);
        assert!(said.contains(&format!("port {port} is taken")) && said.contains(&format!("give {option} ")), "{said}");
    }
    let said = refusal(project.start(&["--ephemeral", "--port", "8081", "--aws-port", "8081"]));
    assert_eq!(said, "error: --port and --aws-port must differ\n");
    let said = refusal(project.start(&["--ephemeral", "--rtmp-port", "1936"]));
    assert_eq!(said, "error: --rtmps-port and --rtmp-port must differ\n");
}

#[test]
fn a_broken_template_is_one_sentence_that_says_where() {
    let project = Project::new("broken", "Resources:\n  Api: [\n", "false");
    let said = project.refusal(&[]);
    assert!(said.lines().count() == 1 && said.contains("template.yaml") && said.contains("line"), "{said}");
    let project = Project::new("unknown", &TEMPLATE.replace("!Ref Rows", "!Ref Nothing"), "false");
    let said = project.refusal(&[]);
    assert!(said.lines().count() == 1 && said.contains("Nothing"), "{said}");
}

#[test]
fn an_unknown_parameter_and_a_missing_template_are_one_sentence_each() {
    let project = Project::new("parameter", TEMPLATE, "false");
    let said = project.refusal(&["--parameter", "Colour=red"]);
    assert!(said.lines().count() == 1 && said.contains("Colour"), "{said}");
    let said = project.refusal(&["--template", "other.yaml"]);
    assert!(said.lines().count() == 1 && said.contains("other.yaml") && said.contains("--template"), "{said}");
}

#[test]
fn values_that_no_option_takes_are_refused_with_what_it_takes() {
    let project = Project::new("values", TEMPLATE, "false");
    for (option, value, expected) in [
        ("--max-instances", "0", "1 or more"),
        ("--stack-name", "my_stack", "a letter first, then letters, digits and -, at most 128"),
        ("--endpoint", "ivs=http://localhost:5000", "AWS_ENDPOINT_URL_<NAME>"),
        ("--log", "short", "compact, raw"),
    ] {
        let output = project.start(&[option, value]).wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(option) && said.contains(expected), "{said}");
    }
}

#[test]
fn code_that_is_missing_is_named_with_its_place_before_anything_is_built() {
    let template = TEMPLATE.replace("functions/exit", "functions/exist");
    let project = Project::new("code", &template, "echo built >&2");
    let said = project.refusal(&[]);
    let what = "Resources.ExitFunction.Properties.CodeUri: there is no directory `functions/exist` beside the template";
    assert!(said.lines().count() == 1 && said.contains(what), "{said}");
}

/// Before cargo is run for the functions, lest its earlier words be taken for the cloud's.
const BUILDING: &str = "building the functions, which takes minutes the first time; the API is not up yet\n";

#[test]
fn a_missing_cargo_is_named_with_where_to_get_it() {
    let project = Project::new("cargo", TEMPLATE, "");
    fs::remove_file(project.0.join("cargo")).unwrap();
    let expected = "error: cannot run cargo, which is not found: install Rust from https://rustup.rs\n";
    assert_eq!(project.refusal(&[]), [BUILDING, expected].concat());
}

#[test]
fn a_directory_of_another_region_or_a_file_is_refused_before_anything_is_built() {
    let project = Project::new("owner", TEMPLATE, "echo built >&2; exit 1");
    let ports = ["--port", "0", "--aws-port", "0"];
    let said = refusal(project.start(&ports));
    assert!(said.starts_with(&format!("{BUILDING}built")), "the directory is taken, and the build fails: {said}");
    let said = refusal(project.start(&[&ports[..], &["--region", "eu-west-1"]].concat()));
    let cure = "keeps the stack greenroom in us-east-1: give --region us-east-1, or another --data-dir\n";
    assert!(said.lines().count() == 1 && said.ends_with(cure), "{said}");
    let said = refusal(project.start(&[&ports[..], &["--data-dir", "template.yaml"]].concat()));
    assert_eq!(said, "error: the data directory template.yaml is a file: name a directory with --data-dir\n");
}

#[test]
fn a_failed_build_points_at_cargos_messages() {
    let project = Project::new("build", TEMPLATE, "echo 'error: oh no' >&2; exit 101");
    let expected = "error: oh no\nerror: the functions do not build: see cargo's messages above\n";
    assert_eq!(project.refusal(&[]), [BUILDING, expected].concat());
}

#[test]
fn a_directory_in_use_is_one_sentence() {
    let project = Project::with_probe("directory");
    let (mut first, _) = started(&project, &["--port", "0", "--aws-port", "0"]);
    let said = refusal(project.start(&["--port", "0", "--aws-port", "0"]));
    assert!(said.lines().count() == 1 && said.contains(".greenroom") && said.contains("--data-dir"), "{said}");
    assert!(stop(&mut first, "TERM").success());
}

#[test]
fn the_banner_fits_a_screen_holds_no_token_and_works_when_it_is_pasted() {
    let project = Project::with_probe("banner");
    let (mut child, banner) = started(&project, &["--port", "0", "--aws-port", "0"]);
    assert!(banner.len() <= 24 && banner.iter().all(|line| line.len() <= 80), "{banner:#?}");
    let text = banner.join("\n");
    assert!(!text.contains("eyJ"), "{text}");
    for shown in
        ["The stack greenroom of template.yaml runs here, in us-east-1.", "\nState         kept in .greenroom\n"]
    {
        assert!(text.contains(shown), "{text}");
    }
    let pasted: Vec<_> = banner
        .iter()
        .filter(|line| line.starts_with("eval ") || line.starts_with("curl "))
        .map(String::as_str)
        .collect();
    let [variables, request] = pasted[..] else { panic!("{text}") };
    assert!(request.ends_with("\"$API/own/demo\""), "{request}");
    let script = format!("{variables}\n{request}");
    let shell = Command::new("bash").args(["-euc", &script]).output().unwrap();
    let answer = String::from_utf8(shell.stdout).unwrap();
    assert!(answer.contains(r#""rawPath":"/own/demo""#) && answer.contains(r#""sub":"alice""#), "{answer}");
    assert!(stop(&mut child, "TERM").success());
}

#[test]
fn an_interrupt_leaves_no_process_and_no_port() {
    let project = Project::with_probe("interrupt");
    let (mut child, banner) = started(&project, &["--port", "0", "--aws-port", "0", "--ephemeral"]);
    let port = |label: &str| -> u16 {
        let line = banner.iter().find(|line| line.starts_with(label)).unwrap();
        line.rsplit(':').next().unwrap().trim().parse().unwrap()
    };
    let (api, aws) = (port("API "), port("AWS endpoint"));
    // A request starts an instance.
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, api)).unwrap();
    let body = r#"{"do": "answer", "answer": {"statusCode": 200, "body": "here"}}"#;
    write!(
        stream,
        "POST /probe HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut status = String::new();
    BufReader::new(&stream).read_line(&mut status).unwrap();
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    let instances = children(child.id());
    assert!(!instances.is_empty());

    assert!(stop(&mut child, "INT").success());
    for port in [api, aws] {
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "port {port} is still open");
    }
    for instance in instances {
        // One that has ended may wait for init to take note of it.
        let state = fs::read_to_string(format!("/proc/{instance}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "instance {instance} still runs: {state}");
    }
}

/// Pages to build, and stand-ins for npm and Node.js that note what they are asked.
fn with_pages(project: &Project, npm: &str) {
    let write = |name: &str, content: &str| {
        let file = project.0.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("web/package.json", "{}");
    write("web/package-lock.json", "{}");
    write("web/src/a.ts", "1");
    write("programs/node", "#!/bin/sh\necho v22.1.0\n");
    write("programs/npm", &format!("#!/bin/sh\necho \"$1 $2\" >> ../asked\n{npm}\n"));
}

/// Starts it, stops it, and answers what it said and what npm was asked since the last time.
fn built(project: &Project, arguments: &[&str], path: &str) -> (String, Vec<String>) {
    let ports = ["--port", "0", "--aws-port", "0", "--ephemeral"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_local"))
        .current_dir(&project.0)
        .env("CARGO", project.0.join("cargo"))
        .env("PATH", path)
        .args([&ports[..], arguments].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        let is_last = line.contains("Ctrl-C");
        said.push_str(&line);
        said.push('\n');
        if is_last {
            break;
        }
    }
    assert!(stop(&mut child, "TERM").success());
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let asked = project.0.join("asked");
    let lines = fs::read_to_string(&asked).unwrap_or_default().lines().map(str::to_owned).collect();
    let _ = fs::remove_file(asked);
    (said, lines)
}

#[test]
fn pages_are_built_when_what_they_are_made_of_has_changed() {
    let project = Project::with_probe("pages");
    with_pages(&project, "mkdir -p node_modules; test \"$1\" = ci || mkdir -p dist");
    let path = format!("{}:/usr/bin:/bin", project.0.join("programs").display());
    let (said, asked) = built(&project, &[], &path);
    assert_eq!(asked, ["ci --no-audit", "run build"], "{said}");
    assert!(said.contains("/ in a browser: go live, watch, and see what happens."), "{said}");
    assert!(said.contains("building the pages with npm; --no-web starts without that\n"), "{said}");
    let (said, asked) = built(&project, &[], &path);
    assert!(asked.is_empty() && !said.contains("building the pages"), "{said}");
    fs::write(project.0.join("web/src/a.ts"), "2").unwrap();
    assert!(built(&project, &["--no-web"], &path).1.is_empty());
    assert!(built(&project, &["--web-dir", "web/dist"], &path).1.is_empty(), "somebody else builds those");
    assert_eq!(built(&project, &[], &path).1, ["run build"]);
    fs::write(project.0.join("web/package-lock.json"), "{ }").unwrap();
    assert_eq!(built(&project, &[], &path).1, ["ci --no-audit", "run build"]);
}

#[test]
fn pages_that_cannot_be_built_are_a_warning() {
    let project = Project::with_probe("no-pages");
    with_pages(&project, "echo 'npm: oh no' >&2; exit 1");
    let programs = project.0.join("programs");
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let (said, asked) = built(&project, &[], &path);
    assert!(said.contains("npm: oh no\nwarning: the pages do not build: `npm ci` in ") && asked.len() == 1, "{said}");
    assert!(said.contains("/ in a browser: what runs, and how to get the pages."), "{said}");
    fs::write(programs.join("node"), "#!/bin/sh\necho v18.20.0\n").unwrap();
    let (said, asked) = built(&project, &[], &path);
    assert!(said.contains("Node.js v18.20.0 is too old: install Node.js 20.19 or later") && asked.is_empty(), "{said}");
    let said = built(&project, &[], "/nowhere").0;
    assert!(said.contains("warning: the pages are not built, since there is no Node.js: install"), "{said}");
    fs::create_dir(project.0.join("web/dist")).unwrap();
    let said = built(&project, &[], "/nowhere").0;
    assert!(said.contains("; the pages are those of an earlier build\n"), "{said}");
}

/// Waits for the end of the banner.
fn started(project: &Project, arguments: &[&str]) -> (Child, Vec<String>) {
    let mut child = project.start(arguments);
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().is_some_and(|line| line.contains("Ctrl-C")) {
            return (child, lines);
        }
    }
    panic!("no banner: {}", refusal(child));
}

fn stop(child: &mut Child, signal: &str) -> ExitStatus {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    child.wait().unwrap()
}

fn children(parent: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    tasks
        .flat_map(|task| {
            let children = fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
            children.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}
