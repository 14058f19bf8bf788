//! Where a span stands: its trace and its own id. Pure.

use std::fmt;

use opentelemetry::{SpanId, TraceId};
use sha2::{Digest, Sha256};

/// `version-trace-span-flags`, and nothing after it (W3C Trace Context §3.2).
const VERSION: &str = "00";
/// The bit of the flags that says that spans are kept.
const SAMPLED: u8 = 1;
const TRACE_BYTES: usize = 16;
const SPAN_BYTES: usize = 8;

/// One span of one trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
}

impl Place {
    /// The root of an invitation's trace. It follows from who is invited and by which id, so that it is the same for each leader
    /// and each pod, and nobody has to keep it.
    pub fn of_invitation(participant_uid: &str, id: &str) -> Self {
        // Neither has a zero byte.
        let digest: [u8; 32] = Sha256::digest(format!("{participant_uid}\0{id}")).into();
        let (mut trace, mut span) = ([0; TRACE_BYTES], [0; SPAN_BYTES]);
        trace.copy_from_slice(&digest[..TRACE_BYTES]);
        span.copy_from_slice(&digest[TRACE_BYTES..TRACE_BYTES + SPAN_BYTES]);
        Self { trace: TraceId::from_bytes(trace), span: SpanId::from_bytes(span) }
    }

    /// What a `traceparent` names. None: it is empty or none, or its spans are not kept.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut words = traceparent.split('-');
        let (version, trace, span, flags) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let is_whole = words.next().is_none() && version == VERSION;
        let has_digits =
            [(trace, TRACE_BYTES), (span, SPAN_BYTES), (flags, 1)].iter().all(|(word, bytes)| {
                word.len() == bytes * 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
        if !is_whole || !has_digits || u8::from_str_radix(flags, 16).ok()? & SAMPLED == 0 {
            return None;
        }
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        (trace != TraceId::INVALID && span != SpanId::INVALID).then_some(Self { trace, span })
    }

    /// A new one below it.
    pub(crate) fn below(self) -> Self {
        Self { span: SpanId::from_bytes(rand::random()), ..self }
    }
}

/// As a `traceparent`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}-{}-{}-{SAMPLED:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_an_invitation_follows_from_who_is_invited_and_by_which_id() {
        let place = Place::of_invitation("5f2a", "show-42");
        assert_eq!(place.to_string(), "00-e427eeb638b764b03da889e13be181f9-9152a4efdc0261dd-01");
        assert_eq!(Place::of_invitation("5f2a", "show-42"), place);
        for (uid, id) in [("5f2b", "show-42"), ("5f2a", "show-43"), ("5f2", "ashow-42")] {
            let other = Place::of_invitation(uid, id);
            assert!(other.trace != place.trace && other.span != place.span, "{uid} {id}");
        }
    }

    #[test]
    fn a_traceparent_is_read_as_it_was_written_and_nothing_else_is() {
        let place = Place::of_invitation("5f2a", "show-42");
        let written = place.to_string();
        assert_eq!(Place::parse(&written), Some(place));
        let (trace, span) = (&written[3..35], &written[36..52]);
        for wrong in [
            String::new(),
            format!("01-{trace}-{span}-01"),
            format!("00-{trace}-{span}-00"),
            format!("00-{trace}-{span}-01-more"),
            format!("00-{trace}-{span}"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", &trace[1..]),
            format!("00-{trace}-+{}-01", &span[1..]),
            "ä".repeat(20),
        ] {
            assert_eq!(Place::parse(&wrong), None, "{wrong}");
        }
    }
}
