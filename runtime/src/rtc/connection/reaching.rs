//! What is different where it is we who go to the peer: from a port of our own, and by a relay if nothing else leads there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtc::peer_connection::transport::RTCIceCandidateInit;
use understudy_core::guard::Policy;

use super::super::stun;
use super::super::transport_address::{Through, TransportAddress};
use super::{Connection, State};

/// From the answer to the end of the handshake: a server is there, or another try is worth more than waiting.
const REACH_DEADLINE: Duration = Duration::from_secs(10);

/// The same of a call, whose candidates come one by one.
const CALL_DEADLINE: Duration = Duration::from_secs(30);
/// Of the timers of a connection on which media flows both ways: what is missing is asked for, and what came is reported.
const REST: Duration = Duration::from_millis(10);

impl Connection {
    /// The same, where both check. Of a browser that nominates with its first check the stack wants our check back answered before it
    /// answers itself; and what it checks back is what came to be genuine.
    pub fn calling(self, reach: Policy, now: Instant) -> Self {
        let state = State::Expected { until: now + CALL_DEADLINE };
        Self { reach: Some(reach), state, rest: REST, ..self }
    }

    /// The peer may be reached so, too: a line of SDP.
    pub fn add_candidate(&mut self, line: &str) {
        let candidate = line.strip_prefix("a=").unwrap_or(line).to_owned();
        let init = RTCIceCandidateInit { candidate, ..RTCIceCandidateInit::default() };
        self.guarded(|stack| stack.add_remote_candidate(init));
    }

    /// The same, where we speak next: it is we who check. What comes from elsewhere than it may be is not heard.
    pub fn checking(self, reach: Policy, now: Instant) -> Self {
        let state = State::Expected { until: now + REACH_DEADLINE };
        // Our own checks go anywhere, and say nothing.
        Self { reach: Some(reach), confirms: stun::answers, state, ..self }
    }

    /// What tells of a message that leaves whether it says that a check of the peer's was genuine.
    pub fn confirms(&self) -> fn(&[u8]) -> bool {
        self.confirms
    }

    /// The same, where it is reached by another port of ours.
    pub fn leaving_by(self, port: Option<u16>) -> Self {
        Self { port, ..self }
    }

    /// It can be reached by a relay from now on, at which we have that address.
    pub fn add_relay(&mut self, relayed: SocketAddr) {
        self.relayed = Some(relayed);
        self.guarded(|stack| stack.add_local_candidate(understudy_rtc::relayed_candidate(relayed)?));
    }

    /// That address of the peer's, by the port of ours at which it is reached.
    pub fn place(&self, at: SocketAddr) -> TransportAddress {
        TransportAddress::udp(at).through(self.port.map(Through::Port))
    }

    /// By which port of ours the peer is reached, if it is not the one that all share.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}
