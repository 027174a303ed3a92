//! Where clients of a stage connect, no older than IVS allows.

use futures_util::future::join_all;
use model::stage::{Endpoints, Stage};
use model::{Error, Timestamp};

use crate::{StageIvs, StageTable};

/// How many stages of a page are asked of IVS anew: it answers five a second, and others ask, too.
const MOST_OF_A_PAGE: usize = 5;
const NOT_ASKED: &str = "the stage's endpoints could not be asked of IVS anew";

/// The stage's endpoints for a token, asked of IVS anew when their time is nearly over. While it is not over, they do
/// when IVS fails.
///
/// # Errors
/// [`Error::NotFound`] if IVS has no such stage any more; what IVS fails with.
pub async fn fresh_endpoints(
    ivs: &StageIvs,
    stages: &StageTable,
    stage: &Stage,
    now: Timestamp,
) -> Result<Endpoints, Error> {
    if !stage.endpoints.are_due(now) {
        return Ok(stage.endpoints.clone());
    }
    match ivs.read_endpoints(&stage.arn, now).await {
        Ok(Some(endpoints)) => {
            // Who asks has what they asked for; whoever comes next asks IVS, too.
            if let Err(error) = stages.refresh_endpoints(stage, &endpoints).await {
                warn(stage, &error, "the stage's endpoints could not be stored");
            }
            Ok(endpoints)
        }
        Ok(None) => Err(Error::NotFound("stage")),
        Err(error) if stage.endpoints.have_ended(now) => Err(error),
        Err(error) => {
            warn(stage, &error, NOT_ASKED);
            Ok(stage.endpoints.clone())
        }
    }
}

/// The stages of an answer, with endpoints that were asked of IVS anew where their time is nearly over. A failure leaves
/// them as they are: what is over is not shown.
pub async fn refreshed(ivs: &StageIvs, stages: &StageTable, mut shown: Vec<Stage>, now: Timestamp) -> Vec<Stage> {
    let mut due: Vec<&mut Stage> = shown.iter_mut().filter(|stage| stage.endpoints.are_due(now)).collect();
    due.sort_by_key(|stage| stage.endpoints.fetched_at);
    let due = due.into_iter().take(MOST_OF_A_PAGE);
    join_all(due.map(async |stage| match fresh_endpoints(ivs, stages, stage, now).await {
        Ok(endpoints) => stage.endpoints = endpoints,
        Err(error) => warn(stage, &error, NOT_ASKED),
    }))
    .await;
    shown
}

fn warn(stage: &Stage, error: &Error, what: &'static str) {
    let cause = error.causes();
    tracing::warn!(stage.name = %stage.name, cause, "{what}");
}
