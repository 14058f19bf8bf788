//! Moments that are waited for, if there are any.

use tokio::time::{Instant, sleep_until};

/// Never, if at no time.
pub async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
