//! The keys that sign tokens: made when the stack is created, followed by others in time, removed with the stack.

mod handler;

use std::time::Duration;

use aws_signing_keys::SigningKeys;
use lambda::config::from_env;
use lambda::custom_resource::CloudFormation;
use lambda::event::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::log::init();
    let (aws, (days, cache, [stack, participants, playback])) = from_env(|variables| {
        let days = variables.parsed::<u32>("KEY_ROTATION_DAYS");
        let cache = variables.seconds("SIGNING_KEY_CACHE_SECONDS");
        let names = ["STACK_NAME", "PARTICIPANT_SIGNING_KEY", "PLAYBACK_SIGNING_KEY"];
        let names = names.map(|name| variables.required(name));
        Some((days?, cache, names))
    })?;
    let handler = Handler {
        cloud_formation: CloudFormation::new(&aws),
        participants: SigningKeys::of_participants(&aws, stack.clone(), participants),
        playback: SigningKeys::of_playback(&aws, stack.clone(), playback),
        rotate_after: Duration::from_secs(u64::from(days) * 24 * 60 * 60),
        cache,
        stack,
    };
    serve("signing-keys", aws.calls(), |event| handler.handle(event)).await
}
