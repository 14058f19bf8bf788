//! The way of a source's sound to PulseAudio: a stream of its own, there while somebody listens.
//!
//! A source goes on whatever becomes of it: lost, the stream is made anew once PulseAudio is back, and the picture that
//! comes with the sound knows nothing of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppLeakyType, AppSrc};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::Instrument;
use understudy_core::input::rest::WARM;
use understudy_core::spec::Destination;

use super::Surroundings;
use super::need::Need;
use crate::gst::{Ended, Error, LEFT_OUT, Pipeline, element};

/// How far ahead of its playing sound is handed to PulseAudio: small, since it adds to the delay.
const PULSE_BUFFER_MICROSECONDS: i64 = 40_000;
const PULSE_FRAGMENT_MICROSECONDS: i64 = 10_000;
/// How long before it is heard sound must be here.
pub const SOUND_AHEAD: gst::ClockTime =
    gst::ClockTime::from_useconds((PULSE_BUFFER_MICROSECONDS + PULSE_FRAGMENT_MICROSECONDS).cast_unsigned());

/// A stream that was lost is made anew after so long, and longer each time: PulseAudio is back within a second.
const AGAIN: Duration = Duration::from_millis(250);
const LONGEST_AGAIN: Duration = Duration::from_secs(2);
/// The failure that is told: PulseAudio begins with the session and is begun anew after its death, both in less than three waits.
const LASTING: u32 = 4;
/// One that was there so long was well: its loss is a first one.
const WELL: Duration = Duration::from_secs(5);
/// What waits for a PulseAudio that does not take it is worth nothing any more after so long.
const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_mseconds(500);
/// More that waits was held up: the sink, which has lost its place in time, would take a minute to find it again, with pieces
/// of silence in between. A stream of its own has it at once.
const MOST_BEHIND: gst::ClockTime = gst::ClockTime::from_mseconds(300);
/// From the making of a stream to its taking what it is given, on a machine that does more than this.
const STARTING: Duration = Duration::from_secs(1);
/// What is further from the piece before than this does not follow it.
const SEAM: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// Clones are the same. With the last of them it ends.
#[derive(Clone, Debug)]
pub struct Voice(Arc<Tended>);

#[derive(Debug)]
struct Tended {
    mouth: Arc<Mouth>,
    tender: AbortHandle,
}

/// What the threads that play share with the task that keeps the stream.
#[derive(Debug)]
struct Mouth {
    way: Mutex<Option<Way>>,
    /// Somebody listens, or nobody knows whether they do.
    wanted: AtomicBool,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Way {
    entry: AppSrc,
    /// When the last piece is over.
    follows: Option<gst::ClockTime>,
    began: Instant,
    /// Told when it does not take what it is given in time.
    behind: Arc<Notify>,
}

/// Where the stream goes.
struct Sink {
    server: String,
    device: String,
}

impl Voice {
    pub(super) fn begin(destination: Destination, surroundings: &Surroundings) -> Self {
        let device = crate::sound::sink(destination, &surroundings.microphone_sink).to_owned();
        let sink = Sink { server: surroundings.pulse_server.clone(), device };
        let (way, wanted, closed) = (Mutex::new(None), AtomicBool::new(true), AtomicBool::new(false));
        let mouth = Arc::new(Mouth { way, wanted, closed });
        let listeners = surroundings.ears.of(destination).into();
        let tender = tokio::spawn(tend(mouth.clone(), sink, listeners).in_current_span()).abort_handle();
        Self(Arc::new(Tended { mouth, tender }))
    }

    /// From now on nothing is heard, however long it takes to go down.
    pub(super) fn close(&self) {
        self.0.mouth.closed.store(true, Ordering::Release);
    }

    /// A piece in its [`format`], whose time is that of the shared clock. False: there is no way to whoever listens.
    pub(super) fn say(&self, piece: gst::Buffer) -> bool {
        let mouth = &self.0.mouth;
        let mut way = mouth.way.lock();
        way.as_mut().map_or_else(|| !mouth.wanted.load(Ordering::Acquire), |way| way.push(piece))
    }
}

impl Drop for Tended {
    fn drop(&mut self) {
        self.tender.abort();
        self.mouth.way.lock().take();
    }
}

impl Way {
    fn new(entry: AppSrc) -> Self {
        Self { entry, follows: None, began: Instant::now(), behind: Arc::default() }
    }

