//! WebRTC: one UDP socket for everybody who comes to watch or to send, and a port of TCP for whom no UDP reaches.
//!
//! Everything of the `rtc` crates stays behind this module. Peers are spread over as many loops as cores allow, each a task that
//! owns its own (`driver`); one task reads the socket and gives each loop what is for its peers. A viewer gets the frames of a
//! hub; whatever has viewers in a loop has one feed there, which cuts a frame into packets once, and they are sealed here, past the
//! stack, which keeps ICE, DTLS and SRTCP. Whose network carries less is shown a smaller picture. A publisher's packets go to its
//! [`Sink`]. We are ICE-lite: the peer checks, and begins the handshake unless it wants to be the DTLS server. A server that we
//! publish to is a viewer like others, but it is we who offer and check, from a port of its own and by a relay if nothing else leads
//! there. Who sits at a desk is a viewer with data channels, and may describe itself anew, and have the way to it
//! found anew, as long as it is there. Whoever falls silent
//! is removed.

mod addresses;
mod arrivals;
mod batch;
mod calls;
mod destination;
mod ending;
mod feedback;
mod keys;
mod stun;
mod transport_address;

mod desk;

mod channels;

mod connection;
mod directory;
mod negotiate;
mod seal;

mod routes;

mod spread;

mod intake;
mod sink;

mod publisher;

mod metrics;

mod socket;

mod reception;

mod streams;

mod outlet;
mod relay;

mod ways;

mod distribution;

mod viewer;

mod peer;

mod driver;

mod loops;

mod offers;

mod desks;

pub use calls::{Call, Outgoing, Party};
pub use desk::{Candidate, Ended, Message, Opening, SILENT_AFTER, Said, SaidError, Told};
pub use desks::{Desk, Speaker};
pub use destination::{AnswerError, Evidence, Ice, Lost, Progress, Published};
pub use metrics::Metrics;
pub use relay::NoRelay;
pub use sink::{Packet, Report, Sink, Taken};
pub use understudy_core::offer::First;
pub use viewer::Offering;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::fanout::keyframe::Need;
use understudy_core::offer::{self, Credentials, Fault, Violation};

use crate::program::{Audience, Program};
use crate::seats::Seats;
use connection::Connection;
use driver::{Command, Shared};
use loops::{Loops, Newcomer};
use outlet::Outlets;
use publisher::Publisher;
use relay::Relays;
use transport_address::{TransportAddress, TransportProtocol};
use viewer::Viewer;

/// More are of no use to anybody: each cuts every frame for itself.
const MAX_LOOPS: NonZeroUsize = NonZeroUsize::new(8).expect("it must be more than none");
/// One publishes to a session, and another may replace it before it is gone.
const MAX_PUBLISHERS: usize = 4;
/// Of one participant at once; each has a port of its own.
const MAX_CALLS: usize = 32;
/// A session has a handful of livestreams, each of which may be on its way to a server while it still is at another.
const MAX_DESTINATIONS: usize = 32;

#[derive(Clone, Debug)]
pub struct Config {
    /// Where the one socket listens; port 0 takes any.
    pub bind: SocketAddr,
    pub tcp: TcpPort,
    /// What viewers are told to send to, with the bound port: the host's address or the outer one of a 1:1 NAT. Empty:
    /// the addresses this machine would use itself.
    pub announce: Vec<IpAddr>,
    /// About 0.2 MiB each.
    pub max_viewers: usize,
    /// How many tasks share the work; [`loops_here`] is as many as are of use.
    pub loops: NonZeroUsize,
}

/// As many loops as this process may use cores, within a bound.
pub fn loops_here() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).min(MAX_LOOPS)
}

/// Where the same packets may come over TCP (RFC 6544), at the same addresses. Nobody is told of a port that cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpPort {
    /// That of the socket.
    Same,
    /// 0 takes any.
    Port(u16),
    Off,
}

#[derive(Clone, Debug)]
pub struct Answer {
    /// Cannot be guessed: who knows it may end the session.
    pub session_id: String,
    /// Names the ICE session: ours of its user fragments, which says nothing that the SDP does not.
    pub ice_session: String,
    pub sdp: String,
}

