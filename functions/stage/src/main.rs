//! `/stages` and `/stages/{stage}`: create or fetch a stage; list, update, delete. And `/health`.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_recovery_queue::RecoveryQueue;
use aws_stage::{ParticipantRows, StageIvs, StageTable};
use lambda::config::from_env;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, ([stack, stages, participants, recovery], lease, most, creators)) = from_env(|variables| {
        let names = ["STACK_NAME", "STAGES_TABLE", "PARTICIPANTS_TABLE", "RECOVERY_QUEUE_URL"];
        let names = names.map(|name| variables.required(name));
        let lease = variables.seconds("CLAIM_LEASE_SECONDS");
        let (most, creators) = (variables.parsed("STAGES_PER_OWNER"), variables.optional_parsed("CREATOR_CLAIM"));
        Some((names, lease, most?, creators?))
    })?;
    let handler = Handler {
        ivs: StageIvs::new(&aws, stack),
        participants: ParticipantRows::new(&aws, participants),
        stages: StageTable::new(&aws, stages).with_most_per_owner(most),
        recovery: RecoveryQueue::new(&aws, recovery),
        creators,
        lease,
    };
    aws.connect("DYNAMODB").await;
    serve("stage", aws.calls(), |request| handler.handle(request)).await
}
