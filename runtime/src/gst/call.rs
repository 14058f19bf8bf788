//! Calls of GStreamer that may stand for good, as when a driver does: each on a thread of its own, of which nobody else needs
//! any. One that is not over in time is left to itself and counted: only an end of the process frees it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;

use super::Error;

/// With so many threads that stand, and what they hold, a new process is better than this one. A camera's cable that was pulled
/// leaves one or two.
pub const MOST_STUCK: i64 = 16;

static STUCK: LazyLock<Gauge> = LazyLock::new(Gauge::default);

/// How many calls are not over.
static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

const RUNS: u8 = 0;
const DONE: u8 = 1;
const LEFT: u8 = 2;

/// How many calls are not over that should have been.
pub fn stuck() -> i64 {
    STUCK.get()
}

pub fn register(registry: &mut Registry) {
    let help = "calls of the media library that did not end in time and have not ended since";
    registry.sub_registry_with_prefix("understudy_gst").register("stuck_calls", help, STUCK.clone());
}

/// Waits until all calls are over, or for so long: an end of the process would cut them off.
pub fn until_calls_end(deadline: Duration) {
    let (running, ended) = &RUNNING;
    // Whether it took too long is nobody's affair any more.
    let _ = ended.wait_while_for(&mut running.lock(), |running| *running > 0, deadline);
}

/// One call, until dropped.
struct Running(());

impl Running {
    fn begin() -> Self {
        *RUNNING.0.lock() += 1;
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *RUNNING.0.lock() -= 1;
        RUNNING.1.notify_all();
    }
}

/// What `call` returns, if it does within the deadline. It is made in any case, and to its end.
pub(super) async fn within<T: Send + 'static>(
    deadline: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let (state, (done, result)) = (Arc::new(AtomicU8::new(RUNS)), oneshot::channel());
    let (ends, running) = (Arc::clone(&state), Running::begin());
    std::thread::Builder::new().name("pipeline".to_owned()).spawn(move || {
        // Nobody may wait for it any more.
        drop(done.send(call()));
        if ends.swap(DONE, Ordering::AcqRel) == LEFT {
            STUCK.dec();
        }
        drop(running);
    })?;
    match tokio::time::timeout(deadline, result).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err(Error::Stuck(deadline)),
        Err(_) => {
            STUCK.inc();
            if state.compare_exchange(RUNS, LEFT, Ordering::AcqRel, Ordering::Acquire).is_err() {
                STUCK.dec();
            }
            tracing::warn!(stuck = stuck(), "a call of the media library does not end");
            Err(Error::Stuck(deadline))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_stands_is_counted_until_it_is_over_and_takes_no_thread_from_others() {
        let (go, going) = std::sync::mpsc::channel::<()>();
        let before = stuck();
        let left = within(Duration::from_millis(10), move || going.recv()).await;
        assert!(matches!(left, Err(Error::Stuck(_))));
        assert_eq!(stuck(), before + 1);
        assert_eq!(within(Duration::from_secs(5), || 7).await.unwrap(), 7);
        let began = std::time::Instant::now();
        until_calls_end(Duration::from_millis(20));
        assert!(began.elapsed() >= Duration::from_millis(20), "it is waited for");
        go.send(()).unwrap();
        until_calls_end(Duration::from_secs(5));
        while stuck() > before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
