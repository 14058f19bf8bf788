//! What those who watch do on the display: whose message is taken, and who is told whose turn it is.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::watch;
use understudy_core::steering::allowance::{Allowance, Cost};
use understudy_core::steering::seat::{Event, Mode, Refusal, Role, Seats, Told};
use understudy_core::steering::wire::Channel;
use understudy_core::steering::{Input, Peer};
use understudy_core::streamer::message::Standing;

use super::metrics::{Fate, Metrics};
use super::{Steering, now};
use crate::access;
use crate::steering::Desk;

/// The one keyboard and pointer that all who may share. Clones are the same.
#[derive(Clone)]
pub struct Table(Arc<Inner>);

struct Inner {
    /// None: nobody steers.
    seats: Option<Mutex<Seats>>,
    desk: Desk,
    seating: watch::Sender<Seating>,
    metrics: Metrics,
}

/// Where one steers at a time: who does, and who has asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seating {
    pub(super) host: Option<Peer>,
    pub(super) asked: Option<Peer>,
}

/// Of one who watches.
pub(super) struct Hands {
    table: Table,
    peer: Peer,
    allowance: Allowance,
}

impl Table {
    pub fn new(steering: Steering, desk: Desk, metrics: Metrics) -> Self {
        let mode = match steering {
            Steering::Union => Some(Mode::Union),
            Steering::Host => Some(Mode::Host { idle: understudy_core::steering::seat::IDLE }),
            Steering::Off => None,
        };
        let seats = mode.map(|mode| Mutex::new(Seats::new(mode)));
        Self(Arc::new(Inner { seats, desk, seating: watch::Sender::default(), metrics }))
    }

    /// Somebody comes, goes, or asks for the control. None: it is done, or there is nothing to be done.
    pub(super) fn on(&self, event: Event) -> Option<Refusal> {
        let seats = self.0.seats.as_ref()?;
        let gone = if let Event::Leave(peer) = event { Some(peer) } else { None };
        let told = seats.lock().on(event, now());
        let mut refused = None;
        for told in told {
            match told {
                Told::HostIs(host) => drop(self.0.seating.send_replace(Seating { host, asked: None })),
                Told::Asked { by } => self.0.seating.send_modify(|seating| seating.asked = Some(by)),
                Told::Refused { why, .. } => refused = Some(why),
                Told::Released(peer) => self.0.desk.leave(peer),
            }
        }
        // Also where nobody has a seat to lose.
        if let Some(gone) = gone {
            self.0.desk.leave(gone);
        }
        refused
    }

    /// When time alone changes who steers.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.seats.as_ref()?.lock().expires_at()
    }

    pub(super) fn seating(&self) -> watch::Receiver<Seating> {
        self.0.seating.subscribe()
    }

    /// As others know that peer.
    pub(super) fn name(&self, peer: Peer) -> Option<String> {
        let seats = self.0.seats.as_ref()?.lock();
        seats.here().get(&peer).map(|guest| guest.name.clone())
    }

    /// Who is known by that.
    pub(super) fn named(&self, name: &str) -> Option<Peer> {
        let seats = self.0.seats.as_ref()?.lock();
        seats.here().iter().find(|(_, guest)| guest.name == name).map(|(peer, _)| *peer)
    }

    /// How it stands for that peer.
    pub(super) fn standing(&self, peer: Peer, role: access::Role) -> Standing {
        let Some(seats) = &self.0.seats else { return Standing::Watches };
        let seats = seats.lock();
        match (seats.mode(), seats.host()) {
            _ if role < access::Role::Control => Standing::Watches,
            (Mode::Union, _) => Standing::Steers,
            (Mode::Host { .. }, Some(host)) if host == peer => Standing::Steers,
            (Mode::Host { .. }, _) => Standing::Waits,
        }
    }

    /// The session has another display, or none.
    pub(super) fn show(&self, display: Option<String>) {
        self.0.desk.show(display);
    }

    fn may_steer(&self, peer: Peer, now: Instant) -> bool {
        self.0.seats.as_ref().is_some_and(|seats| seats.lock().may_steer(peer, now))
    }
}

impl Hands {
    pub(super) fn new(table: Table, peer: Peer) -> Self {
        Self { table, peer, allowance: Allowance::new(now()) }
    }

    /// A message of a data channel: what it asks for is done, if it may be.
    pub(super) fn hear(&mut self, label: &str, message: &[u8]) {
        let fate = self.judge(label, message);
        self.table.0.metrics.input(fate);
    }

