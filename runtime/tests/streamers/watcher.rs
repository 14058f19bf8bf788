//! One who watches and types, in this process: what the load is made of.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use rtc::rtp::Packet;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_load::args::Args;
use understudy_load::crowd;
use understudy_load::report::Report;
use understudy_load::signalling::{Peer, Signalling};
use understudy_load::tally::Tally;
use understudy_load::viewer::{Attention, Plan, Repair, Viewer};

use super::client::SOON;

/// As this server offers it.
const PICTURE: u8 = 96;
const WAITING: usize = 256;

pub struct Watcher {
    pictures: Arc<AtomicUsize>,
    keys: mpsc::Sender<Bytes>,
    _leave: DropGuard,
}

impl Watcher {
    /// Once it has a picture.
    pub async fn start(url: &str) -> Self {
        let signalling = Signalling::Peer(Peer::new(url.parse().unwrap(), None));
        let local = Ipv4Addr::LOCALHOST.into();
        let plan = Plan { signalling, local, repair: Repair::Ask, jitter: Duration::ZERO };
        let (leave, (keys, typed)) = (CancellationToken::new(), mpsc::channel(WAITING));
        let ((packets, received), (pictured, has_picture)) = (mpsc::channel(WAITING), oneshot::channel());
        let viewer = Viewer {
            plan: Arc::new(plan),
            attention: Attention::All,
            tally: Arc::new(Mutex::new(Tally::default())),
            pictured,
            packets: Some(packets),
            keys: Some(typed),
        };
        let pictures = Arc::new(AtomicUsize::new(0));
        tokio::spawn(viewer.run(leave.clone()));
        tokio::spawn(count(received, Arc::clone(&pictures)));
        tokio::time::timeout(SOON, has_picture).await.unwrap().expect("it must watch");
        Self { pictures, keys, _leave: leave.drop_guard() }
    }

    /// Presses a key by Windows' number, and lets go of it.
    pub async fn tap(&self, key: u8) {
        for is_down in [1, 0] {
            self.keys.send(Bytes::from(vec![0, is_down, 0, 0, key])).await.unwrap();
        }
    }

    /// That have come until now.
    pub fn pictures(&self) -> usize {
        self.pictures.load(Ordering::Relaxed)
    }
}

async fn count(mut received: mpsc::Receiver<Packet>, pictures: Arc<AtomicUsize>) {
    while let Some(Packet { header, .. }) = received.recv().await {
        if header.marker && header.payload_type == PICTURE {
            pictures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Many of them, as the command line of the load says it.
pub async fn many(url: &str, options: &[&str]) -> Report {
    let all = ["understudy-load", "--streamer", url].into_iter().chain(options.iter().copied());
    let args = <Args as clap::Parser>::try_parse_from(all).unwrap();
    let signalling = args.signalling().unwrap().unwrap();
    Report::of(&crowd::watch(signalling, Ipv4Addr::LOCALHOST.into(), &args.wanted()).await)
}
