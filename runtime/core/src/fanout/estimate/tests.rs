use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
/// Of each second: a picture of 2.4 Mbps.
const PACKETS: u16 = 250;
const OCTETS: u32 = 300_000;

/// A viewer that reports each second.
struct Viewer {
    estimate: Estimate,
    report: Report,
    octets: u32,
    now: Instant,
}

impl Viewer {
    fn new() -> Self {
        let report = Report { newest: u16::MAX - 100, ..Report::default() };
        let mut viewer =
            Self { estimate: Estimate::default(), report, octets: u32::MAX - 1000, now: Instant::now() };
        assert_eq!(viewer.after(0, None), None, "one report says nothing");
        viewer
    }

    fn after(&mut self, lost: i32, round_trip: Option<Duration>) -> Option<Network> {
        self.now += SECOND;
        self.octets = self.octets.wrapping_add(OCTETS);
        self.report.newest = self.report.newest.wrapping_add(PACKETS);
        self.report.lost = self.report.lost.wrapping_add_signed(lost) & 0xff_ffff;
        self.estimate.reported(self.report, self.octets, round_trip, self.now)
    }

    fn loses(&mut self, lost: i32) -> Network {
        self.after(lost, None).expect("a second is enough")
    }
}

fn carries(network: Network) -> f64 {
    match network {
        Network::Crowded { carries } => carries,
        other => panic!("{other:?}"),
    }
}

#[test]
fn losses_are_judged_as_in_gcc() {
    let mut viewer = Viewer::new();
    assert_eq!(viewer.loses(0), Network::Clear);
    assert_eq!(viewer.loses(4), Network::Clear);
    assert_eq!(viewer.loses(5), Network::Lossy);
    assert_eq!(viewer.loses(25), Network::Lossy);
    assert!((carries(viewer.loses(50)) - 0.8).abs() < 1e-9);
    assert_eq!(viewer.loses(-3), Network::Clear, "what comes twice counts against the lost");
}

#[test]
fn what_came_again_was_lost_all_the_same() {
    let mut viewer = Viewer::new();
    let ask = |viewer: &mut Viewer, ahead: i32| {
        viewer.estimate.asked(viewer.report.newest.wrapping_add_signed(ahead as i16));
    };
    (1..=50).for_each(|ahead| ask(&mut viewer, ahead));
    assert_eq!(viewer.loses(0), Network::Crowded { carries: 1.0 }, "more than one in ten");
    (1..=25).for_each(|ahead| ask(&mut viewer, ahead));
    (1..=25).for_each(|ahead| ask(&mut viewer, ahead));
    assert_eq!(viewer.loses(0), Network::Lossy, "each counts once");
    (-100..=0).for_each(|ahead| ask(&mut viewer, ahead));
    assert_eq!(viewer.loses(0), Network::Clear, "they counted at the look before");
    (1..5000).for_each(|ahead| ask(&mut viewer, ahead));
    assert!(viewer.estimate.asked.len() <= MOST_ASKED);
    assert!((carries(viewer.loses(100)) - 0.6).abs() < 1e-9, "what never came was not carried");
}

#[test]
fn what_came_again_in_a_stream_of_its_own_was_carried_too() {
    let mut viewer = Viewer::new();
    let mut repairs = Report { newest: u16::MAX - 10, ..Report::default() };
    // As a viewer on aiortc says it behind a link that carries three quarters of the picture.
    let mut look = |lost: i32, again: u16, of_them_lost: u32| {
        repairs.newest = repairs.newest.wrapping_add(again);
        repairs.lost += of_them_lost;
        viewer.estimate.repaired(repairs);
        carries(viewer.loses(lost))
    };
    assert!((look(50, 100, 80) - 0.8).abs() < 1e-9, "one report says nothing");
    assert!((look(137, 544, 467) - 0.76).abs() < 0.001);
    assert!((look(50, 0, 0) - 0.8).abs() < 1e-9, "it counted at the look before");
    assert!((look(50, 500, 100) - 1.0).abs() < 1e-9, "no more than all");
}

