//! When a stream's sound is played. Its jitter buffer draws a line through the arrivals, which it moves by and by: of a sender
//! that is faster than real time, as ffmpeg is until it has made up for its start, the line is behind what comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Where a packet has its timestamp (RFC 3550 §5.1).
const TIMESTAMP: std::ops::Range<usize> = 4..8;

/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Playout(Arc<Reading>);

#[derive(Debug, Default)]
struct Reading {
    last: Mutex<Option<Played>>,
    hold_nanoseconds: AtomicU64,
}

/// A piece of sound, and when it comes by its line, without what all of them are held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Played {
    pub timestamp: u32,
    pub at: Instant,
}

impl Playout {
    /// Of what comes out of that jitter buffer.
    pub fn watch(&self, jitter_buffer: &gst::Element) {
        let Some(pad) = jitter_buffer.static_pad("src") else { return };
        let (playout, buffer) = (self.clone(), jitter_buffer.downgrade());
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, probe| {
            if let (Some(packet), Some(buffer)) = (probe.buffer(), buffer.upgrade())
                && let Some(played) = playout.read(packet, &buffer)
            {
                *playout.0.last.lock() = Some(played);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// From now on times have this in them.
    pub fn hold(&self, hold: Duration) {
        let nanoseconds = u64::try_from(hold.as_nanos()).unwrap_or(u64::MAX);
        self.0.hold_nanoseconds.store(nanoseconds, Ordering::Relaxed);
    }

    /// The last that came out.
    pub fn last(&self) -> Option<Played> {
        *self.0.last.lock()
    }

    fn read(&self, packet: &gst::BufferRef, buffer: &gst::Element) -> Option<Played> {
        let timestamp =
            packet.map_readable().ok()?.get(TIMESTAMP)?.try_into().ok().map(u32::from_be_bytes)?;
        let hold = gst::ClockTime::from_nseconds(self.0.hold_nanoseconds.load(Ordering::Relaxed));
        let (line, running) = (packet.pts()?.saturating_sub(hold), buffer.current_running_time()?);
        let now = Instant::now();
        let at = match running.checked_sub(line) {
            Some(age) => now.checked_sub(age.into())?,
            None => now + Duration::from(line - running),
        };
        Some(Played { timestamp, at })
    }
}
