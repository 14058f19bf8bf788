use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn book(me: &str) -> Book {
    Book::new(me, Manners::default())
}

fn told(from: &str, to: &str, channel: &str, payload: Payload) -> Envelope {
    Envelope::new(to, from, channel, &payload)
}

/// What is told, by its type.
fn said(acts: &[Act]) -> Vec<String> {
    let said = acts.iter().filter_map(|act| match act {
        Act::Say { envelope, .. } => envelope.payload["type"].as_str(),
        _ => None,
    });
    said.map(str::to_owned).collect()
}

fn end(acts: &[Act]) -> Option<Why> {
    acts.iter().find_map(|act| match act {
        Act::Over { end, .. } => Some(end.why),
        _ => None,
    })
}

fn phase(book: &Book) -> Option<(Role, Phase)> {
    book.lines().next().map(|line| (line.role, line.phase()))
}

/// Two who hear each other, each in order.
struct Two {
    books: [Book; 2],
    /// To each.
    under_way: [VecDeque<Envelope>; 2],
    /// What each has had to do.
    done: [Vec<Act>; 2],
    now: Instant,
}

impl Two {
    fn new() -> Self {
        let books = [book("ada"), book("bob")];
        Self { books, under_way: Default::default(), done: Default::default(), now: Instant::now() }
    }

    fn does(&mut self, who: usize, acts: Vec<Act>) {
        for act in acts {
            match &act {
                Act::Say { envelope, .. } => self.under_way[1 - who].push_back(envelope.clone()),
                Act::Offer { id } => {
                    let acts = self.books[who].described(*id, "offer".into(), self.now);
                    self.does(who, acts);
                }
                Act::Answer { id, .. } => {
                    let acts = self.books[who].described(*id, "answer".into(), self.now);
                    self.does(who, acts);
                }
                _ => {}
            }
            self.done[who].push(act);
        }
    }

    fn start(&mut self, who: usize) {
        let peer = ["bob", "ada"][who];
        let (_, acts) = self.books[who].start("x", peer, self.now).unwrap();
        self.does(who, acts);
    }

    fn accept(&mut self, who: usize) {
        let peer = ["bob", "ada"][who];
        let (_, acts) = self.books[who].accept("x", peer, self.now).unwrap();
        self.does(who, acts);
    }

    /// The next that is under way to it is heard there.
    fn hears(&mut self, who: usize) -> bool {
        let Some(envelope) = self.under_way[who].pop_front() else { return false };
        let acts = self.books[who].hear(&envelope, self.now).unwrap();
        self.does(who, acts);
        true
    }

    fn talk(&mut self) {
        while self.hears(0) | self.hears(1) {}
    }

    fn passes(&mut self, time: Duration) {
        self.lags(time);
        self.talk();
    }

    /// What is under way is not there yet.
    fn lags(&mut self, time: Duration) {
        self.now += time;
        for who in 0..2 {
            let acts = self.books[who].pass(self.now);
            self.does(who, acts);
        }
    }

    fn connect(&mut self) {
        for who in 0..2 {
            let id = self.books[who].line("x").expect("there must be a call").id;
            let acts = self.books[who].connects(id, connection::State::Connected, self.now);
            self.does(who, acts);
        }
    }
}

#[test]
fn who_calls_offers_after_the_other_has_accepted_and_both_are_connected() {
    let mut two = Two::new();
    two.start(0);
    two.talk();
    assert_eq!(phase(&two.books[0]), Some((Role::Origin, Phase::Requested)));
    assert!(phase(&two.books[1]).is_none(), "what rings is no call yet");
    assert_eq!(two.books[1].ringing().map(|ringing| ringing.peer.as_str()).collect::<Vec<_>>(), ["ada"]);
    two.accept(1);
    assert_eq!(two.books[1].ringing().count(), 0);
    two.talk();
    assert_eq!(phase(&two.books[0]), Some((Role::Origin, Phase::Answered)));
    assert_eq!(phase(&two.books[1]), Some((Role::Target, Phase::Answered)));
    two.connect();
    assert_eq!(phase(&two.books[0]), Some((Role::Origin, Phase::Connected)));
    assert_eq!(two.books[0].wake_at(), None, "a call lasts as long as it is wanted");
    let acts = two.books[1].hang_up("x", two.now).unwrap();
    assert_eq!(said(&acts), ["call-hangup"]);
    two.does(1, acts);
    two.talk();
    assert_eq!(two.done.each_ref().map(|done| end(done)), [Some(Why::PeerHungUp), Some(Why::HungUp)]);
    assert!(two.under_way.iter().all(VecDeque::is_empty), "an end is not echoed");
    assert_eq!(two.books[1].hang_up("x", two.now), None);
}

