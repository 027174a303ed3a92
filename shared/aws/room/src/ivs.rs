//! IVS Chat.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_claim::ListedPage;
use aws_client::{Aws, AwsFailure, RateLimiter, SdkClient, create_timeouts, sdk_client};
use aws_sdk_ivschat::Client;
use aws_sdk_ivschat::config::Config;
use aws_sdk_ivschat::operation::delete_room::DeleteRoomError;
use aws_sdk_ivschat::operation::get_room::GetRoomError;
use aws_sdk_ivschat::operation::send_event::SendEventError;
use aws_sdk_ivschat::types::{ChatTokenCapability, FallbackResult, MessageReviewHandler};
use aws_smithy_types::retry::RetryConfig;
use model::chat::review::Fallback;
use model::claim::{Claim, CreateError};
use model::room::Room;
use model::{Error, MessageId, RoomArn, RoomName, Timestamp, UserId, tags};

/// Code points of a message, as many as IVS Chat takes.
const LONGEST_MESSAGE: i32 = 500;

/// Who reviews messages before anybody sees them, and what the rooms that are made take.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// The ARN of a Lambda function. Absent: nobody.
    pub function: Option<String>,
    /// What becomes of a message that the function does not answer for.
    pub fallback: Fallback,
    /// Messages a second that a room takes, of all users together; absent: 10, as IVS Chat has it.
    pub messages_per_second: Option<i32>,
}

impl Review {
    /// As IVS Chat has it.
    fn handler(&self) -> Option<MessageReviewHandler> {
        let fallback = match self.fallback {
            Fallback::Allow => FallbackResult::Allow,
            Fallback::Deny => FallbackResult::Deny,
        };
        let function = self.function.as_ref()?;
        Some(MessageReviewHandler::builder().uri(function).fallback_result(fallback).build())
    }
}

/// A page of rooms, and those of them whose messages are not reviewed as they are to be.
pub(crate) struct RoomPage {
    pub(crate) listed: ListedPage<Room>,
    pub(crate) reviewed_otherwise: Vec<RoomArn>,
}

/// A chat token, which opens one connection, within about a minute.
pub struct ChatToken {
    /// The token itself: a secret.
    pub text: String,
    /// When the connection ends that it opens.
    pub session_expires_at: Timestamp,
}

impl fmt::Debug for ChatToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatToken").field("session_expires_at", &self.session_expires_at).finish_non_exhaustive()
    }
}

/// What came of something for a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// IVS Chat has taken it.
    Yes,
    /// There is no such room any more.
    NoRoom,
}

/// IVS Chat, as far as this deployment's own rooms go.
pub struct RoomIvs {
    ivs: SdkClient<Client>,
    stack: String,
    review: Review,
    listings: RateLimiter,
    deletes: RateLimiter,
    updates: RateLimiter,
    adoptions: RateLimiter,
}

impl RoomIvs {
    /// Rooms are tagged as the stack's, so that two deployments in one account leave each other's alone.
    pub fn new(aws: &Aws, stack: String) -> Self {
        let ivs = sdk_client!(aws, aws_sdk_ivschat, "IVSCHAT");
        let [listings, deletes, updates, adoptions] = [(); 4].map(|()| RateLimiter::unlimited());
        Self { ivs, stack, review: Review::default(), listings, deletes, updates, adoptions }
    }

    /// Makes rooms whose messages are reviewed so.
    #[must_use]
    pub fn reviewed_by(self, review: Review) -> Self {
        Self { review, ..self }
    }

    /// Lists at a pace that leaves some of IVS Chat's five calls a second to others, and deletes and updates at the same, so
    /// many calls a minute each.
    #[must_use]
    pub fn limited_to(self, calls: u32) -> Self {
        let [listings, deletes, updates] = [(); 3].map(|()| RateLimiter::per_minute(calls));
        Self { listings, deletes, updates, ..self }
    }

    /// Adopts at a pace of its own, so many a minute.
    #[must_use]
    pub fn adopting_at(self, calls: u32) -> Self {
        Self { adoptions: RateLimiter::per_minute(calls), ..self }
    }

