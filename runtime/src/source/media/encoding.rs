//! XML in an encoding that does not write ASCII as ASCII, by HTTP: a manifest in it could name what we look for and do not find,
//! above all time sources. Nobody sends one; it is refused.
//!
//! Source: XML 1.0, appendix F (how a parser knows the encoding).

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::gst::LEFT_OUT;

/// A context that is asked for and that nobody has: such a question reaches the pipeline's bus from everywhere, where an
/// error is swallowed by whoever fetches and tries again.
const QUESTION: &str = "understudy.encoding";

/// A declaration is shorter.
const HEAD_BYTES: usize = 1024;

/// In these a name of ASCII is written as it is; so are they in all that begins with the second list.
const PLAIN: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];
const PLAIN_KINDS: [&str; 2] = ["iso-8859-", "windows-125"];

/// Whether this message says that something was refused.
pub(super) fn refused(message: &gst::message::NeedContext) -> bool {
    message.context_type() == QUESTION
}

/// Lets no such XML out of this source.
pub(super) fn refuse_in(source: &gst::Element) {
    let Some(pad) = source.static_pad("src") else { return };
    let (head, source) = (Mutex::new(Vec::new()), source.downgrade());
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(mask, move |_, probe| {
        let mut head = head.lock();
        match &probe.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::StreamStart => {
                head.clear();
            }
            Some(gst::PadProbeData::Buffer(buffer)) if head.len() < HEAD_BYTES => {
                let Ok(bytes) = buffer.map_readable() else { return gst::PadProbeReturn::Ok };
                let room = HEAD_BYTES - head.len();
                head.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            _ => return gst::PadProbeReturn::Ok,
        }
        if !hides_ascii(&head) {
            return gst::PadProbeReturn::Ok;
        }
        if let Some(source) = source.upgrade() {
            // Without a bus there is nobody to be told.
            drop(source.post_message(gst::message::NeedContext::builder(QUESTION).src(&source).build()));
        }
        probe.flow_res = Err(gst::FlowError::Error);
        LEFT_OUT
    });
}

/// Whether it is XML that may write a name of ASCII in other bytes.
fn hides_ascii(head: &[u8]) -> bool {
    is_wide(head) || is_ebcdic(head) || declares_another(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head))
}

/// UTF-16 and UTF-32: with a mark, or as `<?` or `<` is written in them.
fn is_wide(head: &[u8]) -> bool {
    let marked = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    if marked || head.starts_with(b"\0\0\xfe\xff") {
        let text = head.iter().filter(|byte| !matches!(byte, 0 | 0xfe | 0xff) && !byte.is_ascii_whitespace());
        return text.copied().next() == Some(b'<') && head.contains(&0);
    }
    let pairs = [b"<\0?\0", b"\0<\0?"];
    // A box of MP4 of 60 bytes begins like the first of these, and goes on with its name.
    let alone = |four: &[u8]| four.iter().filter(|byte| **byte != 0).count() == 1;
    let quads = head.len() >= 8 && head[..4].contains(&b'<') && alone(&head[..4]) && alone(&head[4..8]);
    quads || pairs.iter().any(|pair| head.starts_with(*pair))
}

/// `<?xm` in it.
fn is_ebcdic(head: &[u8]) -> bool {
    head.starts_with(b"\x4c\x6f\xa7\x94")
}

/// What the XML declaration says, as far as it is there yet.
fn declares_another(head: &[u8]) -> bool {
    let Some(rest) = head.strip_prefix(b"<?xml") else { return false };
    let Some(end) = rest.windows(2).position(|two| two == b"?>") else { return head.len() + 3 >= HEAD_BYTES };
    let declaration = String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase();
    let Some((_, value)) = declaration.split_once("encoding") else { return false };
    let value = value.trim_start().strip_prefix('=').unwrap_or_default().trim_start();
    let name =
        value.strip_prefix(['"', '\'']).and_then(|name| name.split(['"', '\'']).next()).unwrap_or_default();
    !PLAIN.contains(&name) && !PLAIN_KINDS.iter().any(|kind| name.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn utf32(text: &str, bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|char| bytes(char.into())).collect()
    }

    #[test]
    fn xml_in_which_ascii_is_not_ascii_is_known() {
        for text in ["<?xml version='1.0'?>\n<MPD>", "\u{feff}<MPD>", "\u{feff}\n <MPD>"] {
            for wide in [utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)] {
                assert!(hides_ascii(&wide), "{wide:x?}");
            }
            for wide in [utf32(text, u32::to_le_bytes), utf32(text, u32::to_be_bytes)] {
                assert!(hides_ascii(&wide), "{wide:x?}");
            }
        }
        for declared in ["UTF-7", "IBM037", "utf-16", "ISO-2022-KR", ""] {
            let text = format!("<?xml version=\"1.0\" encoding = '{declared}' ?><MPD>");
            assert!(
                hides_ascii(text.as_bytes()) && hides_ascii(format!("\u{feff}{text}").as_bytes()),
                "{text}"
            );
        }
        assert!(hides_ascii(b"\x4c\x6f\xa7\x94\x93\x40"));
        assert!(hides_ascii(format!("<?xml version='1.0' {:HEAD_BYTES$}", "").as_bytes()));
    }

    #[test]
    fn xml_in_ascii_and_media_pass() {
        for text in [
            "",
            "<",
            "<?xml",
            "<MPD encoding='UTF-7'>",
            "<?xml version='1.0'?><MPD encoding='UTF-7'>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?><MPD>",
            "<?xml version='1.0' encoding='ISO-8859-15' standalone='yes'?>",
            "#EXTM3U\n",
        ] {
            assert!(!hides_ascii(text.as_bytes()), "{text}");
        }
        let boxes: [&[u8]; 3] =
            [b"\0\0\0<ftypisom\0\0\x02\0", b"\xff\xfe\x10<\0\x01\0\0", b"\0\0\x01\xba<\0\0\0"];
        for media in boxes {
            assert!(!hides_ascii(media), "{media:x?}");
        }
    }
}
