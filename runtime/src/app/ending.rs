//! How long it runs, and in which order it is taken down.

use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::tasks::Tasks;

/// From the signal to the end: before `docker stop` loses its patience after 10 s. A pod's grace period is longer.
const SHUTDOWN: Duration = Duration::from_secs(9);

/// Until `stop`, or until the session's task, one beside it or the media transport is no more: then nothing of it is looked
/// after, and the process ends with it, to be started again by whoever keeps it. All of them end after `shutdown`. What has not
/// ended in time, or when `stop` comes again, is killed by whoever drops it: that who was asked to end had to do so is no failure.
pub(super) async fn last<T: Future<Output = ()>>(
    mut session: JoinHandle<()>,
    mut tasks: Tasks,
    transport: impl Fn() -> T,
    stop: impl Stream<Item = ()>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut stop = pin!(stop);
    let lost = tokio::select! {
        Some(()) = stop.next() => None,
        ended = &mut session => Some(match ended {
            Ok(()) => anyhow::anyhow!("the session ended by itself"),
            Err(panic) => anyhow::Error::new(panic).context("the session broke down"),
        }),
        () = transport() => Some(anyhow::anyhow!("the media transport broke down")),
        ended = tasks.ended() => Some(ended),
    };
    tracing::info!("shutting down");
    shutdown.cancel();
    let down = async {
        if !session.is_finished() {
            drop(session.await);
        }
        tasks.all().await;
        transport().await;
    };
    tokio::select! {
        ended = tokio::time::timeout(SHUTDOWN, down) => {
            if ended.is_err() {
                tracing::warn!("what did not end in time is killed");
            }
        }
        Some(()) = stop.next() => tracing::warn!("told to stop again: what has not ended yet is killed"),
    }
    lost.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use futures::future::BoxFuture;
    use futures::{FutureExt, stream};

    use super::*;

    /// What is told so often, and no more.
    fn told(times: usize) -> impl Stream<Item = ()> {
        stream::repeat(()).take(times).chain(stream::pending())
    }

    /// A transport that is there, and gone when it is asked for the n-th time.
    fn gone(nth: u32) -> impl Fn() -> BoxFuture<'static, ()> {
        let asked = Cell::new(0);
        move || {
            asked.set(asked.get() + 1);
            if asked.get() < nth { pending().boxed() } else { async {}.boxed() }
        }
    }

    #[tokio::test]
    async fn a_session_that_breaks_down_ends_the_process_with_the_reason() {
        let shutdown = CancellationToken::new();
        #[allow(clippy::panic, reason = "it is what is tested")]
        let session = tokio::spawn(async { panic!("a defect") });
        let ended = last(session, Tasks::default(), gone(2), told(0), shutdown.clone()).await;
        assert!(ended.unwrap_err().to_string().contains("broke down"));
        assert!(shutdown.is_cancelled(), "the others are told to end");
    }

    #[tokio::test]
    async fn a_media_transport_that_breaks_down_ends_the_process_too() {
        let shutdown = CancellationToken::new();
        let session = tokio::spawn(shutdown.clone().cancelled_owned());
        let ended = last(session, Tasks::default(), gone(1), told(0), shutdown.clone()).await;
        assert!(ended.unwrap_err().to_string().contains("media transport"));
        assert!(shutdown.is_cancelled(), "the session is told to end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_surface_that_breaks_down_or_ends_ends_the_process_with_its_name() {
        #[allow(clippy::panic, reason = "it is what is tested")]
        let ends: [BoxFuture<'static, ()>; 2] = [async { panic!("a defect") }.boxed(), async {}.boxed()];
        for (end, why) in ends.into_iter().zip(["HTTP broke down", "HTTP ended by itself"]) {
            let shutdown = CancellationToken::new();
            let (session, mut tasks) = (tokio::spawn(shutdown.clone().cancelled_owned()), Tasks::default());
            tasks.start("another", shutdown.clone().cancelled_owned());
            tasks.start("HTTP", end);
            let last = last(session, tasks, gone(2), told(0), shutdown.clone());
            let ended = tokio::time::timeout(SHUTDOWN, last).await.expect("it is noticed");
            assert_eq!(ended.unwrap_err().to_string(), why);
            assert!(shutdown.is_cancelled(), "the others are told to end");
        }
    }

    #[tokio::test]
    async fn who_is_asked_to_end_waits_for_its_session() {
        let shutdown = CancellationToken::new();
        let session = tokio::spawn(shutdown.clone().cancelled_owned());
        last(session, Tasks::default(), gone(2), told(1), shutdown).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_slow_is_not_waited_for_beyond_the_deadline_and_makes_no_failure() {
        let (session, began) = (tokio::spawn(pending()), tokio::time::Instant::now());
        last(session, Tasks::default(), gone(2), told(1), CancellationToken::new()).await.unwrap();
        assert_eq!(began.elapsed(), SHUTDOWN);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_again_does_not_wait() {
        let (session, began) = (tokio::spawn(pending()), tokio::time::Instant::now());
        last(session, Tasks::default(), gone(2), told(2), CancellationToken::new()).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
