//! A way out that sends to somebody else's server, whichever protocol that speaks: how it goes, in one word for all.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_core::sending::Sending;
use understudy_core::spec::{Livestream, Output, Resolution};

use super::push::{self, Destination, Push};
use super::whip::{self, Phase};
use crate::guard;
use crate::program::Program;
use crate::rtc;

/// A server that has not acknowledged anything for so long does not take what it is sent.
const ACKNOWLEDGED: Duration = Duration::from_secs(10);

/// What sends. Dropped, it ends by itself: the server is told.
pub struct Sender {
    state: watch::Receiver<Sending>,
    end: DropGuard,
    task: JoinHandle<()>,
}

/// Starts them; clones are the same.
#[derive(Clone)]
pub struct Senders(Arc<Start>);

type Start = dyn Fn(&Livestream, &Program, Resolution) -> Result<Sender, String> + Send + Sync;

/// How others are reached.
#[derive(Clone)]
pub struct Reach {
    pub transport: rtc::Handle,
    pub push: push::Reach,
    pub guard: guard::Policy,
}

impl Senders {
    pub fn new(reach: Reach) -> Self {
        Self::by(move |livestream, program, size| send(&reach, livestream, program, size))
    }

    pub fn by(
        start: impl Fn(&Livestream, &Program, Resolution) -> Result<Sender, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(start))
    }

    /// Sends a program, whose picture has that size, until the sender is dropped. Why not, for people, if it cannot be begun.
    pub fn start(
        &self,
        livestream: &Livestream,
        program: &Program,
        size: Resolution,
    ) -> Result<Sender, String> {
        (self.0)(livestream, program, size)
    }
}

impl fmt::Debug for Senders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Senders")
    }
}

fn send(
    reach: &Reach,
    livestream: &Livestream,
    program: &Program,
    size: Resolution,
) -> Result<Sender, String> {
    let program = program.at(livestream.frame_rate);
    match &livestream.output {
        Output::RtmpPush(url) => {
            let target = Destination::parse(url.reveal()).map_err(|bad| bad.to_string())?;
            let rendition = Default::default();
            let push = Push::start(push::Wanted { target, program, rendition }, reach.push.clone());
            let (state, stop) = (push.state(), async { push.stop().await }.boxed());
            Ok(Sender::follow(state, pushed, stop))
        }
        Output::Whip(target) => {
            let target =
                whip::Target::parse(target.url(), target.reveal_token()).map_err(|bad| bad.to_string())?;
            let shown = whip::Shown::new(&livestream.name, &program, size);
            let publishing = whip::publish(target, shown, reach.transport.clone(), &reach.guard);
            let publishing = publishing.map_err(|error| error.to_string())?;
            let (state, stop) = (publishing.state(), async { publishing.stop().await }.boxed());
            Ok(Sender::follow(state, published, stop))
        }
        Output::WebRtc | Output::Rtmp | Output::MpegTs => Err("whoever wants it fetches it".to_owned()),
    }
}

impl Sender {
    /// `told`: what a state means, and when it will mean something else by itself.
    pub(crate) fn follow<S: Send + Sync + 'static>(
        mut states: watch::Receiver<S>,
        told: fn(&S, Instant) -> (Sending, Option<Instant>),
        stop: BoxFuture<'static, ()>,
    ) -> Self {
        let (tell, state) = watch::channel(told(&states.borrow_and_update(), Instant::now()).0);
        let end = CancellationToken::new();
        let ended = end.clone();
        let task = tokio::spawn(async move {
            loop {
                let (now, until) = told(&states.borrow_and_update(), Instant::now());
                tell.send_if_modified(|before| {
                    let changed = *before != now;
                    *before = now;
                    changed
                });
                tokio::select! {
                    changed = states.changed() => if changed.is_err() { ended.cancelled().await },
                    () = reached(until) => {}
                    () = ended.cancelled() => break,
                }
                if ended.is_cancelled() {
                    break;
                }
            }
            stop.await;
        });
        Self { state, end: end.drop_guard(), task }
    }

    pub fn state(&self) -> watch::Receiver<Sending> {
        self.state.clone()
    }

    /// Ends it; the server has been told then, or did not listen.
    pub async fn stop(self) {
        drop(self.end);
        // It has told itself what broke down.
        let _ = self.task.await;
    }
}

async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}

fn pushed(state: &push::State, now: Instant) -> (Sending, Option<Instant>) {
    match state {
        push::State::Connecting => (Sending::Connecting, None),
        push::State::Failed { why, .. } => (Sending::Failed(why.clone()), None),
        push::State::Sending { bytes_acknowledged, acknowledged_at, .. } => {
            arriving((*bytes_acknowledged > 0).then_some(*acknowledged_at), now)
        }
    }
}

fn published(state: &whip::State, now: Instant) -> (Sending, Option<Instant>) {
    match (state.phase, &state.failure) {
        (Phase::Waiting { .. }, Some(failure)) => (Sending::Failed(failure.to_string()), None),
        (Phase::Sending, _) => arriving(state.acknowledged.map(Instant::from_std), now),
        (Phase::Connecting | Phase::Connected | Phase::Waiting { .. } | Phase::Ended, _) => {
            (Sending::Connecting, None)
        }
    }
}

fn arriving(acknowledged: Option<Instant>, now: Instant) -> (Sending, Option<Instant>) {
    match acknowledged.map(|at| at + ACKNOWLEDGED).filter(|until| *until > now) {
        Some(until) => (Sending::Arriving, Some(until)),
        None => (Sending::Unacknowledged, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_no_more_arrives_no_more() {
        let now = Instant::now();
        let sending = |bytes_acknowledged, before: Duration| {
            let at = now.checked_sub(before).unwrap();
            pushed(&push::State::Sending { since: at, bytes_acknowledged, acknowledged_at: at }, now)
        };
        assert_eq!(sending(0, Duration::ZERO).0, Sending::Unacknowledged);
        let (state, until) = sending(1, Duration::from_secs(9));
        assert_eq!((state, until), (Sending::Arriving, Some(now + Duration::from_secs(1))));
        assert_eq!(sending(1, Duration::from_secs(10)), (Sending::Unacknowledged, None));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_noticed_though_nobody_says_anything_and_the_end_is_told() {
        let (_states, states) = watch::channel(Instant::now());
        let (tell, told) = tokio::sync::oneshot::channel();
        let stop = async { tell.send(()).unwrap() }.boxed();
        let sender = Sender::follow(states, |at, now| arriving(Some(*at), now), stop);
        let mut state = sender.state();
        assert_eq!(*state.borrow(), Sending::Arriving);
        state.wait_for(|now| *now == Sending::Unacknowledged).await.unwrap();
        sender.stop().await;
        told.await.unwrap();
    }
}
