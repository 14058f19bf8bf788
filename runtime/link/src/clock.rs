//! The operator's clock and this machine's: what is desired by one is told by the other.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use understudy_proto::v1::Desired;

/// Less is what a message takes on its way, and what clocks that are kept are apart.
const ALIKE_MILLIS: i64 = 2000;

/// How far this machine's clock is before the operator's, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ahead(i64);

impl Ahead {
    /// `theirs`: what the operator's clock says now, in milliseconds since 1970; 0: it does not say.
    pub(crate) fn of(theirs: i64, now: SystemTime) -> Self {
        let own = now.duration_since(UNIX_EPOCH).as_ref().map_or(0, Duration::as_millis);
        let ahead = i64::try_from(own).unwrap_or(i64::MAX).saturating_sub(theirs);
        Self(if theirs == 0 || ahead.saturating_abs() < ALIKE_MILLIS { 0 } else { ahead })
    }

    /// Whole seconds, for whoever tells people.
    pub(crate) const fn seconds(self) -> i64 {
        self.0 / 1000
    }

    /// The same by this machine's clock.
    pub(crate) fn told(self, mut desired: Desired) -> Desired {
        let by = desired.invitation.as_mut().map(|invitation| &mut invitation.join_before_unix_seconds);
        if let Some(by) = by.filter(|by| **by != 0) {
            *by = by.saturating_add(self.seconds());
        }
        desired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_proto::v1::Invitation;

    fn told(theirs: i64, join_before: i64) -> i64 {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let invitation = Invitation { join_before_unix_seconds: join_before, ..Invitation::default() };
        let desired = Desired { invitation: Some(invitation), ..Desired::default() };
        Ahead::of(theirs, now).told(desired).invitation.unwrap().join_before_unix_seconds
    }

    #[test]
    fn a_clock_that_is_wrong_by_a_minute_is_allowed_for() {
        assert_eq!(told(999_940_000, 1_000_030), 1_000_090, "ahead of the operator's");
        assert_eq!(told(1_000_060_000, 1_000_030), 999_970, "behind it");
        assert_eq!(told(999_999_500, 1_000_030), 1_000_030, "alike");
        assert_eq!(told(0, 1_000_030), 1_000_030, "the operator does not say");
        assert_eq!(told(999_940_000, 0), 0, "at any time stays so");
    }
}
