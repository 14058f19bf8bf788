#!/usr/bin/env bash
# turn-client-proto 0.7.3 (a Rust crate), the client of TURN of the librice family; on the other side turn-server-proto 0.7.3,
# which does no I/O either, so that all of it happens in one program.
#
# One would expect: over TCP each message of channel data is filled up to a multiple of four bytes, which its length does not
# count (RFC 8656 §12.5), and what is received so is read so.
# What happens: what is sent is not filled up, and what was received filled up is read as if it were not: of two messages of
# five bytes each that come in one piece, the first is told, and the second is not.
#
# Seen on 2026-11-29: 9 bytes for 5; of two messages that are filled up 1 told, of two that are not 2
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

rust channel-data 'turn-client-proto = "=0.7.3"' 'turn-server-proto = "=0.7.3"' 'turn-types = "=0.7.3"' <<'RUST'
use std::net::SocketAddr;
use turn_client_proto::api::*;
use turn_client_proto::stun::Instant;
use turn_client_proto::tcp::TurnClientTcp;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_server_proto::api::{TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;

const UDP: TransportType = TransportType::Udp;
const TCP: TransportType = TransportType::Tcp;

struct Both {
    client: TurnClientTcp,
    server: TurnServer,
    now: Instant,
    peer: SocketAddr,
}

impl Both {
    /// Lets each hear what the other says until the client tells something.
    fn until_event(&mut self) -> TurnEvent {
        loop {
            if let Some(event) = self.client.poll_event() {
                return event;
            }
            if let TurnPollRet::WaitUntil(at) = self.client.poll(self.now) {
                self.now = at.max(self.now);
            }
            while let Some(said) = self.client.poll_transmit(self.now) {
                let said = Transmit::new(said.data.to_vec(), said.transport, said.from, said.to);
                if let Some(answer) = self.server.recv(said, self.now) {
                    drop(self.client.recv(answer.build(), self.now));
                }
                if let TurnServerPollRet::AllocateSocket {
                    listen_addr, client_addr, allocation_transport, family, ..
                } = self.server.poll(self.now)
                {
                    let relayed = Ok("192.0.2.7:9000".parse().unwrap());
                    self.server.allocated_socket(
                        TCP, listen_addr, client_addr, allocation_transport, family, relayed, self.now,
                    );
                }
                while let Some(answer) = self.server.poll_transmit(self.now) {
                    drop(self.client.recv(answer, self.now));
                }
            }
        }
    }

    /// How many of these bytes' messages are told.
    fn told(&mut self, bytes: Vec<u8>) -> usize {
        let piece = Transmit::new(bytes, TCP, self.client.remote_addr(), self.client.local_addr());
        let mut told = usize::from(matches!(self.client.recv(piece, self.now), TurnRecvRet::PeerData(_)));
        while self.client.poll_recv(self.now).is_some() {
            told += 1;
        }
        told
    }
}

fn main() {
    let (ours, theirs) = ("192.0.2.1:2000".parse().unwrap(), "192.0.2.2:3478".parse().unwrap());
    let mut server = TurnServer::new(TCP, theirs, "example.org".to_owned());
    server.add_user("ada".to_owned(), "open".to_owned());
    let config = TurnConfig::new(TurnCredentials::new("ada", "open"));
    let client = TurnClientTcp::allocate(ours, theirs, config);
    let peer: SocketAddr = "192.0.2.3:7000".parse().unwrap();
    let mut both = Both { client, server, now: Instant::ZERO, peer };
    assert!(matches!(both.until_event(), TurnEvent::AllocationCreated(..)));
    both.client.bind_channel(UDP, both.peer, both.now).unwrap();
    while !matches!(both.until_event(), TurnEvent::ChannelCreated(..)) {}

    let sent = both.client.send_to(UDP, both.peer, b"hello", both.now).unwrap().unwrap().build().data;
    println!("{}", sent.len());
    let filled_up = [&sent[..9], &[0; 3], &sent[..9], &[0; 3]].concat();
    let not = [&sent[..9], &sent[..9]].concat();
    println!("{}", both.told(not));
    println!("{}", both.told(filled_up));
}
RUST
mapfile -t seen < <(./channel-data)
sees "bytes for five" 9 "${seen[0]}"
sees "told of two that are not filled up" 2 "${seen[1]}"
sees "told of two that are" 1 "${seen[2]}"
