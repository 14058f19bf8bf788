//! The display's pixels, read once for all who encode them.
//!
//! A thread reads while there is somebody to read for, as fast as the fastest of them wants; the others are given some of
//! its pictures. Whoever comes makes it begin anew, which brings a picture at once.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use understudy_core::decimation::Decimation;
use understudy_core::spec::{FrameRate, Resolution};

use super::{Screen, screen};
use crate::gst::Error;

/// Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Grab(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    takers: HashMap<u64, Taker>,
    next: u64,
    reader: Option<Reader>,
}

struct Taker {
    of: Of,
    frames: gst_app::AppSrc,
    rate: FrameRate,
    decimation: Decimation,
    gone: oneshot::Sender<String>,
}

/// Which pixels: the display, and how many of it.
#[derive(PartialEq, Eq)]
struct Of(String, Resolution);

/// The thread that reads. Dropped, it ends.
struct Reader {
    /// The number of the taker for whom it began.
    number: u64,
    _stop: Sender<()>,
}

/// Takes pictures until it is dropped.
pub(super) struct Taken {
    grab: Grab,
    number: u64,
    gone: oneshot::Receiver<String>,
}

impl Taken {
    /// Why there are no more pictures.
    pub async fn ended(&mut self) -> Error {
        let message = (&mut self.gone).await.unwrap_or_else(|_| "the capture thread ended".to_owned());
        Error::Failed { message, missing: false }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.grab.0.lock();
        state.takers.remove(&self.number);
        if state.takers.is_empty() {
            state.reader = None;
        }
    }
}

impl Grab {
    /// Raw pictures of the screen, at that rate at most, go to `frames` from now on.
    pub fn take(&self, screen: &Screen, rate: FrameRate, frames: gst_app::AppSrc) -> Result<Taken, Error> {
        let mut state = self.0.lock();
        state.next += 1;
        let number = state.next;
        let (gone, ended) = oneshot::channel();
        let of = Of(screen.display.clone(), screen.size);
        state.leave_to(&of);
        state.takers.insert(number, Taker { of, frames, rate, decimation: Decimation::to(rate), gone });
        let taken = Taken { grab: self.clone(), number, gone: ended };
        let begun = state.begin(self, screen, number);
        drop(state);
        begun.map(|()| taken)
    }

    /// One picture for all of whom it is time; false once the reader is not the one that reads any more.
    fn give(&self, reader: u64, buffer: &gst::Buffer, at: Duration) -> bool {
        let mut state = self.0.lock();
        if state.reader.as_ref().is_none_or(|now| now.number != reader) {
            return false;
        }
        for taker in state.takers.values_mut() {
            if taker.decimation.takes(at) {
                // One that takes no more tells so itself.
                let _ = taker.frames.push_buffer(buffer.clone());
            }
        }
        true
    }

    fn ended(&self, reader: u64, why: &str) {
        let mut state = self.0.lock();
        if state.reader.as_ref().is_some_and(|now| now.number == reader) {
            state.reader = None;
            state.takers.drain().for_each(|(_, taker)| taker.tell(why));
        }
    }
}

impl Taker {
    fn tell(self, why: &str) {
        // One that has gone need not be told.
        drop(self.gone.send(why.to_owned()));
    }
}

impl State {
    /// There is one screen at a time: whoever still takes pictures of another one is told that it is gone.
    fn leave_to(&mut self, of: &Of) {
        let others = self.takers.extract_if(|_, taker| taker.of != *of);
        others.for_each(|(_, taker)| taker.tell("there is another screen"));
    }

    /// Begins to read anew, for all.
    fn begin(&mut self, grab: &Grab, screen: &Screen, number: u64) -> Result<(), Error> {
        self.reader = None;
        let Some(rate) = self.takers.values().map(|taker| taker.rate).max_by_key(|rate| rate.per_second())
        else {
            return Ok(());
        };
        let pool = pool(screen)?;
        let (stop, stopped) = channel();
        let (grab, screen) = (grab.clone(), screen.clone());
        let read = move || {
            let each = |pixels: &File, at| Ok(grab.give(number, &buffer(&pool, pixels, at)?, at));
            let ended = screen::grab(&screen, rate, &stopped, each);
            drop(pool.set_active(false));
            grab.ended(number, &ended.map_or_else(|error| error.to_string(), |()| "stopped".to_owned()));
        };
        std::thread::Builder::new()
            .name("screen".into())
            .spawn(read)
            .map_err(|error| Error::Failed { message: error.to_string(), missing: false })?;
        self.reader = Some(Reader { number, _stop: stop });
        Ok(())
    }
}

/// Buffers that are used again.
fn pool(screen: &Screen) -> Result<gst::BufferPool, Error> {
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    config.set_params(None, screen.size.width() * screen.size.height() * 4, 3, 0);
    pool.set_config(config)?;
    pool.set_active(true)?;
    Ok(pool)
}

fn buffer(pool: &gst::BufferPool, pixels: &File, at: Duration) -> io::Result<gst::Buffer> {
    let mut buffer = pool.acquire_buffer(None).map_err(io::Error::other)?;
    let frame = buffer.get_mut().ok_or_else(|| io::Error::other("a new buffer is shared"))?;
    frame.set_pts(gst::ClockTime::try_from(at).ok());
    let mut space = frame.map_writable().map_err(io::Error::other)?;
    pixels.read_exact_at(&mut space, 0)?;
    drop(space);
    Ok(buffer)
}
