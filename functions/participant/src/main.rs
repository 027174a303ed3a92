//! `/stages/{stage}/participants`: mint or return a participant token; list, promote, disconnect. And
//! `/stages/{stage}/session`: who publishes.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use aws_participant::{ParticipantIvs, ParticipantTable};
use aws_removal::RemovalIvs;
use aws_session::SessionTable;
use aws_signer::Signers;
use aws_stage::{StageIvs, StageTable};
use lambda::config::from_env;
use lambda::http::serve;
use model::Timestamp;
use tokio::join;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let (aws, (stack, stages, participants, sessions, signing_key, cache)) = from_env(|variables| {
        Some((
            variables.required("STACK_NAME"),
            variables.required("STAGES_TABLE"),
            variables.required("PARTICIPANTS_TABLE"),
            variables.required("STAGE_SESSIONS_TABLE"),
            variables.optional("PARTICIPANT_SIGNING_KEY"),
            variables.seconds("SIGNING_KEY_CACHE_SECONDS"),
        ))
    })?;
    let handler = Handler {
        ivs: ParticipantIvs::new(&aws),
        removal_ivs: RemovalIvs::new(&aws),
        stage_ivs: StageIvs::new(&aws, stack),
        participants: ParticipantTable::new(&aws, participants, stages.clone()),
        stages: StageTable::new(&aws, stages),
        sessions: SessionTable::new(&aws, sessions),
        signers: Signers::new(&aws, signing_key, cache),
    };
    join!(aws.connect("DYNAMODB"), handler.signers.fetch_ahead(Timestamp::now()));
    serve("participant", aws.calls(), |request| handler.handle(request)).await
}
