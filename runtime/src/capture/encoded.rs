//! What comes out of an encoder, as a frame on the shared timeline.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app as gst_app;
use tokio::sync::watch;
use understudy_core::media::{Track, Unit};

use super::passed::Lead;
use crate::broadcast::Hub;

/// Where what an encoder makes goes.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) hub: Hub,
    /// Sent with each unit: that they come is what shows that a capture is well.
    pub(super) came: watch::Sender<()>,
    /// Whether it is the encoder's, and not what comes encoded.
    pub(super) lead: Lead,
}

impl Outlet {
    pub(super) fn new(hub: Hub, came: watch::Sender<()>) -> Self {
        Self { hub, came, lead: Lead::default() }
    }

    pub(super) fn publish(&self, unit: Unit) {
        self.lead.encoded(|| self.hub.publish(unit));
        self.came.send_replace(());
    }

    /// What was not encoded here. False: the encoder has begun.
    pub(super) fn pass(&self, unit: Unit) -> bool {
        let passed = self.lead.passed(|| self.hub.pass(unit));
        if passed {
            self.came.send_replace(());
        }
        passed
    }
}

/// What an encoder makes: units of one kind and of one length.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(crate) track: Track,
    pub(crate) duration: Duration,
    /// By how much what is decoded from a unit is earlier than the encoder says.
    pub(crate) delay: Duration,
}

/// A sink that publishes everything it is given.
pub(super) fn publisher(outlet: Outlet, made: Made) -> gst_app::AppSinkCallbacks {
    let publish = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(frame) = unit(&sample, made) {
            outlet.publish(frame);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    gst_app::AppSinkCallbacks::builder().new_sample(publish).build()
}

/// `None` for what has no time, which no encoder of ours emits.
pub(crate) fn unit(sample: &gst::Sample, made: Made) -> Option<Unit> {
    let buffer = sample.buffer_owned()?;
    // Not the bare timestamp: a video encoder counts from a thousand hours, and its segment says so.
    let pts = sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?)?;
    let pts = Duration::from(pts).saturating_sub(made.delay);
    Some(Unit {
        track: made.track,
        pts,
        dts: pts,
        duration: made.duration,
        key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        payload: Bytes::from_owner(buffer.into_mapped_buffer_readable().ok()?),
    })
}
