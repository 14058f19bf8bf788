//! What every GStreamer pipeline here shares: one timeline, elements that name what is missing, an end
//! that is awaited, and state changes with a deadline.

mod call;
pub mod packets;

use std::sync::LazyLock;
use std::time::Duration;

use futures::StreamExt;
use gstreamer as gst;
use gstreamer::prelude::*;

pub use call::{MOST_STUCK, register, stuck, until_calls_end};

/// No state change of a local pipeline takes this long; one that does is stuck in a driver.
const STATE_DEADLINE: Duration = Duration::from_secs(5);

/// Some sources connect while they change their state: longer than they wait for an answer.
const OPEN_DEADLINE: Duration = Duration::from_secs(15);

/// The colours that Chromium takes a camera's picture for (measured): sources of the newer standard, as most in HD, are
/// converted, which costs as much as to decode them.
pub const COLOURS: &str = "bt601";

/// A probe's answer that keeps what it was asked about from going on. Not `Drop`: then the binding frees it, and GStreamer
/// 1.22 once more, which it complains of.
pub const LEFT_OUT: gst::PadProbeReturn = gst::PadProbeReturn::Handled;

/// Zero of the timeline that all captured frames share: the clock's reading when it was first asked.
static EPOCH: LazyLock<(gst::Clock, gst::ClockTime)> = LazyLock::new(|| {
    let clock = gst::SystemClock::obtain();
    let now = clock.time();
    (clock, now)
});

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("GStreamer cannot start: {0}")]
    Init(#[from] gst::glib::Error),
    #[error("GStreamer has no element {0}: its plugin is not installed")]
    Missing(&'static str),
    #[error("the pipeline cannot be put together: {0}")]
    Build(#[from] gst::glib::BoolError),
    #[error("the pipeline does not start: {0}")]
    State(#[from] gst::StateChangeError),
    #[error("the pipeline did not do what it was asked for within {} s", .0.as_secs())]
    Stuck(Duration),
    #[error("there is no thread for the pipeline: {0}")]
    Thread(#[from] std::io::Error),
    #[error("{message}")]
    Failed { message: String, missing: bool },
}

/// How a running pipeline ended.
#[derive(Debug)]
pub enum Ended {
    /// All has been played.
    Stream,
    /// The segment that was asked for has been played.
    Segment,
    Error(Error),
}

/// A pipeline that is taken down when dropped.
#[derive(Debug)]
pub struct Pipeline {
    pub inner: gst::Pipeline,
}

/// Loads GStreamer; harmless when repeated.
pub fn init() -> Result<(), Error> {
    gst::init()?;
    register_types();
    LazyLock::force(&EPOCH);
    Ok(())
}

/// Those of GLib's types that elements which fetch name as their own classes are made. GLib 2.74 takes the lock of classes for a
/// type that has interfaces: while one thread registers it and another waits for that within a class, both stand for good, and
/// after them all that makes an element. Registered before there are others, nobody waits.
fn register_types() {
    gio::Socket::static_type();
    gio::SocketClient::static_type();
    gio::SocketConnection::static_type();
    gio::InetSocketAddress::static_type();
    gio::NetworkAddress::static_type();
    gio::UnixSocketAddress::static_type();
    gio::TlsCertificate::static_type();
    gio::TlsDatabase::static_type();
    gio::TlsInteraction::static_type();
}

/// Time since the epoch of the timeline.
pub fn now() -> Duration {
    let (clock, epoch) = &*EPOCH;
    clock.time().saturating_sub(*epoch).into()
}

/// A reading of the shared clock on the timeline.
pub fn on_timeline(reading: gst::ClockTime) -> Duration {
    reading.saturating_sub(EPOCH.1).into()
}

/// An element of this factory, with properties to be set by the caller.
pub fn element(factory: &'static str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(factory).build().map_err(|_| Error::Missing(factory))
}

impl Pipeline {
    /// An empty pipeline on the shared timeline.
    pub fn new(name: &str) -> Self {
        let inner = gst::Pipeline::with_name(name);
        let (clock, epoch) = &*EPOCH;
        inner.use_clock(Some(clock));
        inner.set_start_time(gst::ClockTime::NONE);
        inner.set_base_time(*epoch);
        Self { inner }
    }

    /// The same for media that starts when it is played, not when it was captured.
    pub fn playback(name: &str) -> Self {
        let inner = gst::Pipeline::with_name(name);
        inner.use_clock(Some(&EPOCH.0));
        Self { inner }
    }

    /// The same for what carries readings of the shared clock as its times.
    pub fn by_the_clock(name: &str) -> Self {
        let inner = gst::Pipeline::with_name(name);
        inner.use_clock(Some(&EPOCH.0));
        inner.set_start_time(gst::ClockTime::NONE);
        inner.set_base_time(gst::ClockTime::ZERO);
        Self { inner }
    }

    /// Adds the elements and links them in their order.
    pub fn chain(&self, elements: &[&gst::Element]) -> Result<(), Error> {
        self.inner.add_many(elements)?;
        gst::Element::link_many(elements)?;
        Ok(())
    }

    /// Brings it to `state` and waits until it is there. For pipelines that come there by themselves: one that waits for a first
    /// buffer from us is begun with [`Self::begin`].
    pub async fn set(&self, state: gst::State) -> Result<(), Error> {
        self.set_within(STATE_DEADLINE, state).await
    }

    async fn set_within(&self, deadline: Duration, state: gst::State) -> Result<(), Error> {
        let pipeline = self.inner.clone();
        let change = move || {
            pipeline.set_state(state)?;
            pipeline.state(gst::ClockTime::try_from(deadline).ok()).0
        };
        match call::within(deadline * 2, change).await? {
            // The deadline passed, and it is still on its way.
            Ok(gst::StateChangeSuccess::Async) => Err(Error::Stuck(deadline)),
            Ok(_) => Ok(()),
            Err(error) => Err(self.posted_error().unwrap_or(Error::State(error))),
        }
    }

    /// Asks for `state`, which it comes to by itself; what goes wrong on the way is told on its bus.
    pub async fn begin(&self, state: gst::State) -> Result<(), Error> {
        let pipeline = self.inner.clone();
        call::within(OPEN_DEADLINE, move || pipeline.set_state(state)).await.map(drop)
    }

    /// Goes to `position`. That waits for threads that stream, and may ask a site for it.
    pub async fn seek(&self, flags: gst::SeekFlags, position: gst::ClockTime) -> Result<(), Error> {
        let pipeline = self.inner.clone();
        Ok(call::within(OPEN_DEADLINE, move || pipeline.seek_simple(flags, position)).await??)
    }

    /// Resolves when it has ended.
    pub async fn ended(&self) -> Ended {
        let Some(bus) = self.inner.bus() else { return Ended::Stream };
        let mut messages = bus.stream();
        while let Some(message) = messages.next().await {
            match message.view() {
                gst::MessageView::Error(error) => return Ended::Error(describe(error)),
                gst::MessageView::Eos(_) => return Ended::Stream,
                gst::MessageView::SegmentDone(_) => return Ended::Segment,
                _ => {}
            }
        }
        Ended::Stream
    }

    /// Does what its messages ask for, and tells what went wrong since the last call. For a pipeline that is looked
    /// after from time to time instead of waited for.
    pub fn look_after(&self) -> Option<Error> {
        let bus = self.inner.bus()?;
        while let Some(message) = bus.pop() {
            match message.view() {
                gst::MessageView::Error(error) => return Some(describe(error)),
                gst::MessageView::Latency(_) => drop(self.inner.recalculate_latency()),
                _ => {}
            }
        }
        None
    }

    /// The state change only says that it failed; the bus says why.
    fn posted_error(&self) -> Option<Error> {
        let message = self.inner.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(describe(error)),
            _ => None,
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let down = Down(self.inner.clone());
        // Going down may block on a stuck device: it shall not block whoever drops. A runtime that ends runs nothing any
        // more and drops what it was given, which goes down all the same.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move { drop(call::within(OPEN_DEADLINE, move || drop(down)).await) }));
        }
    }
}

/// Brings the pipeline down when it is dropped: one that is let go while it plays goes on with what is freed.
struct Down(gst::Pipeline);

impl Drop for Down {
    fn drop(&mut self) {
        if let Err(error) = self.0.set_state(gst::State::Null) {
            tracing::debug!(%error, "a pipeline did not go down cleanly");
        }
    }
}

fn describe(error: &gst::message::Error) -> Error {
    let source = error.src().map(|s| s.name().to_string()).unwrap_or_default();
    let missing = error.error().matches(gst::ResourceError::NotFound);
    tracing::debug!(source, debug = ?error.debug(), error = %error.error(), "pipeline error");
    Error::Failed { message: error.error().to_string(), missing }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// By itself it is the first that makes them known; beside other tests another may have.
    #[test]
    fn types_that_have_interfaces_are_known_before_an_element_is_made_that_names_them() {
        init().unwrap();
        for name in ["GSocketAddress", "GSocket", "GSocketClient", "GTlsCertificate"] {
            assert!(gst::glib::Type::from_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_a_probe_leaves_out_is_no_complaint() {
        init().unwrap();
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let heard = complaints.clone();
        let level = gst::glib::LogLevels::LEVEL_CRITICAL;
        let handler =
            gst::glib::log_set_handler(Some("GStreamer"), level, false, false, move |_, _, text| {
                heard.lock().push(text.to_owned());
            });
        let pipeline = Pipeline::new("left-out");
        let (source, sink) = (element("fakesrc").unwrap(), element("fakesink").unwrap());
        source.set_property("num-buffers", 3);
        pipeline.chain(&[&source, &sink]).unwrap();
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        let (left, ended) = std::sync::mpsc::channel();
        sink.static_pad("sink").unwrap().add_probe(mask, move |_, probed| {
            let end = probed.event().is_some_and(|event| event.type_() == gst::EventType::Eos);
            if !end && probed.buffer().is_none() {
                return gst::PadProbeReturn::Ok;
            }
            left.send(end).unwrap();
            LEFT_OUT
        });
        pipeline.inner.set_state(gst::State::Playing).unwrap();
        let asked: Vec<_> = (0..4).map(|_| ended.recv_timeout(STATE_DEADLINE).unwrap()).collect();
        drop(pipeline);
        gst::glib::log_remove_handler(Some("GStreamer"), handler);
        assert_eq!(asked, [false, false, false, true]);
        assert!(complaints.lock().is_empty(), "{complaints:?}");
    }

    #[tokio::test]
    async fn a_pipeline_that_does_not_come_to_its_state_is_no_success() {
        init().unwrap();
        let pipeline = Pipeline::new("hungry");
        pipeline.chain(&[&element("appsrc").unwrap(), &element("fakesink").unwrap()]).unwrap();
        let set = pipeline.set_within(Duration::from_millis(100), gst::State::Playing).await;
        assert!(matches!(set, Err(Error::Stuck(_))));
    }

    #[test]
    fn a_pipeline_that_is_let_go_as_the_runtime_ends_goes_down() {
        init().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let pipeline = Pipeline::new("let-go");
        let source = element("fakesrc").unwrap();
        pipeline.chain(&[&source, &element("fakesink").unwrap()]).unwrap();
        pipeline.inner.set_state(gst::State::Playing).unwrap();
        runtime.spawn(async move {
            let _held = pipeline;
            std::future::pending::<()>().await;
        });
        drop(runtime);
        assert_eq!(source.current_state(), gst::State::Null);
    }
}
