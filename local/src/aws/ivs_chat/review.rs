//! The message review handler of a room ("Message Review Handler" in the IVS Chat user guide).

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::state::{Review, Token};
use crate::aws::lambda::Lambda;

/// As whom IVS Chat invokes a function.
const PRINCIPAL: &str = "ivschat.amazonaws.com";

/// What becomes of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is delivered, perhaps changed.
    Allow { content: String, attributes: Value },
    /// It is not, with the reason that the sender is told.
    Deny(Option<String>),
}

/// What a client sends, before it is reviewed.
pub(super) struct Draft<'a> {
    pub(super) id: &'a str,
    pub(super) content: &'a str,
    pub(super) attributes: &'a Value,
    pub(super) ip: &'a str,
}

/// Asks the handler about a message. One that answers too late, fails, answers something else, or does not let IVS Chat in is
/// as if it had answered its fallback.
pub(super) async fn review(
    lambda: &Lambda,
    handler: &Review,
    sender: &Token,
    draft: &Draft<'_>,
    limit: Duration,
) -> Verdict {
    let event = json!({
        "Content": draft.content,
        "MessageId": draft.id,
        "RoomArn": sender.room,
        "Attributes": draft.attributes,
        "Sender": {"UserId": sender.user_id, "Attributes": sender.attributes, "Ip": draft.ip},
    });
    let name = handler.uri.split(":function:").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
    let answer = match lambda.function(name).filter(|function| function.lets_invoke(PRINCIPAL, &sender.room)) {
        Some(function) => {
            let invoked = lambda.invoke(&function.id, Bytes::from(event.to_string()));
            timeout(limit, invoked).await.ok().and_then(Result::ok)
        }
        None => None,
    };
    let answer = answer.and_then(|answer| serde_json::from_slice::<Value>(&answer).ok());
    answer.and_then(|answer| read(&answer, draft)).unwrap_or_else(|| match handler.fallback.as_str() {
        "DENY" => Verdict::Deny(None),
        _ => Verdict::Allow { content: draft.content.to_owned(), attributes: draft.attributes.clone() },
    })
}

fn read(answer: &Value, draft: &Draft<'_>) -> Option<Verdict> {
    match answer["ReviewResult"].as_str()? {
        "ALLOW" => Some(Verdict::Allow {
            content: answer["Content"].as_str().unwrap_or(draft.content).to_owned(),
            attributes: answer.get("Attributes").filter(|given| given.is_object()).unwrap_or(draft.attributes).clone(),
        }),
        "DENY" => Some(Verdict::Deny(answer["Attributes"]["Reason"].as_str().map(str::to_owned))),
        _ => None,
    }
}
