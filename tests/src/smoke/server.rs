//! `/servers`

use super::answer::{Failure, holds};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[Case {
    group: Group::Server,
    name: "the list of servers has whole rows, each once",
    run: |target| Box::pin(whole_rows(target)),
}];

async fn whole_rows(target: &Target) -> Result<Outcome, Failure> {
    let (mut seen, mut cursor) = (std::collections::BTreeSet::new(), String::new());
    loop {
        let page = target.get(Who::Bob, &format!("/servers?limit=10{cursor}")).await?.json(200)?;
        let Some(items) = page["items"].as_array() else {
            return Err(Failure::new(format!("GET /servers answers {page}")));
        };
        for server in items {
            let has = |field: &str| server[field].as_str().is_some_and(|text| !text.is_empty());
            let url = server["url"].as_str().unwrap_or_default();
            let is_whole = has("taskId") && has("publicIp") && (url.starts_with("wss://") || url.starts_with("ws://"));
            holds(&format!("a server is {server}"), is_whole)?;
            holds(&format!("{} is listed twice", server["taskId"]), seen.insert(server["taskId"].to_string()))?;
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    target.get(Who::Bob, "/servers?limit=0").await?.problem(400, "invalid-request")?;
    Ok(Outcome::Holds)
}
