use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::offer::{DtlsRole, Restart, TRANSPORT_CC, counted, credentials, read};

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack\r\n\
    a=rtcp-fb:96 nack pli\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";
const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:\
    0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\na=setup:passive\r\na=rtcp-mux\r\n";
const CANDIDATES: &str = "a=candidate:1 1 UDP 2130706431 198.51.100.1 5000 typ host\r\n\
    a=candidate:2 1 udp 1694498815 203.0.113.9 5001 typ srflx raddr 198.51.100.1 rport 5000\r\n\
    a=candidate:3 1 udp 1 0f1e.local 5002 typ host\r\na=candidate:4 1 tcp 1 198.51.100.1 9 typ host tcptype active\r\n\
    a=candidate:1 2 UDP 2130706430 198.51.100.1 5003 typ host\r\na=end-of-candidates\r\n";

const BROWSER: &str = include_str!("../../../../tests/fixtures/chromium_offer.sdp");

fn answer() -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{TRANSPORT}{CANDIDATES}a=mid:0\r\na=recvonly\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{TRANSPORT}a=mid:1\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"
    )
}

fn anywhere() -> Policy {
    Policy { allow: "*".parse().unwrap(), own: Vec::new() }
}

#[test]
fn of_an_answer_the_stack_is_told_what_media_needs_and_where_it_may_be_sent() {
    let accepted = accept(OFFER, &answer()).unwrap();
    assert_eq!((accepted.transport.role, accepted.is_lite), (DtlsRole::Client, false));
    let reachable = accepted.reachable(&anywhere()).unwrap();
    assert_eq!(reachable, ["198.51.100.1:5000", "203.0.113.9:5001"].map(|at| at.parse().unwrap()));
    let sdp = accepted.sdp(&reachable[1..]);
    assert_eq!(sdp.matches("a=candidate:").count(), 2, "{sdp}");
    for told in ["203.0.113.9 5001 typ host", "a=rtcp-fb:96 nack pli", "a=mid:1", "a=setup:passive"] {
        assert!(sdp.contains(told), "{told} in {sdp}");
    }
    for gone in ["198.51.100.1", "goog-remb", "local", "tcptype"] {
        assert!(!sdp.contains(gone), "{gone} in {sdp}");
    }
}

#[test]
fn the_stack_s_answer_is_one_that_is_accepted() {
    let accepted = accept(OFFER, &answer()).unwrap();
    let again = accept(OFFER, &accepted.sdp(&accepted.reachable(&anywhere()).unwrap())).unwrap();
    assert_eq!(again.transport, accepted.transport);
    assert_eq!(again.media, accepted.media);
}

#[test]
fn packets_are_sent_again_as_a_stream_of_their_own_if_the_answer_takes_it() {
    assert!(!accept(OFFER, &answer()).unwrap().repairs());
    let takes =
        answer().replace("SAVPF 96\r\n", "SAVPF 97 96\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n");
    let accepted = accept(OFFER, &takes).unwrap();
    let sdp = accepted.sdp(&[]);
    assert!(
        accepted.repairs() && sdp.contains("SAVPF 96 97\r\n") && sdp.contains("a=fmtp:97 apt=96"),
        "{sdp}"
    );
}

#[test]
fn what_is_taken_of_the_picture_is_what_the_answer_says() {
    let level = |answer: &str| accept(OFFER, answer).unwrap().level.to_string();
    assert_eq!(level(&answer()), "3.1");
    assert_eq!(level(&answer().replace("42e01f", "42e01e")), "3");
    assert_eq!(level(&answer().replace("profile-level-id=42e01f", "level-asymmetry-allowed=1")), "3.1");
}

#[test]
fn packets_are_counted_for_whom_an_answer_promises_to_say_of_each_whether_it_came() {
    let offer = counted(OFFER, 96);
    let video = offer.split("m=").nth(1).unwrap();
    let (extension, feedback) = (format!("a=extmap:1 {TRANSPORT_CC}\r\n"), "a=rtcp-fb:96 transport-cc\r\n");
    assert!(video.contains(&extension) && video.contains(feedback), "{offer}");
    assert_eq!(
        (offer.matches("extmap").count(), offer.len()),
        (1, OFFER.len() + extension.len() + feedback.len())
    );
    let whole = answer().replacen("a=mid:0\r\n", &format!("a=mid:0\r\n{extension}{feedback}"), 1);
    let accepted = accept(&offer, &whole).unwrap();
    assert_eq!(accepted.counted(), Some(1));
    assert_eq!(accept(&offer, &accepted.sdp(&[])).unwrap().media, accepted.media);
    for (offer, answer) in [
        (&offer, answer()),
        (&offer, whole.replace(&extension, "")),
        (&offer, whole.replace(feedback, "")),
        (&offer, whole.replace("extmap:1", "extmap:2")),
        (&OFFER.to_owned(), whole.clone()),
    ] {
        assert_eq!(accept(offer, &answer).unwrap().counted(), None, "{answer}");
    }
}

