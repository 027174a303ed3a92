//! Dead-letter queues: a message that has been received as often as it may be is moved in place of its next reception.

use std::collections::BTreeMap;

use super::context::Context;
use super::queue::Queue;
use super::state::Sqs;

impl Sqs {
    /// Moves what could be received of the queue now and has been received too often. A moved message keeps its id, its
    /// count of receptions and the time of its sending, by which the dead-letter queue, too, tells how long it is kept.
    pub(super) fn redrive(&self, queues: &mut BTreeMap<String, Queue>, context: &Context<'_>) {
        let Some(redrive) = &context.settings.redrive else { return };
        let Some(queue) = queues.get_mut(&context.settings.name) else { return };
        queue.expire(context);
        let is_exhausted = |message: &mut super::message::Message| {
            message.is_visible(context.now_ms) && message.receptions >= redrive.most_receptions
        };
        let mut exhausted: Vec<_> = queue.messages.extract_if(.., is_exhausted).collect();
        for message in &mut exhausted {
            message.source = Some(context.arn.clone());
            message.visible_from_ms = context.now_ms;
        }
        let name = redrive.queue.rsplit(':').next().unwrap_or_default();
        queues.entry(name.to_owned()).or_default().messages.append(&mut exhausted);
    }
}
