use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::invitation::Moment;
use crate::spec::{InvitationLimits, PageTarget, Stage, Target, WhipTarget};

/// A session: who wishes what, and where that leads.
#[derive(Default)]
struct Life {
    wishes: Wishes,
    seat: Seat,
}

fn to(id: &str, url: &str) -> Box<Invitation> {
    let target = WhipTarget::parse("", url, "word").unwrap();
    let stage = Stage { target: Target::Whip(target), expires: None, participant_id: String::new() };
    let (id, limits) = (id.to_owned(), InvitationLimits::default());
    Box::new(Invitation { id, join_before: None, stage, inputs: None, limits })
}

fn invitation(id: &str) -> Box<Invitation> {
    to(id, "https://stage.example.org/whip")
}

impl Life {
    fn settle(&mut self) {
        self.seat = std::mem::take(&mut self.seat).desire(self.wishes.desired(), Instant::now());
    }

    fn invite(&mut self, invitation: Box<Invitation>) -> Result<(), Refusal> {
        self.wishes.invite(invitation, &self.seat)?;
        self.settle();
        Ok(())
    }

    fn kick(&mut self, id: Option<&str>) -> Result<(), Refusal> {
        self.wishes.kick(id, &self.seat)?;
        self.settle();
        Ok(())
    }

    fn told(&mut self, id: Option<&str>) {
        self.wishes.told(id.map(|id| Ok(invitation(id))));
        self.settle();
    }

    fn gone(&mut self) {
        self.seat = std::mem::take(&mut self.seat).gone(Instant::now());
    }

    fn is_on(&self) -> Option<&str> {
        self.seat.stage().map(|(id, _)| id)
    }
}

#[test]
fn who_is_invited_here_is_on_the_stage_until_kicked_and_free_for_another_then() {
    let mut life = Life::default();
    assert_eq!(life.kick(None), Err(Refusal::Unknown));
    assert_eq!(life.invite(invitation("a")), Ok(()));
    assert_eq!(life.invite(invitation("a")), Ok(()), "said again it changes nothing");
    assert_eq!(life.is_on(), Some("a"));
    assert_eq!(life.invite(invitation("b")), Err(Refusal::Taken("a".into())));
    assert_eq!(life.invite(to("a", "https://another.example.org")), Err(Refusal::OtherStage("a".into())));
    assert_eq!(life.kick(Some("b")), Err(Refusal::Unknown));
    assert_eq!(life.kick(Some("a")), Ok(()));
    for id in [Some("a"), None] {
        assert_eq!(life.kick(id), Ok(()), "it is being left");
    }
    assert_eq!(life.invite(invitation("a")), Err(Refusal::Over("a".into())));
    assert_eq!(life.invite(invitation("b")), Ok(()), "it waits");
    assert_eq!(life.invite(invitation("c")), Err(Refusal::Waiting("b".into())));
    assert_eq!(life.is_on(), None, "nobody is on two stages");
    life.gone();
    assert_eq!(life.is_on(), Some("b"));
    assert_eq!(life.kick(None), Ok(()));
    life.gone();
    assert_eq!(life.kick(None), Err(Refusal::Unknown));
    assert_eq!(life.kick(Some("b")), Err(Refusal::Unknown));
}

#[test]
fn what_waits_can_be_taken_back_before_it_begins() {
    let mut life = Life::default();
    life.invite(invitation("a")).unwrap();
    life.kick(None).unwrap();
    life.invite(invitation("b")).unwrap();
    assert_eq!(life.kick(Some("b")), Ok(()));
    life.gone();
    assert_eq!(life.is_on(), None);
}

