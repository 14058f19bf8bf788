use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::generate;
use crate::offer::{Fault, check, incoming, read};

/// A stack that answers all it is shown, as ours does: candidates in the first section alone.
fn answer_of_stack(offer: &str) -> String {
    let mut out = String::from(
        "v=0\r\no=- 2 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:\
         0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\na=ice-lite\r\na=group:BUNDLE x\r\n",
    );
    for (index, section) in offer.split("m=").skip(1).enumerate() {
        for (number, line) in section.lines().enumerate() {
            match line {
                line if number == 0 => out.push_str(&format!("m={line}\r\n")),
                "a=recvonly" => out.push_str("a=sendonly\r\n"),
                "a=sendonly" => out.push_str("a=recvonly\r\n"),
                line if ["a=ice", "a=fingerprint", "a=setup", "a=ssrc"]
                    .iter()
                    .any(|own| line.starts_with(own)) => {}
                line => out.push_str(&format!("{line}\r\n")),
            }
        }
        let setup = if section.contains("a=setup:passive") { "active" } else { "passive" };
        out.push_str(&format!("a=setup:{setup}\r\n"));
        out.push_str("a=ice-ufrag:ours\r\na=ice-pwd:0123456789012345678901\r\na=rtcp-rsize\r\n");
        if index == 0 {
            out.push_str("a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n");
        }
    }
    out
}

/// The three places of an answer that tests look at, a section each.
fn outline(answer: &str) -> Vec<String> {
    let opening = |section: &str| {
        let line = section.lines().next().unwrap_or_default();
        let words: Vec<&str> = line.split(' ').collect();
        let way = ["sendonly", "recvonly", "inactive", "sendrecv"]
            .into_iter()
            .find(|way| section.contains(&format!("a={way}\r\n")));
        format!("{} {} {} {}", words[0], words[1], words[3..].join(" "), way.unwrap_or("-"))
    };
    answer.split("m=").skip(1).map(opening).collect()
}

fn viewer(offer: &str) -> Result<Vec<String>, Fault> {
    let read = read(offer)?;
    let answer = read.answer(&answer_of_stack(&read.sdp)).expect("the answer must hold");
    Ok(outline(&answer))
}

const ONE: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
    c=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
    a=fingerprint:sha-256 AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99\
    \r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n";

/// The picture of [`ONE`] bundled with another section, before or behind it.
fn with(other: &str, before: bool) -> String {
    let (session, video) = ONE.split_once("m=video").expect("a section");
    let (session, video) = (format!("{session}a=group:BUNDLE 0 1\r\n"), format!("m=video{video}"));
    let transport: String = video
        .lines()
        .filter(|line| {
            line.starts_with("a=ice")
                || line.starts_with("a=fi")
                || line.starts_with("a=setup")
                || *line == "a=rtcp-mux"
        })
        .map(|line| format!("{line}\r\n"))
        .collect();
    let other = format!("{other}{transport}");
    if before {
        format!("{session}{}{}", other.replace("mid:1", "mid:0"), video.replace("mid:0", "mid:1"))
    } else {
        format!("{session}{video}{other}")
    }
}

#[test]
fn one_section_needs_no_group() {
    assert_eq!(viewer(ONE), Ok(vec!["video 9 96 sendonly".into()]));
    assert_eq!(viewer(&ONE.replace("a=mid:0\r\n", "")), Ok(vec!["video 9 96 sendonly".into()]));
    let sound = ONE.replace("video", "audio").replace("H264/90000", "opus/48000/2");
    assert_eq!(viewer(&sound), Ok(vec!["audio 9 96 sendonly".into()]));
}

#[test]
fn a_section_that_is_not_wanted_does_not_take_the_candidates_along() {
    for (port, way, expected) in
        [("9", "inactive", "audio 9 111 inactive"), ("0", "recvonly", "audio 0 111 inactive")]
    {
        let sound = format!(
            "m=audio {port} UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na={way}\r\na=rtpmap:111 opus/48000/2\r\n"
        );
        let offer = with(&sound, true);
        assert_eq!(viewer(&offer), Ok(vec![expected.into(), "video 9 96 sendonly".into()]), "{offer}");
        let read = read(&offer).unwrap();
        let answer = read.answer(&answer_of_stack(&read.sdp)).unwrap();
        let video = answer.split("m=video").nth(1).unwrap();
        assert!(video.contains("a=candidate:") && video.contains("a=end-of-candidates"), "{answer}");
    }
}

