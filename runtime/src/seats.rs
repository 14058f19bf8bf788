//! How many may hold a WebSocket at once: a connection that was upgraded counts nowhere else, and each keeps queues and a descriptor.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clones share their seats.
#[derive(Clone, Debug)]
pub struct Seats(Arc<Semaphore>);

/// Held for as long as the socket is open.
pub type Seat = OwnedSemaphorePermit;

impl Seats {
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// One of them; the answer for whoever comes when there is none.
    #[allow(clippy::result_large_err, reason = "an answer is what its callers return")]
    pub fn take(&self) -> Result<Seat, Response> {
        let none = (StatusCode::SERVICE_UNAVAILABLE, "as many connections are open as there may be");
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| none.into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_said_and_one_that_is_left_is_free() {
        let seats = Seats::new(2);
        let (first, _second) = (seats.take(), seats.clone().take());
        assert_eq!(seats.take().unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(first);
        assert!(seats.take().is_ok());
    }
}
