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
    let (aws, (stack, stages, participants, recovery, lease)) = from_env(|variables| {
        Some((
            variables.required("STACK_NAME"),
            variables.required("STAGES_TABLE"),
            variables.required("PARTICIPANTS_TABLE"),
            variables.required("RECOVERY_QUEUE_URL"),
            variables.seconds("CLAIM_LEASE_SECONDS"),
        ))
    })?;
    let handler = Handler {
        ivs: StageIvs::new(&aws, stack),
        participants: ParticipantRows::new(&aws, participants),
        stages: StageTable::new(&aws, stages),
        recovery: RecoveryQueue::new(&aws, recovery),
        lease,
    };
    serve("stage", aws.calls(), |request| handler.handle(request)).await
}
