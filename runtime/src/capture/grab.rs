//! The pixels of a display or a camera, read once for all who encode them.
//!
//! A display is read by a thread, a camera's picture as it changes, while there is somebody to read for, as fast as the fastest who is
//! there wants; the others are given some of its pictures. Whoever comes makes it begin anew, which brings a picture at once.

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
use tokio_util::task::AbortOnDropHandle;
use understudy_core::decimation::Decimation;
use understudy_core::spec::{FrameRate, Resolution};

use super::{Screen, View, screen};
use crate::camera::Picture;
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
    gone: oneshot::Sender<Gone>,
}

/// Why there are no more pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Gone {
    /// They are of another screen now.
    Replaced,
    Failed(String),
}

/// Which pixels: whose, and how many of it.
#[derive(PartialEq, Eq)]
struct Of(View, Resolution);

/// What reads. Dropped, it ends.
struct Reader {
    /// The number of the taker for whom it began.
    number: u64,
    _stop: Stop,
}

enum Stop {
    Thread { _tell: Sender<()> },
    Task { _abort: AbortOnDropHandle<()> },
}

/// Takes pictures until it is dropped.
pub(super) struct Taken {
    grab: Grab,
    number: u64,
    gone: oneshot::Receiver<Gone>,
}

impl Taken {
    /// Resolves when there are no more pictures; that they are of another screen now is no failure.
    pub async fn ended(&mut self) -> Result<(), Error> {
        match (&mut self.gone).await {
            Ok(Gone::Replaced) => Ok(()),
            Ok(Gone::Failed(message)) => Err(failed(message)),
            Err(_) => Err(failed("the capture thread ended".to_owned())),
        }
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
        let of = Of(screen.view.clone(), screen.size);
        state.leave_to(&of);
        state.takers.insert(number, Taker { of, frames, rate, decimation: Decimation::to(rate), gone });
        let taken = Taken { grab: self.clone(), number, gone: ended };
        let begun = state.begin(self, screen, number);
        // Before what was taken is dropped, which takes the lock.
        drop(state);
        begun.map(|()| taken)
    }

    /// One picture for all of whom it is time, and how fast the next are wanted; none once the reader is not the one that reads any
    /// more.
    fn give(&self, reader: u64, buffer: &gst::Buffer, at: Duration) -> Option<FrameRate> {
        let mut state = self.0.lock();
        state.reader.as_ref().filter(|now| now.number == reader)?;
        for taker in state.takers.values_mut() {
            if taker.decimation.takes(at) {
                // One that takes no more tells so itself.
                let _ = taker.frames.push_buffer(buffer.clone());
            }
        }
        state.rate()
    }

    fn ended(&self, reader: u64, why: &str) {
        let mut state = self.0.lock();
        if state.reader.as_ref().is_some_and(|now| now.number == reader) {
            state.fail(why);
        }
    }
}

impl Taker {
    fn tell(self, why: Gone) {
        // One that has gone need not be told.
        drop(self.gone.send(why));
    }
}

impl State {
    /// There is one screen at a time: whoever still takes pictures of another one is told that it is gone.
    fn leave_to(&mut self, of: &Of) {
        let others = self.takers.extract_if(|_, taker| taker.of != *of);
        others.for_each(|(_, taker)| taker.tell(Gone::Replaced));
    }

    /// As fast as the fastest wants.
    fn rate(&self) -> Option<FrameRate> {
        self.takers.values().map(|taker| taker.rate).max_by_key(|rate| rate.per_second())
    }

    /// Nothing is read any more, which all hear.
    fn fail(&mut self, why: &str) {
        self.reader = None;
        self.takers.drain().for_each(|(_, taker)| taker.tell(Gone::Failed(why.to_owned())));
    }

    /// Begins to read anew, for all.
    fn begin(&mut self, grab: &Grab, screen: &Screen, number: u64) -> Result<(), Error> {
        self.reader = None;
        let Some(rate) = self.rate() else { return Ok(()) };
        self.settle(read(grab, screen, rate, number))
    }

    /// The one before has ended: if there is none, nobody is given pictures any more.
    fn settle(&mut self, begun: Result<Reader, Error>) -> Result<(), Error> {
        match begun {
            Ok(reader) => {
                self.reader = Some(reader);
                Ok(())
            }
            Err(error) => {
                self.fail(&error.to_string());
                Err(error)
            }
        }
    }
}