#[test]
fn what_is_told_twice_out_of_turn_or_by_another_changes_nothing() {
    let now = Instant::now();
    let mut bob = book("bob");
    let request = told("ada", "bob", "x", Payload::Request);
    assert_eq!(bob.hear(&request, now).unwrap().len(), 1);
    assert_eq!(bob.hear(&request, now).unwrap(), []);
    let foreign = |payload| told("eve", "bob", "x", payload);
    let offer = Payload::Offer { sdp: "v=0".into() };
    let answer = Payload::Answer { sdp: "v=0".into() };
    assert_eq!(bob.hear(&foreign(Payload::HangUp), now).unwrap(), []);
    bob.accept("x", "ada", now).unwrap();
    for payload in [Payload::Request, Payload::HangUp, offer.clone(), Payload::Ack, answer.clone()] {
        assert_eq!(bob.hear(&foreign(payload), now).unwrap(), [], "of somebody else");
    }
    for payload in [Payload::Request, Payload::Ack, answer.clone(), Payload::Unknown] {
        assert_eq!(bob.hear(&told("ada", "bob", "x", payload), now).unwrap(), [], "out of turn");
    }
    let elsewhere = told("ada", "carol", "x", Payload::HangUp);
    assert_eq!(bob.hear(&elsewhere, now).unwrap(), [], "to somebody else");
    assert_eq!(phase(&bob), Some((Role::Target, Phase::Acked)));
    let candidate = Payload::Candidate { candidate: Candidate::default() };
    assert_eq!(bob.hear(&told("ada", "bob", "y", candidate), now).unwrap(), [], "of no call");

    let mut ada = book("ada");
    ada.start("x", "bob", now).unwrap();
    assert_eq!(ada.hear(&told("bob", "ada", "x", offer), now).unwrap(), [], "who calls is offered nothing");
    assert_eq!(ada.hear(&told("bob", "ada", "x", answer), now).unwrap(), [], "nothing is offered yet");
    assert_eq!(phase(&ada), Some((Role::Origin, Phase::Requested)));
}

#[test]
fn candidates_wait_for_the_description_that_they_belong_to() {
    let now = Instant::now();
    let mut bob = book("bob");
    let (id, _) = bob.accept("x", "ada", now).unwrap();
    let candidate =
        |number: u32| Candidate { candidate: format!("candidate:{number}"), ..Candidate::default() };
    let tell = |bob: &mut Book, number| {
        let payload = Payload::Candidate { candidate: candidate(number) };
        bob.hear(&told("ada", "bob", "x", payload), now).unwrap()
    };
    assert_eq!(tell(&mut bob, 1), []);
    assert_eq!(tell(&mut bob, 2), []);
    let offered = bob.hear(&told("ada", "bob", "x", Payload::Offer { sdp: "o".into() }), now).unwrap();
    let add = |number| Act::Add { id, candidate: candidate(number) };
    assert_eq!(offered, [Act::Answer { id, sdp: "o".into() }, add(1), add(2)]);
    assert_eq!(tell(&mut bob, 3), [add(3)]);
    let (id, _) = bob.start("y", "ada", now).unwrap();
    (0..1000).for_each(|number| {
        let payload = Payload::Candidate { candidate: candidate(number) };
        bob.hear(&told("ada", "bob", "y", payload), now).unwrap();
    });
    bob.hear(&told("ada", "bob", "y", Payload::Ack), now).unwrap();
    bob.described(id, "o".into(), now);
    let taken = bob.hear(&told("ada", "bob", "y", Payload::Answer { sdp: "a".into() }), now).unwrap();
    assert!((2..=65).contains(&taken.len()), "{}", taken.len());
}

#[test]
fn whoever_is_not_there_is_rung_again_and_then_unreachable() {
    let mut two = Two::new();
    let (id, acts) = two.books[0].start("x", "bob", two.now).unwrap();
    assert_eq!(said(&acts), ["call-request"]);
    assert_eq!(two.books[0].unsent(id, two.now), []);
    let mut rung = 0;
    let over = loop {
        two.now += SECOND;
        let acts = two.books[0].pass(two.now);
        if end(&acts).is_some() {
            break acts;
        }
        if said(&acts) == ["call-request"] {
            rung += 1;
            two.books[0].unsent(id, two.now);
        }
    };
    assert_eq!((end(&over), said(&over)), (Some(Why::Unreachable), vec!["call-hangup".to_owned()]));
    assert!((5..=15).contains(&rung), "{rung}");
}

