//! What a WHIP server says to whoever publishes to it (RFC 9725), and when it is asked again.

mod link;
mod onward;

pub use link::ice_servers;
pub use onward::{Onward, Strayed, may_know, onward};

use std::time::Duration;

use crate::backoff;

/// What helps is that somebody changes something: asked more often, a server might lock us out.
const SELDOM: Duration = Duration::from_secs(30);
/// Whoever says when to come back is believed within these.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(300);

/// What a stage says to whom it takes no more.
pub const FORBIDDEN: &str = "StageForbidden";
pub const GONE: &str = "StageGone";
const UNAUTHORIZED: &str = "StageUnauthorized";
/// To whoever has not what lets in.
pub const LETS_NOBODY_IN: [&str; 2] = [UNAUTHORIZED, FORBIDDEN];

/// Of what lets one in.
pub fn expired() -> crate::failure::Failure {
    let message = "what lets the participant onto its stage has expired: it needs a new token".to_owned();
    crate::failure::Failure { reason: "StageTokenExpired", message }
}

/// Why nothing is published. No message has a token in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The token is the caller's to mend.
    #[error("the server does not let us publish ({status}): the token is missing, wrong or no longer valid")]
    Unauthorised { status: u16 },
    #[error("the server has nothing at this address that takes a stream ({status})")]
    NotFound { status: u16 },
    #[error("the server refuses what is offered ({status}): {said}")]
    Refused { status: u16, said: String },
    #[error("the server takes no stream now ({status})")]
    Busy { status: u16, after: Option<Duration> },
    #[error("the server failed ({status})")]
    Failed { status: u16 },
    #[error("the server redirects {0}")]
    Strayed(#[from] Strayed),
    #[error("the server's answer cannot be used: {0}")]
    Unusable(String),
    #[error("{0}")]
    Unreachable(String),
    #[error("the server cannot be trusted: {0}")]
    Untrusted(String),
    #[error("the server did not answer within {seconds} s")]
    Late { seconds: u64 },
    #[error("the server is no longer published to: {0}")]
    Lost(String),
    #[error("the server has said for {seconds} s of nothing that it arrived")]
    Unacknowledged { seconds: u64 },
    /// Ours.
    #[error("nothing can be offered: {0}")]
    Ours(String),
}

/// What a status that is no success means; `said` is what came with it.
pub fn refusal(status: u16, retry_after: Option<&str>, said: String) -> Failure {
    // Its other form is a date (RFC 9110 §10.2.3), which depends on two clocks.
    let after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    match status {
        401 | 403 => Failure::Unauthorised { status },
        404 | 410 => Failure::NotFound { status },
        409 | 429 | 503 => Failure::Busy { status, after },
        500.. => Failure::Failed { status },
        _ => Failure::Refused { status, said },
    }
}

impl Failure {
    /// Of a condition that tells of a stage.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unauthorised { status: 403 } => FORBIDDEN,
            Self::Unauthorised { .. } => UNAUTHORIZED,
            Self::NotFound { status: 410 } => GONE,
            Self::NotFound { .. } => "StageNotFound",
            Self::Refused { .. } => "StageRefused",
            Self::Busy { .. } => "StageBusy",
            Self::Failed { .. } => "StageFailed",
            Self::Strayed(_) => "StageRedirects",
            Self::Unusable(_) => "StageAnswerUnusable",
            Self::Unreachable(_) | Self::Late { .. } => "StageUnreachable",
            Self::Untrusted(_) => "StageUntrusted",
            Self::Lost(_) => "StageLost",
            Self::Unacknowledged { .. } => "StageSilent",
            Self::Ours(_) => "NothingToOffer",
        }
    }

    /// Of the server's answer, if there was one that says so.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Unauthorised { status }
            | Self::NotFound { status }
            | Self::Refused { status, .. }
            | Self::Busy { status, .. }
            | Self::Failed { status } => Some(*status),
            _ => None,
        }
    }

    /// How long to wait after that many failures in a row, of which this is the last.
    pub fn wait(&self, failures: u32) -> Duration {
        let usual = backoff::after(failures);
        match self {
            Self::Unauthorised { .. } | Self::Refused { .. } | Self::Strayed(_) => SELDOM,
            Self::Busy { after: Some(after), .. } => (*after).clamp(SOONEST, LATEST).max(usual),
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16) -> Failure {
        refusal(status, None, "no H.264".to_owned())
    }

    #[test]
    fn a_status_says_whose_fault_it_is() {
        for status in [401, 403] {
            assert_eq!(of(status), Failure::Unauthorised { status });
        }
        assert_eq!(of(404), Failure::NotFound { status: 404 });
        for status in [400, 406, 415, 422] {
            assert!(of(status).to_string().ends_with("no H.264"), "{status}");
        }
        for status in [409, 503] {
            assert_eq!(of(status), Failure::Busy { status, after: None });
        }
        for status in [500, 502, 504] {
            assert_eq!(of(status), Failure::Failed { status });
        }
    }

    #[test]
    fn what_waiting_does_not_mend_is_tried_seldom_and_what_it_may_mend_soon() {
        assert_eq!(of(401).wait(1), SELDOM);
        assert_eq!(of(422).wait(1), SELDOM);
        for soon in [of(404), of(500), of(503), Failure::Unreachable("no route".into())] {
            assert_eq!(soon.wait(1), backoff::after(1), "{soon}");
            assert_eq!(soon.wait(5), backoff::after(5), "{soon}");
        }
    }

    #[test]
    fn a_server_that_says_when_is_asked_then_and_not_before_or_never() {
        for (said, waits) in [("7", 7), (" 90 ", 90), ("0", 1), ("999999", 300)] {
            let busy = refusal(503, Some(said), String::new());
            assert_eq!(busy.wait(1).as_secs(), waits, "{said}");
        }
        assert_eq!(
            refusal(409, Some("Mon, 01 Jan 2035 00:00:00 GMT"), String::new()).wait(1),
            of(409).wait(1)
        );
        assert_eq!(refusal(503, Some("1"), String::new()).wait(9), backoff::after(9));
    }
}
