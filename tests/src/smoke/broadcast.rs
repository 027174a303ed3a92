//! `/broadcasts`

use serde_json::json;

use super::answer::{Failure, holds, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[
    Case {
        group: Group::Broadcast,
        name: "nobody broadcasts to a channel of somebody else",
        run: |target| Box::pin(owners_alone(target)),
    },
    Case {
        group: Group::Broadcast,
        name: "a broadcast waits for its ticket, and is ended by its owner",
        run: |target| Box::pin(begun_and_ended(target)),
    },
];

async fn owners_alone(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("channels", "aired");
    target.put(Who::Alice, &path, json!({"type": "BASIC"})).await?.json(201)?;
    let desired = json!({"channel": target.name("aired")});
    target.post(Who::Bob, "/broadcasts", desired).await?.problem(403, "not-owner")?;
    let none = json!({"channel": target.name("none")});
    target.post(Who::Bob, "/broadcasts", none).await?.problem(404, "not-found")?;
    target.post(Who::Bob, "/broadcasts", json!({})).await?.problem(400, "invalid-request")?;
    target.get(Who::Bob, "/broadcasts/bc-none").await?.problem(404, "not-found")?;
    Ok(Outcome::Holds)
}

async fn begun_and_ended(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("channels", "begun");
    target.put(Who::Alice, &path, json!({"type": "BASIC"})).await?.json(201)?;
    let begun = target.post(Who::Alice, "/broadcasts", json!({"channel": target.name("begun")})).await?;
    if begun.problem(503, "no-server").is_ok() {
        return Ok(Outcome::Skipped("there is no transwrap server with room"));
    }
    let begun = begun.json(201)?;
    let id = begun["broadcast"].as_str().unwrap_or_default().to_owned();
    let is_its = begun["ticket"].as_str().is_some_and(|ticket| ticket.starts_with(&format!("{id}.")));
    holds("the ticket is of the broadcast", is_its)?;
    let one = format!("/broadcasts/{id}");
    let waiting = target.get(Who::Alice, &one).await?.json(200)?;
    same("its state", &waiting["state"], &json!("waiting"))?;
    target.get(Who::Bob, &one).await?.problem(404, "not-found")?;
    let listed = target.get(Who::Alice, "/broadcasts?limit=1").await?.json(200)?;
    same("the latest of the list", &listed["items"][0], &waiting)?;
    target.delete(Who::Alice, &one).await?.json(204)?;
    let ended = target.get(Who::Alice, &one).await?.json(200)?;
    same("why it ended", &ended["endReason"], &json!("deleted"))?;
    target.post(Who::Alice, &format!("{one}/tickets"), json!({})).await?.problem(409, "broadcast-ended")?;
    Ok(Outcome::Holds)
}
