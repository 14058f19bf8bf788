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
    let halted = || PodFacts { halted: true, ..pod("u1") };
    // No evidence.
    let heard =
        Scene { pod: Some(halted()), ..Scene::of(Some("a")).carried_out("a", "u1").hearing(accepted("a")) };
    assert_eq!(heard.seating().seat, invited("a"), "who is heard runs, whatever the kubelet says");
    for view in [expected(), down(), View::Silent] {
        let held =
            Scene { on_disruption: OnDisruption::Fail, ..scene(Some("a"), Some(pod("u1")), view.clone()) };
        assert_eq!(held.seating().seat, invited("a"));
        assert_eq!(scene(None, Some(ending()), view).seating().seat, leaving("a"));
    }
    let finished =
        |desired| Scene { left: Some(left("a", "Kicked")), ..scene(desired, Some(ending()), View::Silent) };
    let evidence = |desired| {
        [
            scene(desired, None, View::Silent),
            scene(desired, Some(pod("u2")), expected()),
            scene(desired, Some(pod("u2")), linked(None)),
            scene(desired, Some(pod("u1")), linked(None)), // another process
            scene(desired, Some(pod("u1")), linked(Some(left("a", "Disrupted")))),
            scene(desired, Some(ending()), linked(Some(left("a", "Kicked")))),
            finished(desired),
            scene(desired, Some(halted()), down()),
            scene(desired, Some(halted()), View::Silent),
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

#[test]
fn the_last_word_of_a_pod_says_how_it_ended() {
    let ending = PodFacts { life: Life::Ending { since: at(900), until: at(1100) }, ..pod("u1") };
    let scene =
        Scene { pod: Some(ending), view: View::Silent, ..Scene::of(Some("a")).carried_out("a", "u1") };
    let completed = Scene { left: Some(left("a", "Completed")), ..scene };
    assert_eq!(ended(&completed.seating()), Some(("a", "Completed")), "the next pod is not asked again");
    let of_another = Scene { left: Some(left("b", "Completed")), ..completed };
    assert_eq!((of_another.seating().seat, ended(&of_another.seating())), (invited("a"), None));
}

#[test]
fn an_id_that_came_again_with_another_stage_is_left_and_not_carried_out_again() {
    let mut scene = Scene::of(Some("a")).carried_out("a", "u1").hearing(accepted("a"));
    assert_eq!(scene.seating().seat, invited("a"));
    if let Some(whip) = scene.desired.as_mut().and_then(|desired| desired.stage.whip.as_mut()) {
        whip.url = "https://elsewhere.example/".into();
    }
    assert_eq!((scene.seating().seat, scene.asks()), (leaving("a"), None));
    let scene = Scene { view: linked(Some(left("a", "Kicked"))), ..scene };
    let seating = scene.seating();
    assert_eq!(ended(&seating), Some(("a", "Kicked")));
    assert!(matches!(seating.seat, Seat::Left { .. }), "{seating:?}");
}
