//! Dead-letter queues: a message that has been received as often as it may be is moved in place of its next reception.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::message::Message;
use super::queue::Queue;
use super::state::Sqs;

impl Sqs {
    /// Moves what could be received of the queue now and has been received too often. A moved message keeps its id, its
    /// count of receptions, its group and, in a standard queue, the time of its sending, by which the dead-letter queue, too, tells
    /// how long it is kept; in a FIFO queue that begins anew.
    pub(super) fn redrive(&self, queues: &mut BTreeMap<String, Queue>, context: &Context<'_>) {
        let Some(redrive) = &context.settings.redrive else { return };
        let Some(queue) = queues.get_mut(&context.settings.name) else { return };
        queue.expire(context);
        let is_fifo = context.settings.fifo.is_some();
        // In a FIFO queue a message waits for those before it, which are received first and perhaps deleted.
        let mut waiting = BTreeSet::new();
        let mut positions = BTreeSet::new();
        for at in queue.receivable(context) {
            let Some(message) = queue.messages.get(at) else { break };
            if message.receptions >= redrive.most_receptions && !waiting.contains(&message.group()) {
                positions.insert(at);
            } else if is_fifo {
                waiting.insert(message.group());
            }
        }
        let mut at = 0..;
        let is_exhausted = |_: &mut Message| at.next().is_some_and(|at| positions.contains(&at));
        let mut exhausted: Vec<_> = queue.messages.extract_if(.., is_exhausted).collect();
        for message in &mut exhausted {
            message.source = Some(context.arn.clone());
            message.visible_from_ms = context.now_ms;
            if is_fifo {
                message.sent_ms = context.now_ms;
            }
        }
        let name = redrive.queue.rsplit(':').next().unwrap_or_default();
        queues.entry(name.to_owned()).or_default().messages.append(&mut exhausted);
    }
}
