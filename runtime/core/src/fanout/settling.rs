//! When media may begin to flow to a viewer whose handshake is over on our side.
//!
//! The last flight is the DTLS server's (RFC 6347 §4.2.4). If that is us, the viewer has its keys only after it has read the
//! flight: media that overtakes it on the way is thrown away, and nobody asks for it, since its stream is not known yet. If it is
//! the viewer, it had its keys before we had ours. Either way they may still be on their way from one of its threads to another.

use std::time::Duration;

use crate::offer::DtlsRole;

/// A thread that is told its keys by another needs so long, however near it is.
pub const SHORTEST: Duration = Duration::from_millis(5);
/// Nobody waits longer for a picture because a flight was lost on the way.
pub const LONGEST: Duration = Duration::from_millis(250);

/// How long after the handshake media begins, by our part in it. As the server, from the first flight to our last are two round
/// trips, and what both sides computed; one is waited.
pub fn settles_in(role: DtlsRole, handshake: Duration) -> Duration {
    match role {
        DtlsRole::Server => (handshake / 2).clamp(SHORTEST, LONGEST),
        DtlsRole::Client => SHORTEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_begins_a_round_trip_after_our_last_flight() {
        assert_eq!(settles_in(DtlsRole::Server, Duration::from_millis(80)), Duration::from_millis(40));
    }

    #[test]
    fn neither_a_near_viewer_nor_a_lost_flight_makes_it_too_short_or_too_long() {
        assert_eq!(settles_in(DtlsRole::Server, Duration::ZERO), SHORTEST);
        assert_eq!(settles_in(DtlsRole::Server, Duration::from_secs(3)), LONGEST);
    }

    #[test]
    fn a_viewer_whose_flight_was_the_last_has_its_keys_already() {
        assert_eq!(settles_in(DtlsRole::Client, Duration::from_millis(80)), SHORTEST);
        assert_eq!(settles_in(DtlsRole::Client, Duration::from_secs(3)), SHORTEST);
    }
}
