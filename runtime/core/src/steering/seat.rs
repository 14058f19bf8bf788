//! Who may steer: everybody at once, one at a time who has the seat, or nobody.
//!
//! ```text
//!            request, take                              request: asked ─┐
//! vacant ──────────────────────────▶ taken{host, asked} ◀───────────────┘
//!    ▲                                  │   │   ▲
//!    └──── release, leave: nobody asked ┘   └───┘ give, take: whom it is given to
//!                                                 release, leave, idle: who asked first
//! ```
//!
//! A host who sends nothing keeps the seat for as long as nobody asks for it. Who loses the seat, or the right to steer, is told
//! to have let go: what it holds is to be released.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Peer;

/// A host reads and thinks for that long before somebody who has asked takes over.
pub const IDLE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All who have control steer together.
    #[default]
    Union,
    /// One at a time.
    Host { idle: Duration },
    /// Nobody.
    Off,
}

/// What a peer's token allows; each also what is before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Role {
    View,
    Control,
    Admin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Once for each.
    Join {
        peer: Peer,
        role: Role,
    },
    Leave(Peer),
    /// Its right is another from now on.
    Rank {
        peer: Peer,
        role: Role,
    },
    /// The same person, by another connection: what the one before had of the seat it has now.
    Replace {
        before: Peer,
        now: Peer,
    },
    /// Somebody would like the seat.
    Request(Peer),
    /// Its host, or an admin, gives it away.
    Give {
        by: Peer,
        to: Peer,
    },
    /// An admin does not ask.
    Take(Peer),
    /// Its host needs it no more; or somebody no longer asks.
    Release(Peer),
    Mode(Mode),
    /// It is [`Seats::expires_at`].
    Timeout,
}

/// What is to be told, and whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// To all.
    HostIs(Option<Peer>),
    /// To the host.
    Asked { by: Peer },
    /// To whoever did what was refused.
    Refused { peer: Peer, why: Refusal },
    /// Of one who may steer no longer: what it holds is to be released.
    Released(Peer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("everybody with control steers here: there is no seat to ask for")]
    NoSeat,
    #[error("whoever may only look on cannot have the seat")]
    ViewOnly,
    #[error("only the host can do that")]
    NotHost,
    #[error("only an admin can do that")]
    NotAdmin,
    #[error("that peer is not here")]
    NotHere,
    #[error("nobody steers here")]
    Off,
}

#[derive(Debug)]
pub struct Seats {
    mode: Mode,
    here: BTreeMap<Peer, Role>,
    seat: Seat,
}

#[derive(Debug, PartialEq, Eq)]
enum Seat {
    /// Also while all steer together.
    Vacant,
    Taken {
        host: Peer,
        /// When the host last steered.
        active: Instant,
        /// The first to ask first; each once.
        asked: VecDeque<Peer>,
    },
}

impl Seats {
    pub fn new(mode: Mode) -> Self {
        Self { mode, here: BTreeMap::new(), seat: Seat::Vacant }
    }

    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Told> {
        let done = match event {
            Event::Join { peer, role } => {
                self.here.insert(peer, role);
                Ok(Vec::new())
            }
            Event::Leave(peer) => Ok(self.leave(peer, now)),
            Event::Rank { peer, role } => Ok(self.rank(peer, role, now)),
            Event::Replace { before, now: after } => Ok(self.replace(before, after, now)),
            Event::Request(peer) => self.request(peer, now).map_err(|why| (peer, why)),
            Event::Give { by, to } => self.give(by, to, now).map_err(|why| (by, why)),
            Event::Take(peer) => self.take(peer, now).map_err(|why| (peer, why)),
            Event::Release(peer) => self.release(peer, now).map_err(|why| (peer, why)),
            Event::Mode(mode) => Ok(self.change(mode)),
            Event::Timeout => Ok(self.timeout(now)),
        };
        done.unwrap_or_else(|(peer, why)| vec![Told::Refused { peer, why }])
    }

