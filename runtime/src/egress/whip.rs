//! WHIP: a program is published to a server (RFC 9725), again and again until it is stopped.
//!
//! The server is offered a picture and a sound, and asked to end what it took when we stop. A task of its own does it; media takes
//! the way of all viewers ([`crate::rtc`]). The server's URL, redirects of it and the addresses in its answer are the user's or a
//! stranger's, and so are the TURN servers that it names: nothing is connected or sent to what [`crate::guard`] forbids. What is
//! published has one rendition: a server's network is not adapted to.

mod http;
mod session;
mod state;
mod target;
mod trace;

pub use state::{Phase, State};
pub use target::{BadTarget, Target};

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;
use understudy_core::fanout::receipt::Receipt;
use understudy_core::fanout::silence::SILENT;
use understudy_core::guard::Policy;
use understudy_core::level::Level;
use understudy_core::rendition::{Full, Video};
use understudy_core::spec::Resolution;
use understudy_core::whip::Failure;
use understudy_trace::Place;

use crate::program::Program;
use crate::rtc::{self, Lost, Progress};
use http::Client;
use session::{Origin, Relaying, Session};
use trace::{Attempt, Leg};

/// Servers take no more (Amazon IVS).
pub const MOST: Resolution = Resolution::HD;
/// A session that lasted so long, and of which something arrived, was well: what comes after it is a first failure.
const STEADY: Duration = Duration::from_secs(10);
/// From being told to stop to the end: what is under way is finished, and the server told.
const STOP: Duration = Duration::from_secs(8);

/// What is published, and the name under which it counts: [`rtc::Handle::end`] with that name ends it, and it is begun again.
#[derive(Clone)]
pub struct Shown {
    pub name: String,
    pub program: Program,
    /// Its picture.
    pub full: Full,
    /// The span that what is done for it stands below.
    pub traced_below: Option<Place>,
}

impl Shown {
    /// A program with such a picture, of which servers are sent what they take.
    pub fn new(name: &str, program: &Program, full: Full) -> Self {
        Self { name: name.to_owned(), program: program.clone(), full, traced_below: None }
    }

    /// That of H.264 which all of it has; never less than everybody says by habit.
    fn level(&self) -> Level {
        if let Some(levels) = self.program.levels() {
            return levels.offered();
        }
        let whole = Full { size: self.full.size.within(MOST), ..self.full };
        Level::of(whole.load()).max(Level::HD)
    }

    /// As much of it as that level takes.
    fn at(&self, level: Level) -> Option<Program> {
        // What others encode is there as it comes, or not at all.
        if let Some(levels) = self.program.levels() {
            return (level >= levels.needed).then(|| self.program.only(Video::default()));
        }
        let video = Video::at_level(self.full, MOST, level)?;
        if level < self.level() {
            tracing::info!(%level, ?video, "the server takes less than there is, and is sent no more");
        }
        Some(self.program.only(video))
    }
}

/// A target that is published to until this is dropped.
pub struct Publishing {
    state: watch::Receiver<State>,
    end: DropGuard,
    task: JoinHandle<()>,
}

/// How servers are reached.
#[derive(Clone)]
pub struct Reach {
    pub transport: rtc::Handle,
    /// Which addresses may be connected and sent to.
    pub guard: Policy,
    /// Whom to believe who they are; see [`super::trust`].
    pub tls: TlsConnector,
}

/// Publishes to a target until it is stopped.
pub fn publish(target: Target, shown: Shown, reach: Reach) -> Publishing {
    let Reach { transport, guard, tls } = reach;
    let client = Client::new(guard.clone(), tls.clone());
    let origin = Origin { transport, client, guard, tls };
    let (told, state) = watch::channel(State::new(Instant::now()));
    let end = CancellationToken::new();
    let span = tracing::info_span!("whip", host = target.host());
    let publisher = Publisher { target, shown, origin, told, before: Receipt::default() };
    let task = tokio::spawn(publisher.run(end.clone()).instrument(span));
    Publishing { state, end: end.drop_guard(), task }
}

impl Publishing {
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Ends it, and returns when the server was told or has not listened for a while.
    pub async fn stop(self) {
        let Self { end, task, .. } = self;
        drop(end);
        if tokio::time::timeout(STOP, task).await.is_err() {
            tracing::warn!("publishing has not ended within {STOP:?}");
        }
    }
}

struct Publisher {
    target: Target,
    shown: Shown,
    origin: Origin,
    told: watch::Sender<State>,
    /// Of the sessions before this one.
    before: Receipt,
}

impl Publisher {
    async fn run(mut self, end: CancellationToken) {
        let mut failures = 0;
        loop {
            self.enter(Phase::Connecting);
            let (began, before) = (Instant::now(), self.told.borrow().acknowledged);
            let Some(failure) = self.attempt(&end).await else { break };
            let arrived = self.told.borrow().acknowledged != before;
            failures = if arrived && began.elapsed() >= STEADY { 1 } else { failures + 1 };
            let wait = failure.wait(failures);
            tracing::warn!(%failure, failures, ?wait, "nothing is published, and it is tried again");
            self.told.send_modify(|state| {
                let now = Instant::now();
                state.enter(Phase::Waiting { until: now + wait }, now);
                state.failure = Some(failure);
            });
            if tokio::time::timeout(wait, end.cancelled()).await.is_ok() {
                break;
            }
        }
        self.enter(Phase::Ended);
    }

