//! `/channels` and `/channels/{channel}`: create or fetch a channel; stream key, playback token.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_channel::{ChannelIvs, ChannelTable, OwnServer};
use aws_recovery_queue::RecoveryQueue;
use aws_signer::Signers;
use lambda::config::from_env;
use lambda::http::serve;
use model::self_hosted::Site;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (stack, channels, streams, site, playback_key, recovery, lease)) = from_env(|variables| {
        Some((
            variables.required("STACK_NAME"),
            variables.required("CHANNELS_TABLE"),
            variables.required("STREAMS_TABLE"),
            variables.optional("SELF_HOSTED_INGEST_URL").zip(variables.optional("SELF_HOSTED_PLAYBACK_URL")),
            variables.optional("PLAYBACK_SIGNING_KEY"),
            variables.required("RECOVERY_QUEUE_URL"),
            variables.seconds("CLAIM_LEASE_SECONDS"),
        ))
    })?;
    let site = site.map(|(ingest_url, playback_url)| Site { ingest_url, playback_url });
    let handler = Handler {
        ivs: ChannelIvs::new(&aws, stack).beside(OwnServer::new(&aws, site, streams)),
        channels: ChannelTable::new(&aws, channels),
        signers: Signers::new(&aws, playback_key),
        recovery: RecoveryQueue::new(&aws, recovery),
        lease,
    };
    serve("channel", aws.calls(), |request| handler.handle(request)).await
}