/// How a viewer's session was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// As in [`Answer::ice_session`].
    pub ice_session: String,
    /// The ICE user fragment that the viewer gave.
    pub viewer_ufrag: String,
}

/// The way to a viewer is found anew from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restarted {
    /// As in [`Answer::ice_session`].
    pub ice_session: String,
    /// What the viewer has to know of us, as a fragment of SDP.
    pub fragment: String,
}

/// Why an offer was not answered.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// The peer's fault.
    #[error(transparent)]
    Faulty(#[from] Fault),
    /// The peer's fault, as the WebRTC stack words it.
    #[error("the offer could not be answered: {0}")]
    Unanswerable(String),
    /// Ours: what would have gone out is no answer to the offer.
    #[error("this server's own answer is wrong and was not sent: {0}")]
    Broken(Violation),
    /// The peer's fault: it was we who offered.
    #[error("the way cannot be found anew in a session that this server has offered")]
    Settled,
    /// Ours, for now.
    #[error("this server has as many peers as it may")]
    Full,
    /// The same.
    #[error("no port can be had from which a server would be reached: {0}")]
    NoPort(io::Error),
    /// Ours: a loop has stopped or does not answer.
    #[error("the media transport is not running")]
    NotRunning,
}

/// A handle on the transport; clones are the same.
#[derive(Clone)]
pub struct Handle {
    loops: Loops,
    viewer_seats: Seats,
    publisher_seats: Seats,
    destination_seats: Seats,
    call_seats: Seats,
    audience: Audience,
    local: SocketAddr,
    announced: Arc<[TransportAddress]>,
    outlets: Outlets,
    relays: Relays,
}

/// Binds the socket and starts the loops. They end with `shutdown`, after telling every viewer.
pub fn spawn(config: &Config, metrics: Metrics, shutdown: CancellationToken) -> io::Result<Handle> {
    let socket = socket::Socket::bind(config.bind)?;
    let local = socket.local_addr();
    let addresses =
        if config.announce.is_empty() { addresses::own(config.bind.ip()) } else { config.announce.clone() };
    let directory = directory::Directory::new(config.loops.get());
    let (reception, inlets) =
        reception::Reception::new(directory.clone(), config.loops.get(), metrics.clone());
    let streams = streams::Streams::new(reception.clone(), metrics.clone());
    let tcp_port = listen(config, local.port(), &streams);
    let udp = addresses.iter().map(|ip| TransportAddress::udp(SocketAddr::new(*ip, local.port())));
    let tcp = |port| addresses.iter().map(move |ip| TransportAddress::tcp(SocketAddr::new(*ip, port)));
    let announced: Arc<[TransportAddress]> = udp.chain(tcp_port.into_iter().flat_map(tcp)).collect();
    tracing::info!(%local, tcp_port, ?addresses, loops = config.loops, "media transport listens");
    let audience = Audience::default();
    let shared = Shared { directory, announced: Arc::clone(&announced), metrics, audience: audience.clone() };
    let (outlets, relays) =
        (Outlets::new(config.bind.ip(), reception.clone()), Relays::new(reception.clone()));
    let ways = ways::Ways::new(socket, streams, relays.clone());
    let loops = Loops::start(ways, (reception, inlets), shared, &shutdown);
    Ok(Handle {
        loops,
        viewer_seats: Seats::new(config.max_viewers),
        publisher_seats: Seats::new(MAX_PUBLISHERS),
        destination_seats: Seats::new(MAX_DESTINATIONS),
        call_seats: Seats::new(MAX_CALLS),
        audience,
        local,
        announced,
        outlets,
        relays,
    })
}

/// The port of TCP, if there is one.
fn listen(config: &Config, udp_port: u16, streams: &streams::Streams) -> Option<u16> {
    let port = match config.tcp {
        TcpPort::Same => udp_port,
        TcpPort::Port(port) => port,
        TcpPort::Off => return None,
    };
    let listening = streams.listen(SocketAddr::new(config.bind.ip(), port));
    listening
        .inspect_err(
            |error| tracing::warn!(%error, port, "media goes over UDP alone: the port of TCP cannot be had"),
        )
        .ok()
}

