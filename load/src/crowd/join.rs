//! How viewers become a crowd.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::hands::Hands;
use super::{Churn, Outcome};
use crate::pacing::{Rate, Sample};
use crate::tally::{Counts, Tally};
use crate::viewer::{Attention, Failure, Plan, Viewer};

pub(super) struct Crowd {
    plan: Arc<Plan>,
    sample: Sample,
    leave: CancellationToken,
}

/// A viewer that runs.
pub(super) struct Member {
    tally: Arc<Mutex<Tally>>,
    pictured: Option<oneshot::Receiver<()>>,
    task: JoinHandle<Result<(), Failure>>,
}

impl Crowd {
    pub fn new(plan: Arc<Plan>, sample: Sample, leave: CancellationToken) -> Self {
        Self { plan, sample, leave }
    }

    /// Returns when the last has begun; the first of them press keys.
    pub async fn join(&mut self, (count, steering): (usize, usize), rate: Rate) -> Vec<Member> {
        let (start, mut members) = (Instant::now(), Vec::with_capacity(count));
        for number in 0..count {
            tokio::time::sleep_until(start + rate.at(number)).await;
            let hands = (number < steering).then(|| Hands::of(number));
            members.push(self.begin(number, hands, self.leave.clone()));
        }
        members
    }

    /// Waits until each has a picture or will have none.
    pub async fn settled(&self, members: &mut [Member], within: Duration) {
        let pictures = members.iter_mut().filter_map(|member| member.pictured.take());
        // Whoever has none by then shows in the figures.
        drop(tokio::time::timeout(within, join_all(pictures)).await);
    }

    /// Time passes, with others who come and go in it.
    pub async fn pass(&self, churn: Option<Churn>, time: Duration) -> Vec<Member> {
        let (start, mut members) = (Instant::now(), Vec::new());
        if let Some(Churn { rate, stay }) = churn {
            for number in 0..rate.within(time) {
                tokio::time::sleep_until(start + rate.at(number)).await;
                let leave = self.leave.child_token();
                members.push(self.begin(number, None, leave.clone()));
                tokio::spawn(async move {
                    tokio::time::sleep(stay).await;
                    leave.cancel();
                });
            }
        }
        tokio::time::sleep_until(start + time).await;
        members
    }

    fn begin(&self, number: usize, hands: Option<Hands>, leave: CancellationToken) -> Member {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let (pictured, told) = oneshot::channel();
        let attention = if self.sample.holds(number) { Attention::All } else { Attention::FirstPicture };
        let viewer = Viewer {
            plan: Arc::clone(&self.plan),
            attention,
            tally: Arc::clone(&tally),
            pictured,
            packets: None,
            keys: hands.map(Hands::type_along),
        };
        Member { tally, pictured: Some(told), task: tokio::spawn(viewer.run(leave)) }
    }
}

impl Member {
    pub fn counts(&self) -> Counts {
        self.tally.lock().counts
    }

    pub fn is_watching(&self) -> bool {
        !self.task.is_finished() && self.tally.lock().moments.connected.is_some()
    }

    pub async fn outcome(self) -> Outcome {
        // What a server sends runs through a large stack. Should that panic, one viewer is gone and no other.
        let result = self.task.await.unwrap_or_else(|error| Err(Failure::Stack(error.to_string())));
        Outcome { tally: self.tally.lock().clone(), result }
    }
}
