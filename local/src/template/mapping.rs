//! From a queue to its function: `AWS::Lambda::EventSourceMapping`, and what Lambda checks of every mapping.

use super::error::{Result, TemplateError};
use super::event_source::{self, ACTIONS};
use super::function::Function;
use super::node::Node;
use super::queue::Queue;
use crate::aws::{Requirement, iam};

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
