//! `/broadcast-settings`: the caller's saved ingest parameters (IVS, MediaLive or any RTMP server).

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_broadcast_settings::BroadcastSettingsTable;
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, table) = from_env(|variables| Some(variables.required("BROADCAST_SETTINGS_TABLE")))?;
    let handler = Handler { settings: BroadcastSettingsTable::new(&aws, table) };
    aws.connect("DYNAMODB").await;
    serve("broadcast-settings", aws.calls(), |request| handler.handle(request)).await
}
