//! Who is linked, what each session last said, and what it was last told. One entry a pod; a new stream of a pod takes
//! the place of an older one.

use crate::control::bounds::{LONGEST_NAME, bound};
use crate::control::identity::{Known, PodRef};
use crate::control::left::Left;
use crate::store::Triggers;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use understudy_proto::v1::{
    AccessTokens, Desired, Invitation, InvitationReport, InvitationState, Livestream, LivestreamReport,
    Report, SessionSpec,
};

/// All sessions that have been linked to this leader.
#[derive(Clone)]
pub struct Registry {
    sessions: Arc<Mutex<Sessions>>,
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

/// Found by pod and by owner, so that nobody who holds the lock looks at all of them.
#[derive(Default)]
struct Sessions {
    by_pod: HashMap<String, Session>,
    /// UID of an owner, to those of the pods.
    by_owner: HashMap<String, BTreeSet<String>>,
    /// How many have a stream.
    up: usize,
    left: Left,
}

struct Session {
    known: Known,
    facts: Facts,
    /// What was told last; streams share it.
    desired: watch::Sender<Option<Arc<Desired>>>,
    /// Tells the streams of one pod apart.
    stream: u64,
}

/// One stream's place in the registry; giving it up takes the stream off the list.
pub(super) struct Seat {
    registry: Registry,
    uid: String,
    stream: u64,
    /// What to send down. Closed when a newer stream of the pod takes over.
    pub(super) desired: watch::Receiver<Option<Arc<Desired>>>,
    news: News,
}

/// Of what a session said nobody was told yet.
#[derive(Debug, Default, PartialEq, Eq)]
enum News {
    #[default]
    Nothing,
    /// Of its owner, and of these of its livestreams.
    Some(BTreeSet<String>),
    /// Of its owner and of all its livestreams.
    All,
}

impl Registry {
    /// `term` is this leader's.
    pub fn new(triggers: Triggers, term: u64) -> Self {
        Self { sessions: Arc::default(), triggers, term }
    }

    /// What is known of the pod; `None` if it was never linked to this leader.
    pub fn facts(&self, pod_uid: &str) -> Option<Facts> {
        self.sessions.lock().by_pod.get(pod_uid).map(|session| session.facts.clone())
    }

    /// Tells the session what it is to be, if that is news. One that was never linked is told nothing.
    pub fn wish(&self, pod_uid: &str, wish: &Wish) {
        let mut sessions = self.sessions.lock();
        let Some(session) = sessions.by_pod.get_mut(pod_uid) else { return };
        let mut wish = wish.clone();
        // A later stream, of a process that began anew, is let hear them too.
        wish.access = wish.access.or_else(|| session.desired.borrow().as_ref()?.access.clone());
        if session.desired.borrow().as_ref().is_some_and(|desired| wish.is(desired)) {
            return;
        }
        session.facts.generation = next_generation(session.facts.generation, self.term);
        session.facts.asked = Some(Instant::now());
        let Wish { session: spec, livestreams, access, invitation } = wish;
        session.desired.send_replace(Some(Arc::new(Desired {
            generation: session.facts.generation,
            leader_term: self.term,
            session: Some(spec),
            livestreams,
            drain: false,
            access,
            invitation,
        })));
    }

    /// Whether the session was told last that the livestream is to be as it is described here.
    pub fn knows(&self, pod_uid: &str, livestream: &Livestream) -> bool {
        let sessions = self.sessions.lock();
        let Some(session) = sessions.by_pod.get(pod_uid) else { return false };
        let desired = session.desired.borrow();
        desired.as_ref().is_some_and(|desired| !desired.drain && desired.livestreams.contains(livestream))
    }

    /// Has all sessions of an owner finish: it is gone, or going. How many there are.
    pub fn drain(&self, owner_uid: &str) -> usize {
        let sessions = &mut *self.sessions.lock();
        let pods = sessions.by_owner.get(owner_uid).into_iter().flatten();
        let mut looked_at = 0;
        for pod in pods {
            looked_at += 1;
            if let Some(session) = sessions.by_pod.get_mut(pod) {
                session.drain(self.term);
            }
        }
        looked_at
    }

    /// Forgets what no longer has a pod.
    pub fn forget(&self, pod_uid: &str) {
        let mut sessions = self.sessions.lock();
        sessions.remove(pod_uid);
        sessions.left.remove(pod_uid);
    }

    /// The invitation whose stage a pod has left that was let in to finish.
    pub fn left(&self, pod_uid: &str) -> Option<String> {
        self.sessions.lock().left.get(pod_uid).map(str::to_owned)
    }

