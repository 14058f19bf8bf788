//! When media may begin to flow to a viewer whose handshake is over on our side.
//!
//! We are the DTLS server, so the last flight is ours (RFC 6347 §4.2.4), and the viewer has its keys only after it has read
//! that. Media that overtakes it on the way, or reaches a viewer whose keys are still on their way from one of its threads to
//! another, is thrown away, and nobody asks for it: its stream is not known yet. (Whoever offers to be the server itself has
//! its keys before us, and waits a little for nothing.)

use std::time::Duration;

/// A thread that is told its keys by another needs so long, however near it is.
pub const SHORTEST: Duration = Duration::from_millis(5);
/// Nobody waits longer for a picture because a flight was lost on the way.
pub const LONGEST: Duration = Duration::from_millis(250);

/// How long after our last flight media begins. From the first flight of a handshake to our last are two round trips, and
/// what both sides computed (RFC 6347 §4.2.4); one is waited.
pub fn settles_in(handshake: Duration) -> Duration {
    (handshake / 2).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_begins_a_round_trip_after_our_last_flight() {
        assert_eq!(settles_in(Duration::from_millis(80)), Duration::from_millis(40));
    }

    #[test]
    fn neither_a_near_viewer_nor_a_lost_flight_makes_it_too_short_or_too_long() {
        assert_eq!(settles_in(Duration::ZERO), SHORTEST);
        assert_eq!(settles_in(Duration::from_secs(3)), LONGEST);
    }
}
