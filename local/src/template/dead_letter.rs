//! Whether what cannot be delivered finds its queue.

use super::delivery::DeadLetterQueue;
use super::error::{Result, TemplateError};
use super::function::Function;
use super::queue::Queue;
use super::queue_policy::QueuePolicy;
use super::schedule::ScheduleService;

/// Checks that the messages of every queue that are received too often have a queue of the template to go to.
pub(super) fn check_redrive(queues: &[Queue]) -> Result<()> {
    for (queue, redrive) in queues.iter().filter_map(|queue| Some((queue, queue.redrive.as_ref()?))) {
        let error = |what: String| Err(TemplateError::new(&redrive.at, what));
        match named(queues, &redrive.queue) {
            None => return error(format!("`{}` is no queue of this template", redrive.queue)),
            Some(dead) if dead.fifo.is_some() != queue.fifo.is_some() => {
                return error(
                    "a FIFO queue has a FIFO queue of dead letters, and a standard queue a standard one".to_owned(),
                );
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn named<'a>(queues: &'a [Queue], arn: &str) -> Option<&'a Queue> {
    queues.iter().find(|queue| queue.name == arn.rsplit(':').next().unwrap_or_default())
}

/// Checks that every dead-letter queue that the template names is one of its own, and that rules may send to theirs.
/// Scheduler sends with a role of its own, which SAM gives the permission.
pub(super) fn check_dead_letter_queues(
    functions: &[Function],
    queues: &[Queue],
    policies: &[QueuePolicy],
) -> Result<()> {
    let of_rules = functions.iter().flat_map(|function| &function.rules);
    let of_rules = of_rules.map(|rule| (&rule.dead_letter_queue, Some(&rule.arn)));
    let of_schedules = functions.iter().flat_map(|function| &function.schedules).map(|schedule| {
        let rule = (schedule.service == ScheduleService::Rule).then_some(&schedule.arn);
        (&schedule.dead_letter_queue, rule)
    });
    for (queue, rule) in of_rules.chain(of_schedules) {
        let Some(DeadLetterQueue { arn, at: Some(at) }) = queue else { continue };
        match named(queues, arn) {
            None => return Err(TemplateError::new(at, format!("`{arn}` is no queue of this template"))),
            Some(queue) if queue.fifo.is_some() => {
                return Err(TemplateError::new(
                    at,
                    "a FIFO queue cannot be the dead-letter queue of a rule or a schedule",
                ));
            }
            Some(_) => {}
        }
        if rule.is_some_and(|rule| !QueuePolicy::let_rule_send(policies, rule, arn)) {
            let what = format!(
                "no AWS::SQS::QueuePolicy lets events.amazonaws.com do sqs:SendMessage on {arn}, so that EventBridge \
                 would drop what it cannot deliver"
            );
            return Err(TemplateError::new(at, what));
        }
    }
    Ok(())
}
