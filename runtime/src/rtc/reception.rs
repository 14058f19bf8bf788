//! Gives each loop what arrives for its peers.
//!
//! ```text
//!   socket ──> one task ──┬─> loop        datagrams, some together; where there is no room they are lost, as on any network
//!                         └─> loop …
//!   TCP ──> a task each ────> loop …      packets one by one; where there is no room, that one connection waits
//! ```

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::{consume_budget, yield_now};

use super::directory::{Directory, Home, PeerId};
use super::metrics::Metrics;
use super::socket::Reader;
use super::transport_address::{Through, TransportAddress};

/// What waits for a loop, about as much as the kernel holds for all: a burst is to outlast that another runs on the loop's core.
const MAX_WAITING_BYTES: usize = 2 << 20;
/// What of it one peer may have once half of it is full: a publisher's largest picture, and room for all others.
const MAX_WAITING_BYTES_PER_PEER: usize = MAX_WAITING_BYTES / 8;
/// What a datagram takes beside its bytes.
const OVERHEAD_BYTES: usize = 64;
/// Datagrams that a loop looks at before anything else.
const TOGETHER: usize = 16;
/// Packets over TCP that wait for a loop.
const PACKETS: usize = 256;
/// After an error on the socket that is not "nothing there": it must not spin.
const SOCKET_PAUSE: Duration = Duration::from_millis(100);

/// What arrived for peers of one loop, end to end, in one buffer.
#[derive(Debug, Default)]
pub(super) struct Received {
    bytes: Vec<u8>,
    datagrams: Vec<Datagram>,
}

#[derive(Debug)]
struct Datagram {
    peer: PeerId,
    from: TransportAddress,
    local: Option<IpAddr>,
    length: usize,
}

/// A datagram, or a packet over TCP, for a peer of this loop.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Addressed<'a> {
    pub peer: PeerId,
    pub from: TransportAddress,
    /// The address of ours that it was sent to.
    pub local: Option<IpAddr>,
    pub bytes: &'a [u8],
}

/// Datagrams that wait for a loop, in the order in which they arrived.
#[derive(Default)]
pub(super) struct Pending {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    batches: VecDeque<Received>,
    bytes: usize,
    of_peers: HashMap<PeerId, usize>,
}

/// Where a loop takes out what is for its peers.
pub(super) struct Inlet {
    pub datagrams: Arc<Pending>,
    pub packets: mpsc::Receiver<Received>,
}

/// Where it is put in for one loop.
#[derive(Clone)]
struct Outlet {
    datagrams: Arc<Pending>,
    packets: mpsc::Sender<Received>,
}

/// Finds the loop. Clones are the same.
#[derive(Clone)]
pub(super) struct Reception {
    directory: Directory,
    loops: Arc<[Outlet]>,
    metrics: Metrics,
}

impl Received {
    pub fn push(&mut self, addressed: &Addressed<'_>) {
        let Addressed { peer, from, local, bytes } = *addressed;
        self.bytes.extend_from_slice(bytes);
        self.datagrams.push(Datagram { peer, from, local, length: bytes.len() });
    }

    /// In the order in which they arrived.
    pub fn each(&self) -> impl Iterator<Item = Addressed<'_>> {
        let mut rest = &*self.bytes;
        self.datagrams.iter().map(move |datagram| {
            let (bytes, behind) = rest.split_at(datagram.length);
            rest = behind;
            Addressed { peer: datagram.peer, from: datagram.from, local: datagram.local, bytes }
        })
    }
}

impl Pending {
    /// The next of them, as soon as there are any.
    pub async fn take(&self) -> Received {
        // Nor does the loop that takes them.
        consume_budget().await;
        loop {
            if let Some(received) = self.queue.lock().pop() {
                return received;
            }
            self.filled.notified().await;
        }
    }

    /// False: there is no room, and it is lost.
    fn push(&self, addressed: &Addressed<'_>) -> bool {
        let pushed = self.queue.lock().push(addressed);
        self.filled.notify_one();
        pushed
    }
}

impl Queue {
    fn push(&mut self, addressed: &Addressed<'_>) -> bool {
        let bytes = addressed.bytes.len() + OVERHEAD_BYTES;
        let of_peer = self.of_peers.get(&addressed.peer).copied().unwrap_or_default() + bytes;
        let all = self.bytes + bytes;
        let is_too_much = all > MAX_WAITING_BYTES / 2 && of_peer > MAX_WAITING_BYTES_PER_PEER;
        if is_too_much || all > MAX_WAITING_BYTES {
            return false;
        }
        self.bytes = all;
        self.of_peers.insert(addressed.peer, of_peer);
        match self.batches.back_mut().filter(|last| last.datagrams.len() < TOGETHER) {
            Some(last) => last.push(addressed),
            None => {
                let mut batch = Received::default();
                batch.push(addressed);
                self.batches.push_back(batch);
            }
        }
        true
    }

