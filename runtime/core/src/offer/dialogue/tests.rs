use super::super::transport::DtlsRole;
use super::*;

const SHA_256: &str = super::super::generate::SHA_256;
/// A browser's, that receives a picture and a sound.
const BROWSER: &str = include_str!("../../../../tests/fixtures/chromium_offer.sdp");

fn identity(ufrag: &str, setup: &str) -> String {
    format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:{SHA_256}\r\na=setup:{setup}\r\n"
    )
}

/// As the stack words it.
fn raw() -> String {
    let identity = identity("ours", "actpass");
    let candidate = "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n";
    format!(
        "v=0\r\no=- 77 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=ice-lite\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\n{identity}a=mid:0\r\na=rtcp-mux\r\n\
         a=rtpmap:96 H264/90000\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
         a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc-group:FID 11 12\r\n\
         a=ssrc:11 cname:understudy\r\na=ssrc:12 cname:understudy\r\na=msid:understudy video\r\na=sendonly\r\n{candidate}\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n{identity}a=mid:1\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=ssrc:13 cname:understudy\r\na=sendonly\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n{identity}a=mid:2\r\na=sctp-port:5000\r\n"
    )
}

fn dialogue(first: First) -> Dialogue {
    Dialogue::new(&raw(), first).unwrap()
}

/// An answer to that offer which does with each section, by its kind, what the word says: a direction, or `refused`.
fn answering(offer: &str, words: [(&str, &str); 3]) -> String {
    let offer = section::split(offer).unwrap();
    let mut out = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    for section in &offer.sections {
        let word = words.iter().find(|(kind, _)| *kind == section.kind_word()).unwrap().1;
        let port = if word == "refused" { 0 } else { 9 };
        let formats: Vec<&str> = section.formats().collect();
        let (kind, protocol) = (section.kind_word(), section.protocol());
        out += &format!(
            "m={kind} {port} {protocol} {}\r\na=mid:{}\r\n",
            formats.join(" "),
            section.mid().unwrap()
        );
        out += &identity("peer", "active");
        if section.kind().is_some() {
            out += &format!("a=rtcp-mux\r\na={word}\r\n");
        }
        for name in ["rtpmap", "fmtp"] {
            section.attributes(name).for_each(|text| out += &format!("a={name}:{text}\r\n"));
        }
    }
    out
}

fn all(offer: &str) -> String {
    answering(offer, [("application", ""), ("video", "recvonly"), ("audio", "recvonly")])
}

/// A peer's offer of data channels alone, or with more sections behind.
fn data(more: &str) -> String {
    let identity = identity("peer", "actpass");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n{identity}a=sctp-port:5000\r\n\
         a=max-message-size:100000\r\n{more}"
    )
}

fn said(ty: Type, sdp: &str) -> Description {
    Description { ty, sdp: sdp.to_owned() }
}

const VIDEO: Option<Numbers> = Some(Numbers { payload_type: 96, repair: Some(97) });
const AUDIO: Option<Numbers> = Some(Numbers { payload_type: 111, repair: None });

/// What was done, in a word each.
fn words(acts: &[Act]) -> Vec<&'static str> {
    let word = |act: &Act| match act {
        Act::Connect { .. } => "connect",
        Act::Renew(_) => "renew",
        Act::Show(Shown { video: None, audio: None }) => "show nothing",
        Act::Show(_) => "show",
        Act::Say(Description { ty: Type::Offer, .. }) => "offer",
        Act::Say(_) => "answer",
    };
    acts.iter().map(word).collect()
}

fn spoken(acts: &[Act], ty: Type) -> String {
    let find = |act: &Act| match act {
        Act::Say(description) if description.ty == ty => Some(description.sdp.clone()),
        _ => None,
    };
    acts.iter().find_map(find).unwrap()
}

#[test]
fn our_offer_has_data_channels_first_then_picture_and_sound_on_one_transport() {
    let offer = dialogue(First::Us).begin().unwrap();
    assert_eq!(offer.ty, Type::Offer);
    let kinds: Vec<&str> = offer.sdp.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        kinds,
        [
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111"
        ]
    );
    let session = offer.sdp.split("m=").next().unwrap();
    assert!(session.contains("a=group:BUNDLE 0 1 2\r\n") && session.contains("a=ice-lite\r\n"), "{session}");
    assert_eq!(offer.sdp.matches("a=ice-lite").count(), 1);
    for thrice in ["a=setup:actpass\r\n", "a=ice-ufrag:ours\r\n", "a=candidate:1 ", "a=end-of-candidates\r\n"]
    {
        assert_eq!(offer.sdp.matches(thrice).count(), 3, "{thrice} in {}", offer.sdp);
    }
    assert!(dialogue(First::Peer).begin().is_none());
}

