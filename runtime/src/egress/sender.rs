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
use understudy_core::failure::Failure;
use understudy_core::rendition::Full;
use understudy_core::sending::Sending;
use understudy_core::spec::{Livestream, Output};
use understudy_trace::Place;

use super::push::{self, Destination, Push};
use super::whip::{self, Phase};
use crate::program::Program;

/// A server that has not acknowledged anything for so long does not take what it is sent.
const ACKNOWLEDGED: Duration = Duration::from_secs(10);

/// The reason of what could not even be begun.
pub const UNUSABLE: &str = "Unusable";

/// For a server to be told that what it was sent before is over.
const PREDECESSOR: Duration = Duration::from_secs(10);

/// What sends. Dropped, it ends by itself: the server is told.
pub struct Sender {
    state: watch::Receiver<Sending>,
    end: DropGuard,
    task: JoinHandle<()>,
}

/// Starts them; clones are the same.
#[derive(Clone)]
pub struct Senders {
    start: Arc<Start>,
    traced_below: Option<Place>,
}

type Start = dyn Fn(&Livestream, &Program, Full, Option<Place>) -> Result<Sender, String> + Send + Sync;

/// How others are reached.
#[derive(Clone)]
pub struct Reach {
    pub push: push::Reach,
    pub whip: whip::Reach,
}

impl Senders {
    pub fn new(reach: Reach) -> Self {
        let start = move |livestream: &_, program: &_, full, traced_below| {
            send(&reach, livestream, program, (full, traced_below))
        };
        Self { start: Arc::new(start), traced_below: None }
    }

    pub fn by(
        start: impl Fn(&Livestream, &Program, Full) -> Result<Sender, String> + Send + Sync + 'static,
    ) -> Self {
        let start = move |livestream: &_, program: &_, full, _traced_below| start(livestream, program, full);
        Self { start: Arc::new(start), traced_below: None }
    }

    /// The same, whose spans stand below that one.
    #[must_use]
    pub fn traced_below(&self, place: Option<Place>) -> Self {
        Self { traced_below: place, ..self.clone() }
    }

    /// Sends a program, with such a picture, until the sender is dropped. Why not, for people, if it cannot be begun.
    pub fn start(&self, livestream: &Livestream, program: &Program, full: Full) -> Result<Sender, String> {
        (self.start)(livestream, program, full, self.traced_below)
    }
}

impl Senders {
    /// The same, once what was sent before under this name has ended, or has had its time.
    pub fn start_after(
        &self,
        before: JoinHandle<()>,
        livestream: &Livestream,
        program: &Program,
        full: Full,
    ) -> Sender {
        let (senders, livestream, program) = (self.clone(), livestream.clone(), program.clone());
        Sender::run(Sending::Connecting, async move |tell, end| {
            let gone = tokio::time::timeout(PREDECESSOR, before);
            if end.run_until_cancelled(gone).await.is_none() {
                return;
            }
            match senders.start(&livestream, &program, full) {
                Ok(sender) => {
                    let as_it_is = |state: &Sending, _| (state.clone(), None);
                    end.run_until_cancelled(pass_on(&mut sender.state(), as_it_is, &tell)).await;
                    sender.stop().await;
                }
                Err(why) => {
                    tell.send_replace(Sending::Failed(Failure { reason: UNUSABLE, message: why }));
                    end.cancelled().await;
                }
            }
        })
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
    (full, traced_below): (Full, Option<Place>),
) -> Result<Sender, String> {
    match &livestream.output {
        Output::RtmpPush(url) => {
            let target = Destination::parse(url.reveal()).map_err(|bad| bad.to_string())?;
            let rendition = Default::default();
            let push =
                Push::start(push::Wanted { target, program: program.clone(), rendition }, reach.push.clone());
            let (state, stop) = (push.state(), async { push.stop().await }.boxed());
            Ok(Sender::follow(state, pushed, stop))
        }
        Output::Whip(target) => {
            let target =
                whip::Target::parse(target.url(), target.reveal_token()).map_err(|bad| bad.to_string())?;
            let shown = whip::Shown::new(&livestream.name, program, full);
            let shown = whip::Shown { traced_below, ..shown };
            let publishing = whip::publish(target, shown, reach.whip.clone());
            let (state, stop) = (publishing.state(), async { publishing.stop().await }.boxed());
            Ok(Sender::follow(state, published, stop))
        }
        Output::WebRtc | Output::Rtmp | Output::MpegTs | Output::Recording(_) => {
            Err("it is sent to nobody".to_owned())
        }
    }
}

impl Sender {
    /// `told`: what a state means, and when it will mean something else by itself.
    pub(crate) fn follow<S: Send + Sync + 'static>(
        mut states: watch::Receiver<S>,
        told: fn(&S, Instant) -> (Sending, Option<Instant>),
        stop: BoxFuture<'static, ()>,
    ) -> Self {
        let first = told(&states.borrow_and_update(), Instant::now()).0;
        Self::run(first, async move |tell, end| {
            end.run_until_cancelled(pass_on(&mut states, told, &tell)).await;
            stop.await;
        })
    }