fn read(grab: &Grab, screen: &Screen, rate: FrameRate, number: u64) -> Result<Reader, Error> {
    match &screen.view {
        View::Display(display) => read_display(grab, display.clone(), screen, rate, number),
        View::Camera(picture) => {
            let task = tokio::spawn(look(grab.clone(), picture.clone(), number));
            Ok(Reader { number, _stop: Stop::Task { _abort: AbortOnDropHandle::new(task) } })
        }
    }
}

/// One picture after the other as they are shown; one that does not change is given now and then all the same: readers count on
/// frames.
async fn look(grab: Grab, picture: Picture, number: u64) {
    let (_looks, mut shown) = (picture.look(), picture.shown());
    loop {
        shown.mark_unchanged();
        let at = crate::gst::now();
        let mut buffer = gst::Buffer::from_slice(picture.current());
        // It is new, and nobody else's yet.
        if let Some(frame) = buffer.get_mut() {
            frame.set_pts(gst::ClockTime::try_from(at).ok());
        }
        let Some(rate) = grab.give(number, &buffer, at) else { return };
        // Its slot lives as long as this handle of it.
        drop(tokio::time::timeout(rate.interval() * 3 / 2, shown.changed()).await);
    }
}

fn read_display(
    grab: &Grab,
    display: String,
    screen: &Screen,
    rate: FrameRate,
    number: u64,
) -> Result<Reader, Error> {
    let pool = pool(screen)?;
    let (stop, stopped) = channel();
    let (grab, size) = (grab.clone(), screen.size);
    let read = move || {
        let each = |pixels: &File, at| Ok(grab.give(number, &buffer(&pool, pixels, at)?, at));
        let ended = screen::grab(&display, size, rate, &stopped, each);
        drop(pool.set_active(false));
        grab.ended(number, &ended.map_or_else(|error| error.to_string(), |()| "stopped".to_owned()));
    };
    std::thread::Builder::new().name("screen".into()).spawn(read)?;
    Ok(Reader { number, _stop: Stop::Thread { _tell: stop } })
}

const fn failed(message: String) -> Error {
    Error::Failed { message, missing: false }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A taker of that screen and rate, known by its number, and what it is told.
    fn join(state: &mut State, number: u64, display: &str, rate: u32) -> oneshot::Receiver<Gone> {
        crate::gst::init().unwrap();
        let rate = FrameRate::parse("rate", rate).unwrap();
        let (gone, told) = oneshot::channel();
        let (frames, decimation) = (gst_app::AppSrc::builder().build(), Decimation::to(rate));
        let of = Of(View::Display(display.to_owned()), Resolution::HD);
        state.takers.insert(number, Taker { of, frames, rate, decimation, gone });
        told
    }

    fn reader(number: u64) -> Reader {
        Reader { number, _stop: Stop::Thread { _tell: channel().0 } }
    }

    #[test]
    fn it_is_read_as_fast_as_the_fastest_who_is_left_wants() {
        let grab = Grab::default();
        let mut state = grab.0.lock();
        let _told = [join(&mut state, 1, ":7", 60), join(&mut state, 2, ":7", 10)];
        state.reader = Some(reader(2));
        drop(state);
        let wanted = || grab.give(2, &gst::Buffer::new(), Duration::ZERO).map(FrameRate::per_second);
        assert_eq!(wanted(), Some(60));
        drop(Taken { grab: grab.clone(), number: 1, gone: oneshot::channel().1 });
        assert_eq!(wanted(), Some(10));
        drop(Taken { grab: grab.clone(), number: 2, gone: oneshot::channel().1 });
        assert_eq!(wanted(), None, "nobody is left");
    }

    #[test]
    fn all_hear_that_it_cannot_be_read_for_the_one_who_came() {
        let mut state = State::default();
        let told = [join(&mut state, 1, ":7", 30), join(&mut state, 2, ":7", 30)];
        state.settle(Err(failed("no memory".to_owned()))).unwrap_err();
        for mut told in told {
            assert_eq!(told.try_recv(), Ok(Gone::Failed("no memory".to_owned())));
        }
        assert!(state.takers.is_empty() && state.reader.is_none());
    }

    #[tokio::test]
    async fn pictures_of_another_screen_are_no_failure_to_who_took_the_one_before() {
        let mut state = State::default();
        let gone = join(&mut state, 1, ":7", 30);
        state.leave_to(&Of(View::Display(":8".to_owned()), Resolution::HD));
        Taken { grab: Grab::default(), number: 1, gone }.ended().await.unwrap();
    }
}
