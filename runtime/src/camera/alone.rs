//! What one session has for itself, by a lock that ends with its process.

use std::fs::{File, TryLockError};
use std::io;
use std::time::{Duration, Instant};

/// From a fork to the program, on a busy machine; idle it takes a millisecond.
const STARTING: Duration = Duration::from_millis(500);

/// For this process alone; false: another one has it. One that this process is just starting has what was locked before as well, until it is itself.
#[expect(clippy::disallowed_methods, reason = "for threads that may wait")]
pub(super) fn take(lock: &File) -> io::Result<bool> {
    let until = Instant::now() + STARTING;
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(STARTING / 50),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => return Ok(true),
        }
    }
}
