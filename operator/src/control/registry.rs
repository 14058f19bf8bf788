//! Who is linked, what each session last said, and what it was last told. One entry a pod; a new stream of a pod takes
//! the place of an older one.

use crate::control::identity::Known;
use crate::store::Triggers;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use understudy_proto::v1::{AccessTokens, Desired, Invitation, Livestream, Part, Report, SessionSpec};

/// All sessions that have been linked to this leader.
#[derive(Clone)]
pub struct Registry {
    sessions: Arc<Mutex<HashMap<String, Session>>>,
    triggers: Triggers,
    term: u64,
}

/// What a session is to be, without the numbers that the registry adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// The session.
    pub session: SessionSpec,
    /// Its ways out.
    pub livestreams: Vec<Livestream>,
    /// Who is let in; `None`: as before.
    pub access: Option<AccessTokens>,
    /// The stage to be on.
    pub invitation: Option<Invitation>,
}

/// What is known of one session, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Whether the stream is there, and else since when not.
    pub link: LinkState,
    /// Of the runtime's process.
    pub boot_id: String,
    /// The last report of this boot.
    pub report: Option<Report>,
    /// Of the newest Desired; 0 before the first.
    pub generation: u64,
    /// Since when an answer to it can be waited for.
    pub asked: Option<Instant>,
    /// What the runtime announced to be able to do.
    pub capabilities: Arc<[String]>,
}

/// Whether a session's stream is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// Reports arrive.
    #[default]
    Up,
    /// The stream ended.
    Down {
        /// When it did.
        since: Instant,
    },
}

impl Facts {
    /// What the session said about what it was told last. A report that was made before counts for nothing.
    pub fn answer(&self) -> Option<&Report> {
        self.report
            .as_ref()
            .filter(|report| self.generation > 0 && report.observed_generation == self.generation)
    }
}

struct Session {
    known: Known,
    facts: Facts,
    wish: Option<Wish>,
    desired: watch::Sender<Option<Desired>>,
    /// Tells the streams of one pod apart.
    stream: u64,
}

/// One stream's place in the registry; giving it up takes the stream off the list.
pub(super) struct Seat {
    registry: Registry,
    uid: String,
    stream: u64,
    /// What to send down. Closed when a newer stream of the pod takes over.
    pub(super) desired: watch::Receiver<Option<Desired>>,
}

impl Registry {
    /// `term` is this leader's.
    pub fn new(triggers: Triggers, term: u64) -> Self {
        Self { sessions: Arc::default(), triggers, term }
    }

    /// What is known of the pod; `None` if it was never linked to this leader.
    pub fn facts(&self, pod_uid: &str) -> Option<Facts> {
        self.sessions.lock().get(pod_uid).map(|session| session.facts.clone())
    }

    /// Tells the session what it is to be, if that is news. One that was never linked is told nothing.
    pub fn wish(&self, pod_uid: &str, wish: &Wish) {
        let mut sessions = self.sessions.lock();
        let Some(session) = sessions.get_mut(pod_uid) else { return };
        let mut wish = wish.clone();
        // A later stream, of a process that began anew, is let hear them too.
        wish.access = wish.access.or_else(|| session.wish.as_ref()?.access.clone());
        if session.wish.as_ref() == Some(&wish) {
            return;
        }
        session.wish = Some(wish.clone());
        session.facts.generation = next_generation(session.facts.generation, self.term);
        session.facts.asked = Some(Instant::now());
        let Wish { session: spec, livestreams, access, invitation } = wish;
        session.desired.send_replace(Some(Desired {
            generation: session.facts.generation,
            leader_term: self.term,
            session: Some(spec),
            livestreams,
            drain: false,
            access,
            invitation,
        }));
    }

    /// Whether the session was told last that the livestream is to be as it is described here.
    pub fn knows(&self, pod_uid: &str, livestream: &Livestream) -> bool {
        let sessions = self.sessions.lock();
        let wish = sessions.get(pod_uid).and_then(|session| session.wish.as_ref());
        wish.is_some_and(|wish| wish.livestreams.contains(livestream))
    }

