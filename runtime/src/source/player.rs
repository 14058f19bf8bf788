//! Plays opened media under watch: when it plays, rests, stalls, comes to its end or has to be opened again.

use std::time::Duration;

use gstreamer as gst;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use understudy_core::input::pace::Pace;
use understudy_core::input::rest::Change;
use understudy_core::input::watch::{Arrival, OPENING, PARTS_LOST, Verdict, Watch};
use understudy_core::input::{Failure, Health};
use understudy_core::media::Kind;

use super::media::{Event, Media, failure};
use super::resting::Resting;
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
    /// The same of what does not go on after it went back: it is opened for each round.
    Anew,
}

/// Why it is not played any more, without a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ended,
    /// It is to be repeated and cannot go back: open it again.
    Again,
    /// It went back and nothing followed: open it again each time.
    Hangs,
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
    pub(super) rest: Resting,
}

/// Where playing from the start stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Opening,
    Rewinding,
    Playing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Plays,
    Stalls,
}

/// What is known of one opening.
struct Sight {
    watch: Watch,
    pace: Pace,
    step: Step,
    /// What the watch said last.
    told: Option<Told>,
    /// Why a kind that is wanted is not there.
    lack: Option<Failure>,
    /// When it went back last.
    turned: Option<Duration>,
    /// Its picture does not come, and the slate is shown.
    frozen: bool,
    /// How long it was when it began to play.
    length: Option<gst::ClockTime>,
    /// When its last round began.
    round: Instant,
    /// Rounds that were over at once, in a row.
    hasty: u32,
}

