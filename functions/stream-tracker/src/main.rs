//! `IVS Stream State Change`, `IVS Stream Health Change` and `IVS Stage Update` from EventBridge: what is on air. Whoever
//! publishes in a stage that they are removed from is disconnected.

mod handler;

use aws_removal::{RemovalIvs, RemovalTable};
use aws_session::SessionTable;
use aws_stream::StreamTable;
use lambda::config::from_env;
use lambda::event::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log::init();
    let (aws, [streams, channels, sessions, participants]) = from_env(|variables| {
        let tables = ["STREAMS_TABLE", "CHANNELS_TABLE", "STAGE_SESSIONS_TABLE", "PARTICIPANTS_TABLE"];
        Some(tables.map(|name| variables.required(name)))
    })?;
    let handler = Handler {
        streams: StreamTable::new(&aws, streams, channels),
        sessions: SessionTable::new(&aws, sessions),
        removals: RemovalTable::new(&aws, participants),
        ivs: RemovalIvs::new(&aws),
    };
    serve("stream-tracker", aws.calls(), |event| handler.handle(event)).await
}
