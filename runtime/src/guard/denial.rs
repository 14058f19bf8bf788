//! Answers of the guard's own.

use std::fmt;

use understudy_core::guard::Bad;

use super::Refused;
use super::metrics::Outcome;

/// Why there is no answer of a server.
#[derive(Debug)]
pub(super) struct Denial {
    pub(super) outcome: Outcome,
    status: &'static str,
    /// The value of `X-Understudy-Refused`, by which programs tell it from a server's answer.
    mark: &'static str,
    text: String,
}

impl Denial {
    pub(super) fn no_answer() -> Self {
        let text = "the server hung up without an answer".to_owned();
        Self { outcome: Outcome::Unreachable, status: "502 Bad Gateway", mark: "unreachable", text }
    }
}

impl From<&Bad> for Denial {
    fn from(bad: &Bad) -> Self {
        let (status, mark) = match bad {
            Bad::Malformed(_) => ("400 Bad Request", "malformed"),
            Bad::Scheme(_) => ("403 Forbidden", "scheme"),
        };
        Self { outcome: Outcome::Malformed, status, mark, text: bad.to_string() }
    }
}

impl From<&Refused> for Denial {
    fn from(refused: &Refused) -> Self {
        let (outcome, status, mark) = match refused {
            Refused::Private { .. } => (Outcome::Refused, "403 Forbidden", "private"),
            Refused::Unresolvable { .. } => (Outcome::Unresolvable, "502 Bad Gateway", "unresolvable"),
            Refused::Unreachable { .. } => (Outcome::Unreachable, "502 Bad Gateway", "unreachable"),
            Refused::TimedOut { .. } => (Outcome::TimedOut, "504 Gateway Timeout", "timeout"),
        };
        Self { outcome, status, mark, text: refused.to_string() }
    }
}

impl fmt::Display for Denial {
    /// The whole HTTP answer. Its text names a host that anybody may have chosen: it is never taken for a page.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, mark, text, .. } = self;
        let length = text.len() + 1;
        write!(f, "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n")?;
        write!(f, "X-Content-Type-Options: nosniff\r\nX-Understudy-Refused: {mark}\r\n")?;
        write!(f, "Content-Length: {length}\r\nConnection: close\r\n\r\n{text}\n")
    }
}
