//! The seat that an invitation takes: what is desired against what the session acknowledged. Pure.
//!
//! ```text
//!                 desired(a)                acknowledged(a, Accepted)
//!     Free ──────────────────────> Asked(a) ───────────────────────> Invited(a)
//!      ^ ^                            │                                  │
//!      │ │ desired(none)              │ acknowledged(a, Left)            │ desired(none), desired(b)
//!      │ └────────── Left(a) <────────┤                                  v
//!      │                ^             └───────────────────────────── Leaving(a)
//!      │                └──────────── acknowledged(a, Left) ─────────────┘
//!      └ desired(b) goes on to Asked(b)
//! ```
//!
//! Nobody is on two stages: from `Invited(a)` nothing leads to `b` but through `Left(a)`, and nothing but the session's own
//! word leads there. An invitation that was left is not asked again under its id.

use crate::condition::Verdict;
use understudy_crds::condition::ParticipantCondition as Type;
use understudy_crds::v1alpha1::ParticipantPhase;
use understudy_proto::v1::{InvitationReport, InvitationState};

/// Where an invitation is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seat {
    /// There is none.
    #[default]
    Free,
    /// The session has not acknowledged it yet.
    Asked(String),
    /// The session carries it out.
    Invited(String),
    /// The session carries out one that is not desired any more.
    Leaving(String),
    /// Nothing of it is on a stage any more.
    Left(String),
}

/// What changes where an invitation is.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What the session last acknowledged.
    Acknowledged(InvitationReport),
    /// The id that is desired now.
    Desired(Option<String>),
}

/// Both sides are levels, not steps: what the session says is taken first, then what is desired of it.
pub fn seat(desired: Option<String>, acknowledged: Option<InvitationReport>) -> Seat {
    let seat = acknowledged.into_iter().map(Event::Acknowledged).fold(Seat::default(), Seat::on);
    seat.on(Event::Desired(desired))
}

impl Seat {
    /// What follows.
    #[must_use]
    pub fn on(self, event: Event) -> Self {
        use InvitationState as State;
        match (self, event) {
            (seat, Event::Acknowledged(said)) => match said.state() {
                State::Accepted => Self::Invited(said.id),
                State::Left => Self::Left(said.id),
                // A word of a later version says nothing here.
                State::Unspecified => seat,
            },
            (Self::Free | Self::Asked(_) | Self::Left(_), Event::Desired(None)) => Self::Free,
            (Self::Free | Self::Asked(_), Event::Desired(Some(id))) => Self::Asked(id),
            (Self::Left(left), Event::Desired(Some(id))) if left == id => Self::Left(left),
            (Self::Left(_), Event::Desired(Some(id))) => Self::Asked(id),
            (Self::Invited(id) | Self::Leaving(id), Event::Desired(Some(same))) if id == same => {
                Self::Invited(id)
            }
            (Self::Invited(id) | Self::Leaving(id), Event::Desired(_)) => Self::Leaving(id),
        }
    }

    /// Invited, Connected and Published. The latter two need evidence of media, of which nothing is said yet.
    pub fn verdicts(&self) -> [(Type, Verdict); 3] {
        let all = |verdict: Verdict| {
            [Type::Invited, Type::Connected, Type::Published].map(|type_| (type_, verdict.clone()))
        };
        match self {
            Self::Free => all(Verdict::not_yet("NotInvited", "nobody has invited the participant")),
            Self::Asked(id) => {
                all(Verdict::not_yet("Asked", &format!("the session was asked to join by invitation {id}")))
            }
            Self::Invited(id) => {
                let joining = Verdict::not_yet("Joining", &format!("the session joins by invitation {id}"));
                let mut verdicts = all(joining);
                verdicts[0].1 = Verdict::yes("Accepted");
                verdicts
            }
            Self::Leaving(id) => {
                all(Verdict::not_yet("Leaving", &format!("the session leaves the stage of invitation {id}")))
            }
            Self::Left(id) => {
                all(Verdict::not_yet("Left", &format!("the session has left the stage of invitation {id}")))
            }
        }
    }

    /// The phase of a participant with which all else is well.
    pub fn phase(&self) -> ParticipantPhase {
        match self {
            Self::Free | Self::Left(_) => ParticipantPhase::Available,
            Self::Asked(_) | Self::Invited(_) => ParticipantPhase::Invited,
            Self::Leaving(_) => ParticipantPhase::Leaving,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: &str, state: InvitationState) -> Option<InvitationReport> {
        Some(InvitationReport { id: id.into(), state: state.into(), ..InvitationReport::default() })
    }

    #[test]
    fn where_an_invitation_is_follows_from_what_is_desired_and_what_was_acknowledged() {
        use InvitationState::{Accepted, Left, Unspecified};
        let (a, b) = (|| Some("a".to_owned()), || Some("b".to_owned()));
        let table = [
            (None, None, Seat::Free),
            (a(), None, Seat::Asked("a".into())),
            (a(), said("a", Unspecified), Seat::Asked("a".into())),
            (a(), said("a", Accepted), Seat::Invited("a".into())),
            (None, said("a", Accepted), Seat::Leaving("a".into())),
            (b(), said("a", Accepted), Seat::Leaving("a".into())),
            (None, said("a", Left), Seat::Free),
            (a(), said("a", Left), Seat::Left("a".into())),
            (b(), said("a", Left), Seat::Asked("b".into())),
        ];
        for (number, (desired, acknowledged, expected)) in table.into_iter().enumerate() {
            assert_eq!(seat(desired, acknowledged), expected, "row {number}");
        }
    }

    #[test]
    fn nobody_leads_from_one_stage_to_another_but_the_session_that_left() {
        let on = |seat: Seat, id: &str| seat.on(Event::Desired(Some(id.into())));
        let leaving = on(Seat::Invited("a".into()), "b");
        assert_eq!(on(leaving.clone(), "b"), leaving);
        let left = leaving.on(Event::Acknowledged(said("a", InvitationState::Left).unwrap()));
        assert_eq!(on(left, "b"), Seat::Asked("b".into()));
    }

    #[test]
    fn only_an_acknowledged_invitation_is_told_to_be_one() {
        let truth = |seat: Seat| seat.verdicts().map(|(_, verdict)| verdict.truth.as_str());
        assert_eq!(truth(Seat::Asked("a".into())), ["False"; 3]);
        assert_eq!(truth(Seat::Invited("a".into())), ["True", "False", "False"]);
        assert_eq!(truth(Seat::Leaving("a".into())), ["False"; 3]);
        assert_eq!(Seat::Leaving("a".into()).phase(), ParticipantPhase::Leaving);
    }
}
