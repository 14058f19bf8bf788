use super::*;
use crate::failure::Failure;
use crate::spec::{InvitationLimits, PageTarget, Target, WhipTarget};

const SECOND: Duration = Duration::from_secs(1);

/// A session's life on one machine: its clock and what was heard.
struct Life {
    seat: Seat,
    moment: Moment,
}

fn invitation(id: &str) -> Invitation {
    let target = Target::Whip(WhipTarget::parse("", "https://stage.example.org/whip", "word").unwrap());
    Invitation {
        id: id.to_owned(),
        join_before: None,
        stage: Stage { target, expires: None, participant_id: String::new() },
        inputs: None,
        limits: InvitationLimits::default(),
    }
}

fn failed(reason: &'static str) -> Sending {
    Sending::Failed(Failure { reason, message: "no".to_owned() })
}

impl Life {
    fn invited(invitation: Invitation) -> Self {
        let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let moment = Moment { now: Instant::now(), clock, alone_since: None };
        let mut life = Self { seat: Seat::default(), moment };
        life.desire(Some(Ok(Box::new(invitation))));
        life
    }

    fn desire(&mut self, desired: Desired) {
        self.seat = std::mem::take(&mut self.seat).desire(desired, self.moment.now);
    }

    fn hears(&mut self, sending: Sending) {
        self.seat = std::mem::take(&mut self.seat).heed(Some(sending), &self.moment);
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.moment.now += time;
        self.moment.clock += time;
        self.seat = std::mem::take(&mut self.seat).heed(None, &self.moment);
        self
    }

    fn gone(&mut self) {
        self.seat = std::mem::take(&mut self.seat).gone(self.moment.now);
    }

    fn outcome(&self) -> Option<Outcome> {
        match &self.seat {
            Seat::Leaving { left, .. } | Seat::Left(left) => Some(left.outcome),
            _ => None,
        }
    }

    fn is_on(&self) -> Option<&str> {
        self.seat.stage().map(|(id, _)| id)
    }

    /// When it is judged otherwise, from now.
    fn until(&self) -> Option<Duration> {
        self.seat.deadline(&self.moment).map(|at| at - self.moment.now)
    }

    fn says(&self) -> Vec<(Status, &'static str)> {
        let said = self.seat.conditions(Picture::Proven);
        said.into_iter().map(|condition| (condition.status, condition.reason)).collect()
    }
}

fn by(seconds: u64) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds))
}

#[test]
fn nobody_goes_from_one_stage_to_another_but_by_having_left_the_first() {
    let mut life = Life::invited(invitation("a"));
    life.hears(Sending::Arriving);
    life.desire(Some(Ok(Box::new(invitation("b")))));
    assert_eq!((life.is_on(), life.outcome()), (None, Some(Outcome::Kicked)));
    life.desire(None);
    life.desire(Some(Ok(Box::new(invitation("c")))));
    assert_eq!(life.is_on(), None, "a is being left all the same");
    life.gone();
    assert_eq!(life.is_on(), Some("c"), "what is desired last counts");
}

#[test]
fn what_was_left_is_not_joined_again_under_its_id() {
    let mut life = Life::invited(invitation("a"));
    life.desire(None);
    life.gone();
    let left = life.seat.clone();
    assert_eq!(life.outcome(), Some(Outcome::Kicked));
    for desired in [None, Some(Ok(Box::new(invitation("a")))), Some(Err("a".to_owned()))] {
        life.desire(desired);
        assert_eq!(life.seat, left);
    }
    life.desire(Some(Ok(Box::new(invitation("b")))));
    assert_eq!(life.is_on(), Some("b"));
}

#[test]
fn what_cannot_be_carried_out_ends_nothing_of_the_same_id_and_all_of_another() {
    let mut life = Life::invited(invitation("a"));
    life.desire(Some(Err("a".to_owned())));
    assert_eq!(life.is_on(), Some("a"));
    life.desire(Some(Err("b".to_owned())));
    life.gone();
    assert_eq!(life.seat, Seat::Refused { id: "b".to_owned() });
    life.desire(Some(Ok(Box::new(invitation("b")))));
    assert_eq!(life.is_on(), Some("b"), "once it is corrected");
}

