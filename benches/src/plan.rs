//! What is to be measured, and what was found.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What `scripts/bench` asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    /// Where logs and certificates go.
    pub(crate) directory: PathBuf,
    /// The certificates that the system trusts.
    pub(crate) bundle: PathBuf,
    /// How often each function is started.
    pub(crate) runs: usize,
    /// Requests after the first that are not measured.
    pub(crate) settling: usize,
    /// Requests that are.
    pub(crate) warm: usize,
    /// Whether instructions are counted, and over how many requests.
    pub(crate) counts: Option<Counts>,
    pub(crate) functions: Vec<Function>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Counts {
    pub(crate) settling: usize,
    pub(crate) warm: usize,
}

/// A function, and what it is asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
    /// Besides what Lambda sets.
    pub(crate) environment: BTreeMap<String, String>,
    /// A root that the program holds; without one, it is told of the bundle.
    pub(crate) root: Option<PathBuf>,
    /// What it does of AWS before it asks for an event, and by how many connections until it has answered the first; `None`
    /// for what is measured as it is.
    pub(crate) ahead: Option<Ahead>,
    /// API Gateway's event.
    pub(crate) event: PathBuf,
    /// What it is to answer with.
    pub(crate) status: u16,
    /// Whether its instructions are.
    pub(crate) counted: bool,
}

/// A function that waits for nothing in its first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Ahead {
    /// Calls.
    pub(crate) calls: u64,
    /// Connections to DynamoDB, and to all else.
    pub(crate) connections: [u64; 2],
}

#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) functions: Vec<Found>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Found {
    name: String,
    pub(crate) samples: Vec<Sample>,
    pub(crate) instructions: Option<Instructions>,
}

/// Of one process. Times are in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    /// From before the process is made until it asks for the first event.
    pub(crate) first_poll: f64,
    /// Until the whole first answer is there.
    pub(crate) first_answer: f64,
    /// Processor time of all threads until the second event is asked for.
    pub(crate) cold_cpu: f64,
    /// Page faults until then, that needed no disk, and that did.
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    /// Processor time a warm request.
    pub(crate) warm_cpu: f64,
    /// From an event to the whole answer, in the mean.
    pub(crate) warm_wall: f64,
    /// AWS calls a warm request.
    pub(crate) warm_calls: f64,
    /// The most memory that was resident, in KiB.
    pub(crate) peak_memory: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Instructions {
    /// Until the first event is asked for.
    pub(crate) init: u64,
    /// Until the second event is asked for.
    pub(crate) first_answer: u64,
    /// A warm request.
    pub(crate) warm: u64,
}

impl Results {
    /// Nothing yet, of each of them.
    pub(crate) fn of(functions: &[Function]) -> Self {
        let found = |function: &Function| Found { name: function.name.clone(), samples: vec![], instructions: None };
        Self { functions: functions.iter().map(found).collect() }
    }
}
