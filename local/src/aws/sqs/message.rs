//! A message, and the receipt handle that stands for one of its receptions.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::attribute::Attributes;
use super::fifo::Place;
use crate::aws::service::ACCOUNT;

/// A message in a queue. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: Attributes,
    pub(super) sent_ms: i64,
    /// When it can be received, again or at all.
    pub(super) visible_from_ms: i64,
    pub(super) first_received_ms: Option<i64>,
    /// How often it was received.
    pub(super) receptions: u32,
    /// ARN of the queue that it was moved from, being received too often.
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) place: Place,
}

/// Which reception of which message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) message: String,
    pub(super) reception: u32,
}

impl Message {
    pub(super) fn is_visible(&self, now_ms: i64) -> bool {
        self.visible_from_ms <= now_ms
    }

    pub(super) fn group(&self) -> Option<&str> {
        self.place.group.as_deref()
    }

    /// Notes a reception, which hides the message for so long.
    pub(super) fn receive(&mut self, now_ms: i64, hidden_ms: i64) {
        self.receptions += 1;
        self.first_received_ms.get_or_insert(now_ms);
        self.visible_from_ms = now_ms + hidden_ms;
    }

    pub(super) fn receipt_handle(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{} {}", self.id, self.receptions))
    }

    /// `MD5OfBody`.
    pub(super) fn md5(&self) -> String {
        format!("{:x}", md5::compute(&self.body))
    }

    /// Those of the system's own attributes that are asked for; `All` is all.
    pub(super) fn system_attributes(&self, requested: &[&str]) -> Map<String, Value> {
        let attributes = [
            ("SenderId", Some(ACCOUNT.to_owned())),
            ("SentTimestamp", Some(self.sent_ms.to_string())),
            ("ApproximateReceiveCount", Some(self.receptions.to_string())),
            ("ApproximateFirstReceiveTimestamp", self.first_received_ms.map(|time| time.to_string())),
            ("DeadLetterQueueSourceArn", self.source.clone()),
            ("MessageGroupId", self.place.group.clone()),
            ("MessageDeduplicationId", self.place.deduplication.clone()),
            ("SequenceNumber", self.place.sequence.clone()),
        ];
        let is_requested = |name: &str| requested.iter().any(|requested| *requested == "All" || *requested == name);
        let attributes = attributes.into_iter().filter(|(name, _)| is_requested(name));
        attributes.filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect()
    }
}

impl Receipt {
    /// Reads a receipt handle; `None` if it is not one.
    pub(super) fn read(handle: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
        let (message, reception) = text.split_once(' ')?;
        Some(Self { message: message.to_owned(), reception: reception.parse().ok()? })
    }
}
