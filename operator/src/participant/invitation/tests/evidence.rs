//! What ends an invitation that nobody has left.

use super::*;
use crate::control::registry::LinkState;

#[test]
fn what_carried_an_invitation_out_is_over_by_evidence_alone() {
    let ending = || PodFacts { life: Life::Ending { since: at(900), until: at(1100) }, ..pod("u1") };
    let scene = |desired, pod, view| Scene { pod, view, ..Scene::of(desired).carried_out("a", "u1") };
    let down = || View::Expected {
        until: Instant::now(),
        facts: Some(Facts { link: LinkState::Down { since: Instant::now() }, ..Facts::default() }),
    };
    // No evidence.
    for view in [expected(), down(), View::Silent] {
        let held =
            Scene { on_disruption: OnDisruption::Fail, ..scene(Some("a"), Some(pod("u1")), view.clone()) };
        assert_eq!(held.seating().seat, invited("a"));
        assert_eq!(scene(None, Some(ending()), view).seating().seat, leaving("a"));
    }
    let finished = |desired| Scene { left: Some("a".into()), ..scene(desired, Some(ending()), View::Silent) };
    let evidence = |desired| {
        [
            scene(desired, None, View::Silent),
            scene(desired, Some(pod("u2")), expected()),
            scene(desired, Some(pod("u2")), linked(None)),
            scene(desired, Some(pod("u1")), linked(None)), // another process
            scene(desired, Some(pod("u1")), linked(Some(left("a", "Disrupted")))),
            scene(desired, Some(ending()), linked(Some(left("a", "Kicked")))),
            finished(desired),
        ]
    };
    for (number, scene) in evidence(Some("a")).into_iter().enumerate() {
        let seating = scene.seating();
        assert_eq!((&seating.seat, ended(&seating)), (&asked("a"), None), "row {number}");
        assert_eq!(seating.session.unwrap().pod_uid, None, "row {number}");
        let fails = Scene { on_disruption: OnDisruption::Fail, ..scene };
        assert_eq!((ended(&fails.seating()), fails.asks()), (Some(("a", "Disrupted")), None), "row {number}");
    }
    for (number, scene) in evidence(None).into_iter().enumerate() {
        let seating = scene.seating();
        assert_eq!((&seating.seat, ended(&seating)), (&Seat::Free, Some(("a", "Kicked"))), "row {number}");
    }
}

#[test]
fn a_process_that_has_not_spoken_is_not_told_of_what_ended_with_the_one_before() {
    let fails = |scene: Scene| Scene { on_disruption: OnDisruption::Fail, ..scene };
    let of = || Scene::of(Some("a"));
    let held = || of().carried_out("a", "u1");
    assert!(fails(held().seeing(expected())).known().waits_for_a_word("a"));
    for scene in
        [held().seeing(expected()), fails(of().seeing(expected())), fails(held().hearing(accepted("a")))]
    {
        assert!(!scene.known().waits_for_a_word("a"));
    }
}

#[test]
fn a_pod_that_ends_is_told_of_nothing_new() {
    let ending = PodFacts { life: Life::Ending { since: at(900), until: at(1100) }, ..pod("u1") };
    assert_eq!(Scene { pod: Some(ending.clone()), ..Scene::of(Some("a")) }.asks(), None);
    let held =
        Scene { pod: Some(ending), ..Scene::of(Some("a")).carried_out("a", "u1").hearing(accepted("a")) };
    assert_eq!(held.asks(), Some("a"), "and of what it carries out as before");
}
