//! Instructions, as callgrind counts them: the same on every machine, but for what aws-lc chooses by the processor, and
//! for the hash tables, keys and nonces, which are random. Time is not.

use std::fs;

use anyhow::Context;

use crate::function::{Process, Surroundings};
use crate::plan::{Counts, Function, Instructions};

/// Counts by the difference between processes that end at different points.
///
/// # Errors
/// When the function does not do what it is to, or callgrind writes something else.
pub(crate) async fn instructions(
    function: &Function,
    around: &Surroundings,
    counts: &Counts,
) -> anyhow::Result<Instructions> {
    let init = until(function, around, 0, "init").await?;
    let first_answer = until(function, around, 1, "first-answer").await?;
    let settled = until(function, around, 1 + counts.settling, "settled").await?;
    let all = until(function, around, 1 + counts.settling + counts.warm, "warm").await?;
    let warm = all.saturating_sub(settled) / u64::try_from(counts.warm.max(1))?;
    Ok(Instructions { init, first_answer, warm })
}

/// Under valgrind, on a busy machine, a call of AWS may take longer than the function waits for it: how often a process
/// may be started for one count.
const TRIES: usize = 3;

async fn until(function: &Function, around: &Surroundings, requests: usize, what: &str) -> anyhow::Result<u64> {
    let mut tries = 1;
    loop {
        match counted(function, around, requests, what).await {
            Err(_) if tries < TRIES => tries += 1,
            counted => return counted,
        }
    }
}

/// All of a process that has answered so many requests and waits for the next.
async fn counted(function: &Function, around: &Surroundings, requests: usize, what: &str) -> anyhow::Result<u64> {
    let file = around.directory.join(format!("callgrind.{}.{what}", function.name.replace(' ', "-")));
    let by = ["valgrind".to_owned(), "--tool=callgrind".to_owned(), format!("--callgrind-out-file={}", file.display())];
    let mut process = Process::start(function, around, &by).await?;
    let (_, reply) = process.ready(around).await?;
    let (_, _reply) = process.answers(requests, reply).await?;
    if requests > 0 {
        process.check_connections(around)?;
    }
    process.end()?;
    let text = fs::read_to_string(&file).with_context(|| format!("callgrind wrote no {}", file.display()))?;
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    total.and_then(|total| total.trim().parse().ok()).context("callgrind's file is not as it is known")
}
