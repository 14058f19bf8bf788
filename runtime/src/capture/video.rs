//! The display's picture as H.264, constrained baseline, without B-frames: what every viewer decodes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use tokio::sync::oneshot;
use understudy_core::media::Kind;

use super::encoded::publisher;
use super::{Screen, screen};
use crate::broadcast::Hub;
use crate::gst::{Ended, Error, Pipeline, element};

/// A keyframe comes at least this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(2);

/// By itself the encoder takes as many threads as the node has cores, whatever the pod may use of them: slices that are too small
/// to be cut well, and throttling. Two keep up with any size we take.
const MOST_THREADS: usize = 2;

/// How much the encoder may send ahead of its bitrate. Small, for an even stream.
const VBV_MILLISECONDS: u32 = 600;

/// Captures and encodes until either fails.
pub(super) async fn run(screen: Screen, hub: Hub) -> Result<(), Error> {
    let (pipeline, frames, encoded) = build(&screen, hub.clone())?;
    // It plays once it has a first frame, which the grabber brings.
    pipeline.begin(gst::State::Playing).await?;
    let (grabber, grabbed) = Grabber::start(screen, frames)?;
    let ended = tokio::select! {
        ended = pipeline.ended() => match ended {
            Ended::Error(error) => Err(error),
            Ended::Stream | Ended::Segment => Ok(()),
        },
        why = grabbed => Err(Error::Failed {
            message: why.unwrap_or_else(|_| "the capture thread ended".to_owned()),
            missing: false,
        }),
        () = force_keyframes(&hub, &encoded) => Ok(()),
    };
    drop(grabber);
    ended
}

/// The thread that reads the display. Dropped, it ends.
struct Grabber {
    _stop: Sender<()>,
}

impl Grabber {
    fn start(screen: Screen, frames: gst_app::AppSrc) -> Result<(Self, oneshot::Receiver<String>), Error> {
        let (stop, stopped) = channel();
        let (gone, why) = oneshot::channel();
        let frames = RawFrames::new(frames, &screen)?;
        let grab = move || {
            let ended = screen::grab(&screen, &stopped, |pixels, at| frames.push(pixels, at));
            // Nobody listens any more when it was stopped on purpose.
            drop(gone.send(ended.map_or_else(|error| error.to_string(), |()| "stopped".to_owned())));
        };
        std::thread::Builder::new()
            .name("screen".into())
            .spawn(grab)
            .map_err(|error| Error::Failed { message: error.to_string(), missing: false })?;
        Ok((Self { _stop: stop }, why))
    }
}

/// Where raw frames are put: buffers that are used again.
struct RawFrames {
    source: gst_app::AppSrc,
    pool: gst::BufferPool,
}

impl RawFrames {
    fn new(source: gst_app::AppSrc, screen: &Screen) -> Result<Self, Error> {
        let size = screen.size.width() * screen.size.height() * 4;
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(source.caps().as_ref(), size, 3, 0);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(Self { source, pool })
    }

    /// Hands one frame to the encoder; false once it takes no more.
    fn push(&self, pixels: &File, at: Duration) -> io::Result<bool> {
        let Ok(mut buffer) = self.pool.acquire_buffer(None) else { return Ok(false) };
        let Some(frame) = buffer.get_mut() else { return Ok(false) };
        frame.set_pts(gst::ClockTime::try_from(at).ok());
        let Ok(mut space) = frame.map_writable() else { return Ok(false) };
        pixels.read_exact_at(&mut space, 0)?;
        drop(space);
        Ok(self.source.push_buffer(buffer).is_ok())
    }
}

impl Drop for RawFrames {
    fn drop(&mut self) {
        if let Err(error) = self.pool.set_active(false) {
            tracing::debug!(%error, "the buffer pool did not go down cleanly");
        }
    }
}

async fn force_keyframes(hub: &Hub, encoded: &gst_app::AppSink) {
    let mut requests = hub.keyframe_requests();
    loop {
        requests.next().await;
        let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
        if !encoded.send_event(event) {
            tracing::debug!("the encoder did not take a keyframe request");
        }
    }
}

fn build(screen: &Screen, hub: Hub) -> Result<(Pipeline, gst_app::AppSrc, gst_app::AppSink), Error> {
    let pipeline = Pipeline::new("screen");
    let source = raw_frames(screen);
    let convert = element("videoconvert")?;
    let encoder = encoder(screen)?;
    let caps = gst::Caps::builder("video/x-h264")
        .field("profile", "constrained-baseline")
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).max_buffers(30).build();
    sink.set_callbacks(publisher(hub, Kind::Video, screen.frame_rate.interval()));
    pipeline.chain(&[source.upcast_ref(), &convert, &encoder, sink.upcast_ref()])?;
    Ok((pipeline, source, sink))
}

fn raw_frames(screen: &Screen) -> gst_app::AppSrc {
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "BGRx")
        .field("width", screen.size.width().cast_signed())
        .field("height", screen.size.height().cast_signed())
        .field("framerate", gst::Fraction::new(screen.frame_rate.per_second().cast_signed(), 1))
        .build();
    // A slow encoder loses the oldest frame, never time.
    gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .is_live(true)
        .max_buffers(2)
        .leaky_type(gst_app::AppLeakyType::Downstream)
        .build()
}

fn encoder(screen: &Screen) -> Result<gst::Element, Error> {
    let encoder = element("x264enc")?;
    let frames_between_keys =
        screen.frame_rate.per_second() * u32::try_from(KEYFRAME_INTERVAL.as_secs()).unwrap_or(2);
    encoder.set_property_from_str("tune", "zerolatency");
    encoder.set_property_from_str("speed-preset", "superfast");
    encoder.set_property("bitrate", screen.bitrate.bits_per_second() / 1000);
    encoder.set_property("vbv-buf-capacity", VBV_MILLISECONDS);
    encoder.set_property("key-int-max", frames_between_keys);
    encoder.set_property("bframes", 0_u32);
    // What the cgroup's quota leaves, if there is one.
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
    encoder.set_property("threads", u32::try_from(threads).unwrap_or(1));
    encoder.set_property("aud", false);
    // Scene cuts would make keyframes that nobody asked for.
    encoder.set_property("option-string", "scenecut=0:repeat-headers=1");
    Ok(encoder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broadcast, display};
    use understudy_core::spec::{FrameRate, Resolution};

    /// Less than what a pipeline may take for a change of its state: whoever waits for that in vain is found.
    const SOON: Duration = Duration::from_secs(3);

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_picture_waits_for_nothing_but_a_frame() {
        crate::gst::init().unwrap();
        let home = tempfile::tempdir().unwrap();
        let size = Resolution::parse("size", 320, 240).unwrap();
        let display = display::start(size, None, home.path()).await.unwrap();
        let hub = Hub::new(broadcast::Metrics::default());
        let mut keyframes = hub.keyframes();
        let bitrate = understudy_core::spec::Encoding::default().video;
        let screen = Screen { display: display.name.clone(), size, frame_rate: FrameRate::THIRTY, bitrate };
        let began = std::time::Instant::now();
        let capture = tokio::spawn(run(screen, hub));
        tokio::time::timeout(SOON, keyframes.wait_for(|count| *count > 0)).await.unwrap().unwrap();
        println!("the first picture after {:?}", began.elapsed());
        capture.abort();
    }
}
