use super::*;

const PRINT: &str = "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n";
const TRANSPORT: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=rtcp-mux\r\n";

fn offer() -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n{PRINT}\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n{TRANSPORT}a=setup:actpass\r\na=mid:0\r\na=recvonly\r\n\
         a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 VP8/90000\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{TRANSPORT}a=setup:actpass\r\na=mid:1\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n\
         m=text 0 UDP/TLS/RTP/SAVPF 98\r\na=mid:2\r\n"
    )
}

fn answer() -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n{PRINT}\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n{TRANSPORT}a=setup:passive\r\n\
         a=mid:0\r\na=sendonly\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f\r\na=rtcp-fb:96 nack\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{TRANSPORT}a=setup:passive\r\na=mid:1\r\na=sendonly\r\n\
         m=text 0 UDP/TLS/RTP/SAVPF 98\r\na=mid:2\r\n"
    )
}

#[test]
fn an_answer_to_each_section_holds() {
    assert_eq!(check(&offer(), &answer()), Ok(()));
    let refused = answer().replace("m=audio 9", "m=audio 0").replace("BUNDLE 0 1", "BUNDLE 0");
    assert_eq!(check(&offer(), &refused), Ok(()));
}

#[test]
fn each_part_in_the_handshake_has_one_answer_and_the_choice_has_two() {
    let answered = |offered: &str, given: &str| {
        let in_audio_too = answer().replace("a=setup:passive", &format!("a=setup:{given}"));
        check(&offer().replace("actpass", offered), &in_audio_too)
    };
    let refused = Err(Violation::Setup { section: 1 });
    for (offered, active, passive) in [
        ("actpass", Ok(()), Ok(())),
        ("ACTPASS", Ok(()), Ok(())),
        ("active", refused.clone(), Ok(())),
        ("passive", Ok(()), refused.clone()),
        ("holdconn", refused.clone(), refused.clone()),
    ] {
        assert_eq!(answered(offered, "active"), active, "{offered}");
        assert_eq!(answered(offered, "passive"), passive, "{offered}");
        assert_eq!(answered(offered, "actpass"), refused, "{offered}");
    }
}

#[test]
fn each_broken_rule_is_named() {
    use Violation as V;
    let whole = answer();
    let in_audio = |from: &str, to: &str| {
        let (rest, audio) = whole.split_once("m=audio").expect("a section");
        format!("{rest}m=audio{}", audio.replace(from, to))
    };
    let cases = [
        (String::new(), V::SectionCount { offered: 3, answered: 0 }),
        ("hello".into(), V::NotSdp),
        (
            whole.replace("m=text 0 UDP/TLS/RTP/SAVPF 98\r\na=mid:2\r\n", ""),
            V::SectionCount { offered: 3, answered: 2 },
        ),
        (whole.replace("m=audio", "m=video"), V::Kind { section: 2 }),
        (in_audio("SAVPF 111", "SAVP 111"), V::Kind { section: 2 }),
        (whole.replace("m=text 0", "m=text 9"), V::Stopped { section: 3 }),
        (whole.replace("a=mid:2", "a=mid:3"), V::Mid { section: 3 }),
        (whole.replacen("a=sendonly", "a=recvonly", 1), V::Direction { section: 1 }),
        (whole.replacen("a=sendonly", "a=sendrecv", 1), V::Direction { section: 1 }),
        (in_audio("SAVPF 111", "SAVPF 96"), V::PayloadType { section: 2 }),
        (whole.replace("a=rtpmap:96 H264", "a=rtpmap:96 VP8"), V::PayloadType { section: 1 }),
        (whole.replace("42e01f", "42e033"), V::ProfileLevel { section: 1 }),
        (whole.replace("42e01f", "64001f"), V::ProfileLevel { section: 1 }),
        (whole.replace("96 nack", "96 ccm fir"), V::NotOffered { section: 1, attribute: "rtcp-fb" }),
        (
            in_audio("a=sendonly", "a=sendonly\r\na=extmap:3 urn:x"),
            V::NotOffered { section: 2, attribute: "extmap" },
        ),
        (
            in_audio("a=sendonly", "a=sendonly\r\na=rtcp-rsize"),
            V::NotOffered { section: 2, attribute: "rtcp-rsize" },
        ),
        (whole.replace("BUNDLE 0 1", "BUNDLE 0 1 2"), V::Group),
        (whole.replace("BUNDLE 0 1", "BUNDLE 0 1 9"), V::Group),
        (whole.replace("a=group:BUNDLE 0 1\r\n", ""), V::Grouped { section: 1 }),
        (whole.replace("BUNDLE 0 1", "BUNDLE 0"), V::Grouped { section: 2 }),
        (whole.replace("m=audio 9", "m=audio 0"), V::Grouped { section: 2 }),
        (in_audio("a=ice-ufrag:abcd", "a=x:y"), V::IceCredentials { section: 2 }),
        (whole.replace("a=fingerprint", "a=x"), V::Fingerprint { section: 1 }),
        (in_audio("passive", "actpass"), V::Setup { section: 2 }),
        (in_audio("a=setup:passive\r\n", ""), V::Setup { section: 2 }),
        (in_audio("passive", "active"), V::Setup { section: 2 }),
        (whole.replace("passive", "holdconn"), V::Setup { section: 1 }),
        (in_audio("a=rtcp-mux\r\n", ""), V::RtcpMux { section: 2 }),
        (whole.replace("a=candidate", "a=x"), V::Candidates { section: 1 }),
        (whole.replace("a=sendonly", "a=inactive"), V::NothingServed),
    ];
    for (text, violation) in cases {
        assert_eq!(check(&offer(), &text), Err(violation), "{text}");
    }
    let unmuxed = offer().replace("a=rtcp-mux\r\n", "");
    assert_eq!(check(&unmuxed, &whole), Err(V::NotOffered { section: 1, attribute: "rtcp-mux" }));
    let refused = whole.replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0");
    assert_eq!(check(&offer(), &refused.replace("a=group:BUNDLE 0 1\r\n", "")), Err(V::NothingServed));
}
