//! The invitation's seat in a session: which stage it is to be on, and what became of it.
//!
//! ```text
//!   Empty ── desired(a) ──> Taken(a) ── no longer desired, or over ──> Leaving(a) ── nothing of it is there ──> Left(a)
//!     └───────────────────────^───────────────────────── desired(b) ──────────────────────────────────────────────┘
//! ```
//! Nobody is on two stages: from `Taken(a)` nothing leads to `b` but through `Left(a)`. What was left is not joined again under
//! its id.

mod wishes;

use std::time::{Duration, Instant, SystemTime};

use crate::condition::{Condition, Severity, Status, Type};
use crate::report::Picture;
use crate::sending::Sending;
use crate::spec::{Inputs, Invitation, PageTarget, Stage, Target};
use crate::whip;

pub use wishes::{Refusal, Wishes};

/// What is desired: none, an invitation, or the id of one that cannot be carried out as it is written.
pub type Desired = Option<Result<Box<Invitation>, String>>;

/// Of the invitation that was heard of last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seat {
    /// None was heard of.
    #[default]
    Empty,
    /// It cannot be carried out as it is written.
    Refused { id: String },
    /// It is carried out.
    Taken(Taken),
    /// It is not any more, and something of it may still be on its stage.
    Leaving { left: Left, next: Desired },
    /// Nothing of it is on its stage, and nothing will be.
    Left(Left),
}

/// One that is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    invitation: Box<Invitation>,
    /// When it was heard of.
    since: Instant,
    sending: Sending,
    /// There was a way to its stage.
    was_connected: bool,
    /// The same under what lets one in now.
    had_us: bool,
    /// Who it is on its stage: of what is under way, not of another token that came since.
    participant_id: String,
    /// When what is sent was first said to arrive.
    arrived: Option<Instant>,
}

/// One that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub id: String,
    pub participant_id: String,
    pub outcome: Outcome,
}

/// Why a stage was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was desired no more.
    Kicked,
    /// Its time to join was over.
    Expired,
    /// What is sent did not arrive within its time.
    DeadlineExceeded,
    /// It was there for as long as it was to be.
    Completed,
    /// The stage takes it no more.
    RemovedByStage,
    /// No operator was there to say otherwise.
    ControlLost,
}

/// What a seat is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Instant,
    /// By the wall's clock, as people write it.
    pub clock: SystemTime,
    /// Since when there is no operator; none: there is one, or there never was to be one.
    pub alone_since: Option<Instant>,
}

impl Outcome {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kicked => "Kicked",
            Self::Expired => "Expired",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Completed => "Completed",
            Self::RemovedByStage => "RemovedByStage",
            Self::ControlLost => "ControlLost",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Kicked => "the invitation was taken back",
            Self::Expired => "the stage was not joined before the invitation's joinBefore",
            Self::DeadlineExceeded => {
                "the stage did not say within limits.joinTimeoutSeconds that anything arrives"
            }
            Self::Completed => "limits.maxDurationSeconds are over",
            Self::RemovedByStage => {
                "the stage ended the session and lets nobody in under this invitation again"
            }
            Self::ControlLost => "there was no operator for onControlLoss.afterSeconds",
        }
    }
}

impl Seat {
    /// The seat once that is desired.
    #[must_use]
    pub fn desire(self, desired: Desired, now: Instant) -> Self {
        match (self, desired) {
            (seat @ (Self::Empty | Self::Left(_)), None) => seat,
            (Self::Refused { id }, None) => {
                Self::Left(Left { id, participant_id: String::new(), outcome: Outcome::Kicked })
            }
            // Of what is refused, what ran goes on.
            (Self::Taken(taken), Some(Err(id))) if taken.invitation.id == id => Self::Taken(taken),
            (Self::Taken(taken), Some(Ok(same))) if taken.invitation.id == same.id => {
                Self::Taken(taken.renewed(same))
            }
            (Self::Taken(taken), next) => taken.leave(Outcome::Kicked, next),
            (Self::Leaving { left, .. }, next) => Self::Leaving { left, next },
            (Self::Left(left), Some(desired)) if id(&desired) == left.id => Self::Left(left),
            (Self::Empty | Self::Refused { .. } | Self::Left(_), Some(Err(id))) => Self::Refused { id },
            (Self::Empty | Self::Refused { .. } | Self::Left(_), Some(Ok(invitation))) => {
                Self::Taken(Taken {
                    participant_id: invitation.stage.participant_id.clone(),
                    invitation,
                    since: now,
                    sending: Sending::Connecting,
                    was_connected: false,
                    had_us: false,
                    arrived: None,
                })
            }
        }
    }

