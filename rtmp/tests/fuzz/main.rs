//! Each reader against what becomes of real sessions, values and bodies when bytes of them are changed, lost, doubled and spliced.
//! None may panic, hold more than its limits, or stand still. `scripts/fuzz` runs millions.
//!
//! Everything follows from a seed: a failure names the one with which it happens in the first execution.

#![expect(clippy::unwrap_used, reason = "what the corpus is made of is valid")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "how many were taken, and how to see a failure again")]

mod corpus;
mod mutate;
mod targets;

use mutate::Random;

/// How often all of them together, unless `RTMP_FUZZ_EXECUTIONS` says otherwise.
const EXECUTIONS: u64 = 40_000;
const TARGETS: u64 = 9;
const SEED: u64 = 0x5eed;

/// Runs a target with mutations of its corpus, and says how many of them it took.
fn fuzz(name: &str, corpus: &[Vec<u8>], target: impl Fn(&[u8], &mut Random) -> bool) {
    let (executions, seed) =
        (number("RTMP_FUZZ_EXECUTIONS", EXECUTIONS).div_ceil(TARGETS), number("RTMP_FUZZ_SEED", SEED));
    for (place, entry) in corpus.iter().enumerate() {
        assert!(target(entry, &mut Random::new(0)), "{name}: entry {place} of the corpus is refused as it is");
    }
    let mut taken = 0u64;
    let mut bytes = Vec::new();
    for execution in 0..executions {
        let seed = seed.wrapping_add(execution);
        let _tell = Tell { name, seed };
        let mut random = Random::new(seed);
        mutate::mutate(&mut bytes, corpus, &mut random);
        taken += u64::from(target(&bytes, &mut random));
    }
    println!(
        "{name}: {executions} executions from {} entries, {taken} taken, {} refused",
        corpus.len(),
        executions - taken
    );
    // If nearly nothing were taken, or all, the mutations would test little. Of a few, it may be so.
    assert!(
        executions < 1000 || (taken > executions / 100 && taken < executions),
        "{name}: {taken} of {executions} were taken"
    );
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var_os(variable) {
        Some(text) => {
            text.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{variable} is no number"))
        }
        None => default,
    }
}

/// Says where a panic was.
struct Tell<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: again with RTMP_FUZZ_SEED={}", self.name, self.seed);
        }
    }
}

#[test]
fn the_servers_session_survives_any_bytes() {
    fuzz("server session", &corpus::publishers(), targets::server);
}

#[test]
fn the_servers_session_survives_any_messages() {
    fuzz("server session, whole messages", &corpus::messages(), |bytes, random| {
        targets::server(&corpus::session_of(bytes), random)
    });
}

#[test]
fn the_clients_session_survives_any_bytes() {
    fuzz("client session", &corpus::servers(), targets::client);
}

#[test]
fn the_chunk_reader_survives_any_bytes() {
    fuzz("chunk reader", &corpus::chunks(), targets::chunks);
}

#[test]
fn amf0_survives_any_bytes() {
    fuzz("AMF0", &corpus::amf0(), |bytes, _| targets::values(rtmp::amf::amf0::read(bytes)));
}

#[test]
fn amf3_survives_any_bytes() {
    fuzz("AMF3", &corpus::amf3(), |bytes, _| targets::values(rtmp::amf::amf3::read(bytes)));
}

#[test]
fn video_survives_any_bytes() {
    fuzz("FLV video", &corpus::video(), targets::video);
}

#[test]
fn audio_survives_any_bytes() {
    fuzz("FLV audio", &corpus::audio(), targets::audio);
}

#[test]
fn the_tag_reader_survives_any_bytes() {
    fuzz("FLV tags", &corpus::tags(), targets::tags);
}
