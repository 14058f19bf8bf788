//! The picture that the camera shows now: one slot, written by a source, read by the node, or by whoever publishes it without a page.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use understudy_core::media::Kind;
use understudy_core::spec::Resolution;

use crate::broadcast::{Pass, Passage};

/// A cheap handle to the slot.
#[derive(Clone, Debug)]
pub struct Picture(Arc<Slot>);

/// The right to show frames, until the slate or another writer takes it away: what a source still delivers after its
/// end is not seen any more.
#[derive(Clone, Debug)]
pub struct Writer {
    picture: Picture,
    turn: u64,
}

struct Slot {
    size: Resolution,
    current: Mutex<Current>,
    /// Called after each change that is looked at; set while a device is there.
    changed: Mutex<Option<Box<dyn Fn() + Send>>>,
    /// Who looks.
    lookers: Mutex<Lookers>,
    /// Whether anybody does.
    read: watch::Sender<bool>,
    /// Told of each change.
    shown: watch::Sender<()>,
    /// What of it comes encoded.
    passage: Passage,
}

#[derive(Clone, Copy, Debug)]
struct Lookers {
    /// There is a camera, or will be.
    camera: bool,
    /// A page looks through it; until a camera can tell, it is taken that one does.
    pages: bool,
    /// How many look at it without a camera.
    others: usize,
}

/// Somebody looks at the picture, until this is dropped.
#[derive(Debug)]
pub struct Look(Picture);

impl Drop for Look {
    fn drop(&mut self) {
        self.0.looks(|lookers| lookers.others -= 1);
    }
}

impl Lookers {
    const fn any(self) -> bool {
        self.camera && self.pages || self.others > 0
    }
}

struct Current {
    turn: u64,
    frame: Bytes,
}

impl Picture {
    /// Starts with the slate.
    pub fn new(size: Resolution) -> Self {
        Self(Arc::new(Slot {
            size,
            current: Mutex::new(Current { turn: 0, frame: slate(size) }),
            changed: Mutex::new(None),
            lookers: Mutex::new(Lookers { camera: true, pages: true, others: 0 }),
            read: watch::Sender::new(true),
            shown: watch::Sender::default(),
            passage: Passage::new(Kind::Video),
        }))
    }

    pub fn size(&self) -> Resolution {
        self.0.size
    }

    /// A new writer; the one before may show nothing any more.
    pub fn writer(&self) -> Writer {
        let mut current = self.0.current.lock();
        current.turn += 1;
        Writer { picture: self.clone(), turn: current.turn }
    }

    /// Shows what is shown when nothing arrives; no writer may show anything any more.
    pub fn show_slate(&self) {
        {
            let mut current = self.0.current.lock();
            current.turn += 1;
            current.frame = slate(self.0.size);
        }
        self.0.passage.shut();
        self.changed();
    }

    /// The same, in black: paused.
    pub fn show_black(&self) {
        {
            let mut current = self.0.current.lock();
            current.turn += 1;
            current.frame = plain(self.0.size, [16, 128, 128]);
        }
        self.0.passage.shut();
        self.changed();
    }

    /// What the camera shows now.
    pub fn current(&self) -> Bytes {
        self.0.current.lock().frame.clone()
    }

    /// Changes with each picture.
    pub fn shown(&self) -> watch::Receiver<()> {
        self.0.shown.subscribe()
    }

    /// Whether anybody looks. A camera that cannot tell is taken to be looked through.
    pub fn read(&self) -> watch::Receiver<bool> {
        self.0.read.subscribe()
    }

    /// Somebody looks without a camera.
    pub fn look(&self) -> Look {
        self.looks(|lookers| lookers.others += 1);
        Look(self.clone())
    }

    /// Whether there is a camera, or will be.
    pub fn has_camera(&self, camera: bool) {
        self.looks(|lookers| lookers.camera = camera);
    }

    pub(super) fn set_read(&self, read: bool) {
        self.looks(|lookers| lookers.pages = read);
    }

