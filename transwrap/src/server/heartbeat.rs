//! What the server says of itself: how many places it has left.

use std::sync::Arc;
use std::time::Duration;

use aws_client::Calls;
use aws_server::{Heartbeat, ServerTable};
use model::Timestamp;
use tokio::time::{Instant, sleep};

use crate::session::{Drain, Shared};

/// How often; the row counts for four times as long.
const EVERY: Duration = Duration::from_secs(5);
/// How often while the server is not offered: the task tracker hears of it a moment after it has begun.
const UNTIL_OFFERED: Duration = Duration::from_secs(1);
/// How often a line goes into the log, which scaling counts places by.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Tells the table of the free places, until it is dropped or the server drains.
pub async fn beat(servers: &ServerTable, shared: &Arc<Shared>, calls: &Calls, stack: &str) {
    let mut drain = shared.roster.drain();
    let mut is_offered = false;
    let mut line_at = Instant::now();
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            _ = drain.wait_for(|drain| *drain != Drain::No) => return,
        }
        // Each call is remembered until somebody asks.
        drop(calls.take());
        let (roster, now) = (&shared.roster, Timestamp::now());
        let mut ledger = roster.lend_ledger();
        let (capacity, taken) = (roster.capacity(), roster.taken());
        let told = servers.heartbeat(&shared.server, &mut ledger, capacity, taken, now).await;
        roster.take_back_ledger(ledger);
        match told {
            Ok(Heartbeat::Offered { places }) => {
                if !is_offered || Instant::now() >= line_at {
                    line_at = Instant::now() + LINE_EVERY;
                    tracing::info!(stack, places, capacity, broadcasts = roster.count(), "places");
                }
                is_offered = true;
            }
            Ok(Heartbeat::NotOffered) => {
                if is_offered {
                    tracing::info!("the server is offered no more");
                }
                is_offered = false;
            }
            Ok(Heartbeat::Contended) => {}
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the places are not told"),
        }
        // This one may have come after the row was withdrawn.
        if *drain.borrow() != Drain::No {
            return withdraw(servers, shared).await;
        }
        pause = if is_offered { EVERY } else { UNTIL_OFFERED };
    }
}

/// Takes the server off the list of those with room.
pub async fn withdraw(servers: &ServerTable, shared: &Shared) {
    if let Err(error) = servers.withdraw(&shared.server).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the server is offered until its heartbeat lapses");
    }
}
