//! What of a report is kept. Pure. A session is a stranger's page away from saying anything: what it says is cut where it
//! arrives, to what somebody may look at, and kept for as long as its pod lives.

use crate::store::MOST_LIVESTREAMS;
use std::collections::HashSet;
use understudy_proto::v1::{
    Condition, Desired, Happening, InvitationReport, LivestreamReport, Media, Refusal, Report,
};

/// Conditions have three types today.
const MOST_CONDITIONS: usize = 16;
/// Each becomes an Event at most; the newest are kept.
const MOST_HAPPENINGS: usize = 32;
/// People mend one after the other.
const MOST_REFUSALS: usize = 32;
/// CamelCase words and names of Kubernetes objects, in bytes.
const LONGEST_NAME: usize = 253;
/// As many bytes as the id of an invitation may have.
const LONGEST_INVITATION_ID: usize = 63;
/// A status shows 512 characters, of up to four bytes.
const LONGEST_MESSAGE: usize = 2048;

/// Cuts a report of a session that was told `desired` last.
pub(super) fn bound(report: &mut Report, desired: Option<&Desired>) {
    head(&mut report.conditions, MOST_CONDITIONS);
    head(&mut report.refusals, MOST_REFUSALS);
    let surplus = report.happenings.len().saturating_sub(MOST_HAPPENINGS);
    report.happenings.drain(..surplus);
    report.happenings.shrink_to_fit();
    livestreams(&mut report.livestreams, desired);
    report.invitation.take_if(|invitation| !is_invitation_id(&invitation.id));

    report.conditions.iter_mut().for_each(condition);
    if let Some(InvitationReport { conditions, outcome, message, participant_id, .. }) =
        &mut report.invitation
    {
        head(conditions, MOST_CONDITIONS);
        conditions.iter_mut().for_each(condition);
        names([outcome, participant_id]);
        cut(message, LONGEST_MESSAGE);
    }
    for Refusal { part: _, name, field_path, reason } in &mut report.refusals {
        names([name, field_path]);
        cut(reason, LONGEST_MESSAGE);
    }
    for Happening { r#type, reason, message, .. } in &mut report.happenings {
        names([r#type, reason]);
        cut(message, LONGEST_MESSAGE);
    }
    for LivestreamReport { reason, message, .. } in &mut report.livestreams {
        names([reason]);
        cut(message, LONGEST_MESSAGE);
    }
    if let Some(Media { camera, browser_sandbox }) = &mut report.media {
        names([camera, browser_sandbox]);
    }
}

/// Whether an invitation may be called that. Another id was never told, and a status that named it would be refused as a whole.
fn is_invitation_id(id: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LONGEST_INVITATION_ID).contains(&id.len()) && id.bytes().all(known)
}

/// Each once, and of no livestream but the session's own.
fn livestreams(told: &mut Vec<LivestreamReport>, desired: Option<&Desired>) {
    let own: Option<HashSet<&str>> = desired
        .map(|desired| desired.livestreams.iter().map(|livestream| livestream.name.as_str()).collect());
    let mut seen = HashSet::new();
    told.retain(|livestream| {
        let known = match &own {
            Some(own) => own.contains(livestream.name.as_str()),
            // Of a session that was told nothing yet by this leader.
            None => livestream.name.len() <= LONGEST_NAME && seen.len() < MOST_LIVESTREAMS,
        };
        known && seen.insert(livestream.name.clone())
    });
    told.shrink_to_fit();
}

fn condition(Condition { r#type, status, reason, message, severity: _ }: &mut Condition) {
    names([r#type, status, reason]);
    cut(message, LONGEST_MESSAGE);
}

fn head<T>(list: &mut Vec<T>, most: usize) {
    list.truncate(most);
    list.shrink_to_fit();
}

fn names<const COUNT: usize>(texts: [&mut String; COUNT]) {
    for text in texts {
        cut(text, LONGEST_NAME);
    }
}

fn cut(text: &mut String, longest: usize) {
    text.truncate(text.floor_char_boundary(longest));
    text.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_proto::v1::Livestream;

    const MANY: usize = 5000;

    fn long() -> String {
        "é".repeat(20_000)
    }

    fn desired(names: &[&str]) -> Desired {
        let livestream = |name: &&str| Livestream { name: (*name).into(), ..Livestream::default() };
        Desired { livestreams: names.iter().map(livestream).collect(), ..Desired::default() }
    }

    fn of_livestreams(names: &[&str]) -> Report {
        let said = |name: &&str| LivestreamReport { name: (*name).into(), ..LivestreamReport::default() };
        Report { livestreams: names.iter().map(said).collect(), ..Report::default() }
    }

    fn names(report: &Report) -> Vec<&str> {
        report.livestreams.iter().map(|livestream| livestream.name.as_str()).collect()
    }

    #[test]
    fn whatever_a_session_says_is_kept_within_bounds() {
        let condition =
            Condition { r#type: long(), status: long(), reason: long(), message: long(), severity: 0 };
        let refusal = Refusal { part: 1, name: long(), field_path: long(), reason: long() };
        let happening = Happening { r#type: long(), reason: long(), message: long(), ..Happening::default() };
        let livestream = |number| LivestreamReport {
            name: format!("live-{number}"),
            reason: long(),
            message: long(),
            ..LivestreamReport::default()
        };
        let mut report = Report {
            conditions: vec![condition.clone(); 100],
            refusals: vec![refusal; 100],
            happenings: vec![happening; 100],
            livestreams: (0..100).map(livestream).collect(),
            media: Some(Media { camera: long(), browser_sandbox: long() }),
            invitation: Some(InvitationReport { id: long(), ..InvitationReport::default() }),
            ..Report::default()
        };
        bound(&mut report, None);
        let size = format!("{report:?}").len();
        assert!(size < 512 * 1024, "{size} bytes are kept");
        assert_eq!(report.invitation, None);
        report.invitation = Some(InvitationReport {
            id: "show-42".into(),
            conditions: vec![condition; 100],
            outcome: long(),
            message: long(),
            participant_id: long(),
            ..InvitationReport::default()
        });
        bound(&mut report, None);
        let size = format!("{report:?}").len();
        assert!(size < 640 * 1024, "{size} bytes are kept");
        assert_eq!(report.invitation.unwrap().id, "show-42");
    }

    #[test]
    fn an_invitation_is_heard_of_only_by_an_id_that_a_status_takes() {
        for (id, is_kept) in [
            ("show-42".to_owned(), true),
            ("Show_42.b-7".to_owned(), true),
            ("x".repeat(63), true),
            ("x".repeat(64), false),
            (String::new(), false),
            ("show 42".to_owned(), false),
            ("show/42".to_owned(), false),
            ("é".to_owned(), false),
        ] {
            let invitation = Some(InvitationReport { id: id.clone(), ..InvitationReport::default() });
            let mut report = Report { invitation, ..Report::default() };
            bound(&mut report, None);
            assert_eq!(report.invitation.is_some(), is_kept, "{id:?}");
        }
    }

    #[test]
    fn an_ordinary_report_is_kept_as_it_is() {
        let report = Report {
            conditions: vec![Condition {
                r#type: "PageReady".into(),
                message: "é".repeat(512),
                ..Condition::default()
            }],
            ..of_livestreams(&["a", "b"])
        };
        let mut kept = report.clone();
        bound(&mut kept, Some(&desired(&["b", "a"])));
        assert_eq!(kept, report);
    }

    #[test]
    fn a_session_speaks_of_the_livestreams_that_it_was_told_of_and_of_no_other() {
        let mut report = of_livestreams(&["own", "somebody-elses", "own"]);
        bound(&mut report, Some(&desired(&["own", "other"])));
        assert_eq!(names(&report), ["own"]);
    }

    #[test]
    fn of_many_happenings_the_newest_are_kept() {
        let happening = |sequence| Happening { sequence, ..Happening::default() };
        let mut report =
            Report { happenings: (1..=MANY as u64).map(happening).collect(), ..Report::default() };
        bound(&mut report, None);
        assert_eq!(report.happenings.last().unwrap().sequence, MANY as u64);
        assert_eq!(report.happenings.len(), MOST_HAPPENINGS);
    }
}
