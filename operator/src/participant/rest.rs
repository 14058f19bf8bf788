//! Whether anybody has a use for a participant, and since when nobody has: then it needs no pod. Pure.
//!
//! ```text
//!             nobody has a use for it          the limit is over
//!     Wanted ──────────────────────> Counted ──────────────────> Resting (no pod)
//!       ^ ^                             │                            │
//!       │ └── an invitation, a livestream, or the limit is taken away ──┤
//!       └──── (another page or input begins Counted anew) ───────────┘
//! ```
//!
//! It is counted from when it was Ready for the first time: what cannot start is no less broken for being used by nobody.
//!
//! It is remembered in the status, so that an operator that takes over does not begin anew; who rests goes on resting, whatever its
//! clock says.

use crate::condition::whole_seconds;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sha2::{Digest, Sha256};
use std::time::Duration;
use understudy_crds::v1alpha1::{
    Limits, RestReason, RestStatus, VirtualParticipantSpec, VirtualParticipantStatus,
};

/// Of what is asked for.
const DIGEST_BYTES: usize = 8;

/// All that is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What it is to be.
    pub spec: &'a VirtualParticipantSpec,
    /// What it is, as far as is known.
    pub status: Option<&'a VirtualParticipantStatus>,
    /// Whether there are livestreams of it.
    pub has_livestreams: bool,
    /// Now.
    pub now: Timestamp,
}

/// Whether somebody has a use for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Somebody has, or it is not counted.
    Wanted,
    /// Nobody has, and its pod is kept for now.
    Counted {
        /// Since when.
        since: Timestamp,
        /// Until when it is kept.
        until: Timestamp,
    },
    /// Nobody has, and it needs no pod.
    Resting {
        /// Since when nobody has.
        since: Timestamp,
        /// Which limit was over.
        reason: RestReason,
    },
}

impl Rest {
    /// How long it stays so, if nothing happens; none: as long as nothing does.
    pub fn changes_in(&self, now: Timestamp) -> Option<Duration> {
        let Self::Counted { until, .. } = self else { return None };
        Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
    }
}

/// The decision.
pub fn rest(known: &Known<'_>) -> Rest {
    let limits = known.limits();
    if limits.is_empty() || known.is_used() {
        return Rest::Wanted;
    }
    let before = known.before();
    if before.is_none() && !known.has_been_ready() {
        return Rest::Wanted;
    }
    let since = before.map_or_else(|| whole_seconds(known.now), |before| before.since.0);
    if let Some(reason) = before.and_then(|before| before.reason)
        && limits.iter().any(|(counted, _)| *counted == reason)
    {
        return Rest::Resting { since, reason };
    }
    let ends = limits
        .iter()
        .map(|(reason, limit)| (since.saturating_add(*limit).unwrap_or(Timestamp::MAX), *reason));
    match ends.min_by_key(|(until, _)| *until) {
        None => Rest::Wanted,
        Some((until, reason)) if until <= known.now => Rest::Resting { since, reason },
        Some((until, _)) => Rest::Counted { since, until },
    }
}

/// As it is to stand in the status.
pub fn remembered(known: &Known<'_>) -> Option<RestStatus> {
    let (since, reason) = match rest(known) {
        Rest::Wanted => return None,
        Rest::Counted { since, .. } => (since, None),
        Rest::Resting { since, reason } => (since, Some(reason)),
    };
    Some(RestStatus { since: Time(since), demand_digest: known.digest(), reason })
}

