//! Datagrams to one viewer, laid end to end so that the kernel takes them in one call.
//!
//! Segmentation offload wants equal sizes, of which only the last may be smaller. The packets of a frame are nearly
//! that, because the cutter makes fragments of equal size.

use std::net::{IpAddr, SocketAddr};

use super::transport_address::{Through, TransportAddress, TransportProtocol};

/// The largest UDP payload over IPv4.
const MAX_BYTES: usize = 65_507;

/// Where packets go, over what, and from which address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub to: SocketAddr,
    pub over: TransportProtocol,
    pub source: Option<IpAddr>,
    /// By what, if it is not the port that all share.
    pub through: Option<Through>,
}

impl Path {
    pub const fn udp(to: SocketAddr, source: Option<IpAddr>) -> Self {
        Self { to, over: TransportProtocol::UDP, source, through: None }
    }

    pub const fn of(to: TransportAddress, source: Option<IpAddr>) -> Self {
        let TransportAddress { socket, protocol, through } = to;
        Self { to: socket, over: protocol, source, through }
    }

    pub const fn address(&self) -> TransportAddress {
        TransportAddress::new(self.to, self.over).through(self.through)
    }
}

/// What leaves in one call.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    segment: usize,
    count: usize,
    path: Option<Path>,
    closed: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// Send what is there first, then add it again.
    Full,
}

impl Batch {
    pub fn add(&mut self, path: Path, datagram: &[u8], max_segments: usize) -> Added {
        if self.path.is_none() {
            self.path = Some(path);
            self.segment = datagram.len();
        }
        let fits = self.path == Some(path)
            && !self.closed
            && datagram.len() <= self.segment
            && self.count < max_segments.max(1)
            && self.bytes.len() + datagram.len() <= MAX_BYTES;
        if !fits && self.count > 0 {
            return Added::Full;
        }
        self.bytes.extend_from_slice(datagram);
        self.count += 1;
        self.closed = datagram.len() < self.segment;
        Added::Yes
    }

    /// The path, all bytes, the size of a segment, how many datagrams.
    pub fn contents(&self) -> Option<(Path, &[u8], usize, usize)> {
        Some((self.path?, &self.bytes, self.segment, self.count))
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.path = None;
        self.closed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(port: u16) -> Path {
        Path::udp(SocketAddr::from(([127, 0, 0, 1], port)), None)
    }

    #[test]
    fn equal_datagrams_and_one_shorter_tail_leave_together() {
        let mut batch = Batch::default();
        assert_eq!(batch.add(to(1), &[0; 100], 64), Added::Yes);
        assert_eq!(batch.add(to(1), &[1; 100], 64), Added::Yes);
        assert_eq!(batch.add(to(1), &[2; 40], 64), Added::Yes);
        assert_eq!(batch.add(to(1), &[3; 40], 64), Added::Full);
        assert_eq!(
            batch.contents().map(|(_, bytes, segment, n)| (bytes.len(), segment, n)),
            Some((240, 100, 3))
        );
    }

    #[test]
    fn another_viewer_a_larger_datagram_or_the_kernels_limit_start_a_new_call() {
        let mut batch = Batch::default();
        batch.add(to(1), &[0; 100], 2);
        assert_eq!(batch.add(to(2), &[0; 100], 2), Added::Full);
        assert_eq!(batch.add(to(1), &[0; 101], 2), Added::Full);
        assert_eq!(batch.add(to(1), &[0; 100], 2), Added::Yes);
        assert_eq!(batch.add(to(1), &[0; 100], 2), Added::Full);
        batch.clear();
        assert_eq!(batch.add(to(2), &[0; 101], 2), Added::Yes);
    }
}
