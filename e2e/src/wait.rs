//! Waiting for something to become true, within a deadline.

use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(100);

/// Asks until the answer is `Ok`; how long it took. The last complaint fails the test.
pub async fn until<T, F: Future<Output = Result<T, String>>>(
    deadline: Duration,
    ask: impl Fn() -> F,
) -> (T, Duration) {
    let began = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return (answer, began.elapsed()),
            Err(complaint) if began.elapsed() > deadline => {
                panic!("not within {} s: {complaint}", deadline.as_secs());
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}
