//! What is neither AWS nor the program: a server, a clock, random ids, files, locks.

pub(crate) mod clock;
pub(crate) mod fault_fields;
pub(crate) mod http_server;
pub(crate) mod ids;
pub(crate) mod jobs;
pub(crate) mod numbered_log;
pub(crate) mod paging;
pub(crate) mod pem;
pub(crate) mod private_file;
pub(crate) mod retry;
pub(crate) mod shell;
pub(crate) mod state_file;
pub(crate) mod sync;
pub(crate) mod token_bucket;
pub(crate) mod wildcard;
