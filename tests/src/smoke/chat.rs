//! `/stages/{stage}/chat-tokens`

use serde_json::json;

use super::answer::{Failure, holds, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[Case {
    group: Group::Chat,
    name: "whoever may come in gets a chat token, under a name of their own",
    run: |target| Box::pin(names(target)),
}];

async fn names(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("stages", "chat");
    target.put(Who::Alice, &path, json!({})).await?.json(201)?;
    let tokens = format!("{path}/chat-tokens");
    let owner = target.post(Who::Alice, &tokens, json!({"durationMinutes": 1})).await?.json(201)?;
    same("the owner's role", &owner["role"], &json!("owner"))?;
    let guest =
        target.post(Who::Bob, &tokens, json!({"displayName": "Bill", "durationMinutes": 1})).await?.json(201)?;
    same("a guest's capabilities", &guest["capabilities"], &json!(["SEND_MESSAGE"]))?;
    holds("the endpoint is no WebSocket's", guest["endpoint"].as_str().is_some_and(|url| url.starts_with("ws")))?;
    target.post(Who::Alice, &tokens, json!({"displayName": "BILL"})).await?.problem(409, "name-taken")?;
    Ok(Outcome::Holds)
}
