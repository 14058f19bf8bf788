//! Who is linked, what each session last said, and what it was last told. One entry a pod; a new stream of a pod takes
//! the place of an older one.

mod news;
#[cfg(test)]
mod tests;

use crate::control::bounds::bound;
use crate::control::identity::{Known, PodRef};
use crate::control::left::Left;
use crate::control::registry::news::News;
use crate::owner::Owner;
use crate::store::Triggers;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;
use understudy_proto::v1::{
    AccessTokens, Desired, Invitation, InvitationReport, InvitationState, Livestream, Origin, Report,
    SessionSpec,
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

impl Registry {
    /// `term` is this leader's.
    pub fn new(triggers: Triggers, term: u64) -> Self {
        Self { sessions: Arc::default(), triggers, term }
    }

    /// What is known of the pod; `None` if it was never linked to this leader.
    pub fn facts(&self, pod_uid: &str) -> Option<Facts> {
        self.sessions.lock().by_pod.get(pod_uid).map(|session| session.facts.clone())
    }

    /// Tells the session what it is to be, if that is news. One that was never linked is told nothing, and neither is one that is
    /// not wanted any more: nobody has it finish between `is_wanted` and the telling.
    pub fn wish(&self, pod_uid: &str, wish: &Wish, is_wanted: impl FnOnce() -> bool) {
        let mut sessions = self.sessions.lock();
        let Some(session) = sessions.by_pod.get_mut(pod_uid).filter(|_session| is_wanted()) else { return };
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

    /// The invitation that the session was told of last; `None`: this leader has told it nothing yet.
    pub fn invited(&self, pod_uid: &str) -> Option<Option<Invitation>> {
        let sessions = self.sessions.lock();
        let desired = sessions.by_pod.get(pod_uid)?.desired.borrow();
        desired.as_ref().map(|desired| desired.invitation.clone())
    }

    /// The livestream of that name as the session was told of it last.
    pub fn livestream(&self, pod_uid: &str, name: &str) -> Option<Livestream> {
        let sessions = self.sessions.lock();
        let desired = sessions.by_pod.get(pod_uid)?.desired.borrow();
        desired.as_ref()?.livestreams.iter().find(|livestream| livestream.name == name).cloned()
    }

    /// What the session was told last to carry out.
    pub fn origin(&self, pod_uid: &str) -> Option<Origin> {
        let sessions = self.sessions.lock();
        let desired = sessions.by_pod.get(pod_uid)?.desired.borrow();
        desired.as_ref()?.session.as_ref()?.origin.clone()
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

    /// What a pod that was let in to finish says of the invitation whose stage it has left.
    pub fn left(&self, pod_uid: &str) -> Option<InvitationReport> {
        self.sessions.lock().left.get(pod_uid).cloned()
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

    /// What a dismissed pod says: that it has left counts, and nothing else. Its owner is looked at for that, if there is one.
    pub(super) fn last_word(&self, pod: &PodRef, owner: Option<&Owner>, mut report: Report) {
        bound(&mut report, None);
        let left = report.invitation.filter(|invitation| invitation.state() == InvitationState::Left);
        let Some(left) = left.map(|left| InvitationReport { conditions: Vec::new(), ..left }) else { return };
        if self.sessions.lock().left.put(&pod.uid, left) {
            owner.into_iter().for_each(|owner| self.triggers.mark(owner));
        }
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

    /// A new stream. What the pod said in an earlier stream of the same boot still holds; what it was told does in any case, but for
    /// its stage in another boot. One whose owner is not wanted is to finish, until that is wanted again.
    pub(super) fn seat(
        &self,
        known: Known,
        boot_id: &str,
        capabilities: Vec<String>,
        is_wanted: impl FnOnce(&Owner) -> bool,
    ) -> Seat {
        let uid = known.pod.uid.clone();
        let mut sessions = self.sessions.lock();
        let before = sessions.remove(&uid);
        let stream = before.as_ref().map_or(0, |session| session.stream) + 1;
        let (last, mut facts) = match before {
            Some(session) => (session.desired.borrow().clone(), session.facts),
            None => Default::default(),
        };
        let mut last = last;
        if facts.boot_id != boot_id {
            // It is on no stage: whether it is to be there is decided anew.
            last = last.map(|last| Arc::new(Desired { invitation: None, ..Arc::unwrap_or_clone(last) }));
            facts = Facts { generation: facts.generation, boot_id: boot_id.into(), ..Facts::default() };
        }
        let (sender, desired) = watch::channel(last);
        facts.link = LinkState::Up;
        facts.asked = (facts.generation > 0).then(Instant::now);
        facts.capabilities = capabilities.into();
        let mut session = Session { known, facts, desired: sender, stream };
        if !is_wanted(&session.known.owner) {
            session.drain(self.term);
        }
        self.triggers.mark(&session.known.owner);
        sessions.insert(session);
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

    /// Has the owner looked at, and its livestreams as far as there is news of them. A session that was told of no livestream
    /// has none looked at.
    fn mark(&self, news: &News, triggers: &Triggers) {
        let desired = self.desired.borrow();
        let own = desired.iter().flat_map(|desired| &desired.livestreams).map(|livestream| &livestream.name);
        let namespace = &self.known.pod.namespace;
        match news {
            News::Nothing => return,
            News::Some(names) => own
                .filter(|name| names.contains(*name))
                .for_each(|name| triggers.livestreams.mark(namespace, name)),
            News::All => own.for_each(|name| triggers.livestreams.mark(namespace, name)),
        }
        triggers.mark(&self.known.owner);
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
            session.mark(&self.news, &self.registry.triggers);
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
            session.mark(&News::All, &self.registry.triggers);
        }
    }
}

/// Above all generations of earlier leaders: the term is the upper half.
fn next_generation(last: u64, term: u64) -> u64 {
    last.max(term << 32) + 1
}
