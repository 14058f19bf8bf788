//! What the stack tells of the handshake and of whom it was made with.

use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::transport::RTCDtlsTransportState;
use sha2::{Digest, Sha256};

/// Whether the peer has a certificate that it has named (RFC 8122 §5).
pub(super) fn is_known(stack: &mut RTCPeerConnection, fingerprints: &[String]) -> bool {
    let print = certificate(stack).map(|certificate| {
        let pairs: Vec<String> =
            Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    });
    print.is_some_and(|print| fingerprints.contains(&print))
}

/// The peer's own, in DER.
fn certificate(stack: &mut RTCPeerConnection) -> Option<Vec<u8>> {
    let sender = stack.get_senders().next();
    let receiver = stack.get_receivers().next();
    let first = |chain: &[Vec<u8>]| chain.first().cloned();
    let of_sender = sender.and_then(|id| first(stack.rtp_sender(id)?.transport()?.get_remote_certificates()));
    of_sender.or_else(|| first(stack.rtp_receiver(receiver?)?.transport()?.get_remote_certificates()))
}

/// The stack calls a connection alive as long as ICE is, whatever became of DTLS.
pub(super) fn is_closed(stack: &mut RTCPeerConnection) -> bool {
    let sender = stack.get_senders().next();
    let receiver = stack.get_receivers().next();
    let of_sender = sender.and_then(|id| Some(stack.rtp_sender(id)?.transport()?.state()));
    let dtls = of_sender.or_else(|| Some(stack.rtp_receiver(receiver?)?.transport()?.state()));
    dtls == Some(RTCDtlsTransportState::Closed)
}
