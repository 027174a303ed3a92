//! Webhooks of the app's own back end: what an operator registers, what is signed and sent, and what a receiver's answer
//! means. Signatures are those of Standard Webhooks (standardwebhooks.com, specification 1.0).

mod body;
mod delivery;
mod event_type;
mod secret;
mod url;

pub use body::{Body, Value};
pub use delivery::{ATTEMPT, GIVE_UP, Verdict, judge, pause};
pub use event_type::{EventType, EventTypes, InvalidEventTypes};
pub use secret::{EARLIER, InvalidSecret, OVERLAP, Secrets, WebhookSecret};
pub use url::{Addresses, WebhookUrl};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::page::Position;
use crate::{EventId, Timestamp, WebhookName};

/// What an operator has registered, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// By which it is known.
    pub name: WebhookName,
    /// Where deliveries go.
    pub url: WebhookUrl,
    /// What it is for.
    pub events: EventTypes,
    /// When its receiver answered 410; absent while it gets deliveries.
    pub disabled_at: Option<Timestamp>,
    /// When it was first registered. It tells it from an earlier one of its name.
    pub created_at: Timestamp,
    /// When it was last registered.
    pub updated_at: Timestamp,
}

/// A webhook's name, as a place in their list, which is sorted by it.
impl Position for WebhookName {
    const ORDER: &'static str = "webhooks by name";

    fn write(&self) -> String {
        self.as_str().to_owned()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Something that has happened, to be told to every webhook that is for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The same whenever the same event is announced, so that a receiver knows a repetition.
    pub id: EventId,
    /// What has happened.
    pub r#type: EventType,
    /// What it has happened to, such as `channel/show`: events of one subject arrive in their order.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// What a receiver is told of it.
    pub data: Body,
}

impl Event {
    /// What is sent, and signed: compact JSON.
    pub fn body(&self) -> String {
        body::write(self.r#type, self.at, &self.data)
    }
}

/// An event on its way to one webhook: a message of the queue of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whose it is.
    pub webhook: WebhookName,
    /// When that was first registered.
    pub registered: Timestamp,
    /// `webhook-id`, the same for each attempt.
    pub id: EventId,
    /// What it is about, for the log.
    pub subject: String,
    /// What is sent, to the byte.
    pub body: String,
}

impl Delivery {
    /// Of an event to a webhook.
    pub fn of(event: &Event, webhook: &Webhook) -> Self {
        Self {
            webhook: webhook.name.clone(),
            registered: webhook.created_at,
            id: event.id.clone(),
            subject: event.subject.clone(),
            body: event.body(),
        }
    }

    /// The group of the queue that keeps its order: one a webhook and subject. 43 characters.
    pub fn group(&self) -> String {
        hash([self.webhook.as_str(), &self.subject])
    }

    /// By which the queue knows a repetition: one an event and webhook. 43 characters.
    pub fn deduplication(&self) -> String {
        hash([self.webhook.as_str(), self.id.as_str()])
    }
}

/// Of two texts, in characters that SQS takes: names may be longer than its ids.
fn hash([a, b]: [&str; 2]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{a}\n{b}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    fn types(json: &str) -> Option<Vec<EventType>> {
        serde_json::from_str::<EventTypes>(json).ok().map(|types| types.iter().collect())
    }

    #[test]
    fn each_event_type_is_read_by_its_word() {
        for r#type in EventType::ALL {
            assert_eq!(EventType::parse(r#type.as_str()), Some(r#type));
            assert_eq!(serde_json::to_string(&r#type).unwrap(), format!("\"{type}\""));
            assert!(EventTypes::RULE.contains(r#type.as_str()), "{type}");
        }
        assert_eq!(EventType::parse("stream"), None);
    }

    #[test]
    fn a_webhook_is_for_one_event_at_least_and_for_each_once() {
        let both = Some(vec![EventType::StreamStarted, EventType::StreamEnded]);
        assert_eq!(types(r#"["stream.ended", "stream.started"]"#), both);
        for refused in ["[]", r#"["stream.ended", "stream.ended"]"#, r#"["stream.*"]"#, r#""stream.ended""#, "null"] {
            assert_eq!(types(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_delivery_goes_by_its_webhook_and_subject_and_is_known_by_its_event() {
        let delivery = |webhook: &str, subject: &str, id: &str| Delivery {
            webhook: webhook.parse().unwrap(),
            registered: "2026-03-01T12:00:00Z".parse().unwrap(),
            id: id.parse().unwrap(),
            subject: subject.to_owned(),
            body: "{}".to_owned(),
        };
        let one = delivery("a", "channel/show", "1");
        assert_eq!(one.group(), delivery("a", "channel/show", "2").group());
        assert_ne!(one.group(), delivery("a", "channel/other", "1").group());
        assert_ne!(one.group(), delivery("b", "channel/show", "1").group());
        assert_eq!(one.deduplication(), delivery("a", "channel/other", "1").deduplication());
        assert_ne!(one.deduplication(), delivery("a", "channel/show", "2").deduplication());
        assert_ne!(one.deduplication(), delivery("b", "channel/show", "1").deduplication());
        assert_eq!((one.group().len(), one.deduplication().len()), (43, 43));
    }
}
