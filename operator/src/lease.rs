//! Leader election through one Lease: who leads, and with which term.
//!
//! The term is kept as the lease's number of transitions. It never falls, so that peers can tell a leader from one that has
//! not noticed yet that it no longer is. It follows the clock, so that it does not fall either when the lease is deleted.

mod decide;

use crate::lease::decide::{Observed, Step, decide};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::PostParams;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// 2025-01-01 in seconds since 1970: terms count from here, and fit into the lease's 31 bits until 2093.
const FIRST_TERM_SECONDS: u64 = 1_735_689_600;

/// How a lease is kept. By the defaults another leads at most 13 s after a leader died ([`Timing::longest_gap`]): those of Kubernetes'
/// own components are 15 s, 10 s and 2 s, by which it takes up to 19 s.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// After this long without renewal others may take the lease.
    pub duration: Duration,
    /// After this long without success the leader steps down: well before others may take over.
    pub renew_deadline: Duration,
    /// How often the lease is read and renewed.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(10),
            renew_deadline: Duration::from_secs(7),
            retry: Duration::from_millis(1500),
        }
    }
}

impl Timing {
    /// How long nobody leads, at most, after a leader died while another process was there: that one saw the last renewal one look
    /// late, and sees that it has run out one look late.
    pub fn longest_gap(&self) -> Duration {
        self.duration + 2 * self.retry
    }

    /// How long a leader that steps down may go on with what it is about: most of the time until others may take over. The
    /// rest is for what it sends last to arrive.
    pub fn last_words(&self) -> Duration {
        self.duration.saturating_sub(self.renew_deadline) * 3 / 4
    }
}

/// Whether this process leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leadership {
    /// Another leads, or nobody does.
    #[default]
    Follower,
    /// This process leads.
    Leader {
        /// Rises with every hand-over.
        term: u64,
    },
}

/// One process' part in the election.
pub struct Election {
    api: Api<Lease>,
    name: String,
    me: String,
    timing: Timing,
    seen: Option<(LeaseSpec, Instant)>,
    renewed: Instant,
}

impl Election {
    /// `me` is unique to this process.
    pub fn new(api: Api<Lease>, name: &str, me: &str, timing: Timing) -> Self {
        Self { api, name: name.into(), me: me.into(), timing, seen: None, renewed: Instant::now() }
    }

    /// Takes part until `shutdown`, and gives the lease back then. Everything that only a leader does must have ended
    /// before `shutdown` is cancelled.
    pub async fn run(mut self, leadership: &watch::Sender<Leadership>, shutdown: CancellationToken) {
        loop {
            let tried = tokio::time::timeout(self.patience(leadership), self.attempt());
            match tokio::select! { tried = tried => tried, () = shutdown.cancelled() => break } {
                Ok(Ok(now)) => self.publish(leadership, now),
                Ok(Err(error)) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "lease could not be read or written"
                    );
                }
                Err(_elapsed) => tracing::warn!("the API server did not answer about the lease in time"),
            }
            let rest = self.patience(leadership);
            if rest.is_zero() {
                self.publish(leadership, Leadership::Follower);
            }
            tokio::select! {
                () = tokio::time::sleep(self.timing.retry.min(rest)) => {}
                () = shutdown.cancelled() => break,
            }
        }
        if *leadership.borrow() != Leadership::Follower {
            self.publish(leadership, Leadership::Follower);
            self.give_back().await;
        }
    }

    /// How long to wait for anything: a leader until it has to step down, counted from when its last renewal was sent.
    fn patience(&self, leadership: &watch::Sender<Leadership>) -> Duration {
        match *leadership.borrow() {
            Leadership::Leader { .. } => self.timing.renew_deadline.saturating_sub(self.renewed.elapsed()),
            Leadership::Follower => self.timing.renew_deadline,
        }
    }

    fn publish(&self, leadership: &watch::Sender<Leadership>, now: Leadership) {
        let changed = leadership.send_if_modified(|before| std::mem::replace(before, now) != now);
        if changed {
            tracing::info!(leadership = ?now, me = self.me, "leadership changed");
        }
    }

    /// Reads the lease and does what is to be done. A conflict means that somebody else was quicker: an error like others.
    async fn attempt(&mut self) -> Result<Leadership, kube::Error> {
        let asked = Instant::now();
        let lease = self.api.get_opt(&self.name).await?;
        let observed = self.observe(lease.as_ref());
        let term = match decide(observed.as_ref(), &self.me, Instant::now(), clock()) {
            Step::Wait => return Ok(Leadership::Follower),
            Step::Create { term } => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(self.spec(None, term)) };
                self.api.create(&PostParams::default(), &lease).await?;
                term
            }
            Step::Renew => self.write(lease, observed.map_or(1, |lease| lease.term)).await?,
            Step::Take { term } => self.write(lease, term).await?,
        };
        self.renewed = asked;
        Ok(Leadership::Leader { term })
    }

    /// The version read goes with it: a lease that changed in between is not overwritten.
    async fn write(&self, lease: Option<Lease>, term: u64) -> Result<u64, kube::Error> {
        let mut lease = lease.unwrap_or_default();
        lease.spec = Some(self.spec(lease.spec.as_ref(), term));
        self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        Ok(term)
    }

    fn observe(&mut self, lease: Option<&Lease>) -> Option<Observed> {
        let spec = lease?.spec.clone().unwrap_or_default();
        let unchanged_since = match &self.seen {
            Some((before, since)) if *before == spec => *since,
            _ => Instant::now(),
        };
        self.seen = Some((spec.clone(), unchanged_since));
        Some(Observed {
            holder: spec.holder_identity.unwrap_or_default(),
            duration: Duration::from_secs(
                spec.lease_duration_seconds.unwrap_or_default().unsigned_abs().into(),
            ),
            term: spec.lease_transitions.unwrap_or_default().unsigned_abs().into(),
            unchanged_since,
        })
    }

    fn spec(&self, before: Option<&LeaseSpec>, term: u64) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let mine = before.filter(|spec| spec.holder_identity.as_ref() == Some(&self.me));
        LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: Some(i32::try_from(self.timing.duration.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: mine.and_then(|spec| spec.acquire_time.clone()).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(i32::try_from(term).unwrap_or(i32::MAX)),
            ..LeaseSpec::default()
        }
    }

    /// So that a successor need not wait for the lease to run out.
    async fn give_back(&self) {
        let given = async {
            let mut lease = self.api.get(&self.name).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_ref() != Some(&self.me) {
                return Ok(());
            }
            spec.holder_identity = Some(String::new());
            self.api.replace(&self.name, &PostParams::default(), &lease).await.map(|_lease| ())
        };
        match tokio::time::timeout(self.timing.retry, given).await {
            Ok(Ok(())) => tracing::info!("lease was given back"),
            Ok(Err(error)) => tracing::debug!(%error, "lease was not given back; it will run out"),
            Err(_elapsed) => tracing::debug!("lease was not given back in time; it will run out"),
        }
    }
}

/// The lowest term that may begin now.
fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().saturating_sub(FIRST_TERM_SECONDS)
}

#[cfg(test)]
mod tests;
