//! One function per route: decode, call one operation, show the result.

use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use shared::Error;
use shared::aws::{IvsRealTime, ParticipantTable, StageTable};
use shared::domain::stage::{self, Admission, Stage, StageChanges, StageWishes};
use shared::domain::{ClaimId, Cursor, Limit, Outcome, Request as NameRequest, StageName, Timestamp, UserId};
use shared::http::{Input, Reply, route};

/// What the routes need; each operation is handed its part.
pub(crate) struct Handler {
    pub(crate) ivs: IvsRealTime,
    pub(crate) stages: StageTable,
    pub(crate) participants: ParticipantTable,
    pub(crate) lease: Duration,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        let (request, now) = (&request, Timestamp::now());
        match route(request) {
            "PUT /stages/{stage}" => self.put(request, now).await,
            "GET /stages/{stage}" => self.get(request, now).await,
            "GET /stages" => self.list(request).await,
            "PATCH /stages/{stage}" => self.patch(request, now).await,
            "DELETE /stages/{stage}" => self.delete(request, now).await,
            "GET /health" => health(),
            _ => Err(Error::NotFound("route")),
        }
    }

    async fn put(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (input.path::<StageName>("stage"), input.field::<Admission>("admission"));
        let (name, admission) = input.finish(values)?;
        let request = NameRequest { name, caller, claim_id: ClaimId::random()?, lease: self.lease };
        let wishes = StageWishes { admission };
        match stage::create_or_fetch(&self.ivs, &self.stages, &self.participants, now, &request, wishes).await? {
            Outcome::Created(stage) => {
                Ok(Reply::json(StatusCode::CREATED, &StageView::of(&stage))?.count("StagesCreated"))
            }
            Outcome::Existing(stage) => Reply::json(StatusCode::OK, &StageView::of(&stage)),
        }
    }

    async fn get(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        input.caller()?;
        let name = input.path::<StageName>("stage");
        let (name,) = input.finish((name,))?;
        let stage = stage::fetch(&self.stages, &name, now).await?;
        Reply::json(StatusCode::OK, &StageView::of(&stage))
    }

    async fn list(&self, request: &Request) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let values = (input.query::<Limit>("limit"), input.query::<Cursor>("cursor"));
        let (limit, cursor) = input.finish(values)?;
        let page = stage::list(&self.stages, &caller, limit.unwrap_or_default(), cursor).await?;
        Reply::page(&page, StageView::of)
    }

    async fn patch(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values =
            (input.path::<StageName>("stage"), input.field::<bool>("live"), input.field::<Admission>("admission"));
        if let (_, Some(None), Some(None)) = values {
            input.reject("live", "must be given unless admission is");
            input.reject("admission", "must be given unless live is");
        }
        let (name, live, admission) = input.finish(values)?;
        let stage = stage::update(&self.stages, &caller, &name, now, StageChanges { live, admission }).await?;
        Reply::json(StatusCode::OK, &StageView::of(&stage))
    }

    async fn delete(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let name = input.path::<StageName>("stage");
        let (name,) = input.finish((name,))?;
        let request = NameRequest { name, caller, claim_id: ClaimId::random()?, lease: self.lease };
        stage::delete(&self.ivs, &self.stages, &self.participants, now, &request).await?;
        Ok(Reply::no_content())
    }
}

/// Whether the function starts and answers; it asks nothing of AWS.
fn health() -> Result<Reply, Error> {
    Reply::json(StatusCode::OK, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// A stage as every caller may see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageView<'a> {
    name: &'a StageName,
    arn: &'a str,
    owner: &'a UserId,
    live: bool,
    admission: Admission,
    endpoints: EndpointsView<'a>,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct EndpointsView<'a> {
    events: &'a str,
    whip: &'a str,
}

impl<'a> StageView<'a> {
    fn of(stage: &'a Stage) -> Self {
        Self {
            name: &stage.name,
            arn: stage.arn.as_str(),
            owner: &stage.owner,
            live: stage.live,
            admission: stage.admission,
            endpoints: EndpointsView { events: &stage.endpoints.events, whip: &stage.endpoints.whip },
            created_at: stage.created_at,
        }
    }
}
