//! `/channels` and `/channels/{channel}`: create or fetch a channel; stream key, playback token.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_channel::{ChannelIvs, ChannelTable, OwnServer, ViewerTable};
use aws_recovery_queue::RecoveryQueue;
use aws_signer::Signers;
use lambda::config::from_env;
use lambda::http::serve;
use model::self_hosted::Site;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (names, site, playback_key, cache, lease, most, creators)) = from_env(|variables| {
        let names = ["STACK_NAME", "CHANNELS_TABLE", "STREAMS_TABLE", "VIEWERS_TABLE", "RECOVERY_QUEUE_URL"];
        let names = names.map(|name| variables.required(name));
        let site = variables.optional("SELF_HOSTED_INGEST_URL").zip(variables.optional("SELF_HOSTED_PLAYBACK_URL"));
        let playback_key = variables.optional("PLAYBACK_SIGNING_KEY");
        let (cache, lease) = (variables.seconds("SIGNING_KEY_CACHE_SECONDS"), variables.seconds("CLAIM_LEASE_SECONDS"));
        let (most, creators) = (variables.parsed("CHANNELS_PER_OWNER"), variables.optional_parsed("CREATOR_CLAIM"));
        Some((names, site, playback_key, cache, lease, most?, creators?))
    })?;
    let [stack, channels, streams, viewers, recovery] = names;
    let site = site.map(|(ingest_url, playback_url)| Site { ingest_url, playback_url });
    let handler = Handler {
        ivs: ChannelIvs::new(&aws, stack).beside(OwnServer::new(&aws, site, streams)),
        viewers: ViewerTable::new(&aws, viewers, channels.clone()),
        channels: ChannelTable::new(&aws, channels).with_most_per_owner(most),
        signers: Signers::new(&aws, playback_key, cache),
        recovery: RecoveryQueue::new(&aws, recovery),
        creators,
        lease,
    };
    aws.connect("DYNAMODB").await;
    serve("channel", aws.calls(), |request| handler.handle(request)).await
}
