//! An event: one participant, one change. And what the API shows.

use model::session::{News, Session, Verdict, judge};
use model::{Error, StageArn, Timestamp};

use crate::SessionTable;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracked {
    /// The table says so now.
    Recorded,
    /// The table said so already.
    NoNews,
    /// The table knows of something later.
    Stale,
}

/// How often an event is judged anew because somebody else has written the row meanwhile.
const ATTEMPTS: usize = 4;

/// Records what an event says of a participant: a read and a write, again if somebody else has written meanwhile.
/// Whose stage it is, is not asked: rows of a stage that is not the stack's are read by nobody, and end by TTL.
///
/// # Errors
/// What DynamoDB fails with; then the event can be repeated.
pub async fn track(table: &SessionTable, now: Timestamp, stage: &StageArn, news: &News) -> Result<Tracked, Error> {
    for _ in 0..ATTEMPTS {
        let row = table.read(stage, &news.participant_id).await?;
        match judge(row.as_ref(), news) {
            Verdict::Stale => return Ok(Tracked::Stale),
            Verdict::NoNews => return Ok(Tracked::NoNews),
            Verdict::Write(change) if table.write(stage, &change, now).await? => return Ok(Tracked::Recorded),
            Verdict::Write(_) => {}
        }
    }
    Err(Error::unavailable(format!("the row of the participant {} is being written by others", news.participant_id)))
}

/// Who publishes in a stage now, and who has and is not known to have left. One Query, of what it finds alone.
///
/// # Errors
/// What DynamoDB fails with.
pub async fn fetch(table: &SessionTable, now: Timestamp, stage: &StageArn) -> Result<Session, Error> {
    Ok(Session::of(table.present(stage).await?, now))
}
