//! Who plays it: GStreamer reads it as a player would that holds nothing back, and libav decodes.

use anyhow::Context;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use understudy_core::spec::Resolution;

use super::sight::Sight;

/// Dropped, it plays no more.
pub struct Player {
    pipeline: gst::Pipeline,
}

impl Player {
    /// Plays what comes of this part of a pipeline, and notes what it sees.
    pub fn start(source: &str, sight: Sight) -> anyhow::Result<Self> {
        let description = format!(
            "{source} ! avdec_h264 thread-type=slice ! video/x-raw,format=I420 ! appsink name=out sync=false"
        );
        let pipeline = gst::parse::launch(&description)?;
        let pipeline = pipeline.downcast::<gst::Pipeline>().ok().context("a description makes a pipeline")?;
        let frames: AppSink = named(&pipeline, "out")?;
        pipeline.set_state(gst::State::Playing)?;
        std::thread::spawn(move || look(&frames, &sight));
        Ok(Self { pipeline })
    }

    /// Where it is given what it plays, if its source is called `in`.
    pub fn input(&self) -> anyhow::Result<AppSrc> {
        named(&self.pipeline, "in")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn named<T: IsA<gst::Element>>(pipeline: &gst::Pipeline, name: &str) -> anyhow::Result<T> {
    let element = pipeline.by_name(name).and_then(|element| element.downcast().ok());
    element.with_context(|| format!("the pipeline has no element {name} of that kind"))
}

fn look(frames: &AppSink, sight: &Sight) {
    let middle = (Resolution::HD.height() / 2 * Resolution::HD.width() + Resolution::HD.width() / 2) as usize;
    while let Ok(sample) = frames.pull_sample() {
        let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else { continue };
        map.get(middle).inspect(|luma| sight.sees(**luma));
    }
}
