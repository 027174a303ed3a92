//! `cargo run -p tests --bin smoke -- [group...]`: whether a deployment works, seen from its API.
//!
//! `API_URL` is its base URL, `ALICE_TOKEN` and `BOB_TOKEN` are JWTs of two of its users. Whatever the cases make is
//! deleted again, also when they fail or are interrupted. Exit status: 0 if all hold, else 1.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use tests::smoke::{Group, Target, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let set_up = groups().and_then(|groups| Ok((groups, target()?)));
    let (groups, target) = match set_up {
        Ok(set_up) => set_up,
        Err(what) => {
            let _ = writeln!(io::stderr(), "error: {what}");
            return ExitCode::FAILURE;
        }
    };
    // Whoever reads may have gone.
    let say = |line: &str| drop(writeln!(io::stdout(), "{line}"));
    let interrupted = tokio::select! {
        tally = run(&target, &groups, say) => {
            say(&format!("{} passed, {} skipped, {} failed", tally.passed, tally.skipped, tally.failed));
            return if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        interrupted = interrupted() => interrupted,
    };
    say(&format!("{interrupted}: deleting what was made"));
    target.clean_up().await.iter().for_each(|line| say(&target.redacted(line)));
    ExitCode::FAILURE
}

/// The groups that are named, or all.
fn groups() -> Result<Vec<Group>, String> {
    let named: Vec<String> = env::args().skip(1).collect();
    if named.is_empty() {
        return Ok(Group::ALL.to_vec());
    }
    let known = || Group::ALL.map(Group::name).join(", ");
    let group =
        |name: &String| Group::named(name).ok_or_else(|| format!("there is no group `{name}`; there are: {}", known()));
    named.iter().map(group).collect()
}

fn target() -> Result<Target, String> {
    let variables = [
        ("API_URL", "the base URL of the API, which is the stack's output ApiUrl"),
        ("ALICE_TOKEN", "a JWT of a user"),
        ("BOB_TOKEN", "a JWT of another user"),
    ];
    let value =
        |name: &str| env::var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
    let missing: Vec<String> = variables
        .iter()
        .filter(|(name, _)| value(name).is_none())
        .map(|(name, what)| format!("{name} ({what})"))
        .collect();
    if !missing.is_empty() {
        return Err(format!("not set: {}", missing.join(", ")));
    }
    let [url, alice, bob] = variables.map(|(name, _)| value(name).unwrap_or_default());
    Target::new(&url, alice.trim(), bob.trim())
}

/// Ends when the process is asked to stop, and says by what.
async fn interrupted() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => "interrupted",
                _ = terminate.recv() => "terminated",
            };
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    "interrupted"
}
