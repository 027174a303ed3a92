//! What the rows of a stage or a channel say of its chat, and nothing else of them: a channel's row has its stream key.

use std::time::Duration;

use aws_item::{Fields, Item};
use model::participant::{Access, Capabilities, Capability, Grant};
use model::room::{Subject, SubjectArn};
use model::stage::{Admission, Doors};
use model::{Error, Timestamp, UserId};

/// What is read of a channel's row. Its `type` has the word `INVITED` after it where viewers are.
pub(crate) const CHANNEL_FIELDS: &str = "#name, #status, arn, #owner, #type, leaseUntil";
/// What is read of a stage's row. Whether its doors are open is called `live` there.
pub(crate) const STAGE_FIELDS: &str = "#name, #status, arn, #owner, #live, admission, leaseUntil";

/// A stage or a channel that exists.
#[derive(Debug, Clone)]
pub(crate) struct SubjectRow {
    pub(crate) arn: SubjectArn,
    pub(crate) owner: UserId,
    pub(crate) admits: Admits,
}

/// Whom it lets in.
#[derive(Debug, Clone)]
pub(crate) enum Admits {
    Stage { doors: Doors, admission: Admission, access: Access },
    Channel { by_invitation: bool },
}

impl SubjectRow {
    /// Reads the row of a subject, and that of the caller as a participant of the stage.
    ///
    /// # Errors
    /// [`Error::NotFound`] without a row; [`Error::Busy`] while it is being created; [`Error::Unfinished`] if it was left
    /// halfway.
    pub(crate) fn of(
        subject: &Subject,
        row: Option<&Item>,
        participant: Option<&Item>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let kind = subject.kind();
        let row = Fields::of(kind, row.ok_or(Error::NotFound(kind))?);
        match row.text("status")? {
            "active" => {}
            "creating" if row.parse::<Timestamp>("leaseUntil")? > now => {
                return Err(Error::Busy { resource: kind, retry_after: Duration::from_secs(1) });
            }
            _ => return Err(Error::Unfinished(kind)),
        }
        let arn: SubjectArn = row.parse("arn")?;
        let admits = match subject {
            Subject::Stage(_) => Admits::Stage {
                doors: if row.flag("live")? { Doors::Open } else { Doors::Closed },
                admission: match row.text("admission")? {
                    "open" => Admission::Open,
                    "hosted" => Admission::Hosted,
                    _ => return Err(Error::internal("a stage row has no valid admission")),
                },
                access: participant.map(|row| access(row, &arn)).transpose()?.unwrap_or_default(),
            },
            Subject::Channel(_) => Admits::Channel { by_invitation: row.text("type")?.ends_with(" INVITED") },
        };
        Ok(Self { arn, owner: row.parse("owner")?, admits })
    }
}

/// What the owner of a stage has said of a participant of it. A row of an earlier stage of that name says nothing.
fn access(row: &Item, stage: &SubjectArn) -> Result<Access, Error> {
    let row = Fields::of("participant", row);
    if row.text("stageArn")? != stage.as_str() {
        return Ok(Access::ByAdmission);
    }
    match row.text("standing")? {
        "unspoken" => Ok(Access::ByAdmission),
        "removed" => Ok(Access::Removed),
        "granted" => {
            let words = row.words("grantedCapabilities")?;
            let granted = words.map(|words| {
                let capability = |word: &&str| match *word {
                    "PUBLISH" => Some(Capability::Publish),
                    "SUBSCRIBE" => Some(Capability::Subscribe),
                    _ => None,
                };
                let list: Option<Vec<Capability>> = words.iter().map(capability).collect();
                list.and_then(|list| Capabilities::try_from(list).ok())
                    .ok_or_else(|| Error::internal("a participant row has no valid capabilities"))
            });
            Ok(Access::Granted(Grant { capabilities: granted.transpose()?, ..Grant::default() }))
        }
        _ => Err(Error::internal("a participant row has no valid standing")),
    }
}
