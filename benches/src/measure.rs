//! One process from its start to its end.

use crate::function::{Process, Surroundings};
use crate::plan::{Function, Sample};
use crate::proc;

/// Starts a function, asks it for the first time, lets it settle, and asks it `warm` times.
///
/// # Errors
/// When it does not do what it is to.
pub(crate) async fn sample(
    function: &Function,
    around: &Surroundings,
    settling: usize,
    warm: usize,
) -> anyhow::Result<Sample> {
    let mut process = Process::start(function, around, &[]).await?;
    let (polled, reply) = process.ready(around).await?;
    let (_, answered) = process.answered(reply).await?;
    let (_, reply) = process.polled().await?;
    process.check_connections(around)?;
    let (minor_faults, major_faults) = proc::page_faults(process.id())?;
    let cold_cpu = proc::cpu(process.id())?;
    let (_, reply) = process.answers(settling, reply).await?;
    let (cpu, calls) = (proc::cpu(process.id())?, around.endpoint.calls());
    let (took, _reply) = process.answers(warm, reply).await?;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let (requests, calls) = (warm as f64, (around.endpoint.calls() - calls) as f64);
    let sample = Sample {
        first_poll: (polled - process.started).as_secs_f64() * 1e6,
        first_answer: (answered - process.started).as_secs_f64() * 1e6,
        cold_cpu,
        minor_faults,
        major_faults,
        warm_cpu: (proc::cpu(process.id())? - cpu) / requests,
        warm_wall: took.as_secs_f64() * 1e6 / requests,
        warm_calls: calls / requests,
        peak_memory: proc::peak_memory(process.id())?,
    };
    process.end()?;
    Ok(sample)
}
