//! Datagrams as RTP and as reports of its sender (RFC 3550 §5.1, §6.4.1), which come to one port (RFC 5761).

const VERSION: u8 = 2;
const HEADER_BYTES: usize = 12;
/// Packet types of RTCP, which no payload type of RTP is with its marker (RFC 5761 §4).
const CONTROL: std::ops::RangeInclusive<u8> = 192..=223;
const SENDER_REPORT: u8 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    Media(Packet<'a>),
    Report(Report),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    /// Its SSRC.
    pub source: u32,
    pub payload: &'a [u8],
}

/// One moment on the sender's clock, and in its RTP time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its SSRC.
    pub source: u32,
    /// Seconds since 1900, in units of 2^-32.
    pub ntp: u64,
    pub timestamp: u32,
}

/// None: it is neither, or nothing to read.
pub fn read(datagram: &[u8]) -> Option<Datagram<'_>> {
    let (first, kind) = (*datagram.first()?, *datagram.get(1)?);
    if first >> 6 != VERSION {
        return None;
    }
    if CONTROL.contains(&kind) {
        report(kind, datagram).map(Datagram::Report)
    } else {
        packet(datagram).map(Datagram::Media)
    }
}

fn report(kind: u8, datagram: &[u8]) -> Option<Report> {
    if kind != SENDER_REPORT {
        return None;
    }
    let source = u32_at(datagram, 4)?;
    let ntp = u64::from(u32_at(datagram, 8)?) << 32 | u64::from(u32_at(datagram, 12)?);
    Some(Report { source, ntp, timestamp: u32_at(datagram, 16)? })
}

fn packet(datagram: &[u8]) -> Option<Packet<'_>> {
    let (first, second) = (*datagram.first()?, *datagram.get(1)?);
    let (is_padded, is_extended) = (first & 0x20 != 0, first & 0x10 != 0);
    let mut begin = HEADER_BYTES + 4 * usize::from(first & 0x0f);
    if is_extended {
        let words = datagram.get(begin + 2..begin + 4)?;
        begin += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    let padding = if is_padded { usize::from(*datagram.last()?) } else { 0 };
    let end = datagram.len().checked_sub(padding)?;
    Some(Packet {
        payload_type: second & 0x7f,
        marker: second & 0x80 != 0,
        sequence: (u32_at(datagram, 0)? & 0xffff) as u16,
        timestamp: u32_at(datagram, 4)?,
        source: u32_at(datagram, 8)?,
        payload: datagram.get(begin..end)?,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 14] = [0x80, 0xe6, 1, 2, 0, 0, 0, 9, 0, 0, 0, 7, 0x65, 0x66];

    fn payload(datagram: &[u8]) -> Option<&[u8]> {
        match read(datagram) {
            Some(Datagram::Media(packet)) => Some(packet.payload),
            _ => None,
        }
    }

    #[test]
    fn a_packet_is_what_its_header_says() {
        let packet = Packet {
            payload_type: 102,
            marker: true,
            sequence: 0x0102,
            timestamp: 9,
            source: 7,
            payload: &[0x65, 0x66],
        };
        assert_eq!(read(&PACKET), Some(Datagram::Media(packet)));
    }

    #[test]
    fn what_stands_before_and_behind_a_payload_is_none_of_it() {
        let with = |first: u8, before: &[u8], after: &[u8]| {
            let mut bytes = [&PACKET[..12], before, &[0x65, 0x66], after].concat();
            bytes[0] |= first;
            bytes
        };
        for datagram in [
            with(0x02, &[0; 8], &[]),
            with(0x10, &[0xbe, 0xde, 0, 1, 1, 2, 3, 4], &[]),
            with(0x20, &[], &[0, 0, 3]),
            with(0x31, &[0, 0, 0, 0, 0, 0, 0, 0], &[1]),
        ] {
            assert_eq!(payload(&datagram), Some(&[0x65, 0x66][..]), "{datagram:?}");
        }
    }

    #[test]
    fn what_is_cut_short_or_no_rtp_is_nothing() {
        for datagram in
            [&[][..], &[0x80], &PACKET[..11], &[0x40; 20], &[0xa0; 12], &[0xbf; 13], &[0x80, 200, 0, 6]]
        {
            assert_eq!(read(datagram), None, "{datagram:?}");
        }
        assert_eq!(read(&[0x81, 201, 0, 1, 0, 0, 0, 1]), None, "a receiver's report");
    }

    #[test]
    fn a_report_names_a_moment_on_both_clocks() {
        let bytes =
            [&[0x80, 200, 0, 6, 0, 0, 0, 7, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 9][..], &[0; 8]].concat();
        let report = Report { source: 7, ntp: 3 << 31, timestamp: 9 };
        assert_eq!(read(&bytes), Some(Datagram::Report(report)));
    }
}