    /// Whether what it just sent is to be done, which shows that a host is there.
    pub fn may_steer(&mut self, peer: Peer, now: Instant) -> bool {
        match (self.mode, &mut self.seat) {
            (Mode::Union, _) => self.role(peer) >= Some(Role::Control),
            (Mode::Host { .. }, Seat::Taken { host, active, .. }) if *host == peer => {
                *active = now.max(*active);
                true
            }
            (Mode::Host { .. } | Mode::Off, _) => false,
        }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn host(&self) -> Option<Peer> {
        match &self.seat {
            Seat::Taken { host, .. } => Some(*host),
            Seat::Vacant => None,
        }
    }

    /// Who has asked for the seat last, and still does.
    pub fn asked(&self) -> Option<Peer> {
        match &self.seat {
            Seat::Taken { asked, .. } => asked.back().copied(),
            Seat::Vacant => None,
        }
    }

    /// When a host who sends nothing loses the seat to somebody who has asked.
    pub fn expires_at(&self) -> Option<Instant> {
        match (self.mode, &self.seat) {
            (Mode::Host { idle }, Seat::Taken { active, asked, .. }) if !asked.is_empty() => {
                active.checked_add(idle)
            }
            _ => None,
        }
    }

    fn leave(&mut self, peer: Peer, now: Instant) -> Vec<Told> {
        if self.here.remove(&peer).is_none() {
            return Vec::new();
        }
        self.forget_asking(peer);
        if self.host() == Some(peer) { self.pass_on(now) } else { vec![Told::Released(peer)] }
    }

    fn rank(&mut self, peer: Peer, role: Role, now: Instant) -> Vec<Told> {
        let Some(was) = self.here.get_mut(&peer) else { return Vec::new() };
        let could = std::mem::replace(was, role) >= Role::Control;
        if !could || role >= Role::Control {
            return Vec::new();
        }
        self.forget_asking(peer);
        if self.host() == Some(peer) { self.pass_on(now) } else { vec![Told::Released(peer)] }
    }

    fn replace(&mut self, before: Peer, after: Peer, now: Instant) -> Vec<Told> {
        if before == after {
            return Vec::new();
        }
        let may = self.role(after) >= Some(Role::Control);
        match &mut self.seat {
            Seat::Taken { host, active, .. } if *host == before && may => {
                (*host, *active) = (after, now);
                self.here.remove(&before);
                self.forget_asking(after);
                return vec![Told::Released(before), Told::HostIs(Some(after))];
            }
            Seat::Taken { asked, .. } if may => {
                asked.iter_mut().filter(|by| **by == before).for_each(|by| *by = after);
            }
            Seat::Taken { .. } | Seat::Vacant => {}
        }
        self.leave(before, now)
    }

    fn request(&mut self, peer: Peer, now: Instant) -> Result<Vec<Told>, Refusal> {
        self.check(peer)?;
        match &mut self.seat {
            Seat::Vacant => Ok(self.seat_for(peer, now)),
            Seat::Taken { host, asked, .. } if *host == peer || asked.contains(&peer) => Ok(Vec::new()),
            Seat::Taken { asked, .. } => {
                asked.push_back(peer);
                Ok(vec![Told::Asked { by: peer }])
            }
        }
    }

    fn give(&mut self, by: Peer, to: Peer, now: Instant) -> Result<Vec<Told>, Refusal> {
        self.check(by)?;
        if self.host() != Some(by) && self.role(by) != Some(Role::Admin) {
            return Err(Refusal::NotHost);
        }
        self.check(to)?;
        Ok(self.seat_for(to, now))
    }

    fn take(&mut self, peer: Peer, now: Instant) -> Result<Vec<Told>, Refusal> {
        self.check(peer)?;
        match self.role(peer) {
            Some(Role::Admin) => Ok(self.seat_for(peer, now)),
            _ => Err(Refusal::NotAdmin),
        }
    }

    fn release(&mut self, peer: Peer, now: Instant) -> Result<Vec<Told>, Refusal> {
        self.check(peer)?;
        if self.host() == Some(peer) {
            return Ok(self.pass_on(now));
        }
        if self.forget_asking(peer) { Ok(Vec::new()) } else { Err(Refusal::NotHost) }
    }

    /// Whoever steered, and steers no longer by the new mode, lets go.
    fn change(&mut self, mode: Mode) -> Vec<Told> {
        let before = std::mem::replace(&mut self.mode, mode);
        let is_other = std::mem::discriminant(&before) != std::mem::discriminant(&mode);
        if !is_other {
            return Vec::new();
        }
        let had_host = self.host();
        self.seat = Seat::Vacant;
        let released: Vec<_> = match (before, mode) {
            (Mode::Union, _) => {
                self.here.iter().filter(|(_, role)| **role >= Role::Control).map(|(peer, _)| *peer).collect()
            }
            // What the host holds it may go on to hold.
            (_, Mode::Union) => Vec::new(),
            _ => had_host.into_iter().collect(),
        };
        let nobody = (had_host.is_some() || matches!(mode, Mode::Host { .. })).then_some(Told::HostIs(None));
        released.into_iter().map(Told::Released).chain(nobody).collect()
    }

    fn timeout(&mut self, now: Instant) -> Vec<Told> {
        if self.expires_at().is_some_and(|at| at <= now) { self.pass_on(now) } else { Vec::new() }
    }

    /// To who asked first, or to nobody.
    fn pass_on(&mut self, now: Instant) -> Vec<Told> {
        let Seat::Taken { host, asked, .. } = &mut self.seat else { return Vec::new() };
        match (asked.pop_front(), *host) {
            (Some(next), _) => self.seat_for(next, now),
            (None, host) => {
                self.seat = Seat::Vacant;
                vec![Told::Released(host), Told::HostIs(None)]
            }
        }
    }

    /// Others who have asked go on asking, now of the new host.
    fn seat_for(&mut self, peer: Peer, now: Instant) -> Vec<Told> {
        let before = self.host();
        if before == Some(peer) {
            return Vec::new();
        }
        self.forget_asking(peer);
        let asked = match std::mem::replace(&mut self.seat, Seat::Vacant) {
            Seat::Taken { asked, .. } => asked,
            Seat::Vacant => VecDeque::new(),
        };
        let asking = asked.clone().into_iter().map(|by| Told::Asked { by });
        self.seat = Seat::Taken { host: peer, active: now, asked };
        before.map(Told::Released).into_iter().chain([Told::HostIs(Some(peer))]).chain(asking).collect()
    }

    fn forget_asking(&mut self, peer: Peer) -> bool {
        let Seat::Taken { asked, .. } = &mut self.seat else { return false };
        let before = asked.len();
        asked.retain(|by| *by != peer);
        asked.len() < before
    }

    /// It could have the seat.
    fn check(&self, peer: Peer) -> Result<(), Refusal> {
        match (self.mode, self.role(peer)) {
            (_, None) => Err(Refusal::NotHere),
            (Mode::Off, _) => Err(Refusal::Off),
            (Mode::Union, _) => Err(Refusal::NoSeat),
            (_, Some(Role::View)) => Err(Refusal::ViewOnly),
            (_, Some(_)) => Ok(()),
        }
    }

    /// None: it is not here.
    pub fn role(&self, peer: Peer) -> Option<Role> {
        self.here.get(&peer).copied()
    }
}

#[cfg(test)]
mod tests;
