//! What the stack tells of a connection.

use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::state::{RTCIceConnectionState, RTCPeerConnectionState};

use super::super::ending::Why;
use super::State;

pub(super) fn after(state: State, event: &RTCPeerConnectionEvent) -> State {
    let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(connection) = event else { return state };
    match (state, connection) {
        (State::Expected { .. }, RTCPeerConnectionState::Connected) => State::Live,
        (State::Expected { .. } | State::Live, RTCPeerConnectionState::Failed) => State::Gone(Why::Silent),
        (State::Expected { .. } | State::Live, RTCPeerConnectionState::Closed) => State::Gone(Why::Closed),
        (state, _) => state,
    }
}

/// Whether ICE has found a way, on which the DTLS client begins.
pub(super) fn has_pair(event: &RTCPeerConnectionEvent) -> bool {
    let RTCPeerConnectionEvent::OnIceConnectionStateChangeEvent(ice) = event else { return false };
    *ice == RTCIceConnectionState::Connected
}
