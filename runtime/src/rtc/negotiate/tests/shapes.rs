//! Offers as Firefox and Safari make them, who cannot be run here: each is answered, in its own payload types.
//!
//! The offers were written by hand. Their shape is RFC 9429 (which obsoletes RFC 8829) §5.2.1, what a viewer may ask
//! is draft-ietf-wish-whep §4.2, what a publisher may send RFC 9725 §4.2. Codecs and their parameters are those of
//! MDN's «Codecs used by WebRTC» and of logs in public bug reports: `about:webrtc` of Firefox 136 and later (attributes
//! in the order of their names, the certificate once for the session, credentials of hexadecimal digits, RTX for each
//! codec, AV1 as 99), and Safari 18 (libwebrtc's order, H.264 before all else, HEVC in its RTP format of RFC 7798,
//! Constrained High before Constrained Baseline). That of GStreamer was recorded: `whepsrc` of gst-plugins-rs 0.15.4 with
//! GStreamer 1.22, called as MediaMTX' manual says for a picture without a sound, which it cannot ask for alone.

use super::{check, offer, to_publisher, to_viewer};

struct Browser {
    name: &'static str,
    /// Recvonly sound, then picture, as it watches.
    offer: &'static str,
    /// The payload types of what is sent to it.
    picture: u8,
    /// What is lost of it is sent again under this.
    repair: u8,
    sound: u8,
    /// Those of the pictures that are taken from it, in its order.
    pictures: &'static str,
    /// How it names a stream that it sends, without a MediaStream.
    msid: &'static str,
}

const BROWSERS: [Browser; 2] = [
    Browser {
        name: "Firefox",
        offer: include_str!("../../../../tests/fixtures/firefox_offer.sdp"),
        picture: 126,
        repair: 127,
        sound: 109,
        // VP8, VP9, H.264 Constrained Baseline and Baseline, both with packetization-mode=1.
        pictures: "120 121 126 105",
        msid: "- {0d2c4e6f-8a1b-4c3d-9e5f-7a6b8c9d0e1f}",
    },
    Browser {
        name: "Safari",
        offer: include_str!("../../../../tests/fixtures/safari_offer.sdp"),
        picture: 98,
        repair: 99,
        sound: 111,
        // H.264 Constrained High and Baseline with packetization-mode=1, VP8, VP9 of profile 0.
        pictures: "96 98 106 108",
        msid: "- 0d2c4e6f-8a1b-4c3d-9e5f-7a6b8c9d0e1f",
    },
];

const WHEPSRC: &str = include_str!("../../../../tests/fixtures/whepsrc_offer.sdp");

/// What neither way may be promised: repair that we do not do, and codecs that we do not speak.
const UNSPOKEN: [&str; 7] = ["red/", "ulpfec/", "H265/", "AV1/", "G722/", "PCMU/", "packetization-mode=0"];
/// What a sender is not promised: it sends again what we ask for as it was.
const UNTAKEN: [&str; 2] = ["rtx/", "apt="];

/// The session's lines, and each section.
fn parts(text: &str) -> (&str, Vec<&str>) {
    let begin = text.find("m=").expect("a section");
    let (session, mut rest) = text.split_at(begin);
    let mut sections = Vec::new();
    while let Some(end) = rest.find("\r\nm=") {
        let (section, behind) = rest.split_at(end + 2);
        sections.push(section);
        rest = behind;
    }
    sections.push(rest);
    (session, sections)
}

fn section<'a>(text: &'a str, kind: &str) -> &'a str {
    let of_kind = |section: &&str| section.starts_with(&format!("m={kind} "));
    parts(text).1.into_iter().find(of_kind).expect("a section of the kind")
}

/// The payload types of a section.
fn formats(section: &str) -> &str {
    let line = section.lines().next().expect("a line");
    line.split_once("SAVPF ").expect("a profile").1
}

/// The same with its sections in this order of kinds, whose `a=mid` are these.
fn arranged(offer: &str, kinds: [&str; 2], mids: [&str; 2]) -> String {
    let session = parts(offer).0.replace("BUNDLE 0 1", &format!("BUNDLE {} {}", mids[0], mids[1]));
    let named = |(kind, mid): (&str, &str)| {
        let section = section(offer, kind);
        let old = section.lines().find(|line| line.starts_with("a=mid:")).expect("a mid");
        section.replace(&format!("{old}\r\n"), &format!("a=mid:{mid}\r\n"))
    };
    session + &kinds.into_iter().zip(mids).map(named).collect::<String>()
}

/// As with `bundlePolicy: 'max-bundle'` (RFC 9429 §5.2.1): what comes second has no port of its own.
fn bundle_only(offer: &str) -> String {
    let (session, sections) = parts(offer);
    let second = sections[1].replacen(" 9 ", " 0 ", 1).replacen("\r\n", "\r\na=bundle-only\r\n", 1);
    format!("{session}{}{second}", sections[0])
}

