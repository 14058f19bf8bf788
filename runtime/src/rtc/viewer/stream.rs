//! One stream to a viewer: its own numbers, and what was sent of it.

use bytes::Bytes;
use rtc::rtcp;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use understudy_core::fanout::clock::Moment;
use understudy_core::fanout::cut::Cut;
use understudy_core::fanout::numbering::Numbering;
use understudy_core::fanout::receipt::Sent;
use understudy_core::fanout::rtp::{Header, Index};
use understudy_core::offer::Numbers;

use super::super::negotiate::{Repair, STREAM, Sending};

pub(super) struct Stream {
    sending: Sending,
    numbering: Numbering,
    /// The number of the first packet.
    first: u16,
    packets: u32,
    octets: u32,
    /// Of the packet that is sent again next, if that is in a stream of its own.
    again: Index,
    /// From here on packets are not counted in an extension, if they were.
    uncounted_from: Option<Index>,
}

impl Stream {
    pub fn new(sending: Sending) -> Self {
        let numbering = Numbering::starting_near(rand::random());
        let first = numbering.next().sequence();
        let again = Index(u64::from(rand::random::<u16>() >> 1));
        Self { sending, numbering, first, packets: 0, octets: 0, again, uncounted_from: None }
    }

    /// The payload types that the peer has for it. Once something was sent they stay: the same is sent under one index, always.
    pub fn number(&mut self, numbers: Numbers) {
        if !self.has_sent() {
            self.sending.payload_type = numbers.payload_type;
            let repair = self.sending.repair.zip(numbers.repair);
            self.sending.repair = repair.map(|(repair, payload_type)| Repair { payload_type, ..repair });
        }
    }

    pub fn ssrc(&self) -> u32 {
        self.sending.ssrc
    }

    /// Of payload that was sent; they wrap.
    pub fn octets(&self) -> u32 {
        self.octets
    }

    pub fn sent(&self) -> Sent {
        Sent { packets: self.packets, octets: self.octets }
    }

    pub fn first(&self) -> u16 {
        self.first
    }

    pub fn has_sent(&self) -> bool {
        self.packets > 0
    }

    /// The index of the frame's first packet. All of them are counted.
    pub fn take(&mut self, cut: &Cut) -> Index {
        let octets: usize = cut.payloads.iter().map(Bytes::len).sum();
        self.packets = self.packets.wrapping_add(cut.payloads.len() as u32);
        self.octets = self.octets.wrapping_add(octets as u32);
        self.numbering.name(cut.first, cut.payloads.len())
    }

    /// Of the packet that comes next.
    pub fn next(&self) -> Index {
        self.numbering.next()
    }

    /// What was sent under that number: its index, and the hub's number.
    pub fn find(&self, sequence: u16) -> Option<(Index, u64)> {
        self.numbering.find(sequence)
    }

    /// Of a packet of a frame; always the same for the same.
    pub fn header(&self, cut: &Cut, at: usize, index: Index) -> Header {
        Header {
            payload_type: self.sending.payload_type,
            marker: cut.marker(at),
            index,
            timestamp: cut.timestamp,
            ssrc: self.sending.ssrc,
            counted: self.sending.counted.filter(|_| self.uncounted_from.is_none_or(|from| index < from)),
        }
    }

    /// Nobody has to say of each packet whether it came any more. Those that have a number stay as they are: what is sent again under
    /// it is the very same.
    pub fn count_no_more(&mut self) {
        self.uncounted_from.get_or_insert(self.numbering.next());
    }

    /// Of the stream in which packets are sent again, if that is one of their own.
    pub fn repair_ssrc(&self) -> Option<u32> {
        self.sending.repair.map(|repair| repair.ssrc)
    }

    /// A packet as it is sent again in a stream of its own (RFC 4588 §4), if there is one.
    pub fn repair(&mut self, lost: &Header, payload: &[u8]) -> Option<(Header, Vec<u8>)> {
        let Repair { payload_type, ssrc } = self.sending.repair?;
        let header = Header { payload_type, ssrc, index: self.again, counted: None, ..*lost };
        self.again = self.again.plus(1);
        Some((header, [&lost.index.sequence().to_be_bytes(), payload].concat()))
    }

    /// A compound packet as RFC 3550 §6.1 wants it: the report, and who sends. Both streams have the one name, which says
    /// that they share a clock (§6.5.1).
    pub fn report(&self, moment: &Moment) -> (String, Vec<Box<dyn rtcp::Packet>>) {
        let report = SenderReport {
            ssrc: self.sending.ssrc,
            ntp_time: moment.ntp,
            rtp_time: moment.rtp,
            packet_count: self.packets,
            octet_count: self.octets,
            ..Default::default()
        };
        let name = SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: STREAM.into() };
        let chunk = SourceDescriptionChunk { source: self.sending.ssrc, items: vec![name] };
        let description = SourceDescription { chunks: vec![chunk] };
        (self.sending.track.clone(), vec![Box::new(report), Box::new(description)])
    }
}
