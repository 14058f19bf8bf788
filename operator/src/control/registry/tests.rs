//! What a registry tells and keeps, stream by stream.

use super::*;
use crate::owner::{Kind, Owner};
use futures::{FutureExt, StreamExt};
use understudy_proto::v1::LivestreamReport;

fn known() -> Known {
    let pod = PodRef { namespace: "demo".into(), name: "ada-1".into(), uid: "u1".into() };
    let owner = Owner {
        kind: Kind::VirtualParticipant,
        namespace: "demo".into(),
        name: "ada".into(),
        uid: "p1".into(),
    };
    Known { pod, owner }
}

fn wish(name: &str) -> Wish {
    Wish { session: SessionSpec { display_name: name.into(), ..SessionSpec::default() }, ..Wish::default() }
}

fn registry() -> Registry {
    Registry::new(Triggers::default(), 3)
}

/// A new stream of a pod whose owner is there.
fn seated(registry: &Registry, known: Known, boot_id: &str) -> Seat {
    registry.seat(known, boot_id, Vec::new(), |_owner| true)
}

#[test]
fn the_same_wish_is_told_once() {
    let registry = registry();
    let mut seat = seated(&registry, known(), "b1");
    registry.wish("u1", &wish("Ada"), || true);
    assert_eq!(seat.desired.borrow_and_update().as_ref().unwrap().generation, (3 << 32) + 1);
    registry.wish("u1", &wish("Ada"), || true);
    assert!(!seat.desired.has_changed().unwrap());
    registry.wish("u1", &wish("Bea"), || true);
    assert_eq!(seat.desired.borrow_and_update().as_ref().unwrap().generation, (3 << 32) + 2);
}

#[test]
fn a_later_leader_counts_on_above_all_earlier_ones() {
    assert!(next_generation(0, 4) > next_generation((3 << 32) + 99, 3));
}

#[test]
fn a_new_stream_shuts_out_the_older_one_of_the_same_pod() {
    let registry = registry();
    let mut old = seated(&registry, known(), "b1");
    let mut new = seated(&registry, known(), "b1");
    assert_eq!(old.report(Report::default()), None);
    assert_eq!(new.report(Report::default()), Some(true));
    drop(old);
    assert_eq!(registry.facts("u1").unwrap().link, LinkState::Up, "the end of the old one says nothing");
    drop(new);
    assert!(matches!(registry.facts("u1").unwrap().link, LinkState::Down { .. }));
    assert_eq!((registry.linked(), registry.lost()), (0, 1));
}

#[test]
fn a_report_outlives_its_stream_but_not_its_boot() {
    let registry = registry();
    seated(&registry, known(), "b1").report(Report::default());
    let _again = seated(&registry, known(), "b1");
    assert!(registry.facts("u1").unwrap().report.is_some());
    let _rebooted = seated(&registry, known(), "b2");
    assert!(registry.facts("u1").unwrap().report.is_none());
}

#[test]
fn a_new_stream_is_told_what_the_older_one_was() {
    let registry = registry();
    let old = seated(&registry, known(), "b1");
    registry.wish("u1", &wish("Ada"), || true);
    let told = old.desired.borrow().clone();
    assert_eq!(*seated(&registry, known(), "b1").desired.borrow(), told);
}

#[test]
fn a_process_that_began_anew_is_told_of_no_stage_before_that_is_decided_again() {
    let registry = registry();
    let _old = seated(&registry, known(), "b1");
    let invitation = Some(Invitation { id: "show-42".into(), ..Invitation::default() });
    let invited = Wish { invitation: invitation.clone(), ..wish("Ada") };
    registry.wish("u1", &invited, || true);
    let same = seated(&registry, known(), "b1");
    assert_eq!(same.desired.borrow().clone().unwrap().invitation, invitation);
    let anew = seated(&registry, known(), "b2");
    let first = anew.desired.borrow().clone().unwrap();
    assert_eq!((first.invitation.clone(), first.session.clone().unwrap().display_name), (None, "Ada".into()));
    assert_eq!(registry.invited("u1"), Some(None));
    registry.wish("u1", &invited, || true);
    let again = anew.desired.borrow().clone().unwrap();
    assert!(again.invitation == invitation && again.generation > first.generation);
}

