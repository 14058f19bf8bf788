//! What goes into a decoder while nobody needs what would come out: nothing. It is counted as perceived, and kept as far as
//! the next picture needs it.

use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;
use understudy_core::input::missed::{Missed, Resumption};

use super::flow::Flow;
use crate::gst::LEFT_OUT;

/// The entry of one decoder.
struct Valve {
    flow: Flow,
    decoder: gst::glib::WeakRef<gst::Element>,
    missed: Mutex<Missed<gst::Buffer>>,
    /// What was missed goes in now, through this same entry.
    catches_up: AtomicBool,
}

/// From now on nothing goes into the decoder while `flow` rests.
pub(super) fn fit(decoder: &gst::Element, flow: &Flow) {
    let Some(pad) = decoder.static_pad("sink") else { return };
    let valve = Valve {
        flow: flow.clone(),
        decoder: decoder.downgrade(),
        missed: Mutex::default(),
        catches_up: AtomicBool::new(false),
    };
    let mask =
        gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(mask, move |pad, probe| {
        match &mut probe.data {
            Some(gst::PadProbeData::Buffer(buffer)) => return valve.pass(pad, buffer),
            Some(gst::PadProbeData::Event(event)) => valve.note(event.type_()),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

impl Valve {
    fn pass(&self, pad: &gst::Pad, buffer: &mut gst::Buffer) -> gst::PadProbeReturn {
        if self.catches_up.load(Ordering::Acquire) {
            return gst::PadProbeReturn::Ok;
        }
        let alone = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if self.rests() {
            self.missed.lock().leave_out(buffer.clone(), buffer.size(), alone);
            self.flow.came_encoded();
            return LEFT_OUT;
        }
        let resumption = self.missed.lock().resume(alone);
        match resumption {
            None => {}
            // Not counted as come: who waits for a picture asks for a whole one, or has the slate.
            Some(Resumption::NotYet) => return LEFT_OUT,
            Some(Resumption::After(missed)) if missed.is_empty() => {
                buffer.make_mut().set_flags(gst::BufferFlags::DISCONT);
            }
            Some(Resumption::After(missed)) => self.catch_up(pad, missed),
        }
        gst::PadProbeReturn::Ok
    }

    fn note(&self, event: gst::EventType) {
        match event {
            // What comes next does not build on what was before.
            gst::EventType::FlushStart | gst::EventType::FlushStop => *self.missed.lock() = Missed::default(),
            // What was left out is of another format than what comes next.
            gst::EventType::Caps => self.missed.lock().lose(),
            _ => {}
        }
    }

    /// A new decoder tells first what will come out, without which nothing can be linked to it.
    fn rests(&self) -> bool {
        let told = || self.decoder.upgrade()?.static_pad("src")?.current_caps();
        self.flow.rests() && told().is_some()
    }

    /// None of it is shown: its time is past.
    fn catch_up(&self, pad: &gst::Pad, missed: Vec<gst::Buffer>) {
        self.catches_up.store(true, Ordering::Release);
        self.flow.catch_up(true);
        for piece in missed {
            // What it does not take any more it will say of the next as well.
            if pad.chain(piece).is_err() {
                break;
            }
        }
        self.flow.catch_up(false);
        self.catches_up.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use gstreamer_app::AppSink;
    use understudy_core::input::rest::Change;

    use super::*;
    use crate::gst::{Pipeline, element};

    /// A film of which each tenth picture can be decoded alone, given picture by picture.
    struct Film {
        pipeline: Pipeline,
        flow: Flow,
        pictures: Vec<gst::Buffer>,
        next: usize,
        shown: AppSink,
    }

    impl Film {
        fn open() -> Self {
            crate::gst::init().unwrap();
            let pictures = encode(40);
            let pipeline = Pipeline::playback("film");
            let flow = Flow::default();
            let caps = gst::Caps::builder("video/x-h264")
                .field("stream-format", "byte-stream")
                .field("alignment", "au")
                .build();
            let entry = gstreamer_app::AppSrc::builder()
                .name("entry")
                .caps(&caps)
                .format(gst::Format::Time)
                .block(true)
                .build();
            let decoder = element("avdec_h264").unwrap();
            decoder.set_property_from_str("thread-type", "slice");
            let shown = AppSink::builder().sync(false).build();
            pipeline.chain(&[entry.upcast_ref(), &decoder, shown.upcast_ref()]).unwrap();
            fit(&decoder, &flow);
            let behind = flow.clone();
            shown.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                if behind.is_past() { LEFT_OUT } else { gst::PadProbeReturn::Ok }
            });
            pipeline.inner.set_state(gst::State::Playing).unwrap();
            Self { pipeline, flow, pictures, next: 0, shown }
        }

        fn give(&mut self, count: usize) {
            let entry = self.pipeline.inner.by_name("entry").and_downcast::<gstreamer_app::AppSrc>().unwrap();
            for picture in &self.pictures[self.next..self.next + count] {
                entry.push_buffer(picture.clone()).unwrap();
            }
            self.next += count;
            // All of it has gone in once there is nothing left and the thread waits for more.
            while entry.current_level_buffers() > 0 {
                std::thread::yield_now();
            }
        }

        /// The numbers of the pictures that come out within a while.
        fn comes_out(&self) -> Vec<u64> {
            let while_ = gst::ClockTime::from_mseconds(300);
            let pull = || self.shown.try_pull_sample(while_)?.buffer()?.pts();
            std::iter::from_fn(pull).map(|at| at.mseconds() / 100).collect()
        }
    }

    /// Each a tenth of a second.
    fn encode(count: usize) -> Vec<gst::Buffer> {
        let pipeline = gst::parse::launch(&format!(
            "videotestsrc num-buffers={count} ! video/x-raw,format=I420,width=64,height=64,framerate=10/1 ! \
             x264enc tune=zerolatency key-int-max=10 option-string=scenecut=0 ! \
             video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false max-buffers=0"
        ))
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let out = pipeline.by_name("out").and_downcast::<AppSink>().unwrap();
        let mut pictures = Vec::new();
        while let Ok(sample) = out.pull_sample() {
            let segment = sample.segment().unwrap().downcast_ref::<gst::ClockTime>().unwrap().clone();
            let mut picture = sample.buffer_owned().unwrap();
            let at = segment.to_running_time(picture.pts().unwrap());
            let picture_mut = picture.make_mut();
            picture_mut.set_pts(at);
            picture_mut.set_dts(at);
            pictures.push(picture);
        }
        pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(pictures.len(), count);
        pictures
    }

    #[test]
    fn what_rests_is_not_decoded_and_goes_on_with_the_next_picture() {
        let mut film = Film::open();
        film.give(5);
        assert_eq!(film.comes_out(), [0, 1, 2, 3, 4]);
        film.flow.rest(Change::Rests);
        film.give(12);
        assert_eq!(film.comes_out(), Vec::<u64>::new());
        assert_ne!(film.flow.perception(), understudy_core::input::watch::Arrival::Nothing);
        film.flow.rest(Change::Wakes);
        film.give(2);
        assert_eq!(film.comes_out(), [17, 18], "though the last that can be decoded alone was picture 10");
    }
}