#[test]
fn of_no_invitation_nothing_is_told() {
    assert_eq!(Seat::default().desire(None, Instant::now()), Seat::Empty);
    assert!(Seat::Empty.conditions(Picture::Proven).is_empty());
}

#[test]
fn connected_and_published_are_said_by_evidence_alone() {
    let (yes, coming, broken) = (Status::True, COMING, BROKEN);
    let mut life = Life::invited(invitation("a"));
    assert_eq!(life.says(), [(coming, "Joining"), (coming, "Joining")]);
    for (sending, said) in [
        (Sending::Connected, [(yes, "Connected"), (coming, "AwaitingEvidence")]),
        (Sending::Arriving, [(yes, "Connected"), (yes, "Published")]),
        (Sending::Unacknowledged, [(yes, "Connected"), (broken, "NothingArrives")]),
        (failed("StageLost"), [(broken, "StageLost"), (coming, "NotConnected")]),
    ] {
        life.hears(sending);
        assert_eq!(life.says(), said);
    }
    life.hears(Sending::Arriving);
    let published = |picture| life.seat.conditions(picture)[1].reason;
    assert_eq!(published(Picture::Without), "NoPage");
    assert_eq!(published(Picture::Failed("no")), "CaptureFailed");
    assert_eq!(published(Picture::Awaited), "WaitingForPicture");
    assert_eq!(published(Picture::Silent("no")), "PublishedWithoutSound");
}

#[test]
fn who_was_not_there_in_time_does_not_join_any_more_and_who_was_stays() {
    let late = Invitation { join_before: by(10), ..invitation("a") };
    let mut life = Life::invited(late.clone());
    assert_eq!(life.until(), Some(SECOND * 10));
    life.after(SECOND * 9);
    life.hears(failed("StageUnauthorized"));
    assert_eq!((life.is_on(), life.until()), (Some("a"), Some(SECOND)));
    assert_eq!(life.after(SECOND).outcome(), Some(Outcome::Expired));

    let mut life = Life::invited(late);
    life.hears(Sending::Connected);
    life.after(SECOND * 11);
    life.hears(failed("StageLost"));
    assert_eq!((life.is_on(), life.until()), (Some("a"), None), "it comes back");

    let mut life = Life::invited(Invitation { join_before: by(0), ..invitation("a") });
    assert_eq!(life.after(Duration::ZERO).outcome(), Some(Outcome::Expired), "it was over before");
}

#[test]
fn limits_end_what_does_not_arrive_and_what_has_been_there_long_enough() {
    let limits =
        InvitationLimits { join: Some(SECOND * 5), stay: Some(SECOND * 60), ..InvitationLimits::default() };
    let limited = Invitation { limits, ..invitation("a") };
    let mut life = Life::invited(limited.clone());
    life.hears(Sending::Connected);
    assert_eq!(life.after(SECOND * 4).outcome(), None);
    assert_eq!(life.after(SECOND).outcome(), Some(Outcome::DeadlineExceeded), "connected is not enough");

    let mut life = Life::invited(limited);
    life.hears(Sending::Arriving);
    life.after(SECOND * 59);
    life.hears(failed("StageLost"));
    assert_eq!((life.outcome(), life.until()), (None, Some(SECOND)));
    assert_eq!(life.after(SECOND).outcome(), Some(Outcome::Completed), "what was lost counts on");
}

#[test]
fn a_stage_that_had_us_and_takes_us_no_more_has_removed_us() {
    for (reason, removed) in
        [(whip::FORBIDDEN, true), (whip::GONE, true), ("StageUnauthorized", false), ("StageNotFound", false)]
    {
        let mut life = Life::invited(invitation("a"));
        life.hears(failed(reason));
        assert_eq!(life.outcome(), None, "it never had us: {reason}");
        life.hears(Sending::Arriving);
        life.hears(failed(reason));
        assert_eq!(life.outcome(), removed.then_some(Outcome::RemovedByStage), "{reason}");
    }
}

