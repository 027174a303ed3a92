//! Feeds recordings into pipelines, as a browser does: in real time, 100 ms a chunk. For `tests/transwrap-ingest` and
//! `scripts/bench-transwrap`, which have no server.
//!
//!     pipeline <count> <seconds> <url> <key> [recording...]
//!
//! Each recording is played once, one after the other, unless the time is out before. `{n}` in the key is the number of the
//! pipeline. Prints what happens, and when, a JSON line each.

#![expect(clippy::print_stdout, reason = "what happens is what it is for")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use rtmp::StreamKey;
use tokio::time::{Instant, sleep_until};
use transwrap::{
    Event, Options, Pipeline,
    ingest::{Target, client_config},
};

const CHUNK: Duration = Duration::from_millis(100);
/// What is between the beginnings of two: nobody has forty that begin at once.
const APART: Duration = Duration::from_millis(200);

/// A recording, and where it may be cut: the milliseconds until which it goes, and the bytes.
struct Recording {
    bytes: Bytes,
    cuts: Vec<(u64, usize)>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [count, seconds, url, key, files @ ..] = &arguments[..] else {
        panic!("pipeline count seconds url key file...")
    };
    let count: usize = count.parse().expect("a count");
    let seconds: f64 = seconds.parse().expect("seconds");
    let tls = client_config().expect("roots");
    let recordings = files.iter().map(|file| {
        let bytes = Bytes::from(std::fs::read(file).expect("a recording"));
        Recording { cuts: cuts(&bytes), bytes }
    });
    let recordings: Arc<Vec<Recording>> = Arc::new(recordings.collect());
    let jobs: Vec<_> = (0..count)
        .map(|n| {
            let key = StreamKey::new(key.replace("{n}", &n.to_string()));
            let target = Target { url: url.clone(), key, trusted: true, priority: None, takes_over: false };
            let options = Options { target, tls: Arc::clone(&tls), ffmpeg: PathBuf::from("ffmpeg") };
            tokio::spawn(broadcast(n, options, Arc::clone(&recordings), Duration::from_secs_f64(seconds)))
        })
        .collect();
    for job in jobs {
        job.await.expect("a broadcast");
    }
}

async fn broadcast(n: usize, options: Options, recordings: Arc<Vec<Recording>>, lasts: Duration) {
    tokio::time::sleep(APART * n as u32).await;
    let begun = Instant::now();
    let say = move |event: &str, detail: String| {
        println!(r#"{{"n":{n},"ms":{},"event":"{event}","detail":"{detail}"}}"#, begun.elapsed().as_millis());
    };
    let (pipeline, mut events) = Pipeline::start(options).expect("a target");
    let telling = async {
        while let Some(event) = events.recv().await {
            match event {
                Event::Connecting(waits) => say("connecting", format!("{waits:?}")),
                Event::Recording { copies_video } => say("recording", format!("copies_video={copies_video}")),
                Event::Live => say("live", String::new()),
                Event::Reconnecting { attempt, go } => {
                    say("reconnecting", attempt.to_string());
                    let _ = go.send(());
                }
                Event::RecordingFailed(failure) => say("failed", failure.to_string()),
                Event::Ended(end) => return say("ended", format!("{end:?}")),
            }
        }
    };
    let feeding = async {
        for recording in recordings.iter() {
            let start = Instant::now();
            pipeline.begin().await;
            let (mut sent, mut ticks) = (0, 0u32);
            while sent < recording.bytes.len() && begun.elapsed() < lasts {
                ticks += 1;
                let until = (CHUNK * ticks).as_millis() as u64;
                sleep_until(start + CHUNK * ticks).await;
                let place = recording.cuts.partition_point(|(time, _)| *time <= until);
                let end = recording.cuts.get(place.wrapping_sub(1)).map_or(0, |(_, end)| *end);
                // What follows the last block.
                let end = if place == recording.cuts.len() { recording.bytes.len() } else { end };
                if end > sent {
                    pipeline.chunk(recording.bytes.slice(sent..end)).await;
                    sent = end;
                }
            }
        }
        pipeline.finish().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = telling => {}
        () = feeding => {}
    }
    say("stats", format!("{:?}", pipeline.stats()));
}

/// The ends of the blocks of a file, and their times: enough of Matroska for files that FFmpeg and browsers write.
fn cuts(bytes: &[u8]) -> Vec<(u64, usize)> {
    let varint = |place: usize, keep: bool| {
        let first = bytes[place];
        let length = first.leading_zeros() as usize + 1;
        let all = bytes[place..place + length].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        (if keep { all } else { all & ((1 << (7 * length)) - 1) }, place + length)
    };
    let (mut place, mut cluster, mut cuts) = (0, 0, Vec::new());
    while place + 12 < bytes.len() {
        let (id, at) = varint(place, true);
        let (size, body) = varint(at, false);
        match id {
            0x1853_8067 | 0x1f43_b675 | 0xa0 => {
                place = body;
                continue;
            }
            0xe7 => {
                cluster =
                    bytes[body..body + size as usize].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
            0xa3 | 0xa1 => {
                let (_, time) = varint(body, false);
                let relative = i16::from_be_bytes([bytes[time], bytes[time + 1]]);
                cuts.push((cluster.saturating_add_signed(relative.into()), body + size as usize));
            }
            _ => {}
        }
        place = body + size as usize;
    }
    cuts
}
