//! Runs functions as Lambda does and measures them: `benches <plan> <results>`, two files in JSON. `scripts/bench` builds
//! the functions, writes the plan and shows the results.
//!
//! Functions run one after the other, in turns, each in a process of its own. They are driven from one thread, with the
//! servers that they talk to.

mod aws;
mod certificates;
mod connections;
mod count;
mod function;
mod measure;
mod plan;
mod proc;
mod runtime_api;
mod trust;

use std::fs;

use anyhow::{Context, bail};
use time::OffsetDateTime;
use tokio::task::LocalSet;

use crate::aws::Endpoint;
use crate::function::Surroundings;
use crate::plan::{Plan, Results};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // The connections of the servers are tasks of this thread.
    LocalSet::new().run_until(run()).await
}

async fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, plan, results] = arguments.as_slice() else { bail!("benches <plan> <results>") };
    let plan = fs::read(plan).with_context(|| format!("cannot read {plan}"))?;
    let mut plan: Plan = serde_json::from_slice(&plan).context("the plan cannot be read")?;
    #[expect(clippy::disallowed_methods, reason = "the edge")]
    let now = OffsetDateTime::now_utc();
    let issued = certificates::issue(now)?;
    let bundle = plan.directory.join("ca-bundle.crt");
    let system = fs::read_to_string(&plan.bundle).with_context(|| format!("cannot read {}", plan.bundle.display()))?;
    fs::write(&bundle, format!("{system}\n{}", issued.authority)).context("cannot write the bundle")?;
    let authority = plan.directory.join("authority.crt");
    fs::write(&authority, &issued.authority).context("cannot write the authority's certificate")?;
    for function in &mut plan.functions {
        if let Some(root) = &function.root {
            let program = trust::replaced(function, root, &issued.authority, &plan.directory)?;
            function.command = vec![program.display().to_string()];
        }
    }
    let endpoint = Endpoint::open(issued.acceptor, now).await?;
    let surroundings = Surroundings { endpoint, bundle, authority, directory: plan.directory.clone() };
    let mut found = Results::of(&plan.functions);
    for run in 0..plan.runs {
        // In turns, so that what the machine does meanwhile is everybody's.
        for (function, found) in plan.functions.iter().zip(&mut found.functions) {
            let sample = measure::sample(function, &surroundings, plan.settling, plan.warm).await;
            found.samples.push(sample.with_context(|| format!("{}, run {run}", function.name))?);
        }
    }
    // What took long is not lost when something goes wrong later.
    write(results, &found)?;
    if let Some(counts) = &plan.counts {
        for (function, found) in plan.functions.iter().zip(&mut found.functions) {
            if function.counted {
                let counted = count::instructions(function, &surroundings, counts).await;
                found.instructions = Some(counted.with_context(|| function.name.clone())?);
            }
        }
    }
    write(results, &found)
}

fn write(results: &str, found: &Results) -> anyhow::Result<()> {
    fs::write(results, serde_json::to_vec_pretty(found)?).with_context(|| format!("cannot write {results}"))
}