impl Handle {
    /// Lets one more viewer watch a program. The name is what [`Handle::viewers`] counts by.
    pub async fn watch(&self, name: &str, program: &Program, offer_sdp: &str) -> Result<Answer, OfferError> {
        let offer = offer::read_for(offer_sdp, program.codecs())?;
        // Before anything is made for the peer: certificates are what an offer costs.
        let seat = self.viewer_seats.take().ok_or(OfferError::Full)?;
        // Before a loop sees it: certificates and SDP take longer than a frame may wait.
        let (viewer, answer) = Viewer::answer(&offer, &self.announced, seat)?;
        self.admit(name, program, viewer, vec![]).await?;
        Ok(answer)
    }

    async fn admit(
        &self,
        name: &str,
        program: &Program,
        viewer: Viewer,
        at: Vec<TransportAddress>,
    ) -> Result<(), OfferError> {
        let newcomer = Newcomer::new(&viewer.connection, at);
        let (name, program, viewer) = (name.to_owned(), program.clone(), Box::new(viewer));
        let admit = |id, reply| Command::Admit { id, name, program, viewer, reply };
        self.loops.take_in(&newcomer, admit).await
    }

    /// Lets somebody send. What arrives goes to `sink` until the publisher is gone.
    pub async fn receive(&self, offer_sdp: &str, sink: Box<dyn Sink>) -> Result<Answer, OfferError> {
        let offer = offer::incoming(offer_sdp)?;
        let seat = self.publisher_seats.take().ok_or(OfferError::Full)?;
        let (publisher, answer) = Publisher::answer(&offer, &self.announced, sink, seat)?;
        let (newcomer, publisher) = (Newcomer::new(&publisher.connection, vec![]), Box::new(publisher));
        self.loops.take_in(&newcomer, |id, reply| Command::Receive { id, publisher, reply }).await?;
        Ok(answer)
    }

    /// Asks a publisher for a whole picture. Wishes are merged and spaced; one that meets a full mailbox is lost, and
    /// whoever still needs a picture wishes again.
    pub fn refresh(&self, session_id: &str, need: Need) {
        self.loops.try_tell(session_id, |id| Command::Refresh { id, need });
    }

    /// Ends a peer's session. False: there is none of that id.
    pub async fn leave(&self, session_id: &str) -> bool {
        let left = self.loops.ask(session_id, |id, reply| Command::Leave { id, reply });
        left.await.unwrap_or_default()
    }

    /// Ends the sessions of all who watch under that name.
    pub async fn end(&self, name: &str) {
        self.loops.tell_all(|| Command::End { name: name.to_owned() }).await;
    }

    /// How the session of a viewer was begun; none: there is no such session.
    pub async fn begun(&self, session_id: &str) -> Option<Begun> {
        self.loops.ask(session_id, |id, reply| Command::Find { id, reply }).await?
    }

    /// Has the way to a viewer found anew, for which it names new credentials; none: there is no such session.
    pub async fn restart(
        &self,
        session_id: &str,
        credentials: Credentials,
    ) -> Option<Result<Restarted, OfferError>> {
        let restart = |id, reply| Command::Restart { id, credentials, reply };
        self.loops.ask(session_id, restart).await?
    }

    /// How many viewers a name has: admitted, connected or about to be.
    pub fn viewers(&self, name: &str) -> watch::Receiver<usize> {
        self.audience.of(name)
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where peers may connect over TCP; none if they cannot.
    pub fn tcp_port(&self) -> Option<u16> {
        let tcp = self.announced.iter().find(|address| address.protocol == TransportProtocol::TCP)?;
        Some(tcp.socket.port())
    }

    /// Returns when all loops have ended, as they do when one of them breaks down.
    pub async fn stopped(&self) {
        self.loops.stopped().await;
    }
}

impl Answer {
    fn new(connection: &Connection, sdp: String) -> Self {
        let (session_id, ice_session) = (connection.session_id().to_owned(), connection.ufrag().to_owned());
        Self { session_id, ice_session, sdp }
    }
}

impl OfferError {
    /// Somebody has to look at what the stack said.
    fn broken(rule: Violation) -> Self {
        tracing::error!(%rule, "an answer breaks a rule of SDP and is not sent");
        Self::Broken(rule)
    }
}

#[cfg(test)]
pub(crate) mod tests;
