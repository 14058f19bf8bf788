//! Tasks with a name and an owner. None of them ends unnoticed: one that ends before it was asked to, or panics, is told to
//! the owner by its name.

use futures::FutureExt;
use futures::future::BoxFuture;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::task::JoinSet;
use tracing::Instrument;

/// Something to be run for as long as its owner wants.
pub struct Feed {
    name: &'static str,
    run: BoxFuture<'static, ()>,
}

/// What one owner has running. Dropping it ends them all.
#[derive(Default)]
pub struct Tasks {
    running: JoinSet<Ended>,
}

/// A task that has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It came to its end.
    #[error("the {0} has ended")]
    Returned(&'static str),
    /// It did not come to its end.
    #[error("the {name} panicked: {message}")]
    Panicked {
        /// Which one.
        name: &'static str,
        /// What it said.
        message: String,
    },
    /// There is none.
    #[error("nothing runs")]
    None,
}

impl Feed {
    /// `name` is for people.
    pub fn new(name: &'static str, run: BoxFuture<'static, ()>) -> Self {
        Self { name, run }
    }
}

impl Tasks {
    /// Begins one, in a span of its name.
    pub fn start(&mut self, Feed { name, run }: Feed) {
        let span = tracing::info_span!("task", name);
        let named = async move {
            match AssertUnwindSafe(run).catch_unwind().await {
                Ok(()) => Ended::Returned(name),
                Err(panic) => Ended::Panicked { name, message: message_of(panic.as_ref()) },
            }
        };
        self.running.spawn(named.instrument(span));
    }

    /// The next one that ends.
    pub async fn ended(&mut self) -> Ended {
        match self.running.join_next().await {
            Some(Ok(ended)) => ended,
            // Its panic was caught, and nobody else may abort it.
            Some(Err(_)) | None => Ended::None,
        }
    }

    /// Waits for all to end, and drops those that have not by then. False: there were some.
    pub async fn finish(mut self, within: Duration) -> bool {
        let all = async {
            while let Some(ended) = self.running.join_next().await {
                if let Ok(ended @ Ended::Panicked { .. }) = ended {
                    tracing::error!(error = &ended as &dyn std::error::Error, "a task failed at its end");
                }
            }
        };
        tokio::time::timeout(within, all).await.is_ok()
    }
}

/// What a panic said.
pub fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_told_by_its_name() {
        let mut tasks = Tasks::default();
        tasks.start(Feed::new("watch", std::future::pending().boxed()));
        tasks.start(Feed::new("controller", async { panic!("{} is broken", "it") }.boxed()));
        let expected = Ended::Panicked { name: "controller", message: "it is broken".into() };
        assert_eq!(tasks.ended().await, expected);
    }

    #[tokio::test]
    async fn a_task_that_ends_is_told_by_its_name() {
        let mut tasks = Tasks::default();
        tasks.start(Feed::new("watch", async {}.boxed()));
        assert_eq!(tasks.ended().await, Ended::Returned("watch"));
        assert_eq!(tasks.ended().await, Ended::None);
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_end_by_themselves_are_not_waited_for() {
        let mut tasks = Tasks::default();
        tasks.start(Feed::new("controller", async {}.boxed()));
        let began = tokio::time::Instant::now();
        assert!(tasks.finish(Duration::from_secs(600)).await);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_in_time_is_dropped() {
        let mut tasks = Tasks::default();
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        tasks.start(Feed::new(
            "watch",
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
            .boxed(),
        ));
        assert!(!tasks.finish(Duration::from_secs(1)).await);
        assert!(dropped.await.is_err());
    }
}