    /// Has all sessions of an owner finish: it is gone, or going.
    pub fn drain(&self, owner_uid: &str) {
        for session in self.sessions.lock().values_mut() {
            // Told once: each Desired is answered by a report, and each report leads here again.
            let drains = session.desired.borrow().as_ref().is_some_and(|desired| desired.drain);
            if session.known.owner.uid == owner_uid && !drains {
                session.wish = None;
                session.facts.generation = next_generation(session.facts.generation, self.term);
                let (generation, leader_term) = (session.facts.generation, self.term);
                session.desired.send_modify(|desired| {
                    *desired = Some(Desired {
                        generation,
                        leader_term,
                        drain: true,
                        ..desired.take().unwrap_or_default()
                    });
                });
            }
        }
    }

    /// Forgets what no longer has a pod.
    pub fn forget(&self, pod_uid: &str) {
        self.sessions.lock().remove(pod_uid);
    }

    /// How many streams are there.
    pub fn linked(&self) -> usize {
        self.sessions.lock().values().filter(|session| session.facts.link == LinkState::Up).count()
    }

    /// A new stream. What the pod said in an earlier stream of the same boot still holds.
    pub(super) fn seat(&self, known: Known, boot_id: &str, capabilities: Vec<String>) -> Seat {
        let uid = known.pod.uid.clone();
        let mut sessions = self.sessions.lock();
        let before = sessions.remove(&uid);
        let stream = before.as_ref().map_or(0, |session| session.stream) + 1;
        let (wish, last, mut facts) = match before {
            Some(session) => (session.wish, session.desired.borrow().clone(), session.facts),
            None => Default::default(),
        };
        let (sender, desired) = watch::channel(last);
        if facts.boot_id != boot_id {
            facts = Facts { generation: facts.generation, boot_id: boot_id.into(), ..Facts::default() };
        }
        facts.link = LinkState::Up;
        facts.asked = (facts.generation > 0).then(Instant::now);
        facts.capabilities = capabilities.into();
        self.triggers.mark(&known.owner);
        sessions.insert(uid.clone(), Session { known, facts, wish, desired: sender, stream });
        Seat { registry: self.clone(), uid, stream, desired }
    }
}

impl Seat {
    /// Takes a report. False: a newer stream of the pod has taken over.
    pub(super) fn report(&self, report: Report) -> bool {
        self.update(|facts| facts.report = Some(report))
    }

    fn update(&self, change: impl FnOnce(&mut Facts)) -> bool {
        let mut sessions = self.registry.sessions.lock();
        let Some(session) = sessions.get_mut(&self.uid).filter(|session| session.stream == self.stream)
        else {
            return false;
        };
        let before = session.facts.clone();
        change(&mut session.facts);
        if session.facts != before {
            self.registry.triggers.mark(&session.known.owner);
            if let Some(report) = &session.facts.report {
                let told = report.livestreams.iter().map(|livestream| &livestream.name);
                let refused = report.refusals.iter().filter(|refusal| refusal.part() == Part::Livestream);
                for name in told.chain(refused.map(|refusal| &refusal.name)) {
                    self.registry.triggers.livestreams.mark(&session.known.pod.namespace, name);
                }
            }
        }
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.update(|facts| facts.link = LinkState::Down { since: Instant::now() });
    }
}

