//! DASH manifests as such: GStreamer 1.22 takes one that comes over HTTP for any XML if its first tag is a long one, as that
//! of every live manifest of ffmpeg's. And the other kind of a radio's playlist (`[playlist]`), which it takes for nothing.

use gstreamer as gst;

/// As GStreamer calls the kind that it knows (`#EXTM3U` without parts).
pub(super) const ADDRESSES: &str = "text/uri-list";
const LIST_HEAD: &[u8] = b"[playlist]";
const DASH: &str = "application/dash+xml";
/// What may stand before the first tag: a declaration, and a comment.
const LONGEST_HEAD: u32 = 1024;
const STEP: u32 = 64;

/// To be called once: from then on a manifest is known by its first tag (ISO/IEC 23009-1 §5.2.2).
pub(super) fn recognise() {
    let caps = gst::Caps::new_empty_simple(DASH);
    let suggested = caps.clone();
    let look = move |data: &mut gst::TypeFind| {
        // It may be shorter than what is asked for.
        let head = (1..=LONGEST_HEAD / STEP).rev().find_map(|n| data.peek(0, n * STEP).map(is_manifest));
        if head == Some(true) {
            data.suggest(gst::TypeFindProbability::Maximum, &suggested);
        }
    };
    let rank = gst::Rank::PRIMARY + 1;
    gst::TypeFind::register(None, "dash-manifest", rank, Some("mpd"), Some(&caps), look)
        .expect("a name of our own must be free");
    let caps = gst::Caps::new_empty_simple(ADDRESSES);
    let suggested = caps.clone();
    let look = move |data: &mut gst::TypeFind| {
        let length = u32::try_from(LIST_HEAD.len()).unwrap_or_default();
        if data.peek(0, length).is_some_and(|head| head.eq_ignore_ascii_case(LIST_HEAD)) {
            data.suggest(gst::TypeFindProbability::Maximum, &suggested);
        }
    };
    gst::TypeFind::register(None, "radio-playlist", rank, Some("pls"), Some(&caps), look)
        .expect("a name of our own must be free");
}

fn is_manifest(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    text.starts_with(b"<")
        && text.windows(5).any(|word| word.starts_with(b"<MPD") && word[4].is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_known_by_its_first_tag() {
        for manifest in [
            "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'>",
            "\u{feff}<?xml version='1.0'?>\n<MPD\r\n type='dynamic'>",
        ] {
            assert!(is_manifest(manifest.as_bytes()), "{manifest}");
        }
        for other in ["", "<?xml version='1.0'?><html>", "text about <MPD >", "<MPDX >"] {
            assert!(!is_manifest(other.as_bytes()), "{other}");
        }
    }
}
