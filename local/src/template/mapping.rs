//! From a queue to its function: `AWS::Lambda::EventSourceMapping`, and what Lambda checks of every mapping.

use std::time::Duration;

use super::error::{Result, TemplateError};
use super::event_source::{self, ACTIONS};
use super::function::Function;
use super::node::Node;
use super::queue::Queue;
use crate::aws::{Requirement, iam};

/// A queue whose messages a function gets: the numbers that must fit each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The event's name in the template after the function's, such as `RecoveryFunction.Names`, or the mapping's logical id.
    pub name: String,
    /// How long the function may take.
    pub timeout: Duration,
    /// The function's `ReservedConcurrentExecutions`.
    pub reserved_concurrency: Option<usize>,
    /// The most messages of one invocation.
    pub batch_size: usize,
    /// How long messages are gathered for one invocation.
    pub window: Duration,
    /// The most invocations at a time.
    pub max_concurrency: Option<usize>,
    /// Whether the function's answer says which messages failed.
    pub reports_failures: bool,
    /// How long a message that was received is hidden.
    pub visibility_timeout: Duration,
    /// How long the queue keeps a message.
    pub retention: Duration,
    /// How often a message is received before it is a dead letter, if it ever is.
    pub most_receptions: Option<u32>,
    /// How long the dead-letter queue keeps it.
    pub dead_letter_retention: Option<Duration>,
}

/// Every mapping that has been [checked](check).
pub(super) fn mappings(functions: &[Function], queues: &[Queue]) -> Vec<Mapping> {
    let named = |arn: &str| queues.iter().find(|queue| queue.name == arn.rsplit(':').next().unwrap_or_default());
    let sources =
        functions.iter().flat_map(|function| function.event_sources.iter().map(move |source| (function, source)));
    let mappings = sources.filter_map(|(function, source)| {
        let queue = named(&source.queue)?;
        let redrive = queue.redrive.as_ref();
        Some(Mapping {
            name: source.name.clone(),
            timeout: function.timeout,
            reserved_concurrency: function.max_concurrency.and_then(|most| usize::try_from(most).ok()),
            batch_size: source.batch_size,
            window: source.window,
            max_concurrency: source.max_concurrency,
            reports_failures: source.reports_failures,
            visibility_timeout: queue.visibility_timeout,
            retention: queue.retention,
            most_receptions: redrive.map(|redrive| redrive.most_receptions),
            dead_letter_retention: redrive.and_then(|redrive| named(&redrive.queue)).map(|queue| queue.retention),
        })
    });
    mappings.collect()
}

/// Reads a mapping's resolved properties, once the functions are known.
pub(super) fn read(id: &str, properties: &Node<'_>, functions: &mut [Function]) -> Result<()> {
    let source = event_source::of_resource(id, properties)?;
    let target = properties.require("FunctionName")?;
    let name = target.text()?.rsplit(':').next().unwrap_or_default().to_owned();
    let Some(function) = functions.iter_mut().find(|function| function.name == name) else {
        return Err(target.unsupported("mappings to anything but a function of the template"));
    };
    function.event_sources.push(source);
    Ok(())
}

/// The most messages of one invocation that a FIFO queue gives.
const MOST_OF_FIFO: usize = 10;

/// Checks what Lambda checks when a mapping is made: that there is such a queue, that a message stays hidden for as long as
/// the function may run, that the function's role may do what is done with it, and that there is one mapping of a queue to a
/// function.
pub(super) fn check(functions: &[Function], queues: &[Queue]) -> Result<()> {
    for function in functions {
        for (index, source) in function.event_sources.iter().enumerate() {
            let error = |what: String| Err(TemplateError::new(&source.at, what));
            let arn = &source.queue;
            let name = arn.rsplit(':').next().unwrap_or_default();
            let Some(queue) = queues.iter().find(|queue| queue.name == name) else {
                return error(format!("`{arn}` is no queue of this template"));
            };
            if queue.fifo.is_some() && source.batch_size > MOST_OF_FIFO {
                return error(format!(
                    "Batch size {} is more than {MOST_OF_FIFO}, the most of a FIFO queue",
                    source.batch_size
                ));
            }
            if queue.fifo.is_some() && !source.window.is_zero() {
                return error("Batching window is not supported for FIFO queues".to_owned());
            }
            if queue.visibility_timeout < function.timeout {
                let (queue, function) = (queue.visibility_timeout.as_secs(), function.timeout.as_secs());
                return error(format!(
                    "Queue visibility timeout: {queue} seconds is less than Function timeout: {function} seconds"
                ));
            }
            let needed = ACTIONS.map(|action| Requirement {
                action: action.to_owned(),
                resource: arn.clone(),
                ..Requirement::default()
            });
            if let Some(denied) = iam::denied(&function.policy, &needed) {
                let action = denied.action.trim_start_matches("sqs:");
                return error(format!("The provided execution role does not have permissions to call {action} on SQS"));
            }
            if let Some(other) = function.event_sources[..index].iter().find(|other| other.queue == *arn) {
                return error(format!("{} is a mapping of this queue to {} already", other.name, function.id));
            }
        }
    }
    Ok(())
}
