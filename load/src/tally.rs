//! What one viewer counted. Tallies add up.

use std::ops::{Add, Sub};
use std::time::{Duration, Instant};

use serde::Serialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Of RTP, all that arrived.
    pub packets: u64,
    /// Of UDP payload in them.
    pub bytes: u64,
    /// Of a payload type that was not negotiated; in no other count.
    pub unknown: u64,
    /// Missing until now, by gaps in the sequence numbers.
    pub lost: u64,
    pub duplicates: u64,
    /// Came late without having been asked for.
    pub overtaken: u64,
    /// Came after they had been asked for.
    pub retransmitted: u64,
    /// Given to SRTP; of those, what it took for genuine. The rest are forged, broken or came twice.
    pub decrypting: u64,
    pub decrypted: u64,
    /// Whole ones, of viewers in the sample.
    pub keyframes: u64,
    pub nacks_sent: u64,
    pub packets_asked_for: u64,
    pub plis_sent: u64,
    pub reports_sent: u64,
    pub sender_reports: u64,
}

/// Shared by a viewer and whoever looks at it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub counts: Counts,
    pub moments: Moments,
}

/// When things came about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    /// The moment before the offer went out, or before the programme was asked for.
    pub asked: Option<Instant>,
    pub answered: Option<Instant>,
    /// ICE and DTLS are done.
    pub connected: Option<Instant>,
    pub first_packet: Option<Instant>,
    /// The last packet of the first whole one.
    pub keyframe: Option<Instant>,
}

impl Moments {
    /// From asking to a moment.
    pub fn until(&self, moment: impl Fn(&Self) -> Option<Instant>) -> Option<Duration> {
        Some(moment(self)?.duration_since(self.asked?))
    }
}

macro_rules! by_field {
    ($trait:ident, $method:ident, $operation:ident) => {
        impl $trait for Counts {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self {
                    packets: self.packets.$operation(other.packets),
                    bytes: self.bytes.$operation(other.bytes),
                    unknown: self.unknown.$operation(other.unknown),
                    lost: self.lost.$operation(other.lost),
                    duplicates: self.duplicates.$operation(other.duplicates),
                    overtaken: self.overtaken.$operation(other.overtaken),
                    retransmitted: self.retransmitted.$operation(other.retransmitted),
                    decrypting: self.decrypting.$operation(other.decrypting),
                    decrypted: self.decrypted.$operation(other.decrypted),
                    keyframes: self.keyframes.$operation(other.keyframes),
                    nacks_sent: self.nacks_sent.$operation(other.nacks_sent),
                    packets_asked_for: self.packets_asked_for.$operation(other.packets_asked_for),
                    plis_sent: self.plis_sent.$operation(other.plis_sent),
                    reports_sent: self.reports_sent.$operation(other.reports_sent),
                    sender_reports: self.sender_reports.$operation(other.sender_reports),
                }
            }
        }
    };
}

by_field!(Add, add, saturating_add);
// What was missing may have come since, so there can be less of it.
by_field!(Sub, sub, saturating_sub);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_of_what_came_meanwhile_and_never_below_nothing() {
        let before = Counts { packets: 10, lost: 2, ..Counts::default() };
        let after = Counts { packets: 25, lost: 1, ..Counts::default() };
        assert_eq!(after - before, Counts { packets: 15, ..Counts::default() });
        assert_eq!(before + after, Counts { packets: 35, lost: 3, ..Counts::default() });
    }
}