    /// A pod that is gone or going, or whose owner is, has come: it is no session any more. What it is to do.
    pub(super) fn dismiss(&self, pod: &PodRef) -> Desired {
        let before = self.sessions.lock().remove(&pod.uid);
        let last = before.map_or(0, |session| session.facts.generation);
        Desired {
            generation: next_generation(last, self.term),
            leader_term: self.term,
            drain: true,
            ..Desired::default()
        }
    }

    /// What a dismissed pod says: that it has left counts, and nothing else.
    pub(super) fn last_word(&self, pod: &PodRef, report: Report) {
        let left = report.invitation.filter(|invitation| invitation.state() == InvitationState::Left);
        let Some(InvitationReport { id, .. }) = left.filter(|left| left.id.len() <= LONGEST_NAME) else {
            return;
        };
        self.sessions.lock().left.put(&pod.uid, id);
    }

    /// How many streams are there.
    pub fn linked(&self) -> usize {
        self.sessions.lock().up
    }

    /// How many sessions had a stream, and have none now.
    pub fn lost(&self) -> usize {
        let sessions = self.sessions.lock();
        sessions.by_pod.len().saturating_sub(sessions.up)
    }

    /// A new stream. What the pod said in an earlier stream of the same boot still holds.
    pub(super) fn seat(&self, known: Known, boot_id: &str, capabilities: Vec<String>) -> Seat {
        let uid = known.pod.uid.clone();
        let mut sessions = self.sessions.lock();
        let before = sessions.remove(&uid);
        let stream = before.as_ref().map_or(0, |session| session.stream) + 1;
        let (last, mut facts) = match before {
            Some(session) => (session.desired.borrow().clone(), session.facts),
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
        sessions.insert(Session { known, facts, desired: sender, stream });
        Seat { registry: self.clone(), uid, stream, desired, news: News::Nothing }
    }
}

impl Wish {
    /// Whether that is what was told.
    fn is(&self, desired: &Desired) -> bool {
        let Self { session, livestreams, access, invitation } = self;
        !desired.drain
            && desired.session.as_ref() == Some(session)
            && desired.livestreams == *livestreams
            && desired.access == *access
            && desired.invitation == *invitation
    }
}

impl Sessions {
    fn insert(&mut self, session: Session) {
        let (pod, owner) = (session.known.pod.uid.clone(), session.known.owner.uid.clone());
        self.up += usize::from(session.facts.link == LinkState::Up);
        self.by_owner.entry(owner).or_default().insert(pod.clone());
        self.by_pod.insert(pod, session);
    }

    fn remove(&mut self, pod_uid: &str) -> Option<Session> {
        let session = self.by_pod.remove(pod_uid)?;
        self.up -= usize::from(session.facts.link == LinkState::Up);
        let owner = &session.known.owner.uid;
        if let Some(pods) = self.by_owner.get_mut(owner) {
            pods.remove(pod_uid);
            if pods.is_empty() {
                self.by_owner.remove(owner);
            }
        }
        Some(session)
    }
}

impl Session {
    /// Told once: each Desired is answered by a report, and each report leads here again.
    fn drain(&mut self, term: u64) {
        if self.desired.borrow().as_ref().is_some_and(|desired| desired.drain) {
            return;
        }
        let (generation, leader_term) = (next_generation(self.facts.generation, term), term);
        self.facts.generation = generation;
        self.desired.send_modify(|desired| {
            let before = desired.as_deref().cloned().unwrap_or_default();
            *desired = Some(Arc::new(Desired { generation, leader_term, drain: true, ..before }));
        });
    }
}

impl Seat {
    /// Takes a report; [`Self::tell`] has it looked at. Whether it says anything new; `None`: a newer stream of the pod has
    /// taken over.
    pub(super) fn report(&mut self, mut report: Report) -> Option<bool> {
        let mut sessions = self.registry.sessions.lock();
        let session = sessions.by_pod.get_mut(&self.uid).filter(|session| session.stream == self.stream)?;
        bound(&mut report, session.desired.borrow().as_deref());
        let news = News::between(session.facts.report.as_ref(), &report);
        session.facts.report = Some(report);
        drop(sessions);
        let says = news != News::Nothing;
        self.news.add(news);
        Some(says)
    }

