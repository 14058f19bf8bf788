//! From an offer to a peer connection with an answer, and from an offer of ours to one that waits for an answer.

mod from_publisher;
mod of_call;
mod to_answerer;
mod to_viewer;

pub(super) use from_publisher::from_publisher;
pub(super) use of_call::{Seen, to_callee, to_caller};
#[cfg(test)]
pub(super) use tests::OFFER;
pub(super) use to_answerer::{to_answerer, to_desk};
pub(super) use to_viewer::{Repair, STREAM, Sending, Sendings, to_viewer};

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::crypto::RTCCryptoProvider;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::interceptor::Registry;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_VP8, MIME_TYPE_VP9, MediaEngine,
};
use rtc::peer_connection::configuration::setting_engine::{SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::{RTCDtlsRole, RTCIceCandidateInit};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RtpCodecKind};
use rtc::shared::error::Error;
use understudy_core::media::Kind;
use understudy_core::offer::{self, DtlsRole, Encoding, Transport};
use uuid::Uuid;

use super::Ice;
use super::transport_address::{TransportAddress, TransportProtocol};

/// Two consent checks missed (RFC 7675 §5.1: one each 5 s).
pub(super) const DISCONNECTED_AFTER: Duration = Duration::from_secs(8);
/// Silence after that before a peer counts as gone.
const FAILED_AFTER: Duration = Duration::from_secs(7);
/// The same of one to whom we offer, a stage among them, whose loss is told within 15 s: the stack looks each two seconds, and a report
/// may wait for one more.
const FAILED_AT_OFFER_AFTER: Duration = Duration::from_secs(3);
/// Two who talk wait for each other while a network is away, and find one another again.
const CALL_FAILED_AFTER: Duration = Duration::from_secs(112);
/// RFC 8445 §14.2: between two checks of an agent.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// Of one address, until it counts as unreachable: ten seconds of one check each interval.
const MOST_CHECKS: u16 = 200;
/// The same of a call, for as long as one waits for the other.
const MOST_CALL_CHECKS: u16 = 600;
/// A packet that is sent again comes behind this many later ones at most: about a second of a keyframe's burst.
const REPLAY_PACKETS: usize = 1024;

pub(super) struct Negotiated {
    pub stack: RTCPeerConnection,
    /// Cannot be guessed.
    pub session_id: String,
    /// Ours.
    pub ufrag: String,
    /// As the stack words it: the answer to the reduced offer, or an offer.
    pub sdp: String,
}

impl Negotiated {
    fn new(stack: RTCPeerConnection, sdp: String) -> Self {
        let session_id = Uuid::new_v4().simple().to_string();
        Self { stack, session_id, ufrag: ufrag(&sdp), sdp }
    }
}

/// That of a description of ours.
fn ufrag(sdp: &str) -> String {
    offer::named_ufrag(sdp).unwrap_or_default().to_owned()
}

/// What is known of a peer when a stack is made for it.
enum Known<'a> {
    /// It has offered: it checks, and says which part in the handshake it leaves to us.
    All(&'a Transport),
    /// It has to answer.
    Nothing(Ice),
    /// The same, of a call: both check.
    Callee,
    /// It has called, and checks as we do.
    Caller(&'a Transport),
}

/// A connection that speaks what the engine knows with such a peer. Its ICE credentials are its own: given ones it would keep in a
/// restart, too.
fn connection(
    engine: MediaEngine,
    interceptors: Registry,
    cryptography: Option<Arc<dyn RTCCryptoProvider>>,
    peer: &Known<'_>,
    now: Instant,
) -> Result<RTCPeerConnection, Error> {
    let mut settings = settings(peer);
    if let Some(cryptography) = cryptography {
        settings.set_crypto_provider(cryptography);
    }
    RTCPeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_setting_engine(settings)
        .with_media_engine(engine)
        .with_interceptor_registry(interceptors)
        .build(now)
}

fn settings(peer: &Known<'_>) -> SettingEngine {
    let settings = SettingEngineBuilder::new();
    let failed_after = match peer {
        Known::All(_) => FAILED_AFTER,
        Known::Nothing(_) => FAILED_AT_OFFER_AFTER,
        Known::Callee | Known::Caller(_) => CALL_FAILED_AFTER,
    };
    let settings = match peer {
        Known::All(peer) => settings
            // The stack knows of one; of several, `Connection` looks at the certificate itself.
            .with_disable_certificate_fingerprint_verification(peer.fingerprints.len() > 1)
            .with_lite(true)
            .with_answering_dtls_role(dtls_role(peer.role)),
        Known::Nothing(ice) => settings
            // Nobody knows how many there will be.
            .with_disable_certificate_fingerprint_verification(true)
            .with_lite(*ice == Ice::Lite)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(MOST_CHECKS)),
        // Candidates come one by one, and there is a person at the other end.
        Known::Callee => settings
            .with_disable_certificate_fingerprint_verification(true)
            // A browser hides its own addresses: where its checks are from is as good as what it would have said.
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(MOST_CALL_CHECKS)),
        Known::Caller(peer) => settings
            .with_disable_certificate_fingerprint_verification(peer.fingerprints.len() > 1)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(MOST_CALL_CHECKS))
            .with_answering_dtls_role(dtls_role(peer.role)),
    };
    settings
        // The first is the cheapest by far; the second is what every client knows.
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .with_ice_timeouts(Some(DISCONNECTED_AFTER), Some(failed_after), None)
        .with_srtp_replay_protection_window(REPLAY_PACKETS)
        .with_include_loopback_candidate(true)
        .build()
}

