//! What the driver does for viewers.

use std::net::SocketAddr;
use std::time::Instant;

use understudy_core::fanout::history::History;
use understudy_core::fanout::keyframe::Need;
use understudy_core::offer::Credentials;
use understudy_core::tcp::outbox::Cargo;

use super::super::directory::PeerId;
use super::super::ending::Why;
use super::super::feedback::Missing;
use super::super::peer::Peer;
use super::super::relay::Relay;
use super::super::spread::Part;
use super::super::transport_address::{Through, TransportAddress};
use super::super::viewer::{Due, Viewer, Word};
use super::super::{OfferError, Restarted};
use super::Driver;

impl Driver {
    /// A peer to which nothing leads yet is looked for by a relay, too; with any other the relay is given back.
    pub(super) fn add_relay(&mut self, id: PeerId, relay: Relay, at: &[SocketAddr]) {
        let Self { ways, routes, peers, .. } = self;
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return };
        let (Some(port), None) = (viewer.connection.port(), viewer.path) else { return };
        let through = |at: &SocketAddr| TransportAddress::udp(*at).through(Some(Through::Relay(port)));
        routes.hope(id, &at.iter().map(through).collect::<Vec<_>>());
        viewer.connection.add_relay(relay.address);
        ways.add_relay(port, relay);
    }

    /// A peer that is in a call may be there, too.
    pub(super) fn reach(&mut self, id: PeerId, at: SocketAddr, line: &str) {
        let Self { routes, peers, .. } = self;
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return };
        if !viewer.is_in_call() {
            return;
        }
        let place = viewer.connection.place(at);
        // A check was from there: the stack knows it, and would make a second way of it, of which it waits to see which is better.
        if routes.is_at(id, place) {
            return;
        }
        routes.hope(id, &[place]);
        viewer.connection.add_candidate(line);
    }

    pub(super) fn resume(&mut self) {
        let missed = self.ways.socket.resume(&self.metrics);
        self.skip(&missed);
    }

    /// Whoever did not get all of a picture waits for the next that is whole.
    pub(super) fn skip(&mut self, missed: &[Part]) {
        let now = Instant::now();
        let mut without = Vec::new();
        for part in missed {
            if self.viewer(part.viewer).is_some_and(|viewer| viewer.missed(part, now)) {
                without.push(part.viewer);
            }
        }
        for id in without {
            self.settle(id);
        }
    }

    /// Whoever was found otherwise needs no relay.
    fn drop_relay(&mut self, id: PeerId) {
        let path = self.viewer(id).and_then(|viewer| viewer.path);
        if let Some(Through::Port(port)) = path.and_then(|path| path.through) {
            self.ways.drop_relay(port);
        }
    }

    pub(super) fn settle_viewer(&mut self, id: PeerId, connected: bool) {
        let now = Instant::now();
        if connected {
            self.drop_relay(id);
        }
        let Some(viewer) = self.viewer(id) else { return };
        viewer.mind_keys();
        if connected {
            tracing::info!(viewer = id.0, "viewer connected");
            viewer.connected(now);
        }
        if viewer.is_at_desk() {
            viewer.tells(connected, now);
            self.send(id);
        }
        self.take_from_viewer(id, connected, now);
        let Some(viewer) = self.viewer(id) else { return };
        if viewer.feedback().take_heard() {
            viewer.connection.heard(now);
        }
        let lost = viewer.feedback().take_picture_lost();
        let repair = lost && viewer.lost_picture(now);
        let missing = viewer.feedback().take_missing();
        let due = viewer.due(now);
        if lost {
            self.metrics.pictures_lost.inc();
        }
        if repair {
            self.ask(id, Need::Repair);
        }
        if !missing.is_empty() {
            self.send_again(id, &missing, now);
        }
        match due {
            Due::Nothing => {}
            Due::Begin => self.begin(id, now),
            Due::Portion => self.pour(id, now),
            Due::Repair => self.ask(id, Need::Repair),
            Due::Ask => self.ask_expected(id),
            Due::Stay => self.stay(id, now),
        }
        // After what was asked for again, which is a loss too.
        if let Some(step) = self.viewer(id).and_then(|viewer| viewer.judge(now)) {
            self.expect(id, step, now);
        }
    }

    /// What comes from one who is in a call.
    fn take_from_viewer(&mut self, id: PeerId, connected: bool, now: Instant) {
        let Some(viewer) = self.viewer(id).filter(|viewer| viewer.is_in_call()) else { return };
        if connected {
            viewer.refresh(Need::Join);
        }
        let delivery = viewer.deliver(now);
        self.metrics.delivered(&delivery);
        if delivery.refreshed > 0 {
            self.send(id);
        }
    }

    pub(super) fn hear_desk(&mut self, id: PeerId, word: Word) {
        let now = Instant::now();
        let Some(viewer) = self.viewer(id) else { return };
        match word {
            Word::Say(label, message) => viewer.says(&label, message, now),
            Word::Offer(label, message) => viewer.offers(&label, message, now),
            Word::Take(shown) => viewer.takes(shown, now),
            Word::Leave => viewer.connection.close(Why::Left),
        }
        self.settle(id);
    }

    /// None: there is no such viewer.
    pub(super) fn restart(
        &mut self,
        id: PeerId,
        credentials: &Credentials,
    ) -> Option<Result<Restarted, OfferError>> {
        let viewer = self.viewer(id)?;
        let fragment = match viewer.restart(credentials, Instant::now()) {
            Ok(fragment) => fragment,
            Err(error) => return Some(Err(error)),
        };
        let ice_session = viewer.connection.ufrag().to_owned();
        self.routes.rename(id, &ice_session);
        tracing::info!(viewer = id.0, "the way to a viewer is found anew");
        Some(Ok(Restarted { ice_session, fragment }))
    }

    /// Whoever comes soon after a keyframe is sent that one, and nobody pays for another.
    fn begin(&mut self, id: PeerId, now: Instant) {
        let Self { peers, distributions, .. } = self;
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return };
        let nothing = History::default();
        let history = distributions
            .picture(viewer.distribution, viewer.step())
            .map_or(&nothing, |picture| &picture.history);
        if viewer.begin(history, now) {
            self.pour(id, now);
        } else {
            self.ask(id, Need::Join);
        }
    }

    pub(super) fn pour(&mut self, id: PeerId, now: Instant) {
        let Self { ways, peers, spreads, metrics, .. } = self;
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return };
        viewer.pour(id, now, spreads.to(viewer.path));
        let missed = ways.spread(spreads, metrics);
        self.skip(&missed);
    }

    fn send_again(&mut self, id: PeerId, missing: &[Missing], now: Instant) {
        let Self { ways, peers, distributions, metrics, .. } = self;
        metrics.asked_again.inc_by(missing.len() as u64);
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return };
        let (Some(path), Some(picture)) =
            (viewer.path, distributions.picture(viewer.distribution, viewer.step()))
        else {
            return;
        };
        let send = |bytes: &[u8]| ways.send(path, Cargo::Media, bytes, metrics);
        let answered = viewer.again(missing, &picture.history, now, send);
        ways.flush(metrics);
        metrics.sent_again.inc_by(answered.sent);
        metrics.refused_again.inc_by(answered.refused);
    }

    fn ask(&self, viewer: PeerId, need: Need) {
        let Some(Peer::Viewer(viewer)) = self.peers.get(&viewer) else { return };
        if let Some(picture) = self.distributions.picture(viewer.distribution, viewer.step()) {
            picture.hub.request_keyframe(need);
        }
    }

    pub(super) fn viewer(&mut self, id: PeerId) -> Option<&mut Viewer> {
        match self.peers.get_mut(&id)? {
            Peer::Viewer(viewer) => Some(viewer),
            Peer::Publisher(_) => None,
        }
    }
}