impl Known<'_> {
    /// An invitation that is carried out, or asked for, or a livestream.
    fn is_used(&self) -> bool {
        let carried_out = self.status.is_some_and(|status| status.session.is_some());
        carried_out || self.is_asked() || self.has_livestreams
    }

    /// One that has come to its end asks for nothing, and one that comes too late does not either.
    fn is_asked(&self) -> bool {
        let settled = |id: &str| {
            let all = self.status.iter().flat_map(|status| &status.settled_invitations);
            all.into_iter().any(|settled| settled.id == id)
        };
        let invitation = self.spec.invitation.as_ref();
        invitation.is_some_and(|invitation| !settled(&invitation.id) && self.now < invitation.join_before.0)
    }

    /// Since it last got a pod for somebody.
    fn has_been_ready(&self) -> bool {
        self.status.is_some_and(|status| status.ready_generation.is_some())
    }

    /// What is remembered of what is asked for now.
    fn before(&self) -> Option<&RestStatus> {
        self.status?.rest.as_ref().filter(|rest| rest.demand_digest == self.digest())
    }

    /// Those that count now.
    fn limits(&self) -> Vec<(RestReason, SignedDuration)> {
        let Limits { idle_timeout_seconds, ttl_after_finished_seconds, .. } =
            self.spec.limits.clone().unwrap_or_default();
        let has_finished = self.status.is_some_and(|status| status.last_session.is_some());
        let finished = ttl_after_finished_seconds.filter(|_seconds| has_finished);
        let all = [(RestReason::Finished, finished), (RestReason::Idle, idle_timeout_seconds)];
        let counted = all.into_iter().filter_map(|(reason, seconds)| Some((reason, seconds?)));
        counted.map(|(reason, seconds)| (reason, SignedDuration::from_secs(seconds.into()))).collect()
    }

    /// Names what is asked for: what a session shows, and is given.
    fn digest(&self) -> String {
        let asked = serde_json::json!([self.spec.page, self.spec.inputs]).to_string();
        Sha256::digest(asked).iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn spec(limits: &Value) -> VirtualParticipantSpec {
        serde_json::from_value(json!({"limits": limits, "page": {"url": "understudy:mirror"}})).unwrap()
    }

    fn invited(spec: VirtualParticipantSpec, join_before: &str) -> VirtualParticipantSpec {
        let invitation =
            json!({"id": "a", "joinBefore": join_before, "stage": {"whip": {"url": "https://a/"}}});
        VirtualParticipantSpec { invitation: serde_json::from_value(invitation).unwrap(), ..spec }
    }

    fn known<'a>(
        spec: &'a VirtualParticipantSpec,
        status: &'a VirtualParticipantStatus,
        now: i64,
    ) -> Known<'a> {
        Known { spec, status: Some(status), has_livestreams: false, now: at(now) }
    }

    /// What is remembered after a look at that time.
    fn looked(
        spec: &VirtualParticipantSpec,
        status: &VirtualParticipantStatus,
        now: i64,
    ) -> VirtualParticipantStatus {
        VirtualParticipantStatus { rest: remembered(&known(spec, status, now)), ..status.clone() }
    }

    fn status(value: Value) -> VirtualParticipantStatus {
        serde_json::from_value(value).unwrap()
    }

    fn once_ready() -> VirtualParticipantStatus {
        status(json!({"readyGeneration": 1}))
    }

    fn finished() -> VirtualParticipantStatus {
        status(json!({
            "readyGeneration": 1,
            "lastSession": {"invitationId": "a", "outcome": "Kicked", "message": "", "endedAt": "1970-01-01T00:16:40Z"},
            "settledInvitations": [{"id": "a", "outcome": "Kicked", "at": "1970-01-01T00:16:40Z"}]
        }))
    }

    #[test]
    fn who_has_no_limit_is_not_counted() {
        assert_eq!(rest(&known(&spec(&json!({})), &finished(), 9999)), Rest::Wanted);
        let only_finished = spec(&json!({"ttlAfterFinishedSeconds": 1}));
        assert_eq!(looked(&only_finished, &once_ready(), 1000).rest, None, "nothing has ended");
    }

    #[test]
    fn it_is_counted_from_when_it_was_first_seen_so_and_rests_once_the_limit_is_over() {
        let spec = spec(&json!({"idleTimeoutSeconds": 60}));
        let first = looked(&spec, &once_ready(), 1000);
        let counted = rest(&known(&spec, &first, 1059));
        assert_eq!(counted, Rest::Counted { since: at(1000), until: at(1060) });
        assert_eq!(counted.changes_in(at(1059)), Some(Duration::from_secs(1)));
        assert_eq!(looked(&spec, &first, 1030), first, "nothing new is remembered meanwhile");
        let resting = Rest::Resting { since: at(1000), reason: RestReason::Idle };
        assert_eq!(rest(&known(&spec, &first, 1060)), resting);
        let rests = looked(&spec, &first, 1060);
        assert_eq!(rest(&known(&spec, &rests, 900)), resting, "whatever another clock says");
    }

    #[test]
    fn the_limit_that_is_over_first_says_why() {
        for (idle, finished_after, expected) in [(60, 30, RestReason::Finished), (30, 60, RestReason::Idle)] {
            let spec = spec(&json!({"idleTimeoutSeconds": idle, "ttlAfterFinishedSeconds": finished_after}));
            let ended = looked(&spec, &finished(), 1000);
            assert_eq!(
                rest(&known(&spec, &ended, 1030)),
                Rest::Resting { since: at(1000), reason: expected }
            );
        }
    }

    #[test]
    fn whoever_has_a_use_for_it_brings_it_back() {
        let limited = spec(&json!({"ttlAfterFinishedSeconds": 30}));
        let resting = looked(&limited, &looked(&limited, &finished(), 1000), 1030);
        assert!(matches!(rest(&known(&limited, &resting, 2000)), Rest::Resting { .. }));
        let by_livestream = Known { has_livestreams: true, ..known(&limited, &resting, 2000) };
        let forever = spec(&json!({}));
        let again =
            |status: Value| VirtualParticipantStatus { rest: resting.rest.clone(), ..self::status(status) };
        let (open, busy) = (
            again(json!({})),
            again(json!({"session": {"invitationId": "b", "invitedAt": "1970-01-01T00:16:40Z"}})),
        );
        let in_time = invited(limited.clone(), "2100-01-01T00:00:00Z");
        for known in [
            by_livestream,
            known(&forever, &resting, 2000),
            known(&in_time, &open, 2000),
            known(&limited, &busy, 2000),
        ] {
            assert_eq!((rest(&known), remembered(&known)), (Rest::Wanted, None));
        }
        let late = invited(limited.clone(), "1970-01-01T00:00:00Z");
        for spec in [&late, &in_time] {
            assert!(
                matches!(rest(&known(spec, &resting, 2000)), Rest::Resting { .. }),
                "it ended, or is too late"
            );
        }
    }

    #[test]
    fn another_page_begins_anew_and_another_name_does_not() {
        let limited = spec(&json!({"idleTimeoutSeconds": 60}));
        let resting = looked(&limited, &looked(&limited, &once_ready(), 1000), 1060);
        let renamed = VirtualParticipantSpec { display_name: Some("Ada".into()), ..limited.clone() };
        assert!(matches!(rest(&known(&renamed, &resting, 2000)), Rest::Resting { .. }));
        let without_page = VirtualParticipantSpec { page: None, ..limited };
        let expected = Rest::Counted { since: at(2000), until: at(2060) };
        assert_eq!(rest(&known(&without_page, &resting, 2000)), expected);
    }

    #[test]
    fn one_that_was_never_ready_does_not_rest_however_long_it_takes() {
        let spec = spec(&json!({"idleTimeoutSeconds": 60, "ttlAfterFinishedSeconds": 60}));
        for never in [status(json!({})), VirtualParticipantStatus { ready_generation: None, ..finished() }] {
            assert_eq!(rest(&known(&spec, &never, 1000)), Rest::Wanted);
            assert_eq!(looked(&spec, &looked(&spec, &never, 1000), 9999).rest, None, "nothing is counted");
        }
        let first = looked(&spec, &once_ready(), 5000);
        assert_eq!(rest(&known(&spec, &first, 5059)), Rest::Counted { since: at(5000), until: at(5060) });
        // What rests has no such pod any more, and goes on resting.
        let rests = looked(&spec, &first, 5060);
        let rests = VirtualParticipantStatus { ready_generation: None, ..rests };
        assert!(matches!(rest(&known(&spec, &rests, 6000)), Rest::Resting { .. }));
        let without_page = VirtualParticipantSpec { page: None, ..spec };
        assert_eq!(
            rest(&known(&without_page, &rests, 6000)),
            Rest::Wanted,
            "the next page has to be ready first"
        );
    }
}
