//! What a viewer has beside picture and sound, if it is at a desk: what its data channels say is told, and that it is silent.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use understudy_core::fanout::estimate::Network;
use understudy_core::fanout::quality::{Opinion, Quality};
use understudy_core::offer::{Numbers, Shown};
use understudy_core::rendition::Step;

use super::super::channels::{GENERAL, Spoken};
use super::super::connection::State;
use super::super::desk::{Ended, Message, SILENT_AFTER, Told};
use super::super::ending::Why;
use super::beginning::Stage;
use super::{Stream, Streams, Viewer};

/// Of a connection's timers: acknowledgements of data are due after a fifth of a second (RFC 9260 §6.2).
pub(super) const REST: Duration = Duration::from_millis(50);
/// Between two pulses to whom nothing comes from: should one be lost, another may be acknowledged before it counts as silent.
const PULSE_INTERVAL: Duration = Duration::from_millis(600);

/// What is said to a viewer at a desk.
pub(in super::super) enum Word {
    Say(Arc<str>, Message),
    /// It may be lost.
    Offer(Arc<str>, Message),
    Take(Shown),
    Leave,
}

/// The loop's end of a desk.
pub(in super::super) struct End {
    /// Bounded. What finds no room ends the desk: a key that is not heard to go up stays down.
    told: mpsc::Sender<Told>,
    ended: Arc<OnceLock<Ended>>,
    pulse: fn(Quality) -> &'static str,
    pulsed: Instant,
    opinion: Opinion,
    /// When it connected.
    since: Instant,
    is_silent: bool,
    /// Streams that the peer does not take, or not yet.
    parked: Streams,
}

impl End {
    pub fn new(
        told: mpsc::Sender<Told>,
        ended: Arc<OnceLock<Ended>>,
        pulse: fn(Quality) -> &'static str,
    ) -> Self {
        let parked = Streams { video: None, audio: None };
        let since = Instant::now();
        let opinion = Opinion::default();
        Self { told, ended, pulse, pulsed: since, opinion, since, is_silent: false, parked }
    }

    /// At its network, while it is shown that step.
    pub fn looked(&mut self, network: Network, shown: Step, now: Instant) {
        if let Some(quality) = self.opinion.looked(network, shown, now) {
            // The next pulse says it as well.
            let _ = self.told.try_send(Told::Quality(quality));
        }
    }

    fn wake_at(&self, present: Instant) -> Option<Instant> {
        let present = present.max(self.since);
        let pulse = present.max(self.pulsed) + PULSE_INTERVAL;
        (!self.is_silent).then(|| pulse.min(present + SILENT_AFTER))
    }
}

impl Viewer {
    /// The same, at a desk, where it takes that much.
    pub(super) fn seated(mut self, end: End, shown: Shown, now: Instant) -> Self {
        self.connection.opens_channels(REST);
        self.desk = Some(end);
        self.takes(shown, now);
        self
    }

    /// What it is shown from now on.
    pub fn takes(&mut self, Shown { video, audio }: Shown, now: Instant) {
        let Some(desk) = &mut self.desk else { return };
        let begins = take(&mut self.streams.video, &mut desk.parked.video, video);
        take(&mut self.streams.audio, &mut desk.parked.audio, audio);
        if begins && !matches!(self.stage, Stage::Expected) {
            self.stage = Stage::Settling { until: now };
        }
    }

    pub(super) fn desk_wakes_at(&self) -> Option<Instant> {
        let desk = self.desk.as_ref().filter(|_| self.connection.state() == State::Live)?;
        let alive = desk.wake_at(self.connection.present());
        [alive, self.connection.channels_wake_at()].into_iter().flatten().min()
    }

    /// Has been told of what came, and of silence.
    pub fn tells(&mut self, connected: bool, now: Instant) {
        self.connection.elapse_channels(now);
        let mut told = self.connection.take_heard();
        let (present, state) = (self.connection.present(), self.connection.state());
        let Some(desk) = &mut self.desk else { return };
        if connected {
            (desk.pulsed, desk.since) = (now, now);
            told.insert(0, Told::Connected);
        }
        let present = present.max(desk.since);
        let is_silent = state == State::Live && now >= present + SILENT_AFTER;
        if is_silent != desk.is_silent {
            desk.is_silent = is_silent;
            // Before what it says now.
            told.insert(0, if is_silent { Told::Silent } else { Told::Heard });
        }
        for told in told {
            match desk.told.try_send(told) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => return self.connection.close(Why::Unheard),
                Err(TrySendError::Closed(_)) => return self.connection.close(Why::Left),
            }
        }
        if desk.told.is_closed() {
            return self.connection.close(Why::Left);
        }
        if state == State::Live && !is_silent && now >= present.max(desk.pulsed) + PULSE_INTERVAL {
            desk.pulsed = now;
            let pulse = Message::Text((desk.pulse)(desk.opinion.quality()).to_owned());
            // One that has no room is acknowledged no sooner.
            self.connection.say(GENERAL, pulse, now);
        }
    }

    /// What there is no room for is lost.
    pub fn offers(&mut self, label: &str, message: Message, now: Instant) {
        self.connection.say(label, message, now);
    }

    pub fn says(&mut self, label: &str, message: Message, now: Instant) {
        if self.connection.say(label, message, now) == Spoken::Full {
            self.connection.close(Why::Slow);
        }
    }

    /// It is gone.
    pub fn leaves_desk(&self, why: Why) {
        if let Some(desk) = &self.desk {
            // Who ended it first says why.
            let _ = desk.ended.set(Ended::of(why));
        }
    }

    pub fn is_at_desk(&self) -> bool {
        self.desk.is_some()
    }
}

/// Whether it is sent from now on.
fn take(sent: &mut Option<Stream>, parked: &mut Option<Stream>, numbers: Option<Numbers>) -> bool {
    match numbers {
        None => {
            *parked = sent.take().or(parked.take());
            false
        }
        Some(numbers) => {
            let begins = sent.is_none();
            // One stream for good: under its keys a number is used once.
            *sent = sent.take().or(parked.take());
            sent.iter_mut().for_each(|stream| stream.number(numbers));
            begins
        }
    }
}
