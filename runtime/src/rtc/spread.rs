//! A frame on its way to many viewers: one message a run of packets and viewer, in one buffer.

use std::net::IpAddr;
use std::ops::Range;

use understudy_core::fanout::rtp::Index;
use understudy_core::media::Kind;

use super::batch::Path;
use super::directory::PeerId;

#[derive(Debug, Default)]
pub(super) struct Spread {
    bytes: Vec<u8>,
    messages: Vec<Burst>,
}

/// Whose a message is, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub viewer: PeerId,
    pub path: Path,
    pub kind: Kind,
    /// Of the first packet of the frame that it is of.
    pub frame: Index,
    /// Messages to one viewer leave in this order.
    pub turn: usize,
}

/// Datagrams for one viewer, laid end to end: all of one size, but the last may be smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Burst {
    pub part: Part,
    pub range: Range<usize>,
    pub segment: usize,
}

impl Burst {
    pub fn datagrams(&self) -> usize {
        self.range.len().div_ceil(self.segment.max(1))
    }

    /// One message a datagram, for whom the kernel shall not segment.
    pub fn singly(&self) -> impl Iterator<Item = Self> + '_ {
        self.range.clone().step_by(self.segment.max(1)).map(|begin| {
            let end = (begin + self.segment).min(self.range.end);
            Self { range: begin..end, segment: end - begin, ..self.clone() }
        })
    }

    /// What messages of one call have in common: the kernel is told once.
    pub fn shape(&self) -> (usize, Option<IpAddr>) {
        (if self.datagrams() > 1 { self.segment } else { 0 }, self.part.path.source)
    }
}

impl Spread {
    /// Adds a message of that many packets, which `write` appends one by one.
    pub fn add<E>(
        &mut self,
        part: Part,
        packets: Range<usize>,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let begin = self.bytes.len();
        let mut segment = 0;
        for packet in packets {
            if let Err(error) = write(packet, &mut self.bytes) {
                self.bytes.truncate(begin);
                return Err(error);
            }
            if segment == 0 {
                segment = self.bytes.len() - begin;
            }
        }
        if segment > 0 {
            self.messages.push(Burst { part, range: begin..self.bytes.len(), segment });
        }
        Ok(())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn messages(&self) -> &[Burst] {
        &self.messages
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::net::SocketAddr;

    const PATH: Path = Path::udp(SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1), None);
    const PART: Part = Part { viewer: PeerId(1), path: PATH, kind: Kind::Video, frame: Index(0), turn: 0 };

    fn of(sizes: &[usize]) -> Spread {
        let mut spread = Spread::default();
        let write = |packet: usize, out: &mut Vec<u8>| {
            out.resize(out.len() + sizes[packet], packet as u8);
            Ok::<_, Infallible>(())
        };
        spread.add(PART, 0..sizes.len(), write).expect("nothing fails");
        spread
    }

    #[test]
    fn a_message_is_of_equal_datagrams_and_a_tail() {
        let spread = of(&[100, 100, 40]);
        let [message] = spread.messages() else { panic!("one message") };
        assert_eq!((message.segment, message.datagrams(), message.shape()), (100, 3, (100, None)));
        let singly: Vec<_> = message.singly().map(|one| (one.range, one.segment)).collect();
        assert_eq!(singly, [(0..100, 100), (100..200, 100), (200..240, 40)]);
    }

    #[test]
    fn single_datagrams_of_any_size_leave_together() {
        assert_eq!(of(&[100]).messages()[0].shape(), of(&[40]).messages()[0].shape());
    }

    #[test]
    fn nothing_is_no_message() {
        assert!(of(&[]).messages().is_empty());
    }

    #[test]
    fn what_could_not_be_written_leaves_nothing_behind() {
        let mut spread = of(&[100]);
        let write = |packet: usize, out: &mut Vec<u8>| {
            out.push(0);
            if packet == 1 { Err(()) } else { Ok(()) }
        };
        assert!(spread.add(PART, 0..2, write).is_err());
        assert_eq!((spread.bytes().len(), spread.messages().len()), (100, 1));
    }
}
