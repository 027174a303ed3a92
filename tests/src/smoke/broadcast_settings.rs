//! `/broadcast-settings`

use serde_json::json;

use super::answer::{Failure, same};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[Case {
    group: Group::BroadcastSettings,
    name: "settings are saved for the caller alone, read and forgotten",
    run: |target| Box::pin(saved_and_forgotten(target)),
}];

const PATH: &str = "/broadcast-settings";

async fn saved_and_forgotten(target: &Target) -> Result<Outcome, Failure> {
    // A user may have some.
    for who in [Who::Alice, Who::Bob] {
        let before = target.get(who, PATH).await?;
        let before = if before.problem(404, "not-found").is_ok() { None } else { Some(before.json(200)?) };
        target.restore(who, PATH, before);
        target.delete(who, PATH).await?.json(204)?;
    }
    let settings = json!({
        "kind": "custom",
        "ingestUrl": "rtmps://live.example.com/app",
        "streamKey": target.name("saved-key"),
        "playbackUrl": "https://cdn.example.com/live.m3u8",
    });
    same("what is saved", &target.put(Who::Alice, PATH, settings.clone()).await?.json(201)?, &settings)?;
    same("what is read", &target.get(Who::Alice, PATH).await?.json(200)?, &settings)?;
    target.get(Who::Bob, PATH).await?.problem(404, "not-found")?;
    let mut inward = settings;
    inward["ingestUrl"] = json!("rtmp://169.254.169.254/app");
    target.put(Who::Alice, PATH, inward).await?.problem(400, "invalid-request")?;
    target.delete(Who::Alice, PATH).await?.json(204)?;
    target.get(Who::Alice, PATH).await?.problem(404, "not-found")?;
    Ok(Outcome::Holds)
}
