//! One function per route: decode, call one operation, show the result.

use std::time::Duration;

use aws_recovery_queue::RecoveryQueue;
use aws_stage::{ParticipantRows, StageIvs, StageTable};
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use model::claim::{NameRequest, Outcome};
use model::creator::{CreatorClaim, refuse_to_create};
use model::stage::{Admission, DesiredStageOptions, Doors, Stage, StageChanges};
use model::{ClaimId, Error, Limit, Page, StageName, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;

use crate::route::{Route, parameter};

/// What the routes need; each operation is handed its part.
pub(crate) struct Handler {
    pub(crate) ivs: StageIvs,
    pub(crate) stages: StageTable,
    pub(crate) participants: ParticipantRows,
    pub(crate) recovery: RecoveryQueue,
    /// Whose token lets them create; absent: everybody's.
    pub(crate) creators: Option<CreatorClaim>,
    pub(crate) lease: Duration,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        let (request, now) = (&request, Timestamp::now());
        match Route::of(route(request)) {
            Some(Route::Put) => self.put(request, now).await,
            Some(Route::Get) => self.get(request, now).await,
            Some(Route::List) => self.list(request, now).await,
            Some(Route::Patch) => self.patch(request, now).await,
            Some(Route::Delete) => self.delete(request, now).await,
            Some(Route::Health) => health(request),
            None => Err(Error::NotFound("route")),
        }
    }

    async fn put(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let (caller, may_create) = (input.caller()?, input.may_create(self.creators.as_ref()));
        let values = (input.path::<StageName>(parameter::STAGE), input.field::<Admission>("admission"));
        let (name, admission) = input.finish(values)?;
        let desired = DesiredStageOptions { admission };
        if !may_create {
            let stage = self.fetch(&name, now).await.map_err(refuse_to_create)?;
            let (Outcome::Existing(stage) | Outcome::Created(stage)) = Outcome::Existing(stage).meeting(&desired)?;
            return self.show(stage, now).await;
        }
        let request = NameRequest { name, caller, claim_id: ClaimId::random()?, lease: self.lease };
        let outcome = aws_stage::create_or_fetch(
            &self.ivs,
            &self.stages,
            &self.participants,
            &self.recovery,
            now,
            &request,
            desired,
        )
        .await;
        match self.recovery.heed(&request.name, outcome).await? {
            Outcome::Created(stage) => {
                Ok(Reply::json(StatusCode::CREATED, &StageView::of(&stage, now))?.count("StagesCreated"))
            }
            Outcome::Existing(stage) => self.show(stage, now).await,
        }
    }

    /// 200 with a stage that was there before.
    async fn show(&self, stage: Stage, now: Timestamp) -> Result<Reply, Error> {
        let stages = aws_stage::refreshed(&self.ivs, &self.stages, vec![stage], now).await;
        Reply::json(StatusCode::OK, &stages.first().map(|stage| StageView::of(stage, now)))
    }

    async fn get(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        input.caller()?;
        let name = input.path::<StageName>(parameter::STAGE);
        let (name,) = input.finish((name,))?;
        self.show(self.fetch(&name, now).await?, now).await
    }

    async fn fetch(&self, name: &StageName, now: Timestamp) -> Result<Stage, Error> {
        self.recovery.heed(name, aws_stage::fetch(&self.stages, name, now).await).await
    }

    async fn list(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let list = input.list();
        let values = (input.query::<Limit>("limit"), input.cursor(&list));
        let (limit, cursor) = input.finish(values)?;
        let Page { items, cursor } = aws_stage::list(&self.stages, &caller, limit.unwrap_or_default(), cursor).await?;
        let page = Page { items: aws_stage::refreshed(&self.ivs, &self.stages, items, now).await, cursor };
        Reply::page(&list, &page, |stage| StageView::of(stage, now))
    }

    async fn patch(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            input.path::<StageName>(parameter::STAGE),
            input.field::<Doors>("doors"),
            input.field::<Admission>("admission"),
        );
        if let (_, Some(None), Some(None)) = values {
            input.reject("doors", "must be given unless admission is");
            input.reject("admission", "must be given unless doors are");
        }
        let (name, doors, admission) = input.finish(values)?;
        let updated = aws_stage::update(&self.stages, &caller, &name, now, StageChanges { doors, admission }).await;
        self.show(self.recovery.heed(&name, updated).await?, now).await
    }

    async fn delete(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let name = input.path::<StageName>(parameter::STAGE);
        let (name,) = input.finish((name,))?;
        let request = NameRequest { name, caller, claim_id: ClaimId::random()?, lease: self.lease };
        let deleted =
            aws_stage::delete(&self.ivs, &self.stages, &self.participants, &self.recovery, now, &request).await;
        self.recovery.heed(&request.name, deleted).await?;
        Ok(Reply::no_content())
    }
}

/// Whether the function starts and answers; it asks nothing of AWS.
fn health(request: &Request) -> Result<Reply, Error> {
    Input::none(request)?;
    Reply::json(StatusCode::OK, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// A stage as every caller may see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageView<'a> {
    name: &'a StageName,
    arn: &'a str,
    owner: &'a UserId,
    doors: Doors,
    admission: Admission,
    /// None while those that are known are older than IVS allows.
    endpoints: Option<EndpointsView<'a>>,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct EndpointsView<'a> {
    events: &'a str,
    whip: &'a str,
}

impl<'a> StageView<'a> {
    fn of(stage: &'a Stage, now: Timestamp) -> Self {
        let endpoints = Some(&stage.endpoints).filter(|endpoints| !endpoints.have_ended(now));
        Self {
            name: &stage.name,
            arn: stage.arn.as_str(),
            owner: &stage.owner,
            doors: stage.doors,
            admission: stage.admission,
            endpoints: endpoints.map(|endpoints| EndpointsView { events: &endpoints.events, whip: &endpoints.whip }),
            created_at: stage.created_at,
        }
    }
}