#[test]
fn tokens_that_cannot_be_read_any_more_go_on_being_told() {
    let registry = registry();
    let seat = seated(&registry, known(), "b1");
    let tokens = AccessTokens { view: "v".into(), ..AccessTokens::default() };
    registry.wish("u1", &Wish { access: Some(tokens.clone()), ..wish("Ada") }, || true);
    registry.wish("u1", &wish("Bea"), || true);
    assert_eq!(seat.desired.borrow().as_ref().unwrap().access, Some(tokens));
}

#[test]
fn only_what_was_said_about_the_newest_wish_is_an_answer() {
    let registry = registry();
    let mut seat = seated(&registry, known(), "b1");
    seat.report(Report::default());
    assert!(registry.facts("u1").unwrap().answer().is_none(), "nothing was asked yet");
    registry.wish("u1", &wish("Ada"), || true);
    let generation = registry.facts("u1").unwrap().generation;
    assert!(registry.facts("u1").unwrap().answer().is_none(), "what was said before");
    seat.report(Report { observed_generation: generation, ..Report::default() });
    assert!(registry.facts("u1").unwrap().answer().is_some());
    registry.wish("u1", &wish("Bea"), || true);
    assert!(registry.facts("u1").unwrap().answer().is_none(), "what was said of an older wish");
}

#[test]
fn sessions_of_a_participant_that_is_gone_are_drained() {
    let registry = registry();
    let seat = seated(&registry, known(), "b1");
    registry.wish("u1", &wish("Ada"), || true);
    registry.drain("p1");
    let desired = seat.desired.borrow().clone().unwrap();
    assert!(desired.drain);
    assert_eq!(desired.session.as_ref().unwrap().display_name, "Ada");
}

#[test]
fn a_session_is_told_to_finish_once() {
    let registry = registry();
    let mut seat = seated(&registry, known(), "b1");
    registry.drain("p1");
    let generation = seat.desired.borrow_and_update().as_ref().unwrap().generation;
    seat.report(Report { observed_generation: generation, ..Report::default() });
    registry.drain("p1");
    assert!(!seat.desired.has_changed().unwrap());
    assert!(registry.facts("u1").unwrap().answer().is_some());
}

/// The pod and the owner of that number.
fn numbered(number: usize) -> Known {
    let mut known = known();
    known.pod.uid = format!("u{number}");
    (known.owner.name, known.owner.uid) = (format!("ada-{number}"), format!("p{number}"));
    known
}

#[test]
fn draining_and_forgetting_one_owner_after_the_other_looks_at_each_session_once() {
    const MANY: usize = 10_000;
    let registry = registry();
    let seats: Vec<Seat> = (0..MANY).map(|number| seated(&registry, numbered(number), "b1")).collect();
    assert_eq!(registry.linked(), MANY);
    let looked_at: usize = (0..MANY).map(|number| registry.drain(&format!("p{number}"))).sum();
    assert_eq!(looked_at, MANY);
    assert!(seats.iter().all(|seat| seat.desired.borrow().as_ref().unwrap().drain));
    (0..MANY).for_each(|number| registry.forget(&format!("u{number}")));
    assert_eq!((registry.linked(), registry.drain("p1")), (0, 0));
    drop(seats);
    assert_eq!(registry.linked(), 0, "whoever was forgotten is not counted off again");
}

#[test]
fn only_the_pods_of_an_owner_are_drained_with_it() {
    let registry = registry();
    let (mut first, mut second, other) = (numbered(1), numbered(2), numbered(3));
    (first.owner.uid, second.owner.uid) = ("p".into(), "p".into());
    let seats = [first, second, other].map(|known| seated(&registry, known, "b1"));
    assert_eq!(registry.drain("p"), 2);
    let drained = seats.map(|seat| seat.desired.borrow().is_some());
    assert_eq!(drained, [true, true, false]);
}

fn of_livestreams(names: &[&str], viewers: u32) -> Report {
    let said =
        |name: &&str| LivestreamReport { name: (*name).into(), viewers, ..LivestreamReport::default() };
    Report { livestreams: names.iter().map(said).collect(), ..Report::default() }
}

/// Names of livestreams that were marked since this was asked last.
fn marked(registry: &Registry) -> BTreeSet<String> {
    let mut stream = Box::pin(registry.triggers.livestreams.stream());
    std::iter::from_fn(|| stream.next().now_or_never().flatten()).map(|marked| marked.name).collect()
}

fn livestreams(names: &[&str]) -> Wish {
    let livestream = |name: &&str| Livestream { name: (*name).into(), ..Livestream::default() };
    Wish { livestreams: names.iter().map(livestream).collect(), ..Wish::default() }
}

