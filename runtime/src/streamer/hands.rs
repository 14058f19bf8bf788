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
