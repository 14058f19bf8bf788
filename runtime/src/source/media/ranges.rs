//! Sites that do not serve ranges of a file (RFC 9110 §14.3). `souphttpsrc` takes whatever has a length for something that
//! it can seek in, and a demuxer that believes it, as Ogg's, fails for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

/// What is fetched at the moment, as far as its site has answered. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    /// Nobody said that there are any.
    missing: Arc<AtomicBool>,
    /// Without them it is played in no case: whoever may have them shall try.
    needed: Arc<AtomicBool>,
    /// A playlist names the parts to go to.
    parts: Arc<AtomicBool>,
}

impl Ranges {
    /// The index of MP4 may stand behind its media.
    pub(super) fn need(&self) {
        self.needed.store(true, Ordering::Release);
    }

    /// It is fetched by whole parts.
    pub(super) fn of_parts(&self) {
        self.parts.store(true, Ordering::Release);
    }

    pub(super) fn are_of_parts(&self) -> bool {
        self.parts.load(Ordering::Acquire)
    }

    /// Whether any place can be fetched, as far as is known.
    pub(super) fn served(&self) -> bool {
        self.are_of_parts() || !self.missing.load(Ordering::Acquire)
    }

    /// Answers for this source that it cannot seek when its site cannot.
    pub(super) fn heed(&self, source: &gst::Element) {
        let Some(pad) = source.static_pad("src") else { return };
        let ranges = self.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, probe| {
            if let Some(offered) = probe.event().and_then(|event| offered(event.structure()?)) {
                ranges.missing.store(!offered, Ordering::Release);
            }
            gst::PadProbeReturn::Ok
        });
        let ranges = self.clone();
        pad.add_probe(gst::PadProbeType::QUERY_UPSTREAM, move |_, probe| {
            match probe.query_mut().is_some_and(|query| ranges.refuse(query)) {
                true => gst::PadProbeReturn::Handled,
                false => gst::PadProbeReturn::Ok,
            }
        });
    }

    fn refuse(&self, query: &mut gst::QueryRef) -> bool {
        let stays = self.missing.load(Ordering::Acquire) && !self.needed.load(Ordering::Acquire);
        let gst::QueryViewMut::Seeking(seeking) = query.view_mut() else { return false };
        if stays {
            let format = seeking.format();
            seeking.set(
                false,
                gst::GenericFormattedValue::none_for_format(format),
                gst::GenericFormattedValue::none_for_format(format),
            );
        }
        stays
    }
}

/// Whether an answer of HTTP offers ranges, or is one; none: this tells of something else.
fn offered(event: &gst::StructureRef) -> Option<bool> {
    let headers =
        (event.name() == "http-headers").then(|| event.get::<gst::Structure>("response-headers"))?.ok()?;
    let offers = |name: &str, value: &gst::glib::SendValue| match name.to_ascii_lowercase().as_str() {
        "accept-ranges" => value.get::<&str>().is_ok_and(|ranges| ranges.eq_ignore_ascii_case("bytes")),
        "content-range" => true,
        _ => false,
    };
    Some(headers.iter().any(|(name, value)| offers(name, value)))
}