#[test]
fn a_description_is_heard_or_passed_over_by_who_has_offered() {
    let table = [
        // Who offers first, what is heard, what is done.
        (First::Us, Type::Answer, vec!["connect", "show"]),
        (First::Us, Type::Offer, vec![]),
        (First::Us, Type::Pranswer, vec![]),
        (First::Us, Type::Rollback, vec![]),
        (First::Peer, Type::Offer, vec!["connect", "show nothing", "answer", "offer"]),
        (First::Peer, Type::Answer, vec![]),
        (First::Peer, Type::Pranswer, vec![]),
        (First::Peer, Type::Rollback, vec![]),
    ];
    for (first, ty, done) in table {
        let mut dialogue = dialogue(first);
        let offer = dialogue.begin();
        let sdp = if ty == Type::Offer { data("") } else { offer.map_or(data(""), |offer| all(&offer.sdp)) };
        let acts = dialogue.hear(&said(ty, &sdp)).unwrap();
        assert_eq!(words(&acts), done, "{first:?}, {ty:?}");
    }
}

#[test]
fn an_offer_that_collides_with_ours_is_not_heard_and_our_answer_is_still_awaited() {
    let mut dialogue = dialogue(First::Us);
    let offer = dialogue.begin().unwrap();
    for ty in [Type::Offer, Type::Rollback, Type::Offer] {
        assert_eq!(dialogue.hear(&said(ty, &data(""))), Ok(vec![]));
    }
    let acts = dialogue.hear(&said(Type::Answer, &all(&offer.sdp))).unwrap();
    let Act::Connect { transport, sdp } = &acts[0] else { panic!("{acts:?}") };
    assert_eq!((transport.ufrag.as_str(), transport.role), ("peer", DtlsRole::Server));
    // The stack's own offer, in its order, whatever ours was.
    let mids: Vec<&str> = sdp.lines().filter(|line| line.starts_with("a=mid:")).collect();
    assert_eq!(mids, ["a=mid:0", "a=mid:1", "a=mid:2"], "{sdp}");
    assert!(
        sdp.contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n") && sdp.contains("a=setup:active\r\n"),
        "{sdp}"
    );
    assert_eq!(acts[1], Act::Show(Shown { video: VIDEO, audio: AUDIO }));
    // It comes late.
    assert_eq!(dialogue.hear(&said(Type::Answer, &all(&offer.sdp))), Ok(vec![]));
}

#[test]
fn whoever_offers_data_channels_is_answered_and_offered_the_rest_behind_them() {
    let mut dialogue = dialogue(First::Peer);
    let acts = dialogue.hear(&said(Type::Offer, &data(""))).unwrap();
    let Act::Connect { sdp, .. } = &acts[0] else { panic!("{acts:?}") };
    assert!(sdp.contains("a=max-message-size:100000\r\n"), "{sdp}");
    let (answer, offer) = (spoken(&acts, Type::Answer), spoken(&acts, Type::Offer));
    assert!(answer.contains("a=group:BUNDLE 0\r\n") && answer.contains("a=setup:passive\r\n"), "{answer}");
    assert_eq!((answer.matches("\nm=").count(), answer.matches("a=ice-lite").count()), (1, 1), "{answer}");
    assert!(offer.contains("a=group:BUNDLE 0 1 2\r\n"), "{offer}");
    // What one is in the handshake is not changed.
    assert!(!offer.contains("actpass") && offer.contains("a=setup:passive\r\n"), "{offer}");
    assert!(
        answer.contains("o=- 77 1 ") && offer.contains("o=- 77 2 "),
        "each description is another version"
    );
    let acts = dialogue.hear(&said(Type::Answer, &all(&offer))).unwrap();
    assert_eq!(acts, [Act::Show(Shown { video: VIDEO, audio: AUDIO })]);
}

