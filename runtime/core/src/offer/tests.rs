use super::*;

const SESSION: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n";
const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:\
    0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\na=setup:actpass\r\na=rtcp-mux\r\n";
const VIDEO: &str = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:102 H264/90000\r\n\
    a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\na=rtpmap:104 H264/90000\r\n\
    a=fmtp:104 packetization-mode=0;profile-level-id=42e01f\r\na=rtpmap:106 H264/90000\r\n\
    a=rtcp-fb:106 nack pli\r\na=fmtp:106 packetization-mode=1;profile-level-id=42e01f\r\n";
const AUDIO: &str =
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n";

fn offer() -> String {
    format!(
        "{SESSION}m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n{TRANSPORT}a=mid:0\r\na=recvonly\r\n{AUDIO}\
         m=video 9 UDP/TLS/RTP/SAVPF 96 102 104 106\r\n{TRANSPORT}a=mid:1\r\na=sendrecv\r\na=ssrc:7 cname:x\r\n\
         a=candidate:1 1 udp 1 x.local 9 typ host\r\n{VIDEO}"
    )
}

fn fault_of(text: &str) -> Fault {
    read(text).expect_err("must be refused")
}

#[test]
fn constrained_baseline_is_preferred_and_keeps_the_number_of_the_offer() {
    let offer = read(&offer()).unwrap();
    assert_eq!(offer.video.unwrap().payload_type, 106);
    assert_eq!(offer.audio.unwrap().payload_type, 111);
}

#[test]
fn who_decodes_no_h264_of_ours_is_sent_vp8() {
    let read = |text: String| read(&text).unwrap();
    assert_eq!(read(offer()).picture(), VideoCodec::H264);
    for without in
        [offer().replace("H264", "H265"), offer().replace("packetization-mode=1", "packetization-mode=0")]
    {
        let offer = read(without);
        assert_eq!((offer.picture(), offer.video.as_ref().unwrap().payload_type), (VideoCodec::Vp8, 96));
        assert!(
            offer.sdp.contains("SAVPF 96\r\n") && offer.sdp.contains("a=rtcp-fb:96 nack\r\n"),
            "{}",
            offer.sdp
        );
        assert!(!offer.sdp.contains("a=fmtp:96"), "{}", offer.sdp);
    }
}

#[test]
fn of_what_goes_out_as_it_comes_there_is_no_vp8() {
    let without = offer().replace("H264", "H265");
    let read = read_for(&without, &[VideoCodec::H264]).unwrap();
    assert!(read.video.is_none() && read.audio.is_some(), "the sound is not taken along");
}

#[test]
fn what_repairs_the_codec_that_is_sent_is_kept_and_what_repairs_another_is_not() {
    let rtx = "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\n";
    let text = offer()
        .replace("96 102 104 106", "96 97 102 104 106 107")
        .replace("a=ssrc:7", &format!("{rtx}a=ssrc:7"));
    let offer = read(&text).unwrap();
    assert_eq!(offer.video.unwrap().repair, Some(107));
    assert!(
        offer.sdp.contains("SAVPF 106 107\r\n") && offer.sdp.contains("a=fmtp:107 apt=106"),
        "{}",
        offer.sdp
    );
    assert!(!offer.sdp.contains("apt=96"), "{}", offer.sdp);
}

#[test]
fn the_reduced_offer_holds_one_codec_a_section_and_nothing_sent_by_the_viewer() {
    let sdp = read(&offer()).unwrap().sdp;
    assert!(sdp.contains("m=video 9 UDP/TLS/RTP/SAVPF 106\r\n"), "{sdp}");
    for gone in ["VP8", "a=ssrc", "a=candidate", "sendrecv", ":104", "PCMU"] {
        assert!(!sdp.contains(gone), "{gone} in {sdp}");
    }
    assert_eq!(read(&sdp).unwrap().sdp, sdp);
}

#[test]
fn sections_with_transports_of_their_own_get_that_of_the_first_in_the_group() {
    let (first, second) = offer().split_once("m=video").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let own = format!("{first}m=video{}", second.replace("abcd", "efgh").replace("0123456789", "9876543210"));
    let offer = read(&own).unwrap();
    assert_eq!(offer.transport.ufrag, "abcd");
    assert!(!offer.sdp.contains("efgh") && !offer.sdp.contains("9876543210"), "{}", offer.sdp);
    assert_eq!(offer.sdp.matches("a=ice-ufrag:abcd").count(), 2);
}

