//! How many there may be at once of what costs memory, a descriptor or a handshake for as long as it is held: connections, sockets,
//! peers. Whoever takes a seat has it until it is dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use understudy_core::tcp::doorstep::network;

/// Clones share their seats.
#[derive(Clone, Debug)]
pub struct Seats(Arc<Semaphore>);

/// One of them, free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))))
    }

    /// One of them; none if all are taken.
    pub fn take(&self) -> Option<Seat> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Seat { _permit: permit })
    }

    /// One of them, once one is free.
    pub async fn wait(&self) -> Seat {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        Seat { _permit: permit.expect("the semaphore must stay open: nobody closes it") }
    }
}

/// Seats of which one network has only so many. Clones share them.
#[derive(Clone, Debug)]
pub struct Shared {
    seats: Seats,
    each: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them, free again when it is dropped.
#[derive(Debug)]
pub struct SharedSeat {
    _seat: Seat,
    network: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Shared {
    pub fn new(count: usize, each: usize) -> Self {
        Self { seats: Seats::new(count), each, taken: Arc::default() }
    }

    /// One of them, for whoever is there; none if all are taken, or all that its network may have.
    pub fn take(&self, from: IpAddr) -> Option<SharedSeat> {
        let network = network(from);
        let mut taken = self.taken.lock();
        let of_it = taken.get(&network).copied().unwrap_or_default();
        let seat = (of_it < self.each).then(|| self.seats.take())??;
        taken.insert(network, of_it + 1);
        Some(SharedSeat { _seat: seat, network, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for SharedSeat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        let left = taken.get(&self.network).map_or(0, |taken| taken - 1);
        match left {
            0 => drop(taken.remove(&self.network)),
            left => drop(taken.insert(self.network, left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_leaves_seats_for_others() {
        let shared = Shared::new(3, 2);
        let [ada, neighbour, bob, eve] =
            ["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"].map(|from| from.parse().unwrap());
        let (first, second) = (shared.take(ada), shared.take(neighbour));
        assert!(first.is_some() && second.is_some() && shared.take(ada).is_none());
        let bobs = shared.take(bob);
        assert!(bobs.is_some() && shared.take(eve).is_none(), "all are taken");
        drop(first);
        assert!(shared.take(ada).is_some());
        drop((second, bobs));
        assert!(shared.taken.lock().is_empty(), "nothing is kept of who has left");
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_as_many_as_said_and_one_that_is_left_is_free() {
        let seats = Seats::new(2);
        let (first, _second) = (seats.take(), seats.clone().take());
        assert!(seats.take().is_none());
        let second = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(second, seats.wait()).await.is_err());
        drop(first);
        let _first = seats.wait().await;
        assert!(seats.take().is_none());
    }
}
