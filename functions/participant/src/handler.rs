//! One function per route: decode, call one operation, show the result.

use std::borrow::Cow;

use aws_participant::{ParticipantIvs, ParticipantTable};
use aws_removal::RemovalIvs;
use aws_session::SessionTable;
use aws_signer::Signers;
use aws_stage::{StageIvs, StageTable};
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use model::participant::{
    Attributes, Capabilities, GivenToken, Grant, GrantChanges, Held, IssuedToken, Participant, TokenDuration,
    TokenOrigin, TokenRequest,
};
use model::session::Session;
use model::token::ParticipantSigner;
use model::{DeviceName, Error, Limit, ParticipantId, StageName, Timestamp, UserId};
use serde::Serialize;

use crate::route::{Route, parameter};

/// What the routes need; each operation is handed its part.
pub(crate) struct Handler {
    pub(crate) ivs: ParticipantIvs,
    pub(crate) removal_ivs: RemovalIvs,
    pub(crate) stage_ivs: StageIvs,
    pub(crate) stages: StageTable,
    pub(crate) participants: ParticipantTable,
    pub(crate) sessions: SessionTable,
    pub(crate) signers: Signers<ParticipantSigner>,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        let (request, now) = (&request, Timestamp::now());
        match Route::of(route(request)) {
            Some(Route::Post) => self.post(request, now).await,
            Some(Route::List) => self.list(request, now).await,
            Some(Route::Patch) => self.patch(request, now).await,
            Some(Route::Delete) => self.delete(request, now).await,
            Some(Route::Session) => self.session(request, now).await,
            None => Err(Error::NotFound("route")),
        }
    }

    async fn post(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            input.path::<StageName>(parameter::STAGE),
            input.field::<TokenDuration>("durationMinutes"),
            input.field::<Capabilities>("capabilities"),
            input.field::<Attributes>("attributes"),
            input.field::<bool>("renew"),
            input.field::<bool>("exchange"),
            input.field::<DeviceName>("device"),
        );
        if let (.., Some(Some(true)), Some(Some(true)), _) = values {
            input.reject("exchange", "keeps the participant and renew makes a new one: only one of them can be true");
        }
        let (stage, duration, capabilities, attributes, renew, exchange, device) = input.finish(values)?;
        let held = match (renew, exchange) {
            (_, Some(true)) => Held::Exchange,
            (Some(true), _) => Held::Renew,
            _ => Held::Reuse,
        };
        let command = TokenRequest {
            stage: stage.clone(),
            caller: caller.clone(),
            device,
            duration: duration.unwrap_or_default(),
            capabilities,
            attributes,
            held,
            participant_id: ParticipantId::random()?,
        };
        let given = aws_participant::request_token(
            &self.ivs,
            &self.stage_ivs,
            &self.stages,
            &self.participants,
            &self.signers,
            now,
            command,
        )
        .await?;
        let status = if given.new { StatusCode::CREATED } else { StatusCode::OK };
        let (origin, metric) = match given.issued.origin {
            TokenOrigin::Signed { .. } => ("signed", "TokensSigned"),
            TokenOrigin::Ivs(_) => ("ivs", "TokensMintedByIvs"),
        };
        let reply = Reply::json(status, &TokenView::of(&stage, &caller, &given))?.no_store().log("tokenOrigin", origin);
        Ok(if given.new { reply.count(metric) } else { reply })
    }

    async fn list(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let list = input.list();
        let values = (input.path::<StageName>(parameter::STAGE), input.query::<Limit>("limit"), input.cursor(&list));
        let (stage, limit, cursor) = input.finish(values)?;
        let limit = limit.unwrap_or_default();
        let page = aws_participant::list(&self.stages, &self.participants, now, &caller, &stage, limit, cursor).await?;
        Reply::page(&list, &page, |participant| ParticipantView::of(participant, now))
    }

    async fn patch(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            input.path::<StageName>(parameter::STAGE),
            input.user_in_path(parameter::USER_ID),
            input.field::<Capabilities>("capabilities"),
            input.field::<Attributes>("attributes"),
        );
        let (stage, user_id, capabilities, attributes) = input.finish(values)?;
        let changes = GrantChanges { capabilities, attributes };
        let grant = aws_participant::grant(&self.participants, now, &caller, &stage, &user_id, changes).await?;
        Reply::json(StatusCode::OK, &GrantView::of(&stage, &user_id, &grant))
    }

    async fn delete(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let values = (input.path::<StageName>(parameter::STAGE), input.user_in_path(parameter::USER_ID));
        let (stage, user_id) = input.finish(values)?;
        let (ivs, stage_ivs) = (&self.removal_ivs, &self.stage_ivs);
        aws_participant::remove(ivs, stage_ivs, &self.participants, now, &caller, &stage, &user_id).await?;
        Ok(Reply::no_content())
    }

    async fn session(&self, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let stage = input.path::<StageName>(parameter::STAGE);
        let (stage,) = input.finish((stage,))?;
        let stage = aws_participant::visit(&self.participants, now, &caller, &stage).await?;
        let session = aws_session::fetch(&self.sessions, now, &stage.arn).await?;
        Reply::json(StatusCode::OK, &SessionView::of(&session))
    }
}

