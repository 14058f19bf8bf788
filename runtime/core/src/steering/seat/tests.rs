use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const ADA: Peer = Peer(1);
const BOB: Peer = Peer(2);
const EVE: Peer = Peer(3);
const ROOT: Peer = Peer(4);

/// Ada and Bob have control, Eve looks on, Root is an admin.
fn seats(mode: Mode, now: Instant) -> Seats {
    let mut seats = Seats::new(mode);
    let roles = [(ADA, Role::Control), (BOB, Role::Control), (EVE, Role::View), (ROOT, Role::Admin)];
    for (peer, role) in roles {
        assert_eq!(seats.on(Event::Join { peer, role }, now), []);
    }
    seats
}

fn hosted(now: Instant) -> Seats {
    let mut seats = seats(Mode::Host { idle: IDLE }, now);
    assert_eq!(seats.on(Event::Request(ADA), now), [Told::HostIs(Some(ADA))]);
    seats
}

fn refused(peer: Peer, why: Refusal) -> [Told; 1] {
    [Told::Refused { peer, why }]
}

fn steering(seats: &mut Seats, now: Instant) -> Vec<Peer> {
    let peers = [ADA, BOB, EVE, ROOT, Peer(9)].into_iter();
    peers.filter(|peer| seats.may_steer(*peer, now)).collect()
}

#[test]
fn all_who_have_control_steer_together_and_have_no_seat_to_ask_for() {
    let now = Instant::now();
    let mut seats = seats(Mode::Union, now);
    assert_eq!(steering(&mut seats, now), [ADA, BOB, ROOT]);
    assert_eq!(seats.on(Event::Request(ADA), now), refused(ADA, Refusal::NoSeat));
    assert_eq!(seats.on(Event::Take(ROOT), now), refused(ROOT, Refusal::NoSeat));
    assert_eq!(seats.on(Event::Leave(ADA), now), [Told::Released(ADA)]);
    assert_eq!(steering(&mut seats, now), [BOB, ROOT]);
}

#[test]
fn a_vacant_seat_is_had_for_the_asking_and_a_host_is_asked_for_a_taken_one() {
    let now = Instant::now();
    let mut seats = seats(Mode::Host { idle: IDLE }, now);
    assert_eq!(steering(&mut seats, now), []);
    assert_eq!(seats.on(Event::Request(EVE), now), refused(EVE, Refusal::ViewOnly));
    assert_eq!(seats.on(Event::Request(ADA), now), [Told::HostIs(Some(ADA))]);
    assert_eq!(steering(&mut seats, now), [ADA]);
    assert_eq!(seats.on(Event::Request(BOB), now), [Told::Asked { by: BOB }]);
    // Once is enough.
    assert_eq!(seats.on(Event::Request(BOB), now), []);
    assert_eq!(seats.on(Event::Request(ADA), now), []);
    assert_eq!(steering(&mut seats, now), [ADA]);
}

#[test]
fn a_host_gives_the_seat_away_and_lets_go_of_what_it_holds() {
    let now = Instant::now();
    let mut seats = hosted(now);
    seats.on(Event::Request(ROOT), now);
    assert_eq!(seats.on(Event::Give { by: BOB, to: BOB }, now), refused(BOB, Refusal::NotHost));
    assert_eq!(seats.on(Event::Give { by: ADA, to: EVE }, now), refused(ADA, Refusal::ViewOnly));
    assert_eq!(seats.on(Event::Give { by: ADA, to: Peer(9) }, now), refused(ADA, Refusal::NotHere));
    let given = [Told::Released(ADA), Told::HostIs(Some(BOB)), Told::Asked { by: ROOT }];
    assert_eq!(seats.on(Event::Give { by: ADA, to: BOB }, now), given);
    assert_eq!(steering(&mut seats, now), [BOB]);
}

