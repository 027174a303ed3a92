//! `/stages/{stage}/participants`

use serde_json::{Value, json};

use super::answer::{Failure, holds, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who, segment};

pub(super) const CASES: &[Case] = &[
    Case {
        group: Group::Participant,
        name: "a guest's token stays the same while it lasts",
        run: |target| Box::pin(stays_the_same(target)),
    },
    Case {
        group: Group::Participant,
        name: "a guest of a hosted stage watches until promoted",
        run: |target| Box::pin(promoted(target)),
    },
    Case {
        group: Group::Participant,
        name: "tokens that are signed here are exchanged after a promotion",
        run: |target| Box::pin(exchanged(target)),
    },
    Case {
        group: Group::Participant,
        name: "who was removed gets no token until granted one, and nobody one of a closed stage",
        run: |target| Box::pin(removed(target)),
    },
    Case {
        group: Group::Participant,
        name: "nobody publishes in a new stage, which is told to those who may come in",
        run: |target| Box::pin(session(target)),
    },
];

/// A stage of Alice's, and the path of its participants.
async fn stage(target: &Target, what: &str, options: Value) -> Result<String, Failure> {
    let path = target.new_path("stages", what);
    target.put(Who::Alice, &path, options).await?.json(201)?;
    Ok(format!("{path}/participants"))
}

fn bobs(target: &Target, participants: &str) -> String {
    format!("{participants}/{}", segment(target.id(Who::Bob)))
}

async fn stays_the_same(target: &Target) -> Result<Outcome, Failure> {
    let participants = stage(target, "tokens", json!({})).await?;
    let body = json!({"durationMinutes": 15, "attributes": {"name": "Bob"}});
    let given = target.post(Who::Bob, &participants, body.clone()).await?.json(201)?;
    let token = given["token"].as_str().unwrap_or_default();
    holds("a participant token has three parts", token.split('.').count() == 3)?;
    same("`userId`", &given["userId"], &json!(target.id(Who::Bob)))?;
    same("`capabilities`", &given["capabilities"], &json!(["PUBLISH", "SUBSCRIBE"]))?;
    let again = target.post(Who::Bob, &participants, body).await?.json(200)?;
    same("the participant of a second POST", &again["participantId"], &given["participantId"])?;
    let renewed = target.post(Who::Bob, &participants, json!({"renew": true})).await?.json(201)?;
    holds("`renew` makes a new participant", renewed["participantId"] != given["participantId"])?;
    target.get(Who::Bob, &participants).await?.problem(403, "not-owner")?;
    let list = target.get(Who::Alice, &participants).await?;
    list.json(200)?;
    holds("the owner's list shows a token", !list.answer.text.contains(token))?;
    Ok(Outcome::Holds)
}

async fn promoted(target: &Target) -> Result<Outcome, Failure> {
    let participants = stage(target, "hosted", json!({"admission": "hosted"})).await?;
    let watching = target.post(Who::Bob, &participants, json!({})).await?.json(201)?;
    same("what a guest may do", &watching["capabilities"], &json!(["SUBSCRIBE"]))?;
    let speak = json!({"capabilities": ["PUBLISH"]});
    target.post(Who::Bob, &participants, speak).await?.problem(403, "capabilities-not-allowed")?;
    let both = json!({"capabilities": ["PUBLISH", "SUBSCRIBE"]});
    target.patch(Who::Alice, &bobs(target, &participants), both.clone()).await?.json(200)?;
    let speaking = target.post(Who::Bob, &participants, json!({})).await?.json(201)?;
    same("what a promoted guest may do", &speaking["capabilities"], &both["capabilities"])?;
    Ok(Outcome::Holds)
}

async fn exchanged(target: &Target) -> Result<Outcome, Failure> {
    let participants = stage(target, "exchange", json!({"admission": "hosted"})).await?;
    let watching = target.post(Who::Bob, &participants, json!({})).await?.json(201)?;
    let both = json!({"capabilities": ["PUBLISH", "SUBSCRIBE"]});
    target.patch(Who::Alice, &bobs(target, &participants), both.clone()).await?.json(200)?;
    let exchange = target.post(Who::Bob, &participants, json!({"exchange": true})).await?;
    if exchange.problem(409, "exchange-not-supported").is_ok() {
        return Ok(Outcome::Skipped("there is no signing key: IVS mints the participant tokens"));
    }
    let speaking = exchange.json(201)?;
    same("the participant", &speaking["participantId"], &watching["participantId"])?;
    same("what it may do", &speaking["capabilities"], &both["capabilities"])?;
    Ok(Outcome::Holds)
}

async fn removed(target: &Target) -> Result<Outcome, Failure> {
    let participants = stage(target, "removed", json!({})).await?;
    let bobs = bobs(target, &participants);
    target.post(Who::Bob, &participants, json!({})).await?.json(201)?;
    target.delete(Who::Bob, &bobs).await?.problem(403, "not-owner")?;
    // AWS does not say whether IVS revokes a token that was never used.
    let removed = target.delete(Who::Alice, &bobs).await?;
    if removed.problem(503, "removal-pending").is_err() {
        removed.json(204)?;
    }
    target.post(Who::Bob, &participants, json!({})).await?.problem(403, "removed")?;
    target.patch(Who::Alice, &bobs, json!({})).await?.json(200)?;
    target.post(Who::Bob, &participants, json!({})).await?.json(201)?;
    let stage = participants.trim_end_matches("/participants");
    target.patch(Who::Alice, stage, json!({"doors": "closed"})).await?.json(200)?;
    target.post(Who::Bob, &participants, json!({"renew": true})).await?.problem(403, "stage-closed")?;
    Ok(Outcome::Holds)
}

async fn session(target: &Target) -> Result<Outcome, Failure> {
    let participants = stage(target, "session", json!({})).await?;
    let stage = participants.trim_end_matches("/participants");
    let session = format!("{stage}/session");
    let offline = json!({"state": "offline", "startedAt": null, "participants": []});
    same("the session", &target.get(Who::Bob, &session).await?.json(200)?, &offline)?;
    target.patch(Who::Alice, stage, json!({"doors": "closed"})).await?.json(200)?;
    target.get(Who::Bob, &session).await?.problem(403, "stage-closed")?;
    target.get(Who::Alice, &session).await?.json(200)?;
    Ok(Outcome::Holds)
}