/// Who publishes in a stage, for those who may come in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionView<'a> {
    state: &'static str,
    started_at: Option<Timestamp>,
    participants: Vec<PublisherView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublisherView<'a> {
    participant_id: &'a ParticipantId,
    user_id: Option<&'a UserId>,
    publishing: bool,
    since: Timestamp,
}

impl<'a> SessionView<'a> {
    fn of(session: &'a Session) -> Self {
        let participants = session.participants.iter().map(|row| PublisherView {
            participant_id: &row.participant_id,
            user_id: row.user_id.as_ref(),
            publishing: row.publishing,
            since: row.since.to_timestamp(),
        });
        Self {
            state: if session.is_live() { "live" } else { "offline" },
            started_at: session.started_at(),
            participants: participants.collect(),
        }
    }
}

/// A participant token, for the user it belongs to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenView<'a> {
    stage: &'a StageName,
    participant_id: &'a ParticipantId,
    user_id: &'a UserId,
    token: &'a str,
    capabilities: Capabilities,
    attributes: &'a Attributes,
    expires_at: Timestamp,
}

impl<'a> TokenView<'a> {
    fn of(stage: &'a StageName, user_id: &'a UserId, given: &'a GivenToken) -> Self {
        Self {
            stage,
            participant_id: &given.issued.participant_id,
            user_id,
            token: given.text.expose(),
            capabilities: given.issued.capabilities,
            attributes: &given.issued.attributes,
            expires_at: given.issued.expires_at,
        }
    }
}

/// Who holds a token, for the owner of the stage; without the token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantView<'a> {
    user_id: &'a UserId,
    /// The user in a path.
    user_ref: Cow<'a, str>,
    /// Of the newest of the user's tokens.
    #[serde(flatten)]
    token: Option<HeldView<'a>>,
    devices: Vec<DeviceView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldView<'a> {
    participant_id: &'a ParticipantId,
    capabilities: Capabilities,
    attributes: &'a Attributes,
    issued_at: Timestamp,
    /// Of a user: when the last of their tokens ends.
    expires_at: Timestamp,
}

/// The current token of a device.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeviceView<'a> {
    /// None of who did not name it.
    device: Option<&'a DeviceName>,
    #[serde(flatten)]
    token: HeldView<'a>,
}

impl<'a> HeldView<'a> {
    fn of(token: &'a IssuedToken) -> Self {
        Self {
            participant_id: &token.participant_id,
            capabilities: token.capabilities,
            attributes: &token.attributes,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
        }
    }
}

impl<'a> ParticipantView<'a> {
    fn of(participant: &'a Participant, now: Timestamp) -> Self {
        let tokens = participant.newest_first();
        let token = tokens.first().map(|(_, token)| HeldView {
            expires_at: participant.held_until().unwrap_or(token.expires_at),
            ..HeldView::of(token)
        });
        let held = tokens.iter().filter(|(_, token)| token.expires_at > now);
        let devices = held.map(|(device, token)| DeviceView { device: *device, token: HeldView::of(token) });
        let devices = devices.collect();
        Self { devices, user_id: &participant.user_id, user_ref: participant.user_id.user_ref(), token }
    }
}

/// What a user may do on the stage from now on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GrantView<'a> {
    stage: &'a StageName,
    user_id: &'a UserId,
    capabilities: Option<Capabilities>,
    attributes: &'a Attributes,
}

impl<'a> GrantView<'a> {
    fn of(stage: &'a StageName, user_id: &'a UserId, grant: &'a Grant) -> Self {
        Self { stage, user_id, capabilities: grant.capabilities, attributes: &grant.attributes }
    }
}
