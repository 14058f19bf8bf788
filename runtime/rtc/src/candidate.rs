//! Candidates of ICE for an address that a socket has, or is reached at (RFC 8445 §5.1.1).

use std::net::{IpAddr, SocketAddr};

use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, CandidateRelayConfig, RTCIceCandidate, RTCIceCandidateInit,
    RTCIceTcpCandidateType,
};
use rtc::shared::error::Error;

/// RFC 8445 §5.1.2.2, and RFC 6544 §4.2, by which it is the same over TCP.
const HOST_PREFERENCE: u32 = 126;
/// Of the directions of TCP (RFC 6544 §4.2).
const PASSIVE_PREFERENCE: u32 = 4;
/// Above all others of that direction.
const MOST_PREFERRED: u32 = 8191;
/// Stands for a port that a connection will come from (RFC 6544 §4.5), and for one that is not told.
const DISCARD: u16 = 9;

/// A host candidate over UDP, as a connection takes it.
pub fn host_candidate(address: SocketAddr) -> Result<RTCIceCandidateInit, Error> {
    let config = CandidateHostConfig { base_config: base("udp", address), ..Default::default() };
    RTCIceCandidate::from(&config.new_candidate_host()?).to_json()
}

/// A relayed candidate: our address at a TURN server. Where we come from is not told (RFC 8839 §5.1).
pub fn relayed_candidate(address: SocketAddr) -> Result<RTCIceCandidateInit, Error> {
    let untold = if address.is_ipv4() { "0.0.0.0" } else { "::" };
    let (rel_addr, rel_port) = (untold.to_owned(), DISCARD);
    let config =
        CandidateRelayConfig { base_config: base("udp", address), rel_addr, rel_port, ..Default::default() };
    RTCIceCandidate::from(&config.new_candidate_relay()?).to_json()
}

/// A host candidate that takes connections of TCP (RFC 6544 §4.5), less preferred than any over UDP, and less than those of
/// a lower rank: no two may be alike (§4.2).
pub fn passive_candidate(address: SocketAddr, rank: u32) -> Result<RTCIceCandidateInit, Error> {
    let local = (PASSIVE_PREFERENCE << 13) + MOST_PREFERRED.saturating_sub(rank);
    let priority = (HOST_PREFERENCE << 24) + (local << 8) + 255;
    let base_config = CandidateConfig { priority, ..base("tcp", address) };
    let config = CandidateHostConfig { base_config, ..Default::default() };
    of_tcp(config, RTCIceTcpCandidateType::Passive)
}

/// A host candidate that connects over TCP (RFC 6544 §4.5), from any port of that address.
pub fn active_candidate(address: IpAddr) -> Result<RTCIceCandidateInit, Error> {
    let base_config = base("tcp", SocketAddr::new(address, DISCARD));
    of_tcp(CandidateHostConfig { base_config, ..Default::default() }, RTCIceTcpCandidateType::Active)
}

fn of_tcp(
    config: CandidateHostConfig,
    direction: RTCIceTcpCandidateType,
) -> Result<RTCIceCandidateInit, Error> {
    let mut candidate = RTCIceCandidate::from(&config.new_candidate_host()?);
    candidate.tcp_type = direction;
    candidate.to_json()
}

fn base(network: &str, address: SocketAddr) -> CandidateConfig {
    CandidateConfig {
        network: network.to_owned(),
        address: address.ip().to_string(),
        port: address.port(),
        component: 1,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udp_is_preferred_to_tcp_and_no_two_of_tcp_are_alike() {
        let address = "192.0.2.1:10003".parse().unwrap();
        let priority =
            |init: RTCIceCandidateInit| init.candidate.split(' ').nth(3).unwrap().parse::<u32>().unwrap();
        let udp = priority(host_candidate(address).unwrap());
        let tcp = [0, 1].map(|rank| priority(passive_candidate(address, rank).unwrap()));
        assert!(udp > tcp[0] && tcp[0] > tcp[1], "{udp} {tcp:?}");
        // As the formula of RFC 6544 §4.2 has it.
        assert_eq!(tcp[0], (1 << 24) * 126 + (1 << 8) * ((1 << 13) * 4 + 8191) + (256 - 1));
    }

    #[test]
    fn a_relayed_candidate_is_the_last_that_is_tried_and_can_be_read_again() {
        for (address, untold) in [("192.0.2.1:10003", "0.0.0.0"), ("[2001:db8::1]:10003", "::")] {
            let relayed = relayed_candidate(address.parse().unwrap()).unwrap().candidate;
            assert!(relayed.ends_with(&format!(" 10003 typ relay raddr {untold} rport 9")), "{relayed}");
            assert_eq!(relayed.split(' ').nth(3).unwrap().parse::<u32>().unwrap() >> 24, 0, "{relayed}");
        }
    }

    #[test]
    fn a_candidate_of_tcp_says_who_connects() {
        let address: SocketAddr = "[2001:db8::1]:10003".parse().unwrap();
        let passive = passive_candidate(address, 0).unwrap().candidate;
        assert!(
            passive.contains(" 1 tcp ") && passive.contains(" 2001:db8::1 10003 typ host tcptype passive"),
            "{passive}"
        );
        let active = active_candidate(address.ip()).unwrap().candidate;
        assert!(active.contains(" 2001:db8::1 9 typ host tcptype active"), "{active}");
    }
}
