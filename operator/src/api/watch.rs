//! Participants as they change: first all that there are, then those that changed, each as it is by then. Whoever is slow is told less
//! often, and of the newest state; nothing is kept for them but names.

use crate::api::desk::Which;
use crate::api::page::{self, Page};
use crate::store::{Follower, Stores};
use futures::{Stream, StreamExt, stream};
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

/// A stream that is told.
struct Telling {
    stores: Stores,
    which: Which,
    follower: Follower,
    /// Who was told of, and not yet that they are gone.
    told: BTreeSet<(String, String)>,
    /// Messages that are ready.
    ready: VecDeque<Watched>,
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
    let mut telling =
        Telling { follower, told: BTreeSet::new(), ready: VecDeque::new(), stores: stores.clone(), which };
    let mut all = stores.participants_in(&telling.which.namespace);
    all.retain(|participant| telling.which.holds(participant));
    telling.ready = first(&all).into();
    telling.remember_ready();
    let messages = stream::unfold(telling, |mut telling| async move {
        let next = telling.next().await;
        Some((next, telling))
    });
    messages.take_until(end)
}

impl Telling {
    async fn next(&mut self) -> Watched {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return ready;
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
            let now: Vec<_> = names.into_iter().map(now).collect();
            self.ready = news(now, &mut self.told).into();
        }
    }

    fn remember_ready(&mut self) {
        let told = self.ready.iter().flat_map(|message| &message.participants);
        self.told.extend(told.map(|told| (told.namespace.clone(), told.name.clone())));
    }
}

/// All that there are, in pages; the last one says so.
fn first(all: &[Arc<VirtualParticipant>]) -> Vec<Watched> {
    let mut messages: Vec<Watched> = pages(all);
    if messages.is_empty() {
        messages.push(Watched::default());
    }
    if let Some(last) = messages.last_mut() {
        last.synced = true;
    }
    messages
}

/// What became of those names. Who was never told of is not told as gone.
fn news(
    now: Vec<(String, String, Option<Arc<VirtualParticipant>>)>,
    told: &mut BTreeSet<(String, String)>,
) -> Vec<Watched> {
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for (namespace, name, found) in now {
        match found {
            Some(found) => {
                told.insert((namespace, name));
                there.push(found);
            }
            None if told.remove(&(namespace.clone(), name.clone())) => gone.push(Gone { namespace, name }),
            None => {}
        }
    }
    let mut messages = pages(&there);
    if !gone.is_empty() {
        messages.push(Watched { gone, ..Watched::default() });
    }
    messages
}

fn pages(all: &[Arc<VirtualParticipant>]) -> Vec<Watched> {
    let mut sorted = all.to_vec();
    sorted.sort_by_key(|one| (one.metadata.namespace.clone(), one.metadata.name.clone()));
    let (mut messages, mut token) = (Vec::new(), String::new());
    while !sorted.is_empty() {
        // A token that was made here is one.
        let Ok(Page { participants, next }) = page::from(&sorted, 0, &token) else { break };
        messages.push(Watched { participants, ..Watched::default() });
        token = next;
        if token.is_empty() {
            break;
        }
    }
    messages
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

    fn names(messages: &[Watched]) -> Vec<(Vec<&str>, Vec<&str>, bool)> {
        messages
            .iter()
            .map(|message| {
                let there = message.participants.iter().map(|one| one.name.as_str()).collect();
                (there, message.gone.iter().map(|one| one.name.as_str()).collect(), message.synced)
            })
            .collect()
    }

    #[test]
    fn the_last_page_of_what_there_is_says_so() {
        assert_eq!(names(&first(&[])), [(vec![], vec![], true)]);
        let many: Vec<_> = (0..501).map(|number| named(&format!("p-{number:04}"))).collect();
        let told = first(&many);
        assert_eq!(
            told.iter().map(|page| (page.participants.len(), page.synced)).collect::<Vec<_>>(),
            [(500, false), (1, true)]
        );
    }

    #[test]
    fn who_is_gone_is_told_once_and_only_to_those_who_knew_them() {
        let mut told = BTreeSet::new();
        let now = |name: &str, there: bool| ("demo".to_owned(), name.to_owned(), there.then(|| named(name)));
        let messages = news(vec![now("bob", true), now("ada", true), now("eve", false)], &mut told);
        assert_eq!(names(&messages), [(vec!["ada", "bob"], vec![], false)]);
        let messages = news(vec![now("ada", false)], &mut told);
        assert_eq!(names(&messages), [(vec![], vec!["ada"], false)]);
        assert!(news(vec![now("ada", false)], &mut told).is_empty());
    }
}
