//! What the template declares: for a person as parts of a page, for a page as JSON.

use serde_json::{Value, json};

use crate::program::html::{self, Html, code, escape, row, table};
use crate::template::{EventSource, Expression, Function, HttpRoute, Template};

/// What the template declares, as JSON.
pub(super) fn about(template: &Template) -> Value {
    let routes = |function: &Function| -> Vec<_> {
        let routes = template.api.routes.iter().filter(|route| route.function == function.id);
        routes.map(HttpRoute::key).collect()
    };
    let functions = template
        .functions
        .iter()
        .map(|function| json!({"id": function.id, "name": function.name, "routes": routes(function)}));
    let schedules = template.functions.iter().flat_map(|function| {
        let schedules = function.schedules.iter();
        schedules.map(|schedule| {
            json!({
                "name": schedule.name,
                "function": function.id,
                "when": when(&schedule.expression),
                "enabled": schedule.enabled,
            })
        })
    });
    let event_sources = template.functions.iter().flat_map(|function| {
        let sources = function.event_sources.iter();
        sources.map(|source| {
            json!({
                "name": source.name,
                "function": function.id,
                "queue": queue_of(source),
                "batchSize": source.batch_size,
                "windowSeconds": source.window.as_secs(),
                "maximumConcurrency": source.max_concurrency,
                "enabled": source.enabled,
            })
        })
    });
    json!({
        "functions": functions.collect::<Vec<_>>(),
        "schedules": schedules.collect::<Vec<_>>(),
        "eventSources": event_sources.collect::<Vec<_>>(),
        "tables": template.tables.iter().map(|table| &table.name).collect::<Vec<_>>(),
        "queues": template.queues.iter().map(|queue| &queue.name).collect::<Vec<_>>(),
        "parameters": template.parameters(),
    })
}

/// The name of the queue that a function gets messages of.
fn queue_of(source: &EventSource) -> &str {
    source.queue.rsplit(':').next().unwrap_or_default()
}

/// When a schedule fires.
fn when(expression: &Expression) -> String {
    match expression {
        Expression::Rate(period) => format!("every {}", span(period.as_secs())),
        Expression::Calendar(calendar) => calendar.clone(),
    }
}

/// What the template declares.
pub(super) fn contents(template: &Template) -> Html {
    let functions = template.functions.iter().map(|function| {
        let routes = template.api.routes.iter().filter(|route| route.function == function.id);
        row([
            code(&function.id),
            html::list(routes.map(route)),
            html::list(events(template, function).map(|event| escape(&event))),
        ])
    });
    let schedules = template.functions.iter().flat_map(|function| &function.schedules).map(|schedule| {
        let note = match &schedule.expression {
            Expression::Rate(_) => "runs here",
            Expression::Calendar(_) => "runs when it is told to",
        };
        let note = if schedule.enabled { note } else { "disabled: runs when it is told to" };
        row([code(&schedule.name), escape(&when(&schedule.expression)), escape(note)])
    });
    let tables = template.tables.iter().map(|table| code(&table.name));
    let queues = template.queues.iter().map(|queue| code(&queue.name));
    let secrets = template.secrets.iter().map(|secret| code(&secret.name));
    html::joined([
        html::heading(2, "Functions"),
        table(["function", "routes", "events"], functions),
        section("Schedules", template.functions.iter().any(|function| !function.schedules.is_empty()), || {
            table(["schedule", "when", "here"], schedules)
        }),
        section("Tables", !template.tables.is_empty(), || html::list(tables)),
        section("Queues", !template.queues.is_empty(), || html::list(queues)),
        section("Secrets", !template.secrets.is_empty(), || html::list(secrets)),
    ])
}

fn section(title: &str, there: bool, body: impl FnOnce() -> Html) -> Html {
    if there { html::joined([html::heading(2, title), body()]) } else { Html::default() }
}

fn route(route: &HttpRoute) -> Html {
    let open = if route.authorizer.is_none() { escape(" without a token") } else { Html::default() };
    html::joined([code(&route.key()), open])
}

/// What invokes a function besides requests.
fn events(template: &Template, function: &Function) -> impl Iterator<Item = String> {
    let rules = function.rules.iter().map(|rule| format!("rule {}", rule.name));
    let schedules = function.schedules.iter().map(|schedule| format!("schedule {}", schedule.name));
    let queues = function.event_sources.iter().map(|source| format!("queue {}", queue_of(source)));
    let resources = template.custom_resources.iter().filter(|resource| resource.function == function.id);
    let resources = resources.map(|resource| format!("custom resource {}", resource.id));
    rules.chain(schedules).chain(queues).chain(resources)
}

/// A time in its largest whole unit.
fn span(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (length, name) = units
        .into_iter()
        .find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length))
        .unwrap_or((1, "second"));
    match seconds / length {
        1 => name.to_owned(),
        count => format!("{count} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_in_its_largest_whole_unit() {
        for (seconds, expected) in
            [(60, "minute"), (300, "5 minutes"), (90, "90 seconds"), (7_200, "2 hours"), (86_400, "day")]
        {
            assert_eq!(span(seconds), expected);
        }
    }
}
