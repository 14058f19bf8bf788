//! What a leader does beside its work, now and then: it counts, tells of what cannot be read, and forgets what is gone.

use super::{Controllers, Leader, Writers};
use crate::event::{self, Recorder};
use crate::metrics;
use crate::owner::Kind;
use crate::redact;
use crate::store::{Stores, Unread};
use jiff::Timestamp;
use kube::Resource;
use kube::core::error_boundary::InvalidObject;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often what only changes slowly is counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
/// What is gone is forgotten at once. A look that was under way then may remember it again, until the next sweep.
const SWEEP_INTERVAL: Duration = Duration::from_secs(300);

impl Leader<'_> {
    /// Counts, and forgets what is gone; without end.
    pub(super) async fn keep_house(&self, controllers: &Controllers, stores: &Stores) {
        let (mut count, mut sweep) =
            (tokio::time::interval(COUNT_INTERVAL), tokio::time::interval(SWEEP_INTERVAL));
        count.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = count.tick() => {
                    self.count(controllers, stores);
                    self.writers.recorder.flush().await;
                    left_out(&self.writers.recorder, stores.unread_participants()).await;
                    left_out(&self.writers.recorder, stores.unread_livestreams()).await;
                }
                _ = sweep.tick() => self.sweep(controllers, stores),
            }
        }
    }

    fn count(&self, controllers: &Controllers, stores: &Stores) {
        self.metrics.refused.set(metrics::gauge(controllers.provider.refused()));
        self.metrics.wait(Kind::VirtualParticipant, self.triggers.participants.len());
        self.metrics.wait(Kind::Livestream, self.triggers.livestreams.len());
        self.metrics.leave_out(Kind::VirtualParticipant, stores.unread_participants().len());
        self.metrics.leave_out(Kind::Livestream, stores.unread_livestreams().len());
        self.metrics.link(metrics::LinkState::Up, self.registry.linked());
        self.metrics.link(metrics::LinkState::Down, self.registry.lost());
    }

    fn sweep(&self, controllers: &Controllers, stores: &Stores) {
        let present = stores.present();
        let Writers { writer, participants, livestreams, recorder, credentials: _ } = &self.writers;
        writer.keep(&present);
        participants.keep(&present.uids);
        livestreams.keep(&present.uids);
        recorder.keep(&present.uids);
        controllers.provider.keep(&present.uids);
        controllers.looks_at_participants.keep(&present.uids);
        controllers.looks_at_livestreams.keep(&present.uids);
    }
}

/// Tells of what cannot be read, once a version: on the object, for whoever wrote it, and in the log.
async fn left_out<K: Resource<DynamicType = ()> + Clone>(recorder: &Recorder, unread: &Unread<K>) {
    for object in unread.news() {
        let Err(InvalidObject { error, metadata }) = &object.0 else { continue };
        let (kind, namespace, name) = (K::kind(&()), &metadata.namespace, &metadata.name);
        let error = redact::without_values(error);
        tracing::warn!(%kind, namespace, name, error, "an object cannot be read and is left out");
        recorder.record(&object, &event::unread(&error, Timestamp::now())).await;
    }
}
