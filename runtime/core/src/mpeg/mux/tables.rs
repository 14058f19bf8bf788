//! The tables that a stream is found by (13818-1 §2.4.4).

use crate::mpeg::section::checksum;

/// Stream types (table 2-34).
pub(super) const MPEG_1: u8 = 0x01;
pub(super) const MPEG_AUDIO: u8 = 0x03;
pub(super) const AAC: u8 = 0x0f;
pub(super) const H264: u8 = 0x1b;

const ASSOCIATION: u8 = 0x00;
const MAP: u8 = 0x02;
/// There is one program, and one stream of programs.
const NUMBER: u16 = 1;

/// A stream as the map lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: u8,
    pub(super) id: u16,
}

/// One program: a picture, and a sound while there is one. Whoever reads the map again only if it is another sees that by its
/// version.
#[derive(Debug)]
pub(super) struct Tables {
    map_id: u16,
    picture: Entry,
    sound: Option<Entry>,
    version: u8,
}

impl Tables {
    pub(super) const fn new(map_id: u16, picture_id: u16) -> Self {
        Self { map_id, picture: Entry { kind: H264, id: picture_id }, sound: None, version: 0 }
    }

    pub(super) fn show(&mut self, kind: u8) {
        let changed = self.picture.kind != kind;
        self.picture.kind = kind;
        self.rise(changed);
    }

    pub(super) fn list(&mut self, sound: Option<Entry>) {
        let changed = self.sound != sound;
        self.sound = sound;
        self.rise(changed);
    }

    fn rise(&mut self, changed: bool) {
        self.version = (self.version + u8::from(changed)) & 0x1f;
    }

    pub(super) fn association(&self) -> Vec<u8> {
        let [[number, program], [high, low]] = [NUMBER, 0xe000 | self.map_id].map(u16::to_be_bytes);
        filled(section(ASSOCIATION, 0, &[number, program, high, low]))
    }

    pub(super) fn map(&self) -> Vec<u8> {
        let [high, low] = (0xe000 | self.picture.id).to_be_bytes();
        // The picture's packets have the clock.
        let mut body = vec![high, low, 0xf0, 0];
        for Entry { kind, id } in [self.picture].into_iter().chain(self.sound) {
            let [high, low] = (0xe000 | id).to_be_bytes();
            body.extend([kind, high, low, 0xf0, 0]);
        }
        filled(section(MAP, self.version, &body))
    }
}

/// To the end of its packet, as tables are (§2.4.4.1).
fn filled(mut section: Vec<u8>) -> Vec<u8> {
    section.resize(super::packets::ROOM, 0xff);
    section
}

/// With the pointer in front that says that it begins at once. It is short: its length is one byte.
pub(in crate::mpeg) fn section(table: u8, version: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len() + 9).unwrap_or(u8::MAX);
    let [high, low] = NUMBER.to_be_bytes();
    let mut section = vec![0, table, 0xb0, length, high, low, 0xc1 | version << 1, 0, 0];
    section.extend_from_slice(body);
    let sum = checksum(&section[1..]);
    section.extend_from_slice(&sum.to_be_bytes());
    section
}