#[test]
fn an_admin_takes_the_seat_or_gives_it_to_another() {
    let now = Instant::now();
    let mut seats = hosted(now);
    assert_eq!(seats.on(Event::Take(BOB), now), refused(BOB, Refusal::NotAdmin));
    let given = [Told::Released(ADA), Told::HostIs(Some(BOB))];
    assert_eq!(seats.on(Event::Give { by: ROOT, to: BOB }, now), given);
    assert_eq!(seats.on(Event::Take(ROOT), now), [Told::Released(BOB), Told::HostIs(Some(ROOT))]);
    assert_eq!(seats.on(Event::Take(ROOT), now), []);
}

#[test]
fn a_seat_that_is_released_goes_to_who_asked_first_and_else_to_nobody() {
    let now = Instant::now();
    let mut seats = hosted(now);
    seats.on(Event::Request(BOB), now);
    seats.on(Event::Request(ROOT), now);
    let next = [Told::Released(ADA), Told::HostIs(Some(BOB)), Told::Asked { by: ROOT }];
    assert_eq!(seats.on(Event::Release(ADA), now), next);
    // Root no longer asks.
    assert_eq!(seats.on(Event::Release(ROOT), now), []);
    assert_eq!(seats.on(Event::Release(ROOT), now), refused(ROOT, Refusal::NotHost));
    assert_eq!(seats.on(Event::Release(BOB), now), [Told::Released(BOB), Told::HostIs(None)]);
    assert_eq!((seats.host(), steering(&mut seats, now)), (None, vec![]));
}

#[test]
fn a_host_who_leaves_makes_room_and_who_asked_and_left_is_not_next() {
    let now = Instant::now();
    let mut seats = hosted(now);
    seats.on(Event::Request(BOB), now);
    seats.on(Event::Request(ROOT), now);
    assert_eq!(seats.on(Event::Leave(BOB), now), [Told::Released(BOB)]);
    assert_eq!(seats.on(Event::Leave(ADA), now), [Told::Released(ADA), Told::HostIs(Some(ROOT))]);
    assert_eq!(seats.on(Event::Leave(ADA), now), []);
    assert_eq!(seats.on(Event::Request(ADA), now), refused(ADA, Refusal::NotHere));
}

#[test]
fn a_host_who_sends_nothing_loses_the_seat_only_if_somebody_has_asked() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut seats = hosted(start);
    assert_eq!(seats.expires_at(), None);
    assert_eq!(seats.on(Event::Timeout, after(600)), []);
    assert!(seats.may_steer(ADA, after(600)));
    seats.on(Event::Request(BOB), after(610));
    assert!(!seats.may_steer(BOB, after(620)));
    assert_eq!(seats.expires_at(), Some(after(630)));
    assert_eq!(seats.on(Event::Timeout, after(629)), []);
    assert_eq!(seats.on(Event::Timeout, after(630)), [Told::Released(ADA), Told::HostIs(Some(BOB))]);
    assert_eq!(seats.expires_at(), None);
}

#[test]
fn another_mode_takes_the_right_to_steer_from_whom_it_does_not_give_it() {
    let now = Instant::now();
    let mut seats = seats(Mode::Union, now);
    let released = [Told::Released(ADA), Told::Released(BOB), Told::Released(ROOT), Told::HostIs(None)];
    assert_eq!(seats.on(Event::Mode(Mode::Host { idle: IDLE }), now), released);
    seats.on(Event::Request(ADA), now);
    assert_eq!(seats.on(Event::Mode(Mode::Host { idle: Duration::MAX }), now), []);
    seats.on(Event::Request(BOB), now);
    assert_eq!((seats.host(), seats.expires_at()), (Some(ADA), None));
    assert_eq!(seats.on(Event::Mode(Mode::Union), now), [Told::HostIs(None)]);
    assert_eq!(steering(&mut seats, now), [ADA, BOB, ROOT]);
    let released = [ADA, BOB, ROOT].map(Told::Released);
    assert_eq!(seats.on(Event::Mode(Mode::Off), now), released);
    assert_eq!(steering(&mut seats, now), []);
    let refused = [Told::Refused { peer: ADA, why: Refusal::Off }];
    assert_eq!(seats.on(Event::Request(ADA), now), refused);
}

