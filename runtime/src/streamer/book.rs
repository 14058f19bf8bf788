//! Who is there: one task owns all streamers and the places of all who watch.

mod entry;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::steering::{Peer, seat};
use understudy_core::streamer::identity::Known;
use understudy_core::streamer::life::Event;
use understudy_core::streamer::message::{First, Told};
use understudy_core::streamer::order::{Order, Refusal};
use understudy_core::streamer::tenure::{Step, step};
use understudy_core::streamer::{Id, MOST, view};
use uuid::Uuid;

use super::mail::{Claimed, Farewell, Mail, Place, Refused, Standing, Visitor};
use super::metrics::Metrics;
use super::scenes::{Scene, Scenes};
use super::{hands, now};
use crate::access::Role;
use crate::deadline::reached;
use entry::{Asked, Entry, Tenure};

/// At the end: for last words to all who watch.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(super) struct Book {
    scenes: Scenes,
    metrics: Metrics,
    mailbox: mpsc::Sender<Mail>,
    entries: BTreeMap<Id, Entry>,
    /// Resolves with each place that is given up.
    leaving: FuturesUnordered<BoxFuture<'static, (Id, Peer, Arc<Scene>)>>,
    peers: u64,
}

impl Book {
    pub(super) fn new(scenes: Scenes, metrics: Metrics, mailbox: mpsc::Sender<Mail>) -> Self {
        let (entries, leaving) = (BTreeMap::new(), FuturesUnordered::new());
        Self { scenes, metrics, mailbox, entries, leaving, peers: 0 }
    }

