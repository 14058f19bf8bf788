//! What one session has for itself, by a lock that ends with its process.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

/// From a fork to the program, on a busy machine; idle it takes a millisecond.
const STARTING: Duration = Duration::from_millis(500);

/// For this process alone. One that this process is just starting has what was locked before as well, until it is itself.
#[expect(clippy::disallowed_methods, reason = "for threads that may wait")]
pub(super) fn take(lock: &File) -> Result<(), TryLockError> {
    let until = Instant::now() + STARTING;
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(STARTING / 50),
            taken => return taken,
        }
    }
}
