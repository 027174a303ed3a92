//! `GET /health`, and who is let in.

use super::answer::{Failure, holds};
use super::case::{Case, Group, Outcome};
use super::target::{Target, Who};

pub(super) const CASES: &[Case] = &[
    Case { group: Group::Health, name: "health answers without a token", run: |target| Box::pin(answers(target)) },
    Case { group: Group::Health, name: "everything else wants a token", run: |target| Box::pin(wants_token(target)) },
];

async fn answers(target: &Target) -> Result<Outcome, Failure> {
    let health = target.get(Who::Nobody, "/health").await?.json(200)?;
    holds(&format!("GET /health answers {health}"), health["status"] == "ok" && health["version"].is_string())?;
    Ok(Outcome::Holds)
}

async fn wants_token(target: &Target) -> Result<Outcome, Failure> {
    for path in ["/stages", "/channels", "/broadcast-settings", "/servers"] {
        target.get(Who::Nobody, path).await?.json(401)?;
    }
    target.get(Who::Alice, "/stages").await?.json(200)?;
    target.get(Who::Bob, "/stages").await?.json(200)?;
    Ok(Outcome::Holds)
}
