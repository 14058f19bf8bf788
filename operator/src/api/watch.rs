//! Participants as they change: first all that there are, then those that changed, each as it is by then. Whoever is slow is told less
//! often, and of the newest state; nothing is kept for them but names.

use crate::api::desk::Which;
use crate::api::page;
use crate::store::{Follower, Stores};
use futures::{Stream, StreamExt, stream};
use kube::ResourceExt;
use rand::RngExt;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_proto::participants::v1::{Gone, Participant};

/// Rights are reviewed when a stream begins; it does not go on for ever on those.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// All streams of one moment must not begin anew at one moment.
const SPREAD: Duration = Duration::from_secs(5 * 60);
/// What changes within it is told together.
const BETWEEN: Duration = Duration::from_millis(100);

/// One message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watched {
    pub(super) participants: Vec<Participant>,
    pub(super) gone: Vec<Gone>,
    pub(super) synced: bool,
}

/// What is still to be told. It is put into words a message at a time: whoever does not read has no copies kept for them.
#[derive(Default)]
struct Pending {
    there: VecDeque<Arc<VirtualParticipant>>,
    gone: Vec<Gone>,
    /// That all is told is yet to be said.
    unsynced: bool,
}

/// A stream that is told.
struct Telling {
    stores: Stores,
    which: Which,
    follower: Follower,
    /// Who was told of, and not yet that they are gone.
    told: BTreeSet<(String, String)>,
    pending: Pending,
}

/// Without end but for `shutdown`, and the time that a stream has.
pub(super) fn changes(
    stores: Stores,
    which: Which,
    shutdown: CancellationToken,
) -> impl Stream<Item = Watched> {
    let ends = Instant::now() + LONGEST - rand::rng().random_range(Duration::ZERO..SPREAD);
    let end = async move {
        tokio::select! { () = shutdown.cancelled() => {}, () = tokio::time::sleep_until(ends) => {} }
    };
    // What changes while all is told is told again.
    let follower = stores.follow();
    let mut all = stores.participants_in(&which.namespace);
    all.retain(|participant| which.holds(participant));
    let mut told = BTreeSet::new();
    let now = all.into_iter().map(|one| (one.namespace().unwrap_or_default(), one.name_any(), Some(one)));
    let pending = Pending { unsynced: true, ..news(now.collect(), &mut told) };
    let telling = Telling { follower, told, pending, stores, which };
    let messages = stream::unfold(telling, |mut telling| async move {
        let next = telling.next().await;
        Some((next, telling))
    });
    messages.take_until(end)
}

impl Telling {
    async fn next(&mut self) -> Watched {
        loop {
            if let Some(message) = self.pending.message() {
                return message;
            }
            let mut names = self.follower.changed().await;
            tokio::time::sleep(BETWEEN).await;
            names.retain(|(namespace, _name)| {
                self.which.namespace.is_empty() || *namespace == self.which.namespace
            });
            let now = |(namespace, name): (String, String)| {
                let found =
                    self.stores.participant(&namespace, &name).filter(|found| self.which.holds(found));
                (namespace, name, found)
            };
            let now = names.into_iter().map(now).collect();
            self.pending = news(now, &mut self.told);
        }
    }
}

impl Pending {
    /// The next message, if there is something to be told.
    fn message(&mut self) -> Option<Watched> {
        let (participants, gone) = match self.there.is_empty() {
            true => (Vec::new(), std::mem::take(&mut self.gone)),
            false => (page::next(&mut self.there), Vec::new()),
        };
        let synced = self.there.is_empty() && std::mem::take(&mut self.unsynced);
        let is_something = synced || !participants.is_empty() || !gone.is_empty();
        is_something.then_some(Watched { participants, gone, synced })
    }
}

/// What became of those names. Who was never told of is not told as gone.
fn news(
    now: Vec<(String, String, Option<Arc<VirtualParticipant>>)>,
    told: &mut BTreeSet<(String, String)>,
) -> Pending {
    let mut pending = Pending::default();
    for (namespace, name, found) in now {
        match found {
            Some(found) => {
                told.insert((namespace, name));
                pending.there.push_back(found);
            }
            None if told.remove(&(namespace.clone(), name.clone())) => {
                pending.gone.push(Gone { namespace, name });
            }
            None => {}
        }
    }
    pending
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(name: &str) -> Arc<VirtualParticipant> {
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
                "metadata": {"name": name, "namespace": "demo"}, "spec": {}
            }))
            .unwrap(),
        )
    }

    /// The names in each message: who is there, who is gone, and whether that was all.
    fn messages(mut pending: Pending) -> Vec<(Vec<String>, Vec<String>, bool)> {
        let mut messages = Vec::new();
        while let Some(Watched { participants, gone, synced }) = pending.message() {
            let there = participants.into_iter().map(|one| one.name).collect();
            messages.push((there, gone.into_iter().map(|one| one.name).collect(), synced));
        }
        messages
    }

    #[test]
    fn the_last_page_of_what_there_is_says_so() {
        let first = |count: usize| {
            let there = (0..count).map(|number| named(&format!("p-{number:04}"))).collect();
            messages(Pending { there, unsynced: true, gone: Vec::new() })
        };
        assert_eq!(first(0), [(vec![], vec![], true)]);
        let lengths = first(501).into_iter().map(|(there, _, synced)| (there.len(), synced));
        assert_eq!(lengths.collect::<Vec<_>>(), [(500, false), (1, true)]);
    }

    #[test]
    fn who_is_gone_is_told_once_and_only_to_those_who_knew_them() {
        let mut told = BTreeSet::new();
        let now = |name: &str, there: bool| ("demo".to_owned(), name.to_owned(), there.then(|| named(name)));
        let one = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let pending = news(vec![now("bob", true), now("ada", true), now("eve", false)], &mut told);
        assert_eq!(messages(pending), [(one(&["bob", "ada"]), vec![], false)]);
        assert_eq!(messages(news(vec![now("ada", false)], &mut told)), [(vec![], one(&["ada"]), false)]);
        assert!(messages(news(vec![now("ada", false)], &mut told)).is_empty());
    }
}