    /// Has the owner of the session, and its livestreams as far as they are told of, looked at.
    pub(super) fn tell(&mut self) {
        let sessions = self.registry.sessions.lock();
        let session = sessions.by_pod.get(&self.uid).filter(|session| session.stream == self.stream);
        if let Some(session) = session {
            self.news.mark(session, &self.registry.triggers);
        }
        self.news = News::Nothing;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let sessions = &mut *self.registry.sessions.lock();
        let session = sessions.by_pod.get_mut(&self.uid).filter(|session| session.stream == self.stream);
        if let Some(session) = session {
            session.facts.link = LinkState::Down { since: Instant::now() };
            sessions.up -= 1;
            News::All.mark(session, &self.registry.triggers);
        }
    }
}

impl News {
    /// What a report says that the one before did not. Livestreams look at what is said of them and of the session, and not
    /// at what happened or at one another.
    fn between(before: Option<&Report>, after: &Report) -> Self {
        let Some(before) = before else { return Self::All };
        if before == after {
            return Self::Nothing;
        }
        if rest(before) != rest(after) {
            return Self::All;
        }
        let (before, after) = (by_name(before), by_name(after));
        let new = after.iter().filter(|(name, said)| before.get(*name) != Some(*said));
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        Self::Some(new.chain(gone).map(|(name, _)| (*name).to_owned()).collect())
    }

    fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (_, Self::Nothing) | (Self::All, _) => {}
            (Self::Some(names), Self::Some(more)) => names.extend(more),
            (before, more) => *before = more,
        }
    }

    /// A session that was told of no livestream has none looked at.
    fn mark(&self, session: &Session, triggers: &Triggers) {
        let desired = session.desired.borrow();
        let own = desired.iter().flat_map(|desired| &desired.livestreams).map(|livestream| &livestream.name);
        let namespace = &session.known.pod.namespace;
        match self {
            Self::Nothing => return,
            Self::Some(names) => own
                .filter(|name| names.contains(*name))
                .for_each(|name| triggers.livestreams.mark(namespace, name)),
            Self::All => own.for_each(|name| triggers.livestreams.mark(namespace, name)),
        }
        triggers.mark(&session.known.owner);
    }
}

/// All of a report but what livestreams look at by themselves, or not at all.
fn rest(report: &Report) -> impl PartialEq + '_ {
    let Report {
        observed_generation,
        conditions,
        media,
        ports,
        refusals,
        invitation,
        livestreams: _,
        happenings: _,
    } = report;
    (observed_generation, conditions, media, ports, refusals, invitation)
}

fn by_name(report: &Report) -> HashMap<&str, &LivestreamReport> {
    report.livestreams.iter().map(|livestream| (livestream.name.as_str(), livestream)).collect()
}

