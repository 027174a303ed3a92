//! What Linux says of a process.

use std::fs;

use anyhow::Context;

/// Processor time of all its threads that there are, in microseconds. The kernel counts in nanoseconds here, where
/// `stat` has ticks of ten milliseconds.
pub(crate) fn cpu(process: u32) -> anyhow::Result<f64> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).context("the process has ended")? {
        // A thread may end meanwhile.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let own: u64 = text.split(' ').next().unwrap_or_default().parse().context("schedstat is not as it is known")?;
        nanoseconds += own;
    }
    #[expect(clippy::cast_precision_loss, reason = "a process that runs for three months is none of ours")]
    Ok(nanoseconds as f64 / 1_000.0)
}

/// Page faults that needed no disk, and those that did.
pub(crate) fn page_faults(process: u32) -> anyhow::Result<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).context("the process has ended")?;
    // The second field is a name, in brackets, and may hold anything.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse().ok());
    field(10).zip(field(12)).context("stat is not as it is known")
}

/// The most memory that was resident so far, in KiB.
pub(crate) fn peak_memory(process: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).context("the process has ended")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.context("status is not as it is known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_touches_memory_is_seen_to_work_and_to_take_it() {
        let me = std::process::id();
        let (cpu_before, (faults, _), peak) = (cpu(me).unwrap(), page_faults(me).unwrap(), peak_memory(me).unwrap());
        // The kernel adds a thread's time up now and then.
        let mut touched = vec![0_u8; 64 << 20];
        let mut with = 1_u8;
        touched.fill(with);
        for _ in 0..1_000 {
            if cpu(me).unwrap() > cpu_before {
                break;
            }
            with = with.wrapping_add(1);
            touched.fill(with);
        }
        assert!(cpu(me).unwrap() > cpu_before, "no processor time");
        let (faults_now, _) = page_faults(me).unwrap();
        assert!(faults_now > faults, "{faults_now} page faults, of {faults} before");
        let now = peak_memory(me).unwrap();
        assert!(now >= peak.max(64 << 10), "{now} KiB, of {peak} before");
    }

    #[test]
    fn a_process_that_has_ended_is_an_error() {
        let ended = std::process::Command::new("true").spawn().and_then(|mut child| child.wait().map(|_| child.id()));
        let ended = ended.unwrap();
        assert!(cpu(ended).is_err() && page_faults(ended).is_err() && peak_memory(ended).is_err());
    }
}