    /// How it goes with what is sent to its stage, and what follows from that and from the time.
    #[must_use]
    pub fn heed(self, sending: Option<Sending>, moment: &Moment) -> Self {
        let Self::Taken(mut taken) = self else { return self };
        if let Some(sending) = sending {
            taken.heed(sending, moment);
        }
        match taken.over(moment) {
            Some(outcome) => taken.leave(outcome, None),
            None => Self::Taken(taken),
        }
    }

    /// Nothing of it is on its stage any more.
    #[must_use]
    pub fn gone(self, now: Instant) -> Self {
        match self {
            Self::Leaving { left, next } => Self::Left(left).desire(next, now),
            other => other,
        }
    }

    pub const fn is_leaving(&self) -> bool {
        matches!(self, Self::Leaving { .. })
    }

    /// Where it is to be.
    pub fn stage(&self) -> Option<(&str, &Stage)> {
        let Self::Taken(taken) = self else { return None };
        Some((taken.invitation.id.as_str(), &taken.invitation.stage))
    }

    /// What lets the page onto its stage, where it is the page that joins it; none: nobody but the runtime does.
    pub fn token_for_page(&self) -> Option<&str> {
        self.page()?.reveal_token()
    }

    /// The page that joins its stage; none: the runtime does, or nobody.
    pub fn page(&self) -> Option<&PageTarget> {
        match self {
            Self::Taken(Taken { invitation, .. }) => match &invitation.stage.target {
                Target::Page(page) => Some(page),
                Target::Whip(_) => None,
            },
            Self::Empty | Self::Refused { .. } | Self::Leaving { .. } | Self::Left(_) => None,
        }
    }

    /// Whether something is on its way, or well: another token is not worth ending that.
    pub const fn is_there(&self) -> bool {
        matches!(self, Self::Taken(taken) if taken.is_there())
    }

    /// What camera and microphone carry meanwhile.
    pub fn inputs(&self) -> Option<&Inputs> {
        match self {
            Self::Taken(taken) => taken.invitation.inputs.as_ref(),
            _ => None,
        }
    }

    /// When it will be judged otherwise although nothing happens.
    pub fn deadline(&self, moment: &Moment) -> Option<Instant> {
        let Self::Taken(taken) = self else { return None };
        taken.deadlines(moment).into_iter().flatten().map(|(at, _)| at).min()
    }

    /// Connected and Published, of one that is heard of and not left.
    pub fn conditions(&self, picture: Picture<'_>) -> Vec<Condition> {
        let both = |status, reason, message: &str| {
            [Type::Connected, Type::Published]
                .map(|kind| Condition::new(kind, status, reason, message))
                .to_vec()
        };
        match self {
            Self::Taken(taken) => vec![taken.connected(), taken.published(picture)],
            Self::Leaving { left, .. } => both(COMING, "Leaving", left.outcome.message()),
            Self::Empty | Self::Refused { .. } | Self::Left(_) => Vec::new(),
        }
    }
}

const COMING: Status = Status::False(Severity::Info);
const BROKEN: Status = Status::False(Severity::Error);

impl Taken {
    pub fn id(&self) -> &str {
        &self.invitation.id
    }

    pub fn participant_id(&self) -> &str {
        &self.participant_id
    }

    fn leave(self, outcome: Outcome, next: Desired) -> Seat {
        let Self { invitation, participant_id, .. } = self;
        Seat::Leaving { left: Left { id: invitation.id, participant_id, outcome }, next }
    }

    /// What is under way goes on with what let it in; what comes after it uses what lets in now.
    fn renewed(self, invitation: Box<Invitation>) -> Self {
        let had_us = self.had_us && self.invitation.stage.target == invitation.stage.target;
        Self { invitation, had_us, ..self }
    }

    fn heed(&mut self, sending: Sending, moment: &Moment) {
        self.sending = self.explained(sending, moment.clock);
        if self.is_there() {
            (self.was_connected, self.had_us) = (true, true);
        } else {
            self.participant_id.clone_from(&self.invitation.stage.participant_id);
        }
        if self.sending == Sending::Arriving {
            self.arrived.get_or_insert(moment.now);
        }
    }