#[test]
fn names_of_sections_are_free_ones() {
    let mut dialogue = dialogue(First::Peer);
    let acts = dialogue
        .hear(&said(Type::Offer, &data("").replace("a=mid:0", "a=mid:1").replace("BUNDLE 0", "BUNDLE 1")));
    let offer = spoken(&acts.unwrap(), Type::Offer);
    assert!(offer.contains("a=group:BUNDLE 1 0 2\r\n"), "{offer}");
}

#[test]
fn an_answer_may_refuse_what_it_likes_and_not_everything() {
    let offered = |words| {
        let mut dialogue = dialogue(First::Us);
        let offer = dialogue.begin().unwrap();
        dialogue.hear(&said(Type::Answer, &answering(&offer.sdp, words)))
    };
    for no in ["refused", "inactive"] {
        let acts = offered([("application", ""), ("video", no), ("audio", no)]).unwrap();
        assert_eq!(words(&acts), ["connect", "show nothing"], "{no}");
    }
    let acts = offered([("application", "refused"), ("video", "refused"), ("audio", "recvonly")]).unwrap();
    assert_eq!(acts[1], Act::Show(Shown { video: None, audio: AUDIO }));
    let nothing = offered([("application", "refused"), ("video", "refused"), ("audio", "refused")]);
    assert!(matches!(nothing, Err(Unfit::Answer(_))), "{nothing:?}");
}

#[test]
fn what_cannot_be_taken_changes_nothing() {
    let mut dialogue = dialogue(First::Us);
    let offer = dialogue.begin().unwrap();
    let good = all(&offer.sdp);
    let lite = good.replacen("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", 1);
    for bad in [
        "",
        "v=0\r\n",
        &lite,
        &good.replace("a=mid:1", "a=mid:9"),
        &good.replace("a=setup:active", "a=setup:actpass"),
        &good.replace("a=fingerprint", "a=x"),
        &good.replace("a=ice-pwd", "a=x"),
    ] {
        assert!(dialogue.hear(&said(Type::Answer, bad)).is_err(), "{bad}");
    }
    assert_eq!(words(&dialogue.hear(&said(Type::Answer, &good)).unwrap()), ["connect", "show"]);
}

#[test]
fn a_later_offer_of_the_peer_s_is_answered_with_what_it_now_wants() {
    let mut dialogue = dialogue(First::Us);
    let offer = dialogue.begin().unwrap();
    dialogue.hear(&said(Type::Answer, &all(&offer.sdp))).unwrap();
    let peer_s = identity("peer", "actpass");
    let again = |direction: &str| {
        data(&format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\na={direction}\r\n{peer_s}a=rtpmap:96 H264/90000\r\n\
             a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n\
             m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=inactive\r\na=rtpmap:111 opus/48000/2\r\n"
        ))
        .replace("BUNDLE 0", "BUNDLE 0 1")
    };
    let acts = dialogue.hear(&said(Type::Offer, &again("inactive"))).unwrap();
    assert_eq!(words(&acts), ["show nothing", "answer"]);
    let answer = spoken(&acts, Type::Answer);
    assert!(answer.contains("m=video 9 ") && answer.contains("a=inactive\r\n"), "{answer}");
    assert!(
        answer.contains("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n") && answer.contains("BUNDLE 0 1\r\n"),
        "{answer}"
    );
    assert!(answer.contains("a=setup:passive\r\n"), "{answer}");
    let acts = dialogue.hear(&said(Type::Offer, &again("recvonly"))).unwrap();
    let numbers = Some(Numbers { payload_type: 96, repair: None });
    assert_eq!(acts[0], Act::Show(Shown { video: numbers, audio: None }));
    let answer = spoken(&acts, Type::Answer);
    // Nothing is sent again in a stream of its own.
    assert!(answer.contains("a=sendonly\r\n") && answer.contains("a=ssrc:11 "), "{answer}");
    assert!(!answer.contains("a=ssrc:12 ") && !answer.contains("a=ssrc-group"), "{answer}");
}

#[test]
fn a_peer_that_asks_for_everything_itself_is_offered_nothing() {
    let mut dialogue = dialogue(First::Peer);
    let acts = dialogue.hear(&said(Type::Offer, BROWSER)).unwrap();
    assert_eq!(words(&acts), ["connect", "show", "answer"]);
    assert_eq!(super::super::check(BROWSER, &spoken(&acts, Type::Answer)), Ok(()));
}

