//! What is known of one kind of a source: when it came, when it was really seen or heard, how late, and whether it rests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;
use understudy_core::input::pace::Tally;
use understudy_core::input::rest::Change;
use understudy_core::input::watch::Arrival;

use super::metrics::{Fate, Meter};
use crate::gst::LEFT_OUT;

/// Two intervals at 30 frames a second: an eye takes a frame this much after its time for a stutter.
const LATE: Duration = Duration::from_millis(66);

/// More than a sink of sound has in its buffer (200 ms), and than it is late by on a machine that does more than this: what
/// comes after that is thrown away for sure.
const UNHEARD: Duration = Duration::from_millis(500);

/// Whether anything comes and is perceived. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Flow(Arc<Reading>);

/// Times are nanoseconds on the shared timeline; zero: not yet.
#[derive(Debug, Default)]
struct Reading {
    arrived: AtomicU64,
    over: AtomicBool,
    /// The last one was seen or heard.
    perceived: AtomicU64,
    /// Since when there is no way to whoever listens.
    unheard: AtomicU64,
    /// Its sender said that there is nothing for a while.
    paused: AtomicU64,
    /// When the last one that came has been shown to its end, as running time.
    due: AtomicU64,
    /// What came to the sink since this was last asked for.
    tally: Mutex<Tally>,
    rests: AtomicBool,
    /// What was left out is decoded now, to go on from there.
    catches_up: AtomicBool,
}

impl Flow {
    /// When the last piece arrived, on the shared timeline.
    pub fn arrival(&self) -> Arrival {
        match time(&self.0.arrived) {
            None => Arrival::Nothing,
            Some(at) if self.0.over.load(Ordering::Relaxed) => Arrival::Over(at),
            Some(at) => Arrival::At(at),
        }
    }

    /// When the last piece was seen or heard, of media that is sent as it happens.
    pub fn perception(&self) -> Arrival {
        match (self.arrival(), time(&self.0.perceived)) {
            (Arrival::At(_), None) => Arrival::Nothing,
            (Arrival::At(_), Some(at)) => Arrival::At(at),
            (other, _) => other,
        }
    }

    /// The same of media that is read ahead, at this running time: one piece may stand for as long as it likes, and a pause
    /// is no gap.
    pub fn presence(&self, now: Duration, running: gst::ClockTime) -> Arrival {
        let stands = self.0.due.load(Ordering::Relaxed) > running.nseconds();
        let paused = time(&self.0.paused).unwrap_or_default();
        match self.perception() {
            _ if stands && self.arrival() != Arrival::Nothing => {
                Arrival::At(time(&self.0.unheard).unwrap_or(now))
            }
            Arrival::At(at) => Arrival::At(at.max(paused)),
            other => other,
        }
    }

    /// What came to the sink since the last call.
    pub fn tally(&self) -> Tally {
        std::mem::take(&mut self.0.tally.lock())
    }

    /// Something was seen or heard.
    pub fn perceived(&self) {
        self.0.perceived.store(now(), Ordering::Relaxed);
    }

    /// Nobody needs it: it is not decoded from now on, and what comes counts as perceived, as it would be.
    pub fn rest(&self, change: Change) {
        self.0.rests.store(change == Change::Rests, Ordering::Release);
    }

    pub fn rests(&self) -> bool {
        self.0.rests.load(Ordering::Acquire)
    }

    /// It stood still on purpose until now: what it has missed meanwhile is no gap.
    pub fn resume(&self) {
        if self.arrival() == Arrival::Nothing {
            return;
        }
        for place in [&self.0.arrived, &self.0.perceived, &self.0.paused] {
            place.store(now(), Ordering::Relaxed);
        }
        self.0.unheard.store(0, Ordering::Relaxed);
    }

    /// While this is so, what comes out of the decoder is past.
    pub(super) fn catch_up(&self, catches_up: bool) {
        self.0.catches_up.store(catches_up, Ordering::Release);
    }

    pub(super) fn is_past(&self) -> bool {
        self.0.catches_up.load(Ordering::Acquire)
    }

    /// Something came that was not decoded.
    pub(super) fn came_encoded(&self) {
        for place in [&self.0.arrived, &self.0.perceived] {
            place.store(now(), Ordering::Relaxed);
        }
        self.0.over.store(false, Ordering::Relaxed);
    }

