use proptest::prelude::*;

use super::*;

const LOOK: Duration = Duration::from_secs(1);
const CROWDED: Network = Network::Crowded { carries: 0.8 };

struct Viewer {
    adaptation: Adaptation,
    now: Instant,
}

impl Viewer {
    fn new() -> Self {
        Self { adaptation: Adaptation::new(1.0), now: Instant::now() }
    }

    /// A look each second; what is wanted is had at once.
    fn sees(&mut self, network: Network) -> Option<Step> {
        self.now += LOOK;
        let wanted = self.adaptation.looked(network, self.now);
        wanted.iter().for_each(|step| self.adaptation.moved(*step, self.now));
        wanted
    }

    fn falls(&mut self) {
        let steps: Vec<_> = (0..IN_A_ROW).filter_map(|_| self.sees(CROWDED)).collect();
        assert_eq!(steps.len(), 1, "{steps:?}");
    }

    /// How many seconds of a clear network it takes.
    fn rises(&mut self) -> u64 {
        (1..1000).find(|_| self.sees(Network::Clear).is_some()).expect("it must rise")
    }
}

#[test]
fn one_bad_second_is_none_and_two_in_a_row_are() {
    let mut viewer = Viewer::new();
    for between in [Network::Lossy, Network::Clear] {
        assert_eq!([CROWDED, between, CROWDED, between].map(|network| viewer.sees(network)), [None; 4]);
    }
    assert_eq!(
        [CROWDED; 4].map(|network| viewer.sees(network)),
        [None, Some(Step::Half), None, Some(Step::Quarter)]
    );
    assert_eq!([CROWDED; 4].map(|network| viewer.sees(network)), [None; 4], "there is nothing below");
}

#[test]
fn what_is_carried_says_how_far_it_falls() {
    let mut viewer = Viewer::new();
    let narrow = Network::Crowded { carries: 0.3 };
    assert_eq!([narrow; 2].map(|network| viewer.sees(network)), [None, Some(Step::Quarter)]);
}

#[test]
fn it_rises_a_step_at_a_time_while_nothing_is_lost() {
    let mut viewer = Viewer::new();
    viewer.falls();
    viewer.falls();
    let wait = FIRST_WAIT.as_secs() + 1;
    assert_eq!((viewer.rises(), viewer.rises(), viewer.adaptation.step()), (wait, wait, Step::Full));
    viewer.falls();
    for _ in 0..100 {
        assert_eq!([Network::Clear; 5].map(|network| viewer.sees(network)), [None; 5]);
        assert_eq!(viewer.sees(Network::Lossy), None, "there is no more room for certain");
    }
}

#[test]
fn each_step_up_that_does_not_hold_doubles_the_wait_and_one_that_holds_ends_that() {
    let mut viewer = Viewer::new();
    viewer.falls();
    let waits: Vec<u64> = (0..7)
        .map(|_| {
            let waited = viewer.rises();
            viewer.falls();
            waited - 1
        })
        .collect();
    assert_eq!(waits, [8, 16, 32, 64, 128, 256, 256]);
    viewer.rises();
    (0..HOLDS.as_secs()).for_each(|_| assert_eq!(viewer.sees(Network::Clear), None));
    viewer.falls();
    assert_eq!(viewer.rises() - 1, FIRST_WAIT.as_secs());
}

#[test]
fn viewers_behind_one_bottleneck_do_not_rise_together() {
    let rises = |scatter| {
        let mut viewer = Viewer { adaptation: Adaptation::new(scatter), now: Instant::now() };
        viewer.falls();
        viewer.rises()
    };
    assert!(rises(0.75) < rises(1.0) && rises(1.0) < rises(1.25));
}

#[test]
fn what_does_not_come_is_asked_for_anew_and_not_at_once() {
    let mut viewer = Viewer::new();
    viewer.now += LOOK;
    assert_eq!(viewer.adaptation.looked(CROWDED, viewer.now), None);
    assert_eq!(viewer.adaptation.looked(CROWDED, viewer.now), Some(Step::Half));
    viewer.adaptation.stayed();
    assert_eq!(viewer.adaptation.step(), Step::Full);
    assert_eq!([CROWDED; 2].map(|network| viewer.sees(network)), [None, Some(Step::Half)]);
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        6 => Just(Network::Clear),
        1 => Just(Network::Lossy),
        2 => (0.0..=1.0).prop_map(|carries| Network::Crowded { carries }),
    ]
}

proptest! {
    #[test]
    fn whatever_a_network_does_steps_are_not_taken_back_and_forth(
        seen in proptest::collection::vec(network(), 1..600), scatter in 0.75..1.25
    ) {
        let mut viewer = Viewer { adaptation: Adaptation::new(scatter), now: Instant::now() };
        let mut changed = viewer.now;
        for network in seen {
            let before = viewer.adaptation.step();
            let Some(step) = viewer.sees(network) else { continue };
            prop_assert_ne!(step, before);
            let least = if step > before { FIRST_WAIT.mul_f64(scatter) } else { LOOK * IN_A_ROW };
            prop_assert!(viewer.now - changed >= least, "{before:?} to {step:?}");
            prop_assert_eq!(matches!(network, Network::Clear), step > before);
            changed = viewer.now;
        }
    }
}
