//! What those who watch do on the display: whose message is taken, and who is told whose turn it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use understudy_core::spec::Sharing as Document;
use understudy_core::steering::allowance::Allowance;
use understudy_core::steering::keys::Layout;
use understudy_core::steering::seat::{Event, Mode, Refusal, Role, Seats, Told};
use understudy_core::steering::wire::Channel;
use understudy_core::steering::{Input, Peer, Place};
use understudy_core::streamer::identity::Known;
use understudy_core::streamer::message::Standing;
use understudy_core::streamer::talk;

use super::metrics::{Fate, Metrics};
use super::now;
use crate::access;
use crate::steering::Desk;

/// Between two places to which one points, as others are told.
const POINTS: Duration = Duration::from_millis(50);
/// Of places that somebody has not been told of yet; older ones are of no use.
const POINTED: usize = 64;

/// How those who watch share what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    pub mode: Mode,
    pub layout: Layout,
    /// What is copied goes to and fro.
    pub clipboard: bool,
    /// Of each streamer, at once.
    pub most_viewers: usize,
}

impl Sharing {
    /// What the session's document says of it counts.
    pub(super) fn told(self, document: &Document) -> Self {
        Self {
            mode: document.mode.unwrap_or(self.mode),
            layout: document.layout.unwrap_or(self.layout),
            clipboard: document.clipboard.unwrap_or(self.clipboard),
            most_viewers: document.max_viewers.map_or(self.most_viewers, |most| most as usize),
        }
    }
}

/// The one keyboard and pointer that all who may share. Clones are the same.
#[derive(Clone)]
pub struct Table(Arc<Inner>);

struct Inner {
    seats: Mutex<Seats>,
    desk: Desk,
    seating: watch::Sender<Seating>,
    cursors: broadcast::Sender<(Peer, Place)>,
    metrics: Metrics,
}

/// Who is here. Where one steers at a time: who does, and who has asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seating {
    pub(super) here: BTreeMap<Peer, Guest>,
    pub(super) host: Option<Peer>,
    pub(super) asked: Option<Peer>,
    pub(super) sharing: Sharing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guest {
    /// As others know it.
    pub(super) id: String,
    /// As people call it.
    pub(super) name: String,
    pub(super) role: Role,
}

impl Seating {
    fn role(&self, peer: Peer) -> Option<Role> {
        self.here.get(&peer).map(|guest| guest.role)
    }

    pub(super) fn people(&self) -> Vec<talk::Person> {
        let person = |(peer, guest): (&Peer, &Guest)| talk::Person {
            id: guest.id.clone(),
            name: guest.name.clone(),
            role: guest.role,
            host: self.host == Some(*peer),
        };
        self.here.iter().map(person).collect()
    }
}

/// Of one who watches.
pub(super) struct Hands {
    table: Table,
    peer: Peer,
    allowance: Allowance,
    pointed: Option<Instant>,
}

impl Table {
    pub fn new(sharing: Sharing, desk: Desk, metrics: Metrics) -> Self {
        let seats = Mutex::new(Seats::new(sharing.mode));
        let seating = watch::Sender::new(Seating { sharing, ..Seating::default() });
        let cursors = broadcast::Sender::new(POINTED);
        Self(Arc::new(Inner { seats, desk, seating, cursors, metrics }))
    }

    /// From now on it is shared so. Whoever may steer no longer lets go.
    pub(super) fn share(&self, sharing: Sharing) {
        if self.sharing() == sharing {
            return;
        }
        self.0.desk.lay_out(sharing.layout);
        self.on(Event::Mode(sharing.mode));
        // Last: whoever is told of it then asks how it stands.
        self.0.seating.send_modify(|seating| seating.sharing = sharing);
    }

    /// Somebody comes, as others know them, with the name by which they went before if they were here.
    pub(super) fn join(&self, peer: Peer, role: Role, (id, name): (String, Option<String>)) {
        let guest = Guest { id, name: name.unwrap_or_else(|| format!("Guest {}", peer.0)), role };
        self.0.seating.send_modify(|seating| drop(seating.here.insert(peer, guest)));
        self.on(Event::Join { peer, role });
    }

    /// What somebody who leaves was to others.
    pub(super) fn known_as(&self, peer: Peer) -> Option<Known> {
        let seating = self.0.seating.borrow();
        let Guest { id, name, .. } = seating.here.get(&peer)?.clone();
        Some(Known { peer_id: id, name, was_host: seating.host == Some(peer) })
    }

