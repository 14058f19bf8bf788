use super::*;
use crate::steering;

const ADA: Peer = Peer(1);
const BOB: Peer = Peer(2);
/// Looks on.
const EVE: Peer = Peer(3);
const HOST: Mode = Mode::Host { idle: understudy_core::steering::seat::IDLE };

fn table(mode: Mode) -> Table {
    let desk = Desk::open(Layout::default(), steering::Metrics::default()).unwrap();
    let sharing = Sharing { mode, clipboard: true, ..Sharing::default() };
    let table = Table::new(sharing, desk, Metrics::default());
    for (peer, role, id) in
        [(ADA, Role::Control, "ada"), (BOB, Role::Control, "bob"), (EVE, Role::View, "eve")]
    {
        table.join(peer, role, (id.to_owned(), None));
    }
    table
}

/// A letter, down.
fn press(table: &Table, peer: Peer) -> Fate {
    Hands::new(table.clone(), peer).judge("keyboard", &[0, 1, 0, 0, 0x41])
}

#[tokio::test]
async fn together_all_who_may_steer_do_and_with_nobody_at_it_none() {
    let union = table(Mode::Union);
    assert_eq!([press(&union, ADA), press(&union, BOB)], [Fate::Taken, Fate::Taken]);
    assert_eq!(press(&union, Peer(4)), Fate::Refused, "it has not come");
    assert_eq!([union.standing(ADA), union.standing(EVE)], [Standing::Steers, Standing::Watches]);
    let off = table(Mode::Off);
    assert_eq!(press(&off, ADA), Fate::Refused);
    assert_eq!(off.standing(ADA), Standing::Watches);
}

#[tokio::test]
async fn one_at_a_time_steers_who_has_the_control_and_all_are_told_who_that_is() {
    let table = table(HOST);
    let seating = table.seating();
    assert_eq!(press(&table, ADA), Fate::Refused);
    assert_eq!(table.on(Event::Request(ADA)), None);
    assert_eq!([press(&table, ADA), press(&table, BOB)], [Fate::Taken, Fate::Refused]);
    table.on(Event::Request(BOB));
    let both = (seating.borrow().host, seating.borrow().asked);
    assert_eq!(both, (Some(ADA), Some(BOB)));
    assert_eq!((table.id(BOB).as_deref(), table.known("ada")), (Some("bob"), Some(ADA)));
    assert_eq!(table.standing(BOB), Standing::Waits);
    assert!(table.due().is_some(), "who does nothing loses it to who has asked");
    assert!(table.on(Event::Take(BOB)).is_some(), "it is an administrator's right");
    table.on(Event::Leave(ADA));
    assert_eq!([press(&table, ADA), press(&table, BOB)], [Fate::Refused, Fate::Taken]);
}

#[tokio::test]
async fn who_is_here_is_told_by_name_and_where_one_points_a_few_times_a_second() {
    let table = table(Mode::Union);
    table.rename(ADA, " Ada ");
    table.rename(BOB, "\n");
    let people = table.seating().borrow().people();
    let names: Vec<_> = people.iter().map(|person| (person.id.as_str(), person.name.as_str())).collect();
    assert_eq!(names, [("ada", "Ada"), ("bob", "Guest 2"), ("eve", "Guest 3")]);
    let (mut cursors, mut hands) = (table.cursors(), Hands::new(table.clone(), ADA));
    for _ in 0..10 {
        assert_eq!(hands.judge("mouse", &[1, 8, 0, 4, 0, 16, 0, 16, 0]), Fate::Taken);
    }
    assert_eq!(cursors.try_recv().unwrap(), (ADA, Place { x: 0.5, y: 0.25 }));
    assert!(cursors.try_recv().is_err(), "once in so short a time");
    table.on(Event::Leave(ADA));
    assert_eq!(table.seating().borrow().people().len(), 2);
}

#[tokio::test]
async fn the_clipboard_is_for_those_who_may_steer_where_it_is_shared() {
    let shared = table(Mode::Union);
    assert!(shared.shares_clipboard(ADA) && !shared.shares_clipboard(EVE));
    assert!(!table(Mode::Off).shares_clipboard(ADA));
}

#[tokio::test]
async fn who_may_only_look_on_from_now_on_steers_no_more_and_a_mode_counts_from_when_it_is_said() {
    let table = table(Mode::Union);
    table.on(Event::Rank { peer: ADA, role: Role::View });
    assert_eq!([press(&table, ADA), press(&table, BOB)], [Fate::Refused, Fate::Taken]);
    assert!(!table.shares_clipboard(ADA));
    let was = table.sharing();
    table.share(Sharing { mode: HOST, ..was });
    assert_eq!((press(&table, BOB), table.mode()), (Fate::Refused, talk::Mode::Host));
    table.on(Event::Request(BOB));
    assert_eq!(press(&table, BOB), Fate::Taken);
    table.share(Sharing { mode: Mode::Off, ..was });
    assert_eq!((press(&table, BOB), table.on(Event::Request(BOB))), (Fate::Refused, Some(Refusal::Off)));
}

#[tokio::test]
async fn who_comes_back_is_called_as_before_and_has_the_seat() {
    let table = table(HOST);
    table.rename(ADA, "Ada");
    table.on(Event::Request(ADA));
    let known = Known { peer_id: "ada".to_owned(), name: "Ada".to_owned(), was_host: true };
    assert_eq!(table.known_as(ADA), Some(known));
    table.join(Peer(9), Role::Control, ("ada".to_owned(), None));
    table.on(Event::Replace { before: ADA, now: Peer(9) });
    assert_eq!([press(&table, ADA), press(&table, Peer(9))], [Fate::Refused, Fate::Taken]);
    assert_eq!(
        table.seating().borrow().people().iter().filter(|one| one.name == "Ada" && one.host).count(),
        1
    );
    assert_eq!(table.known("ada"), Some(Peer(9)));
}

#[tokio::test]
async fn what_says_nothing_or_comes_too_often_is_not_done() {
    let table = table(Mode::Union);
    let mut hands = Hands::new(table, ADA);
    for (label, message) in
        [("keyboard", &[][..]), ("keyboard", &[9]), ("gossip", &[0, 1, 0, 0, 0x41]), ("controllers", &[0])]
    {
        assert_eq!(hands.judge(label, message), Fate::Malformed, "{label} {message:?}");
    }
    assert_eq!(hands.judge("keyboard", &[0, 1, 0, 0, 0x41]), Fate::Taken);
    let moves = (0..1000).map(|_| hands.judge("mouse", &[0, 0, 1, 0, 1])).collect::<Vec<_>>();
    assert!(moves.contains(&Fate::Taken) && moves.last() == Some(&Fate::TooMany));
    assert_eq!(hands.judge("keyboard", &[0, 0, 0, 0, 0x41]), Fate::Taken, "an end is never dropped");
}
