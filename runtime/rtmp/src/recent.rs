//! The latest of one stream, for all who are sent it: since the last keyframe, and long enough for those who are a little behind.
//!
//! Each reader is a [`Cursor`], and costs no more than that. It begins at a keyframe, with what a decoder has to know; so does it
//! after it fell behind. What was before the newest picture it is given as fast as it can be decoded: a joiner has a picture at
//! once, and is not behind the others. Its timestamps begin at 0.

use std::collections::VecDeque;

use crate::flv::{FourCc, Kind, Media, SEVERAL, Sort, inspect};

/// Whoever is further behind goes on at the next keyframe: longer than a packet that TCP has to send again takes to arrive over
/// a poor network, and shorter than what a viewer would call a delay.
pub const LATE_MILLISECONDS: u32 = 1000;

/// For so long what is before a reader's 0 is late, and later it is a time that wrapped: longer than sound is late against its
/// picture.
const YOUNG_MILLISECONDS: u32 = 60_000;

/// Ten seconds at 6 Mbit/s. Of a stream whose keyframes are further apart than this, a joiner waits for the next.
const MOST_BYTES: usize = 8 << 20;
/// The same of the smallest messages: ten seconds of 60 pictures and of sound in pieces of 20 ms, twice.
const MOST_MESSAGES: usize = 2400;

#[derive(Debug, Default)]
pub struct Recent {
    messages: VecDeque<Message>,
    /// The number of the first of them.
    first: u64,
    keyframe: Option<u64>,
    headers: Headers,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Message {
    media: Media,
    sort: Sort,
    enhanced: Option<FourCc>,
}

/// What comes before all else.
#[derive(Debug, Default)]
struct Headers {
    metadata: Option<Message>,
    video: Option<Message>,
    audio: Option<Message>,
    /// How often they changed.
    version: u64,
}

/// How far one reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    place: Place,
    headers: u64,
    /// Of what was sent last, as the reader was told it.
    told: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    New,
    /// `base` is what the reader knows as 0.
    At { next: u64, base: u32 },
    /// It goes on at a keyframe that comes after that message.
    Behind { next: u64, base: u32 },
}

/// What became of a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Messages that the reader does not get.
    pub dropped: u64,
    /// It has no picture until somebody makes a keyframe.
    pub starves: bool,
    /// Without this codec it gets nothing that it came for; tracks beside the one that everybody is sent do not count.
    pub untaken: Option<FourCc>,
}

impl Cursor {
    /// Whether nothing was given to its reader yet.
    pub fn is_new(&self) -> bool {
        self.place == Place::New
    }
}

impl Recent {
    pub fn push(&mut self, media: Media) {
        let tag = inspect(media.kind, &media.body);
        let message = Message { media, sort: tag.sort, enhanced: tag.enhanced };
        let number = self.first + self.messages.len() as u64;
        match (message.media.kind, message.sort) {
            (Kind::Video, Sort::Header) => {
                self.keyframe = None;
                self.headers.change(|headers| headers.video = Some(message.clone()));
            }
            (Kind::Audio, Sort::Header) => {
                self.headers.change(|headers| headers.audio = Some(message.clone()));
            }
            (Kind::Data, Sort::Header) => {
                self.headers.change(|headers| headers.metadata = Some(message.clone()));
            }
            (Kind::Video, Sort::Key) => self.keyframe = Some(number),
            _ => {}
        }
        self.bytes += message.media.body.len();
        self.messages.push_back(message);
        self.trim();
    }

    /// Whether a reader could begin now.
    pub fn begins(&self) -> bool {
        self.keyframe.is_some() || (self.is_sound_alone() && self.headers.audio.is_some())
    }

    /// Whether a sound was described.
    pub const fn has_sound(&self) -> bool {
        self.headers.audio.is_some()
    }

    /// Gives `to` all that the reader has to be sent, as it is to be timed. What it does not take, `takes` says, is left out.
    pub fn look(
        &self,
        cursor: &mut Cursor,
        takes: impl Fn(&FourCc) -> bool,
        mut to: impl FnMut(Media),
    ) -> Looked {
        let before = cursor.place;
        let mut looked = match cursor.place {
            Place::New => {
                self.begin(cursor);
                Looked { starves: cursor.place == Place::New, ..Looked::default() }
            }
            Place::At { next, base } | Place::Behind { next, base } => self.follow(cursor, next, base),
        };
        if let Place::At { next, base } = cursor.place {
            // Who goes on elsewhere is told what it missed; who goes on is told it where it stands.
            let told = before != cursor.place;
            let hurry = (before == Place::New).then(|| self.pictures(next).last()).flatten();
            let wanted = if self.is_sound_alone() { Kind::Audio } else { Kind::Video };
            let mut reading =
                Reading { cursor, told, hurry, wanted, untaken: None, takes: &takes, to: &mut to };
            if told {
                self.give_headers(&mut reading, base);
            }
            self.give(&mut reading, next, base);
            looked.untaken = reading.untaken;
        }
        looked
    }

    fn begin(&self, cursor: &mut Cursor) {
        let newest = self.messages.back().map_or(0, |message| message.media.timestamp);
        if let Some(next) = self.keyframe {
            let pictures = self.pictures(next);
            let last = pictures.last().unwrap_or(newest);
            // Those before the newest are a millisecond apart, and the newest is where the present begins.
            let count = self.pictures(next).count().saturating_sub(1);
            let base = last.wrapping_sub(u32::try_from(count).unwrap_or(u32::MAX));
            cursor.place = Place::At { next, base };
        } else if self.begins() {
            cursor.place = Place::At { next: self.end(), base: newest };
        }
        // None were told.
        cursor.headers = 0;
    }

