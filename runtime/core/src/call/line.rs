//! One call, from the first ring to its end.

use std::time::{Duration, Instant};

use super::Id;
use super::end::{End, Why};
use super::message::{Candidate, Payload};
use crate::connection;

/// For how long a peer is rung.
pub const RING: Duration = Duration::from_secs(30);
/// A peer that was not there is rung again after this: it may come while it is being called.
const RING_AGAIN: Duration = Duration::from_secs(2);
/// Between what a peer is told and its answer, which a program gives.
const ANSWER: Duration = Duration::from_secs(30);
/// Whoever was told that its call is taken offers by then, as a rule.
const OFFER_IS_LATE: Duration = Duration::from_secs(5);
/// From an answer to media. Before that the connection itself has failed; this is for one that says nothing.
const CONNECT: Duration = Duration::from_secs(120);
/// Two who call each other at once, of whom neither gives way by itself.
const GLARE: Duration = Duration::from_secs(2);
/// Those that come before what they belong to. A browser has a dozen.
const EARLY: usize = 64;

/// One of the two who call each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has called, and offers.
    Origin,
    /// It was called, and answers.
    Target,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Requested,
    Acked,
    Offered,
    Answered,
    Connected,
    Hung,
}

/// One call of this peer's.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: Id,
    pub channel: String,
    pub peer: String,
    pub role: Role,
    /// How its connection stands.
    pub media: connection::State,
    /// Whether sound and picture of ours go out.
    pub audio_on: bool,
    pub video_on: bool,
    /// When it was begun here, and when media first flowed.
    pub began: Instant,
    pub connected: Option<Instant>,
    state: State,
    /// What came before the description that it belongs to.
    early: Vec<Candidate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Requested {
        until: Instant,
        again: Option<Instant>,
        yields: Option<Instant>,
        reached: bool,
    },
    /// `overdue`: it gave way because the other did not seem to, and may hear otherwise.
    Acked {
        until: Instant,
        late: Option<Instant>,
        overdue: bool,
    },
    Offered {
        until: Instant,
    },
    Answered {
        until: Instant,
    },
    Connected,
    Hung,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// From its peer.
    Heard(Payload),
    /// What was told last found nobody.
    Unsent,
    /// The offer or the answer of ours is made.
    Described(String),
    /// What the peer says of its media cannot be used.
    Unusable(String),
    Media(connection::State),
    /// Its connection is lost for good.
    Lost(String),
    /// Its peer has ended the connection; what it says of that may come later, or never.
    Closed,
    HungUp(Why),
    Passed,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Say(Payload),
    /// An offer of ours is to be made.
    Offer,
    /// The peer's offer is to be answered.
    Answer(String),
    /// The peer's answer is to be taken.
    Take(String),
    /// The peer may be reached so, too.
    Add(Candidate),
    /// Somebody who looks at the log should know that no offer has come.
    Late,
    Over(End),
}

impl Line {
    pub(super) fn origin(id: Id, channel: &str, peer: &str, now: Instant) -> (Self, Vec<Act>) {
        let state = State::Requested { until: now + RING, again: None, yields: None, reached: true };
        (Self::new((id, channel, peer), Role::Origin, state, now), vec![Act::Say(Payload::Request)])
    }

    pub(super) fn target(id: Id, channel: &str, peer: &str, now: Instant) -> (Self, Vec<Act>) {
        (Self::new((id, channel, peer), Role::Target, State::acked(now), now), vec![Act::Say(Payload::Ack)])
    }

    fn new((id, channel, peer): (Id, &str, &str), role: Role, state: State, now: Instant) -> Self {
        Self {
            id,
            channel: channel.to_owned(),
            peer: peer.to_owned(),
            role,
            media: connection::State::New,
            audio_on: true,
            video_on: true,
            began: now,
            connected: None,
            state,
            early: vec![],
        }
    }

    pub fn phase(&self) -> Phase {
        match self.state {
            State::Requested { .. } => Phase::Requested,
            State::Acked { .. } => Phase::Acked,
            State::Offered { .. } => Phase::Offered,
            State::Answered { .. } => Phase::Answered,
            State::Connected => Phase::Connected,
            State::Hung => Phase::Hung,
        }
    }

    /// Something may still come from the peer, as far as is known.
    pub(super) fn is_well(&self) -> bool {
        self.media != connection::State::Disconnected
    }

