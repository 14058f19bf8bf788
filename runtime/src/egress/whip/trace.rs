//! The spans of an attempt to publish: `join`, until the server says that something arrives, and below it its legs, one after the
//! other; then `leave`. Without a place in a trace there are none.
//!
//! ```text
//!   join   whip.offer ── answered ──> ice+dtls ── up ──> first frame sent ──> published ── the first evidence ──> arrived
//! ```

use std::time::SystemTime;

use understudy_core::whip::Failure;
use understudy_trace::{Place, Span};

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leg {
    /// The server is asked.
    Offer,
    /// A way for media is sought.
    Way,
    /// Its first picture is made, or waited for.
    FirstFrame,
    /// The server is to say that it arrives.
    Evidence,
}

/// The spans of one that goes on.
pub(super) struct Attempt {
    below: Option<Place>,
    joining: Option<Joining>,
}

struct Joining {
    join: Span,
    leg: Leg,
    span: Span,
    status: Option<u16>,
}

impl Attempt {
    /// `host`: of the server's URL, which is all of it that is told.
    pub fn begin(below: Option<Place>, host: &str) -> Self {
        let joining = below.map(|below| {
            let join = Span::begin(below, "join").with("host", host.to_owned());
            let offer =
                Span::begin(join.place(), Leg::Offer.name()).of_client().with("host", host.to_owned());
            Joining { join, leg: Leg::Offer, span: offer, status: None }
        });
        Self { below, joining }
    }

    /// The offer was, with that status.
    pub fn answered(&mut self, status: Option<u16>) {
        if let Some(joining) = &mut self.joining {
            joining.status = status;
        }
    }

    /// Another leg begins, unless it is behind. Those between took no time that anybody has seen.
    pub fn reaches(&mut self, leg: Leg) {
        for leg in Leg::ALL.into_iter().filter(|next| *next <= leg) {
            if let Some(joining) = self.joining.take_if(|joining| joining.leg < leg) {
                self.joining = Some(joining.goes_on(leg));
            }
        }
    }

    /// It has been joined.
    pub fn arrives(&mut self) {
        if let Some(joining) = self.joining.take() {
            joining.end(Outcome::Published);
        }
    }

    /// It is over: joined or not, failed or ended from here.
    pub fn over(&mut self, failure: Option<&Failure>) {
        if let Some(joining) = self.joining.take() {
            joining.end(failure.map_or(Outcome::Ended, |failure| Outcome::Failed(failure.reason())));
        }
    }

    /// What it had begun on the server is ended by this; `failure`: why, if it was not ended from here.
    pub async fn leave(self, failure: Option<&Failure>, ending: impl Future<Output = ()>) {
        let leave = self.below.map(|below| Span::begin(below, "leave"));
        ending.await;
        match (leave, failure) {
            (Some(leave), Some(failure)) => leave.fail(failure.reason()),
            (Some(leave), None) => leave.end(),
            (None, _) => {}
        }
    }
}

/// What came of joining.
#[derive(Clone, Copy)]
enum Outcome {
    Published,
    Failed(&'static str),
    /// It was ended from here.
    Ended,
}

impl Joining {
    fn goes_on(self, leg: Leg) -> Self {
        let (now, Self { join, span, status, .. }) = (SystemTime::now(), self);
        with_status(span, status).end_at(now);
        Self { leg, span: Span::since(now, join.place(), leg.name()), join, status: None }
    }

    fn end(self, outcome: Outcome) {
        let (now, span) = (SystemTime::now(), with_status(self.span, self.status));
        let join = self.join.with("published", matches!(outcome, Outcome::Published));
        for span in [span, join] {
            match outcome {
                Outcome::Published | Outcome::Ended => span.end_at(now),
                Outcome::Failed(reason) => span.fail_at(now, reason),
            }
        }
    }
}

impl Leg {
    const ALL: [Self; 4] = [Self::Offer, Self::Way, Self::FirstFrame, Self::Evidence];

    const fn name(self) -> &'static str {
        match self {
            Self::Offer => "whip.offer",
            Self::Way => "ice+dtls",
            Self::FirstFrame => "first frame sent",
            Self::Evidence => "published",
        }
    }
}

fn with_status(span: Span, status: Option<u16>) -> Span {
    match status {
        Some(status) => span.with("status", i64::from(status)),
        None => span,
    }
}
