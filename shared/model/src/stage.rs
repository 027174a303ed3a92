//! Stages: who owns them, who may come in. How one comes to exist exactly once is in [`claim`](crate::claim).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::claim::{Claim, DesiredOptions, Resource};
use crate::error::{Conflict, FieldError};
use crate::{Field, StageArn, StageName, Timestamp, UserId};

/// Who may publish without being promoted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Admission {
    /// Every caller may publish and subscribe, as in a call-in room.
    #[default]
    Open,
    /// Others than the owner subscribe until the owner promotes them.
    Hosted,
}

impl Admission {
    /// The word used in the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Hosted => "hosted",
        }
    }
}

impl Field for Admission {
    const RULE: &'static str = "must be open or hosted";
}

/// Who is let in at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Doors {
    /// Every caller gets a participant token.
    #[default]
    Open,
    /// Only the owner gets one. Those inside stay.
    Closed,
}

impl Field for Doors {
    const RULE: &'static str = "must be open or closed";
}

/// Where clients of a stage connect. IVS allows these to be cached for up to 14 days
/// (Real-Time API reference, `StageEndpoints`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// WebSocket URL for the events of a stage.
    pub events: String,
    /// URL for publishing and subscribing by WHIP.
    pub whip: String,
    /// When IVS gave them.
    pub fetched_at: Timestamp,
}

impl Endpoints {
    /// What IVS allows.
    const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
    /// A day less, for attempts to ask again.
    const REFRESH_AGE: Duration = Duration::from_secs(13 * 24 * 60 * 60);

    /// Whether it is time to ask for them again.
    pub fn are_due(&self, now: Timestamp) -> bool {
        self.fetched_at + Self::REFRESH_AGE <= now
    }

    /// Whether they are older than IVS allows: nobody is told them any more.
    pub fn have_ended(&self, now: Timestamp) -> bool {
        self.fetched_at + Self::MAX_AGE <= now
    }
}

/// A stage that exists in IVS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Unique in the deployment.
    pub name: StageName,
    /// What IVS calls it.
    pub arn: StageArn,
    /// The first caller of the name.
    pub owner: UserId,
    /// Who is let in at all.
    pub doors: Doors,
    /// Who may publish without being promoted.
    pub admission: Admission,
    /// Where clients connect.
    pub endpoints: Endpoints,
    /// When the row became a stage.
    pub created_at: Timestamp,
}

impl Stage {
    /// The stage that a claim has become.
    pub fn of(claim: &Claim<Self>, arn: StageArn, endpoints: Endpoints, now: Timestamp) -> Self {
        Self {
            name: claim.name.clone(),
            arn,
            owner: claim.owner.clone(),
            doors: Doors::default(),
            admission: claim.options,
            endpoints,
            created_at: now,
        }
    }
}

impl Resource for Stage {
    const KIND: &'static str = "stage";
    type Name = StageName;
    type Arn = StageArn;
    type Options = Admission;

    fn name(&self) -> &StageName {
        &self.name
    }

    fn owner(&self) -> &UserId {
        &self.owner
    }

    fn arn(&self) -> &StageArn {
        &self.arn
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn too_many(most: u32) -> Conflict {
        Conflict::TooManyStages { most }
    }
}

/// What a PUT asks of a stage.
#[derive(Debug, Clone, Copy)]
pub struct DesiredStageOptions {
    /// Absent: whatever it is, `open` when new.
    pub admission: Option<Admission>,
}

impl DesiredOptions<Stage> for DesiredStageOptions {
    fn options(&self) -> Admission {
        self.admission.unwrap_or_default()
    }

    fn unmet(&self, stage: &Stage) -> Vec<FieldError> {
        let asked = self.admission.filter(|asked| *asked != stage.admission);
        let reason = |asked: Admission| format!("is {} already, not {}", stage.admission.as_str(), asked.as_str());
        asked.map(|asked| FieldError::new("admission", reason(asked))).into_iter().collect()
    }
}

/// What `PATCH /stages/{stage}` changes; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageChanges {
    /// Who is let in from now on.
    pub doors: Option<Doors>,
    /// Who may publish from now on. Tokens in use keep what they allow.
    pub admission: Option<Admission>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_asked_for_again_a_day_before_they_end() {
        let fetched_at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let endpoints = Endpoints { events: String::new(), whip: String::new(), fetched_at };
        let at = |days: u64, seconds: u64| fetched_at + Duration::from_secs(days * 24 * 60 * 60 + seconds);
        for (now, due, ended) in [
            (at(12, 86_399), false, false),
            (at(13, 0), true, false),
            (at(13, 86_399), true, false),
            (at(14, 0), true, true),
        ] {
            assert_eq!((endpoints.are_due(now), endpoints.have_ended(now)), (due, ended), "{now}");
        }
    }
}