#[test]
fn a_section_that_is_not_served_names_its_own_payload_types_only() {
    for way in ["inactive", "sendonly"] {
        let second =
            format!("m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:1\r\na={way}\r\na=rtpmap:97 AV1/90000\r\n");
        assert_eq!(
            viewer(&with(&second, false)),
            Ok(vec!["video 9 96 sendonly".into(), "video 0 97 inactive".into()])
        );
    }
    let same = "m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:1\r\na=recvonly\r\na=rtpmap:98 H264/90000\r\n";
    assert_eq!(
        viewer(&with(same, false)),
        Ok(vec!["video 9 96 sendonly".into(), "video 9 98 inactive".into()])
    );
}

#[test]
fn a_sound_that_nobody_can_send_does_not_take_the_picture_along() {
    let g722 = "m=audio 9 UDP/TLS/RTP/SAVPF 9\r\na=mid:1\r\na=recvonly\r\n";
    assert_eq!(
        viewer(&with(g722, false)),
        Ok(vec!["video 9 96 sendonly".into(), "audio 0 9 inactive".into()])
    );
    assert_eq!(
        viewer(&with(g722, true)),
        Ok(vec!["audio 9 9 inactive".into(), "video 9 96 sendonly".into()])
    );
    let nothing = with(g722, false).replace("H264", "H266");
    assert!(matches!(viewer(&nothing), Err(Fault::NoCodec { kind: "video", .. })));
}

#[test]
fn the_first_of_a_group_stays_in_it_whatever_it_carries() {
    let unknown = |formats: &str, lines: &str| {
        let sound = format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF {formats}\r\na=mid:1\r\na=recvonly\r\na=rtcp-fb:9 nack\r\n{lines}"
        );
        with(&sound, true)
    };
    for (offer, number) in [
        (unknown("0 8", ""), 0),
        (unknown("63 101 9", "a=rtpmap:63 red/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"), 9),
        // Its number is that of the picture, whose meaning it has for all of them.
        (unknown("96 9", "a=rtpmap:96 AMR/8000\r\n"), 9),
    ] {
        let expected = vec![format!("audio 9 {number} inactive"), "video 9 96 sendonly".into()];
        assert_eq!(viewer(&offer), Ok(expected), "{offer}");
        let read = read(&offer).unwrap();
        assert!(!read.sdp.contains("m=audio"), "the stack knows nothing of it: {}", read.sdp);
        let answer = read.answer(&answer_of_stack(&read.sdp)).unwrap();
        assert!(answer.contains("a=group:BUNDLE 0 1\r\n") && !answer.contains("a=rtcp-fb:9"), "{answer}");
    }
}

#[test]
fn a_picture_that_nobody_can_send_does_not_take_the_transport_of_the_sound_along() {
    let av1 = "m=video 9 UDP/TLS/RTP/SAVPF 97 98\r\na=mid:1\r\na=recvonly\r\na=rtpmap:97 rtx/90000\r\n\
        a=fmtp:97 apt=98\r\na=rtpmap:98 AV1/90000\r\n";
    let sound = |offer: String| {
        let (rest, last) = offer.rsplit_once("m=video").expect("two sections");
        let last = last.replace("H264/90000", "opus/48000/2").replace("a=fmtp:96", "a=x");
        format!("{rest}m=audio{last}").replacen("m=audio 9", "m=audio 0", 1).replacen(
            "a=mid:1",
            "a=bundle-only\r\na=mid:1",
            1,
        )
    };
    let offer = sound(with(av1, true));
    assert_eq!(
        viewer(&offer),
        Ok(vec!["video 9 98 inactive".into(), "audio 9 96 sendonly".into()]),
        "{offer}"
    );
    let nothing = offer.replace("opus", "G722");
    assert!(matches!(viewer(&nothing), Err(Fault::NoCodec { kind: "video", .. })));
    // Outside of the group it has a transport of its own, which we do not serve.
    let alone = offer.replace("BUNDLE 0 1", "BUNDLE 1");
    assert_eq!(viewer(&alone), Ok(vec!["video 0 97 inactive".into(), "audio 9 96 sendonly".into()]));
}

#[test]
fn a_section_that_is_refused_has_credentials_too() {
    for (port, before) in [(0, true), (9, false)] {
        let g722 = format!("m=audio {port} UDP/TLS/RTP/SAVPF 9\r\na=mid:1\r\na=recvonly\r\n");
        let read = read(&with(&g722, before)).unwrap();
        let answer = read.answer(&answer_of_stack(&read.sdp)).unwrap();
        let refused = answer.split("m=").find(|section| section.starts_with("audio 0 ")).unwrap();
        for line in ["a=ice-ufrag:ours\r\n", "a=ice-pwd:0123456789012345678901\r\n", "a=setup:passive\r\n"] {
            assert!(refused.contains(line), "{answer}");
        }
        assert!(!refused.contains("a=candidate:"), "{answer}");
    }
}