const fn dtls_role(role: DtlsRole) -> RTCDtlsRole {
    match role {
        DtlsRole::Client => RTCDtlsRole::Client,
        DtlsRole::Server => RTCDtlsRole::Server,
    }
}

/// Has the way found anew, for whom this reduced offer names new credentials: our new user fragment and the stack's answer.
pub(super) fn restart(
    connection: &mut RTCPeerConnection,
    offer: String,
    now: Instant,
) -> Result<(String, String), Error> {
    connection.set_remote_description(now, RTCSessionDescription::offer(offer)?)?;
    let answer = connection.create_answer(None)?;
    connection.set_local_description(now, answer)?;
    let sdp = described(connection);
    Ok((ufrag(&sdp), sdp))
}

fn answer(
    connection: &mut RTCPeerConnection,
    offer: String,
    announced: &[TransportAddress],
    now: Instant,
) -> Result<String, Error> {
    connection.set_remote_description(now, RTCSessionDescription::offer(offer)?)?;
    announce(connection, announced.iter())?;
    let answer = connection.create_answer(None)?;
    connection.set_local_description(now, answer)?;
    Ok(described(connection))
}

/// Tells the stack where we are, and that this is all.
fn announce<'a>(
    connection: &mut RTCPeerConnection,
    announced: impl Iterator<Item = &'a TransportAddress>,
) -> Result<(), Error> {
    for (rank, address) in announced.enumerate() {
        connection.add_local_candidate(match address.protocol {
            TransportProtocol::TCP => understudy_rtc::passive_candidate(address.socket, rank as u32)?,
            _ => understudy_rtc::host_candidate(address.socket)?,
        })?;
    }
    connection.add_local_candidate(RTCIceCandidateInit::default())
}

fn described(connection: &RTCPeerConnection) -> String {
    let sdp = connection.local_description().map(|description| description.sdp).unwrap_or_default();
    tidy(&sdp)
}

/// The stack lists each candidate for RTCP too, which shares the one port.
fn tidy(sdp: &str) -> String {
    let for_rtcp =
        |line: &str| line.strip_prefix("a=candidate:").and_then(|rest| rest.split(' ').nth(1)) == Some("2");
    sdp.lines().filter(|line| !for_rtcp(line)).flat_map(|line| [line, "\r\n"]).collect()
}

fn codec_kind(kind: Kind) -> RtpCodecKind {
    match kind {
        Kind::Video => RtpCodecKind::Video,
        Kind::Audio => RtpCodecKind::Audio,
    }
}

const fn mime_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Vp8 => MIME_TYPE_VP8,
        Encoding::Vp9 => MIME_TYPE_VP9,
        Encoding::H264 => MIME_TYPE_H264,
        Encoding::Opus => MIME_TYPE_OPUS,
    }
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback { typ: typ.into(), parameter: parameter.into() }
}

#[cfg(test)]
mod tests;