    /// Somebody goes, or asks for the control. None: it is done, or there is nothing to be done.
    pub(super) fn on(&self, event: Event) -> Option<Refusal> {
        match &event {
            Event::Leave(peer) => self.0.seating.send_modify(|seating| drop(seating.here.remove(peer))),
            Event::Rank { peer, role } => self.0.seating.send_modify(|seating| {
                seating.here.entry(*peer).and_modify(|guest| guest.role = *role);
            }),
            Event::Replace { before, now } => self.0.seating.send_modify(|seating| {
                let name = seating.here.remove(before).map(|guest| guest.name);
                if let (Some(name), Some(guest)) = (name, seating.here.get_mut(now)) {
                    guest.name = name;
                }
            }),
            _ => {}
        }
        let gone = match event {
            Event::Leave(peer) | Event::Replace { before: peer, .. } => Some(peer),
            _ => None,
        };
        let mut refused = None;
        // Held until what it holds is let go of: whatever one sends who has lost the seat comes before that, or is refused.
        let mut seats = self.0.seats.lock();
        for told in seats.on(event, now()) {
            match told {
                Told::HostIs(_) | Told::Asked { .. } => {}
                Told::Refused { why, .. } => refused = Some(why),
                Told::Released(peer) => self.0.desk.leave(peer),
            }
        }
        // Also where nobody has a seat to lose.
        if let Some(gone) = gone {
            self.0.desk.leave(gone);
        }
        let (host, asked) = (seats.host(), seats.asked());
        self.0.seating.send_if_modified(|seating| {
            let was = (seating.host, seating.asked);
            (seating.host, seating.asked) = (host, asked);
            was != (host, asked)
        });
        refused
    }

    /// When time alone changes who steers.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.seats.lock().expires_at()
    }

    pub(super) fn seating(&self) -> watch::Receiver<Seating> {
        self.0.seating.subscribe()
    }

    /// Where those who point do so.
    pub(super) fn cursors(&self) -> broadcast::Receiver<(Peer, Place)> {
        self.0.cursors.subscribe()
    }

    /// What was copied in the session.
    pub(super) fn copied(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.0.desk.copied()
    }

    /// As others know that peer.
    pub(super) fn id(&self, peer: Peer) -> Option<String> {
        self.0.seating.borrow().here.get(&peer).map(|guest| guest.id.clone())
    }

    /// Who is known by that.
    pub(super) fn known(&self, id: &str) -> Option<Peer> {
        self.0.seating.borrow().here.iter().find(|(_, guest)| guest.id == id).map(|(peer, _)| *peer)
    }

    /// Whoever has no name that can be seen keeps the one before.
    pub(super) fn rename(&self, peer: Peer, said: &str) {
        let name = talk::name(said);
        self.0.seating.send_if_modified(|seating| {
            let guest = seating.here.get_mut(&peer).filter(|guest| !name.is_empty() && guest.name != name);
            guest.map(|guest| guest.name = name).is_some()
        });
    }

    pub(super) fn mode(&self) -> talk::Mode {
        match self.sharing().mode {
            Mode::Union => talk::Mode::Union,
            Mode::Host { .. } => talk::Mode::Host,
            Mode::Off => talk::Mode::Off,
        }
    }

    pub(super) fn layout(&self) -> &'static str {
        self.sharing().layout.name()
    }

    fn sharing(&self) -> Sharing {
        self.0.seating.borrow().sharing
    }

    /// With that peer.
    pub(super) fn shares_clipboard(&self, peer: Peer) -> bool {
        let seating = self.0.seating.borrow();
        let Sharing { mode, clipboard, .. } = seating.sharing;
        clipboard && mode != Mode::Off && seating.role(peer) >= Some(Role::Control)
    }

    /// Puts a text into the session's clipboard, of one who steers. Whether it is there before what is done after it.
    pub(super) fn copy(&self, peer: Peer, text: String) -> bool {
        let may = self.shares_clipboard(peer) && self.may_steer(peer, now());
        may && self.0.desk.copy(text.into())
    }

    /// How it stands for that peer.
    pub(super) fn standing(&self, peer: Peer) -> Standing {
        let seats = self.0.seats.lock();
        match (seats.mode(), seats.host()) {
            _ if self.0.seating.borrow().role(peer) < Some(Role::Control) => Standing::Watches,
            (Mode::Off, _) => Standing::Watches,
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
        self.0.seats.lock().may_steer(peer, now)
    }
}

impl Hands {
    pub(super) fn new(table: Table, peer: Peer) -> Self {
        Self { table, peer, allowance: Allowance::new(now()), pointed: None }
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
        // Until it is on its way: see `Table::on`.
        let mut seats = self.table.0.seats.lock();
        if !seats.may_steer(self.peer, now) {
            return Fate::Refused;
        }
        if !self.allowance.admits(now, &input) {
            return Fate::TooMany;
        }
        if let Input::Point(place) = input
            && self.pointed.is_none_or(|pointed| pointed + POINTS <= now)
        {
            self.pointed = Some(now);
            // There may be nobody who is told.
            let _ = self.table.0.cursors.send((self.peer, place));
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
mod tests;
