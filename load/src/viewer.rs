//! One viewer: it joins, receives on a socket of its own, tells the sender how that goes, and leaves.

mod late;
mod watching;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::sys::socket::{setsockopt, sockopt};
use parking_lot::Mutex;
use rtc::rtp::Packet;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::signalling::{Refusal, Session, Signalling};
use crate::stack::{Stack, State};
use crate::tally::Tally;
use watching::{Ears, Watching};

/// From the answer until media may flow: a viewer on a bad network tries for about as long.
const CONNECTED_WITHIN: Duration = Duration::from_secs(15);
/// With no timer due sooner.
const IDLE: Duration = Duration::from_secs(1);
/// What a keyframe's burst needs; the kernel may grant less (`net.core.rmem_max`).
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;

/// What all viewers have in common.
#[derive(Clone, Debug)]
pub struct Plan {
    pub signalling: Signalling,
    /// Where their sockets are.
    pub local: IpAddr,
    pub repair: Repair,
    /// By how much each datagram comes later, at most.
    pub jitter: Duration,
}

/// What a viewer does about packets that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// It asks for a picture that needs none of them.
    Refresh,
    /// It asks for them (RFC 4585 §6.2.1), and for a picture if they do not come.
    Ask,
}

/// How much of what arrives is decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    All,
    /// The picture, until a keyframe is whole.
    FirstPicture,
}

/// Why a viewer ended before it was to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("no socket: {0}")]
    Socket(#[from] io::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no connection within {} s of the answer", CONNECTED_WITHIN.as_secs())]
    Unconnected,
    #[error("no path to the server, or it stopped answering")]
    Lost,
    #[error("the server ended the session")]
    Ended,
    #[error("it could not leave: {0}")]
    Unleft(#[source] Refusal),
    #[error("the stack failed: {0}")]
    Stack(String),
}

/// One of many.
pub struct Viewer {
    pub plan: Arc<Plan>,
    pub attention: Attention,
    pub tally: Arc<Mutex<Tally>>,
    /// Told when there is a picture, dropped if there will be none.
    pub pictured: oneshot::Sender<()>,
    /// Whatever was decrypted goes here as well, for who wants to see it and is fast enough.
    pub packets: Option<mpsc::Sender<Packet>>,
    /// What it says on the keyboard's channel, once that is open.
    pub keys: Option<mpsc::Receiver<Bytes>>,
}

impl Viewer {
    /// Watches until told to leave.
    pub async fn run(self, leave: CancellationToken) -> Result<(), Failure> {
        let Self { plan, attention, tally, pictured, packets, mut keys } = self;
        let socket = bind(plan.local)?;
        let local = socket.local_addr()?;
        let mut stack =
            Stack::new(local, Instant::now()).map_err(|error| Failure::Stack(error.to_string()))?;
        let session = plan.signalling.join(&mut stack).await?;
        {
            let moments = &mut tally.lock().moments;
            (moments.asked, moments.answered) = (Some(session.asked), Some(Instant::now()));
        }
        let ears = Ears { tally, pictured, packets };
        let mut watching = Watching::new(stack, &session.remote, ears, attention, &plan);
        let watched = watch(&mut watching, &socket, (&plan.signalling, &session), &mut keys, &leave).await;
        let left = plan.signalling.leave(&session).await;
        watching.close(&socket);
        watched?;
        left.map_err(Failure::Unleft)
    }
}

async fn watch(
    watching: &mut Watching,
    socket: &UdpSocket,
    (signalling, session): (&Signalling, &Session),
    keys: &mut Option<mpsc::Receiver<Bytes>>,
    leave: &CancellationToken,
) -> Result<(), Failure> {
    let deadline = Instant::now() + CONNECTED_WITHIN;
    let mut keep = std::pin::pin!(signalling.keep(session));
    loop {
        let now = Instant::now();
        match watching.turn(socket, now) {
            State::Connecting if now >= deadline => return Err(Failure::Unconnected),
            State::Connecting | State::Connected => {}
            State::Closed => return Err(Failure::Ended),
            State::Failed => return Err(Failure::Lost),
        }
        let wake_at = watching.wake_at(now).map_or(now + IDLE, |at| at.min(now + IDLE));
        tokio::select! {
            biased;
            () = leave.cancelled() => return Ok(()),
            () = &mut keep => {}
            Some(message) = pressed(keys), if watching.has_keyboard() => watching.press(&message, Instant::now()),
            readable = socket.readable() => {
                readable?;
                watching.read(socket)?;
            }
            () = tokio::time::sleep_until(wake_at.into()) => {}
        }
    }
}

/// Never, where nothing will be.
async fn pressed(keys: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    let message = match keys {
        Some(keys) => keys.recv().await,
        None => std::future::pending().await,
    };
    if message.is_none() {
        *keys = None;
    }
    message
}

fn bind(local: IpAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((local, 0))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES)?;
    UdpSocket::from_std(socket)
}

/// The address of this machine that reaches a host: nothing is sent, the route tells.
pub async fn route_to(host: &str, port: u16) -> io::Result<IpAddr> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in tokio::net::lookup_host((host, port)).await? {
        match source(address) {
            Ok(source) => return Ok(source),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn source(destination: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match destination {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.connect(destination)?;
    Ok(socket.local_addr()?.ip())
}
