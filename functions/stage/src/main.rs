//! `/stages` and `/stages/{stage}`: create or fetch a stage; list, update, delete. And `/health`.

mod handler;

use shared::aws::{IvsRealTime, ParticipantTable, StageTable};
use shared::config::from_env;
use shared::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::log::init();
    let (aws, (stack, stages, participants, lease)) = from_env(|variables| {
        Some((
            variables.required("STACK_NAME"),
            variables.required("STAGES_TABLE"),
            variables.required("PARTICIPANTS_TABLE"),
            variables.seconds("CLAIM_LEASE_SECONDS"),
        ))
    })?;
    let handler = Handler {
        ivs: IvsRealTime::new(&aws, stack),
        participants: ParticipantTable::new(&aws, participants, stages.clone()),
        stages: StageTable::new(&aws, stages),
        lease,
    };
    serve("stage", aws.calls(), |request| handler.handle(request)).await
}