    fn pop(&mut self) -> Option<Received> {
        let batch = self.batches.pop_front()?;
        self.bytes -= batch.bytes.len() + batch.datagrams.len() * OVERHEAD_BYTES;
        for datagram in &batch.datagrams {
            if let Entry::Occupied(mut of_peer) = self.of_peers.entry(datagram.peer) {
                *of_peer.get_mut() -= datagram.length + OVERHEAD_BYTES;
                if *of_peer.get() == 0 {
                    of_peer.remove();
                }
            }
        }
        Some(batch)
    }
}

impl Reception {
    /// For that many loops: each has its inlet.
    pub fn new(directory: Directory, loops: usize, metrics: Metrics) -> (Self, Vec<Inlet>) {
        let (outlets, inlets): (Vec<Outlet>, Vec<Inlet>) = (0..loops)
            .map(|_| {
                let (datagrams, (packets, packets_in)) = (Arc::<Pending>::default(), mpsc::channel(PACKETS));
                let inlet = Inlet { datagrams: Arc::clone(&datagrams), packets: packets_in };
                (Outlet { datagrams, packets }, inlet)
            })
            .unzip();
        (Self { directory, loops: outlets.into(), metrics }, inlets)
    }

    /// Whose it is. None: a stranger's, who is counted.
    fn find(&self, from: TransportAddress, bytes: &[u8]) -> Option<Home> {
        let home = self.directory.find(from, bytes);
        if home.is_none() {
            self.metrics.strangers.inc();
        }
        home
    }

    /// A connection of TCP said this; waits for room. False: it is nobody's.
    pub async fn pass(&self, from: SocketAddr, local: IpAddr, bytes: &[u8]) -> bool {
        let from = TransportAddress::tcp(from);
        let Some(Home { peer, on }) = self.find(from, bytes) else { return false };
        let mut received = Received::default();
        received.push(&Addressed { peer, from, local: Some(local), bytes });
        // A loop that is gone needs nothing more.
        drop(self.loops[on.0].packets.send(received).await);
        true
    }

    /// That connection is gone.
    pub fn lose(&self, from: SocketAddr) {
        self.directory.lose(TransportAddress::tcp(from));
    }

    /// Reads the socket that all share.
    pub async fn read(self, reader: Reader) {
        self.read_on(reader, None).await;
    }

    /// Reads one that a peer has to itself.
    pub async fn read_through(self, reader: Reader) {
        let port = reader.port();
        self.read_on(reader, Some(port)).await;
    }

    #[tracing::instrument(name = "rtc_reader", skip(self, reader))]
    async fn read_on(self, mut reader: Reader, through: Option<u16>) {
        loop {
            let read = reader.readable().await.and_then(|()| self.sort(&mut reader, through));
            if let Err(error) = read {
                tracing::warn!(%error, "the media socket could not be read");
                tokio::time::sleep(SOCKET_PAUSE).await;
            }
            // There may always be more, and who waits for what is there already does not wait: whoever else is to run has to.
            yield_now().await;
        }
    }

    /// Reads once, and waits for no loop: one that is behind holds up none of the others.
    fn sort(&self, reader: &mut Reader, through: Option<u16>) -> std::io::Result<()> {
        reader.receive(|datagram| {
            let from = TransportAddress::udp(datagram.from).through(through.map(Through::Port));
            self.arrived(from, datagram.local, datagram.bytes);
        })
    }

    /// A datagram came by the relay of whoever has that port of ours.
    pub fn relayed(&self, from: SocketAddr, port: u16, bytes: &[u8]) {
        self.arrived(TransportAddress::udp(from).through(Some(Through::Relay(port))), None, bytes);
    }

