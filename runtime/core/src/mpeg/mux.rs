//! A picture and its sound as a transport stream (ISO/IEC 13818-1), unit by unit.
//!
//! Why not the media library's muxer: it writes nothing while one of its sides is silent, and what it writes does not say where a
//! reader can begin. Crates that know the format know packets and tables; what is decided here (what is listed when, what begins
//! where, what the clock says) they leave to their caller.
//!
//! Sound is listed while there is some: players that wait for all that is listed wait for good where nothing comes.

pub(super) mod packets;
pub(super) mod pes;
pub(super) mod tables;

use std::time::Duration;

use bytes::Bytes;

use super::Stamp;
use crate::aac;
use crate::media::{AudioCodec, Kind, Track, Unit, VideoCodec};
use packets::Packets;
use pes::Header;
use tables::{Entry, Tables};

const TABLE: u16 = 0x1000;
const PICTURE: u16 = 0x100;
const SOUND: u16 = 0x101;

/// From a unit being sent to its being shown, as receivers that follow the clock understand it: more than what sound comes later
/// than its picture here, encoded, so that nothing comes after its time.
pub const LEAD: Duration = Duration::from_millis(200);

/// Sound that does not come for so long is listed no more; a unit lasts some hundredths of it.
const SILENT: Duration = Duration::from_secs(1);

/// The clock is told at least this often (§2.7.2 asks for ten times a second), also while pictures are rarer.
const CLOCK: Duration = Duration::from_millis(40);

/// An access unit delimiter for any kind of picture: in transport streams each unit begins with one (§2.14.1).
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 9, 0xf0];

/// Whole packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// It begins with tables and a picture for which nothing else is needed: whoever has nothing yet can begin with it.
    pub joins: bool,
    /// The newest that was ever muxed is to be decoded then; it does not go back.
    pub at: Duration,
    pub bytes: Bytes,
}

#[derive(Debug)]
pub struct Muxer {
    tables: Tables,
    association: Packets,
    map: Packets,
    picture: Packets,
    sound: Packets,
    /// Its type, while it is listed.
    listed: Option<u8>,
    heard: Option<Duration>,
    begun: bool,
    at: Duration,
    told: Duration,
}

impl Default for Muxer {
    fn default() -> Self {
        Self {
            tables: Tables::new(TABLE, PICTURE),
            association: Packets::new(0),
            map: Packets::new(TABLE),
            picture: Packets::new(PICTURE),
            sound: Packets::new(SOUND),
            listed: None,
            heard: None,
            begun: false,
            at: Duration::ZERO,
            told: Duration::ZERO,
        }
    }
}

impl Muxer {
    /// None: it is of a codec that has no place here, or comes before the first picture that can be begun with.
    pub fn push(&mut self, unit: &Unit) -> Option<Chunk> {
        match unit.track {
            Track::Video { codec, .. } => self.picture(codec, unit),
            Track::Audio { codec, sample_rate_hz, channels } => match codec {
                AudioCodec::Aac => {
                    let header = aac::Format::new(sample_rate_hz, channels)?.adts(unit.payload.len())?;
                    self.sound(tables::AAC, &header, unit)
                }
                AudioCodec::Mp2 => self.sound(tables::MPEG_AUDIO, &[], unit),
                AudioCodec::Opus => None,
            },
            Track::Transport => None,
        }
    }

    fn picture(&mut self, codec: VideoCodec, unit: &Unit) -> Option<Chunk> {
        let (kind, before) = match codec {
            VideoCodec::H264 if is_delimited(&unit.payload) => (tables::H264, &[][..]),
            VideoCodec::H264 => (tables::H264, &DELIMITER[..]),
            VideoCodec::Mpeg1 => (tables::MPEG_1, &[][..]),
            VideoCodec::Vp8 => return None,
        };
        self.begun |= unit.key;
        let mut bytes = self.begin(unit)?;
        self.tables.show(kind);
        if unit.key {
            let heard = self.heard.is_some_and(|heard| heard + SILENT >= unit.pts);
            self.listed = self.listed.filter(|_| heard);
            self.write_tables(&mut bytes);
        }
        self.told = self.at;
        let field = packets::Field { random_access: unit.key, clock: Some(self.at) };
        let packet = pes::packet(&header(Kind::Video, unit), before, &unit.payload);
        self.picture.write(&mut bytes, &field.bytes(), &packet);
        Some(self.chunk(unit.key, bytes))
    }

    fn sound(&mut self, kind: u8, before: &[u8], unit: &Unit) -> Option<Chunk> {
        self.heard = self.heard.max(Some(unit.pts));
        let is_new = self.listed.replace(kind) != Some(kind);
        let mut bytes = self.begin(unit)?;
        if is_new {
            self.write_tables(&mut bytes);
        }
        if self.at >= self.told + CLOCK {
            self.told = self.at;
            self.picture.write_field(&mut bytes, &packets::Field::clock(self.at).bytes());
        }
        let packet = pes::packet(&header(Kind::Audio, unit), before, &unit.payload);
        self.sound.write(&mut bytes, &[], &packet);
        Some(self.chunk(false, bytes))
    }

    /// Room for what is made of a unit, if it has begun.
    fn begin(&mut self, unit: &Unit) -> Option<Vec<u8>> {
        self.at = self.at.max(unit.dts);
        // Headers, tables and what fills up the last packet.
        self.begun.then(|| Vec::with_capacity(unit.payload.len() + unit.payload.len() / 32 + 1024))
    }

    fn write_tables(&mut self, bytes: &mut Vec<u8>) {
        self.tables.list(self.listed.map(|kind| Entry { kind, id: SOUND }));
        self.association.write(bytes, &[], &self.tables.association());
        self.map.write(bytes, &[], &self.tables.map());
    }

    fn chunk(&self, joins: bool, bytes: Vec<u8>) -> Chunk {
        Chunk { joins, at: self.at, bytes: bytes.into() }
    }
}

fn header(kind: Kind, unit: &Unit) -> Header {
    let stamp = |time: Duration| Stamp::at(time + LEAD);
    Header { kind, shown: stamp(unit.pts), decoded: stamp(unit.dts) }
}

fn is_delimited(access_unit: &[u8]) -> bool {
    let begin = access_unit.iter().position(|byte| *byte != 0).unwrap_or_default();
    matches!(access_unit.get(begin..), Some([1, header, ..]) if header & 0x1f == 9)
}

#[cfg(test)]
mod tests;
