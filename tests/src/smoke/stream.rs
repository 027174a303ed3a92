//! `/streams`

use std::collections::BTreeSet;

use serde_json::json;

use super::answer::{Failure, holds, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[
    Case {
        group: Group::Stream,
        name: "a channel that nobody broadcasts to is offline, for anybody",
        run: |target| Box::pin(offline(target)),
    },
    Case {
        group: Group::Stream,
        name: "a private channel is shown to its playback token alone",
        run: |target| Box::pin(private(target)),
    },
    Case {
        group: Group::Stream,
        name: "the list of streams has whole rows, each once",
        run: |target| Box::pin(whole_rows(target)),
    },
];

async fn offline(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("channels", "silent");
    let channel = target.put(Who::Alice, &path, json!({"type": "BASIC"})).await?.json(201)?;
    let name = target.name("silent");
    let stream = target.get(Who::Nobody, &format!("/streams/{name}")).await?.json(200)?;
    let expected = json!({
        "channel": name, "state": "offline", "startedAt": null, "viewerCount": null, "health": null,
        "playbackUrl": channel["playbackUrl"], "session": null,
    });
    same("its stream", &stream, &expected)?;
    target.delete(Who::Alice, &path).await?.json(204)?;
    target.get(Who::Nobody, &format!("/streams/{name}")).await?.problem(404, "not-found")?;
    Ok(Outcome::Holds)
}

async fn private(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("channels", "hidden");
    target.put(Who::Alice, &path, json!({"type": "BASIC", "private": true})).await?.json(201)?;
    let stream = format!("/streams/{}", target.name("hidden"));
    target.get(Who::Nobody, &stream).await?.problem(404, "not-found")?;
    target.get(Who::Alice, &stream).await?.problem(404, "not-found")?;
    let given = target.post(Who::Bob, &format!("{path}/playback-tokens"), json!({})).await?;
    if given.problem(409, "playback-not-supported").is_ok() {
        return Ok(Outcome::Skipped("there is no signing key: private channels cannot be watched"));
    }
    let given = given.json(201)?;
    let shown = target.get_with(given["token"].as_str().unwrap_or_default(), &stream).await?.json(200)?;
    same("its state", &shown["state"], &json!("offline"))?;
    Ok(Outcome::Holds)
}

async fn whole_rows(target: &Target) -> Result<Outcome, Failure> {
    let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = target.get(Who::Nobody, &format!("/streams?limit=10{cursor}")).await?.json(200)?;
        let Some(items) = page["items"].as_array() else {
            return Err(Failure::new(format!("GET /streams answers {page}")));
        };
        for stream in items {
            let has = |field: &str| stream[field].as_str().is_some_and(|text| !text.is_empty());
            let is_whole = stream["state"] == "live"
                && ["channel", "startedAt", "playbackUrl", "session"].iter().all(|it| has(it));
            holds(&format!("a stream is {stream}"), is_whole)?;
            holds(&format!("{} is listed twice", stream["channel"]), seen.insert(stream["channel"].to_string()))?;
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    target.get(Who::Nobody, "/streams?limit=0").await?.problem(400, "invalid-request")?;
    Ok(Outcome::Holds)
}
