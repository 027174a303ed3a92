//! What every deployment must do, as cases that need nothing but its API: `cargo run -p tests --bin smoke` runs them
//! against AWS, and the end-to-end tests in the local cloud.
//!
//! A case makes what it needs under names of its own, and all of it is deleted afterwards, whatever happened.

mod answer;
mod broadcast;
mod broadcast_settings;
mod case;
mod channel;
mod chat;
mod health;
mod participant;
mod server;
mod stage;
mod stream;
mod target;

use std::time::{Duration, Instant};

pub use self::answer::Failure;
pub use self::case::{Case, Group, Outcome, Run};
pub use self::target::{Target, Who};

/// The longest that a case may take.
const CASE_LIMIT: Duration = Duration::from_secs(300);

/// Every case, in the order of the groups.
pub fn cases() -> Vec<Case> {
    let cases = [health::CASES, stage::CASES, participant::CASES, channel::CASES, chat::CASES];
    [&cases.concat(), broadcast_settings::CASES, broadcast::CASES, server::CASES, stream::CASES].concat()
}

/// How many cases came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that hold.
    pub passed: usize,
    /// Those that this deployment has no use for.
    pub skipped: usize,
    /// Those that do not hold, or that left something behind.
    pub failed: usize,
}

/// Runs the cases of these groups one after the other, and says of each how it went: one line, and below it what does
/// not hold. No line shows a token or a key.
pub async fn run(target: &Target, groups: &[Group], mut say: impl FnMut(&str)) -> Tally {
    let mut tally = Tally::default();
    for case in cases().into_iter().filter(|case| groups.contains(&case.group)) {
        let started = Instant::now();
        let run = tokio::time::timeout(CASE_LIMIT, (case.run)(target)).await;
        let run = run.unwrap_or_else(|_| Err(Failure::new(format!("not within {} seconds", CASE_LIMIT.as_secs()))));
        let left = target.clean_up().await;
        let (word, count, remark) = match (&run, left.is_empty()) {
            (Ok(Outcome::Holds), true) => ("ok", &mut tally.passed, None),
            (Ok(Outcome::Skipped(why)), true) => ("skip", &mut tally.skipped, Some((*why).to_owned())),
            (Err(failure), _) => ("FAILED", &mut tally.failed, Some(failure.to_string())),
            (Ok(_), false) => ("FAILED", &mut tally.failed, None),
        };
        *count += 1;
        let seconds = started.elapsed().as_secs_f64();
        say(&format!("{word:6}  {:18}  {}  ({seconds:.1} s)", case.group.name(), case.name));
        for line in remark.iter().chain(&left) {
            say(&format!("        {}", target.redacted(line)));
        }
    }
    tally
}
