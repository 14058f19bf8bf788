//! A program: what can be watched and heard under a name, in as many renditions as somebody asks for.
//!
//! ```text
//!   display, inputs, a process … ─> Program ─> ladder of pictures ─> hub, hub … ┐
//!                                          └─> ladder of sounds ───> hub … ─────┴─> ladder of transport streams ─> hub …
//!   names ─> Registry ─> Program
//! ```
//!
//! Nothing runs while nobody needs it. What ran stays warm for a short while, so that a viewer who comes back finds it
//! running.

mod audience;
mod ladder;
mod registry;
mod transport;

pub use audience::{Audience, Present};
pub use ladder::Ladder;
pub use registry::{Found, Registry};

use std::sync::Arc;

use tokio::sync::watch;
use understudy_core::leg::Levels;
use understudy_core::level::Level;
use understudy_core::media::{Kind, VideoCodec};
use understudy_core::rendition::{Audio, Transport, Video};
use understudy_core::spec::Choice;

use crate::broadcast::{Hub, Metrics, Renditions};

/// Clones are the same program. With the last of them all that is encoded for it ends.
#[derive(Clone)]
pub struct Program {
    sides: Arc<Sides>,
    /// Of what a rendition leaves open.
    choice: Choice,
}

struct Sides {
    pictures: Arc<Ladder<Video>>,
    sounds: Arc<Ladder<Audio>>,
    streams: Ladder<Transport>,
    shows: watch::Receiver<bool>,
    /// Of a picture that somebody else encodes; none: it is encoded here.
    coming: Option<watch::Receiver<Option<Levels>>>,
    /// As what a picture comes of which there is no other.
    comes_as: VideoCodec,
}

/// Why there is no such picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it goes out as it comes: there is no other picture of it")]
pub struct Fixed;

impl Program {
    /// `shows`: whether there is anything to be seen.
    pub fn new(pictures: Ladder<Video>, sounds: Ladder<Audio>, shows: watch::Receiver<bool>) -> Self {
        Self::made(pictures, sounds, (shows, None), VideoCodec::H264)
    }

    /// What others encode: a picture that is there as it comes, which is always shown, and of its sound what is made of that. `levels`:
    /// of its H.264, once that is known.
    pub fn coming(picture: Hub, sounds: Ladder<Audio>, levels: watch::Receiver<Option<Levels>>) -> Self {
        Self::made(Ladder::fixed(picture), sounds, (watch::channel(true).1, Some(levels)), VideoCodec::H264)
    }

    fn made(
        pictures: Ladder<Video>,
        sounds: Ladder<Audio>,
        (shows, coming): (watch::Receiver<bool>, Option<watch::Receiver<Option<Levels>>>),
        comes_as: VideoCodec,
    ) -> Self {
        let (pictures, sounds) = (Arc::new(pictures), Arc::new(sounds));
        let streams = streams(Arc::clone(&pictures), Arc::clone(&sounds));
        let sides = Sides { pictures, sounds, streams, shows, coming, comes_as };
        Self { sides: Arc::new(sides), choice: Choice::default() }
    }

    /// The same program, so chosen where a rendition leaves that open.
    #[must_use]
    pub fn at(&self, choice: Choice) -> Self {
        Self { sides: Arc::clone(&self.sides), choice }
    }

    /// What is fixed from outside: two hubs that somebody else fills, whatever is asked for.
    pub fn of(renditions: &Renditions, shows: watch::Receiver<bool>) -> Self {
        let Renditions { video, audio } = renditions.clone();
        Self::new(Ladder::fixed(video), Ladder::fixed(audio), shows)
    }

    /// The same, which is always shown, of a picture of that codec.
    pub fn fixed(Renditions { video, audio }: Renditions, comes_as: VideoCodec) -> Self {
        Self::made(Ladder::fixed(video), Ladder::fixed(audio), (watch::channel(true).1, None), comes_as)
    }

    /// The same, of which there is that picture alone, and none for narrow networks.
    pub fn only(&self, picture: Video) -> Self {
        let renditions = Renditions { video: self.video(picture), audio: self.audio(Audio::default()) };
        Self::of(&renditions, self.sides.shows.clone())
    }

    /// The hub of that rendition of the picture, which is encoded while somebody reads it.
    pub fn video(&self, rendition: Video) -> Hub {
        self.sides.pictures.hub(rendition.or(self.choice))
    }

    /// The same of the sound.
    pub fn audio(&self, rendition: Audio) -> Hub {
        self.sides.sounds.hub(rendition)
    }

    /// Both in one stream, which is muxed while somebody reads it: whole packets, of which a reader's first are tables and a
    /// keyframe.
    pub fn transport(&self, rendition: Transport) -> Hub {
        self.sides.streams.hub(Transport { video: rendition.video.or(self.choice), ..rendition })
    }

    /// Whether its picture is made smaller for whoever needs it so.
    pub fn has_steps(&self) -> bool {
        self.sides.pictures.has_rungs()
    }

    /// What its picture asks of decoders, if others encode it: what everybody takes, until that is known.
    pub fn levels(&self) -> Option<Levels> {
        let coming = self.sides.coming.as_ref()?;
        Some(coming.borrow().unwrap_or(Levels { said: Level::HD, needed: Level::HD }))
    }

    /// Refused if there cannot be such a picture of it.
    pub fn has(&self, rendition: Video) -> Result<(), Fixed> {
        let comes = Video { step: rendition.step, codec: self.sides.comes_as, ..Video::default() };
        if self.is_made_here() || rendition == comes { Ok(()) } else { Err(Fixed) }
    }

    /// As what viewers may be sent its picture, best first.
    pub fn codecs(&self) -> &'static [VideoCodec] {
        match self.sides.comes_as {
            _ if self.is_made_here() => &[VideoCodec::H264, VideoCodec::Vp8],
            VideoCodec::Vp8 => &[VideoCodec::Vp8],
            VideoCodec::H264 | VideoCodec::Mpeg1 => &[VideoCodec::H264],
        }
    }

    fn is_made_here(&self) -> bool {
        self.sides.coming.is_none() && !self.sides.pictures.is_fixed()
    }

    /// How many read its picture, whichever rendition.
    pub fn readers(&self) -> usize {
        self.sides.pictures.readers()
    }

    pub fn shows(&self) -> bool {
        *self.sides.shows.borrow()
    }

    /// Resolves when there is something to be seen; never if there will not be.
    pub(crate) async fn showing(&self) {
        if self.sides.shows.clone().wait_for(|shows| *shows).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether both are the same program, whatever is chosen of it.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.sides, &other.sides)
    }

    /// Whether who reads one of them reads the same as who reads the other.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.is(other) && self.choice == other.choice
    }
}

/// What is muxed was counted when it was encoded; whoever sends it counts what leaves.
fn streams(pictures: Arc<Ladder<Video>>, sounds: Arc<Ladder<Audio>>) -> Ladder<Transport> {
    Ladder::derived(
        || Hub::new(Kind::Video, Metrics::default()),
        move |rendition: Transport, hub| {
            let (picture, sound) = (pictures.hub(rendition.video), sounds.hub(rendition.audio));
            transport::mux(picture, sound, hub)
        },
    )
}
