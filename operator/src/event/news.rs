//! What is worth an Event: which conditions came to fail or recovered, and what a session tells of itself. Pure.

use crate::condition::{Said, Verdict, shorten};
use crate::event::happenings::{cause, when};
use jiff::Timestamp;
use understudy_crds::v1alpha1::LastSession;
use understudy_proto::v1::Happening;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Tells the same thing apart from another; the same again is counted.
    pub cause: String,
    /// Normal or Warning.
    pub severity: &'static str,
    /// CamelCase.
    pub reason: String,
    /// For people.
    pub note: String,
    /// When it was so.
    pub at: Timestamp,
    /// Whether it is remembered, so as to be counted.
    pub recurs: Recurs,
}

/// Whether the same thing can be the case again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurs {
    /// It is counted then.
    Maybe,
    /// Its cause names what is over.
    Never,
}

/// What a session tells of itself.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Its pod.
    pub pod_uid: &'a str,
    /// Of its process.
    pub boot_id: &'a str,
    /// All that it remembers, the newest last.
    pub happenings: &'a [Happening],
}

/// A condition that fails and what its session tells of it lie no further apart.
const SAME_MOMENT: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);
/// Without those that the session tells as well: one cause is told once.
pub fn told_once(mut news: Vec<News>, session: Option<Session<'_>>) -> Vec<News> {
    let happenings = session.map_or(&[][..], |session| session.happenings);
    news.retain(|news| {
        !happenings.iter().any(|happening| {
            let near = |at: Timestamp| at.duration_since(news.at).abs() <= SAME_MOMENT;
            happening.reason == news.reason && when(happening).is_none_or(near)
        })
    });
    news
}

/// The conditions that have failed since `before`. A summary of others (Ready of a participant) is left out by `skip`.
pub fn failures(before: Said<'_>, after: Said<'_>, skip: &str) -> Vec<News> {
    let failed =
        after.conditions.iter().filter(|condition| after.fails(&condition.type_) && condition.type_ != skip);
    failed
        .filter(|condition| {
            let before = before.find(&condition.type_);
            before.is_none_or(|before| before.status != "False" || before.reason != condition.reason)
        })
        .map(|condition| News {
            cause: format!("{} {}", condition.type_, condition.reason),
            severity: "Warning",
            reason: condition.reason.clone(),
            note: condition.message.clone(),
            at: condition.last_transition_time.0,
            recurs: Recurs::Maybe,
        })
        .collect()
}

/// That a condition which had failed is true again.
pub fn recovery(before: Said<'_>, after: Said<'_>, type_: &str) -> Option<News> {
    let after = after.find(type_).filter(|after| after.status == "True" && before.fails(type_))?;
    Some(News {
        cause: format!("{type_} {}", after.reason),
        at: after.last_transition_time.0,
        severity: "Normal",
        reason: after.reason.clone(),
        note: format!("{type_} again: {}", after.message),
        recurs: Recurs::Maybe,
    })
}

/// That an invitation has come to its end: each is told once.
pub fn outcome(before: Option<&LastSession>, after: Option<&LastSession>) -> Option<News> {
    let ended = after.filter(|after| before != Some(*after))?;
    let LastSession { invitation_id, outcome, message, .. } = ended;
    let details = if message.is_empty() { String::new() } else { format!(": {message}") };
    Some(News {
        cause: format!("{outcome} {invitation_id}"),
        severity: if matches!(outcome.as_str(), "Kicked" | "Completed") { "Normal" } else { "Warning" },
        reason: outcome.clone(),
        note: shorten(&format!("invitation {invitation_id} has come to its end{details}")),
        at: ended.ended_at.0,
        recurs: Recurs::Never,
    })
}

/// That an object was written for another version.
pub fn unread(error: &str, now: Timestamp) -> News {
    News {
        cause: "Unreadable".into(),
        severity: "Warning",
        reason: "Unreadable".into(),
        note: shorten(&format!(
            "this version of the operator cannot read it and leaves it as it was; upgrade the operator or change it: {error}"
        )),
        at: now,
        recurs: Recurs::Maybe,
    }
}

