//! The one WebRTC peer that sends.
//!
//! Two come and go on their own: the peer, which a new offer replaces, and the source, which takes what the peer sends
//! for as long as the session wants it. What arrives while no source is there is thrown away.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use understudy_core::fanout::keyframe::Need;
use understudy_core::input::{Carries, Protocol};
use understudy_core::media::Kind;

use super::Expected;
use crate::rtc::{Answer, Handle, OfferError, Packet, Report, Sink, Taken};

/// About a second of a 5 Mbps picture: a source that is further behind is better served by a new picture.
const PACKETS_WAITING: usize = 512;

/// Its door; clones are the same door.
#[derive(Clone, Default)]
pub struct Door(Arc<Shared>);

/// Why a peer is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("virtual input not configured for webrtc ingest")]
    NotExpected,
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// A source's seat behind the door. Dropped, it is free.
#[derive(Debug)]
pub struct Seat {
    door: Door,
    number: u64,
    packets: mpsc::Receiver<Delivered>,
    peer: watch::Receiver<Option<u64>>,
}

/// What came, and the peer that it is from.
#[derive(Debug)]
pub struct Delivered {
    pub peer: u64,
    pub item: Item,
}

#[derive(Debug)]
pub enum Item {
    Packet(Packet),
    /// Of a stream of which a packet was delivered before, unless that found no room.
    Report(Report),
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The number of the peer that is there.
    present: watch::Sender<Option<u64>>,
}

#[derive(Default)]
struct State {
    peer: Option<Peer>,
    taker: Option<Taker>,
    /// Peers and sources are numbered together.
    last: u64,
}

struct Peer {
    number: u64,
    transport: Handle,
    session_id: String,
}

struct Taker {
    number: u64,
    carries: Carries,
    packets: mpsc::Sender<Delivered>,
}

/// What the transport hands packets to; dropped when the peer is gone.
struct Inlet {
    door: Door,
    number: u64,
}

impl Door {
    /// Answers a peer's offer; the peer that was there before is sent away. It is sent away too once nothing is
    /// expected from it any more.
    pub async fn offer(
        &self,
        transport: &Handle,
        expected: watch::Receiver<Expected>,
        sdp: &str,
    ) -> Result<Answer, Refused> {
        if !expected.borrow().any(Protocol::WebRtc) {
            return Err(Refused::NotExpected);
        }
        let (door, transport, sdp) = (self.clone(), transport.clone(), sdp.to_owned());
        // To its end even if whoever asked hangs up: a peer that nobody knows of would keep its place.
        let settled = tokio::spawn(async move { door.settle(transport, expected, &sdp).await });
        settled.await.unwrap_or(Err(Refused::Offer(OfferError::NotRunning)))
    }

    async fn settle(
        self,
        transport: Handle,
        expected: watch::Receiver<Expected>,
        sdp: &str,
    ) -> Result<Answer, Refused> {
        let number = self.0.state.lock().next();
        let inlet = Inlet { door: self.clone(), number };
        let answer = transport.receive(sdp, Box::new(inlet)).await?;
        let peer = Peer { number, transport: transport.clone(), session_id: answer.session_id.clone() };
        if let Some(leaving) = self.0.admit(peer) {
            leaving.transport.leave(&leaving.session_id).await;
        }
        let gone = self.0.present.subscribe();
        tokio::spawn(guard(number, transport, answer.session_id.clone(), expected, gone));
        Ok(answer)
    }

    /// A seat for what the peer sends of these kinds, with a picture asked for. A source that sat here before is
    /// handed nothing more.
    pub fn attach(&self, carries: Carries) -> Seat {
        let (packets, receiver) = mpsc::channel(PACKETS_WAITING);
        let number = {
            let mut state = self.0.state.lock();
            let number = state.next();
            state.taker = Some(Taker { number, carries, packets });
            number
        };
        self.refresh(Need::Join);
        Seat { door: self.clone(), number, packets: receiver, peer: self.0.present.subscribe() }
    }

    /// Asks the peer, if there is one, for a whole picture.
    pub fn refresh(&self, need: Need) {
        if let Some(peer) = &self.0.state.lock().peer {
            peer.transport.refresh(&peer.session_id, need);
        }
    }

    fn take(&self, from: u64, kind: Kind, item: Item) -> Taken {
        let state = self.0.state.lock();
        let current = state.peer.as_ref().is_some_and(|peer| peer.number == from);
        let Some(taker) = state.taker.as_ref().filter(|taker| current && taker.wants(kind)) else {
            return Taken::Unwanted;
        };
        match taker.packets.try_send(Delivered { peer: from, item }) {
            Ok(()) => Taken::Yes,
            Err(mpsc::error::TrySendError::Full(_)) => Taken::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => Taken::Unwanted,
        }
    }

    fn gone(&self, number: u64) {
        let mut state = self.0.state.lock();
        if state.peer.as_ref().is_some_and(|peer| peer.number == number) {
            state.peer = None;
            self.0.present.send_replace(None);
        }
    }
}

impl Seat {
    /// What comes next. Can be cancelled.
    pub async fn next(&mut self) -> Option<Delivered> {
        self.packets.recv().await
    }

    /// The peer that is there, by number.
    pub fn peer(&self) -> watch::Receiver<Option<u64>> {
        self.peer.clone()
    }

    pub fn door(&self) -> &Door {
        &self.door
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.door.0.state.lock().taker.take_if(|taker| taker.number == self.number);
    }
}

impl Shared {
    /// Lets a peer in, unless one whose offer came later is there already; the other of the two is to leave.
    fn admit(&self, peer: Peer) -> Option<Peer> {
        let mut state = self.state.lock();
        if state.peer.as_ref().is_some_and(|present| present.number > peer.number) {
            return Some(peer);
        }
        self.present.send_replace(Some(peer.number));
        state.peer.replace(peer)
    }
}

impl State {
    const fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Taker {
    const fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Video => self.carries.video(),
            Kind::Audio => self.carries.audio(),
        }
    }
}

impl Sink for Inlet {
    fn take(&self, packet: Packet) -> Taken {
        let kind = packet.format.encoding.kind();
        self.door.take(self.number, kind, Item::Packet(packet))
    }

    fn report(&self, report: Report) {
        self.door.take(self.number, report.kind, Item::Report(report));
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.door.gone(self.number);
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("peer", &*self.0.present.borrow()).finish_non_exhaustive()
    }
}

/// Sends a peer away once nothing is expected from it.
#[tracing::instrument(name = "ingest", skip_all, fields(peer = number))]
async fn guard(
    number: u64,
    transport: Handle,
    session_id: String,
    mut expected: watch::Receiver<Expected>,
    mut present: watch::Receiver<Option<u64>>,
) {
    let unexpected = async { drop(expected.wait_for(|expected| !expected.any(Protocol::WebRtc)).await) };
    let gone = async { drop(present.wait_for(|there| *there != Some(number)).await) };
    tokio::select! {
        () = unexpected => {
            tracing::info!("a peer sends what is not expected any more");
            transport.leave(&session_id).await;
        }
        () = gone => {}
    }
}