    /// One session. None: it was ended from here.
    async fn attempt(&mut self, end: &CancellationToken) -> Option<Failure> {
        let mut spans = Attempt::begin(self.shown.traced_below, self.target.host());
        let mut beginning = std::pin::pin!(self.origin.begin(&self.target, &self.shown));
        let begun = tokio::select! {
            begun = &mut beginning => begun,
            // Whoever was asked already may take us in: it is to be told that we are gone.
            () = end.cancelled() => {
                let begun = tokio::time::timeout(STOP / 2, beginning).await;
                spans.over(None);
                if let Ok(Ok(session)) = begun {
                    spans.leave(None, self.origin.end(session)).await;
                }
                return None;
            }
        };
        let session = match begun {
            Ok(session) => session,
            Err(failure) => {
                spans.answered(failure.status());
                spans.over(Some(&failure));
                return Some(failure);
            }
        };
        spans.answered(Some(session.status));
        spans.reaches(Leg::Way);
        let failure = tokio::select! {
            failure = self.follow(&session, &mut spans) => Some(failure),
            () = end.cancelled() => None,
        };
        self.before = self.told.borrow().receipt;
        spans.over(failure.as_ref());
        spans.leave(failure.as_ref(), self.origin.end(session)).await;
        failure
    }

    /// Tells how it goes until it goes no more.
    async fn follow(&self, session: &Session, spans: &mut Attempt) -> Failure {
        let mut progress = session.progress();
        let mut looking = std::pin::pin!(self.origin.find_relay(session));
        let mut relaying = None;
        loop {
            let now = *progress.borrow_and_update();
            match now {
                Progress::Connecting => {}
                Progress::Connected => {
                    self.enter(Phase::Connected);
                    spans.reaches(Leg::FirstFrame);
                }
                Progress::Showing => {
                    self.enter(Phase::Connected);
                    spans.reaches(Leg::Evidence);
                }
                Progress::Sending(evidence) => {
                    self.acknowledged(evidence);
                    spans.arrives();
                }
                Progress::Silent => return Failure::Unacknowledged { seconds: SILENT.as_secs() },
                Progress::Lost(lost) => return failure(lost, &relaying.unwrap_or(Relaying::Unneeded)),
            }
            tokio::select! {
                changed = progress.changed() => if changed.is_err() {
                    return Failure::Lost(Lost::Ended.to_string());
                },
                found = &mut looking, if relaying.is_none() => relaying = Some(found),
            }
        }
    }

    fn acknowledged(&self, evidence: rtc::Evidence) {
        self.told.send_modify(|state| {
            if state.phase != Phase::Sending {
                tracing::info!("the server says that what is published arrives");
            }
            state.enter(Phase::Sending, Instant::now());
            state.receipt = self.before + evidence.receipt;
            state.acknowledged = Some(evidence.at);
        });
    }

    fn enter(&self, phase: Phase) {
        self.told.send_modify(|state| state.enter(phase, Instant::now()));
    }
}

fn failure(lost: Lost, relaying: &Relaying) -> Failure {
    match lost {
        Lost::NoWay => Failure::Lost(format!("{lost}{relaying}")),
        lost => Failure::Lost(lost.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use understudy_core::leg::Levels;
    use understudy_core::media::{Kind, VideoCodec};
    use understudy_core::spec::{Encoding, FrameRate};

    use super::*;
    use crate::broadcast::{Hub, Metrics};
    use crate::program::{Fixed, Ladder};

    #[tokio::test]
    async fn what_others_encode_is_offered_at_its_own_level_and_is_there_as_it_comes_or_not_at_all() {
        let hub = |kind| Hub::new(kind, Metrics::default());
        let (tell, levels) = watch::channel(None);
        let program = Program::coming(hub(Kind::Video), Ladder::fixed(hub(Kind::Audio)), levels);
        let bitrate = Encoding::default().video;
        let camera = Full { size: Resolution::HD, frame_rate: FrameRate::THIRTY, bitrate };
        let shown = Shown::new("a", &program, camera);
        assert_eq!(shown.level(), Level::HD, "nothing is known yet");
        let [said, needed] = [42, 40].map(Level::of_idc);
        tell.send_replace(Some(Levels { said, needed }));
        assert_eq!(shown.level(), said);
        assert_eq!([31, 40, 42].map(|idc| shown.at(Level::of_idc(idc)).is_some()), [false, true, true]);
        let mpeg1 = Video { codec: VideoCodec::Mpeg1, ..Video::default() };
        assert_eq!((program.has(Video::default()), program.has(mpeg1)), (Ok(()), Err(Fixed)));
    }
}
