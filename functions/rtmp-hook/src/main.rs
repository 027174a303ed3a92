//! `POST /hooks/rtmp`: what a self-hosted nginx-rtmp asks and tells of its publishers.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_rtmp_hook::{HookSecret, HookTables};
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, [channels, streams, secret]) = from_env(|variables| {
        Some(["CHANNELS_TABLE", "STREAMS_TABLE", "RTMP_HOOK_SECRET"].map(|name| variables.required(name)))
    })?;
    let handler = Handler { tables: HookTables::new(&aws, channels, streams), secret: HookSecret::new(&aws, secret) };
    aws.connect("DYNAMODB").await;
    serve("rtmp-hook", aws.calls(), |request| handler.handle(request)).await
}
