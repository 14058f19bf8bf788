//! A network that delivers unevenly: each datagram comes up to so much later than it did, and may be overtaken.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Late {
    most: Duration,
    /// By when they are due; the number tells those apart that are due together.
    waiting: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)>,
    held: u64,
}

impl Late {
    /// None if nothing comes later than it does.
    pub fn by_up_to(most: Duration) -> Option<Self> {
        (!most.is_zero()).then(|| Self { most, waiting: BTreeMap::new(), held: 0 })
    }

    pub fn hold(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let due = now + self.most.mul_f64(rand::random());
        self.held += 1;
        self.waiting.insert((due, self.held), (from, datagram.to_vec()));
    }

    /// What is due by then, in turn.
    pub fn pop(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    pub fn due_at(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
    const MOST: Duration = Duration::from_millis(30);

    #[test]
    fn everything_comes_once_within_its_time_and_some_is_overtaken() {
        let (mut late, now) = (Late::by_up_to(MOST).unwrap(), Instant::now());
        (0..100).for_each(|number| late.hold(FROM, &[number], now));
        let mut came = Vec::new();
        while let Some(due) = late.due_at() {
            assert!(due - now <= MOST);
            assert!(due == now || late.pop(due - Duration::from_nanos(1)).is_none(), "it is not due yet");
            came.push(late.pop(due).unwrap().1[0]);
        }
        assert!(!came.is_sorted(), "{came:?}");
        came.sort_unstable();
        assert!(came.into_iter().eq(0..100));
    }

    #[test]
    fn an_even_network_holds_nothing() {
        assert!(Late::by_up_to(Duration::ZERO).is_none());
    }
}
