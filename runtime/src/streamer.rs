//! Streamers: what many people watch and steer together, under an id, for as long as somebody wants it and not only while somebody
//! watches.
//!
//! ```text
//!   REST ───────────> Streamers ──mail──> Book (who is there, how it stands; one task)
//!                                          │ place: standing, farewell
//!   sockets ──> Conversation (one a peer) <┘
//!                 │ descriptions              │ messages of its data channels
//!                 └──> rtc::Desk ─────────────┴──> Hands ──> steering::Desk ──> display
//! ```
//!
//! All of them show the session's own display. That is encoded once, repaired by the session, and outlives each of them.

mod metrics;

mod hands;

mod mail;

mod book;

mod talk;

mod conversation;

mod older;

pub use hands::{Sharing, Table};
pub use mail::Refused;
pub use metrics::Metrics;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::streamer::message::IceServer;
use understudy_core::streamer::order::Order;
use understudy_core::streamer::{Id, view};

use crate::access::{Policy, Role};
use crate::program::Registry;
use crate::seats::{Seat, Seats};
use crate::{rtc, session};

use book::Book;
use conversation::{Conversation, Manners};
use mail::{Mail, Place, Stage};

/// Mails wait here; a full box makes the sender wait, which is right for all of them.
const MAILBOX: usize = 64;

/// Sockets whose first message has not come, or that watch nothing.
const STRANGERS: usize = 64;

/// Who may steer what is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Steering {
    /// All who have the right, together.
    #[default]
    Union,
    /// One at a time, who is asked for it.
    Host,
    Off,
}

/// What streamers stand on.
pub struct Site {
    pub session: session::Handle,
    pub programs: Registry,
    pub transport: rtc::Handle,
    /// What browsers are told of.
    pub ice_servers: Vec<IceServer>,
    /// As whom people know what is seen.
    pub title: String,
    /// Of each streamer, at once.
    pub most_viewers: usize,
    pub table: Table,
    pub metrics: Metrics,
}

/// Clones are the same.
#[derive(Clone)]
pub struct Streamers {
    mailbox: mpsc::Sender<Mail>,
    site: Arc<Site>,
    strangers: Seats,
}

/// None yet. They end with `shutdown`, and whoever watches is told so before the task ends.
pub fn start(site: Site, shutdown: CancellationToken) -> (Streamers, impl Future<Output = ()> + Send) {
    let (mailbox, mail) = mpsc::channel(MAILBOX);
    let site = Arc::new(site);
    let book = Book::new(Arc::clone(&site), mailbox.clone());
    (Streamers { mailbox, site, strangers: Seats::new(STRANGERS) }, book.run(mail, shutdown))
}

impl Streamers {
    pub async fn create(&self, order: Order) -> Result<view::Streamer, Refused> {
        self.ask(|reply| Mail::Create(Box::new(order), reply)).await?
    }

    /// All of them, by id.
    pub async fn list(&self) -> Result<Vec<view::Streamer>, Refused> {
        self.ask(Mail::List).await
    }

    pub async fn one(&self, id: &str) -> Result<view::Streamer, Refused> {
        let id = Id::parse(id).ok_or(Refused::Unknown)?;
        self.ask(|reply| Mail::One(id, reply)).await?.ok_or(Refused::Unknown)
    }

    /// As it is once there is something to be seen or it is known that there is nothing, or after `patience`.
    pub async fn settled(&self, id: &str, patience: Duration) -> Result<view::Streamer, Refused> {
        let parsed = Id::parse(id).ok_or(Refused::Unknown)?;
        let standing = self.ask(|reply| Mail::Follow(parsed, reply)).await?;
        if let Some(mut standing) = standing {
            let settled = standing.wait_for(|standing| standing.stage != Stage::Starting);
            // Also when it was deleted meanwhile: then it is unknown.
            drop(tokio::time::timeout(patience, settled).await);
        }
        self.one(id).await
    }

    /// Ends it; who watches is told so.
    pub async fn delete(&self, id: &str) -> Result<(), Refused> {
        let id = Id::parse(id).ok_or(Refused::Unknown)?;
        self.ask(|reply| Mail::Delete(id, reply)).await?.then_some(()).ok_or(Refused::Unknown)
    }

    /// Sessions of the older socket.
    pub async fn sessions(&self) -> Result<Vec<view::Session>, Refused> {
        self.ask(Mail::Sessions).await
    }

    /// A place for one more who watches.
    pub async fn enter(&self, id: &str, role: Role) -> Result<Entrance, Refused> {
        let id = Id::parse(id).ok_or(Refused::Unknown)?;
        let place = self.ask(|reply| Mail::Enter(id, role, reply)).await??;
        Ok(Entrance { place, site: Arc::clone(&self.site) })
    }

    /// One whose first message says who it is; none: as many are here as may be.
    pub fn stranger(&self) -> Option<Stranger> {
        let seat = self.strangers.take()?;
        Some(Stranger { streamers: self.clone(), _seat: seat })
    }

    async fn ask<T>(&self, mail: impl FnOnce(oneshot::Sender<T>) -> Mail) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(mail(reply)).await.map_err(|_| Refused::Ended)?;
        answer.await.map_err(|_| Refused::Ended)
    }
}

/// A place that waits for its socket; dropped, it is free again.
pub struct Entrance {
    place: Place,
    site: Arc<Site>,
}

impl Entrance {
    /// Until either is gone.
    pub async fn serve(self, socket: WebSocket) {
        Conversation::new(socket, self.place, self.site, Manners::Newer).run().await;
    }
}

/// Who has said nothing yet.
pub struct Stranger {
    streamers: Streamers,
    _seat: Seat,
}

impl Stranger {
    /// Until either is gone.
    pub async fn serve(self, socket: WebSocket, policy: watch::Receiver<Policy>, from: std::net::IpAddr) {
        older::serve(socket, self, policy, from).await;
    }
}

/// As tests may hold it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
