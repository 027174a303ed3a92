//! `/broadcast-settings`: the caller's saved ingest parameters (IVS, MediaLive or any RTMP server).

mod handler;

use shared::aws::BroadcastSettingsTable;
use shared::config::from_env;
use shared::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::log::init();
    let (aws, table) = from_env(|variables| Some(variables.required("BROADCAST_SETTINGS_TABLE")))?;
    let handler = Handler { settings: BroadcastSettingsTable::new(&aws, table) };
    serve("broadcast-settings", aws.calls(), |request| handler.handle(request)).await
}