    pub fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Requested { until, again, yields, .. } => {
                [Some(until), again, yields].into_iter().flatten().min()
            }
            State::Acked { until, late, .. } => Some(late.map_or(until, |late| late.min(until))),
            State::Offered { until } | State::Answered { until } => Some(until),
            State::Connected | State::Hung => None,
        }
    }

    pub(super) fn on(&mut self, event: Event, now: Instant) -> Vec<Act> {
        if self.state == State::Hung {
            return vec![];
        }
        match event {
            Event::Heard(payload) => self.hear(payload, now),
            Event::Described(sdp) => self.described(sdp, now),
            Event::Unusable(message) => self.end(Why::Unusable, message, true),
            Event::Media(media) => self.connects(media, now),
            Event::Lost(message) => {
                self.media = connection::State::Failed;
                self.end(Why::Failed, message, true)
            }
            Event::Closed => self.end(Why::PeerHungUp, Why::PeerHungUp.message().to_owned(), false),
            Event::HungUp(why) => self.end(why, why.message().to_owned(), true),
            Event::Unsent => {
                if let State::Requested { again, reached, .. } = &mut self.state {
                    (*again, *reached) = (Some(now + RING_AGAIN), false);
                }
                vec![]
            }
            Event::Passed => self.pass(now),
        }
    }

    fn hear(&mut self, payload: Payload, now: Instant) -> Vec<Act> {
        let phase = self.phase();
        match (payload, self.role, phase) {
            (Payload::HangUp, role, phase) => {
                let is_declined = role == Role::Origin && phase == Phase::Requested;
                let why = if is_declined { Why::Declined } else { Why::PeerHungUp };
                self.end(why, why.message().to_owned(), false)
            }
            (Payload::Ack, Role::Origin, Phase::Requested) => {
                self.state = State::offering(now);
                vec![Act::Offer]
            }
            (Payload::Ack, Role::Target, Phase::Acked) if self.is_overdue() => {
                (self.role, self.state) = (Role::Origin, State::offering(now));
                vec![Act::Offer]
            }
            (Payload::Answer { sdp }, Role::Origin, Phase::Offered) => {
                self.state = State::Answered { until: now + CONNECT };
                self.with_early(Act::Take(sdp))
            }
            (Payload::Offer { sdp }, Role::Target, Phase::Acked) => {
                self.state = State::Offered { until: now + ANSWER };
                self.with_early(Act::Answer(sdp))
            }
            // The way is to be found anew, or something else is to be sent.
            (Payload::Offer { sdp }, Role::Target, Phase::Answered | Phase::Connected) => {
                vec![Act::Answer(sdp)]
            }
            (Payload::Candidate { candidate }, role, phase) => self.candidate(candidate, role, phase),
            _ => vec![],
        }
    }

    /// One belongs to the peer's description, and waits for it.
    fn candidate(&mut self, candidate: Candidate, role: Role, phase: Phase) -> Vec<Act> {
        let is_described = match role {
            Role::Origin => matches!(phase, Phase::Answered | Phase::Connected),
            Role::Target => matches!(phase, Phase::Offered | Phase::Answered | Phase::Connected),
        };
        if is_described {
            return vec![Act::Add(candidate)];
        }
        if self.early.len() < EARLY {
            self.early.push(candidate);
        }
        vec![]
    }

    fn with_early(&mut self, first: Act) -> Vec<Act> {
        let early = std::mem::take(&mut self.early);
        [first].into_iter().chain(early.into_iter().map(Act::Add)).collect()
    }

    fn described(&mut self, sdp: String, now: Instant) -> Vec<Act> {
        match (self.role, self.phase()) {
            (Role::Origin, Phase::Acked) => {
                self.state = State::Offered { until: now + ANSWER };
                vec![Act::Say(Payload::Offer { sdp })]
            }
            (Role::Target, Phase::Offered) => {
                self.state = State::Answered { until: now + CONNECT };
                vec![Act::Say(Payload::Answer { sdp })]
            }
            (Role::Target, Phase::Answered | Phase::Connected) => vec![Act::Say(Payload::Answer { sdp })],
            _ => vec![],
        }
    }

    fn connects(&mut self, media: connection::State, now: Instant) -> Vec<Act> {
        self.media = media;
        if media == connection::State::Connected && matches!(self.phase(), Phase::Offered | Phase::Answered) {
            self.state = State::Connected;
            self.connected = Some(now);
        }
        vec![]
    }

    fn pass(&mut self, now: Instant) -> Vec<Act> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match &mut self.state {
            State::Requested { until, reached, .. } if *until <= now => {
                let why = if *reached { Why::Unanswered } else { Why::Unreachable };
                self.end(why, why.message().to_owned(), true)
            }
            State::Requested { yields, .. } if is_due(*yields) => {
                let acts = self.gives_way(now);
                if let State::Acked { overdue, .. } = &mut self.state {
                    *overdue = true;
                }
                acts
            }
            State::Requested { again, reached, .. } if is_due(*again) => {
                (*again, *reached) = (None, true);
                vec![Act::Say(Payload::Request)]
            }
            State::Acked { until, .. } | State::Offered { until } | State::Answered { until }
                if *until <= now =>
            {
                self.end(Why::Stalled, Why::Stalled.message().to_owned(), true)
            }
            State::Acked { late, .. } if is_due(*late) => {
                *late = None;
                vec![Act::Late]
            }
            _ => vec![],
        }
    }

    /// Its peer calls too, on the same channel. One of the two gives way: whose name comes later, and should the other not notice,
    /// that one in a while.
    pub(super) fn glares(&mut self, me: &str, now: Instant) -> Vec<Act> {
        let State::Requested { yields, .. } = &mut self.state else { return vec![] };
        if *me > *self.peer {
            return self.gives_way(now);
        }
        yields.get_or_insert(now + GLARE);
        vec![]
    }

    fn gives_way(&mut self, now: Instant) -> Vec<Act> {
        (self.role, self.state) = (Role::Target, State::acked(now));
        vec![Act::Say(Payload::Ack)]
    }

    const fn is_overdue(&self) -> bool {
        matches!(self.state, State::Acked { overdue: true, .. })
    }

    fn end(&mut self, why: Why, message: String, tells: bool) -> Vec<Act> {
        self.state = State::Hung;
        if self.media != connection::State::Failed {
            self.media = connection::State::Closed;
        }
        let farewell = tells.then_some(Act::Say(Payload::HangUp));
        farewell.into_iter().chain([Act::Over(End { why, message })]).collect()
    }
}

impl State {
    fn acked(now: Instant) -> Self {
        Self::Acked { until: now + ANSWER, late: Some(now + OFFER_IS_LATE), overdue: false }
    }

    fn offering(now: Instant) -> Self {
        Self::Acked { until: now + ANSWER, late: None, overdue: false }
    }
}

impl Role {
    pub const fn is_origin(self) -> bool {
        matches!(self, Self::Origin)
    }
}

impl Phase {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Acked => "acked",
            Self::Offered => "offered",
            Self::Answered => "answered",
            Self::Connected => "connected",
            Self::Hung => "hung",
        }
    }
}
