//! A session that carries out what it is told, as far as a test lets it.

use super::stage::{UP, left, on};
use crate::support::{Runtime, well};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use understudy_proto::v1::{Desired, Report};

const PATIENCE: Duration = Duration::from_secs(30);

/// How far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It answers nothing.
    Mute,
    /// It accepts the invitation.
    Invited,
    /// There is a way to its stage.
    Connected,
    /// It is there, and stays there although it is told to leave.
    Published,
    /// It leaves when it is told to.
    Leaves,
}

pub struct Actor {
    level: watch::Sender<Level>,
    terms: watch::Receiver<Vec<u64>>,
    end: tokio_util::sync::CancellationToken,
    running: JoinHandle<()>,
}

impl Actor {
    pub fn start(mut runtime: Runtime, level: Level) -> Self {
        let (level, mut levels) = watch::channel(level);
        let (told, terms) = watch::channel(Vec::new());
        let end = tokio_util::sync::CancellationToken::new();
        let ends = end.clone();
        let running = tokio::spawn(async move {
            let (mut desired, mut id): (Option<Desired>, Option<String>) = (None, None);
            loop {
                tokio::select! {
                    () = ends.cancelled() => break,
                    heard = runtime.heard() => desired = Some(heard.unwrap()),
                    changed = levels.changed() => changed.unwrap(),
                }
                let Some(desired) = &desired else { continue };
                told.send_if_modified(|terms: &mut Vec<u64>| {
                    let is_new = !terms.contains(&desired.leader_term);
                    terms.extend(is_new.then_some(desired.leader_term));
                    is_new
                });
                id = desired.invitation.as_ref().map(|invitation| invitation.id.clone()).or(id);
                if let Some(report) = answer(desired, id.as_deref(), *levels.borrow()) {
                    runtime.say(report);
                }
            }
            runtime.end().await;
        });
        Self { level, terms, end, running }
    }

    pub fn goes(&self, level: Level) {
        self.level.send_replace(level);
    }

    /// By another leader than the first that it heard of; one that has heard of none hears of the second.
    pub async fn until_told_by_another(&self, first: u64) {
        let mut terms = self.terms.clone();
        let told = terms.wait_for(|terms| terms.iter().any(|term| *term > first));
        tokio::time::timeout(PATIENCE, told).await.expect("the next leader must tell it").unwrap();
    }

    pub async fn end(self) {
        self.end.cancel();
        self.running.await.unwrap();
    }
}

/// `id` is of the invitation that it was told of last.
fn answer(desired: &Desired, id: Option<&str>, level: Level) -> Option<Report> {
    let Some(id) = id else { return (level != Level::Mute).then(|| well(desired)) };
    Some(match (level, &desired.invitation) {
        (Level::Mute, _) => return None,
        (Level::Invited, _) => on(desired, id, &[]),
        (Level::Connected, _) => on(desired, id, &UP[..1]),
        (Level::Leaves, None) => left(desired, id, "Kicked"),
        (Level::Published | Level::Leaves, _) => on(desired, id, &UP),
    })
}
