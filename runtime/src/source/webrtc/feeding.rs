//! The pictures of a stream, still encoded, for the feed: one message each.

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use understudy_core::ivf;
use understudy_core::offer::Encoding;

use crate::feed::{Feed, Format, Turn};

/// Feeds whatever comes out of `element`, for as long as it is there. Not what goes into a decoder, which after a rest is given
/// once more what it has missed.
pub(super) fn tap(element: &gst::Element, encoding: Encoding, feed: Feed) {
    let (Some(pad), Some(fourcc)) = (element.static_pad("src"), ivf::fourcc(encoding)) else { return };
    let mut feeding = Feeding { feed, fourcc, current: None };
    let probed =
        parking_lot::Mutex::new(move |pad: &gst::Pad, buffer: &gst::Buffer| feeding.pass(pad, buffer));
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, probe| {
        if let Some(buffer) = probe.buffer() {
            (probed.lock())(pad, buffer);
        }
        gst::PadProbeReturn::Ok
    });
}

struct Feeding {
    feed: Feed,
    fourcc: [u8; 4],
    current: Option<(ivf::Header, Turn)>,
}

impl Feeding {
    fn pass(&mut self, pad: &gst::Pad, buffer: &gst::Buffer) {
        let Ok(mapped) = buffer.map_readable() else { return };
        let milliseconds = buffer.pts().map_or(0, gst::ClockTime::mseconds);
        let frame = Bytes::from(ivf::frame(&mapped, milliseconds));
        self.turn(size(pad)).send(&frame);
    }

    /// Begins with the first frame, and again when the size changes.
    fn turn(&mut self, (width, height): (u16, u16)) -> &Turn {
        let header = ivf::Header { fourcc: self.fourcc, width, height };
        let current = self.current.take().filter(|(before, _)| *before == header).unwrap_or_else(|| {
            let bytes = Bytes::copy_from_slice(&header.to_bytes());
            (header, self.feed.begin(Format::Ivf { header: bytes }))
        });
        &self.current.insert(current).1
    }
}

/// As the stream itself says; zero if it does not.
fn size(pad: &gst::Pad) -> (u16, u16) {
    let caps = pad.current_caps();
    let field = |name| {
        let value = caps.as_ref()?.structure(0)?.get::<i32>(name).ok()?;
        u16::try_from(value).ok()
    };
    (field("width").unwrap_or_default(), field("height").unwrap_or_default())
}
