//! The time sources that a DASH manifest may name (ISO/IEC 23009-1 §5.8.4.11). GStreamer asks them by itself, some by NTP and
//! so past the guard, as often as the manifest is read again. It shall not see that they are named: our clock is right.
//!
//! The name is found as it stands in ASCII: manifests in an encoding that writes it otherwise do not come so far.

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

const NAME: &[u8] = b"UTCTiming";
/// In the place of the name's last letter: another name of the same length, which means nothing.
const OTHER: u8 = b'-';

/// In whatever this source fetches.
pub(super) fn rename_in(source: &gst::Element) {
    let Some(pad) = source.static_pad("src") else { return };
    let matched = Mutex::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, probe| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut probe.data else { return gst::PadProbeReturn::Ok };
        let ends = buffer.map_readable().map(|bytes| ends(&mut matched.lock(), &bytes)).unwrap_or_default();
        if !ends.is_empty()
            && let Ok(mut bytes) = buffer.make_mut().map_writable()
        {
            ends.into_iter().for_each(|at| bytes[at] = OTHER);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Where the name ends in these bytes, of which so much was matched at the end of those before. Its first letter is
/// nowhere else in it.
fn ends(matched: &mut usize, bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        *matched = if *byte == NAME[*matched] { *matched + 1 } else { usize::from(*byte == NAME[0]) };
        if *matched == NAME.len() {
            *matched = 0;
            ends.push(at);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_wherever_the_bytes_are_cut() {
        let text = b"<MPD><UTUTCTiming a='UTCTimin'/><UTCTiming></UTCTiming>";
        for cut in 0..text.len() {
            let (first, second) = text.split_at(cut);
            let mut matched = 0;
            let mut found = ends(&mut matched, first);
            found.extend(ends(&mut matched, second).iter().map(|at| at + cut));
            assert_eq!(found, [16, 41, 53], "{cut}");
        }
    }
}
