//! One streamer, with the places of those who watch it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{oneshot, watch};
use understudy_core::steering::Peer;
use understudy_core::steering::seat::Role;
use understudy_core::streamer::identity::{Identity, Known, Memory};
use understudy_core::streamer::life::{Event, Life};
use understudy_core::streamer::message::Mode;
use understudy_core::streamer::order::Shape;
use understudy_core::streamer::{Id, view};

use super::super::mail::{Farewell, Standing};
use super::super::scenes::Which;

pub(super) struct Entry {
    pub(super) life: Life,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) tenure: Tenure,
    /// What it shows.
    pub(super) which: Which,
    /// Who was here.
    pub(super) memory: Memory,
    created: SystemTime,
    places: BTreeMap<Peer, Seated>,
}

/// What it is to be.
pub(super) struct Asked {
    pub(super) which: Which,
    pub(super) shape: Shape,
    /// Nobody for so long: it ends.
    pub(super) idle: Option<Duration>,
}

/// Whose it is.
pub(super) enum Tenure {
    /// Nobody's.
    Streamer,
    Session {
        mode: Mode,
        client: Option<String>,
        /// Who came by the older socket last, and is there.
        holder: Option<(Peer, Role)>,
    },
}

struct Seated {
    peer_id: String,
    identity: Option<Identity>,
    since: SystemTime,
    is_live: bool,
    farewell: Option<oneshot::Sender<Farewell>>,
}

impl Tenure {
    pub(super) const fn session(mode: Mode, client: Option<String>) -> Self {
        Self::Session { mode, client, holder: None }
    }
}

impl Entry {
    pub(super) fn new(Asked { which, shape, idle }: Asked, tenure: Tenure, now: Instant) -> Self {
        let life = Life::new(idle, now);
        let standing = watch::Sender::new(Standing { stage: life.status().into(), shape });
        Self {
            life,
            standing,
            tenure,
            which,
            memory: Memory::default(),
            created: SystemTime::now(),
            places: BTreeMap::new(),
        }
    }

    /// What is there to be seen now, of that shape.
    pub(super) fn see(&mut self, shown: Option<Shape>, now: Instant) {
        self.life.on(if shown.is_some() { Event::Shown } else { Event::Lost }, now);
        let stage = self.life.status().into();
        self.standing.send_if_modified(|standing| {
            let told = Standing { stage, shape: shown.unwrap_or(standing.shape) };
            std::mem::replace(standing, told) != told
        });
    }

    /// What has come of it in the meantime.
    pub(super) fn tell(&self) {
        let stage = self.life.status().into();
        self.standing.send_if_modified(|standing| std::mem::replace(&mut standing.stage, stage) != stage);
    }

    /// Whoever was sent away takes no place of others.
    pub(super) fn peers(&self) -> usize {
        self.places.values().filter(|place| place.farewell.is_some()).count()
    }

    pub(super) fn live_peers(&self) -> usize {
        self.places.values().filter(|place| place.is_live).count()
    }

    /// A place for one more; what it hears at the end.
    pub(super) fn seat(
        &mut self,
        peer: Peer,
        (peer_id, identity): (String, Option<Identity>),
        now: Instant,
    ) -> oneshot::Receiver<Farewell> {
        let (farewell, heard) = oneshot::channel();
        let place =
            Seated { peer_id, identity, since: SystemTime::now(), is_live: false, farewell: Some(farewell) };
        self.places.insert(peer, place);
        self.life.on(Event::Watched(self.places.len()), now);
        heard
    }

    pub(super) fn live(&mut self, peer: Peer) {
        if let Some(place) = self.places.get_mut(&peer) {
            place.is_live = true;
        }
    }

    /// `known`: what it was to others.
    pub(super) fn leave(&mut self, peer: Peer, known: Option<Known>, now: Instant) {
        let identity = self.places.remove(&peer).and_then(|place| place.identity);
        // Whoever was replaced is known to nobody any more.
        if let Some((identity, known)) = identity.zip(known) {
            self.memory.leaves(identity, known, now);
        }
        if let Tenure::Session { holder, .. } = &mut self.tenure {
            *holder = holder.filter(|(holder, _)| *holder != peer);
        }
        self.life.on(Event::Watched(self.places.len()), now);
    }

    /// Who of that identity is here.
    pub(super) fn here(&self, identity: &Identity) -> Option<Peer> {
        let is_it = |place: &Seated| place.farewell.is_some() && place.identity.as_ref() == Some(identity);
        self.places.iter().find(|(_, place)| is_it(place)).map(|(peer, _)| *peer)
    }

    pub(super) fn send_away(&mut self, peer: Peer, farewell: Farewell) {
        let last = self.places.get_mut(&peer).and_then(|place| place.farewell.take());
        // Who is gone hears nothing.
        last.map(|last| last.send(farewell));
    }

    pub(super) fn hold(&mut self, peer: Peer, role: Role) {
        if let Tenure::Session { holder, .. } = &mut self.tenure {
            *holder = Some((peer, role));
        }
    }

    /// What somebody's token allows is something else now.
    pub(super) fn rank(&mut self, peer: Peer, role: Role) {
        if let Tenure::Session { holder: Some((holder, held)), .. } = &mut self.tenure
            && *holder == peer
        {
            *held = role;
        }
    }

    /// Whether one of that role may have the session: whoever only looks sends nobody away who does more.
    pub(super) fn yields_to(&self, role: Role) -> bool {
        let Tenure::Session { holder, .. } = &self.tenure else { return true };
        holder.is_none_or(|(_, held)| role >= held)
    }

    /// Sends away whoever has the session.
    pub(super) fn kick(&mut self) {
        let Tenure::Session { holder, .. } = &mut self.tenure else { return };
        if let Some((holder, _)) = holder.take() {
            self.send_away(holder, Farewell::Kicked);
        }
    }

    /// Says goodbye to all.
    pub(super) fn dismiss(&mut self, farewell: Farewell) {
        for place in self.places.values_mut() {
            if let Some(last) = place.farewell.take() {
                let _ = last.send(farewell);
            }
        }
    }

    pub(super) fn view(&self, id: &Id) -> view::Streamer {
        let here = self.places.values().filter(|place| place.farewell.is_some());
        let peers = here.map(|place| view::Peer {
            peer_id: place.peer_id.clone(),
            connected_at: rfc3339(place.since),
            is_live: place.is_live,
        });
        let (shape, created) = (self.standing.borrow().shape, rfc3339(self.created));
        view::Streamer::new(id.as_str(), &self.life, shape, created, peers.collect())
    }

    /// As a session of the older socket, if it is one.
    pub(super) fn session(&self, id: &Id) -> Option<view::Session> {
        let Tenure::Session { mode, client, holder } = &self.tenure else { return None };
        Some(view::Session {
            session_id: id.to_string(),
            client_unique_id: client.clone(),
            mode: mode.name(),
            has_websocket: holder.is_some(),
        })
    }
}

fn rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).unwrap_or_default().to_string()
}