/// Above all generations of earlier leaders: the term is the upper half.
fn next_generation(last: u64, term: u64) -> u64 {
    last.max(term << 32) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::identity::PodRef;
    use crate::owner::{Kind, Owner};

    fn known() -> Known {
        let pod = PodRef { namespace: "demo".into(), name: "ada-1".into(), uid: "u1".into() };
        let owner = Owner {
            kind: Kind::VirtualParticipant,
            namespace: "demo".into(),
            name: "ada".into(),
            uid: "p1".into(),
        };
        Known { pod, owner }
    }

    fn wish(name: &str) -> Wish {
        Wish {
            session: SessionSpec { display_name: name.into(), ..SessionSpec::default() },
            ..Wish::default()
        }
    }

    fn registry() -> Registry {
        Registry::new(Triggers::default(), 3)
    }

    #[test]
    fn the_same_wish_is_told_once() {
        let registry = registry();
        let mut seat = registry.seat(known(), "b1", Vec::new());
        registry.wish("u1", &wish("Ada"));
        assert_eq!(seat.desired.borrow_and_update().as_ref().unwrap().generation, (3 << 32) + 1);
        registry.wish("u1", &wish("Ada"));
        assert!(!seat.desired.has_changed().unwrap());
        registry.wish("u1", &wish("Bea"));
        assert_eq!(seat.desired.borrow_and_update().as_ref().unwrap().generation, (3 << 32) + 2);
    }

    #[test]
    fn a_later_leader_counts_on_above_all_earlier_ones() {
        assert!(next_generation(0, 4) > next_generation((3 << 32) + 99, 3));
    }

    #[test]
    fn a_new_stream_shuts_out_the_older_one_of_the_same_pod() {
        let registry = registry();
        let old = registry.seat(known(), "b1", Vec::new());
        let new = registry.seat(known(), "b1", Vec::new());
        assert!(!old.report(Report::default()));
        assert!(new.report(Report::default()));
        drop(old);
        assert_eq!(registry.facts("u1").unwrap().link, LinkState::Up, "the end of the old one says nothing");
        drop(new);
        assert!(matches!(registry.facts("u1").unwrap().link, LinkState::Down { .. }));
    }

    #[test]
    fn a_report_outlives_its_stream_but_not_its_boot() {
        let registry = registry();
        registry.seat(known(), "b1", Vec::new()).report(Report::default());
        let _again = registry.seat(known(), "b1", Vec::new());
        assert!(registry.facts("u1").unwrap().report.is_some());
        let _rebooted = registry.seat(known(), "b2", Vec::new());
        assert!(registry.facts("u1").unwrap().report.is_none());
    }

    #[test]
    fn a_new_stream_is_told_what_the_older_one_was() {
        let registry = registry();
        let old = registry.seat(known(), "b1", Vec::new());
        registry.wish("u1", &wish("Ada"));
        let told = old.desired.borrow().clone();
        assert_eq!(*registry.seat(known(), "b1", Vec::new()).desired.borrow(), told);
    }

    #[test]
    fn tokens_that_cannot_be_read_any_more_go_on_being_told() {
        let registry = registry();
        let seat = registry.seat(known(), "b1", Vec::new());
        let tokens = AccessTokens { view: "v".into(), ..AccessTokens::default() };
        registry.wish("u1", &Wish { access: Some(tokens.clone()), ..wish("Ada") });
        registry.wish("u1", &wish("Bea"));
        assert_eq!(seat.desired.borrow().as_ref().unwrap().access, Some(tokens));
    }

    #[test]
    fn only_what_was_said_about_the_newest_wish_is_an_answer() {
        let registry = registry();
        let seat = registry.seat(known(), "b1", Vec::new());
        seat.report(Report::default());
        assert!(registry.facts("u1").unwrap().answer().is_none(), "nothing was asked yet");
        registry.wish("u1", &wish("Ada"));
        let generation = registry.facts("u1").unwrap().generation;
        assert!(registry.facts("u1").unwrap().answer().is_none(), "what was said before");
        seat.report(Report { observed_generation: generation, ..Report::default() });
        assert!(registry.facts("u1").unwrap().answer().is_some());
        registry.wish("u1", &wish("Bea"));
        assert!(registry.facts("u1").unwrap().answer().is_none(), "what was said of an older wish");
    }

    #[test]
    fn sessions_of_a_participant_that_is_gone_are_drained() {
        let registry = registry();
        let seat = registry.seat(known(), "b1", Vec::new());
        registry.wish("u1", &wish("Ada"));
        registry.drain("p1");
        let desired = seat.desired.borrow().clone().unwrap();
        assert!(desired.drain);
        assert_eq!(desired.session.unwrap().display_name, "Ada");
    }

    #[test]
    fn a_session_is_told_to_finish_once() {
        let registry = registry();
        let mut seat = registry.seat(known(), "b1", Vec::new());
        registry.drain("p1");
        let generation = seat.desired.borrow_and_update().as_ref().unwrap().generation;
        seat.report(Report { observed_generation: generation, ..Report::default() });
        registry.drain("p1");
        assert!(!seat.desired.has_changed().unwrap());
        assert!(registry.facts("u1").unwrap().answer().is_some());
    }
}