#[test]
fn without_an_operator_it_goes_on_for_as_long_as_it_is_told_to() {
    let limits = InvitationLimits { without_operator: Some(SECOND * 30), ..InvitationLimits::default() };
    let mut life = Life::invited(Invitation { limits, ..invitation("a") });
    life.hears(Sending::Arriving);
    assert_eq!(life.until(), None, "there is one");
    life.moment.alone_since = Some(life.moment.now);
    assert_eq!(life.until(), Some(SECOND * 30));
    assert_eq!(life.after(SECOND * 29).outcome(), None);
    assert_eq!(life.after(SECOND).outcome(), Some(Outcome::ControlLost));
}

#[test]
fn why_a_token_that_has_expired_lets_nobody_in_is_told_and_a_new_one_is_tried() {
    let with = |expires| Invitation { stage: Stage { expires, ..invitation("a").stage }, ..invitation("a") };
    let mut life = Life::invited(with(by(10)));
    life.hears(failed("StageUnauthorized"));
    assert_eq!(life.says()[0].1, "StageUnauthorized", "it has not expired");
    life.hears(Sending::Arriving);
    life.after(SECOND * 20);
    assert_eq!(life.says()[0].1, "Connected", "who is there is not asked for it");
    for reason in ["StageUnauthorized", whip::FORBIDDEN] {
        life.hears(failed(reason));
        assert_eq!((life.outcome(), life.says()[0].1), (None, "StageTokenExpired"));
    }
    assert_eq!(life.is_on(), Some("a"), "it is tried again");
    life.desire(Some(Ok(Box::new(with(by(100))))));
    life.hears(failed("StageUnauthorized"));
    assert_eq!(life.says()[0].1, "StageUnauthorized");
}

#[test]
fn another_token_changes_nothing_of_what_is_under_way_and_is_judged_by_itself() {
    let as_whom = |word: &str, participant_id: &str| {
        let target = Target::Whip(WhipTarget::parse("", "https://stage.example.org/whip", word).unwrap());
        let stage = Stage { target, participant_id: participant_id.to_owned(), expires: None };
        Invitation { stage, ..invitation("a") }
    };
    let mut life = Life::invited(as_whom("first", "p1"));
    life.hears(Sending::Arriving);
    life.desire(Some(Ok(Box::new(as_whom("second", "p2")))));
    let who = |life: &Life| match &life.seat {
        Seat::Taken(taken) => taken.participant_id().to_owned(),
        other => panic!("{other:?}"),
    };
    life.hears(Sending::Arriving);
    assert_eq!(who(&life), "p1");
    life.hears(Sending::Connecting);
    assert_eq!(who(&life), "p2");
    let mut life = Life::invited(as_whom("first", "p1"));
    life.hears(Sending::Arriving);
    life.hears(failed("StageLost"));
    life.desire(Some(Ok(Box::new(as_whom("wrong", "p2")))));
    life.hears(failed(whip::FORBIDDEN));
    assert_eq!(life.outcome(), None, "it can be corrected");
}

#[test]
fn a_page_publishes_whatever_becomes_of_the_picture_that_others_watch() {
    let target = Target::Page(PageTarget::parse("", "https://meet.example.org/room", "word").unwrap());
    let stage = Stage { target, ..invitation("a").stage };
    let mut life = Life::invited(Invitation { stage, ..invitation("a") });
    life.hears(Sending::Arriving);
    for picture in
        [Picture::Failed("no memory"), Picture::Awaited, Picture::Silent("no sound"), Picture::Proven]
    {
        let said = life.seat.conditions(picture).remove(1);
        assert_eq!((said.status, said.reason), (Status::True, "Published"), "{picture:?}");
        assert!(said.message.contains("page"), "{}", said.message);
    }
    life.hears(Sending::Connected);
    assert_eq!(life.says()[1].1, "AwaitingEvidence");
}
