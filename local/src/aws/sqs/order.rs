//! What a FIFO queue does besides: deduplication, sequence numbers, the order within groups.
//!
//! After "Amazon SQS FIFO queues" in the developer guide.

use std::collections::BTreeSet;

use super::context::Context;
use super::fifo::{Place, Taken};
use super::message::Message;
use super::queue::Queue;

/// For how long a message is known by its deduplication id, deleted or not, milliseconds.
const DEDUPLICATION_MS: i64 = 5 * 60 * 1_000;

impl Queue {
    /// The message of this place that the queue took in the last five minutes, if it took one.
    pub(super) fn taken_already(&mut self, place: &Place, context: &Context<'_>) -> Option<&Taken> {
        let key = place.key(context)?;
        self.taken.retain(|taken| context.now_ms - taken.at_ms < DEDUPLICATION_MS);
        self.taken.iter().find(|taken| taken.key == key)
    }

    /// Gives the message of a FIFO queue its number, and remembers it.
    pub(super) fn number(&mut self, message: &mut Message, context: &Context<'_>) {
        let Some(key) = message.place.key(context) else { return };
        self.numbers += 1;
        let sequence = format!("1{:019}", self.numbers);
        message.place.sequence = Some(sequence.clone());
        self.taken.push(Taken { key, at_ms: context.now_ms, message: message.id.clone(), sequence });
    }

    /// The positions of the messages that can be received now, in order. Of a group that has a message in flight, none
    /// can; behind one that is delayed, none of its group.
    pub(super) fn receivable(&self, context: &Context<'_>) -> Vec<usize> {
        let oldest_ms = context.oldest_ms();
        let kept = || self.messages.iter().enumerate().filter(move |(_, message)| message.sent_ms > oldest_ms);
        if context.settings.fifo.is_none() {
            return kept().filter(|(_, message)| message.is_visible(context.now_ms)).map(|(at, _)| at).collect();
        }
        let hidden = kept().filter(|(_, message)| !message.is_visible(context.now_ms));
        let mut blocked: BTreeSet<&str> =
            hidden.clone().filter(|(_, message)| message.receptions > 0).filter_map(|(_, m)| m.group()).collect();
        let mut positions = Vec::new();
        for (at, message) in kept() {
            let Some(group) = message.group() else { continue };
            if message.is_visible(context.now_ms) {
                if !blocked.contains(group) {
                    positions.push(at);
                }
            } else {
                blocked.insert(group);
            }
        }
        positions
    }
}