#[test]
fn sections_of_other_transports_are_refused_and_not_the_offer() {
    let sound = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n";
    let alone = with(sound, false).replace("a=group:BUNDLE 0 1\r\n", "");
    assert_eq!(viewer(&alone), Ok(vec!["video 9 96 sendonly".into(), "audio 0 111 inactive".into()]));
    let unnamed = with(&sound.replace("a=mid:1\r\n", ""), false);
    assert_eq!(viewer(&unnamed), Ok(vec!["video 9 96 sendonly".into(), "audio 0 111 inactive".into()]));
}

#[test]
fn tokens_know_no_case() {
    for (written, also) in
        [("sha-256", "SHA-256"), ("actpass", "ACTPASS"), ("H264", "h264"), ("BUNDLE", "bundle")]
    {
        let offer = with("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n", false).replace(written, also);
        assert_eq!(
            viewer(&offer).map(|sections| sections[0].clone()),
            Ok("video 9 96 sendonly".into()),
            "{also}"
        );
        assert!(read(&offer).unwrap().sdp.contains("a=fingerprint:sha-256 AA:BB"));
    }
}

#[test]
fn each_sha_256_of_several_fingerprints_counts_and_others_do_not() {
    let line = ONE.lines().find(|line| line.starts_with("a=fingerprint")).unwrap();
    let other = line.replace("AA:", "01:");
    let several = ONE.replace(line, &format!("a=fingerprint:sha-1 00\r\n{line}\r\n{other}\r\n{line}"));
    let prints = read(&several).unwrap().transport.fingerprints;
    assert_eq!(prints.len(), 2);
    assert!(prints[0].starts_with("AA:BB") && prints[1].starts_with("01:BB"));
    assert_eq!(read(&several).unwrap().sdp.matches("a=fingerprint").count(), 1);
}

/// Else the properties below would say little.
#[test]
fn many_generated_offers_are_answered() {
    let mut runner = TestRunner::deterministic();
    let offers = (0..300).map(|_| generate::offer().new_tree(&mut runner).expect("an offer").current());
    let answered = |count: (u32, u32), offer: String| {
        (count.0 + u32::from(read(&offer).is_ok()), count.1 + u32::from(incoming(&offer).is_ok()))
    };
    let (viewers, publishers) = offers.fold((0, 0), answered);
    assert!(viewers > 60 && publishers > 60, "{viewers} {publishers}");
}

proptest! {
    #[test]
    fn who_wants_to_be_the_server_is_answered_by_a_client_in_each_section(offer in generate::offer()) {
        let offer = offer.replace("holdconn", "passive").replace("ActPass", "passive");
        let offer = offer.replace("actpass", "passive").replace("a=setup:active", "a=setup:passive");
        for (read, answer) in [
            read(&offer).map(|read| (read.sdp.clone(), read.answer(&answer_of_stack(&read.sdp)))),
            incoming(&offer).map(|read| (read.sdp.clone(), read.answer(&answer_of_stack(&read.sdp)))),
        ].into_iter().flatten() {
            prop_assert!(!read.contains("a=setup:active"), "{read}");
            let answer = answer.unwrap_or_default();
            prop_assert!(answer.contains("a=setup:active") && !answer.contains("passive"), "{answer} to\n{offer}");
        }
    }

    #[test]
    fn whatever_is_answered_holds_against_its_offer(offer in generate::offer()) {
        if let Ok(read) = read(&offer) {
            let answer = read.answer(&answer_of_stack(&read.sdp));
            prop_assert!(answer.is_ok(), "{answer:?} to\n{offer}");
            prop_assert_eq!(check(&offer, &answer.unwrap_or_default()), Ok(()));
        }
        if let Ok(read) = incoming(&offer) {
            let answer = read.answer(&answer_of_stack(&read.sdp));
            prop_assert!(answer.is_ok(), "{answer:?} to\n{offer}");
        }
    }

    #[test]
    fn a_viewer_that_could_be_served_is(mut offer in generate::offer()) {
        offer = offer.replace("holdconn", "passive").replace("md5 00", generate::SHA_256);
        let needed = ["a=recvonly", "packetization-mode=1;profile-level-id=42", "a=rtcp-mux"];
        let asks = |section: &str| needed.iter().all(|line| section.contains(line));
        let serves = offer.split("m=video ").skip(1).any(|rest| {
            let section = rest.split("m=").next().unwrap_or_default();
            !section.starts_with("0 ") && asks(section)
        });
        if serves && offer.contains(generate::SHA_256) && !offer.contains("a=fingerprint:sha-1") {
            prop_assert!(read(&offer).is_ok(), "{:?} to\n{offer}", read(&offer));
        }
    }
}
