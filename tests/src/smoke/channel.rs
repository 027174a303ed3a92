//! `/channels`

use serde_json::json;

use super::answer::{Failure, holds, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[
    Case {
        group: Group::Channel,
        name: "a channel is created once and fetched after",
        run: |target| Box::pin(created_once(target)),
    },
    Case {
        group: Group::Channel,
        name: "only the owner has the stream key, and can have another",
        run: |target| Box::pin(stream_key(target)),
    },
    Case {
        group: Group::Channel,
        name: "a private channel is watched with a token",
        run: |target| Box::pin(playback_token(target)),
    },
];

async fn created_once(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("channels", "channel");
    let options = json!({"type": "BASIC", "latencyMode": "NORMAL"});
    let channel = target.put(Who::Alice, &path, options.clone()).await?.json(201)?;
    same("its owner", &channel["owner"], &json!(target.id(Who::Alice)))?;
    for (field, value) in [("type", "BASIC"), ("latencyMode", "NORMAL")] {
        same(field, &channel[field], &json!(value))?;
    }
    let (ingest, playback) = (&channel["ingestUrl"], &channel["playbackUrl"]);
    let are_urls = ingest.as_str().is_some_and(|url| url.starts_with("rtmps://") && url.ends_with("/app/"))
        && playback.as_str().is_some_and(|url| url.starts_with("http") && url.ends_with(".m3u8"));
    holds(&format!("its URLs are {ingest} and {playback}"), are_urls)?;
    same("a second PUT", &target.put(Who::Alice, &path, options).await?.json(200)?, &channel)?;
    same("the guest's GET", &target.get(Who::Bob, &path).await?.json(200)?, &channel)?;
    same("the item of the list", &target.listed("/channels", &target.name("channel")).await?, &channel)?;
    target.put(Who::Bob, &path, json!({"private": true})).await?.problem(409, "options-differ")?;
    target.delete(Who::Bob, &path).await?.problem(403, "not-owner")?;
    target.delete(Who::Alice, &path).await?.json(204)?;
    target.get(Who::Alice, &path).await?.problem(404, "not-found")?;
    Ok(Outcome::Holds)
}

async fn stream_key(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("channels", "key");
    target.put(Who::Alice, &path, json!({"type": "BASIC"})).await?.json(201)?;
    let path = format!("{path}/stream-key");
    let key = target.get(Who::Alice, &path).await?;
    let first = key.json(200)?;
    holds("a stream key begins with sk_", first["streamKey"].as_str().is_some_and(|key| key.starts_with("sk_")))?;
    holds("a stream key may be cached", key.answer.header("cache-control") == "no-store")?;
    target.get(Who::Bob, &path).await?.problem(403, "not-owner")?;
    target.post(Who::Bob, &path, json!({})).await?.problem(403, "not-owner")?;
    let second = target.post(Who::Alice, &path, json!({})).await?.json(200)?;
    holds("a rotated key is another", second != first)?;
    same("the key after a rotation", &target.get(Who::Alice, &path).await?.json(200)?, &second)?;
    Ok(Outcome::Holds)
}

async fn playback_token(target: &Target) -> Result<Outcome, Failure> {
    let path = target.new_path("channels", "private");
    let channel = target.put(Who::Alice, &path, json!({"type": "BASIC", "private": true})).await?.json(201)?;
    let given = target.post(Who::Bob, &format!("{path}/playback-tokens"), json!({"durationMinutes": 5})).await?;
    if given.problem(409, "playback-not-supported").is_ok() {
        return Ok(Outcome::Skipped("there is no signing key: private channels cannot be watched"));
    }
    let given = given.json(201)?;
    let url = |url: &serde_json::Value| url.as_str().unwrap_or_default().to_owned();
    let expected = format!("{}?token={}", url(&channel["playbackUrl"]), url(&given["token"]));
    same("`playbackUrl`", &given["playbackUrl"], &json!(expected))?;
    Ok(Outcome::Holds)
}
