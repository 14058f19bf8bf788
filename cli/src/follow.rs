//! Participants as they change, for as long as somebody looks. An API server that goes away is waited for.

use crate::failure::Failure;
use crate::tell;
use futures::{Stream, StreamExt};
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watch_object, watcher};
use std::time::Duration;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Between two tries: somebody looks on, and is one only.
const PAUSE: Duration = Duration::from_secs(1);

/// What changes of those that match, for ever; what ends it is told once.
pub fn all(
    api: Api<VirtualParticipant>,
    labels: Option<&str>,
) -> impl Stream<Item = Result<Event<VirtualParticipant>, Failure>> + Send {
    let mut config = watcher::Config::default();
    if let Some(labels) = labels {
        config = config.labels(labels);
    }
    outlasting(watcher(api, config))
}

/// Looks at one participant until that says something; `None`: it did not in time.
pub async fn until<T>(
    api: Api<VirtualParticipant>,
    name: &str,
    timeout: Duration,
    mut look: impl FnMut(Option<&VirtualParticipant>) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let mut changes = std::pin::pin!(outlasting(watch_object(api, name)));
    let looked = async {
        while let Some(participant) = changes.next().await {
            if let Some(said) = look(participant?.as_ref()) {
                return Ok(Some(said));
            }
        }
        Ok(None)
    };
    tokio::time::timeout(timeout, looked).await.unwrap_or(Ok(None))
}

/// Goes on after what passes, and tells that it is waited for; once, until something is heard again.
fn outlasting<T: Send>(
    changes: impl Stream<Item = watcher::Result<T>> + Send,
) -> impl Stream<Item = Result<T, Failure>> + Send {
    let mut is_away = false;
    changes.backoff(Steady).filter_map(move |change| {
        let said = match change {
            Ok(change) => {
                is_away = false;
                Some(Ok(change))
            }
            Err(error) => match Failure::of_watch(error) {
                Err(failure) => Some(Err(failure)),
                Ok(why) => {
                    let news = why.filter(|_| !is_away);
                    if let Some(why) = news {
                        is_away = true;
                        tell::progress(&format!("the API server is away ({why}); waiting for it"));
                    }
                    None
                }
            },
        };
        std::future::ready(said)
    })
}

/// The same pause each time.
struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(PAUSE)
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}
