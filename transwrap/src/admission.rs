//! Who is let in before a ticket has proved to be good: how many at a time, in all and of one address. What has a ticket is
//! bounded by the places of the server.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Connections at a time, for each place: browsers that come back, health checks, and who comes in vain.
const CONNECTIONS_PER_PLACE: usize = 16;
/// WebSockets at a time whose ticket is not known to be good, for each place: half of all, so that health checks get through.
const NEWCOMERS_PER_PLACE: usize = 8;
/// Connections of one address at a time, for each place: a school may have all the places, and come back to them at once.
const CONNECTIONS_OF_ADDRESS_PER_PLACE: usize = 2;
/// Tickets that are asked about at a time: each may turn out to be forged, and holds a place until then.
const REDEMPTIONS: usize = 8;
/// Tickets of one address that may be refused within [`WINDOW`]. Each has cost a write of DynamoDB's.
const REFUSALS: u32 = 20;
/// Connections turned away within [`WINDOW`] that are worth another line in the log.
const MANY: u32 = 1000;
/// After so long a time, refusals are forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses whose refusals are counted within a window: whoever has more of them is not held back by counting.
const ADDRESSES: usize = 4096;

/// Those who may be let in.
pub struct Admissions {
    connections: Arc<Semaphore>,
    newcomers: Arc<Semaphore>,
    redemptions: Semaphore,
    /// Connections of one address; none where all come from something in front of the server.
    most_of_address: Option<usize>,
    addresses: Mutex<Addresses>,
}

#[derive(Default)]
struct Addresses {
    connections: HashMap<IpAddr, usize>,
    refusals: HashMap<IpAddr, u32>,
    /// How many connections and WebSockets were turned away.
    turned_away: u32,
    /// Since when these are counted.
    since: Option<Instant>,
}

/// A connection that was let in, for as long as there is it or the WebSocket that it has become.
pub struct Connection {
    admissions: Arc<Admissions>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

/// A WebSocket whose ticket is not known yet to be good.
pub struct Newcomer {
    connection: Arc<Connection>,
    _permit: OwnedSemaphorePermit,
}

impl Admissions {
    /// Of a server with so many places. `sees_addresses`: whether browsers connect by themselves, rather than through something
    /// whose address all of them would have.
    pub fn new(capacity: u32, sees_addresses: bool) -> Self {
        let places = capacity as usize + 1;
        Self {
            connections: Arc::new(Semaphore::new(places * CONNECTIONS_PER_PLACE)),
            newcomers: Arc::new(Semaphore::new(places * NEWCOMERS_PER_PLACE)),
            redemptions: Semaphore::new(REDEMPTIONS),
            most_of_address: sees_addresses.then_some(places * CONNECTIONS_OF_ADDRESS_PER_PLACE),
            addresses: Mutex::default(),
        }
    }

    /// Lets a connection in, unless there are too many, or its address has too many.
    pub fn connect(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<Connection> {
        let connection = self.room_for(address);
        if connection.is_none() {
            self.lock().count_turned_away(now);
        }
        connection
    }

    fn room_for(self: &Arc<Self>, address: IpAddr) -> Option<Connection> {
        let permit = Arc::clone(&self.connections).try_acquire_owned().ok()?;
        let address = match self.most_of_address {
            None => None,
            Some(most) => {
                let address = network(address);
                let mut addresses = self.lock();
                let connections = addresses.connections.entry(address).or_default();
                if *connections >= most {
                    return None;
                }
                *connections += 1;
                Some(address)
            }
        };
        Some(Connection { admissions: Arc::clone(self), address, _permit: permit })
    }

    fn lock(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Addresses {
    fn forget(&mut self, now: Instant) {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
            self.refusals.clear();
            self.turned_away = 0;
            self.since = Some(now);
        }
    }

    /// The log has a line of it once a window, at the first and when there are many.
    fn count_turned_away(&mut self, now: Instant) {
        self.forget(now);
        self.turned_away = self.turned_away.saturating_add(1);
        if matches!(self.turned_away, 1 | MANY) {
            tracing::warn!(connections = self.turned_away, "turned away, for there are too many at a time");
        }
    }
}

impl Connection {
    /// It becomes a WebSocket, unless there are too many of which no ticket is known to be good.
    pub fn newcomer(self: &Arc<Self>, now: Instant) -> Option<Newcomer> {
        let Ok(permit) = Arc::clone(&self.admissions.newcomers).try_acquire_owned() else {
            self.admissions.lock().count_turned_away(now);
            return None;
        };
        Some(Newcomer { connection: Arc::clone(self), _permit: permit })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut addresses = self.admissions.lock();
        if let Some(connections) = addresses.connections.get_mut(&address) {
            *connections -= 1;
            if *connections == 0 {
                addresses.connections.remove(&address);
            }
        }
    }
}

impl Newcomer {
    /// Waits until its ticket may be asked about, which it may for as long as the answer is kept.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.connection.admissions.redemptions.acquire().await.ok()
    }

    /// Whether so many tickets of its address were refused that another one is not worth a question.
    pub fn is_distrusted(&self, now: Instant) -> bool {
        let Some(address) = self.connection.address else { return false };
        let mut addresses = self.connection.admissions.lock();
        addresses.forget(now);
        addresses.refusals.get(&address).is_some_and(|refusals| *refusals >= REFUSALS)
    }

    /// Its ticket was asked about, and refused.
    pub fn count_refusal(&self, now: Instant) {
        let Some(address) = self.connection.address else { return };
        let mut addresses = self.connection.admissions.lock();
        addresses.forget(now);
        if addresses.refusals.len() < ADDRESSES || addresses.refusals.contains_key(&address) {
            let refusals = addresses.refusals.entry(address).or_default();
            *refusals += 1;
            if *refusals == REFUSALS {
                tracing::warn!("an address has brought too many tickets that were refused");
            }
        }
    }
}

/// What one party has of addresses: of IPv6, all that begin with the same 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 2));