/// Whoever posts no candidates later writes those that were gathered, of which this runtime needs none: it is the one
/// that is spoken to (RFC 8445 §6.1.1). Browsers hide addresses behind names of mDNS; Firefox has TCP candidates too.
fn gathered(offer: &str) -> String {
    let candidates = "a=candidate:0 1 UDP 2122187007 1b7a0e52-6f0f-4f0b-9a55-93a1c6d0f3c4.local 39048 typ host\r\n\
        a=candidate:1 1 TCP 2105458943 1b7a0e52-6f0f-4f0b-9a55-93a1c6d0f3c4.local 9 typ host tcptype active\r\n\
        a=candidate:2 1 UDP 1685987327 203.0.113.7 39048 typ srflx raddr 0.0.0.0 rport 0\r\n\
        a=candidate:0 2 UDP 2122187006 1b7a0e52-6f0f-4f0b-9a55-93a1c6d0f3c4.local 39049 typ host\r\n\
        a=rtcp:39049 IN IP4 203.0.113.7\r\na=end-of-candidates\r\n";
    let (session, sections) = parts(offer);
    let section = |section: &&str| {
        let known = section.replacen(" 9 ", " 39048 ", 1).replace("IN IP4 0.0.0.0", "IN IP4 203.0.113.7");
        format!("{known}{candidates}")
    };
    session.to_owned() + &sections.iter().map(section).collect::<String>()
}

/// Its offer to send what it has: the picture with a stream for retransmission beside it (RFC 4588 §8.1).
fn publishing(browser: &Browser, way: &str) -> String {
    let (session, sections) = parts(browser.offer);
    let section = |(place, section): (usize, &&str)| {
        let (ssrc, again) = (1000 + place, 2000 + place);
        let sent = section.replace("a=recvonly", &format!("a={way}\r\na=msid:{}", browser.msid));
        let own: String = sent
            .lines()
            .filter(|line| !line.starts_with("a=ssrc:"))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let streams = if own.starts_with("m=video") {
            format!("a=ssrc-group:FID {ssrc} {again}\r\na=ssrc:{ssrc} cname:x\r\na=ssrc:{again} cname:x\r\n")
        } else {
            format!("a=ssrc:{ssrc} cname:x\r\n")
        };
        own + &streams
    };
    session.to_owned() + &sections.iter().enumerate().map(section).collect::<String>()
}

/// The answer to one who watches, which must hold and serve both kinds.
fn is_served(browser: &Browser, offer: &str) -> String {
    let name = browser.name;
    let answer = to_viewer(offer).unwrap_or_else(|error| panic!("{name}: {error}\n{offer}"));
    assert_eq!(check(offer, &answer), Ok(()), "{name}: {answer}");
    let picture = format!("{} {}", browser.picture, browser.repair);
    for (kind, numbers) in [("video", picture), ("audio", browser.sound.to_string())] {
        let given = section(&answer, kind);
        assert!(given.starts_with(&format!("m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}\r\n")), "{name}: {given}");
        for line in ["a=sendonly", "a=rtcp-mux", "a=candidate:", "a=ice-ufrag:", "a=setup:"] {
            assert!(given.contains(line), "{name}: no {line} in {given}");
        }
    }
    let repair = format!("a=fmtp:{} apt={}\r\n", browser.repair, browser.picture);
    assert!(answer.contains(&repair) && answer.matches("apt=").count() == 1, "{name}: {answer}");
    for what in UNSPOKEN.into_iter().chain(["VP8/", "VP9/"]) {
        assert!(!answer.contains(what), "{name}: {what} in {answer}");
    }
    answer
}

#[test]
fn each_browser_is_sent_picture_and_sound_in_its_own_payload_types_whatever_comes_first() {
    for browser in &BROWSERS {
        for kinds in [["audio", "video"], ["video", "audio"]] {
            // As Unified Plan numbers them, as older clients name them, and as neither counts.
            for mids in [["0", "1"], kinds, ["1", "0"]] {
                let offer = arranged(browser.offer, kinds, mids);
                let answer = is_served(browser, &offer);
                let (session, sections) = parts(&answer);
                assert!(session.contains(&format!("a=group:BUNDLE {} {}\r\n", mids[0], mids[1])), "{answer}");
                for ((section, kind), mid) in sections.into_iter().zip(kinds).zip(mids) {
                    assert!(section.starts_with(&format!("m={kind} ")), "{answer}");
                    assert!(section.contains(&format!("a=mid:{mid}\r\n")), "{answer}");
                }
            }
        }
    }
}

#[test]
fn a_section_without_a_port_of_its_own_is_served_with_the_other() {
    for browser in &BROWSERS {
        for kinds in [["audio", "video"], ["video", "audio"]] {
            is_served(browser, &bundle_only(&arranged(browser.offer, kinds, ["0", "1"])));
        }
    }
}

