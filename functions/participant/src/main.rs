//! `/stages/{stage}/participants`: mint or return a participant token; list, promote, disconnect.

mod handler;

use shared::aws::{IvsRealTime, ParticipantTable, Signers, StageTable};
use shared::config::from_env;
use shared::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::log::init();
    let (aws, (stack, stages, participants, signing_key)) = from_env(|variables| {
        Some((
            variables.required("STACK_NAME"),
            variables.required("STAGES_TABLE"),
            variables.required("PARTICIPANTS_TABLE"),
            variables.optional("PARTICIPANT_SIGNING_KEY"),
        ))
    })?;
    let handler = Handler {
        ivs: IvsRealTime::new(&aws, stack),
        participants: ParticipantTable::new(&aws, participants, stages.clone()),
        stages: StageTable::new(&aws, stages),
        signers: Signers::new(&aws, signing_key),
    };
    serve("participant", aws.calls(), |request| handler.handle(request)).await
}