/// Above all generations of earlier leaders: the term is the upper half.
fn next_generation(last: u64, term: u64) -> u64 {
    last.max(term << 32) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::{Kind, Owner};
    use futures::{FutureExt, StreamExt};

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
        let mut old = registry.seat(known(), "b1", Vec::new());
        let mut new = registry.seat(known(), "b1", Vec::new());
        assert_eq!(old.report(Report::default()), None);
        assert_eq!(new.report(Report::default()), Some(true));
        drop(old);
        assert_eq!(registry.facts("u1").unwrap().link, LinkState::Up, "the end of the old one says nothing");
        drop(new);
        assert!(matches!(registry.facts("u1").unwrap().link, LinkState::Down { .. }));
        assert_eq!((registry.linked(), registry.lost()), (0, 1));
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
        let mut seat = registry.seat(known(), "b1", Vec::new());
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
        assert_eq!(desired.session.as_ref().unwrap().display_name, "Ada");
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

    /// The pod and the owner of that number.
    fn numbered(number: usize) -> Known {
        let mut known = known();
        known.pod.uid = format!("u{number}");
        (known.owner.name, known.owner.uid) = (format!("ada-{number}"), format!("p{number}"));
        known
    }

    #[test]
    fn draining_and_forgetting_one_owner_after_the_other_looks_at_each_session_once() {
        const MANY: usize = 10_000;
        let registry = registry();
        let seats: Vec<Seat> =
            (0..MANY).map(|number| registry.seat(numbered(number), "b1", Vec::new())).collect();
        assert_eq!(registry.linked(), MANY);
        let looked_at: usize = (0..MANY).map(|number| registry.drain(&format!("p{number}"))).sum();
        assert_eq!(looked_at, MANY);
        assert!(seats.iter().all(|seat| seat.desired.borrow().as_ref().unwrap().drain));
        (0..MANY).for_each(|number| registry.forget(&format!("u{number}")));
        assert_eq!((registry.linked(), registry.drain("p1")), (0, 0));
        drop(seats);
        assert_eq!(registry.linked(), 0, "whoever was forgotten is not counted off again");
    }

    #[test]
    fn only_the_pods_of_an_owner_are_drained_with_it() {
        let registry = registry();
        let (mut first, mut second, other) = (numbered(1), numbered(2), numbered(3));
        (first.owner.uid, second.owner.uid) = ("p".into(), "p".into());
        let seats = [first, second, other].map(|known| registry.seat(known, "b1", Vec::new()));
        assert_eq!(registry.drain("p"), 2);
        let drained = seats.map(|seat| seat.desired.borrow().is_some());
        assert_eq!(drained, [true, true, false]);
    }

    fn of_livestreams(names: &[&str], viewers: u32) -> Report {
        let said =
            |name: &&str| LivestreamReport { name: (*name).into(), viewers, ..LivestreamReport::default() };
        Report { livestreams: names.iter().map(said).collect(), ..Report::default() }
    }

    /// Names of livestreams that were marked since this was asked last.
    fn marked(registry: &Registry) -> BTreeSet<String> {
        let mut stream = Box::pin(registry.triggers.livestreams.stream());
        std::iter::from_fn(|| stream.next().now_or_never().flatten()).map(|marked| marked.name).collect()
    }

    fn livestreams(names: &[&str]) -> Wish {
        let livestream = |name: &&str| Livestream { name: (*name).into(), ..Livestream::default() };
        Wish { livestreams: names.iter().map(livestream).collect(), ..Wish::default() }
    }

    #[test]
    fn a_session_has_its_own_livestreams_looked_at_and_no_others() {
        let registry = registry();
        let mut seat = registry.seat(known(), "b1", Vec::new());
        seat.report(of_livestreams(&["own", "other", "somebody-elses"], 0));
        seat.tell();
        assert!(marked(&registry).is_empty(), "it was told of none yet");
        registry.wish("u1", &livestreams(&["own", "other"]));
        seat.report(of_livestreams(&["own", "other", "somebody-elses"], 1));
        seat.tell();
        assert_eq!(marked(&registry), ["other", "own"].map(String::from).into());
        let mut next = of_livestreams(&["own", "other"], 1);
        next.livestreams[0].viewers = 2;
        assert_eq!(seat.report(next.clone()), Some(true));
        seat.tell();
        assert_eq!(marked(&registry), ["own"].map(String::from).into(), "only of that one there is news");
        assert_eq!(seat.report(next), Some(false));
        seat.tell();
        assert!(marked(&registry).is_empty());
    }

    #[test]
    fn what_was_not_looked_at_yet_is_looked_at_with_what_comes_later() {
        let registry = registry();
        let mut seat = registry.seat(known(), "b1", Vec::new());
        registry.wish("u1", &livestreams(&["a", "b", "c"]));
        let report = |a, b| {
            let mut report = of_livestreams(&["a", "b", "c"], 0);
            (report.livestreams[0].viewers, report.livestreams[1].viewers) = (a, b);
            report
        };
        seat.report(report(0, 0));
        seat.tell();
        marked(&registry);
        for next in [report(1, 0), report(1, 1)] {
            seat.report(next);
        }
        assert!(marked(&registry).is_empty());
        seat.tell();
        assert_eq!(marked(&registry), ["a", "b"].map(String::from).into());
    }

    #[test]
    fn a_dismissed_pod_is_no_session_and_says_nothing_but_that_it_has_left() {
        let registry = registry();
        let mut seat = registry.seat(known(), "b1", Vec::new());
        registry.wish("u1", &livestreams(&["own"]));
        let generation = registry.facts("u1").unwrap().generation;
        let mut owners = Box::pin(registry.triggers.participants.stream());
        assert!(owners.next().now_or_never().is_some());

        let desired = registry.dismiss(&known().pod);
        assert!(desired.drain && desired.generation > generation);
        assert_eq!((desired.session, desired.access, desired.invitation), (None, None, None));
        assert_eq!(seat.report(Report::default()), None, "its earlier stream is shut out");
        let says = |state| Report {
            invitation: Some(InvitationReport { id: "show-42".into(), state: state as i32 }),
            ..of_livestreams(&["own"], 1)
        };
        registry.last_word(&known().pod, says(InvitationState::Accepted));
        assert_eq!(registry.left("u1"), None);
        registry.last_word(&known().pod, says(InvitationState::Left));
        assert_eq!(registry.left("u1").as_deref(), Some("show-42"));
        assert_eq!((registry.facts("u1"), registry.linked()), (None, 0));
        drop(seat);
        assert!(marked(&registry).is_empty() && owners.next().now_or_never().is_none());
        registry.forget("u1");
        assert_eq!(registry.left("u1"), None);
    }
}
