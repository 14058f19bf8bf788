//! A viewer that comes from one rendition of a picture to another, opened by the stack of the other side.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use understudy_core::fanout::cut::{Cut, Cutter};
use understudy_core::fanout::history::History;
use understudy_core::fanout::portions::INTERVAL;
use understudy_core::media::{Track, Unit};
use understudy_core::rendition::Step;

use super::super::super::spread::Spread;
use super::super::super::viewer::{Due, Viewer};
use super::peer::Peer;
use super::sealed::{ID, PATH, again, datagrams, missing, shown, watching};

const GCM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
const PACKETS: usize = 5;
const FRAME: Duration = Duration::from_millis(33);

/// What is fed of one rendition.
#[derive(Default)]
struct Rendition {
    cutter: Cutter,
    history: History,
}

impl Rendition {
    /// Its packets tell the rendition, the picture and their place.
    fn feed(&mut self, name: u8, number: u32, key: bool) -> Arc<Cut> {
        let [a, b, c, d] = number.to_be_bytes().map(|byte| byte | 1);
        let unit =
            |index: usize| [0, 0, 0, 1, if key { 0x65 } else { 0x41 }, name, a, b, c, d, index as u8 + 1];
        let cut = Arc::new(self.cutter.cut(Unit {
            track: Track::h264(1280, 720, 30),
            pts: FRAME * number,
            dts: FRAME * number,
            duration: FRAME,
            key,
            payload: Bytes::from_owner((0..PACKETS).flat_map(unit).collect::<Vec<_>>()),
        }));
        self.history.keep(&cut);
        cut
    }
}

fn pour(viewer: &mut Viewer) -> Vec<Vec<u8>> {
    let (mut now, mut poured) = (Instant::now(), Vec::new());
    while viewer.due(now) == Due::Portion {
        let mut spread = Spread::default();
        viewer.pour(ID, now, &mut spread);
        poured.extend(datagrams(&spread));
        now += INTERVAL;
    }
    poured
}

/// Which of the two is fed first of each picture, and by how many pictures the other is behind.
struct Course {
    half_first: bool,
    behind: u32,
}

/// Everything that leaves, and how much of it before the move.
fn moves(course: &Course) -> (Peer, Viewer, Rendition, Vec<Vec<u8>>, usize) {
    let (peer, mut viewer) = watching(GCM);
    viewer.path = Some(PATH);
    let (mut full, mut half) = (Rendition::default(), Rendition::default());
    let (mut sent, mut before) = (Vec::new(), None);
    for number in 0..40 {
        let full = full.feed(1, number, number == 0);
        let show_full = |viewer: &mut Viewer, sent: &mut Vec<Vec<u8>>| {
            if viewer.step() == Step::Full {
                sent.extend(datagrams(&shown(viewer, &full)));
            }
        };
        if !course.half_first {
            show_full(&mut viewer, &mut sent);
        }
        if number == 10 {
            viewer.expect(Step::Half, Instant::now());
        }
        if let Some(number) = number.checked_sub(course.behind).filter(|number| *number >= 12) {
            let cut = half.feed(2, number, number == 12);
            if viewer.step() == Step::Half {
                sent.extend(datagrams(&shown(&mut viewer, &cut)));
            } else if viewer.switch(&half.history, Instant::now()) {
                before = Some(sent.len());
                sent.extend(pour(&mut viewer));
            }
        }
        if course.half_first {
            show_full(&mut viewer, &mut sent);
        }
    }
    (peer, viewer, half, sent, before.expect("it must come over"))
}

#[test]
fn a_viewer_comes_to_another_rendition_at_its_keyframe_without_a_gap_in_numbers_or_time() {
    for course in [
        Course { half_first: true, behind: 0 },
        Course { half_first: false, behind: 0 },
        Course { half_first: false, behind: 3 },
    ] {
        let (mut peer, _, _, sent, before) = moves(&course);
        let opened = peer.opens(sent.iter().map(Vec::as_slice));
        assert_eq!(opened.len(), sent.len());
        let first = &opened[before].payload;
        assert_eq!((first[0], first[1]), (0x65, 2), "a keyframe of the other");
        assert!(opened[..before].iter().all(|packet| packet.payload[1] == 1));
        assert!(opened[before..].iter().all(|packet| packet.payload[1] == 2));
        for pair in opened.windows(2).map(|pair| [&pair[0].header, &pair[1].header]) {
            let [one, next] = pair;
            assert_eq!(next.sequence_number, one.sequence_number.wrapping_add(1));
            let later = next.timestamp.wrapping_sub(one.timestamp);
            // Never twice the same time, and no hole but for the pictures that the other was behind.
            assert!(if one.marker { (1..=2970 * 4).contains(&later) } else { later == 0 }, "{later}");
        }
    }
}

