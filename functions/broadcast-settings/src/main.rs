//! `/broadcast-settings`: the caller's saved ingest parameters (IVS, MediaLive or any RTMP server).

mod handler;

use shared::aws::{Aws, BroadcastSettingsTable};
use shared::config::{Variables, from_env};
use shared::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::log::init();
    let (aws, table) = from_env(|lookup| {
        let mut variables = Variables::new(lookup);
        let config = (variables.aws(), variables.required("BROADCAST_SETTINGS_TABLE"));
        variables.finish(config)
    })?;
    let aws = Aws::new(aws);
    let handler = Handler { settings: BroadcastSettingsTable::new(&aws, table) };
    serve("broadcast-settings", aws.calls(), |request| handler.handle(request)).await
}
