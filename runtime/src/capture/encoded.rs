//! What comes out of an encoder, as a frame on the shared timeline.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app as gst_app;
use understudy_core::media::{Frame, Kind};

use crate::broadcast::Hub;

/// A sink that publishes everything it is given, of one kind and with frames of one length.
pub(super) fn publisher(hub: Hub, kind: Kind, duration: Duration) -> gst_app::AppSinkCallbacks {
    let publish = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(frame) = frame(&sample, kind, duration) {
            hub.publish(frame);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    gst_app::AppSinkCallbacks::builder().new_sample(publish).build()
}

/// `None` for what has no time, which no encoder of ours emits.
fn frame(sample: &gst::Sample, kind: Kind, duration: Duration) -> Option<Frame> {
    let buffer = sample.buffer_owned()?;
    // Not the bare timestamp: a video encoder counts from a thousand hours, and its segment says so.
    let captured_at = sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?)?;
    Some(Frame {
        kind,
        captured_at: captured_at.into(),
        duration,
        keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        payload: Bytes::from_owner(buffer.into_mapped_buffer_readable().ok()?),
    })
}
