//! For tests: a multiplexer of a few lines that writes what real ones write.

use super::section;

const TABLE: u16 = 0x1000;
pub const PICTURE: u16 = 0x100;
const SOUND: u16 = 0x101;

/// Whether a PES packet says how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Length,
    Nothing,
}

#[derive(Default)]
pub struct Muxer {
    pub bytes: Vec<u8>,
    counters: [u8; 3],
}

impl Muxer {
    pub fn opened(codec: u8) -> Self {
        let mut muxer = Self::default();
        muxer.tables(codec);
        muxer
    }

    pub fn tables(&mut self, codec: u8) {
        let [table, picture, sound] = [TABLE, PICTURE, SOUND].map(u16::to_be_bytes);
        self.section(0, 0, &[0, 1, 0xe0 | table[0], table[1]]);
        let streams =
            [0x03, 0xe0 | sound[0], sound[1], 0xf0, 0, codec, 0xe0 | picture[0], picture[1], 0xf0, 2, 5, 0];
        self.section(TABLE, 2, &[&[0xe0 | picture[0], picture[1], 0xf0, 0][..], &streams].concat());
    }

    fn section(&mut self, id: u16, table: u8, body: &[u8]) {
        let length = (body.len() + 9) as u8;
        let mut section = vec![table, 0xb0, length, 0, 1, 0xc1, 0, 0];
        section.extend_from_slice(body);
        let sum = section::checksum(&section);
        section.extend_from_slice(&sum.to_be_bytes());
        section.insert(0, 0);
        self.packets(id, &section);
    }

    pub fn unit(&mut self, stamp: u64, data: &[u8], says: Says) {
        let [shown, decoded] = [(0x31, stamp + 3000), (0x11, stamp)].map(|(mark, t)| {
            [
                mark | (t >> 29 & 0x0e) as u8,
                (t >> 22) as u8,
                (t >> 14) as u8 | 1,
                (t >> 7) as u8,
                (t << 1) as u8 | 1,
            ]
        });
        let length = if says == Says::Length { (data.len() + 13) as u16 } else { 0 }.to_be_bytes();
        let header = [0, 0, 1, 0xe0, length[0], length[1], 0x80, 0xc0, 10];
        self.packets(PICTURE, &[&header[..], &shown, &decoded, data].concat());
    }

    pub fn packets(&mut self, id: u16, payload: &[u8]) {
        for (index, part) in payload.chunks(184).enumerate() {
            let counter = &mut self.counters[(id % 3) as usize];
            let begins = if index == 0 { 0x40 } else { 0 };
            let room = 184 - part.len();
            let control = if room > 0 { 0x30 } else { 0x10 };
            self.bytes.extend_from_slice(&[0x47, begins | (id >> 8) as u8, id as u8, control | *counter]);
            *counter = (*counter + 1) & 0x0f;
            if room > 0 {
                self.bytes.push(room as u8 - 1);
                self.bytes.extend(std::iter::repeat_n(0, usize::from(room > 1)));
                self.bytes.extend(std::iter::repeat_n(0xff, room.saturating_sub(2)));
            }
            self.bytes.extend_from_slice(part);
        }
    }
}

/// An access unit of H.264 without start codes within it, so long.
pub fn access_unit(kind: u8, length: usize) -> Vec<u8> {
    let mut unit = vec![0, 0, 0, 1, kind];
    unit.extend((0..length).map(|n| (n % 255) as u8 + 1));
    unit
}
