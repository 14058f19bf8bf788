//! Plays opened media under watch: when it plays, stalls, comes to its end or has to be opened again.

use std::time::Duration;

use gstreamer as gst;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use understudy_core::input::pace::Pace;
use understudy_core::input::watch::{Arrival, LOST, OPENING, Verdict, Watch};
use understudy_core::input::{Failure, Health};
use understudy_core::media::Kind;

use super::media::{Event, Media, failure};
use crate::camera::Writer;
use crate::guard::Policy;

/// How often is looked: a tenth of what counts as a stall.
const LOOK: Duration = Duration::from_millis(200);

/// What is over sooner, as a still picture is, would go round as fast as the machine can.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

/// So many of them in a row are not read ahead any more: queues hold about a second.
const MOST_HASTY: u32 = 50;

/// How media is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// From where it is now, until its sender ends it.
    On,
    /// From its start to its end.
    Once,
    /// From its start, over and over.
    Round,
}

/// Why it is not played any more, without a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ended,
    /// It is to be repeated and cannot go back: open it again.
    Again,
}

/// What is played and who is told.
pub(super) struct Player<'a> {
    pub(super) media: Media,
    /// As it was asked for.
    pub(super) url: &'a str,
    pub(super) course: Course,
    pub(super) writer: Option<Writer>,
    pub(super) health: &'a watch::Sender<Health>,
    /// What may be fetched.
    pub(super) policy: &'a Policy,
}

/// Where playing from the start stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Opening,
    Rewinding,
    Playing,
}

/// What is known of one opening.
struct Sight {
    watch: Watch,
    pace: Pace,
    /// Its picture does not come, and the slate is shown.
    frozen: bool,
    /// How long it was when it began to play.
    length: Option<gst::ClockTime>,
    /// When its last round began.
    round: Instant,
    /// Rounds that were over at once, in a row.
    hasty: u32,
}

impl Default for Sight {
    fn default() -> Self {
        Self {
            watch: Watch::new(crate::gst::now()),
            pace: Pace::default(),
            frozen: false,
            length: None,
            round: Instant::now(),
            hasty: 0,
        }
    }
}

impl Sight {
    /// A round is over. Whether it is that of a still picture: what is short is read ahead as fast, but waits for its time
    /// once enough of it is.
    fn stands(&mut self) -> bool {
        let lasted = std::mem::replace(&mut self.round, Instant::now()).elapsed();
        self.hasty = if lasted < SHORTEST_ROUND { self.hasty + 1 } else { 0 };
        self.hasty > MOST_HASTY
    }
}