#[test]
fn the_operator_s_invitation_wins_and_what_was_asked_for_here_does_not_come_back() {
    let mut life = Life::default();
    life.invite(invitation("here")).unwrap();
    life.told(None);
    assert_eq!(life.is_on(), Some("here"), "an operator that invites nobody ends nothing of others");
    assert!(life.wishes.is_local("here"));
    life.told(Some("there"));
    assert_eq!(life.is_on(), None, "one is left first");
    life.gone();
    assert_eq!((life.is_on(), life.wishes.is_local("there")), (Some("there"), false));
    assert_eq!(life.invite(invitation("x")), Err(Refusal::Operators("there".into())));
    assert_eq!(life.invite(invitation("there")), Err(Refusal::Operators("there".into())));
    for id in [None, Some("there")] {
        assert_eq!(life.kick(id), Err(Refusal::Operators("there".into())));
    }
    assert_eq!(life.kick(Some("here")), Err(Refusal::Unknown));
    life.told(None);
    life.gone();
    assert_eq!(life.is_on(), None);
    assert_eq!(life.invite(invitation("x")), Ok(()));
}

#[test]
fn what_has_ended_is_not_carried_out_again_whatever_came_after_it() {
    let mut life = Life::default();
    for id in ["a", "b", "c"] {
        life.invite(invitation(id)).unwrap();
        life.kick(None).unwrap();
        life.gone();
    }
    // The operator's ends others, and its own is over, too.
    life.invite(invitation("d")).unwrap();
    life.told(Some("e"));
    life.gone();
    life.told(None);
    life.gone();
    for id in ["a", "b", "c", "d", "e"] {
        assert_eq!(life.invite(invitation(id)), Err(Refusal::Over(id.into())));
    }
    for number in 0..MOST_ENDED {
        life.invite(invitation(&number.to_string())).unwrap();
        life.kick(None).unwrap();
        life.gone();
    }
    assert_eq!(life.wishes.ended.len(), MOST_ENDED);
    assert_eq!(life.invite(invitation("0")), Err(Refusal::Over("0".into())));
}

#[test]
fn a_page_at_a_stage_s_address_is_another_stage() {
    let mut life = Life::default();
    life.invite(invitation("a")).unwrap();
    let mut page = invitation("a");
    let target = PageTarget::parse("", page.stage.target.url(), "word").unwrap();
    page.stage.target = Target::Page(target);
    assert_eq!(life.invite(page), Err(Refusal::OtherStage("a".into())));
}

#[test]
fn an_operator_that_takes_up_an_id_of_here_has_it_from_then_on() {
    let mut life = Life::default();
    life.invite(invitation("a")).unwrap();
    life.told(Some("a"));
    assert_eq!((life.is_on(), life.wishes.is_local("a")), (Some("a"), false));
    assert_eq!(life.kick(None), Err(Refusal::Operators("a".into())));
}

#[test]
fn what_came_to_its_end_by_itself_is_not_carried_out_again_and_stands_in_nobody_s_way() {
    let mut life = Life::default();
    let mut late = invitation("late");
    late.join_before = Some(SystemTime::UNIX_EPOCH);
    life.invite(late).unwrap();
    let moment = Moment {
        now: Instant::now(),
        clock: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        alone_since: None,
    };
    life.seat = std::mem::take(&mut life.seat).heed(None, &moment);
    life.gone();
    life.settle();
    assert_eq!(life.is_on(), None);
    assert_eq!(life.invite(invitation("late")), Err(Refusal::Over("late".into())));
    assert_eq!(life.kick(None), Err(Refusal::Unknown));
    assert_eq!(life.invite(invitation("next")), Ok(()));
    assert_eq!(life.is_on(), Some("next"));
}

#[test]
fn a_session_that_ends_leaves_and_takes_no_more() {
    let mut life = Life::default();
    life.invite(invitation("a")).unwrap();
    life.wishes.drain();
    life.settle();
    assert!(life.seat.is_leaving());
    assert_eq!(life.invite(invitation("b")), Err(Refusal::Drained));
    life.told(None);
    assert_eq!(life.invite(invitation("b")), Ok(()), "the operator has changed its mind");
}
