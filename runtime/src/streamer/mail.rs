//! What is asked of the book, and what it gives out: the places of those who watch.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use understudy_core::steering::Peer;
use understudy_core::steering::seat::{Event, Refusal};
use understudy_core::streamer::identity::Identity;
use understudy_core::streamer::life::Status;
use understudy_core::streamer::message::{App, Asked, First, Told};
use understudy_core::streamer::order::{self, Order, Shape};
use understudy_core::streamer::{Id, MOST, view};

use super::scenes::Scene;
use crate::access::{Bearer, Role};

pub(super) enum Mail {
    Create(Box<Order>, oneshot::Sender<Result<view::Streamer, Refused>>),
    List(oneshot::Sender<Vec<view::Streamer>>),
    Apps(oneshot::Sender<Vec<App>>),
    One(Id, oneshot::Sender<Option<view::Streamer>>),
    Follow(Id, oneshot::Sender<Option<watch::Receiver<Standing>>>),
    Delete(Id, oneshot::Sender<bool>),
    Sessions(oneshot::Sender<Vec<view::Session>>),
    Enter(Id, Visitor, oneshot::Sender<Result<Place, Refused>>),
    First(Box<First>, Visitor, oneshot::Sender<Claimed>),
    /// A peer is connected.
    Live(Id, Peer),
    /// Somebody wants the control, or gives it; why not.
    Steer(Arc<Scene>, Event, oneshot::Sender<Option<Refusal>>),
}

/// Why something is not done with a streamer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("Streamer not found")]
    Unknown,
    #[error("Streamer already exists")]
    Exists,
    #[error(transparent)]
    Order(#[from] order::Refusal),
    #[error("there are {MOST} streamers, and there may be no more: delete one")]
    Full,
    #[error("{0} watch it, and no more may (sharing.maxViewers, UNDERSTUDY_STEERING_MAX_VIEWERS)")]
    Crowded(usize),
    #[error("the page cannot be shown: {0}")]
    NotShown(#[from] io::Error),
    #[error("the session ends")]
    Ended,
}

/// Who comes to watch.
#[derive(Clone)]
pub struct Visitor {
    pub bearer: Bearer,
    /// What they may as they come.
    pub role: Role,
    /// Who it is, if they say so: somebody who comes by another connection has the place of the one before.
    pub identity: Option<Identity>,
}

/// What comes of a first message.
pub(super) enum Claimed {
    Watches(Place),
    /// It is there, and nobody watches. Resolves at its end.
    Kept(watch::Receiver<Standing>, Arc<Scene>),
    /// Told that, and left.
    Told(Told),
    /// Left, for that reason if there is one.
    Left(Option<String>),
}

/// Dropped, it is free again.
pub(super) struct Place {
    pub(super) id: Id,
    pub(super) peer: Peer,
    pub(super) bearer: Bearer,
    pub(super) scene: Arc<Scene>,
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) farewell: oneshot::Receiver<Farewell>,
    pub(super) mailbox: mpsc::Sender<Mail>,
    /// Nothing is sent over it: that it is gone is the news.
    pub(super) _there: oneshot::Sender<()>,
}

impl Place {
    /// For the control, or about it; why not, if that is refused.
    pub(super) async fn ask(&self, asked: Asked) -> Option<String> {
        let (peer, table) = (self.peer, &self.scene.table);
        let event = match asked {
            Asked::State => return None,
            Asked::Request => Event::Request(peer),
            Asked::Release => Event::Release(peer),
            Asked::Take => Event::Take(peer),
            Asked::Give { peer_id } => match table.known(&peer_id) {
                Some(to) => Event::Give { by: peer, to },
                None => return Some(Refusal::NotHere.to_string()),
            },
        };
        self.ask_for(event).await.map(|why| why.to_string())
    }

    /// Why not, if that is refused. Who steers may follow from time then, which the book keeps.
    pub(super) async fn ask_for(&self, event: Event) -> Option<Refusal> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(Mail::Steer(Arc::clone(&self.scene), event, reply)).await.ok()?;
        answer.await.ok()?
    }
}

/// How what is watched stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) stage: Stage,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Starting,
    Active,
    Failed,
}

/// Why a place is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// The streamer is no more.
    Ended,
    /// Another has it now.
    Kicked,
    /// The same person has it by another connection.
    Replaced,
}

impl From<Status<'_>> for Stage {
    fn from(status: Status<'_>) -> Self {
        match status {
            Status::Starting => Self::Starting,
            Status::Active => Self::Active,
            Status::Failed { .. } => Self::Failed,
        }
    }
}