impl Player<'_> {
    /// Plays it; when this returns it is down, and no frame comes after it.
    pub(super) async fn play(mut self) -> Result<Outcome, Failure> {
        let outcome = self.run().await;
        self.media.stop().await;
        outcome
    }

    async fn run(&mut self) -> Result<Outcome, Failure> {
        let mut step = self.begin().await?;
        let mut sight = Sight::default();
        let mut look = ticks();
        loop {
            tokio::select! {
                event = self.media.next() => match event {
                    Event::Fault(fault) => return Err(fault.failure(self.url, self.policy).await),
                    Event::Ready => step = self.advance(step).await?,
                    Event::End | Event::Segment => {
                        if let Some(outcome) = self.ended(&event, step, &mut sight).await? {
                            return Ok(outcome);
                        }
                    }
                },
                _ = look.tick() => self.look(&mut sight)?,
            }
        }
    }

    async fn begin(&self) -> Result<Step, Failure> {
        let (state, step) = match self.course {
            Course::On => (gst::State::Playing, Step::Playing),
            Course::Once | Course::Round => (gst::State::Paused, Step::Opening),
        };
        self.change(state).await?;
        Ok(step)
    }

    /// What has a start is ready at it, and goes on from there, as a segment if it is to follow itself and can.
    async fn advance(&self, step: Step) -> Result<Step, Failure> {
        match step {
            Step::Opening
                if self.goes_round_without_a_gap() && self.media.rewind(gst::SeekFlags::FLUSH).await =>
            {
                Ok(Step::Rewinding)
            }
            Step::Opening | Step::Rewinding => {
                self.change(gst::State::Playing).await?;
                Ok(Step::Playing)
            }
            Step::Playing => Ok(step),
        }
    }

    /// A segment is done once all of it is on its way to the sinks: only what follows without a gap may end in one. What
    /// is played once ends when the sinks have played it.
    fn goes_round_without_a_gap(&self) -> bool {
        self.course == Course::Round && self.media.plays_segments()
    }

    /// None: it goes on from its start.
    async fn ended(&self, event: &Event, step: Step, sight: &mut Sight) -> Result<Option<Outcome>, Failure> {
        match (self.course, event) {
            (Course::Once, _) => Ok(Some(Outcome::Ended)),
            (Course::On, _) if self.has_an_end(sight.length) => Ok(Some(Outcome::Ended)),
            (Course::On, _) => Err(failure("SourceEnded", self.url, "its sender ended it")),
            (Course::Round, Event::Segment) if sight.stands() => Ok(Some(Outcome::Again)),
            (Course::Round, Event::Segment) if self.media.rewind(gst::SeekFlags::empty()).await => Ok(None),
            (Course::Round, _) => {
                let lasted = std::mem::replace(&mut sight.round, Instant::now()).elapsed();
                let goes_on = step == Step::Playing
                    && lasted > SHORTEST_ROUND
                    && self.media.rewind(gst::SeekFlags::FLUSH).await;
                Ok((!goes_on).then_some(Outcome::Again))
            }
        }
    }

    /// A fragmented file that is written while it is sent says after each fragment that it is so long: it has not come to
    /// an end because its sender went.
    fn has_an_end(&self, first: Option<gst::ClockTime>) -> bool {
        self.media
            .length()
            .is_some_and(|last| (first == Some(last) || self.media.is_seekable()) && self.media.came_to(last))
    }

    fn look(&self, sight: &mut Sight) -> Result<(), Failure> {
        let now = crate::gst::now();
        let arrivals = self.arrivals(now);
        if sight.length.is_none() {
            sight.length = self.media.length();
        }
        let each: Vec<_> = arrivals.iter().map(|(_, arrival)| *arrival).collect();
        match sight.watch.look(now, &each) {
            Verdict::Wait => {}
            Verdict::Plays => {
                tracing::info!("a source plays");
                self.health.send_replace(Health::Playing);
            }
            Verdict::Stalls => {
                tracing::warn!("a source stalls");
                self.health.send_replace(Health::Stalled);
            }
            Verdict::NeverCame => {
                let text = format!("nothing to play came within {} s", OPENING.as_secs());
                return Err(failure("SourceTimeout", self.url, &text));
            }
            Verdict::Lost => {
                let text = format!("nothing came for {} s", LOST.as_secs());
                return Err(failure("SourceStalled", self.url, &text));
            }
        }
        self.cover(sight, now, &arrivals);
        if self.course == Course::On {
            self.keep_pace(sight, now);
        }
        Ok(())
    }

    /// Only what is sent as it happens can be late for good: what has a start is read ahead, and catches up.
    fn keep_pace(&self, sight: &mut Sight, now: Duration) {
        let late = self.media.late(sight.pace.counts_after(now));
        if let Some(more) = sight.pace.look(now, late) {
            tracing::debug!(
                milliseconds = more.as_millis(),
                "a source came late for long: its time is moved"
            );
            self.media.delay(more);
        }
    }

    /// What is read ahead comes when there is room for it: one picture may stand for as long as it likes while the next
    /// waits, and a kind may pause. There, only that nothing comes and nothing waits is a stall, of all kinds at once.
    fn arrivals(&self, now: Duration) -> Vec<(Kind, Arrival)> {
        let mut arrivals = self.media.arrivals();
        if self.course == Course::On {
            return arrivals;
        }
        let each: Vec<_> = arrivals.iter().map(|(_, arrival)| *arrival).collect();
        let latest = if self.media.holds() { Arrival::At(now) } else { Arrival::latest(&each) };
        for (_, arrival) in &mut arrivals {
            *arrival = latest;
        }
        arrivals
    }

    /// Never a frozen picture: the slate. Sound that does not come is silence by itself.
    fn cover(&self, sight: &mut Sight, now: Duration, arrivals: &[(Kind, Arrival)]) {
        let frozen = arrivals.iter().any(|(kind, arrival)| *kind == Kind::Video && arrival.stalled(now));
        let froze = frozen && !sight.frozen;
        sight.frozen = frozen;
        if let Some(writer) = self.writer.as_ref().filter(|_| froze) {
            writer.show_slate();
        }
    }

    async fn change(&self, state: gst::State) -> Result<(), Failure> {
        let refused = |error: crate::gst::Error| failure("PipelineFailed", self.url, &error.to_string());
        self.media.change(state).await.map_err(refused)
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
