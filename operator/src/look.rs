//! What surrounds every look at an object: a deadline, a count, and what becomes of one that fails. A look that panics fails
//! like others: its object is tried again, more and more seldom, and all others are looked at as before.

use crate::metrics::Metrics;
use crate::owner::Kind;
use crate::retry::Failures;
use crate::tasks::message_of;
use futures::FutureExt;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// A look is a handful of requests of milliseconds. One that hangs would hold one of few places for ever.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// Looks at objects of one kind.
pub struct Looks {
    kind: Kind,
    metrics: Metrics,
    failures: Mutex<Failures>,
}

/// Why an object has to be looked at again.
#[derive(Debug, thiserror::Error)]
pub enum Error<Failure: std::error::Error + 'static> {
    /// Something that it needs did not work.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Our own fault.
    #[error("a look panicked: {0}")]
    Panicked(String),
    /// The API server did not answer.
    #[error("a look did not end within {} s", LOOK_TIMEOUT.as_secs())]
    Late,
}

impl Looks {
    /// At objects of that kind.
    pub fn new(kind: Kind, metrics: Metrics) -> Self {
        Self { kind, metrics, failures: Mutex::default() }
    }

    /// Carries one look out.
    pub async fn at<K, Failure>(
        &self,
        object: &K,
        look: impl Future<Output = Result<Action, Failure>>,
    ) -> Result<Action, Error<Failure>>
    where
        K: Resource,
        Failure: std::error::Error + 'static,
    {
        let began = Instant::now();
        // Whatever a look shares with others is behind locks that are held for single changes.
        let caught = AssertUnwindSafe(look).catch_unwind();
        let result = match tokio::time::timeout(LOOK_TIMEOUT, caught).await {
            Ok(Ok(result)) => result.map_err(Error::Failed),
            Ok(Err(panic)) => Err(Error::Panicked(message_of(panic.as_ref()))),
            Err(_elapsed) => Err(Error::Late),
        };
        self.metrics.looked(self.kind, began.elapsed());
        if result.is_ok() {
            self.failures.lock().succeeded(&object.uid().unwrap_or_default());
        }
        result
    }

    /// A look failed: when the next one is.
    pub fn failed<K, Failure>(&self, object: &K, error: &Error<Failure>) -> Action
    where
        K: Resource,
        Failure: std::error::Error + 'static,
    {
        let generation = object.meta().generation.unwrap_or_default();
        let uid = object.uid().unwrap_or_default();
        let delay = self.failures.lock().failed(&uid, generation, rand::random());
        self.metrics.look_failed(self.kind);
        let (kind, name, namespace) = (self.kind.as_str(), object.name_any(), object.namespace());
        let (error_source, again_in) = (error as &dyn std::error::Error, delay.as_secs_f64());
        if let Error::Panicked(_) = error {
            self.metrics.look_panicked(self.kind);
            tracing::error!(
                error = error_source,
                kind,
                name,
                namespace,
                again_in,
                "object cannot be looked at"
            );
        } else {
            tracing::warn!(error = error_source, kind, name, namespace, again_in, "object is tried again");
        }
        Action::requeue(delay)
    }

    /// Forgets all others.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.failures.lock().keep(uids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use kube::runtime::reflector::{self, ObjectRef};
    use kube::runtime::watcher::Event;
    use kube::runtime::{applier, controller};
    use std::convert::Infallible;
    use std::sync::Arc;
    use understudy_crds::v1alpha1::VirtualParticipant;

    fn participant(name: &str) -> VirtualParticipant {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
            "metadata": {"name": name, "namespace": "demo", "uid": name}, "spec": {}
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn a_look_that_panics_is_counted_and_tried_again_and_stops_no_other() {
        let (store, mut writer) = reflector::store();
        let both = ["bad", "good"].map(|name| Event::InitApply(participant(name)));
        for event in [Event::Init].into_iter().chain(both).chain([Event::InitDone]) {
            writer.apply_watcher_event(&event);
        }
        let metrics = Metrics::default();
        let looks = Arc::new(Looks::new(Kind::VirtualParticipant, metrics.clone()));
        let (seen, mut looked) = tokio::sync::mpsc::channel(64);
        let reconcile = move |object: Arc<VirtualParticipant>, looks: Arc<Looks>| {
            let seen = seen.clone();
            Box::pin(async move {
                let look = async {
                    seen.try_send(object.name_any()).unwrap();
                    assert!(object.name_any() != "bad", "this one is bad");
                    Ok::<_, kube::Error>(Action::await_change())
                };
                looks.at(&*object, look).await
            })
        };
        let names = ["bad", "good"].map(|name| Ok::<_, Infallible>(ObjectRef::new(name).within("demo")));
        let queue = futures::stream::iter(names).chain(futures::stream::pending());
        let failed = |object: Arc<VirtualParticipant>, error: &Error<kube::Error>, looks: Arc<Looks>| {
            looks.failed(&*object, error)
        };
        let running =
            applier(reconcile, failed, Arc::clone(&looks), store, queue, controller::Config::default());
        let running = tokio::spawn(running.for_each(|_result| std::future::ready(())));
        let mut counts = std::collections::HashMap::<String, usize>::new();
        while counts.get("bad").copied().unwrap_or(0) < 2 || !counts.contains_key("good") {
            let name = tokio::time::timeout(Duration::from_secs(30), looked.recv()).await.unwrap().unwrap();
            *counts.entry(name).or_default() += 1;
        }
        running.abort();
        assert_eq!(counts["good"], 1);
        assert!(metrics.encode().contains("reconcile_panics_total{kind=\"VirtualParticipant\"}"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_does_not_end_gives_its_place_back() {
        let looks = Looks::new(Kind::Livestream, Metrics::default());
        let never = std::future::pending::<Result<Action, kube::Error>>();
        assert!(matches!(looks.at(&participant("ada"), never).await, Err(Error::Late)));
    }
}