    pub fn watch(&self, entry: &gst::Element, meter: Option<Meter>) {
        let Some(pad) = entry.static_pad("sink") else { return };
        let flow = self.clone();
        let mask =
            gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
        pad.add_probe(mask, move |pad, probe| {
            if let Some(event) = probe.event() {
                flow.note(event.type_());
            } else if let Some(buffer) = probe.buffer() {
                if flow.is_past() {
                    return LEFT_OUT;
                }
                flow.came(pad, buffer);
                meter.iter().for_each(Meter::arrived);
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn came(&self, pad: &gst::Pad, buffer: &gst::BufferRef) {
        let running = buffer.pts().and_then(|pts| running(pad, pts));
        let due = running.map_or(0, |at| at.saturating_add(buffer.duration().unwrap_or_default()).nseconds());
        self.0.due.store(due, Ordering::Relaxed);
        self.0.arrived.store(now(), Ordering::Relaxed);
        self.0.over.store(false, Ordering::Relaxed);
    }

    fn note(&self, event: gst::EventType) {
        match event {
            gst::EventType::Eos | gst::EventType::SegmentDone => self.0.over.store(true, Ordering::Relaxed),
            gst::EventType::Gap => self.0.paused.store(now(), Ordering::Relaxed),
            // It begins anew, and has as long for that as for coming at all.
            gst::EventType::FlushStop if self.arrival() != Arrival::Nothing => {
                self.0.due.store(0, Ordering::Relaxed);
                self.0.over.store(false, Ordering::Relaxed);
                for place in [&self.0.arrived, &self.0.paused] {
                    place.store(now(), Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }

    /// A piece of sound comes so many nanoseconds after its time; `audible`: there is a way to whoever listens, or nobody does.
    pub fn sounds(&self, late: Option<i64>, audible: bool) -> Fate {
        let fate = self.judge(late);
        if !audible {
            let _ = self.0.unheard.compare_exchange(0, now(), Ordering::Relaxed, Ordering::Relaxed);
            return Fate::Dropped;
        }
        self.0.unheard.store(0, Ordering::Relaxed);
        if is_heard(late) {
            self.perceived();
        }
        fate
    }

    pub fn judge(&self, late: Option<i64>) -> Fate {
        let late = Duration::from_nanos(late.unwrap_or_default().max(0).cast_unsigned());
        let is_late = late > LATE;
        let worst = if is_late { late } else { Duration::ZERO };
        self.0.tally.lock().add(Tally { pieces: 1, late: u32::from(is_late), worst });
        if is_late { Fate::Late } else { Fate::Shown }
    }
}

/// Whether a piece of sound that comes so many nanoseconds after its time is heard.
fn is_heard(late: Option<i64>) -> bool {
    late.is_none_or(|late| i128::from(late) < UNHEARD.as_nanos().cast_signed())
}

fn now() -> u64 {
    u64::try_from(crate::gst::now().as_nanos()).unwrap_or(u64::MAX).max(1)
}

fn time(place: &AtomicU64) -> Option<Duration> {
    let nanoseconds = place.load(Ordering::Relaxed);
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

fn running(pad: &gst::Pad, pts: gst::ClockTime) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(pts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_pieces_are_counted_until_they_are_asked_for() {
        crate::gst::init().unwrap();
        let flow = Flow::default();
        assert_eq!(flow.judge(Some(400_000_000)), Fate::Late);
        assert_eq!(flow.judge(Some(-5)), Fate::Shown);
        let worst = Duration::from_millis(400);
        assert_eq!(flow.tally(), Tally { pieces: 2, late: 1, worst });
        assert_eq!(flow.tally(), Tally::default());
    }

    #[test]
    fn sound_without_a_way_to_who_listens_is_not_perceived() {
        crate::gst::init().unwrap();
        let flow = Flow::default();
        flow.0.arrived.store(5, Ordering::Relaxed);
        assert_eq!(flow.sounds(None, false), Fate::Dropped);
        assert_eq!(flow.perception(), Arrival::Nothing);
        assert_eq!(flow.sounds(None, true), Fate::Shown);
        assert!(matches!(flow.perception(), Arrival::At(_)));
    }

    #[test]
    fn sound_that_is_read_ahead_is_there_as_long_as_there_is_a_way_to_who_listens() {
        crate::gst::init().unwrap();
        let (flow, later) = (Flow::default(), Duration::from_secs(3600));
        flow.0.arrived.store(5, Ordering::Relaxed);
        flow.0.due.store(u64::MAX, Ordering::Relaxed);
        let is_there = || flow.presence(later, gst::ClockTime::ZERO) == Arrival::At(later);
        flow.sounds(None, true);
        assert!(is_there());
        flow.sounds(None, false);
        let since = flow.presence(later, gst::ClockTime::ZERO);
        flow.sounds(None, false);
        assert_eq!(flow.presence(later, gst::ClockTime::ZERO), since, "since the first that was not heard");
        assert!(!is_there());
        flow.sounds(None, true);
        assert!(is_there());
    }

    #[test]
    fn sound_that_is_late_is_heard_and_sound_that_is_over_is_not() {
        assert!(is_heard(None) && is_heard(Some(-5)) && is_heard(Some(200_000_000)));
        assert!(!is_heard(Some(600_000_000)));
    }

    #[test]
    fn what_arrives_and_is_not_perceived_does_not_play_unless_it_waits_for_its_time() {
        crate::gst::init().unwrap();
        let (flow, at) = (Flow::default(), Duration::from_secs(100));
        let second = gst::ClockTime::SECOND;
        assert_eq!(flow.perception(), Arrival::Nothing);
        flow.0.arrived.store(5, Ordering::Relaxed);
        assert_eq!(flow.perception(), Arrival::Nothing);
        assert_eq!(flow.presence(at, second), Arrival::Nothing);
        flow.0.due.store(2 * second.nseconds(), Ordering::Relaxed);
        assert_eq!(flow.presence(at, second), Arrival::At(at));
        flow.0.perceived.store(7, Ordering::Relaxed);
        assert_eq!(flow.presence(at, 3 * second), Arrival::At(Duration::from_nanos(7)));
        flow.note(gst::EventType::Eos);
        assert_eq!(flow.perception(), Arrival::Over(Duration::from_nanos(5)));
    }
}