#[test]
fn an_own_estimate_below_what_is_sent_is_a_sign_unless_it_rises() {
    let mut viewer = Viewer::new();
    // With losses that are none by themselves.
    let mut told = |rate: f64| {
        viewer.estimate.told(rate);
        viewer.loses(10)
    };
    assert_eq!(told(300_000.0), Network::Lossy, "one says nothing");
    for rate in [330_000.0, 360_000.0, 400_000.0] {
        assert_eq!(told(rate), Network::Lossy, "a picture that stood begins to move");
    }
    assert_eq!(told(3_000_000.0), Network::Lossy);
    assert!((carries(told(1_200_000.0)) - 0.5).abs() < 1e-9);
    assert!((carries(told(1_200_000.0)) - 0.5).abs() < 1e-9);
    assert!(carries(told(-1.0)).abs() < 1e-9);
    assert_eq!(told(f64::NAN), Network::Lossy);
}

#[test]
fn an_own_estimate_counts_when_something_bears_it_out_or_it_insists() {
    let takes = |round_trips: &[u64]| {
        let mut viewer = Viewer::new();
        let told = round_trips.iter().map(|milliseconds| {
            viewer.estimate.told(1_200_000.0);
            viewer.after(0, Some(Duration::from_millis(*milliseconds))).expect("a second is enough")
        });
        told.collect::<Vec<_>>()
    };
    let half = Network::Crowded { carries: 0.5 };
    assert_eq!(takes(&[10, 10, 150]), [Network::Clear, Network::Clear, half]);
    let seen = takes(&[10; 6]);
    assert_eq!((&seen[..4], &seen[4..]), (&[Network::Clear; 4][..], &[half; 2][..]));
}

#[test]
fn a_round_trip_that_stays_long_is_a_queue_at_first_and_the_usual_one_in_time() {
    let mut viewer = Viewer::new();
    let mut takes = |milliseconds| viewer.after(0, Some(Duration::from_millis(milliseconds))).unwrap();
    assert_eq!(takes(500), Network::Clear, "it may be far away");
    assert_eq!(takes(40), Network::Clear);
    assert_eq!(takes(300), Network::Clear);
    assert_eq!(takes(400), Network::Crowded { carries: 1.0 });
    let until = (0..120).take_while(|_| takes(500) != Network::Clear).count();
    assert!((10..60).contains(&until), "{until}");
}

#[test]
fn a_look_takes_its_time_and_some_packets() {
    let mut viewer = Viewer::new();
    let Viewer { estimate, report, octets, now } = &mut viewer;
    let mut reported = |packets: u16, milliseconds| {
        *now += Duration::from_millis(milliseconds);
        report.newest = report.newest.wrapping_add(packets);
        report.lost += 10;
        estimate.reported(*report, *octets, None, *now)
    };
    assert_eq!(reported(250, 400), None);
    assert_eq!(reported(50, 400), Some(Network::Lossy), "20 of 300");
    assert_eq!(reported(10, 5000), None, "a picture that stands");
    assert!(reported(10, 1000).is_some());
}

#[test]
fn a_report_that_was_overtaken_and_what_was_before_a_change_count_for_nothing() {
    let mut viewer = Viewer::new();
    let old = Report { newest: viewer.report.newest.wrapping_sub(10), lost: 500, ..viewer.report };
    let now = viewer.now + SECOND * 2;
    assert_eq!(viewer.estimate.reported(old, 0, None, now), None);
    assert_eq!(viewer.loses(0), Network::Clear);
    viewer.estimate.told(1.0);
    viewer.estimate.asked(1);
    viewer.estimate.restart();
    assert_eq!(viewer.after(200, None), None);
    assert_eq!(viewer.loses(0), Network::Clear);
}

proptest! {
    #[test]
    fn whatever_a_viewer_says_a_share_is_one(
        reports in proptest::collection::vec((any::<u16>(), any::<u32>(), any::<u32>(), 0_u64..3000, any::<f64>()), 1..50)
    ) {
        let (mut estimate, mut now) = (Estimate::default(), Instant::now());
        for (newest, lost, octets, milliseconds, told) in reports {
            now += Duration::from_millis(milliseconds);
            estimate.told(told);
            estimate.asked(newest);
            let report = Report { newest, lost, ..Report::default() };
            if let Some(Network::Crowded { carries }) = estimate.reported(report, octets, Some(Duration::from_millis(milliseconds)), now) {
                prop_assert!((0.0..=1.0).contains(&carries), "{carries}");
            }
        }
    }
}