#[test]
fn a_server_that_checks_no_way_is_told_from_one_that_does() {
    let lite = answer().replace("s=-\r\n", "s=-\r\na=ice-lite\r\n");
    let accepted = accept(OFFER, &lite).unwrap();
    assert!(accepted.is_lite && accepted.sdp(&[]).contains("a=ice-lite\r\n"));
}

#[test]
fn what_cannot_be_used_is_refused_with_its_cause() {
    let whole = answer();
    let picture = || Unusable::NoCodec {
        kind: "video",
        needed: "H.264 with packetization-mode=1, under the offered number",
    };
    for (answer, refusal) in [
        (String::from("hello"), Unusable::NotSdp { line: 1 }),
        ("v=0\r\n".repeat(20_000), Unusable::TooLarge),
        (whole.split("m=audio").next().unwrap().to_owned(), Unusable::Sections { offered: 2, answered: 1 }),
        (whole.replace("m=audio", "m=video"), Unusable::OtherSection { section: 2 }),
        (whole.replace("a=mid:1", "a=mid:7"), Unusable::OtherSection { section: 2 }),
        (whole.replace("m=audio 9", "m=audio 0"), Unusable::Rejected { kind: "audio" }),
        (whole.replace("recvonly", "inactive"), Unusable::NotReceived { kind: "video" }),
        (whole.replace("H264", "VP8"), picture()),
        (whole.replace("packetization-mode=1", "packetization-mode=0"), picture()),
        (whole.replace("SAVPF 96", "SAVPF 97"), picture()),
        (whole.replace("a=rtcp-mux\r\n", ""), Unusable::NoRtcpMux),
        (whole.replacen("abcd", "efgh", 1), Unusable::NotBundled),
        (whole.replace("a=ice-ufrag:abcd\r\n", ""), Unusable::NoIceCredentials),
        (whole.replace("sha-256", "sha-1"), Unusable::NoFingerprint),
        (whole.replace("setup:passive", "setup:actpass"), Unusable::WrongSetup("actpass".into())),
        (whole.replace("setup:passive", "setup:holdconn"), Unusable::WrongSetup("holdconn".into())),
    ] {
        assert_eq!(accept(OFFER, &answer), Err(refusal));
    }
}

#[test]
fn addresses_that_may_not_be_contacted_are_left_out_and_none_is_no_way() {
    let private = answer().replace("198.51.100.1", "10.0.0.1").replace("203.0.113.9", "93.184.216.34");
    let of = |answer: &str| accept(OFFER, answer).unwrap().reachable(&Policy::default());
    assert_eq!(of(&private), Ok(vec!["93.184.216.34:5001".parse().unwrap()]));
    assert_eq!(of(&private.replace("93.184.216.34", "10.0.0.2")), Err(Unusable::Forbidden(Class::Private)));
    let nowhere = answer().replace("udp", "tcp").replace("UDP 2", "tcp 2");
    assert_eq!(of(&nowhere), Err(Unusable::NoCandidate));
}

/// Lines of an answer or a fragment, in any order, any number of times, and cut anywhere.
fn jumbled() -> impl Strategy<Value = String> {
    let lines: Vec<String> = answer().lines().map(str::to_owned).collect();
    let line = (any::<Index>(), any::<Index>(), 0..9_u8).prop_map(move |(which, end, cut)| {
        let line = which.get(&lines);
        if cut == 0 { line[..end.index(line.len() + 1)].to_owned() } else { line.clone() }
    });
    let head = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    prop::collection::vec(line, 0..60).prop_map(move |lines| head.to_owned() + &lines.join("\r\n") + "\r\n")
}

/// A whole answer in which some lines are gone, or twice.
fn damaged() -> impl Strategy<Value = String> {
    prop::collection::vec(0..12_u8, 60).prop_map(|fates| {
        let fated = answer().lines().map(str::to_owned).zip(fates.into_iter().cycle()).collect::<Vec<_>>();
        let lines = fated.into_iter().flat_map(|(line, fate)| {
            let times = if fate == 0 { 0 } else { 1 + usize::from(fate == 1) };
            std::iter::repeat_n(line + "\r\n", times)
        });
        lines.collect()
    })
}

proptest! {
    #[test]
    fn whatever_is_answered_is_refused_or_written_so_that_it_is_accepted(text in prop_oneof![jumbled(), damaged()]) {
        if let Ok(accepted) = accept(OFFER, &text) {
            let reachable = accepted.reachable(&anywhere()).unwrap_or_default();
            let again = accept(OFFER, &accepted.sdp(&reachable));
            prop_assert_eq!(again.map(|again| (again.transport, again.media)), Ok((accepted.transport, accepted.media)));
        }
    }

    #[test]
    fn whatever_is_said_of_a_session_is_read_or_refused(text in prop_oneof![jumbled(), r"\PC{0,200}"]) {
        if let Ok(Some(credentials)) = credentials(&text) {
            let restart: Restart = read(BROWSER).unwrap().restart();
            prop_assert!(read(&restart.offer(&credentials)).is_ok());
        }
    }
}