#[test]
fn what_was_sent_of_the_other_rendition_is_not_sent_again_and_what_followed_is_the_very_same() {
    let (_, mut viewer, half, sent, before) = moves(&Course { half_first: false, behind: 1 });
    let wanted: Vec<_> = sent.iter().map(|datagram| missing(datagram)).collect();
    assert_eq!(again(&mut viewer, &wanted, &half.history, Instant::now()), sent[before..]);
}

/// Numbers that look random, the same each time (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn no_number_ever_stands_for_two_packets_however_often_a_viewer_moves_and_asks() {
    let (_, mut viewer) = watching(GCM);
    viewer.path = Some(PATH);
    let mut random = Random(1);
    let mut renditions: HashMap<Step, Rendition> = Step::ALL.map(|step| (step, Rendition::default())).into();
    let mut sealed: Vec<Vec<u8>> = Vec::new();
    let (mut moved, mut repeated) = (0, 0);
    for number in 0..4000 {
        for (name, step) in Step::ALL.into_iter().enumerate() {
            let rendition = renditions.get_mut(&step).expect("each has one");
            if viewer.step() != step && viewer.expected() != Some(step) && random.below(3) == 0 {
                // Nobody is shown it: when it is fed again, it counts anew.
                *rendition = Rendition::default();
                continue;
            }
            let cut = rendition.feed(name as u8, number, random.below(20) == 0);
            if viewer.step() == step {
                sealed.extend(datagrams(&shown(&mut viewer, &cut)));
            } else if viewer.switch(&rendition.history, Instant::now()) {
                moved += 1;
            }
            if random.below(4) > 0 {
                sealed.extend(pour(&mut viewer));
            }
        }
        if viewer.expected().is_none() && random.below(10) == 0 {
            let other = Step::ALL[random.below(3) as usize];
            if other != viewer.step() {
                viewer.expect(other, Instant::now());
            }
        }
        if random.below(50) == 0 && !sealed.is_empty() {
            viewer.stay(Instant::now());
        }
        let first = sealed.len().saturating_sub(400);
        let wanted: Vec<_> = sealed[first..].iter().map(|datagram| missing(datagram)).collect();
        let places: HashMap<u16, usize> =
            (first..).zip(&wanted).map(|(at, one)| (one.sequence, at)).collect();
        let history = &renditions[&viewer.step()].history;
        // Each is on its way for a moment only.
        let at = Instant::now() + Duration::from_secs(u64::from(number));
        for datagram in again(&mut viewer, &wanted, history, at) {
            let first_sent = &sealed[places[&missing(&datagram).sequence]];
            assert_eq!(datagram, *first_sent, "another packet under the same number");
            repeated += 1;
        }
    }
    assert!(moved > 50 && repeated > 10_000 && sealed.len() > 10_000, "{moved} {repeated} {}", sealed.len());
}

#[test]
fn a_viewer_that_reports_losses_should_be_shown_less_and_says_what_it_takes() {
    let (mut peer, mut viewer) = watching(GCM);
    let cut = Rendition::default().feed(1, 0, true);
    let ssrc = missing(&datagrams(&shown(&mut viewer, &cut))[0]).ssrc;
    let start = Instant::now();
    let mut reported = |second: u32, lost_a_second: u32| {
        let report = ReceptionReport {
            ssrc,
            last_sequence_number: 250 * second,
            total_lost: lost_a_second * second,
            ..Default::default()
        };
        let packets: Vec<Box<dyn rtcp::Packet>> = vec![
            Box::new(ReceiverReport { reports: vec![report], ..Default::default() }),
            Box::new(ReceiverEstimatedMaximumBitrate {
                bitrate: 2e6,
                ssrcs: vec![ssrc],
                ..Default::default()
            }),
        ];
        peer.says(packets, &mut viewer);
        viewer.judge(start + Duration::from_secs(second.into()))
    };
    assert_eq!([0, 1, 2].map(|second| reported(second, 50)), [None, None, Some(Step::Half)]);
}
