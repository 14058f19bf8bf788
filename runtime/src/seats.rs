//! How many there may be at once of what costs memory, a descriptor or a handshake for as long as it is held: connections, sockets,
//! peers. Whoever takes a seat has it until it is dropped.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

#[cfg(test)]
mod tests {
    use super::*;

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