    fn judge(&mut self, label: &str, message: &[u8]) -> Fate {
        // What is on channels of others' making is not for us.
        let Some(channel) = Channel::of(label) else { return Fate::Malformed };
        let input = match channel.read(message) {
            Ok(input) => input,
            Err(error) => {
                tracing::debug!(%error, label, "a message of a data channel says nothing");
                return Fate::Malformed;
            }
        };
        self.take(input)
    }

    fn take(&mut self, input: Input) -> Fate {
        let now = now();
        if !self.table.may_steer(self.peer, now) {
            return Fate::Refused;
        }
        if !self.allowance.allows(now, Cost::of(&input)) {
            return Fate::TooMany;
        }
        self.table.0.desk.input(self.peer, input);
        Fate::Taken
    }

    /// Whatever it holds and nobody else is let go of.
    pub(super) fn let_go(&self) {
        self.table.0.desk.leave(self.peer);
    }
}

/// Of a bearer, at the table.
pub(super) const fn seated(role: access::Role) -> Role {
    match role {
        access::Role::View => Role::View,
        access::Role::Control => Role::Control,
        access::Role::Admin => Role::Admin,
    }
}

#[cfg(test)]
mod tests {
    use understudy_core::steering::keys::Layout;

    use super::*;
    use crate::steering;

    const ADA: Peer = Peer(1);
    const BOB: Peer = Peer(2);

    fn table(steering: Steering) -> Table {
        let desk = Desk::open(Layout::default(), steering::Metrics::default()).unwrap();
        let table = Table::new(steering, desk, Metrics::default());
        for (peer, role, name) in [(ADA, Role::Control, "ada"), (BOB, Role::Control, "bob")] {
            table.on(Event::Join { peer, role, name: name.to_owned() });
        }
        table
    }

    /// A letter, down.
    fn press(table: &Table, peer: Peer) -> Fate {
        Hands::new(table.clone(), peer).judge("keyboard", &[0, 1, 0, 0, 0x41])
    }

    #[tokio::test]
    async fn together_all_who_may_steer_do_and_with_nobody_at_it_none() {
        let union = table(Steering::Union);
        assert_eq!([press(&union, ADA), press(&union, BOB)], [Fate::Taken, Fate::Taken]);
        assert_eq!(press(&union, Peer(3)), Fate::Refused, "it has not come");
        assert_eq!(union.standing(ADA, access::Role::Control), Standing::Steers);
        assert_eq!(union.standing(ADA, access::Role::View), Standing::Watches);
        let off = table(Steering::Off);
        assert_eq!(press(&off, ADA), Fate::Refused);
        assert_eq!(off.standing(ADA, access::Role::Admin), Standing::Watches);
    }

    #[tokio::test]
    async fn one_at_a_time_steers_who_has_the_control_and_all_are_told_who_that_is() {
        let table = table(Steering::Host);
        let seating = table.seating();
        assert_eq!(press(&table, ADA), Fate::Refused);
        assert_eq!(table.on(Event::Request(ADA)), None);
        assert_eq!([press(&table, ADA), press(&table, BOB)], [Fate::Taken, Fate::Refused]);
        table.on(Event::Request(BOB));
        assert_eq!(*seating.borrow(), Seating { host: Some(ADA), asked: Some(BOB) });
        assert_eq!((table.name(BOB).as_deref(), table.named("ada")), (Some("bob"), Some(ADA)));
        assert_eq!(table.standing(BOB, access::Role::Control), Standing::Waits);
        assert!(table.due().is_some(), "who does nothing loses it to who has asked");
        assert!(table.on(Event::Take(BOB)).is_some(), "it is an administrator's right");
        table.on(Event::Leave(ADA));
        assert_eq!([press(&table, ADA), press(&table, BOB)], [Fate::Refused, Fate::Taken]);
    }

    #[tokio::test]
    async fn what_says_nothing_or_comes_too_often_is_not_done() {
        let table = table(Steering::Union);
        let mut hands = Hands::new(table, ADA);
        for (label, message) in [
            ("keyboard", &[][..]),
            ("keyboard", &[9]),
            ("gossip", &[0, 1, 0, 0, 0x41]),
            ("controllers", &[0]),
        ] {
            assert_eq!(hands.judge(label, message), Fate::Malformed, "{label} {message:?}");
        }
        let moves = (0..1000).map(|_| hands.judge("mouse", &[0, 0, 1, 0, 1])).collect::<Vec<_>>();
        assert!(moves.contains(&Fate::Taken) && moves.last() == Some(&Fate::TooMany));
        assert_eq!(hands.judge("keyboard", &[0, 0, 0, 0, 0x41]), Fate::Taken, "an end is never dropped");
    }
}