#[test]
fn a_session_has_its_own_livestreams_looked_at_and_no_others() {
    let registry = registry();
    let mut seat = seated(&registry, known(), "b1");
    seat.report(of_livestreams(&["own", "other", "somebody-elses"], 0));
    seat.tell();
    assert!(marked(&registry).is_empty(), "it was told of none yet");
    registry.wish("u1", &livestreams(&["own", "other"]), || true);
    seat.report(of_livestreams(&["own", "other", "somebody-elses"], 1));
    seat.tell();
    assert_eq!(marked(&registry), ["other", "own"].map(String::from).into());
    let mut next = of_livestreams(&["own", "other"], 1);
    next.livestreams[0].viewers = 2;
    assert_eq!(seat.report(next.clone()), Some(true));
    seat.tell();
    assert_eq!(marked(&registry), ["own"].map(String::from).into(), "only of that one there is news");
    assert_eq!(seat.report(next), Some(false));
    seat.tell();
    assert!(marked(&registry).is_empty());
}

#[test]
fn what_was_not_looked_at_yet_is_looked_at_with_what_comes_later() {
    let registry = registry();
    let mut seat = seated(&registry, known(), "b1");
    registry.wish("u1", &livestreams(&["a", "b", "c"]), || true);
    let report = |a, b| {
        let mut report = of_livestreams(&["a", "b", "c"], 0);
        (report.livestreams[0].viewers, report.livestreams[1].viewers) = (a, b);
        report
    };
    seat.report(report(0, 0));
    seat.tell();
    marked(&registry);
    for next in [report(1, 0), report(1, 1)] {
        seat.report(next);
    }
    assert!(marked(&registry).is_empty());
    seat.tell();
    assert_eq!(marked(&registry), ["a", "b"].map(String::from).into());
}

#[test]
fn a_session_of_what_nobody_takes_finishes_until_somebody_takes_it_again() {
    let registry = registry();
    let drains = |seat: &Seat| seat.desired.borrow().as_ref().unwrap().drain;
    let seat = registry.seat(known(), "b1", Vec::new(), |_owner| false);
    assert!(drains(&seat), "nobody has taken it when it came");
    registry.wish("u1", &livestreams(&["own"]), || true);
    assert!(!drains(&seat));
    let told = seat.desired.borrow().as_ref().unwrap().generation;
    registry.drain("p1");
    registry.wish("u1", &livestreams(&["own"]), || false);
    assert!(drains(&seat), "a look that began before does not take it back");
    registry.wish("u1", &livestreams(&["own"]), || true);
    assert!(!drains(&seat) && seat.desired.borrow().as_ref().unwrap().generation == told + 2);
}

#[test]
fn a_dismissed_pod_is_no_session_and_says_nothing_but_that_it_has_left() {
    let registry = registry();
    let mut seat = seated(&registry, known(), "b1");
    registry.wish("u1", &livestreams(&["own"]), || true);
    let generation = registry.facts("u1").unwrap().generation;
    let mut owners = Box::pin(registry.triggers.participants.stream());
    assert!(owners.next().now_or_never().is_some());

    let desired = registry.dismiss(&known().pod);
    assert!(desired.drain && desired.generation > generation);
    assert_eq!((desired.session, desired.access, desired.invitation), (None, None, None));
    assert_eq!(seat.report(Report::default()), None, "its earlier stream is shut out");
    let says = |state| Report {
        invitation: Some(InvitationReport {
            id: "show-42".into(),
            state: state as i32,
            ..InvitationReport::default()
        }),
        ..of_livestreams(&["own"], 1)
    };
    registry.last_word(&known().pod, Some(&known().owner), says(InvitationState::Accepted));
    assert_eq!((registry.left("u1"), owners.next().now_or_never().is_some()), (None, false));
    registry.last_word(&known().pod, Some(&known().owner), says(InvitationState::Left));
    assert_eq!(registry.left("u1").map(|said| said.id).as_deref(), Some("show-42"));
    assert!(owners.next().now_or_never().is_some(), "its owner looks at how it has left");
    registry.last_word(&known().pod, Some(&known().owner), says(InvitationState::Left));
    assert_eq!((registry.facts("u1"), registry.linked()), (None, 0));
    drop(seat);
    assert!(marked(&registry).is_empty() && owners.next().now_or_never().is_none());
    registry.forget("u1");
    assert_eq!(registry.left("u1"), None);
}