#[test]
fn whoever_does_not_accept_has_not_answered_on_either_side() {
    let mut two = Two::new();
    two.start(0);
    two.passes(RING);
    assert_eq!(end(&two.done[0]), Some(Why::Unanswered));
    let stopped = two.done[1].iter().any(|act| matches!(act, Act::Stopped { .. }));
    assert!(stopped && two.books[1].ringing().count() == 0);
}

#[test]
fn who_declines_says_so() {
    let mut two = Two::new();
    two.start(0);
    two.talk();
    let acts = two.books[1].hang_up("x", two.now).unwrap();
    two.does(1, acts);
    two.talk();
    assert_eq!(end(&two.done[0]), Some(Why::Declined));
    assert!(two.done[1].iter().any(|act| matches!(act, Act::Stopped { why: Why::HungUp, .. })));
}

#[test]
fn an_offer_that_does_not_come_is_told_and_then_the_end() {
    let now = Instant::now();
    let mut bob = book("bob");
    bob.accept("x", "ada", now).unwrap();
    assert_eq!(bob.wake_at(), Some(now + 5 * SECOND));
    assert!(matches!(bob.pass(now + 5 * SECOND)[..], [Act::Late { .. }]));
    assert_eq!(bob.pass(now + 6 * SECOND), []);
    assert_eq!(end(&bob.pass(now + 30 * SECOND)), Some(Why::Stalled));
}

#[test]
fn a_silence_ends_no_call_and_a_lost_connection_does() {
    let mut two = Two::new();
    two.start(0);
    two.talk();
    two.accept(1);
    two.talk();
    two.connect();
    let id = two.books[0].line("x").unwrap().id;
    assert_eq!(two.books[0].connects(id, connection::State::Disconnected, two.now), []);
    assert_eq!(phase(&two.books[0]), Some((Role::Origin, Phase::Connected)));
    let acts = two.books[0].lost(id, "no way".into(), two.now);
    assert_eq!((end(&acts), said(&acts)), (Some(Why::Failed), vec!["call-hangup".to_owned()]));
    assert_eq!(two.books[0].lines().count(), 0);
    assert_eq!(two.books[0].connects(id, connection::State::Connected, two.now), [], "it is over");
}

#[test]
fn a_connection_that_its_peer_has_closed_is_a_hang_up_that_is_not_echoed() {
    let mut two = Two::new();
    two.start(0);
    two.talk();
    two.accept(1);
    two.talk();
    let id = two.books[0].line("x").unwrap().id;
    let acts = two.books[0].closed(id, two.now);
    assert_eq!((end(&acts), said(&acts)), (Some(Why::PeerHungUp), vec![]));
    assert_eq!(two.books[0].lines().count(), 0);
}

#[test]
fn whoever_calls_anew_after_its_end_rings_anew() {
    let mut two = Two::new();
    two.start(0);
    two.talk();
    two.accept(1);
    two.talk();
    two.connect();
    two.books[0] = book("ada");
    let id = two.books[1].line("x").unwrap().id;
    two.start(0);
    two.talk();
    assert_eq!(two.books[1].ringing().count(), 0, "while it is connected that is the same call");
    two.books[1].connects(id, connection::State::Disconnected, two.now);
    let again = told("ada", "bob", "x", Payload::Request);
    let acts = two.books[1].hear(&again, two.now).unwrap();
    assert_eq!((end(&acts), said(&acts)), (Some(Why::Replaced), vec![]));
    assert_eq!(two.books[1].ringing().count(), 1);
}

#[test]
fn who_calls_a_second_time_has_the_same_call_and_another_peer_replaces_it() {
    let now = Instant::now();
    let mut ada = book("ada");
    let (first, _) = ada.start("x", "bob", now).unwrap();
    assert_eq!(ada.start("x", "bob", now).unwrap(), (first, vec![]));
    let (second, acts) = ada.start("x", "carol", now).unwrap();
    assert_ne!(first, second);
    assert_eq!(
        (end(&acts), said(&acts)),
        (Some(Why::Replaced), vec!["call-hangup".into(), "call-request".into()])
    );
    assert_eq!(ada.lines().count(), 1);
}

