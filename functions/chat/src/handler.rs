//! One function per route: decode, call one operation, show the result.

use std::borrow::Cow;

use aws_chat::{Chat, GivenChatToken, TokenRequest};
use aws_room::SettingsChanges;
use lambda::http::{Input, Reply, route};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use model::chat::{
    ChatUser, DisplayName, LogEntry, Role, Rules, SessionDuration, SlowMode, Standing, StandingChanges, Words,
};
use model::claim::Resource;
use model::room::{Room, RoomSettings, Subject};
use model::{Error, Limit, MessageId, Timestamp, UserId};
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
        let route = Route::of(route(request)).ok_or(Error::NotFound("route"))?;
        match route {
            Route::StageToken | Route::ChannelToken => self.token(route, request, now).await,
            Route::StageSettings | Route::ChannelSettings => self.settings(route, request, now).await,
            Route::ChangeStageSettings | Route::ChangeChannelSettings => {
                self.change_settings(route, request, now).await
            }
            Route::StageUsers | Route::ChannelUsers => self.users(route, request, now).await,
            Route::ModerateStageUser | Route::ModerateChannelUser => self.moderate(route, request, now).await,
            Route::RemoveStageUser | Route::RemoveChannelUser => self.remove(route, request, now).await,
            Route::DeleteStageMessage | Route::DeleteChannelMessage => self.delete_message(route, request, now).await,
            Route::StageLog | Route::ChannelLog => self.log(route, request, now).await,
        }
    }

    async fn token(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            subject(route, &mut input),
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

    async fn settings(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let subject = (subject(route, &mut input),);
        let (subject,) = input.finish(subject)?;
        let (settings, role) = self.heed(&subject, self.chat.settings(now, &subject, &caller).await).await?;
        Reply::json(StatusCode::OK, &SettingsView::of(&settings, role))
    }

    async fn change_settings(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            subject(route, &mut input),
            input.field::<Rules>("rules"),
            input.field::<SlowMode>("slowModeSeconds"),
            input.field::<Words>("words"),
        );
        if let (_, Some(None), Some(None), Some(None)) = values {
            for field in ["rules", "slowModeSeconds", "words"] {
                input.reject(field, "must be given unless another one is");
            }
        }
        let (subject, rules, slow_mode, words) = input.finish(values)?;
        let changes = SettingsChanges {
            rules: rules.map(Rules::into_text),
            slow_mode_seconds: slow_mode.map(SlowMode::seconds),
            words: words.map(Words::into_list),
        };
        let changed = self.chat.change_settings(now, &subject, &caller, &changes).await;
        let settings = self.heed(&subject, changed).await?;
        Reply::json(StatusCode::OK, &SettingsView::of(&settings, Role::Owner))
    }

    async fn users(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let list = input.list();
        let values = (subject(route, &mut input), input.query::<Limit>("limit"), input.cursor(&list));
        let (subject, limit, cursor) = input.finish(values)?;
        let limit = limit.unwrap_or_default();
        let page = self.chat.moderated_users(now, &subject, &caller, limit, cursor).await;
        Reply::page(&list, &self.heed(&subject, page).await?, UserView::of)
    }

    async fn moderate(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::with_body(request)?;
        let caller = input.caller()?;
        let values = (
            subject(route, &mut input),
            input.user_in_path(parameter::USER_ID),
            input.field::<bool>("moderator"),
            input.field::<bool>("muted"),
            input.field::<bool>("removed"),
        );
        if let (.., Some(None), Some(None), Some(None)) = values {
            for field in ["moderator", "muted", "removed"] {
                input.reject(field, "must be given unless another one is");
            }
        }
        let (subject, user_id, moderator, muted, removed) = input.finish(values)?;
        let changes = StandingChanges { moderator, muted, removed };
        let moderated = self.chat.moderate(now, &subject, &caller, &user_id, &changes).await;
        Reply::json(StatusCode::OK, &UserView::of(&self.heed(&subject, moderated).await?))
    }

    async fn remove(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let values = (subject(route, &mut input), input.user_in_path(parameter::USER_ID));
        let (subject, user_id) = input.finish(values)?;
        let changes = StandingChanges { removed: Some(true), ..StandingChanges::default() };
        self.heed(&subject, self.chat.moderate(now, &subject, &caller, &user_id, &changes).await).await?;
        Ok(Reply::no_content())
    }

    async fn delete_message(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let values = (subject(route, &mut input), input.path::<MessageId>(parameter::MESSAGE_ID));
        let (subject, message_id) = input.finish(values)?;
        self.heed(&subject, self.chat.delete_message(now, &subject, &caller, &message_id).await).await?;
        Ok(Reply::no_content())
    }

    async fn log(&self, route: Route, request: &Request, now: Timestamp) -> Result<Reply, Error> {
        let mut input = Input::without_body(request);
        let caller = input.caller()?;
        let list = input.list();
        let values = (subject(route, &mut input), input.query::<Limit>("limit"), input.cursor(&list));
        let (subject, limit, cursor) = input.finish(values)?;
        let page = self.chat.log(now, &subject, &caller, limit.unwrap_or_default(), cursor).await;
        Reply::page(&list, &self.heed(&subject, page).await?, EntryView::of)
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

/// The stage or channel that the path of a route names.
fn subject(route: Route, input: &mut Input<'_>) -> Option<Subject> {
    match route {
        Route::StageToken
        | Route::StageSettings
        | Route::ChangeStageSettings
        | Route::StageUsers
        | Route::ModerateStageUser
        | Route::RemoveStageUser
        | Route::DeleteStageMessage
        | Route::StageLog => Some(Subject::Stage(input.path(parameter::STAGE)?)),
        Route::ChannelToken
        | Route::ChannelSettings
        | Route::ChangeChannelSettings
        | Route::ChannelUsers
        | Route::ModerateChannelUser
        | Route::RemoveChannelUser
        | Route::DeleteChannelMessage
        | Route::ChannelLog => Some(Subject::Channel(input.path(parameter::CHANNEL)?)),
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

/// The settings of a chat.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsView<'a> {
    rules: Option<&'a str>,
    slow_mode_seconds: u16,
    /// None for those who do not moderate: the words are not for everybody's eyes.
    words: Option<&'a [String]>,
}

impl<'a> SettingsView<'a> {
    fn of(settings: &'a RoomSettings, role: Role) -> Self {
        Self {
            rules: settings.rules.as_deref(),
            slow_mode_seconds: settings.slow_mode_seconds,
            words: role.moderates().then_some(&settings.words),
        }
    }
}

/// What has been said of a user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserView<'a> {
    user_id: &'a UserId,
    /// The user in a path.
    user_ref: Cow<'a, str>,
    display_name: Option<&'a DisplayName>,
    moderator: bool,
    muted: bool,
    removed: bool,
    changed_at: Option<Timestamp>,
}

impl<'a> UserView<'a> {
    fn of(user: &'a ChatUser) -> Self {
        let Standing { moderator, muted, removed } = user.standing;
        Self {
            user_id: &user.user_id,
            user_ref: user.user_id.user_ref(),
            display_name: user.display_name.as_ref(),
            moderator,
            muted,
            removed,
            changed_at: user.changed_at,
        }
    }
}

/// An entry of the log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryView<'a> {
    at: Timestamp,
    actor: &'a UserId,
    action: &'static str,
    user_id: Option<&'a UserId>,
    message_id: Option<&'a MessageId>,
}

impl<'a> EntryView<'a> {
    fn of(entry: &'a LogEntry) -> Self {
        Self {
            at: entry.at,
            actor: &entry.actor,
            action: entry.action.as_str(),
            user_id: entry.user_id.as_ref(),
            message_id: entry.message_id.as_ref(),
        }
    }
}
