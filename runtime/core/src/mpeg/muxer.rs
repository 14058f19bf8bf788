//! For tests: a multiplexer of a few lines that writes what real ones write and ours does not.

use super::Stamp;
use super::mux::packets::Packets;
use super::mux::pes::stamp;
use super::mux::tables::section;

const TABLE: u16 = 0x1000;
pub const PICTURE: u16 = 0x100;
const SOUND: u16 = 0x101;

/// Whether a PES packet says how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Length,
    Nothing,
}

pub struct Muxer {
    pub bytes: Vec<u8>,
    tables: [Packets; 2],
    picture: Packets,
}

impl Default for Muxer {
    fn default() -> Self {
        Self { bytes: Vec::new(), tables: [0, TABLE].map(Packets::new), picture: Packets::new(PICTURE) }
    }
}

impl Muxer {
    pub fn opened(codec: u8) -> Self {
        let mut muxer = Self::default();
        muxer.tables(codec);
        muxer
    }

    pub fn tables(&mut self, codec: u8) {
        let [table, picture, sound] = [TABLE, PICTURE, SOUND].map(u16::to_be_bytes);
        let streams =
            [0x03, 0xe0 | sound[0], sound[1], 0xf0, 0, codec, 0xe0 | picture[0], picture[1], 0xf0, 2, 5, 0];
        let map = [&[0xe0 | picture[0], picture[1], 0xf0, 0][..], &streams].concat();
        let sections = [section(0, 0, &[0, 1, 0xe0 | table[0], table[1]]), section(2, 0, &map)];
        for (packets, section) in self.tables.iter_mut().zip(sections) {
            packets.write(&mut self.bytes, &[], &section);
        }
    }

    pub fn unit(&mut self, ticks: u64, data: &[u8], says: Says) {
        let [shown, decoded] = [(3, ticks + 3000), (1, ticks)].map(|(which, t)| stamp(which, Stamp::new(t)));
        let length = if says == Says::Length { (data.len() + 13) as u16 } else { 0 }.to_be_bytes();
        let header = [0, 0, 1, 0xe0, length[0], length[1], 0x80, 0xc0, 10];
        self.packets(&[&header[..], &shown, &decoded, data].concat());
    }

    /// Of the picture.
    pub fn packets(&mut self, payload: &[u8]) {
        self.picture.write(&mut self.bytes, &[], payload);
    }
}

/// An access unit of H.264 without start codes within it, so long.
pub fn access_unit(kind: u8, length: usize) -> Vec<u8> {
    let mut unit = vec![0, 0, 0, 1, kind];
    unit.extend((0..length).map(|n| (n % 255) as u8 + 1));
    unit
}