    fn looks(&self, change: impl FnOnce(&mut Lookers)) {
        let mut lookers = self.0.lookers.lock();
        change(&mut lookers);
        let any = lookers.any();
        self.0.read.send_if_modified(|before| std::mem::replace(before, any) != any);
    }

    /// What of it comes encoded.
    pub fn passage(&self) -> &Passage {
        &self.0.passage
    }

    pub(super) fn on_change(&self, changed: Option<Box<dyn Fn() + Send>>) {
        *self.0.changed.lock() = changed;
    }

    fn changed(&self) {
        self.0.shown.send_replace(());
        if !*self.0.read.borrow() {
            return;
        }
        if let Some(changed) = &*self.0.changed.lock() {
            changed();
        }
    }
}

/// Handles of one slot.
impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Picture {}

impl Writer {
    /// Shows the slate between two frames of the same writer.
    pub fn show_slate(&self) {
        let current = self.picture.0.current.lock();
        if current.turn == self.turn {
            self.picture.0.passage.close();
        }
        drop(current);
        self.show(slate(self.picture.0.size));
    }

    /// The way for what it shows, encoded; the slate closes it. None: it may show nothing any more.
    pub fn pass(&self) -> Option<Pass> {
        let current = self.picture.0.current.lock();
        let passage = &self.picture.0.passage;
        (current.turn == self.turn).then(|| passage.turn(passage.right())).flatten()
    }

    /// Shows one tightly packed I420 frame. One of another length, or out of turn, is not shown.
    pub fn show(&self, frame: Bytes) {
        {
            let mut current = self.picture.0.current.lock();
            if current.turn != self.turn || frame.len() != self.picture.0.size.i420_bytes() {
                return;
            }
            current.frame = frame;
        }
        self.picture.changed();
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("size", &self.size).finish_non_exhaustive()
    }
}

/// A quiet dark blue, so that nobody takes it for a broken camera.
fn slate(size: Resolution) -> Bytes {
    plain(size, [36, 142, 122])
}

/// One colour: luma, blue and red difference (BT.601, limited range).
fn plain(size: Resolution, [luma, blue, red]: [u8; 3]) -> Bytes {
    let pixels = (size.width() * size.height()) as usize;
    let mut frame = vec![luma; pixels];
    frame.resize(pixels + pixels / 4, blue);
    frame.resize(size.i420_bytes(), red);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(luma: u8) -> Bytes {
        vec![luma; Resolution::HD.i420_bytes()].into()
    }

    #[test]
    fn a_frame_of_another_size_is_not_shown() {
        let picture = Picture::new(Resolution::HD);
        picture.writer().show(Bytes::from_static(b"short"));
        assert_eq!(picture.current(), slate(Resolution::HD));
    }

    #[test]
    fn what_a_source_delivers_after_its_end_is_not_seen() {
        let picture = Picture::new(Resolution::HD);
        let first = picture.writer();
        first.show(frame(1));
        assert_eq!(picture.current(), frame(1));
        picture.show_slate();
        first.show(frame(2));
        assert_eq!(picture.current(), slate(Resolution::HD));
        let second = picture.writer();
        first.show(frame(3));
        second.show(frame(4));
        assert_eq!(picture.current(), frame(4));
    }

    #[test]
    fn it_is_looked_at_through_a_camera_or_by_whoever_needs_none() {
        let picture = Picture::new(Resolution::HD);
        let read = || *picture.read().borrow();
        assert!(read(), "no camera can tell yet");
        picture.has_camera(false);
        assert!(!read());
        let looks = [picture.look(), picture.look()];
        assert!(read());
        drop(looks);
        assert!(!read());
        picture.has_camera(true);
        picture.set_read(false);
        assert!(!read());
    }

    #[test]
    fn the_slate_fills_a_whole_frame() {
        assert_eq!(slate(Resolution::HD).len(), 1280 * 720 * 3 / 2);
    }
}
