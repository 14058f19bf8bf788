//! Streamers: what many people watch and steer together, under an id, for as long as somebody wants it and not only while somebody
//! watches.
//!
//! ```text
//!   REST ───────────> Streamers ──mail──> Book (who is there, how it stands; one task) ──> Scenes (what there is to be shown)
//!                                          │ place: scene, standing, farewell
//!   sockets ──> Conversation (one a peer) <┘
//!                 │ descriptions              │ messages of its data channels
//!                 └──> rtc::Desk ─────────────┴──> Hands ──> steering::Desk ──> display
//! ```
//!
//! Most show the session's own display, which outlives each of them; others a page that its document names, which is there while
//! somebody shows it. Either is encoded once for all who watch it, and repaired by its session.

mod metrics;

mod hands;

mod mail;

mod scenes;

mod book;

mod talk;

mod conversation;

mod older;

pub use hands::Sharing;
pub use mail::{Refused, Visitor};
pub use metrics::Metrics;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocket;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::streamer::message::{App, IceServer};
use understudy_core::streamer::order::Order;
use understudy_core::streamer::{Id, view};

use crate::access::Policy;
use crate::program::Registry;
use crate::seats::{Shared, SharedSeat};
use crate::{rtc, session, steering};

use book::Book;
use conversation::{Conversation, Manners};
use mail::{Mail, Place, Stage};
use scenes::Scenes;

/// Mails wait here; a full box makes the sender wait, which is right for all of them.
const MAILBOX: usize = 64;

/// Sockets whose first message has not come, or that watch nothing.
const STRANGERS: usize = 64;
/// Of them, from one network.
const STRANGERS_EACH: usize = 16;

/// What streamers stand on.
pub struct Site {
    pub programs: Registry,
    pub transport: rtc::Handle,
    /// What browsers are told of.
    pub ice_servers: Vec<IceServer>,
    pub metrics: Metrics,
}

/// What there is to be shown, and how.
pub struct Setup {
    pub session: session::Handle,
    /// As what a page that the session's document names has a session of its own.
    pub pages: session::Config,
    /// As whom people know what is seen.
    pub title: String,
    /// Where the session's document says nothing.
    pub sharing: Sharing,
    pub metrics: Metrics,
    pub of_desk: steering::Metrics,
}

/// Clones are the same.
#[derive(Clone)]
pub struct Streamers {
    mailbox: mpsc::Sender<Mail>,
    site: Arc<Site>,
    strangers: Shared,
}

/// None yet. They end with `shutdown`, and whoever watches is told so before the task ends.
pub fn start(
    site: Site,
    setup: Setup,
    shutdown: CancellationToken,
) -> io::Result<(Streamers, impl Future<Output = ()> + Send)> {
    let (mailbox, mail) = mpsc::channel(MAILBOX);
    let scenes = Scenes::open(setup)?;
    let book = Book::new(scenes, site.metrics.clone(), mailbox.clone());
    let streamers =
        Streamers { mailbox, site: Arc::new(site), strangers: Shared::new(STRANGERS, STRANGERS_EACH) };
    Ok((streamers, book.run(mail, shutdown)))
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

    /// What a streamer can show, by number.
    pub async fn apps(&self) -> Result<Vec<App>, Refused> {
        self.ask(Mail::Apps).await
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
    pub async fn enter(&self, id: &str, visitor: Visitor) -> Result<Entrance, Refused> {
        let id = Id::parse(id).ok_or(Refused::Unknown)?;
        let place = self.ask(|reply| Mail::Enter(id, visitor, reply)).await??;
        Ok(Entrance { place, site: Arc::clone(&self.site) })
    }

    /// One from there whose first message says who it is; none: as many are here as may be.
    pub fn stranger(&self, from: IpAddr) -> Option<Stranger> {
        let seat = self.strangers.take(from)?;
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
    _seat: SharedSeat,
}

impl Stranger {
    /// Until either is gone.
    pub async fn serve(self, socket: WebSocket, policy: watch::Receiver<Policy>, from: IpAddr) {
        older::serve(socket, self, policy, from).await;
    }
}

/// As tests may hold it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
