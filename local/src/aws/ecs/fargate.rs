//! The sizes of tasks that Fargate has: "Task CPU and memory" in the developer guide.

use super::error::client;
use crate::aws::service::ServiceError;

/// CPU units, the least and the most memory and the step between, in MiB.
const SIZES: [(u64, u64, u64, u64); 7] = [
    (256, 512, 2_048, 512),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];
/// What the smallest has not, although the step would have it.
const NOT_OF_THE_SMALLEST: (u64, u64) = (256, 1_536);

/// Refuses a size that Fargate does not have.
pub(super) fn check_size(cpu: &str, memory: &str) -> Result<(), ServiceError> {
    let (units, mib) = (units(cpu, "vcpu"), units(memory, "gb"));
    let has = |(cpu, least, most, step): &(u64, u64, u64, u64)| {
        let Some(mib) = mib else { return false };
        units == Some(*cpu)
            && (*least..=*most).contains(&mib)
            && (mib - least) % step == 0
            && (*cpu, mib) != NOT_OF_THE_SMALLEST
    };
    if SIZES.iter().any(has) {
        return Ok(());
    }
    Err(client(format!("No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")))
}

/// A size as a number, or as one of a unit of 1,024: `1024`, `1 vCPU`, `.5 vCPU`, `2GB`.
fn units(text: &str, unit: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_suffix(unit) {
        Some(number) => {
            let units = number.trim().parse::<f64>().ok()? * 1_024.0;
            (units >= 0.0 && units.fract() == 0.0).then_some(units as u64)
        }
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_and_memory_go_together() {
        for (cpu, memory) in [
            ("256", "512"),
            (".25 vCPU", "2 GB"),
            ("0.5 vcpu", "4096"),
            ("1 vCPU", "8GB"),
            ("4096", "30720"),
            ("8192", "20480"),
            ("16384", "122880"),
        ] {
            assert_eq!(check_size(cpu, memory), Ok(()), "{cpu} {memory}");
        }
        for (cpu, memory) in [
            ("256", "4096"),
            ("256", "1536"),
            ("512", "512"),
            ("512", "1536"),
            ("1000", "2048"),
            ("8192", "17408"),
            ("16384", "131072"),
            ("one", "512"),
            ("1 vCPU", "a lot"),
        ] {
            let said = check_size(cpu, memory).unwrap_err();
            assert_eq!((said.code, said.message.contains(cpu)), ("ClientException", true), "{cpu} {memory}");
        }
    }
}
