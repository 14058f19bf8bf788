use super::*;

const SESSION: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n";
const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
    a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:\
    0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\na=setup:actpass\r\na=rtcp-mux\r\n";
const VIDEO: &str = "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
    a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
    a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtpmap:100 VP9/90000\r\na=fmtp:100 profile-id=2\r\n\
    a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1;profile-level-id=64001f\r\n\
    a=rtpmap:104 H264/90000\r\na=fmtp:104 packetization-mode=0;profile-level-id=42e01f\r\n\
    a=ssrc-group:FID 7 8\r\na=ssrc:8 cname:x\r\na=ssrc:7 cname:x\r\na=ssrc:7 msid:a b\r\n";
const AUDIO: &str =
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n";

fn offer() -> String {
    format!(
        "{SESSION}m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n{TRANSPORT}a=mid:0\r\na=sendrecv\r\n{AUDIO}\
         m=video 9 UDP/TLS/RTP/SAVPF 98 96 97 100 102 104\r\n{TRANSPORT}a=mid:1\r\na=sendonly\r\n{VIDEO}\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{TRANSPORT}a=mid:2\r\na=sendonly\r\na=ssrc:9 cname:y\r\n{VIDEO}"
    )
}

fn encodings(offer: &str) -> Vec<(Encoding, u8)> {
    let formats = incoming(offer).unwrap().formats;
    formats.iter().map(|format| (format.encoding, format.payload_type)).collect()
}

#[test]
fn all_that_can_be_decoded_is_taken_in_the_order_of_the_offer() {
    let expected = [(Encoding::Vp9, 98), (Encoding::Vp8, 96), (Encoding::H264, 102), (Encoding::Opus, 111)];
    assert_eq!(encodings(&offer()), expected);
}

#[test]
fn one_stream_a_kind_is_received_and_what_repairs_it_is_left_out() {
    let sdp = incoming(&offer()).unwrap().sdp;
    assert_eq!(sdp.matches("a=sendonly").count(), 2, "{sdp}");
    assert_eq!(sdp.matches("m=video").count(), 1, "{sdp}");
    assert_eq!(sdp.matches("a=ssrc:").count(), 1, "{sdp}");
    assert!(sdp.contains("a=ssrc:7 cname:peer") && sdp.contains("a=extmap:4 http"), "{sdp}");
    for gone in ["rtx", "sdes:mid", "ssrc-group", "PCMU", "profile-id=2", "sendrecv"] {
        assert!(!sdp.contains(gone), "{gone} in {sdp}");
    }
}

#[test]
fn tokens_know_no_case() {
    let capitals =
        offer().replace("sha-256", "SHA-256").replace("actpass", "ACTPASS").replace("BUNDLE", "bundle");
    assert_eq!(incoming(&capitals).unwrap().sdp, incoming(&offer()).unwrap().sdp);
}

#[test]
fn a_sound_that_we_cannot_decode_does_not_take_the_picture_along() {
    let formats = encodings(&offer().replace("opus", "other"));
    assert_eq!(formats, [(Encoding::Vp9, 98), (Encoding::Vp8, 96), (Encoding::H264, 102)]);
}

#[test]
fn a_publisher_of_one_kind_is_received() {
    let sound = offer().replace("a=sendonly", "a=recvonly");
    assert_eq!(encodings(&sound), [(Encoding::Opus, 111)]);
}

#[test]
fn an_offer_that_sends_nothing_we_know_is_refused_by_name() {
    let silent = offer().replace("a=sendonly", "a=recvonly").replace("a=sendrecv", "a=inactive");
    assert_eq!(incoming(&silent), Err(Fault::NothingSent));
    let unknown =
        offer().replace("VP8", "AV1").replace("VP9", "AV1").replace("H264", "H265").replace("opus", "G722");
    let fault = incoming(&unknown).expect_err("must be refused");
    assert!(matches!(fault, Fault::NoCodec { kind: "video", .. }) && fault.to_string().contains("VP8"));
    assert_eq!(incoming(""), Err(Fault::Empty));
}

#[test]
fn no_part_of_an_offer_and_no_changed_byte_of_it_makes_the_reader_fail() {
    let whole = offer();
    for end in 0..whole.len() {
        let _ = incoming(&whole[..end]);
        for byte in [b'\n', b' ', 0, b':', b'=', 0xc3] {
            let mut bytes = whole.clone().into_bytes();
            bytes[end] = byte;
            let _ = incoming(&String::from_utf8_lossy(&bytes));
        }
    }
}
