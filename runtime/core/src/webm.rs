//! A VP8 picture and its Opus sound as a WebM stream that never ends, message by message, for pages that play it with Media Source
//! Extensions.
//!
//! The first message is the initialization segment, alone; each after it is one cluster of known size. Each reader has a writer of its
//! own, so that time begins at zero for whoever joins: a page's clock stands still otherwise. Nothing is written before the first
//! keyframe, and where another size comes, another initialization segment does.
//!
//! Why no crate: those that are kept up wrap a muxer in C++ that writes files, and GStreamer's has a timeline and clusters of its own;
//! what is left of the format here is a dozen elements.

mod elements;

use std::time::Duration;

use bytes::Bytes;

use crate::fanout::vp8::{self, Size};
use crate::media::{Kind, Track, Unit, VideoCodec};
use elements::{Block, cluster, initialization};

/// What is heard waits this long for a picture; then it goes without one.
const PATIENCE: Duration = Duration::from_millis(200);
/// What is so far from the picture is not of this call.
const ASTRAY: Duration = Duration::from_secs(30);

/// Writes one stream.
#[derive(Debug)]
pub struct Writer {
    has_picture: bool,
    /// Channels; none: there is no sound.
    sound: Option<u32>,
    state: State,
    /// What is heard after the last picture, in order.
    heard: Vec<Unit>,
    /// Until then what is heard was written: a track that goes back in time begins anew for a page, out of step with the other.
    told: Option<Duration>,
}

#[derive(Debug)]
enum State {
    Nothing,
    Writing {
        /// When time begins.
        origin: Duration,
        size: Option<Size>,
        /// Of the picture that was written last, if there is one.
        seen: Duration,
    },
}

impl Writer {
    /// `sound`: its channels. One that is announced and never comes stops a page's clock.
    pub const fn new(has_picture: bool, sound: Option<u32>) -> Self {
        Self { has_picture, sound, state: State::Nothing, heard: Vec::new(), told: None }
    }

    /// The messages to be written now.
    pub fn push(&mut self, unit: &Unit) -> Vec<Bytes> {
        match unit.track {
            Track::Video { codec: VideoCodec::Vp8, .. } if self.has_picture => self.picture(unit),
            Track::Audio { .. } if self.sound.is_some() => self.hear(unit),
            _ => vec![],
        }
    }

    fn picture(&mut self, unit: &Unit) -> Vec<Bytes> {
        let begins = vp8::keyframe(&unit.payload).filter(|_| unit.key);
        let mut messages = vec![];
        match (&mut self.state, begins) {
            (State::Nothing, None) => return messages,
            (State::Nothing, Some(size)) => {
                self.state = State::Writing { origin: unit.pts, size: Some(size), seen: unit.pts };
                messages.push(self.initialization(Some(size)));
                // What was said before is of what nobody here has seen.
                self.heard.clear();
            }
            (State::Writing { size: before, .. }, Some(size)) if *before != Some(size) => {
                *before = Some(size);
                messages.push(self.initialization(Some(size)));
            }
            (State::Writing { .. }, _) => {}
        }
        let State::Writing { origin, seen, .. } = &mut self.state else { return messages };
        *seen = (*seen).max(unit.pts);
        let (origin, seen) = (*origin, *seen);
        let later = self.heard.partition_point(|heard| heard.pts <= unit.pts);
        self.told = self.heard[..later].last().map(|heard| heard.pts).or(self.told);
        let before = self.heard.drain(..later);
        let blocks: Vec<Block> = before
            .filter(|heard| seen.abs_diff(heard.pts) <= ASTRAY)
            .chain([unit.clone()])
            .filter_map(|unit| Block::new(&unit, origin))
            .collect();
        messages.extend(cluster(&blocks));
        messages
    }

    fn hear(&mut self, unit: &Unit) -> Vec<Bytes> {
        let mut messages = vec![];
        if !self.has_picture && matches!(self.state, State::Nothing) {
            self.state = State::Writing { origin: unit.pts, size: None, seen: unit.pts };
            messages.push(self.initialization(None));
        }
        let State::Writing { origin, .. } = self.state else { return messages };
        if self.told.is_some_and(|told| unit.pts <= told) {
            return messages;
        }
        // Late ones are put where they belong: a cluster is in order.
        let place = self.heard.partition_point(|other| other.pts <= unit.pts);
        self.heard.insert(place, unit.clone());
        let (Some(first), Some(last)) = (self.heard.first(), self.heard.last()) else { return messages };
        if last.pts.saturating_sub(first.pts) >= PATIENCE {
            self.told = Some(last.pts);
            let blocks: Vec<Block> =
                self.heard.drain(..).filter_map(|unit| Block::new(&unit, origin)).collect();
            messages.extend(cluster(&blocks));
        }
        messages
    }

    fn initialization(&self, size: Option<Size>) -> Bytes {
        initialization(size, self.sound)
    }
}

/// On which of a stream's tracks something is.
const fn number(kind: Kind) -> u8 {
    match kind {
        Kind::Video => 1,
        Kind::Audio => 2,
    }
}

#[cfg(test)]
mod tests;
