//! The end of every reconcile: the status is written, and what is news is told after that.

use crate::event::{News, Recorder, Session, told_once};
use crate::status::{Published, Publisher, Reported};
use kube::runtime::controller::Action;
use std::time::Duration;

/// Who writes.
#[derive(Clone, Copy)]
pub struct Outlets<'a, K: Reported> {
    /// The status.
    pub publisher: &'a Publisher<K>,
    /// The Events.
    pub recorder: &'a Recorder,
    /// What is news between the status that was, if there was one, and the one that is.
    pub news: fn(Option<&K::Status>, &K::Status) -> Vec<News>,
    /// What its session tells, if it has one.
    pub session: Option<Session<'a>>,
}

/// Makes the object's status be `status`; it is looked at again after `again` at the latest.
pub async fn conclude<K: Reported>(
    outlets: Outlets<'_, K>,
    object: &K,
    status: K::Status,
    again: Duration,
) -> Result<Action, kube::Error> {
    let before = outlets.publisher.latest(object);
    let news = (outlets.news)(before.as_ref(), &status);
    let published = outlets.publisher.publish(object, status).await?;
    if let Some(session) = outlets.session {
        outlets.recorder.happenings(object, session).await;
    }
    match published {
        Published::Later(rest) => Ok(Action::requeue(rest.min(again))),
        Published::Done => {
            for news in told_once(news, outlets.session) {
                outlets.recorder.record(object, &news).await;
            }
            Ok(Action::requeue(again))
        }
    }
}