    /// A stage does not say why it lets nobody in by a token that has expired. It is asked all the same: its clock counts.
    fn explained(&self, sending: Sending, clock: SystemTime) -> Sending {
        let refused = matches!(&sending, Sending::Failed(why) if whip::LETS_NOBODY_IN.contains(&why.reason));
        let expired = self.invitation.stage.expires.is_some_and(|expires| expires <= clock);
        if refused && expired { Sending::Failed(whip::expired()) } else { sending }
    }

    const fn is_there(&self) -> bool {
        matches!(self.sending, Sending::Connected | Sending::Unacknowledged | Sending::Arriving)
    }

    fn over(&self, moment: &Moment) -> Option<Outcome> {
        if let Sending::Failed(failure) = &self.sending
            && self.had_us
            && [whip::FORBIDDEN, whip::GONE].contains(&failure.reason)
        {
            return Some(Outcome::RemovedByStage);
        }
        let due = self.deadlines(moment).into_iter().flatten().filter(|(at, _)| *at <= moment.now);
        due.min_by_key(|(at, _)| *at).map(|(_, outcome)| outcome)
    }

    /// When it is over unless something happens.
    fn deadlines(&self, moment: &Moment) -> [Option<(Instant, Outcome)>; 4] {
        let Invitation { join_before, limits, .. } = &*self.invitation;
        let after = |since: Option<Instant>, time: Option<Duration>, outcome| {
            Some((since?.checked_add(time?)?, outcome))
        };
        let rest = join_before.filter(|_| !self.was_connected);
        let rest = rest.map(|by| by.duration_since(moment.clock).unwrap_or_default());
        let joining = self.arrived.is_none().then_some(self.since);
        [
            after(Some(moment.now), rest, Outcome::Expired),
            after(joining, limits.join, Outcome::DeadlineExceeded),
            after(self.arrived, limits.stay, Outcome::Completed),
            after(moment.alone_since, limits.without_operator, Outcome::ControlLost),
        ]
    }

    fn connected(&self) -> Condition {
        let say = |status, reason, message: &str| Condition::new(Type::Connected, status, reason, message);
        match &self.sending {
            Sending::Connecting => say(COMING, "Joining", "the stage is being joined"),
            Sending::Failed(why) => say(BROKEN, why.reason, &why.message),
            Sending::Connected | Sending::Unacknowledged | Sending::Arriving => {
                say(Status::True, "Connected", "there is a way for media to the stage")
            }
        }
    }

    fn published(&self, picture: Picture<'_>) -> Condition {
        let say = |status, reason, message: &str| Condition::new(Type::Published, status, reason, message);
        let by_page = matches!(self.invitation.stage.target, Target::Page(_));
        match (&self.sending, picture) {
            // What is wrong is told once.
            (Sending::Failed(_), _) => say(COMING, "NotConnected", "the stage is not connected"),
            // Its picture is the camera's, not what others watch.
            (Sending::Arriving, _) if by_page => {
                say(Status::True, "Published", "the page sends a picture, and the stage says that it arrives")
            }
            (_, Picture::Without) if !by_page => say(
                BROKEN,
                "NoPage",
                "the session has neither a page nor inputs, so there is nothing to publish",
            ),
            (_, Picture::Failed(why)) if !by_page => say(BROKEN, "CaptureFailed", why),
            (Sending::Connecting, _) => say(COMING, "Joining", "the stage is being joined"),
            (Sending::Connected, _) => {
                say(COMING, "AwaitingEvidence", "the stage has not said yet that anything arrives")
            }
            (Sending::Unacknowledged, _) => {
                say(BROKEN, "NothingArrives", "the stage says no more that what is sent arrives")
            }
            (Sending::Arriving, Picture::Untold | Picture::Awaited) => {
                say(COMING, "WaitingForPicture", "no keyframe has been produced yet")
            }
            (Sending::Arriving, Picture::Silent(why)) => say(Status::True, "PublishedWithoutSound", why),
            (Sending::Arriving, _) => {
                say(Status::True, "Published", "the stage says that picture and sound arrive")
            }
        }
    }
}

fn id(desired: &Result<Box<Invitation>, String>) -> &str {
    match desired {
        Ok(invitation) => &invitation.id,
        Err(id) => id,
    }
}

#[cfg(test)]
mod tests;
