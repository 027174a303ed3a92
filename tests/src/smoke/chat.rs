//! `/stages/{stage}/chat-tokens` and `/stages/{stage}/chat`

use serde_json::json;

use super::answer::{Failure, holds, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[
    Case {
        group: Group::Chat,
        name: "whoever may come in gets a chat token, under a name of their own",
        run: |target| Box::pin(names(target)),
    },
    Case {
        group: Group::Chat,
        name: "who is muted reads, who is removed gets no token, and the owner's log tells of both",
        run: |target| Box::pin(moderation(target)),
    },
];

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

async fn moderation(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("stages", "moderated");
    target.put(Who::Alice, &path, json!({})).await?.json(201)?;
    let (chat, tokens) = (format!("{path}/chat"), format!("{path}/chat-tokens"));
    let guest = target.post(Who::Bob, &tokens, json!({"durationMinutes": 1})).await?.json(201)?;
    let bob = format!("{chat}/users/{}", guest["userId"].as_str().unwrap_or_default());
    target.patch(Who::Alice, &bob, json!({"muted": true})).await?.json(200)?;
    let muted = target.post(Who::Bob, &tokens, json!({"durationMinutes": 1})).await?.json(201)?;
    same("a muted user's capabilities", &muted["capabilities"], &json!([]))?;
    target.delete(Who::Alice, &bob).await?.json(204)?;
    target.post(Who::Bob, &tokens, json!({})).await?.problem(403, "removed")?;
    let log = target.get(Who::Alice, &format!("{chat}/log")).await?.json(200)?;
    let actions = log["items"].as_array().into_iter().flatten().map(|entry| entry["action"].clone());
    same("the log", &actions.collect(), &json!(["removed", "muted"]))?;
    target.get(Who::Bob, &format!("{chat}/log")).await?.problem(403, "not-owner")?;
    Ok(Outcome::Holds)
}
