//! Decode, judge, answer in the form of IVS Chat ("Message Review Handler" in the IVS Chat user guide).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_chat_review::{ReviewRooms, ReviewSenders, Sender};
use lambda::event::Report;
use model::chat::Role;
use model::chat::review::{Refusal, Words};
use model::{Error, RoomArn, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// How long IVS Chat waits for an answer ("Message Review Handler" in the IVS Chat user guide).
const WAITED: Duration = Duration::from_millis(200);

/// What a message needs.
pub(crate) struct Handler {
    /// Those of the deployment.
    pub(crate) words: Words,
    pub(crate) rooms: ReviewRooms,
    pub(crate) senders: ReviewSenders,
}

/// A message, as IVS Chat hands it over. It is nobody's to log.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message {
    content: String,
    message_id: String,
    room_arn: String,
    attributes: Option<BTreeMap<String, String>>,
    sender: Author,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Author {
    user_id: String,
    attributes: Option<BTreeMap<String, String>>,
}

impl Message {
    /// Whether anything of it has one of the words: attributes are shown to everybody, too.
    fn has(&self, words: &Words) -> bool {
        words.are_in(&self.content) || self.attributes.iter().flatten().any(|(_, value)| words.are_in(value))
    }

    /// By the role that the server has put into its author's token.
    fn is_of(&self, role: Role) -> bool {
        let attributes = self.sender.attributes.as_ref();
        attributes.and_then(|attributes| attributes.get("role")).is_some_and(|word| word == role.as_str())
    }
}

/// What IVS Chat is answered.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Verdict {
    review_result: &'static str,
    content: String,
    attributes: BTreeMap<String, String>,
}

impl Handler {
    pub(crate) async fn handle(&self, message: Message) -> Result<(Report, Verdict), Error> {
        let started = Instant::now();
        let refusal = self.refusal(&message).await?;
        let Message { content, attributes, room_arn, .. } = message;
        let report = Report::new(if refusal.is_some() { "denied" } else { "allowed" }).log("room.arn", room_arn);
        let report = match refusal {
            Some(refusal) => report.log("refusal", refusal.as_str()),
            None => report,
        };
        let report = report
            .count("MessagesReviewed", 1)
            .count("MessagesDenied", usize::from(refusal.is_some()))
            .count("ReviewsLate", usize::from(started.elapsed() > WAITED));
        let (review_result, attributes) = match refusal {
            Some(refusal) => ("DENY", BTreeMap::from([("Reason".to_owned(), refusal.reason().to_owned())])),
            None => ("ALLOW", attributes.unwrap_or_default()),
        };
        Ok((report, Verdict { review_result, content, attributes }))
    }

    /// What costs no call comes first, and what writes comes last: a message that is refused is nobody's last one.
    async fn refusal(&self, message: &Message) -> Result<Option<Refusal>, Error> {
        if message.has(&self.words) {
            return Ok(Some(Refusal::Word));
        }
        let arn: RoomArn = message.room_arn.parse().map_err(Error::internal)?;
        let now = Timestamp::now();
        // A room without a row is none of ours, or was made a moment ago.
        let Some(room) = self.rooms.get(now, &arn).await? else { return Ok(None) };
        if message.has(&room.words) {
            return Ok(Some(Refusal::Word));
        }
        // Nobody moderates the owner.
        if message.is_of(Role::Owner) {
            return Ok(None);
        }
        let user_id: UserId = message.sender.user_id.parse().map_err(Error::internal)?;
        let sender = Sender { room: &room.name, arn: &arn, user_id: &user_id };
        match room.slow_mode_seconds {
            0 => self.senders.refusal(sender).await,
            _ if message.is_of(Role::Moderator) => self.senders.refusal(sender).await,
            seconds => {
                let pause = Duration::from_secs(u64::from(seconds));
                self.senders.refusal_in_slow_mode(now, sender, &message.message_id, pause).await
            }
        }
    }
}