#[test]
fn whoever_may_only_look_on_from_now_on_lets_go_and_loses_the_seat() {
    let now = Instant::now();
    let rank = |peer, role| Event::Rank { peer, role };
    let mut union = seats(Mode::Union, now);
    assert_eq!(union.on(rank(ADA, Role::View), now), [Told::Released(ADA)]);
    assert_eq!(steering(&mut union, now), [BOB, ROOT]);
    assert_eq!(union.on(rank(ADA, Role::Control), now), []);
    assert_eq!(steering(&mut union, now), [ADA, BOB, ROOT]);
    let mut host = seats(Mode::Host { idle: IDLE }, now);
    host.on(Event::Request(ADA), now);
    host.on(Event::Request(BOB), now);
    assert_eq!(host.on(rank(ADA, Role::View), now), [Told::Released(ADA), Told::HostIs(Some(BOB))]);
}

#[test]
fn who_comes_back_by_another_connection_has_the_seat_or_the_turn_that_the_one_before_had() {
    let now = Instant::now();
    let again = Peer(9);
    let join = |role| Event::Join { peer: again, role };
    let replace = |before| Event::Replace { before, now: again };
    let seated = || {
        let mut seats = seats(Mode::Host { idle: IDLE }, now);
        seats.on(Event::Request(ADA), now);
        seats.on(Event::Request(BOB), now);
        seats
    };
    let mut host = seated();
    host.on(join(Role::Control), now);
    assert_eq!(host.on(replace(ADA), now), [Told::Released(ADA), Told::HostIs(Some(again))]);
    assert_eq!((host.host(), host.asked()), (Some(again), Some(BOB)));
    let mut asks = seated();
    asks.on(join(Role::Control), now);
    assert_eq!(asks.on(replace(BOB), now), [Told::Released(BOB)]);
    assert_eq!((asks.host(), asks.asked()), (Some(ADA), Some(again)));
    let mut looks = seated();
    looks.on(join(Role::View), now);
    looks.on(replace(ADA), now);
    assert_eq!(looks.host(), Some(BOB), "with a lower right it is the next one's");
}

fn event() -> impl Strategy<Value = Event> {
    let peer = || (0_u64..5).prop_map(Peer);
    let join = (peer(), select(vec![Role::View, Role::Control, Role::Admin]))
        .prop_map(|(peer, role)| Event::Join { peer, role });
    let mode = select(vec![Mode::Union, Mode::Host { idle: IDLE }, Mode::Off]).prop_map(Event::Mode);
    prop_oneof![
        2 => join,
        1 => peer().prop_map(Event::Leave),
        1 => (peer(), select(vec![Role::View, Role::Control, Role::Admin])).prop_map(|(peer, role)| Event::Rank { peer, role }),
        1 => (peer(), peer()).prop_map(|(before, now)| Event::Replace { before, now }),
        4 => peer().prop_map(Event::Request),
        2 => (peer(), peer()).prop_map(|(by, to)| Event::Give { by, to }),
        1 => peer().prop_map(Event::Take),
        2 => peer().prop_map(Event::Release),
        1 => mode,
        2 => Just(Event::Timeout),
    ]
}

proptest! {
    #[test]
    fn whoever_may_no_longer_steer_is_released_and_the_host_is_who_was_told(
        events in proptest::collection::vec(event(), 0..80),
    ) {
        let mut now = Instant::now();
        let mut seats = Seats::new(Mode::Host { idle: IDLE });
        let mut host = None;
        for event in events {
            now += Duration::from_secs(9);
            // Nobody joins twice.
            if matches!(&event, Event::Join { peer, .. } if seats.role(*peer).is_some()) {
                continue;
            }
            let steered: Vec<_> = (0..5).map(Peer).filter(|peer| seats.may_steer(*peer, now)).collect();
            let told = seats.on(event, now);
            for told in &told {
                if let Told::HostIs(is) = told {
                    host = *is;
                }
            }
            prop_assert_eq!(seats.host(), host);
            prop_assert!(host.is_none_or(|host| seats.role(host) >= Some(Role::Control)));
            for peer in steered {
                let is_released = told.contains(&Told::Released(peer));
                prop_assert!(is_released || seats.may_steer(peer, now));
            }
        }
    }
}