    /// Waits until the next room may be adopted.
    pub(crate) async fn adoption(&self) {
        self.adoptions.acquire().await;
    }

    /// Creates a room under a claim. It is sent once: `CreateRoom` is not idempotent, and names are not unique.
    ///
    /// # Errors
    /// [`CreateError`] says whether there may be a room nevertheless.
    pub(crate) async fn create_room(&self, claim: &Claim<Room>) -> Result<RoomArn, CreateError> {
        let operation = "ivschat:CreateRoom";
        let created = self
            .ivs
            .create_room()
            .name(claim.name.shown())
            .maximum_message_length(LONGEST_MESSAGE)
            .set_maximum_message_rate_per_second(self.review.messages_per_second)
            .set_message_review_handler(self.review.handler())
            .set_tags(Some(tags::of(claim, &self.stack)))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()).timeout_config(create_timeouts()))
            .send()
            .await
            .map_err(|error| AwsFailure::new(operation, &error).into_create_error())?;
        let arn = created.arn().and_then(|arn| arn.parse().ok());
        arn.ok_or_else(|| CreateError::Unknown(Error::unavailable(AwsFailure::malformed(operation, "no ARN"))))
    }

    /// A page of the rooms in IVS Chat that are tagged as the stack's. It is sent once.
    ///
    /// # Errors
    /// What IVS Chat fails with.
    pub(crate) async fn list_rooms(&self, only: Option<&RoomName>, page: Option<&str>) -> Result<RoomPage, Error> {
        let operation = "ivschat:ListRooms";
        self.listings.acquire().await;
        let listed = self
            .ivs
            .list_rooms()
            .set_name(only.map(RoomName::shown))
            .max_results(50)
            .set_next_token(page.map(str::to_owned))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await
            .map_err(|error| AwsFailure::new(operation, &error).into_error())?;
        let (mut found, mut reviewed_otherwise) = (Vec::new(), Vec::new());
        let handler = self.review.handler();
        for room in listed.rooms() {
            let arn: Option<RoomArn> = room.arn().and_then(|arn| arn.parse().ok());
            let arn = arn.ok_or_else(|| Error::internal(AwsFailure::malformed(operation, "no ARN")))?;
            let Some(own) = tags::found::<Room>(arn, room.tags(), &self.stack) else { continue };
            if handler.is_some() && handler.as_ref() != room.message_review_handler() {
                reviewed_otherwise.push(own.arn.clone());
            }
            found.push(own);
        }
        Ok(RoomPage { listed: ListedPage { found, next: listed.next_token().map(str::to_owned) }, reviewed_otherwise })
    }

    /// Has the messages of a room reviewed as those of the rooms that are made. One that is gone is fine.
    ///
    /// # Errors
    /// What IVS Chat fails with.
    pub(crate) async fn review_room(&self, arn: &RoomArn) -> Result<(), Error> {
        self.updates.acquire().await;
        let update = self.ivs.update_room().identifier(arn.as_str());
        match update.set_message_review_handler(self.review.handler()).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(())
            }
            Err(error) => Err(AwsFailure::new("ivschat:UpdateRoom", &error).into_error()),
        }
    }

    /// Whether there is such a room.
    ///
    /// # Errors
    /// What IVS Chat fails with.
    pub(crate) async fn has_room(&self, arn: &RoomArn) -> Result<bool, Error> {
        self.read_room(arn).await.map(|room| room.is_some()).map_err(AwsFailure::into_error)
    }

    async fn read_room(&self, arn: &RoomArn) -> Result<Option<()>, AwsFailure> {
        match self.ivs.get_room().identifier(arn.as_str()).send().await {
            Ok(_) => Ok(Some(())),
            Err(error) => match error.as_service_error() {
                Some(GetRoomError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(AwsFailure::new("ivschat:GetRoom", &error)),
            },
        }
    }

    /// Deletes a room and disconnects everybody in it. One that is gone already is fine.
    ///
    /// # Errors
    /// What IVS Chat fails with.
    pub(crate) async fn delete_room(&self, arn: &RoomArn) -> Result<(), Error> {
        self.deletes.acquire().await;
        match self.ivs.delete_room().identifier(arn.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteRoomError::ResourceNotFoundException(_)) => Ok(()),
                _ => AwsFailure::new("ivschat:DeleteRoom", &error).unless_gone(self.read_room(arn)).await,
            },
        }
    }

    /// Mints a token for a user. `attributes` are shown to everybody with each of their messages, and have 1 KB.
    ///
    /// # Errors
    /// [`Error::Busy`] if the room is gone by now, so that another is made; what IVS Chat fails with.
    pub async fn create_chat_token(
        &self,
        room: &RoomArn,
        user_id: &UserId,
        capabilities: &[&str],
        duration: Duration,
        attributes: HashMap<String, String>,
    ) -> Result<ChatToken, Error> {
        let operation = "ivschat:CreateChatToken";
        let minutes = i32::try_from(duration.as_secs() / 60).map_err(Error::internal)?;
        let created = self
            .ivs
            .create_chat_token()
            .room_identifier(room.as_str())
            .user_id(user_id.as_str())
            .set_capabilities(Some(capabilities.iter().map(|word| ChatTokenCapability::from(*word)).collect()))
            .session_duration_in_minutes(minutes)
            .set_attributes(Some(attributes))
            .send()
            .await;
        let created = created.map_err(|error| {
            let is_gone = error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception());
            if is_gone { model::claim::busy::<Room>() } else { AwsFailure::new(operation, &error).into_error() }
        })?;
        let ends = created.session_expiration_time().and_then(|at| Timestamp::from_epoch(at.secs(), at.subsec_nanos()));
        let (Some(text), Some(session_expires_at)) = (created.token, ends) else {
            return Err(Error::unavailable(AwsFailure::malformed(operation, "no token, or no end of its session")));
        };
        Ok(ChatToken { text, session_expires_at })
    }

    /// Sends an event to everybody in a room.
    ///
    /// # Errors
    /// What IVS Chat fails with.
    pub async fn send_event(
        &self,
        room: &RoomArn,
        name: &str,
        attributes: HashMap<String, String>,
    ) -> Result<Sent, Error> {
        let send = self.ivs.send_event().room_identifier(room.as_str()).event_name(name);
        match send.set_attributes(Some(attributes)).send().await {
            Ok(_) => Ok(Sent::Yes),
            Err(error) => match error.as_service_error() {
                Some(SendEventError::ResourceNotFoundException(_)) => Ok(Sent::NoRoom),
                _ => Err(AwsFailure::new("ivschat:SendEvent", &error).into_error()),
            },
        }
    }

    /// Has clients hide a message: IVS Chat keeps none, and knows of none.
    ///
    /// # Errors
    /// What IVS Chat fails with.
    pub async fn delete_message(&self, room: &RoomArn, message: &MessageId, reason: &str) -> Result<Sent, Error> {
        let delete = self.ivs.delete_message().room_identifier(room.as_str()).id(message.as_str()).reason(reason);
        match delete.send().await {
            Ok(_) => Ok(Sent::Yes),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(Sent::NoRoom)
            }
            Err(error) => Err(AwsFailure::new("ivschat:DeleteMessage", &error).into_error()),
        }
    }

    /// Closes every connection of a user. A token that they hold opens another one.
    ///
    /// # Errors
    /// What IVS Chat fails with.
    pub async fn disconnect_user(&self, room: &RoomArn, user_id: &UserId, reason: &str) -> Result<Sent, Error> {
        let close = self.ivs.disconnect_user().room_identifier(room.as_str()).user_id(user_id.as_str()).reason(reason);
        match close.send().await {
            Ok(_) => Ok(Sent::Yes),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(Sent::NoRoom)
            }
            Err(error) => Err(AwsFailure::new("ivschat:DisconnectUser", &error).into_error()),
        }
    }
}
