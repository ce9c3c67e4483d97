//! Who has a seat at the port of the scrapes: so many at the same time, and of them so many of one peer, so that nobody
//! keeps others out. Knows nothing of what they say there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at the same time: there are a few Prometheus servers, and nobody else may take up the operator's memory.
pub(super) const AT_ONCE: usize = 32;
/// How many of them one address may have: a Prometheus has one, and several behind one address are still let in. A
/// quarter, so that three greedy peers leave room for a fourth.
pub(super) const OF_ONE_PEER: usize = 8;

/// All seats.
pub(super) struct Seats {
    all: Arc<Semaphore>,
    /// How many each peer has; who has none is not there.
    taken: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A seat that nobody has sat down on yet.
pub(super) struct Free {
    _permit: OwnedSemaphorePermit,
}

/// The seat of a peer, given back when it is dropped.
pub(super) struct Seat {
    _of_all: Free,
    seats: Arc<Seats>,
    peer: IpAddr,
}

impl Seats {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { all: Arc::new(Semaphore::new(AT_ONCE)), taken: Mutex::default() })
    }

    /// Waits for a seat that is free; nothing only where there will be none any more.
    pub(super) async fn free(&self) -> Option<Free> {
        Arc::clone(&self.all).acquire_owned().await.ok().map(|permit| Free { _permit: permit })
    }

    /// Gives it to this peer, unless that one has its share already.
    pub(super) fn take(self: &Arc<Self>, free: Free, peer: IpAddr) -> Option<Seat> {
        // An address of IPv4 is the same peer where the port listens to both families.
        let peer = peer.to_canonical();
        let mut taken = self.lock();
        let count = taken.get(&peer).copied().unwrap_or_default();
        if count >= OF_ONE_PEER {
            return None;
        }
        taken.insert(peer, count + 1);
        drop(taken);
        Some(Seat { _of_all: free, seats: Arc::clone(self), peer })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        match taken.get(&self.peer) {
            Some(count) if *count > 1 => {
                let left = count - 1;
                taken.insert(self.peer, left);
            }
            _ => {
                taken.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A seat for this peer, if it gets one.
    async fn seat(seats: &Arc<Seats>, peer: &str) -> Option<Seat> {
        let free = seats.free().await.unwrap();
        seats.take(free, peer.parse().unwrap())
    }

    #[tokio::test]
    async fn a_peer_has_its_share_and_whoever_else_comes_is_let_in() {
        let seats = Seats::new();
        let mut greedy = Vec::new();
        for _ in 0..OF_ONE_PEER {
            greedy.push(seat(&seats, "192.0.2.1").await.unwrap());
        }
        for same in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert!(seat(&seats, same).await.is_none(), "{same} has its share");
        }
        let others = [seat(&seats, "192.0.2.2").await, seat(&seats, "2001:db8::1").await];
        assert!(others.iter().all(Option::is_some));
        assert_eq!(seats.all.available_permits(), AT_ONCE - OF_ONE_PEER - 2, "who was not let in has none");
        greedy.pop();
        assert!(seat(&seats, "192.0.2.1").await.is_some(), "it gave one back");
        drop((greedy, others));
        assert_eq!((seats.all.available_permits(), seats.lock().len()), (AT_ONCE, 0), "nothing is kept of who is gone");
    }
}