#[test]
fn what_cannot_be_begun_is_said() {
    let now = Instant::now();
    let mut ada = book("ada");
    assert_eq!(ada.start("x", "ada", now), Err(Unfit::Oneself));
    assert_eq!(ada.start("", "bob", now), Err(Unfit::Name("channel_id")));
    assert_eq!(ada.accept("x", &"y".repeat(129), now), Err(Unfit::Name("remote_peer")));
    ada.start("x", "bob", now).unwrap();
    assert_eq!(ada.accept("x", "bob", now), Err(Unfit::Calling));
    for number in 1..MOST_CALLS {
        ada.start(&format!("{number}"), "bob", now).unwrap();
    }
    assert_eq!(ada.start("one more", "bob", now), Err(Unfit::Full));
    assert!(ada.start("x", "carol", now).is_ok(), "one in the place of another");
}

#[test]
fn only_who_may_rings_and_so_many() {
    let now = Instant::now();
    let mut ada = Book::new("ada", Manners { allowed: Some(vec!["bob".into()]), auto_accept: false });
    let refused = ada.hear(&told("eve", "ada", "x", Payload::Request), now).unwrap();
    assert_eq!(said(&refused), ["call-hangup"]);
    for number in 0..MOST_RINGING {
        let acts = ada.hear(&told("bob", "ada", &format!("{number}"), Payload::Request), now).unwrap();
        assert!(matches!(acts[..], [Act::Rings(_)]));
    }
    let crowded = ada.hear(&told("bob", "ada", "one more", Payload::Request), now).unwrap();
    assert_eq!(said(&crowded), ["call-hangup"]);
    let mut eager = Book::new("ada", Manners { allowed: None, auto_accept: true });
    let acts = eager.hear(&told("bob", "ada", "x", Payload::Request), now).unwrap();
    assert_eq!(said(&acts), ["call-ack"]);
}

#[test]
fn toggles_say_what_goes_out_from_now_on() {
    let now = Instant::now();
    let mut ada = book("ada");
    assert_eq!(ada.toggle("x", Kind::Audio), None);
    let (id, _) = ada.start("x", "bob", now).unwrap();
    assert_eq!(ada.toggle("x", Kind::Audio), Some((id, false)));
    assert_eq!(ada.toggle("x", Kind::Video), Some((id, false)));
    assert_eq!(ada.toggle("x", Kind::Audio), Some((id, true)));
    let line = ada.line("x").unwrap();
    assert_eq!((line.audio_on, line.video_on), (true, false));
}

#[test]
fn whoever_calls_while_it_is_called_gives_way_to_one_that_does_not_know_how() {
    // A page of the source system's passes over a request on a channel on which it calls itself.
    let now = Instant::now();
    let mut ada = book("ada");
    ada.start("x", "bob", now).unwrap();
    assert_eq!(ada.hear(&told("bob", "ada", "x", Payload::Request), now).unwrap(), []);
    let acts = ada.pass(now + 2 * SECOND);
    assert_eq!((said(&acts), phase(&ada)), (vec!["call-ack".to_owned()], Some((Role::Target, Phase::Acked))));
}

#[test]
fn the_end_of_all_is_told_to_all() {
    let now = Instant::now();
    let mut ada = book("ada");
    ada.start("x", "bob", now).unwrap();
    ada.hear(&told("carol", "ada", "y", Payload::Request), now).unwrap();
    assert_eq!(said(&ada.stop(now)), ["call-hangup", "call-hangup"]);
    assert_eq!((ada.lines().count(), ada.ringing().count(), ada.wake_at()), (0, 0, None));
}

#[test]
fn what_is_no_envelope_is_refused() {
    let mut ada = book("ada");
    let strange = Envelope { payload: json!(7), ..told("bob", "ada", "x", Payload::Request) };
    assert!(ada.hear(&strange, Instant::now()).is_err());
}

proptest! {
    /// However what both say crosses, two who call each other have one call, of which one offers.
    #[test]
    fn two_who_call_each_other_have_one_call(turns in prop::collection::vec(0..5u8, 0..20)) {
        let mut two = Two::new();
        two.start(0);
        for turn in turns {
            match turn {
                0 | 1 => { two.hears(turn.into()); }
                2 => two.start(1),
                3 => two.passes(Duration::from_millis(100)),
                _ => two.lags(SECOND),
            }
        }
        two.start(1);
        two.talk();
        two.passes(2 * SECOND);
        let [ada, bob] = two.books.each_ref().map(|book| phase(book).expect("there must be a call"));
        prop_assert_eq!((ada.1, bob.1), (Phase::Answered, Phase::Answered));
        prop_assert_ne!(ada.0, bob.0);
    }
}