impl Sight {
    fn new(step: Step) -> Self {
        Self {
            step,
            told: None,
            lack: None,
            turned: None,
            watch: Watch::new(crate::gst::now()),
            pace: Pace::default(),
            frozen: false,
            length: None,
            round: Instant::now(),
            hasty: 0,
        }
    }

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
        let mut sight = Sight::new(self.begin().await?);
        let mut look = ticks();
        loop {
            tokio::select! {
                event = self.media.next() => match event {
                    Event::Fault(fault) => return Err(fault.failure(self.url, self.policy).await),
                    Event::Lacks(fault) => sight.lack = Some(fault.failure(self.url, self.policy).await),
                    Event::Ready => sight.step = self.advance(sight.step).await?,
                    Event::End | Event::Segment => {
                        if let Some(outcome) = self.ended(&event, &mut sight).await? {
                            return Ok(outcome);
                        }
                    }
                },
                () = self.rest.changed() => self.heed_needs(&sight).await?,
                _ = look.tick() => {
                    self.heed_needs(&sight).await?;
                    if let Some(outcome) = self.look(&mut sight)? {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    async fn begin(&self) -> Result<Step, Failure> {
        let (state, step) = match self.course {
            Course::On => (gst::State::Playing, Step::Playing),
            Course::Once | Course::Round | Course::Anew => (gst::State::Paused, Step::Opening),
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
            // It goes on when somebody needs it.
            Step::Rewinding if self.rest.stands_still() => Ok(Step::Playing),
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
    async fn ended(&self, event: &Event, sight: &mut Sight) -> Result<Option<Outcome>, Failure> {
        match (self.course, event) {
            (Course::Once, _) => Ok(Some(Outcome::Ended)),
            (Course::Anew, _) => Ok(Some(Outcome::Again)),
            (Course::On, _) if self.has_an_end(sight.length) => Ok(Some(Outcome::Ended)),
            (Course::On, _) => Err(failure("SourceEnded", self.url, "its sender ended it")),
            (Course::Round, Event::Segment) if sight.stands() => Ok(Some(Outcome::Again)),
            (Course::Round, Event::Segment) if self.media.rewind(gst::SeekFlags::empty()).await => {
                sight.turned = Some(crate::gst::now());
                Ok(None)
            }
            (Course::Round, _) => {
                let lasted = std::mem::replace(&mut sight.round, Instant::now()).elapsed();
                let goes_on =
                    sight.step == Step::Playing && lasted > SHORTEST_ROUND && self.begin_again(sight).await?;
                Ok((!goes_on).then_some(Outcome::Again))
            }
        }
    }

    /// Goes back after the sinks have played all.
    async fn begin_again(&self, sight: &mut Sight) -> Result<bool, Failure> {
        self.change(gst::State::Paused).await?;
        let goes_on = self.media.rewind(gst::SeekFlags::FLUSH).await;
        (sight.step, sight.turned) = (Step::Rewinding, Some(crate::gst::now()));
        Ok(goes_on)
    }

    /// A fragmented file that is written while it is sent says after each fragment that it is so long: it has not come to
    /// an end because its sender went.
    fn has_an_end(&self, first: Option<gst::ClockTime>) -> bool {
        self.media
            .length()
            .is_some_and(|last| (first == Some(last) || self.media.is_seekable()) && self.media.came_to(last))
    }

    /// Kinds that nobody needs are not decoded, of what goes on or is passed as it comes; what has a start stands still if nothing of it
    /// is needed.
    async fn heed_needs(&mut self, sight: &Sight) -> Result<(), Failure> {
        let now = crate::gst::now();
        let plays = sight.told == Some(Told::Plays) && sight.step == Step::Playing;
        match self.course {
            // Somebody may wait for its end.
            Course::Once => {}
            Course::On => self.rest_each(now, plays, |_, _| true),
            Course::Round | Course::Anew => {
                if let Some(change) = self.rest.look_at_all(now, plays) {
                    tracing::debug!(?change, "whether a source is needed has changed");
                    self.stand_still(change).await?;
                }
            }
        }
        // It keeps its time by what is passed.
        if self.course != Course::On {
            self.rest_each(now, plays, Media::passes);
        }
        Ok(())
    }

    /// Kinds that nobody needs decoded are not.
    fn rest_each(&mut self, now: Duration, plays: bool, can: impl Fn(&Media, Kind) -> bool) {
        for kind in [Kind::Video, Kind::Audio].into_iter().filter(|kind| can(&self.media, *kind)) {
            if let Some(change) = self.rest.look_at(kind, now, plays) {
                tracing::debug!(?kind, ?change, "whether a source is needed has changed");
                self.media.rest(kind, change);
            }
        }
    }

    async fn stand_still(&self, change: Change) -> Result<(), Failure> {
        match change {
            Change::Rests => self.change(gst::State::Paused).await,
            Change::Wakes => {
                self.media.resume();
                self.change(gst::State::Playing).await
            }
        }
    }

    /// An outcome: it is over because it does not go on.
    fn look(&self, sight: &mut Sight) -> Result<Option<Outcome>, Failure> {
        let now = crate::gst::now();
        let arrivals = self.arrivals(sight.step, now);
        if self.rest.stands_still() {
            self.tell(sight, now, &arrivals);
            return Ok(None);
        }
        if sight.length.is_none() {
            sight.length = self.media.length();
        }
        if self.course == Course::On && self.media.is_of_parts() {
            sight.watch.gives_up_after(PARTS_LOST);
        }
        let each: Vec<_> = arrivals.iter().map(|(_, arrival)| *arrival).collect();
        match sight.watch.look(now, &each) {
            Verdict::Wait => {}
            Verdict::Plays => sight.told = Some(Told::Plays),
            Verdict::Stalls if self.hangs(sight) => return Ok(Some(Outcome::Hangs)),
            Verdict::Stalls => sight.told = Some(Told::Stalls),
            Verdict::NeverCame => {
                let text = format!("nothing to play came within {} s", OPENING.as_secs());
                return Err(failure("SourceTimeout", self.url, &text));
            }
            Verdict::Lost => {
                let text = format!("nothing came for {} s", sight.watch.patience().as_secs());
                return Err(failure("SourceStalled", self.url, &text));
            }
        }
        self.tell(sight, now, &arrivals);
        self.cover(sight, now, &arrivals);
        if self.course == Course::On {
            self.keep_pace(sight, now);
        }
        Ok(None)
    }

    /// It went back, and nothing has come since.
    fn hangs(&self, sight: &Sight) -> bool {
        let older = |turned| {
            self.media.arrivals().iter().all(|(_, arrival)| match arrival {
                Arrival::Nothing => true,
                Arrival::At(at) | Arrival::Over(at) => *at <= turned,
            })
        };
        self.course == Course::Round && sight.turned.is_some_and(older)
    }

    /// Says how it fares, if that is news.
    fn tell(&self, sight: &Sight, now: Duration, arrivals: &[(Kind, Arrival)]) {
        let health = match (sight.told, &sight.lack) {
            (None, _) => return,
            (Some(Told::Plays), None) if self.rest.rests() => Health::Resting,
            (Some(Told::Plays), None) => Health::Playing,
            (Some(Told::Plays), Some(lack)) => Health::Partial(lack.clone()),
            (Some(Told::Stalls), _) => self.stalled(now, arrivals),
        };
        let news = self.health.send_if_modified(|told| {
            let news = *told != health;
            told.clone_from(&health);
            news
        });
        match health {
            _ if !news => {}
            Health::Playing => tracing::info!("a source plays"),
            Health::Resting => tracing::info!("a source rests: nobody looks or listens"),
            Health::Partial(why) => tracing::warn!(message = why.message, "a source plays in part"),
            _ => tracing::warn!("a source stalls"),
        }
    }

    /// Of several kinds it is said which does not come.
    fn stalled(&self, now: Duration, arrivals: &[(Kind, Arrival)]) -> Health {
        let gone = |arrival: Arrival| arrival == Arrival::Nothing || arrival.stalled(now);
        let mut away = arrivals.iter().filter(|(_, arrival)| gone(*arrival));
        match (away.next(), away.next()) {
            (Some((kind, _)), None) if arrivals.len() > 1 => {
                Health::Partial(failure("Stalled", self.url, &format!("its {} does not come", kind.word())))
            }
            _ => Health::Stalled,
        }
    }

    /// Only what is sent as it happens can be late for good: what has a start is read ahead, and catches up.
    fn keep_pace(&self, sight: &mut Sight, now: Duration) {
        if let Some(more) = sight.pace.look(now, self.media.tally()) {
            tracing::debug!(
                milliseconds = more.as_millis(),
                "a source came late for long: its time is moved"
            );
            self.media.delay(more);
        }
    }

    /// What is sent as it happens plays if it is seen and heard. Of what is read ahead one picture may stand for as long as
    /// it likes while the next waits.
    fn arrivals(&self, step: Step, now: Duration) -> Vec<(Kind, Arrival)> {
        if self.course == Course::On {
            return self.media.perceptions();
        }
        let present = self.media.presence(now).filter(|_| step == Step::Playing);
        present.unwrap_or_else(|| self.media.arrivals())
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
