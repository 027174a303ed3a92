//! `/channels` and `/channels/{channel}`: create or fetch a channel; stream key, playback token.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_channel::{ChannelIvs, ChannelTable};
use aws_signer::Signers;
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (stack, channels, playback_key, lease)) = from_env(|variables| {
        Some((
            variables.required("STACK_NAME"),
            variables.required("CHANNELS_TABLE"),
            variables.optional("PLAYBACK_SIGNING_KEY"),
            variables.seconds("CLAIM_LEASE_SECONDS"),
        ))
    })?;
    let handler = Handler {
        ivs: ChannelIvs::new(&aws, stack),
        channels: ChannelTable::new(&aws, channels),
        signers: Signers::new(&aws, playback_key),
        lease,
    };
    serve("channel", aws.calls(), |request| handler.handle(request)).await
}
