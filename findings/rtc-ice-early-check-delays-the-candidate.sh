#!/usr/bin/env bash
# rtc-ice 0.21.1 (a Rust crate), ICE without I/O, of the webrtc-rs family. Two agents with one host candidate each talk in one program,
# in which time goes on by steps; the one that is controlling is told of the other's candidate before that one's first check comes, or
# just after it.
#
# One would expect: a candidate that is told has the address that a check was from, and is the same candidate from then on: what was
# learned of the peer-reflexive one is taken over (RFC 8445 §7.3.1.3, RFC 8838 §11.4), and a way is chosen as soon as otherwise.
# What happens: both stay beside each other, with a pair each. Answers count for the first alone, the second is the better one of which
# nothing is known, and no way is chosen until the wait for peer-reflexive candidates is over, a second later.
#
# Seen on 2026-12-01: told before 1 remote candidate, chosen at once; told after 2 of one address, chosen after 1000 ms or more
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

rust early-check 'rtc-ice = "=0.21.1"' 'rtc-shared = "=0.21.1"' 'sansio = "=1.0.1"' <<'RUST'
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc_ice::agent::Agent;
use rtc_ice::agent::agent_config::AgentConfig;
use rtc_ice::candidate::candidate_host::CandidateHostConfig;
use rtc_ice::candidate::{Candidate, CandidateConfig};
use sansio::Protocol;

const STEP: Duration = Duration::from_millis(5);

fn candidate(at: SocketAddr) -> Candidate {
    let base_config = CandidateConfig {
        network: "udp".to_owned(),
        address: at.ip().to_string(),
        port: at.port(),
        component: 1,
        ..CandidateConfig::default()
    };
    CandidateHostConfig { base_config, ..CandidateHostConfig::default() }.new_candidate_host().unwrap()
}

fn agent(at: SocketAddr, name: &str, is_controlling: bool, now: Instant) -> Agent {
    let config = AgentConfig {
        local_ufrag: format!("{name}ufrag"),
        local_pwd: format!("{name}passwordpasswordpassword"),
        check_interval: Duration::from_millis(50),
        is_controlling,
        ..AgentConfig::default()
    };
    let mut agent = Agent::new(now, Arc::new(config), rtc_ice::crypto::default_provider().unwrap()).unwrap();
    agent.add_local_candidate(candidate(at)).unwrap();
    agent
}

/// What one has to say is heard by the other. Whether anything was.
fn carry(from: &mut Agent, to: &mut Agent, now: Instant) -> bool {
    let mut said = false;
    while let Some(mut packet) = from.poll_write() {
        let transport = &mut packet.transport;
        std::mem::swap(&mut transport.local_addr, &mut transport.peer_addr);
        packet.now = now;
        let _ = to.handle_read(packet);
        said = true;
    }
    said
}

/// How many candidates of the other one has at the end, and when a way was chosen.
fn chosen(is_late: bool) -> (usize, Duration) {
    let (here, there): (SocketAddr, SocketAddr) =
        ("192.0.2.1:2000".parse().unwrap(), "192.0.2.2:3000".parse().unwrap());
    let began = Instant::now();
    let mut now = began;
    let (mut ours, mut theirs) = (agent(here, "a", true, now), agent(there, "b", false, now));
    theirs.add_remote_candidate(candidate(here)).unwrap();
    let tell = |ours: &mut Agent| ours.add_remote_candidate(candidate(there)).unwrap();
    if !is_late {
        tell(&mut ours);
    }
    let secret = |name: &str| (format!("{name}ufrag"), format!("{name}passwordpasswordpassword"));
    let ((user, word), (other, its)) = (secret("b"), secret("a"));
    ours.start_connectivity_checks(now, true, user, word).unwrap();
    theirs.start_connectivity_checks(now, false, other, its).unwrap();
    let mut is_told = !is_late;
    while now - began < Duration::from_secs(5) {
        let _ = (ours.handle_timeout(now), theirs.handle_timeout(now));
        while carry(&mut theirs, &mut ours, now) | carry(&mut ours, &mut theirs, now) {
            if !is_told {
                tell(&mut ours);
                is_told = true;
            }
        }
        if ours.get_selected_candidate_pair().is_some() {
            break;
        }
        now += STEP;
    }
    (ours.get_remote_candidates().len(), now - began)
}

fn main() {
    for is_late in [false, true] {
        let (candidates, after) = chosen(is_late);
        println!("{candidates} {}", after.as_millis());
    }
}
RUST

mapfile -t seen < <("$work/early-check")
read -r before at_once <<<"${seen[0]}"
read -r after later <<<"${seen[1]}"
echo "told before: $before candidate(s), chosen after $at_once ms; told after: $after, $later ms"
sees "candidates when told before" 1 "$before"
sees "candidates when told after" 2 "$after"
sees "chosen at once when told before" yes "$([ "$at_once" -lt 400 ] && echo yes || echo "$at_once ms")"
sees "chosen a second later when told after" yes "$([ "$later" -ge 1000 ] && echo yes || echo "$later ms")"
