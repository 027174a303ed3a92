//! `IVS Stream State Change`, `IVS Stream Health Change` and `IVS Stage Update` from EventBridge: what is on air.

mod handler;

use aws_session::SessionTable;
use aws_stream::StreamTable;
use lambda::config::from_env;
use lambda::event::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log::init();
    let (aws, [streams, channels, sessions]) = from_env(|variables| {
        Some(["STREAMS_TABLE", "CHANNELS_TABLE", "STAGE_SESSIONS_TABLE"].map(|name| variables.required(name)))
    })?;
    let handler =
        Handler { streams: StreamTable::new(&aws, streams, channels), sessions: SessionTable::new(&aws, sessions) };
    serve("stream-tracker", aws.calls(), |event| handler.handle(event)).await
}