pub(super) fn news_of(happening: &Happening) -> News {
    let verdict = Verdict::unknown(&happening.reason, &happening.message);
    News {
        cause: cause(happening),
        at: when(happening).unwrap_or_else(Timestamp::now),
        severity: if happening.r#type == "Warning" { "Warning" } else { "Normal" },
        reason: verdict.reason,
        note: shorten(&happening.message),
        recurs: Recurs::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{condition, failing};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    struct Page(Vec<Condition>, Vec<String>);

    impl Page {
        fn said(&self) -> Said<'_> {
            Said { conditions: &self.0, failing: &self.1 }
        }
    }

    fn page(verdict: &Verdict) -> Page {
        let printed = condition(Said::default(), "PageReady", verdict, 1, Timestamp::UNIX_EPOCH);
        Page(vec![printed], failing([("PageReady", verdict)]))
    }

    #[test]
    fn a_failure_is_told_once() {
        let (well, broken) =
            (page(&Verdict::yes("Loaded")), page(&Verdict::wrong("PageUnreachable", "no such host")));
        assert_eq!(failures(well.said(), broken.said(), "Ready")[0].reason, "PageUnreachable");
        assert!(failures(broken.said(), broken.said(), "Ready").is_empty());
        assert!(failures(broken.said(), well.said(), "Ready").is_empty());
    }

    #[test]
    fn a_recovery_is_told_once_and_only_after_a_failure() {
        let (well, broken, starting) = (
            page(&Verdict::yes("Loaded")),
            page(&Verdict::wrong("PageUnreachable", "no such host")),
            page(&Verdict::not_yet("Starting", "")),
        );
        assert_eq!(recovery(broken.said(), well.said(), "PageReady").unwrap().reason, "Loaded");
        for (before, after) in [(&well, &well), (&starting, &well), (&broken, &starting), (&well, &broken)] {
            assert_eq!(recovery(before.said(), after.said(), "PageReady"), None);
        }
    }

    #[test]
    fn what_a_session_tells_itself_is_not_told_as_a_condition_too() {
        let broken = page(&Verdict::wrong("PageLoadFailed", "no such host"));
        let news = failures(Said::default(), broken.said(), "Ready");
        let happening = |reason: &str, unix_seconds| Happening {
            sequence: 1,
            reason: reason.into(),
            unix_seconds,
            ..Happening::default()
        };
        let told = |happening: Happening| {
            let session = Session { pod_uid: "d", boot_id: "b", happenings: &[happening] };
            told_once(news.clone(), Some(session)).len()
        };
        assert_eq!(told(happening("PageLoadFailed", 0)), 0);
        assert_eq!(told(happening("PageLoadFailed", 30)), 0);
        assert_eq!(told(happening("PageLoadFailed", 3600)), 1, "another time");
        assert_eq!(told(happening("Lost", 0)), 1, "another cause");
        assert_eq!(told_once(news.clone(), None).len(), 1);
    }

    #[test]
    fn each_invitation_that_came_to_its_end_is_told_once() {
        let ended = |id: &str, outcome: &str, message: &str| -> LastSession {
            let ended = serde_json::json!({"invitationId": id, "outcome": outcome, "message": message,
                "endedAt": "2026-01-01T00:00:00Z"});
            serde_json::from_value(ended).unwrap()
        };
        let (first, second) = (ended("a", "Kicked", ""), ended("b", "Expired", "too late"));
        assert_eq!(outcome(None, None), None);
        assert_eq!(outcome(Some(&first), Some(&first)), None);
        let told = outcome(None, Some(&first)).unwrap();
        assert_eq!((told.severity, told.note.as_str()), ("Normal", "invitation a has come to its end"));
        let told = outcome(Some(&first), Some(&second)).unwrap();
        assert_eq!((told.severity, told.reason.as_str()), ("Warning", "Expired"));
        assert_eq!(told.note, "invitation b has come to its end: too late");
    }

    #[test]
    fn a_state_on_the_way_is_no_failure() {
        assert!(
            failures(Said::default(), page(&Verdict::not_yet("Starting", "")).said(), "Ready").is_empty()
        );
    }
}
