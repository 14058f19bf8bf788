//! What comes out of an encoder, as a frame on the shared timeline.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app as gst_app;
use tokio::sync::watch;
use understudy_core::media::{Track, Unit};

use crate::broadcast::Hub;

/// Where what an encoder makes goes.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) hub: Hub,
    /// Sent with each unit: that they come is what shows that a capture is well.
    pub(super) came: watch::Sender<()>,
}

/// A sink that publishes everything it is given, of one kind and with frames of one length.
pub(super) fn publisher(outlet: Outlet, track: Track, duration: Duration) -> gst_app::AppSinkCallbacks {
    let publish = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(frame) = unit(&sample, track, duration) {
            outlet.hub.publish(frame);
            outlet.came.send_replace(());
        }
        Ok(gst::FlowSuccess::Ok)
    };
    gst_app::AppSinkCallbacks::builder().new_sample(publish).build()
}

/// `None` for what has no time, which no encoder of ours emits.
fn unit(sample: &gst::Sample, track: Track, duration: Duration) -> Option<Unit> {
    let buffer = sample.buffer_owned()?;
    // Not the bare timestamp: a video encoder counts from a thousand hours, and its segment says so.
    let pts = sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?)?;
    Some(Unit {
        track,
        pts: pts.into(),
        dts: pts.into(),
        duration,
        key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        payload: Bytes::from_owner(buffer.into_mapped_buffer_readable().ok()?),
    })
}
