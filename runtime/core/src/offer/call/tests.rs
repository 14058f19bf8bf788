use super::*;

const CHROMIUM: &str = include_str!("../../../../tests/fixtures/chromium_offer.sdp");

/// An offer as ours is.
const OURS: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\na=rtcp-mux\r\na=mid:0\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:98 H264/90000\r\n\
    a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\na=rtcp-mux\r\na=mid:1\r\n\
    a=rtpmap:111 opus/48000/2\r\n";
const TRANSPORT: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:\
    0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\na=setup:active\r\n\
    a=candidate:1 1 udp 2130706431 192.0.2.7 4000 typ host\r\n";

fn answer(video: &str, audio: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
         m=video {video}\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:0\r\n{TRANSPORT}\
         m=audio {audio}\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:1\r\n{TRANSPORT}"
    )
}

fn encodings(way: &Way) -> (Option<Encoding>, Vec<Encoding>) {
    let comes = way.comes.iter().map(|format| format.encoding).collect();
    (way.sent.as_ref().map(|codec| codec.encoding), comes)
}

#[test]
fn what_an_answer_takes_is_sent_and_what_it_sends_may_come() {
    let video = "9 UDP/TLS/RTP/SAVPF 98 96\r\na=sendrecv\r\na=ssrc:77 cname:x\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 made-up";
    let agreed = answered(OURS, &answer(video, "9 UDP/TLS/RTP/SAVPF 111\r\na=recvonly")).unwrap();
    assert_eq!(
        encodings(&agreed.video),
        (Some(Encoding::H264), vec![Encoding::H264, Encoding::Vp8]),
        "in the answer's order"
    );
    assert_eq!(encodings(&agreed.audio), (Some(Encoding::Opus), vec![]));
    let at: Vec<SocketAddr> = agreed.candidates().into_iter().map(|(at, _line)| at).collect();
    assert_eq!(at, ["192.0.2.7:4000".parse().unwrap()]);
    let sdp = agreed.sdp();
    assert!(
        sdp.contains("m=video 9 UDP/TLS/RTP/SAVPF 98 96\r\n") && sdp.contains("a=ssrc:77 cname:peer"),
        "{sdp}"
    );
    assert!(sdp.contains("a=rtcp-fb:96 nack\r\n") && !sdp.contains("made-up"), "{sdp}");
    assert!(sdp.contains("a=rtpmap:96 VP8/90000"), "what is left unsaid is as it was offered: {sdp}");
}

#[test]
fn who_refuses_one_kind_has_the_other() {
    let agreed = answered(OURS, &answer("0 UDP/TLS/RTP/SAVPF 96", "9 UDP/TLS/RTP/SAVPF 111")).unwrap();
    assert_eq!(encodings(&agreed.video), (None, vec![]));
    assert_eq!(encodings(&agreed.audio), (Some(Encoding::Opus), vec![Encoding::Opus]));
    assert!(
        agreed.sdp().contains("a=group:BUNDLE 1\r\n") && agreed.sdp().contains("m=video 0 "),
        "{}",
        agreed.sdp()
    );
}

#[test]
fn an_answer_that_cannot_be_taken_is_said_to_be_none() {
    let refused = |text: &str| answered(OURS, text).unwrap_err().to_string();
    let good = answer("9 UDP/TLS/RTP/SAVPF 96", "9 UDP/TLS/RTP/SAVPF 111");
    assert!(answered(OURS, &good).is_ok());
    let none = answer("0 UDP/TLS/RTP/SAVPF 96", "0 UDP/TLS/RTP/SAVPF 111");
    assert!(refused(&none).contains("rejects the picture and the sound"), "{}", refused(&none));
    assert!(refused(&good.replace("SAVPF 96", "SAVPF 100")).contains("VP8 or H.264"));
    assert!(refused(&good.replace("a=rtcp-mux\r\n", "")).contains("rtcp-mux"));
    assert!(refused(&good.replace("a=ice-ufrag:abcd\r\n", "")).contains("ICE"));
    assert!(refused(&good.replace("a=setup:active", "a=setup:actpass")).contains("actpass"));
    assert!(refused(&good.replace("m=audio 9", "m=text 9")).contains("section 2"));
    assert!(refused("v=0\r\n").contains("sections"));
}

#[test]
fn an_offer_is_answered_in_what_it_names_first_of_what_is_encoded_here() {
    let both = CHROMIUM.replace("a=recvonly", "a=sendrecv");
    let called = calling(&both).unwrap();
    let (sent, comes) = encodings(&called.agreement.video);
    assert_eq!(sent, comes.first().copied());
    assert!(comes.contains(&Encoding::Vp8) && comes.contains(&Encoding::H264), "{comes:?}");
    assert!(!comes.contains(&Encoding::Vp9));
    assert_eq!(encodings(&called.agreement.audio).0, Some(Encoding::Opus));
    assert!(called.agreement.sdp().contains("a=sendrecv"), "{}", called.agreement.sdp());
    let heard = calling(CHROMIUM).unwrap();
    assert!(heard.agreement.comes().is_empty(), "who only looks on sends nothing");
    assert_eq!(calling(&both.replace("a=sendrecv", "a=inactive")).unwrap_err(), Fault::NothingSent);
}

#[test]
fn a_candidate_that_comes_later_says_where_the_peer_is_or_nothing() {
    let (address, line) =
        candidate("candidate:1 1 UDP 2122260223 192.0.2.1 54321 typ host generation 0").unwrap();
    assert_eq!(address, "192.0.2.1:54321".parse().unwrap());
    assert!(line.starts_with("a=candidate:") && line.contains("192.0.2.1 54321 typ host"), "{line}");
    for nothing in [
        "",
        "candidate:1 1 udp 1 7b6c.local 9 typ host",
        "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        "candidate:1 2 udp 1 192.0.2.1 9 typ host",
        "nonsense",
    ] {
        assert_eq!(candidate(nothing), None, "{nothing}");
    }
}
