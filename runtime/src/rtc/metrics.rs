//! What the media transport did.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use understudy_core::rendition;

use super::ending::Why;
use super::intake::Delivery;

/// Twenty milliseconds are a peer beside this one, ten seconds one that gives up soon.
const FIRST_FRAME_SECONDS: [f64; 10] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8];

#[derive(Clone, Default)]
pub struct Metrics {
    viewers: Gauge,
    shown: Family<StepLabel, Gauge>,
    moves: Family<WayLabel, Counter>,
    pub(super) moves_failed: Counter,
    joined: Counter,
    left: Family<LeftLabel, Counter>,
    first_frame: FirstFrame,
    pub(super) sent_datagrams: Counter,
    pub(super) sent_bytes: Counter,
    pub(super) send_calls: Counter,
    pub(super) sent_again: Counter,
    pub(super) refused_again: Counter,
    pub(super) unsent_datagrams: Counter,
    pub(super) unread_datagrams: Counter,
    pub(super) strangers: Counter,
    pub(super) pictures_lost: Counter,
    pub(super) asked_again: Counter,
    pub(super) publishers: Gauge,
    pub(super) publishers_joined: Counter,
    publishers_left: Family<LeftLabel, Counter>,
    destinations: Gauge,
    destinations_joined: Counter,
    destinations_left: Family<LeftLabel, Counter>,
    received_packets: Counter,
    unwanted_packets: Counter,
    dropped_packets: Counter,
    pictures_asked: Counter,
    pub(super) tcp_connections: Gauge,
    tcp_refused: Family<RefusedLabel, Counter>,
    pub(super) tcp_sent_packets: Counter,
    pub(super) tcp_unsent_packets: Counter,
    pub(super) relayed: Counter,
    pub(super) unrelayed: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LeftLabel {
    why: Why,
}

#[derive(Clone)]
struct FirstFrame(Family<ToLabel, Histogram, fn() -> Histogram>);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToLabel {
    to: To,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum To {
    Viewer,
    Destination,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StepLabel {
    step: Step,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Step {
    Full,
    Half,
    Quarter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WayLabel {
    way: Way,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Way {
    Up,
    Down,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusedLabel {
    why: Refusal,
}

/// Why a connection of TCP was ended from here, mostly before it was a peer's.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Refusal {
    /// There was no more room, and nobody of the network that had most had been there for longer.
    Crowded,
    /// No genuine check came in time.
    Late,
    /// What came first was no check for a peer that is here.
    Stranger,
    /// It announced a packet that is larger than any.
    Oversized,
}

impl Default for FirstFrame {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(FIRST_FRAME_SECONDS)))
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let rtc = registry.sub_registry_with_prefix("understudy_rtc");
        rtc.register("viewers", "Viewers admitted and not gone", self.viewers.clone());
        rtc.register("shown", "Viewers by the step of the picture that they are shown", self.shown.clone());
        rtc.register(
            "moves",
            "Viewers moved to another step, for what their networks carry",
            self.moves.clone(),
        );
        rtc.register("moves_failed", "Moves for which no keyframe came", self.moves_failed.clone());
        rtc.register("viewers_joined", "Viewers admitted", self.joined.clone());
        rtc.register("viewers_left", "Viewers gone, by reason", self.left.clone());
        rtc.register("sent_datagrams", "Datagrams sent", self.sent_datagrams.clone());
        rtc.register_with_unit(
            "first_frame",
            "From an offer to the first frame sent",
            Unit::Seconds,
            self.first_frame.0.clone(),
        );
        rtc.register_with_unit("sent", "Bytes sent", Unit::Bytes, self.sent_bytes.clone());
        rtc.register("send_calls", "Calls of the kernel that sent datagrams", self.send_calls.clone());
        rtc.register("packets_sent_again", "Packets sent to a viewer again", self.sent_again.clone());
        rtc.register(
            "packets_refused_again",
            "Packets asked for too often or too many",
            self.refused_again.clone(),
        );
        rtc.register("unsent_datagrams", "Datagrams the socket did not take", self.unsent_datagrams.clone());
        rtc.register(
            "unread_datagrams",
            "Datagrams that arrived for a loop that had no room for them",
            self.unread_datagrams.clone(),
        );
        rtc.register("stranger_datagrams", "Datagrams of nobody known", self.strangers.clone());
        rtc.register("pictures_lost", "Reports of a lost picture", self.pictures_lost.clone());
        rtc.register("packets_asked_again", "Packets viewers asked for again", self.asked_again.clone());
        self.register_publishers(rtc);
        self.register_destinations(rtc);
        self.register_tcp(rtc);
    }

    fn register_publishers(&self, rtc: &mut Registry) {
        rtc.register("publishers", "Publishers expected or connected", self.publishers.clone());
        rtc.register("publishers_joined", "Publishers answered", self.publishers_joined.clone());
        rtc.register("publishers_left", "Publishers gone, by reason", self.publishers_left.clone());
        rtc.register("received_packets", "Media packets passed to a source", self.received_packets.clone());
        rtc.register("unwanted_packets", "Media packets that nobody wanted", self.unwanted_packets.clone());
        rtc.register(
            "dropped_packets",
            "Media packets a source had no room for",
            self.dropped_packets.clone(),
        );
        rtc.register("pictures_asked", "Whole pictures asked of publishers", self.pictures_asked.clone());
    }

    fn register_destinations(&self, rtc: &mut Registry) {
        rtc.register("destinations", "Servers that are published to", self.destinations.clone());
        rtc.register("destinations_joined", "Answers of servers taken", self.destinations_joined.clone());
        rtc.register("destinations_left", "Servers gone, by reason", self.destinations_left.clone());
    }

    fn register_tcp(&self, rtc: &mut Registry) {
        rtc.register("tcp_connections", "Connections of TCP that are open", self.tcp_connections.clone());
        rtc.register("tcp_refused", "Connections of TCP refused, by reason", self.tcp_refused.clone());
        rtc.register("tcp_sent_packets", "Packets queued to be sent over TCP", self.tcp_sent_packets.clone());
        rtc.register(
            "tcp_unsent_packets",
            "Packets that there was no room for, or no connection of TCP",
            self.tcp_unsent_packets.clone(),
        );
        rtc.register("relayed_packets", "Packets queued to be sent by relays of TURN", self.relayed.clone());
        rtc.register(
            "unrelayed_packets",
            "Packets that a relay had no room for, or that was lost",
            self.unrelayed.clone(),
        );
    }

    pub(super) fn tcp_refused(&self, why: Refusal) {
        self.tcp_refused.get_or_create(&RefusedLabel { why }).inc();
    }

    #[cfg(test)]
    pub(super) fn refused_for(&self, why: Refusal) -> u64 {
        self.tcp_refused.get_or_create(&RefusedLabel { why }).get()
    }

    pub(super) fn viewer_joined(&self, step: rendition::Step) {
        self.viewers.inc();
        self.shown(step).inc();
        self.joined.inc();
    }

    pub(super) fn moved(&self, from: rendition::Step, to: rendition::Step) {
        self.shown(from).dec();
        self.shown(to).inc();
        let way = if to > from { Way::Up } else { Way::Down };
        self.moves.get_or_create(&WayLabel { way }).inc();
    }

    fn shown(&self, step: rendition::Step) -> Gauge {
        let step = match step {
            rendition::Step::Full => Step::Full,
            rendition::Step::Half => Step::Half,
            rendition::Step::Quarter => Step::Quarter,
        };
        self.shown.get_or_create(&StepLabel { step }).clone()
    }

    pub(super) fn viewer_left(&self, step: rendition::Step, why: Why) {
        self.viewers.dec();
        self.shown(step).dec();
        self.left.get_or_create(&LeftLabel { why }).inc();
    }

    /// Counts how long the first frame takes, to a server that is published to or to a viewer.
    pub(super) fn first_frame(&self, is_published: bool) -> Histogram {
        let to = if is_published { To::Destination } else { To::Viewer };
        self.first_frame.0.get_or_create(&ToLabel { to }).clone()
    }

    pub(super) fn publisher_left(&self, why: Why) {
        self.publishers.dec();
        self.publishers_left.get_or_create(&LeftLabel { why }).inc();
    }

    pub(super) fn destination_joined(&self) {
        self.destinations.inc();
        self.destinations_joined.inc();
    }

    pub(super) fn destination_left(&self, why: Why) {
        self.destinations.dec();
        self.destinations_left.get_or_create(&LeftLabel { why }).inc();
    }

    pub(super) fn delivered(&self, delivery: &Delivery) {
        self.received_packets.inc_by(delivery.taken);
        self.unwanted_packets.inc_by(delivery.unwanted);
        self.dropped_packets.inc_by(delivery.dropped);
        self.pictures_asked.inc_by(delivery.refreshed);
    }
}