/// A dialogue in which all is said.
fn settled() -> Dialogue {
    let mut dialogue = dialogue(First::Peer);
    let acts = dialogue.hear(&said(Type::Offer, &data(""))).unwrap();
    dialogue.hear(&said(Type::Answer, &all(&spoken(&acts, Type::Offer)))).unwrap();
    dialogue
}

fn elsewhere() -> String {
    data("").replace("ufrag:peer", "ufrag:elsewhere").replace("pwd:abc", "pwd:cba")
}

const RENEWED: &str = "a=ice-lite\r\na=ice-ufrag:fresh\r\na=ice-pwd:zyxwvutsrqponmlkjihgfedc\r\n";

#[test]
fn an_offer_with_other_credentials_is_answered_with_new_ones_of_ours_once_the_stack_has_them() {
    let mut dialogue = settled();
    let acts = dialogue.hear(&said(Type::Offer, &elsewhere())).unwrap();
    let [Act::Renew(credentials)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(credentials.ufrag, "elsewhere");
    // What comes meanwhile is passed over.
    assert_eq!(dialogue.hear(&said(Type::Offer, &elsewhere())), Ok(vec![]));
    let acts = dialogue.renewed(Some(RENEWED));
    assert_eq!(words(&acts), ["show nothing", "answer"]);
    let answer = spoken(&acts, Type::Answer);
    for fresh in ["a=ice-ufrag:fresh\r\n", "a=ice-pwd:zyx", "a=setup:passive\r\n", "a=candidate:1 "] {
        assert!(answer.contains(fresh), "{fresh} in {answer}");
    }
    assert!(!answer.contains("ufrag:ours"), "{answer}");
    // It is known by those from now on, and by one of two that are new as well.
    assert_eq!(words(&dialogue.hear(&said(Type::Offer, &elsewhere())).unwrap()), ["show nothing", "answer"]);
    let other = elsewhere().replace("pwd:cba", "pwd:cab");
    assert_eq!(words(&dialogue.hear(&said(Type::Offer, &other)).unwrap()), ["renew"]);
}

#[test]
fn a_way_that_the_stack_cannot_find_anew_leaves_everything_as_it_was() {
    let mut dialogue = settled();
    dialogue.hear(&said(Type::Offer, &elsewhere())).unwrap();
    assert_eq!(dialogue.renewed(None), []);
    let acts = dialogue.hear(&said(Type::Offer, &data(""))).unwrap();
    assert_eq!(words(&acts), ["show nothing", "answer"]);
    assert!(spoken(&acts, Type::Answer).contains("ufrag:ours"));
    assert_eq!(dialogue.renewed(Some(RENEWED)), [], "nobody has asked for it");
}

#[test]
fn another_certificate_is_another_connection() {
    let mut dialogue = settled();
    let other =
        elsewhere().replace(SHA_256, &SHA_256.replacen("sha-256 ", "sha-256 00:", 1)[..SHA_256.len()]);
    assert_eq!(dialogue.hear(&said(Type::Offer, &other)), Err(Unfit::Certificate));
    assert_eq!(words(&dialogue.hear(&said(Type::Offer, &elsewhere())).unwrap()), ["renew"]);
}

#[test]
fn an_answer_finds_no_way_anew() {
    let mut dialogue = dialogue(First::Peer);
    let acts = dialogue.hear(&said(Type::Offer, &data(""))).unwrap();
    let answer = all(&spoken(&acts, Type::Offer));
    let moved = answer.replace("ufrag:peer", "ufrag:elsewhere");
    assert_eq!(dialogue.hear(&said(Type::Answer, &moved)), Err(Unfit::Restart));
    assert_eq!(words(&dialogue.hear(&said(Type::Answer, &answer)).unwrap()), ["show"]);
}

#[test]
fn candidates_are_told_with_the_section_that_they_belong_to_and_end() {
    let offer = dialogue(First::Us).begin().unwrap();
    let told = candidates(&offer.sdp);
    assert_eq!(told.len(), 2);
    assert!(told[0].1.starts_with("candidate:1 1 udp "), "{told:?}");
    assert_eq!((told[0].0.as_str(), &told[1]), ("0", &("0".to_owned(), String::new())));
}
