//! `CreateRoom`, `GetRoom`, `ListRooms`, `UpdateRoom`, `DeleteRoom`.

use serde_json::{Value, json};

use super::context::{Context, DEFAULT_PAGE};
use super::error::too_many_rooms;
use super::state::{Order, Review, Room, State};
use crate::aws::service::shape::Input;
use crate::aws::service::{ACCOUNT, ServiceError};
use crate::aws::video::error::not_found;
use crate::aws::video::list::page_of;
use crate::aws::video::tags;
use crate::plumbing::{clock, ids};

const DEFAULT_RATE: i64 = 10;
const DEFAULT_LENGTH: i64 = 500;

/// Makes a room each time: names are not unique, and there is no client token.
pub(super) fn create(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let tags = tags::given(input)?;
    no_logging(input)?;
    if state.rooms.len() >= context.limits.rooms {
        return Err(too_many_rooms(context.limits.rooms));
    }
    let arn = format!("arn:aws:ivschat:{}:{ACCOUNT}:room/{}", context.region, ids::alphanumeric(12));
    let now = clock::rfc3339_seconds(context.now);
    let mut room = Room {
        name: input.text("name").unwrap_or_default().to_owned(),
        tags,
        rate: DEFAULT_RATE,
        longest: DEFAULT_LENGTH,
        review: None,
        created: now.clone(),
        updated: now,
    };
    change(&mut room, input);
    let answer = view(&arn, &room);
    state.rooms.insert(arn, room);
    Ok(answer)
}

pub(super) fn get(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("identifier");
    Ok(view(arn, state.room(arn)?))
}

pub(super) fn list(state: &State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let (name, uri) = (input.text("name"), input.text("messageReviewHandlerUri"));
    let is_asked_for = |room: &Room| {
        let reviewer = room.review.as_ref().map(|review| review.uri.as_str());
        name.is_none_or(|name| room.name == name) && uri.is_none_or(|uri| reviewer == Some(uri))
    };
    let rooms = state.rooms.iter().filter(|(_, room)| is_asked_for(room));
    // None can be made here.
    let has_logging = input.text("loggingConfigurationIdentifier").is_some();
    let rooms = rooms.filter(|_| !has_logging).map(|(arn, room)| (arn.as_str(), summary(arn, room)));
    let of = format!("rooms {name:?} {uri:?}");
    page_of(&of, "rooms", rooms, DEFAULT_PAGE, input)
}

pub(super) fn update(state: &mut State, input: Input<'_>, context: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("identifier");
    no_logging(input)?;
    let room = state.rooms.get_mut(arn).ok_or_else(|| not_found(arn))?;
    if let Some(name) = input.text("name") {
        name.clone_into(&mut room.name);
    }
    change(room, input);
    room.updated = clock::rfc3339_seconds(context.now);
    Ok(view(arn, room))
}

/// Everybody in the room is disconnected.
pub(super) fn delete(state: &mut State, input: Input<'_>, _: &Context<'_>) -> Result<Value, ServiceError> {
    let arn = input.required_text("identifier");
    state.rooms.remove(arn).ok_or_else(|| not_found(arn))?;
    state.tokens.retain(|_, token| token.room != arn);
    state.orders.push(Order::Close { room: arn.to_owned() });
    Ok(Value::Null)
}

fn change(room: &mut Room, input: Input<'_>) {
    room.rate = input.integer("maximumMessageRatePerSecond").unwrap_or(room.rate);
    room.longest = input.integer("maximumMessageLength").unwrap_or(room.longest);
    if let Some(handler) = input.json("messageReviewHandler") {
        let uri = handler["uri"].as_str().unwrap_or_default();
        let fallback = handler["fallbackResult"].as_str().unwrap_or("ALLOW");
        // An empty URI takes the handler off.
        room.review = (!uri.is_empty()).then(|| Review { uri: uri.to_owned(), fallback: fallback.to_owned() });
    }
}

/// Logging configurations cannot be made here, so none exists.
fn no_logging(input: Input<'_>) -> Result<(), ServiceError> {
    match input.texts("loggingConfigurationIdentifiers").unwrap_or_default().first() {
        Some(arn) => Err(not_found(arn)),
        None => Ok(()),
    }
}

fn view(arn: &str, room: &Room) -> Value {
    let mut view = summary(arn, room);
    view["maximumMessageRatePerSecond"] = json!(room.rate);
    view["maximumMessageLength"] = json!(room.longest);
    view
}

/// A list tells tags, and no limits.
pub(super) fn summary(arn: &str, room: &Room) -> Value {
    let id = arn.rsplit_once('/').map_or(arn, |(_, id)| id);
    let mut summary = json!({
        "arn": arn,
        "id": id,
        "name": room.name,
        "createTime": room.created,
        "updateTime": room.updated,
        "tags": room.tags,
    });
    if let Some(review) = &room.review {
        summary["messageReviewHandler"] = json!({"uri": review.uri, "fallbackResult": review.fallback});
    }
    summary
}
