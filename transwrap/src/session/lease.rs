//! How long a broadcast is this server's: until its lease lapses, less what it takes to stop.

use std::time::Duration;

use aws_broadcast::Renewal;
use model::broadcast::{BroadcastRow, LEASE, Redemption};
use model::{Error, Timestamp};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// So long before the lease lapses, nothing is published any more: the clocks of servers differ a little.
const STOPS: Duration = Duration::from_secs(1);

/// What came of a renewal.
#[derive(Debug)]
pub(crate) enum Kept {
    /// The broadcast is this server's.
    Owned(Box<BroadcastRow>),
    /// It is another attempt's, or it is over.
    Superseded,
    /// Nobody knows. It is this server's for as long as it was before.
    Unknown(Error),
    /// It was not renewed in time.
    Lapsed,
}

/// The lease of a broadcast that is here.
#[derive(Debug)]
pub(crate) struct Lease {
    ends_at: Instant,
    /// Told when it is renewed.
    waits: Option<oneshot::Sender<()>>,
}

impl Lease {
    /// Of a redemption.
    pub(crate) fn of(redemption: &Redemption, now: Timestamp) -> Self {
        // A clock that has been set may not make it longer.
        let left = redemption.lease_until.epoch_millis().saturating_sub(now.epoch_millis());
        let left = Duration::from_millis(u64::try_from(left).unwrap_or_default()).min(LEASE);
        Self { ends_at: Instant::now() + left.saturating_sub(STOPS), waits: None }
    }

    /// When nothing may be published any more, unless it is renewed.
    pub(crate) fn ends_at(&self) -> Instant {
        self.ends_at
    }

    /// Whether that time has come.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.ends_at
    }

    /// Allows what may be done once it is known that the broadcast is still this server's: after the next renewal.
    pub(crate) fn allow(&mut self, waits: oneshot::Sender<()>) {
        self.waits = Some(waits);
    }

    /// It is another attempt's from now on, and what waits goes on waiting.
    pub(crate) fn pass_on(&mut self, later: Self) {
        self.ends_at = later.ends_at;
    }

    /// Has it renewed, and does not wait for that beyond its end.
    pub(crate) async fn renew(&mut self, renewal: impl Future<Output = Result<Renewal, Error>>) -> Kept {
        // It counts from when it was asked for.
        let asked_at = Instant::now();
        match timeout_at(self.ends_at, renewal).await {
            Ok(Ok(Renewal::Owned(row))) => {
                self.ends_at = asked_at + (LEASE - STOPS);
                if row.end_requested.is_none()
                    && let Some(waits) = self.waits.take()
                {
                    let _ = waits.send(());
                }
                Kept::Owned(row)
            }
            Ok(Ok(Renewal::Superseded)) => Kept::Superseded,
            Ok(Err(error)) => Kept::Unknown(error),
            Err(_) => Kept::Lapsed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use model::broadcast::{EndReason, IssuedTicket, Target, Ticket};
    use model::{AttemptId, BroadcastId};
    use tokio::sync::oneshot::error::TryRecvError;
    use tokio::time::advance;

    use super::*;

    fn at(second: u64) -> Timestamp {
        "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Duration::from_secs(second)
    }

    fn redemption() -> Redemption {
        Redemption {
            attempt: AttemptId::random().unwrap(),
            redeemed_at: at(0),
            server: "task".parse().unwrap(),
            lease_until: at(0) + LEASE,
        }
    }

    fn owned(end_requested: Option<EndReason>) -> Result<Renewal, Error> {
        let id = BroadcastId::random().unwrap();
        let ticket = IssuedTicket { hash: Ticket::draw(&id).unwrap().hash(), expires_at: at(0), server: None };
        let row = BroadcastRow::new(id, "alice".parse().unwrap(), Target::Settings, false, ticket, at(0));
        Ok(Renewal::Owned(Box::new(BroadcastRow { end_requested, ..row })))
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_hangs_is_given_up_before_the_lease_lapses() {
        let begun = Instant::now();
        let mut lease = Lease::of(&redemption(), at(3));
        assert!(matches!(lease.renew(pending()).await, Kept::Lapsed));
        assert!(lease.is_over());
        assert_eq!(begun.elapsed().as_secs(), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_lease_counts_from_when_that_was_asked_for() {
        let begun = Instant::now();
        let mut lease = Lease::of(&redemption(), at(0));
        let slow = async {
            advance(Duration::from_secs(5)).await;
            owned(None)
        };
        assert!(matches!(lease.renew(slow).await, Kept::Owned(_)));
        assert_eq!(lease.ends_at() - begun, LEASE - STOPS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_has_lapsed_before_it_is_known_is_over() {
        let now = Instant::now();
        assert!(Lease::of(&redemption(), at(20)).is_over());
        // The clock was set back.
        assert_eq!(Lease::of(&redemption(), at(0) - LEASE).ends_at() - now, LEASE - STOPS);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_renewal_is_told_of_one_that_succeeds_and_of_no_other() {
        let mut lease = Lease::of(&redemption(), at(0));
        let (go, mut allowed) = oneshot::channel();
        lease.allow(go);
        let unknown = lease.renew(ready(Err(Error::unavailable("timed out")))).await;
        assert!(matches!(unknown, Kept::Unknown(_)));
        assert!(matches!(lease.renew(ready(Ok(Renewal::Superseded))).await, Kept::Superseded));
        assert!(matches!(lease.renew(ready(owned(Some(EndReason::TakenOver)))).await, Kept::Owned(_)));
        assert_eq!(allowed.try_recv(), Err(TryRecvError::Empty));
        assert!(matches!(lease.renew(ready(owned(None))).await, Kept::Owned(_)));
        assert_eq!(allowed.try_recv(), Ok(()));
    }
}
