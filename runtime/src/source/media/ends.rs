//! Where what a decoder finds is linked to: a branch for each kind that is wanted, with the way past it in front of what can go out as it
//! comes.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;
use understudy_core::media::Kind;

use crate::gst::{Error, Pipeline};
use crate::source::passed::{self, Head, Passes};
use crate::source::shape::Branch;

/// What an element's message is called by which it tells that a kind is not there.
pub(super) const LACKS: &str = "understudy.lacks";

pub(super) struct Ends {
    video: Option<End>,
    audio: Option<End>,
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    passes: Passes,
    /// By how much all is shown later, in nanoseconds.
    delay: AtomicI64,
}

pub(super) struct End {
    pub(super) kind: Kind,
    pub(super) branch: Branch,
    linked: AtomicBool,
    /// It is not there, and its branch is not either.
    absent: AtomicBool,
    /// What is in front of its branch, if it comes as it goes out.
    head: Mutex<Option<Head>>,
}

impl End {
    fn new(branch: Branch, kind: Kind) -> Self {
        let [linked, absent] = [const { AtomicBool::new(false) }; 2];
        Self { kind, branch, linked, absent, head: Mutex::default() }
    }

    pub(super) fn is_passed(&self) -> bool {
        self.head.lock().is_some()
    }
}

impl Ends {
    pub(super) fn new(
        pipeline: &Pipeline,
        video: Option<Branch>,
        audio: Option<Branch>,
        passes: Passes,
    ) -> Self {
        Self {
            video: video.map(|branch| End::new(branch, Kind::Video)),
            audio: audio.map(|branch| End::new(branch, Kind::Audio)),
            pipeline: pipeline.inner.downgrade(),
            passes,
            delay: AtomicI64::new(0),
        }
    }

    /// Those that are there, or may come to be.
    pub(super) fn all(&self) -> impl Iterator<Item = &End> {
        self.video.iter().chain(&self.audio).filter(|end| !end.absent.load(Ordering::Acquire))
    }

    /// From now on everything is shown so many nanoseconds later.
    pub(super) fn delay(&self, more: i64) {
        let all = self.delay.fetch_add(more, Ordering::AcqRel).saturating_add(more);
        for end in self.all() {
            if let Some(pad) = end.branch.entry.static_pad("src") {
                pad.set_offset(all);
            }
            if let Some(head) = &*end.head.lock() {
                head.delay(all);
            }
        }
    }

    /// The free place that such a stream is linked to. None: its kind is not wanted, or has one.
    fn place(&self, caps: &gst::CapsRef) -> Option<Result<(&End, gst::Pad), Error>> {
        let end = match caps.structure(0)?.name().split('/').next()? {
            "video" => self.video.as_ref()?,
            "audio" => self.audio.as_ref()?,
            _ => return None,
        };
        let mut head = end.head.lock();
        let entry = end.branch.entry.static_pad("sink")?;
        match (&*head, passed::kind(caps)) {
            // Streams may follow each other: of the same kind, or one that had to be decoded.
            (Some(head), Some(_)) => head.free().map(|pad| Ok((end, pad))),
            (Some(head), None) => head.leave(&end.branch).then_some(Ok((end, entry))),
            (None, None) => (!entry.is_linked()).then_some(Ok((end, entry))),
            (None, Some(kind)) if !entry.is_linked() => {
                let pipeline = self.pipeline.upgrade()?;
                let split = self.passes.split(kind, &pipeline, &end.branch);
                Some(split.map(|split| {
                    split.delay(self.delay.load(Ordering::Acquire));
                    let pad = split.pad();
                    *head = Some(split);
                    (end, pad)
                }))
            }
            (None, Some(_)) => None,
        }
    }
}

/// The first stream of a kind is taken, others are left.
pub(super) fn link(ends: &Weak<Ends>, decoder: &gst::Element, pad: &gst::Pad) {
    let Some(ends) = ends.upgrade() else { return };
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    match ends.place(&caps) {
        None => {}
        Some(Ok((end, target))) => match pad.link(&target) {
            Ok(_) => end.linked.store(true, Ordering::Release),
            Err(error) => tracing::debug!(%error, %caps, "a stream cannot be linked"),
        },
        Some(Err(error)) => {
            gst::element_error!(decoder, gst::CoreError::Failed, ("it cannot be passed on: {}", error));
        }
    }
}

/// All streams are known. What is there plays without what is not: that is told. Nothing at all is an error, not a wait.
pub(super) fn complain(decoder: &gst::Element, ends: &Weak<Ends>) {
    let Some(ends) = ends.upgrade() else { return };
    let any = ends.all().any(|end| end.linked.load(Ordering::Acquire));
    for end in ends.all().filter(|end| !end.linked.load(Ordering::Acquire)) {
        let what = end.kind.word();
        if !any {
            gst::element_error!(decoder, gst::StreamError::WrongType, ("it has no {}", what));
            continue;
        }
        end.absent.store(true, Ordering::Release);
        end.branch.leave();
        let lacks = gst::Structure::builder(LACKS).field("what", what).build();
        // Without a bus there is nobody to be told.
        drop(decoder.post_message(gst::message::Element::builder(lacks).src(decoder).build()));
    }
}