    fn arrived(&self, from: TransportAddress, local: Option<IpAddr>, bytes: &[u8]) {
        let Some(Home { peer, on }) = self.find(from, bytes) else { return };
        if !self.loops[on.0].datagrams.push(&Addressed { peer, from, local, bytes }) {
            self.metrics.unread_datagrams.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::super::socket::Socket;
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn part(peer: u64, bytes: &[u8]) -> Addressed<'_> {
        let from = TransportAddress::udp(SocketAddr::from((Ipv4Addr::LOCALHOST, peer as u16)));
        Addressed { peer: PeerId(peer), from, local: None, bytes }
    }

    #[test]
    fn what_was_received_together_comes_out_in_order_and_apart() {
        let all = [part(1, b"one"), part(2, b""), part(1, b"another")];
        let mut received = Received::default();
        all.iter().for_each(|addressed| received.push(addressed));
        assert!(received.each().eq(all));
    }

    #[test]
    fn what_waits_is_bounded_and_taken_in_order_a_few_at_a_time() {
        let mut queue = Queue::default();
        let bytes = [0; 1000];
        let waiting = (0..).take_while(|number| queue.push(&part(*number, &bytes))).count();
        assert_eq!(waiting, MAX_WAITING_BYTES / (bytes.len() + OVERHEAD_BYTES));
        let mut taken = Vec::new();
        while let Some(batch) = queue.pop() {
            assert!(batch.datagrams.len() <= TOGETHER);
            taken.extend(batch.each().map(|datagram| datagram.peer.0));
        }
        assert!(taken.into_iter().eq(0..waiting as u64) && queue.bytes == 0);
    }

    /// As where there is one core: all in one thread.
    #[tokio::test]
    async fn who_reads_lets_others_run_however_much_there_is_to_read() {
        const SENT: u64 = 64;
        let (reception, _inlets) = Reception::new(Directory::new(1), 1, Metrics::default());
        let metrics = reception.metrics.clone();
        let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for _ in 0..SENT {
            stranger.send_to(&[0x80; 12], socket.local_addr()).unwrap();
        }
        let reading = tokio::spawn(reception.read(socket.reader()));
        let until = async |enough: u64| {
            while metrics.strangers.get() < enough {
                yield_now().await;
            }
            metrics.strangers.get()
        };
        assert!(until(1).await < SENT, "all was read at once");
        assert_eq!(tokio::time::timeout(SOON, until(SENT)).await, Ok(SENT));
        reading.abort();
    }

    #[tokio::test]
    async fn who_takes_what_waits_lets_others_run_however_much_there_is() {
        let pending = Arc::<Pending>::default();
        let batches = 1000;
        assert!((0..batches * TOGETHER as u64).all(|number| pending.push(&part(number, b""))));
        let left = Arc::clone(&pending);
        let taking = tokio::spawn(async move {
            for _ in 0..batches {
                pending.take().await;
            }
        });
        let how_many = || left.queue.lock().batches.len() as u64;
        while how_many() == batches {
            yield_now().await;
        }
        assert!(how_many() > 0, "all was taken at once");
        taking.await.unwrap();
    }

    #[test]
    fn whoever_fills_what_waits_leaves_room_for_others() {
        let mut queue = Queue::default();
        let bytes = [0; 1000];
        let flooded =
            std::iter::repeat_with(|| queue.push(&part(1, &bytes))).take_while(|taken| *taken).count();
        assert!(flooded > 0);
        for other in 2..100 {
            assert!(queue.push(&part(other, &bytes)), "there must be room for {other}");
        }
        assert!(!queue.push(&part(1, &bytes)));
        while queue.pop().is_some() {}
        assert!(queue.push(&part(1, &bytes)) && queue.of_peers.len() == 1);
    }

    #[tokio::test]
    async fn a_loop_that_takes_nothing_holds_up_no_other() {
        let (directory, metrics) = (Directory::new(2), Metrics::default());
        let (reception, mut inlets) = Reception::new(directory.clone(), 2, metrics.clone());
        let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let reading = tokio::spawn(reception.read(socket.reader()));
        let peers: Vec<UdpSocket> = (0..2)
            .map(|number: u64| {
                let home =
                    directory.expect(directory.by_peers()[0], &number.to_string(), &number.to_string());
                let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                directory.claim(home.peer, TransportAddress::udp(peer.local_addr().unwrap()), None);
                peer
            })
            .collect();
        let other = inlets.pop().expect("the second loop has an inlet");
        while metrics.unread_datagrams.get() == 0 {
            peers[0].send_to(&[0; 1200], socket.local_addr()).unwrap();
            yield_now().await;
        }
        peers[1].send_to(b"hello", socket.local_addr()).unwrap();
        let received = tokio::time::timeout(SOON, other.datagrams.take()).await.expect("it must come");
        let [Addressed { peer, bytes, .. }] = received.each().collect::<Vec<_>>()[..] else {
            panic!("one datagram")
        };
        assert_eq!((peer, bytes), (PeerId(2), &b"hello"[..]));
        assert_eq!(metrics.strangers.get(), 0);
        reading.abort();
    }
}