    /// Where a reader that has begun goes on.
    fn follow(&self, cursor: &mut Cursor, next: u64, base: u32) -> Looked {
        let waits = matches!(cursor.place, Place::Behind { .. });
        if !waits && next >= self.first && !self.is_late(next) {
            return Looked::default();
        }
        let newer = self.keyframe.filter(|keyframe| *keyframe > next || (waits && *keyframe == next));
        let (place, starves, to) = match newer {
            Some(next) => (Place::At { next, base }, false, next),
            None if self.is_sound_alone() => (Place::At { next: self.end(), base }, false, self.end()),
            None => (Place::Behind { next: self.end(), base }, true, self.end()),
        };
        cursor.place = place;
        Looked { dropped: to - next, starves, ..Looked::default() }
    }

    fn give_headers(
        &self,
        reading: &mut Reading<'_, impl Fn(&FourCc) -> bool, impl FnMut(Media)>,
        base: u32,
    ) {
        if reading.cursor.headers == self.headers.version {
            return;
        }
        let told = reading.cursor.told;
        for message in
            [&self.headers.metadata, &self.headers.video, &self.headers.audio].into_iter().flatten()
        {
            reading.give(message, told.wrapping_add(base), base);
        }
    }

    fn give(
        &self,
        reading: &mut Reading<'_, impl Fn(&FourCc) -> bool, impl FnMut(Media)>,
        next: u64,
        base: u32,
    ) {
        let mut nth = 0;
        for message in self.after(next) {
            let timestamp = message.media.timestamp;
            match (message.sort, message.media.kind, reading.hurry) {
                (Sort::Header, ..) if reading.told => {}
                (Sort::Header, ..) | (_, Kind::Data, _) => {
                    reading.give(message, reading.cursor.told.wrapping_add(base), base);
                }
                (_, Kind::Video, Some(last)) if is_before(timestamp, last) => {
                    reading.give(message, base.wrapping_add(nth), base);
                    nth += 1;
                }
                (_, Kind::Audio, Some(last)) if is_before(timestamp, last) => {}
                _ => reading.give(message, timestamp, base),
            }
        }
        reading.cursor.headers = self.headers.version;
        reading.cursor.place = Place::At { next: self.end(), base };
    }

    /// When pictures are, from that message on.
    fn pictures(&self, next: u64) -> impl Iterator<Item = u32> + '_ {
        let is_picture = |message: &&Message| {
            message.media.kind == Kind::Video && matches!(message.sort, Sort::Key | Sort::Delta)
        };
        self.after(next).filter(is_picture).map(|message| message.media.timestamp)
    }

    fn after(&self, next: u64) -> impl Iterator<Item = &Message> + '_ {
        let skipped = usize::try_from(next.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.messages.range(skipped.min(self.messages.len())..)
    }

    fn end(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    fn is_sound_alone(&self) -> bool {
        self.headers.video.is_none() && self.keyframe.is_none()
    }

    /// Of one kind: that sound is late against the picture is no reader's fault.
    fn is_late(&self, next: u64) -> bool {
        let Some(newest) = self.messages.back() else { return false };
        let same = |message: &&Message| message.media.kind == newest.media.kind;
        let waiting = self.after(next).find(same).unwrap_or(newest);
        // The time may also have gone back.
        let behind = newest.media.timestamp.wrapping_sub(waiting.media.timestamp);
        behind > LATE_MILLISECONDS && behind < u32::MAX / 2
    }

    fn trim(&mut self) {
        while let Some(message) = self.messages.front() {
            let needed =
                self.keyframe.is_none_or(|keyframe| keyframe <= self.first) || !self.is_late(self.first);
            let fits = self.bytes <= MOST_BYTES && self.messages.len() <= MOST_MESSAGES;
            if needed && fits {
                return;
            }
            self.bytes -= message.media.body.len();
            self.keyframe = self.keyframe.filter(|keyframe| *keyframe > self.first);
            self.messages.pop_front();
            self.first += 1;
        }
    }
}

impl Headers {
    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        change(self);
        self.version += 1;
    }
}

/// One look of one reader.
struct Reading<'a, T, F> {
    cursor: &'a mut Cursor,
    /// All headers were given to it.
    told: bool,
    /// When the newest picture is, for a reader that has just begun.
    hurry: Option<u32>,
    /// What it came for.
    wanted: Kind,
    /// Of what was left out of that.
    untaken: Option<FourCc>,
    takes: &'a T,
    to: &'a mut F,
}

impl<T: Fn(&FourCc) -> bool, F: FnMut(Media)> Reading<'_, T, F> {
    fn give(&mut self, message: &Message, timestamp: u32, base: u32) {
        if let Some(codec) = message.enhanced.filter(|codec| !(self.takes)(codec)) {
            if message.media.kind == self.wanted && codec != SEVERAL {
                self.untaken = Some(codec);
            }
            return;
        }
        if (message.media.kind, message.sort) == (Kind::Data, Sort::Header) {
            // At another time than 0 ffmpeg takes it for a track of subtitles.
            return (self.to)(Media { timestamp: 0, ..message.media.clone() });
        }
        // What is before the reader's 0, as sound that comes late, is at 0.
        let is_late = self.cursor.told < YOUNG_MILLISECONDS && is_before(timestamp, base);
        let timestamp = if is_late { 0 } else { timestamp.wrapping_sub(base) };
        self.cursor.told = timestamp;
        (self.to)(Media { timestamp, ..message.media.clone() });
    }
}

/// Of times that wrap.
const fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}

#[cfg(test)]
mod tests;