#[test]
fn candidates_that_were_gathered_change_nothing() {
    for browser in &BROWSERS {
        let answer = is_served(browser, &gathered(browser.offer));
        assert!(!answer.contains("203.0.113.7") && !answer.contains(".local"), "{answer}");
    }
}

#[test]
fn the_picture_is_promised_with_the_parameters_of_the_browser_at_our_level_and_with_what_it_asks_of_it() {
    let parameters = [
        "126 profile-level-id=42e033;level-asymmetry-allowed=1;packetization-mode=1",
        "98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e033",
    ];
    for (browser, parameters) in BROWSERS.iter().zip(parameters) {
        let answer = is_served(browser, browser.offer);
        let picture = section(&answer, "video");
        assert!(picture.contains(&format!("a=fmtp:{parameters}\r\n")), "{picture}");
        for feedback in ["nack", "nack pli", "ccm fir"] {
            assert!(picture.contains(&format!("a=rtcp-fb:{} {feedback}\r\n", browser.picture)), "{picture}");
        }
    }
}

#[test]
fn the_certificate_and_the_credentials_are_those_of_the_browser_wherever_they_stand() {
    for browser in &BROWSERS {
        let said = |name: &str| {
            let mut lines = browser.offer.lines();
            lines.find_map(|line| line.strip_prefix(name)).expect("it must be said").to_owned()
        };
        let read = offer::read(browser.offer).expect("it must be read");
        assert_eq!(read.transport.fingerprints, [said("a=fingerprint:sha-256 ")], "{}", browser.name);
        assert_eq!(read.transport.ufrag, said("a=ice-ufrag:"), "{}", browser.name);
    }
}

#[test]
fn each_browser_may_publish_what_can_be_decoded_and_is_asked_for_nothing_else() {
    for browser in &BROWSERS {
        for way in ["sendonly", "sendrecv"] {
            let whole = publishing(browser, way);
            for offer in [whole.clone(), bundle_only(&whole), gathered(&whole)] {
                let answer = to_publisher(&offer).unwrap_or_else(|error| panic!("{}: {error}", browser.name));
                assert_eq!(check(&offer, &answer), Ok(()), "{answer}");
                let (picture, sound) = (section(&answer, "video"), section(&answer, "audio"));
                assert_eq!(formats(picture), browser.pictures, "{answer}");
                assert_eq!(formats(sound), browser.sound.to_string(), "{answer}");
                for given in [picture, sound] {
                    assert!(given.contains("a=recvonly\r\n") && !given.contains("a=ssrc"), "{given}");
                }
                assert!(UNSPOKEN.iter().chain(&UNTAKEN).all(|what| !answer.contains(what)), "{answer}");
            }
        }
    }
}

#[test]
fn a_publisher_is_told_when_its_packets_arrived_under_the_number_that_it_gave() {
    for (browser, number) in BROWSERS.iter().zip([7, 3]) {
        let answer = to_publisher(&publishing(browser, "sendonly")).expect("it must be answered");
        let picture = section(&answer, "video");
        assert!(picture.contains(&format!("a=extmap:{number} {}\r\n", offer::TRANSPORT_CC)), "{picture}");
        for number in browser.pictures.split(' ') {
            assert!(picture.contains(&format!("a=rtcp-fb:{number} transport-cc\r\n")), "{picture}");
        }
    }
}

#[test]
fn one_stream_of_a_published_picture_is_announced_and_not_the_one_that_repairs_it() {
    for browser in &BROWSERS {
        let read = offer::incoming(&publishing(browser, "sendonly")).expect("it must be read");
        let picture = section(&read.sdp, "video");
        let streams: Vec<&str> = picture.lines().filter(|line| line.starts_with("a=ssrc")).collect();
        assert_eq!(streams, ["a=ssrc:1001 cname:peer"], "{picture}");
    }
}

#[test]
fn gstreamer_is_sent_the_picture_and_its_sound_in_pcmu_that_comes_first_keeps_the_transport() {
    let answer = to_viewer(WHEPSRC).expect("it must be answered");
    assert_eq!(check(WHEPSRC, &answer), Ok(()), "{answer}");
    let (session, sections) = parts(&answer);
    assert!(session.contains("a=group:BUNDLE audio0 video1\r\n"), "{answer}");
    let opens = ["m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", "m=video 9 UDP/TLS/RTP/SAVPF 127\r\n"];
    for ((section, open), way) in sections.iter().zip(opens).zip(["a=inactive\r\n", "a=sendonly\r\n"]) {
        assert!(section.starts_with(open) && section.contains(way), "{answer}");
    }
    // Its webrtcbin wants them of each section, and one set of them.
    for name in ["a=ice-ufrag:", "a=ice-pwd:", "a=setup:", "a=candidate:"] {
        let said = |section: &str| section.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        assert!(said(sections[0]).is_some(), "{answer}");
        assert_eq!(said(sections[0]), said(sections[1]), "{answer}");
    }
}
