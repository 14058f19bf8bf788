//! Times for pictures that come without any, as those of `multipart/x-mixed-replace` do, which nothing could place in time.

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use super::metrics::Origin;
use crate::gst::Pipeline;

/// For a file that says nothing of its rate either: what cameras write that know no time.
const INTERVAL: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// From now on what comes to `entry` without a time has one: of what is sent as it happens when it came, of what is read
/// ahead one that follows the one before.
pub(super) fn complete(entry: &gst::Element, pipeline: &Pipeline, origin: Origin) {
    let Some(pad) = entry.static_pad("sink") else { return };
    let (pipeline, last) = (pipeline.inner.downgrade(), Mutex::new(None));
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, probe| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut probe.data else { return gst::PadProbeReturn::Ok };
        let mut last = last.lock();
        if buffer.pts().is_none() {
            let now = pipeline.upgrade().filter(|_| origin == Origin::Stream).and_then(|one| elapsed(&one));
            let next = last.map_or(gst::ClockTime::ZERO, |last: gst::ClockTime| match origin {
                Origin::Stream => last + gst::ClockTime::NSECOND,
                _ => last.saturating_add(buffer.duration().unwrap_or_else(|| interval(pad))),
            });
            let running = now.unwrap_or_default().max(next);
            *last = Some(running);
            buffer.make_mut().set_pts(position(pad, running));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Running time now. None: it does not run yet.
fn elapsed(pipeline: &gst::Pipeline) -> Option<gst::ClockTime> {
    let playing = pipeline.current_state() == gst::State::Playing;
    let (clock, base) = pipeline.clock().zip(pipeline.base_time()).filter(|_| playing)?;
    Some(clock.time().saturating_sub(base))
}

fn position(pad: &gst::Pad, running: gst::ClockTime) -> gst::ClockTime {
    let segment = pad.sticky_event::<gst::event::Segment>(0);
    let position = segment
        .and_then(|e| e.segment().downcast_ref::<gst::ClockTime>()?.position_from_running_time(running));
    position.unwrap_or(running)
}

fn interval(pad: &gst::Pad) -> gst::ClockTime {
    let rate = pad.current_caps().and_then(|caps| caps.structure(0)?.get::<gst::Fraction>("framerate").ok());
    rate.filter(|rate| rate.numer() > 0 && rate.denom() > 0).map_or(INTERVAL, |rate| {
        let second = gst::ClockTime::SECOND.nseconds();
        gst::ClockTime::from_nseconds(
            second * u64::from(rate.denom().unsigned_abs()) / u64::from(rate.numer().unsigned_abs()),
        )
    })
}