    fn push(&mut self, mut piece: gst::Buffer) -> bool {
        if self.began.elapsed() > STARTING && self.entry.current_level_time() > MOST_BEHIND {
            self.behind.notify_one();
            return false;
        }
        let (begins, lasts) = (piece.pts(), piece.duration().unwrap_or_default());
        let apart = self.follows.zip(begins).map(|(a, b)| a.max(b).saturating_sub(a.min(b)));
        if apart.is_none_or(|apart| apart > SEAM) {
            // The sink would put it right behind what it had, for a second.
            piece.make_mut().set_flags(gst::BufferFlags::DISCONT);
        }
        self.follows = begins.map(|begins| begins + lasts);
        self.entry.push_buffer(piece).is_ok()
    }
}

/// Keeps the stream while somebody listens.
async fn tend(mouth: Arc<Mouth>, sink: Sink, mut listeners: Need) {
    let mut failures = 0_u32;
    loop {
        mouth.wanted.store(listeners.is(), Ordering::Release);
        listeners.until_any().await;
        mouth.wanted.store(true, Ordering::Release);
        let began = Instant::now();
        let error = tokio::select! {
            error = speak(&mouth, &sink) => error,
            () = listeners.until_none_for(WARM) => {
                failures = 0;
                continue;
            }
        };
        failures = if began.elapsed() > WELL { 1 } else { failures + 1 };
        match failures {
            LASTING => tracing::warn!(%error, "the sound of a source is not heard"),
            _ => tracing::debug!(%error, failures, "the sound of a source is not heard"),
        }
        tokio::time::sleep((AGAIN * failures).min(LONGEST_AGAIN)).await;
    }
}

/// Until it is lost; why.
async fn speak(mouth: &Arc<Mouth>, sink: &Sink) -> Error {
    let (pipeline, entry) = match build(mouth, sink) {
        Ok(built) => built,
        Err(error) => return error,
    };
    if let Err(error) = pipeline.begin(gst::State::Playing).await {
        return error;
    }
    let way = Way::new(entry);
    let behind = way.behind.clone();
    *mouth.way.lock() = Some(way);
    let _silent = Silent(mouth);
    let failed = |message: &str| Error::Failed { message: message.to_owned(), missing: false };
    tokio::select! {
        ended = pipeline.ended() => match ended {
            Ended::Error(error) => error,
            Ended::Stream | Ended::Segment => failed("PulseAudio ended it"),
        },
        () = behind.notified() => failed("PulseAudio does not take it in time"),
    }
}

/// Dropped, there is no way any more.
struct Silent<'a>(&'a Mouth);

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        self.0.way.lock().take();
    }
}

fn build(mouth: &Arc<Mouth>, to: &Sink) -> Result<(Pipeline, AppSrc), Error> {
    let pipeline = Pipeline::by_the_clock("voice");
    // Not live: what comes has waited already, and carries the time at which it is heard.
    let entry = AppSrc::builder()
        .caps(&format())
        .format(gst::Format::Time)
        .max_bytes(0)
        .max_time(MOST_WAITING)
        .leaky_type(AppLeakyType::Downstream)
        .build();
    let sink = element("pulsesink")?;
    sink.set_property("server", &to.server);
    sink.set_property("device", &to.device);
    sink.set_property("client-name", "source");
    sink.set_property("provide-clock", false);
    sink.set_property("buffer-time", PULSE_BUFFER_MICROSECONDS);
    sink.set_property("latency-time", PULSE_FRAGMENT_MICROSECONDS);
    heed_gate(&sink, mouth.clone());
    pipeline.chain(&[entry.upcast_ref(), &sink])?;
    Ok((pipeline, entry))
}

/// What it says: 48 kHz, stereo, 16 bits.
pub(super) fn format() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", 48_000)
        .field("channels", 2)
        .build()
}

fn heed_gate(sink: &gst::Element, mouth: Arc<Mouth>) {
    let Some(pad) = sink.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| match mouth.closed.load(Ordering::Acquire) {
        true => LEFT_OUT,
        false => gst::PadProbeReturn::Ok,
    });
}