    pub(super) async fn run(mut self, mut mail: mpsc::Receiver<Mail>, shutdown: CancellationToken) {
        self.scenes.follow();
        loop {
            let lives = self.entries.values().filter_map(|entry| entry.life.due());
            let due = lives.chain(self.scenes.due()).min();
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(mail) = mail.recv() => self.take(mail),
                Some((id, peer, scene)) = self.leaving.next(), if !self.leaving.is_empty() => self.left(&id, peer, &scene),
                () = self.scenes.changed() => self.follow(),
                () = reached(due.map(Into::into)) => {}
            }
            self.settle();
        }
        self.end().await;
    }

    fn take(&mut self, mail: Mail) {
        // Whoever asked may be gone.
        match mail {
            Mail::Create(order, reply) => drop(reply.send(self.create(*order))),
            Mail::List(reply) => {
                drop(reply.send(self.entries.iter().map(|(id, entry)| entry.view(id)).collect()));
            }
            Mail::One(id, reply) => drop(reply.send(self.entries.get(&id).map(|entry| entry.view(&id)))),
            Mail::Follow(id, reply) => {
                drop(reply.send(self.entries.get(&id).map(|entry| entry.standing.subscribe())));
            }
            Mail::Delete(id, reply) => drop(reply.send(self.delete(&id))),
            Mail::Sessions(reply) => {
                drop(reply.send(self.entries.iter().filter_map(|(id, entry)| entry.session(id)).collect()));
            }
            Mail::Enter(id, visitor, reply) => drop(reply.send(self.enter(&id, visitor))),
            Mail::First(first, visitor, reply) => drop(reply.send(self.first(*first, visitor))),
            Mail::Apps(reply) => drop(reply.send(self.scenes.apps())),
            Mail::Steer(scene, event, reply) => {
                if let seat::Event::Rank { peer, role } = event {
                    self.entries.values_mut().for_each(|entry| entry.rank(peer, role));
                }
                let _ = reply.send(scene.table.on(event));
            }
            Mail::Live(id, peer) => {
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.live(peer);
                }
            }
        }
    }

    fn create(&mut self, order: Order) -> Result<view::Streamer, Refused> {
        let id = order.id.clone().unwrap_or_else(made);
        let which = self.scenes.which(order.app).map_err(Refused::Order)?;
        self.begin(&id, Asked { which, shape: order.shape, idle: order.idle }, Tenure::Streamer)?;
        let entry = self.entries.get(&id).ok_or(Refused::Unknown)?;
        Ok(entry.view(&id))
    }

    fn begin(&mut self, id: &Id, asked: Asked, tenure: Tenure) -> Result<(), Refused> {
        if self.entries.contains_key(id) {
            return Err(Refused::Exists);
        }
        if self.entries.len() >= MOST {
            return Err(Refused::Full);
        }
        self.scenes.begin(&asked.which)?;
        let mut entry = Entry::new(asked, tenure, now());
        entry.see(self.scenes.shape(&entry.which), now());
        tracing::info!(streamer = %id, "a streamer begins");
        self.entries.insert(id.clone(), entry);
        Ok(())
    }

    fn enter(&mut self, id: &Id, visitor: Visitor) -> Result<Place, Refused> {
        let Visitor { bearer, role, identity } = visitor;
        let (most, now) = (self.scenes.most_viewers(), now());
        let entry = self.entries.get_mut(id).ok_or(Refused::Unknown)?;
        let scene = Arc::clone(self.scenes.of(&entry.which).ok_or(Refused::Unknown)?);
        let before = identity.as_ref().and_then(|identity| entry.here(identity));
        if before.is_none() && entry.peers() >= most {
            return Err(Refused::Crowded(entry.peers()));
        }
        self.peers += 1;
        let peer = Peer(self.peers);
        let known = match before {
            Some(before) => scene.table.known_as(before),
            None => identity.as_ref().and_then(|identity| entry.memory.returns(identity, now)),
        };
        let (peer_id, name, was_host) = match known {
            Some(Known { peer_id, name, was_host }) => (peer_id, Some(name), was_host),
            None => (Uuid::new_v4().to_string(), None, false),
        };
        scene.table.join(peer, hands::seated(role), (peer_id.clone(), name));
        match before {
            Some(before) => {
                scene.table.on(seat::Event::Replace { before, now: peer });
                entry.send_away(before, Farewell::Replaced);
            }
            // Nobody else has taken it meanwhile.
            None if was_host && scene.table.seating().borrow().host.is_none() => {
                scene.table.on(seat::Event::Request(peer));
            }
            None => {}
        }
        let farewell = entry.seat(peer, (peer_id, identity), now);
        let (there, gone) = oneshot::channel::<()>();
        let left = (id.clone(), peer, Arc::clone(&scene));
        self.leaving.push(Box::pin(async move {
            let _ = gone.await;
            left
        }));
        let (standing, mailbox) = (entry.standing.subscribe(), self.mailbox.clone());
        Ok(Place { id: id.clone(), peer, bearer, scene, standing, farewell, mailbox, _there: there })
    }

    fn first(&mut self, first: First, visitor: Visitor) -> Claimed {
        let role = visitor.role;
        let shape = match first.media.judge() {
            Ok(shape) => shape,
            Err(Refusal::Host) => return Claimed::Told(Told::HostNotFound),
            Err(Refusal::App { .. }) => return Claimed::Told(Told::AppNotFound),
            Err(Refusal::Invalid(why)) => return Claimed::Left(Some(why)),
        };
        let Ok(which) = self.scenes.which(first.media.app_id) else {
            return Claimed::Told(Told::AppNotFound);
        };
        let (id, mode) = first.session.map_or_else(|| (made(), None), |(id, mode)| (id, Some(mode)));
        let is_session = |entry: &Entry| matches!(entry.tenure, Tenure::Session { .. });
        match step(mode, self.entries.get(&id).is_some_and(is_session)) {
            Step::Refuse(told) => Claimed::Told(told),
            Step::Leave => Claimed::Left(None),
            Step::TakeOver => match self.entries.get_mut(&id) {
                // It looks on beside.
                Some(entry) if !entry.yields_to(hands::seated(role)) => self.watch(&id, visitor),
                Some(entry) => {
                    entry.kick();
                    self.hold(&id, visitor)
                }
                None => Claimed::Told(Told::SessionNotFound),
            },
            Step::Begin { .. } if role < Role::Control => {
                Claimed::Left(Some("these credentials may begin nothing".to_owned()))
            }
            Step::Begin { watches, idle } => {
                let tenure = mode.map_or(Tenure::Streamer, |mode| Tenure::session(mode, first.client));
                match self.begin(&id, Asked { which, shape, idle }, tenure) {
                    Ok(()) if watches => self.hold(&id, visitor),
                    Ok(()) => match self.kept(&id) {
                        Some((standing, scene)) => Claimed::Kept(standing, scene),
                        None => Claimed::Told(Told::InternalServerError),
                    },
                    Err(Refused::Exists) => Claimed::Told(Told::AlreadyStreaming),
                    Err(error) => {
                        tracing::warn!(%error, "a session is not begun");
                        Claimed::Told(Told::InternalServerError)
                    }
                }
            }
        }
    }

    /// Whoever has a session watches it, and loses it to whoever joins.
    fn hold(&mut self, id: &Id, visitor: Visitor) -> Claimed {
        let role = visitor.role;
        let claimed = self.watch(id, visitor);
        if let (Claimed::Watches(place), Some(entry)) = (&claimed, self.entries.get_mut(id)) {
            entry.hold(place.peer, hands::seated(role));
        }
        claimed
    }

    /// For whom it is there, and does not watch.
    fn kept(&self, id: &Id) -> Option<(watch::Receiver<Standing>, Arc<Scene>)> {
        let entry = self.entries.get(id)?;
        Some((entry.standing.subscribe(), Arc::clone(self.scenes.of(&entry.which)?)))
    }

    fn watch(&mut self, id: &Id, visitor: Visitor) -> Claimed {
        match self.enter(id, visitor) {
            Ok(place) => Claimed::Watches(place),
            Err(error) => {
                tracing::warn!(%error, "a session is not watched");
                Claimed::Told(Told::InternalServerError)
            }
        }
    }

    fn left(&mut self, id: &Id, peer: Peer, scene: &Scene) {
        let known = scene.table.known_as(peer);
        scene.table.on(seat::Event::Leave(peer));
        if let Some(entry) = self.entries.get_mut(id) {
            entry.leave(peer, known, now());
        }
    }

    fn delete(&mut self, id: &Id) -> bool {
        let Some(mut entry) = self.entries.remove(id) else { return false };
        tracing::info!(streamer = %id, "a streamer ends");
        entry.dismiss(Farewell::Ended);
        true
    }

    /// What follows from what is seen and from time: all that is told is so.
    fn settle(&mut self) {
        let now = now();
        for entry in self.entries.values_mut() {
            entry.see(self.scenes.shape(&entry.which), now);
            if entry.life.due().is_some_and(|due| due <= now) {
                entry.life.on(Event::Passed { complaint: self.scenes.complaint(&entry.which) }, now);
                entry.tell();
            }
        }
        self.scenes.pass(now);
        let over: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.life.is_over(now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in over {
            self.delete(&id);
        }
        self.scenes.keep(self.entries.values().map(|entry| &entry.which));
        self.metrics.counted(self.entries.values().map(|entry| entry.life.status()));
        let peers = |count: fn(&Entry) -> usize| self.entries.values().map(count).sum();
        self.metrics.watched(peers(Entry::peers), peers(Entry::live_peers));
    }

    /// Displays have come or gone, or the document says something else: what it names no more is shown no more.
    fn follow(&mut self) {
        self.scenes.follow();
        let unnamed = self.entries.iter().filter(|(_, entry)| !self.scenes.is_named(&entry.which));
        for id in unnamed.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.delete(&id);
        }
    }

    async fn end(mut self) {
        for entry in self.entries.values_mut() {
            entry.dismiss(Farewell::Ended);
        }
        self.entries.clear();
        self.settle();
        let gone = async { while self.leaving.next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORDS, gone).await.is_err() {
            tracing::warn!("some who watch streamers did not take their last words");
        }
        self.scenes.end().await;
    }
}

fn made() -> Id {
    Id::parse(&Uuid::new_v4().to_string()).expect("a UUID must be an id")
}
