//! Offers of all kinds, for tests: here, and by its path in the runtime, where the WebRTC stack answers them.

use proptest::prelude::*;

pub const SHA_256: &str =
    "sha-256 AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99";
const H264: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// A format by its name and parameters; its number comes from its place.
const VIDEO: [(&str, &str); 10] = [
    ("VP8/90000", ""),
    ("H264/90000", H264),
    ("h264/90000", "packetization-mode=1;profile-level-id=42E01F"),
    ("H264/90000", "Packetization-Mode=1;Profile-Level-Id=640c1f;Level-Asymmetry-Allowed=1"),
    ("H264/90000", "packetization-mode=0;profile-level-id=42e01f"),
    ("H264/90000", ""),
    ("H264/90000", "packetization-mode=1"),
    ("H264/90000", "packetization-mode=1; profile-level-id=zz; level-asymmetry-allowed=1"),
    ("VP9/90000", "profile-id=0"),
    ("AV1/90000", "profile=0"),
];
const AUDIO: [(&str, &str); 4] = [
    ("opus/48000/2", "minptime=10;useinbandfec=1"),
    ("OPUS/48000/2", ""),
    ("G722/8000", ""),
    ("L16/44100/2", ""),
];

#[derive(Clone, Debug)]
struct Media {
    kind: &'static str,
    port: &'static str,
    bundle_only: bool,
    mid: bool,
    direction: Option<&'static str>,
    own_transport: bool,
    setup: &'static str,
    mux: bool,
    formats: Vec<(&'static str, &'static str)>,
    feedback: bool,
}

#[derive(Clone, Debug, Copy, PartialEq, Eq)]
enum Grouping {
    None,
    All,
    First,
    Backwards,
    Each,
}

/// An offer of up to five sections, most of which somebody could serve.
pub fn offer() -> impl Strategy<Value = String> {
    let grouping = prop_oneof![
        1 => Just(Grouping::None),
        4 => Just(Grouping::All),
        1 => Just(Grouping::First),
        1 => Just(Grouping::Backwards),
        1 => Just(Grouping::Each),
    ];
    let sections = prop::collection::vec(media(), 1..6);
    let session_direction = prop::option::weighted(0.2, direction());
    let of_session = prop::option::of(setup());
    (sections, grouping, session_direction, of_session, fingerprints()).prop_map(
        |(sections, grouping, direction, of_session, fingerprints)| {
            write(&sections, grouping, direction, of_session, &fingerprints)
        },
    )
}

/// The part in the handshake, each that there is (RFC 4145 §4).
fn setup() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "actpass", "actpass", "ActPass", "active", "passive", "passive", "Passive", "holdconn",
    ])
}

fn direction() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["recvonly", "recvonly", "sendonly", "sendrecv", "inactive", "RecvOnly"])
}

fn fingerprints() -> impl Strategy<Value = Vec<String>> {
    let one = prop::sample::select(vec![
        SHA_256.to_owned(),
        SHA_256.replace("sha", "SHA"),
        SHA_256.to_lowercase(),
        SHA_256.replace("AA", "01"),
        "sha-1 AA:BB".to_owned(),
        "md5 00".to_owned(),
    ]);
    prop::collection::vec(one, 1..4)
}

fn media() -> impl Strategy<Value = Media> {
    let kind = prop::sample::select(vec!["video", "video", "audio", "audio", "application", "text"]);
    let port = prop::sample::select(vec!["9", "9", "9", "9", "0", "54321"]);
    let formats = prop::collection::vec(any::<prop::sample::Index>(), 1..5);
    let flags = (
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.9),
        any::<bool>(),
        prop::bool::weighted(0.95),
        any::<bool>(),
    );
    (kind, port, setup(), prop::option::weighted(0.9, direction()), formats, flags).prop_map(
        |(kind, port, setup, direction, formats, (bundle_only, mid, own_transport, mux, feedback))| {
            let known: &[(&'static str, &'static str)] = if kind == "video" { &VIDEO } else { &AUDIO };
            let formats = formats.iter().map(|index| *index.get(known)).collect();
            Media { kind, port, bundle_only, mid, direction, own_transport, setup, mux, formats, feedback }
        },
    )
}

fn write(
    sections: &[Media],
    grouping: Grouping,
    direction: Option<&str>,
    of_session: Option<&str>,
    fingerprints: &[String],
) -> String {
    let mut lines: Vec<String> =
        ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"].map(str::to_owned).to_vec();
    let mids: Vec<String> =
        (0..sections.len()).filter(|place| sections[*place].mid).map(|place| format!("m{place}")).collect();
    match grouping {
        Grouping::None => {}
        Grouping::All => lines.push(format!("a=group:BUNDLE {}", mids.join(" "))),
        Grouping::First => lines.push(format!("a=group:BUNDLE {}", mids.first().map_or("", |mid| mid))),
        Grouping::Backwards => {
            let backwards: Vec<&str> = mids.iter().rev().map(String::as_str).collect();
            lines.push(format!("a=group:bundle {}", backwards.join(" ")));
        }
        Grouping::Each => lines.extend(mids.iter().map(|mid| format!("a=group:BUNDLE {mid}"))),
    }
    lines.extend(direction.map(|direction| format!("a={direction}")));
    lines.extend(of_session.iter().flat_map(|setup| transport(0, setup, fingerprints)));
    for (place, media) in sections.iter().enumerate() {
        lines.extend(section(place, media, of_session.is_some(), fingerprints));
    }
    lines.join("\r\n") + "\r\n"
}

fn section(place: usize, media: &Media, at_session: bool, fingerprints: &[String]) -> Vec<String> {
    let numbers: Vec<usize> = (0..media.formats.len()).map(|index| 40 + 10 * place + index).collect();
    let listed: Vec<String> = numbers.iter().map(usize::to_string).collect();
    let mut lines = vec![match media.kind {
        "application" => format!("m=application {} UDP/DTLS/SCTP webrtc-datachannel", media.port),
        kind => format!("m={kind} {} UDP/TLS/RTP/SAVPF {}", media.port, listed.join(" ")),
    }];
    lines.push("c=IN IP4 0.0.0.0".to_owned());
    if media.mid {
        lines.push(format!("a=mid:m{place}"));
    }
    if media.bundle_only && media.port == "0" {
        lines.push("a=bundle-only".to_owned());
    }
    lines.extend(media.direction.map(|direction| format!("a={direction}")));
    if media.own_transport || !at_session {
        lines.extend(transport(place, media.setup, fingerprints));
    }
    if media.kind == "application" {
        lines.push("a=sctp-port:5000".to_owned());
        return lines;
    }
    if media.mux {
        lines.push("a=rtcp-mux".to_owned());
    }
    for (number, (name, fmtp)) in numbers.iter().zip(&media.formats) {
        lines.push(format!("a=rtpmap:{number} {name}"));
        if !fmtp.is_empty() {
            lines.push(format!("a=fmtp:{number} {fmtp}"));
        }
        if media.feedback {
            lines.extend(["nack", "nack pli", "goog-remb"].map(|what| format!("a=rtcp-fb:{number} {what}")));
        }
    }
    lines
}

fn transport(place: usize, setup: &str, fingerprints: &[String]) -> Vec<String> {
    let mut lines = vec![format!("a=ice-ufrag:peer{place}"), "a=ice-pwd:abcdefghijklmnopqrstuvwx".to_owned()];
    lines.extend(fingerprints.iter().map(|fingerprint| format!("a=fingerprint:{fingerprint}")));
    lines.push(format!("a=setup:{setup}"));
    lines
}
