//! The resources that SAM makes of a function's events and destinations, as far as something may refer to them: rules,
//! schedules and queues.

use serde_json::{Map, Value, json};

use super::delivery;
use super::error::{Result, TemplateError};

/// Declarations by logical id, as `AWS::Serverless-2016-10-31` makes them of the unresolved template.
///
/// # Errors
/// Two resources of one logical id.
pub(super) fn resources(template: &Value) -> Result<Map<String, Value>> {
    let mut made = Map::new();
    let Some(declared) = template.get("Resources").and_then(Value::as_object) else { return Ok(made) };
    let functions = declared.iter().filter(|(_, declaration)| declaration["Type"] == "AWS::Serverless::Function");
    for (id, function) in functions {
        let own = &function["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        let global = &template["Globals"]["Function"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        // Globals merge key by key.
        let says = |key: &str| own.get(key).or_else(|| global.get(key));
        let mut resources = Vec::new();
        if says("Type").is_some_and(|kind| kind == "SQS") && says("Destination").is_none() {
            resources.push((delivery::on_failure_queue(id), "AWS::SQS::Queue", json!({})));
        }
        for (name, event) in function["Properties"]["Events"].as_object().into_iter().flatten() {
            resources.extend(of_event(&format!("{id}{name}"), event));
        }
        for (made_id, kind, properties) in resources {
            let mut declaration = json!({"Type": kind, "Properties": properties});
            if let Some(condition) = function.get("Condition") {
                declaration["Condition"] = condition.clone();
            }
            if declared.contains_key(&made_id) || made.contains_key(&made_id) {
                let what = format!("SAM makes a resource `{made_id}` of this, and there is another one of that name");
                return Err(TemplateError::new(format!("Resources.{id}"), what));
            }
            made.insert(made_id, declaration);
        }
    }
    Ok(made)
}

/// What SAM makes of one event: the rule or schedule `id`, and the queue for what it cannot deliver.
fn of_event(id: &str, event: &Value) -> Vec<(String, &'static str, Value)> {
    let properties = &event["Properties"];
    let copied = |pairs: &[(&str, &str)]| -> Value {
        let present = pairs.iter().filter_map(|(from, to)| Some(((*to).to_owned(), properties.get(*from)?.clone())));
        present.collect::<Map<_, _>>().into()
    };
    let source = match event["Type"].as_str() {
        Some("EventBridgeRule" | "CloudWatchEvent") => ("AWS::Events::Rule", copied(&[("RuleName", "Name")])),
        Some("Schedule") => ("AWS::Events::Rule", copied(&[("Name", "Name")])),
        Some("ScheduleV2") => ("AWS::Scheduler::Schedule", copied(&[("Name", "Name"), ("GroupName", "GroupName")])),
        _ => return Vec::new(),
    };
    let mut made = vec![(id.to_owned(), source.0, source.1)];
    let dead_letters = &properties["DeadLetterConfig"];
    if dead_letters["Type"] == "SQS" {
        let queue = dead_letters["QueueLogicalId"].as_str().map_or_else(|| format!("{id}Queue"), str::to_owned);
        made.push((queue, "AWS::SQS::Queue", json!({})));
    }
    made
}
