//! What a process's task waits for.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Ask, Driver, Legs, Run};
use crate::child::News;

/// What woke the task.
pub(super) enum Woke {
    Asked(Option<Ask>),
    Started(Result<Box<Run>, String>),
    News(News),
    Due,
    Round,
    Seen,
    Shutdown,
}

impl Driver {
    pub(super) async fn wake(
        &mut self,
        asks: &mut mpsc::Receiver<Ask>,
        round: &mut Interval,
        shutdown: &CancellationToken,
    ) -> Woke {
        let due = self.machine.due().and_then(|due| self.began.checked_add(due)).map(Instant::from_std);
        let due = async move {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        // Nothing is to be looked at of what rests.
        let has_rounds = self.run.is_some() || self.plan.has_cleanup();
        let (run, starting, legs) = (&mut self.run, &mut self.starting, &mut self.legs);
        tokio::select! {
            () = shutdown.cancelled() => Woke::Shutdown,
            ask = asks.recv() => Woke::Asked(ask),
            started = started(starting) => Woke::Started(started),
            news = heard(run) => Woke::News(news),
            () = due => Woke::Due,
            () = seen(legs) => Woke::Seen,
            _ = round.tick(), if has_rounds => Woke::Round,
        }
    }
}

async fn started(starting: &mut Option<JoinHandle<Result<Box<Run>, String>>>) -> Result<Box<Run>, String> {
    let Some(task) = starting else { return std::future::pending().await };
    let started = task.await.unwrap_or_else(|broken| Err(broken.to_string()));
    *starting = None;
    started
}

/// Never without a child.
async fn heard(run: &mut Option<Box<Run>>) -> News {
    match run {
        Some(run) => run.child.next().await,
        None => std::future::pending().await,
    }
}

async fn seen(legs: &mut Option<Legs>) {
    match legs {
        Some(legs) => legs.seen().await,
        None => std::future::pending().await,
    }
}
