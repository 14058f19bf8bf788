//! A peer that nominates another pair than before, as one does whose connection of TCP was lost. Its own stack does not do
//! that, so that its checks are written here.

use std::net::SocketAddr;
use std::time::Duration;

use rtc::crypto::default_provider;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::ice::attributes::control::AttrControlling;
use rtc::ice::attributes::use_candidate::UseCandidateAttr;
use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc::stun::textattrs::Username;

use super::super::super::connection::State;
use super::super::super::transport_address::TransportAddress;
use super::super::super::viewer::Viewer;
use super::OURS;
use super::peer::Peer;

/// Where the peer comes from after it moved.
const ELSEWHERE: TransportAddress =
    TransportAddress::tcp(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 11));
const SECOND: Duration = Duration::from_secs(1);
/// After the handshake is over for both, and before silence counts.
const IN: Duration = Duration::from_secs(6);

fn message(setters: Vec<Box<dyn Setter>>, password: &str) -> Message {
    let provider = default_provider().unwrap();
    let mut message = Message::new();
    message.build(&setters).unwrap();
    let integrity =
        MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), provider.crypto());
    integrity.add_to(&mut message).unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message
}

/// The peer's side of ICE from elsewhere.
struct Moved {
    peer: Peer,
    viewer: Viewer,
}

impl Moved {
    fn new() -> Self {
        let (mut peer, viewer) = Peer::joined(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm);
        // Before that it may nominate several.
        peer.now += IN;
        assert_eq!(viewer.connection.selected(), Some(peer.address()));
        Self { peer, viewer }
    }

    fn checks(&mut self, nominates: bool, password: &str) {
        let username =
            format!("{}:{}", self.peer.said("ice-ufrag", false), self.peer.said("ice-ufrag", true));
        let mut setters: Vec<Box<dyn Setter>> = vec![
            Box::new(BINDING_REQUEST),
            Box::new(TransactionId::new()),
            Box::new(Username::new(ATTR_USERNAME, username)),
            Box::new(AttrControlling(1)),
        ];
        if nominates {
            setters.push(Box::new(UseCandidateAttr::new()));
        }
        let check = message(setters, password);
        self.viewer.connection.receive(ELSEWHERE, OURS, &check.raw, self.peer.now);
        self.answers();
    }

    /// What ours checks in turn, to see that somebody is there.
    fn answers(&mut self) {
        let mut checks = Vec::new();
        self.viewer.connection.drain(|to, bytes| {
            if to == ELSEWHERE && bytes.starts_with(&[0, 1]) {
                checks.push(bytes.to_vec());
            }
        });
        for raw in checks {
            let mut check = Message { raw, ..Message::default() };
            check.decode().unwrap();
            let answer =
                message(vec![Box::new(check), Box::new(BINDING_SUCCESS)], &self.peer.said("ice-pwd", true));
            self.viewer.connection.receive(ELSEWHERE, OURS, &answer.raw, self.peer.now);
        }
        self.viewer.connection.drain(|_, _| {});
    }

    fn password(&self) -> String {
        self.peer.said("ice-pwd", false)
    }
}

#[test]
fn what_is_not_a_check_goes_where_the_peer_is_now_which_stays_in_by_its_checks_from_there() {
    let mut moved = Moved::new();
    let password = moved.password();
    // The first finds out that somebody is there, the next is granted.
    moved.checks(true, &password);
    moved.checks(true, &password);
    assert_eq!(moved.viewer.connection.selected(), Some(ELSEWHERE));
    for _ in 0..60 {
        moved.peer.now += SECOND;
        moved.checks(false, &password);
        moved.viewer.connection.elapse(moved.peer.now);
    }
    assert_eq!(moved.viewer.connection.state(), State::Live);
    moved.viewer.connection.close(super::super::super::ending::Why::Left);
    let mut farewells = Vec::new();
    moved.viewer.connection.drain(|to, _| farewells.push(to));
    assert!(!farewells.is_empty() && farewells.iter().all(|to| *to == ELSEWHERE), "{farewells:?}");
}

#[test]
fn nobody_moves_a_peer_but_the_peer() {
    let mut moved = Moved::new();
    let before = moved.viewer.connection.selected();
    for _ in 0..3 {
        moved.checks(true, "a password that is another");
    }
    assert_eq!(moved.viewer.connection.selected(), before);
    let password = moved.password();
    for _ in 0..3 {
        moved.checks(false, &password);
    }
    assert_eq!(moved.viewer.connection.selected(), before);
}
