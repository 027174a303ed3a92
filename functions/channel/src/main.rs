//! `/channels` and `/channels/{channel}`: create or fetch a channel; stream key, playback token.

mod handler;

use shared::aws::{Aws, ChannelTable, Ivs, Signers};
use shared::config::{Variables, from_env};
use shared::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::log::init();
    let (aws, stack, channels, playback_key, lease) = from_env(|lookup| {
        let mut variables = Variables::new(lookup);
        let config = (
            variables.aws(),
            variables.required("STACK_NAME"),
            variables.required("CHANNELS_TABLE"),
            variables.optional("PLAYBACK_SIGNING_KEY"),
            variables.seconds("CLAIM_LEASE_SECONDS"),
        );
        variables.finish(config)
    })?;
    let aws = Aws::new(aws);
    let handler = Handler {
        ivs: Ivs::new(&aws, stack),
        channels: ChannelTable::new(&aws, channels),
        signers: Signers::new(&aws, playback_key),
        lease,
    };
    serve("channel", aws.calls(), |request| handler.handle(request)).await
}
