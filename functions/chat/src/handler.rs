//! One function per route: decode, call one operation, show the result.

use aws_chat::{Chat, GivenChatToken, TokenRequest};
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use model::chat::{DisplayName, SessionDuration};
use model::claim::Resource;
use model::room::{Room, Subject};
use model::{ChannelName, Error, StageName, Timestamp, UserId};
use serde::Serialize;

use crate::route::{Route, parameter};

/// What the routes need.
pub(crate) struct Handler {
    pub(crate) chat: Chat,
    /// Where clients connect with a token.
    pub(crate) endpoint: String,
}

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Error> {
        let (request, now) = (&request, Timestamp::now());
        match Route::of(route(request)) {
            Some(Route::StageToken) => {
                self.token(request, now, |input| Some(Subject::Stage(input.path::<StageName>(parameter::STAGE)?))).await
            }
            Some(Route::ChannelToken) => {
                let subject =
                    |input: &mut Input<'_>| Some(Subject::Channel(input.path::<ChannelName>(parameter::CHANNEL)?));
                self.token(request, now, subject).await
            }
            None => Err(Error::NotFound("route")),
        }
    }

    async fn token(
        &self,
        request: &Request,
        now: Timestamp,
        subject: impl Fn(&mut Input<'_>) -> Option<Subject>,
    ) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            subject(&mut input),
            input.field::<SessionDuration>("durationMinutes"),
            input.field::<DisplayName>("displayName"),
            input.field::<bool>("readOnly"),
        );
        let (subject, duration, display_name, read_only) = input.finish(values)?;
        let command = TokenRequest {
            subject,
            caller: caller.clone(),
            duration: duration.unwrap_or_default().into(),
            display_name,
            read_only: read_only.unwrap_or_default(),
        };
        let given = self.heed(&command.subject, self.chat.request_token(now, &command).await).await?;
        let reply = Reply::json(StatusCode::CREATED, &TokenView::of(&caller, &given, &self.endpoint))?.no_store();
        Ok(reply.log("role", given.role.as_str()).log("newRoom", given.is_first))
    }

    /// Asks for the recovery of what was left halfway: the room, or what it belongs to.
    async fn heed<T>(&self, subject: &Subject, result: Result<T, Error>) -> Result<T, Error> {
        match (&result, subject) {
            (Err(Error::Unfinished(kind)), _) if *kind == Room::KIND => {
                self.chat.recovery.heed(&subject.room(), result).await
            }
            (_, Subject::Stage(name)) => self.chat.recovery.heed(name, result).await,
            (_, Subject::Channel(name)) => self.chat.recovery.heed(name, result).await,
        }
    }
}

/// A chat token, for the client of IVS Chat.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenView<'a> {
    token: &'a str,
    endpoint: &'a str,
    session_expires_at: Timestamp,
    user_id: &'a UserId,
    capabilities: Vec<&'static str>,
    role: &'static str,
    display_name: Option<&'a DisplayName>,
    rules: Option<&'a str>,
    slow_mode_seconds: u16,
}

impl<'a> TokenView<'a> {
    fn of(user_id: &'a UserId, given: &'a GivenChatToken, endpoint: &'a str) -> Self {
        Self {
            token: &given.token.text,
            endpoint,
            session_expires_at: given.token.session_expires_at,
            user_id,
            capabilities: given.capabilities.iter().map(|capability| capability.as_str()).collect(),
            role: given.role.as_str(),
            display_name: given.display_name.as_ref(),
            rules: given.room.settings.rules.as_deref(),
            slow_mode_seconds: given.room.settings.slow_mode_seconds,
        }
    }
}