#[test]
fn our_part_in_the_handshake_is_what_the_viewer_leaves_to_us() {
    for (theirs, ours, shown) in [
        ("actpass", DtlsRole::Server, "active"),
        ("active", DtlsRole::Server, "active"),
        ("passive", DtlsRole::Client, "passive"),
        ("Passive", DtlsRole::Client, "passive"),
    ] {
        let read = read(&offer().replace("actpass", theirs)).unwrap();
        assert_eq!(read.transport.role, ours, "{theirs}");
        assert_eq!(read.sdp.matches(&format!("a=setup:{shown}\r\n")).count(), 2, "{}", read.sdp);
    }
    let silent = read(&offer().replace("a=setup:actpass\r\n", "")).unwrap();
    assert_eq!(silent.transport.role, DtlsRole::Server);
}

#[test]
fn of_a_group_the_section_says_the_part_whose_transport_is_used() {
    let (sound, picture) = offer().split_once("m=video").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let role = |first: &str, second: &str| {
        let sound = sound.replace("actpass", first);
        read(&format!("{sound}m=video{}", picture.replace("actpass", second))).map(|read| read.transport.role)
    };
    assert_eq!(role("passive", "active"), Ok(DtlsRole::Client));
    assert_eq!(role("active", "passive"), Ok(DtlsRole::Server));
    assert_eq!(role("passive", "holdconn"), Ok(DtlsRole::Client));
    assert_eq!(role("holdconn", "passive"), Err(Fault::WrongSetup("holdconn".into())));
}

#[test]
fn a_data_channel_of_the_group_is_kept() {
    let data = format!(
        "{}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{TRANSPORT}a=mid:2\r\na=sctp-port:5000\r\n",
        offer().replace("BUNDLE 0 1", "BUNDLE 0 1 2")
    );
    assert!(read(&data).unwrap().sdp.contains("a=sctp-port:5000"));
}

#[test]
fn a_viewer_that_says_no_more_than_h264_is_served() {
    let plain = offer().replace("a=fmtp:106 packetization-mode=1;profile-level-id=42e01f\r\n", "");
    assert_eq!(read(&plain).unwrap().video.unwrap().payload_type, 106);
}

#[test]
fn each_fault_is_named() {
    let whole = offer();
    let cases = [
        (String::new(), Fault::Empty),
        ("hello".into(), Fault::NotSdp { line: 1 }),
        ("{\"sdp\": \"v=0\"}".into(), Fault::NotSdp { line: 1 }),
        (whole.replace("s=-\r\n", "s=-\r\nnonsense\r\n"), Fault::NotSdp { line: 4 }),
        (SESSION.into(), Fault::NoMedia),
        (whole.replace("a=ice-ufrag:abcd\r\n", ""), Fault::NoIceCredentials),
        (whole.replace("0123456789012345678901", "short"), Fault::NoIceCredentials),
        (whole.replace("a=fingerprint", "a=x"), Fault::NoFingerprint),
        (whole.replace("sha-256", "md5"), Fault::BadFingerprint),
        (whole.replace("00:01", "00:1"), Fault::BadFingerprint),
        (whole.replace("00:01:", ""), Fault::BadFingerprint),
        (whole.replace("sha-256", "sha-384"), Fault::BadFingerprint),
        (whole.replace("actpass", "holdconn"), Fault::WrongSetup("holdconn".into())),
        (whole.replace("actpass", "client"), Fault::WrongSetup("client".into())),
        (whole.replace("recvonly", "sendonly").replace("sendrecv", "inactive"), Fault::NothingToSend),
        (whole.replace("s=-\r\n", "s=-\r\na=ice-lite\r\n"), Fault::IceLite),
        (whole.replace("a=rtcp-mux", "a=x"), Fault::NoRtcpMux),
        ("v=0\r\n".repeat(MAX_BYTES), Fault::TooLarge),
    ];
    for (text, fault) in cases {
        assert_eq!(fault_of(&text), fault);
    }
}

#[test]
fn a_viewer_without_our_codec_is_told_which_it_needs() {
    let fault = fault_of(&offer().replace("H264", "H265").replace("VP8", "AV1").replace("opus", "G722"));
    assert!(matches!(fault, Fault::NoCodec { kind: "video", .. }));
    assert!(fault.to_string().contains("H.264"));
    let sound = offer().replace("a=sendrecv", "a=inactive").replace("opus", "G722");
    assert!(matches!(fault_of(&sound), Fault::NoCodec { kind: "audio", .. }));
}

#[test]
fn no_part_of_an_offer_and_no_changed_byte_of_it_makes_the_reader_fail() {
    let whole = offer();
    for end in 0..whole.len() {
        let _ = read(&whole[..end]);
        for byte in [b'\n', b' ', 0, b':', b'=', 0xc3] {
            let mut bytes = whole.clone().into_bytes();
            bytes[end] = byte;
            let _ = read(&String::from_utf8_lossy(&bytes));
        }
    }
}