    fn admissions(sees_addresses: bool) -> Arc<Admissions> {
        Arc::new(Admissions::new(1, sees_addresses))
    }

    /// As many connections of an address as there may be.
    fn all_of(admissions: &Arc<Admissions>, address: IpAddr) -> Vec<Connection> {
        std::iter::from_fn(|| admissions.connect(address, Instant::now())).collect()
    }

    #[test]
    fn an_address_has_a_share_of_the_connections_and_leaves_the_others_theirs() {
        let admissions = admissions(true);
        let mut connections = all_of(&admissions, ONE);
        assert_eq!(connections.len(), 4);
        assert_eq!(all_of(&admissions, OTHER).len(), 4);
        connections.pop();
        assert_eq!(all_of(&admissions, ONE).len(), 1);
    }

    #[test]
    fn behind_a_load_balancer_only_the_number_of_all_counts() {
        let admissions = admissions(false);
        let connection = Arc::new(admissions.connect(ONE, Instant::now()).unwrap());
        let newcomer = connection.newcomer(Instant::now()).unwrap();
        for _ in 0..1000 {
            newcomer.count_refusal(Instant::now());
        }
        assert_eq!(all_of(&admissions, ONE).len(), 31);
    }

    #[test]
    fn those_without_a_good_ticket_leave_connections_for_health_checks() {
        let admissions = admissions(false);
        let mut newcomers = Vec::new();
        let refused = loop {
            let connection = Arc::new(admissions.connect(ONE, Instant::now()).unwrap());
            match connection.newcomer(Instant::now()) {
                Some(newcomer) => newcomers.push(newcomer),
                None => break connection,
            }
        };
        assert_eq!(newcomers.len(), 16);
        // One whose ticket is good is no newcomer any more.
        newcomers.pop();
        assert!(refused.newcomer(Instant::now()).is_some());
    }

    #[test]
    fn an_address_that_brings_bad_tickets_is_distrusted_until_they_are_forgotten() {
        let (admissions, now) = (admissions(true), Instant::now());
        let [one, other] = [ONE, OTHER].map(|address| {
            let connection = Arc::new(admissions.connect(address, now).unwrap());
            connection.newcomer(now).unwrap()
        });
        for _ in 0..REFUSALS {
            assert!(!one.is_distrusted(now));
            one.count_refusal(now);
        }
        let almost = now + WINDOW - Duration::from_millis(1);
        assert!(one.is_distrusted(almost) && !other.is_distrusted(almost));
        assert!(!one.is_distrusted(now + WINDOW));
    }

    #[test]
    fn what_is_remembered_of_addresses_is_bounded() {
        let (admissions, now) = (Arc::new(Admissions::new(10_000, true)), Instant::now());
        for host in 0..10_000u32 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(host));
            let connection = Arc::new(admissions.connect(address, now).unwrap());
            connection.newcomer(now).unwrap().count_refusal(now);
        }
        let addresses = admissions.lock();
        assert_eq!((addresses.refusals.len(), addresses.connections.len()), (ADDRESSES, 0));
    }

    #[test]
    fn an_ipv6_address_is_known_by_its_network() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:198.51.100.1"), ONE);
    }

    #[tokio::test]
    async fn only_so_many_tickets_are_asked_about_at_once() {
        let admissions = Arc::new(Admissions::new(40, false));
        let connection = Arc::new(admissions.connect(ONE, Instant::now()).unwrap());
        let newcomers: Vec<_> =
            std::iter::from_fn(|| connection.newcomer(Instant::now())).take(REDEMPTIONS + 1).collect();
        let mut turns = Vec::new();
        for newcomer in &newcomers[1..] {
            turns.push(newcomer.turn().await.unwrap());
        }
        assert!(newcomers[0].turn().now_or_never().is_none());
        turns.pop();
        assert!(newcomers[0].turn().now_or_never().is_some());
    }
}