    /// What tells of itself, until its end; `first` is what is said before.
    fn run<F: Future<Output = ()> + Send + 'static>(
        first: Sending,
        run: impl FnOnce(watch::Sender<Sending>, CancellationToken) -> F,
    ) -> Self {
        let (tell, state) = watch::channel(first);
        let end = CancellationToken::new();
        let task = tokio::spawn(run(tell, end.clone()));
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

/// Tells what each state means, for ever.
async fn pass_on<S>(
    states: &mut watch::Receiver<S>,
    told: fn(&S, Instant) -> (Sending, Option<Instant>),
    tell: &watch::Sender<Sending>,
) {
    loop {
        let (now, until) = told(&states.borrow_and_update(), Instant::now());
        tell.send_if_modified(|before| {
            // What failed has failed until it is taken, however often it is tried.
            let tried_again = matches!(before, Sending::Failed(_))
                && matches!(now, Sending::Connecting | Sending::Connected);
            let changed = *before != now && !tried_again;
            if changed {
                *before = now;
            }
            changed
        });
        tokio::select! {
            changed = states.changed() => if changed.is_err() { pending().await },
            () = crate::deadline::reached(until) => {}
        }
    }
}

fn pushed(state: &push::State, now: Instant) -> (Sending, Option<Instant>) {
    match state {
        push::State::Connecting => (Sending::Connecting, None),
        push::State::Failed { why, .. } => (Sending::Failed(failure("DestinationFailed", why)), None),
        push::State::Sending { bytes_acknowledged, acknowledged_at, .. } => {
            arriving((*bytes_acknowledged > 0).then_some(*acknowledged_at), now)
        }
    }
}

fn published(state: &whip::State, now: Instant) -> (Sending, Option<Instant>) {
    match (state.phase, &state.failure) {
        (Phase::Waiting { .. }, Some(why)) => (Sending::Failed(failure(why.reason(), why)), None),
        (Phase::Sending, _) => arriving(state.acknowledged.map(Instant::from_std), now),
        (Phase::Connected, _) => (Sending::Connected, None),
        (Phase::Connecting | Phase::Waiting { .. } | Phase::Ended, _) => (Sending::Connecting, None),
    }
}

fn failure(reason: &'static str, why: &impl ToString) -> Failure {
    Failure { reason, message: why.to_string() }
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
    use understudy_core::spec::Choice;

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

    fn failing(states: watch::Receiver<Sending>) -> Sender {
        Sender::follow(states, |state, _| (state.clone(), None), async {}.boxed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_has_failed_until_it_is_taken_however_often_it_is_tried() {
        let no = || Sending::Failed(failure("DestinationFailed", &"no"));
        let (states, following) = watch::channel(no());
        let sender = failing(following);
        let (state, moment) = (sender.state(), Duration::from_millis(1));
        states.send_replace(Sending::Connecting);
        tokio::time::sleep(moment).await;
        assert_eq!(*state.borrow(), no());
        states.send_replace(Sending::Unacknowledged);
        tokio::time::sleep(moment).await;
        assert_eq!(*state.borrow(), Sending::Unacknowledged);
    }

    #[tokio::test(start_paused = true)]
    async fn what_follows_begins_once_what_was_before_has_ended() {
        use understudy_core::spec::{Encoding, FrameRate, Resolution};

        use crate::broadcast::{Metrics, Renditions};

        let (_states, following) = watch::channel(Sending::Arriving);
        let senders = Senders::by(move |_, _, _| Ok(failing(following.clone())));
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let before = tokio::spawn(async { told.await.unwrap() });
        let livestream = Livestream { name: "a".into(), output: Output::WebRtc, choice: Choice::default() };
        let program = Program::of(&Renditions::new(&Metrics::default()), watch::channel(true).1);
        let bitrate = Encoding::default().video;
        let full = Full { size: Resolution::HD, frame_rate: FrameRate::THIRTY, bitrate };
        let sender = senders.start_after(before, &livestream, &program, full);
        let mut state = sender.state();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(*state.borrow_and_update(), Sending::Connecting);
        tell.send(()).unwrap();
        state.wait_for(|now| *now == Sending::Arriving).await.unwrap();
        sender.stop().await;
    }
}
