//! `/stages`

use serde_json::json;

use super::answer::{Failure, holds, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[
    Case {
        group: Group::Stage,
        name: "a stage is created once and fetched after",
        run: |target| Box::pin(created_once(target)),
    },
    Case {
        group: Group::Stage,
        name: "requests that make no sense are problems that say so",
        run: |target| Box::pin(problems(target)),
    },
    Case {
        group: Group::Stage,
        name: "only its owner changes or deletes a stage",
        run: |target| Box::pin(only_its_owner(target)),
    },
];

async fn created_once(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("stages", "stage");
    let stage = target.put(Who::Alice, &path, json!({})).await?.json(201)?;
    same("its name", &stage["name"], &json!(target.name("stage")))?;
    same("its owner", &stage["owner"], &json!(target.id(Who::Alice)))?;
    let (events, whip) = (&stage["endpoints"]["events"], &stage["endpoints"]["whip"]);
    let are_urls = events.as_str().is_some_and(|url| url.starts_with("wss://"))
        && whip.as_str().is_some_and(|url| url.starts_with("https://"));
    holds(&format!("its endpoints are {events} and {whip}"), are_urls)?;
    same("a second PUT", &target.put(Who::Alice, &path, json!({})).await?.json(200)?, &stage)?;
    same("the guest's PUT", &target.put(Who::Bob, &path, json!({})).await?.json(200)?, &stage)?;
    same("the guest's GET", &target.get(Who::Bob, &path).await?.json(200)?, &stage)?;
    same("the item of the list", &target.listed("/stages", &target.name("stage")).await?, &stage)?;
    Ok(Outcome::Holds)
}

async fn problems(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("stages", "problems");
    target.get(Who::Alice, &path).await?.problem(404, "not-found")?;
    target.put(Who::Alice, "/stages/no%20spaces", json!({"colour": "red"})).await?.problem(400, "invalid-request")?;
    target.put(Who::Alice, &path, json!({"admission": "hosted"})).await?.json(201)?;
    target.put(Who::Alice, &path, json!({"admission": "open"})).await?.problem(409, "options-differ")?;
    Ok(Outcome::Holds)
}

async fn only_its_owner(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("stages", "owned");
    target.put(Who::Alice, &path, json!({})).await?.json(201)?;
    target.patch(Who::Bob, &path, json!({"doors": "closed"})).await?.problem(403, "not-owner")?;
    target.delete(Who::Bob, &path).await?.problem(403, "not-owner")?;
    let closed = target.patch(Who::Alice, &path, json!({"doors": "closed"})).await?.json(200)?;
    same("`doors`", &closed["doors"], &json!("closed"))?;
    target.delete(Who::Alice, &path).await?.json(204)?;
    target.delete(Who::Alice, &path).await?.json(204)?;
    target.get(Who::Alice, &path).await?.problem(404, "not-found")?;
    Ok(Outcome::Holds)
}
