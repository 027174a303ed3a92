//! Whether what cannot be delivered finds its queue.

use super::delivery::DeadLetterQueue;
use super::error::{Result, TemplateError};
use super::function::Function;
use super::queue::Queue;
use super::queue_policy::QueuePolicy;
use super::schedule::ScheduleService;

/// Checks that the messages of every queue that are received too often have a queue of the template to go to.
pub(super) fn check_redrive(queues: &[Queue]) -> Result<()> {
    for redrive in queues.iter().filter_map(|queue| queue.redrive.as_ref()) {
        if !is_of(queues, &redrive.queue) {
            return Err(TemplateError::new(&redrive.at, format!("`{}` is no queue of this template", redrive.queue)));
        }
    }
    Ok(())
}

fn is_of(queues: &[Queue], arn: &str) -> bool {
    queues.iter().any(|queue| queue.name == arn.rsplit(':').next().unwrap_or_default())
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
        if !is_of(queues, arn) {
            return Err(TemplateError::new(at, format!("`{arn}` is no queue of this template")));
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
