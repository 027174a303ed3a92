//! What the server says of itself: how many places it has left.

use std::sync::Arc;
use std::time::Duration;

use aws_client::Calls;
use aws_server::{Heartbeat, ServerTable};
use model::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use crate::session::{Drain, Shared};

/// How often; the row counts for four times as long.
const EVERY: Duration = Duration::from_secs(5);
/// Of how many, one writes a line into the log, which scaling counts places by: one a minute.
const LINES: u32 = 12;

/// Tells the table of the free places, until it is dropped or the server drains.
pub async fn beat(servers: &ServerTable, shared: &Arc<Shared>, calls: &Calls, stack: &str) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drain = shared.roster.drain();
    let mut was_offered = false;
    for beat in 0_u32.. {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = drain.wait_for(|drain| *drain != Drain::No) => return,
        }
        // Each call is remembered until somebody asks.
        drop(calls.take());
        let (roster, now) = (&shared.roster, Timestamp::now());
        let before = roster.ledger();
        let mut ledger = before.clone();
        let (capacity, taken) = (roster.capacity(), roster.taken());
        match servers.heartbeat(&shared.server, &mut ledger, capacity, taken, now).await {
            Ok(heartbeat) => {
                roster.put_ledger(&before, ledger);
                let offered = matches!(heartbeat, Heartbeat::Offered { .. });
                if let (Heartbeat::Offered { places }, true) = (&heartbeat, beat % LINES == 0 || !was_offered) {
                    tracing::info!(stack, places, capacity, broadcasts = roster.count(), "places");
                }
                if was_offered && matches!(heartbeat, Heartbeat::NotOffered) {
                    tracing::info!("the server is offered no more");
                }
                was_offered = offered || (was_offered && matches!(heartbeat, Heartbeat::Contended));
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the places are not told"),
        }
    }
}

/// Takes the server off the list of those with room.
pub async fn withdraw(servers: &ServerTable, shared: &Shared) {
    if let Err(error) = servers.withdraw(&shared.server).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the server is offered until its heartbeat lapses");
    }
}
