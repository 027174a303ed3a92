//! `/streams` and `/streams/{channel}`: what is on air now, for anybody.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_signer::Signers;
use aws_stream::StreamTable;
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (streams, channels, playback_key, cache)) = from_env(|variables| {
        Some((
            variables.required("STREAMS_TABLE"),
            variables.required("CHANNELS_TABLE"),
            variables.optional("PLAYBACK_SIGNING_KEY"),
            variables.seconds("SIGNING_KEY_CACHE_SECONDS"),
        ))
    })?;
    let signers = Signers::new(&aws, playback_key, cache);
    let handler = Handler { streams: StreamTable::new(&aws, streams, channels), signers };
    aws.connect("DYNAMODB").await;
    serve("stream", aws.calls(), |request| handler.handle(request)).await
}
