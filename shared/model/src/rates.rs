//! What those who do much of one thing take of IVS's rates. IVS allows each operation five calls a second of its own, in
//! an account and region (IVS user guides, "Service Quotas"), and no more for money. Whoever may run at the same time
//! takes less together, so that callers find something left, and nobody is throttled by this deployment itself.
//!
//! An operator's own run of the reconciler, beside the scheduled one, is not counted: it may be throttled, and asks again.
//!
//! All are calls a minute.

/// A recovery's: `ListStages`, `ListChannels` or `ListRooms`, and the deletes that it finishes. Two run at a time, which is the least
/// that Lambda can be told of a queue.
pub const RECOVERY: u32 = 90;
/// A recovery's adoptions, each of which reads the resource: `GetStage`, `GetRoom`, or `GetChannel` with the channel's key. One whose
/// channel or key IVS does not list yet reads it up to twice more; so few are not counted.
pub const ADOPTION: u32 = 144;
/// The sweep's: `ListStages`, `ListChannels` or `ListRooms`, the deletes of orphans, and `UpdateRoom`. It is in no hurry, and goes on in another run.
/// Unless ordered to, a run deletes one of a kind, and asks `GetStage` for it once.
pub const SWEEP: u32 = 60;
/// `ListStages` of whoever asks, each minute, who publishes.
pub const STAGE_SESSIONS: u32 = 50;
/// `ListParticipants` of the same.
pub const PARTICIPANTS: u32 = 240;
/// `ListStreams` and `BatchGetChannel`, of the minute's run or of the reconciler's whole one.
pub const STREAMS: u32 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    /// Five a second.
    const IVS: u32 = 300;

    #[test]
    fn who_runs_at_the_same_time_takes_less_than_ivs_allows() {
        let template = include_str!("../../../template.yaml");
        let recovery = template.split("\n  RecoveryFunction:\n").nth(1).unwrap();
        let recoveries = recovery.split("MaximumConcurrency: ").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
        let recoveries: u32 = recoveries.parse().unwrap();
        for (operation, calls) in [
            ("ListStages", recoveries * RECOVERY + SWEEP + STAGE_SESSIONS),
            ("ListChannels, DeleteStage, DeleteChannel", recoveries * RECOVERY + SWEEP),
            // IVS Chat's own.
            ("ListRooms, DeleteRoom", recoveries * RECOVERY + SWEEP),
            ("UpdateRoom", SWEEP),
            ("GetRoom", recoveries * ADOPTION),
            ("GetStage, GetChannel, ListStreamKeys, GetStreamKey", recoveries * ADOPTION),
            ("ListParticipants", PARTICIPANTS),
            ("ListStreams, BatchGetChannel", 2 * STREAMS),
        ] {
            assert!(calls < IVS, "{operation}: {calls} calls a minute of {IVS}");
        }
    }
}
