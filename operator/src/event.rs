//! Kubernetes Events: failures and outcomes, not every step. The name of an Event follows from what it tells, so that the
//! same thing told again (by a runtime that reconnects, by another leader) is the same Event. What happens again and again is
//! told a number of times, and then now and then.

mod allowance;

use crate::condition::{Said, shorten};
use crate::event::allowance::Allowance;
use hmac::digest::Digest;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client, Resource, ResourceExt};
use parking_lot::Mutex;
use sha2::Sha256;
use std::collections::HashMap;
use std::time::Instant;
use understudy_proto::v1::Happening;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Tells the same thing apart from another.
    pub key: String,
    /// Normal or Warning.
    pub severity: &'static str,
    /// CamelCase.
    pub reason: String,
    /// For people.
    pub note: String,
}

/// Writes Events.
pub struct Recorder {
    client: Client,
    /// This process.
    instance: String,
    /// Pod UID to the boot and the last sequence that was told.
    told: Mutex<HashMap<String, (String, u64)>>,
    /// UID of an object, and a reason, to what may still be told of them.
    allowances: Mutex<HashMap<String, HashMap<String, Allowance>>>,
}

/// Reasons of one object that are counted apart; sessions choose them, and shall not fill the memory.
const MOST_REASONS: usize = 64;

impl Recorder {
    /// `instance` names this process.
    pub fn new(client: Client, instance: &str) -> Self {
        Self { client, instance: instance.into(), told: Mutex::default(), allowances: Mutex::default() }
    }

    /// Tells what happened in a session and was not told by this process yet.
    pub async fn happenings<K>(&self, about: &K, pod_uid: &str, boot_id: &str, happenings: &[Happening])
    where
        K: Resource<DynamicType = ()>,
    {
        for happening in happenings {
            let last = self
                .told
                .lock()
                .get(pod_uid)
                .filter(|(boot, _)| boot == boot_id)
                .map(|(_, sequence)| *sequence);
            if last.is_some_and(|last| happening.sequence <= last) {
                continue;
            }
            self.record(about, &news_of(boot_id, happening)).await;
            self.told.lock().insert(pod_uid.into(), (boot_id.into(), happening.sequence));
        }
    }

    /// Forgets a pod or an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.told.lock().remove(uid);
        self.allowances.lock().remove(uid);
    }

    /// Writes one Event. It is worth a log line if that fails, and no more.
    pub async fn record<K: Resource<DynamicType = ()>>(&self, about: &K, news: &News) {
        let uid = about.uid().unwrap_or_default();
        let Some(omitted) = self.allowance(&uid, &news.reason, |allowance| allowance.take(Instant::now()))
        else {
            tracing::debug!(
                name = about.name_any(),
                reason = news.reason,
                note = news.note,
                "event is left out"
            );
            return;
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), &about.namespace().unwrap_or_default());
        tracing::info!(kind = %K::kind(&()), name = about.name_any(), reason = news.reason, note = news.note, "event");
        match api.create(&PostParams::default(), &self.event(about, news, omitted)).await {
            Ok(_created) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                self.allowance(&uid, &news.reason, |allowance| allowance.give_back(omitted));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an Event could not be written");
            }
        }
    }

    fn allowance<T>(&self, uid: &str, reason: &str, use_: impl FnOnce(&mut Allowance) -> T) -> T {
        let mut all = self.allowances.lock();
        let of_object = all.entry(uid.to_owned()).or_default();
        let counted = of_object.len() < MOST_REASONS || of_object.contains_key(reason);
        let reason = if counted { reason } else { "" };
        use_(of_object.entry(reason.to_owned()).or_insert_with(|| Allowance::new(Instant::now())))
    }

    fn event<K: Resource<DynamicType = ()>>(&self, about: &K, news: &News, omitted: u32) -> Event {
        let (name, uid) = (about.name_any(), about.uid().unwrap_or_default());
        let digest = Sha256::digest(format!("{uid}\n{}", news.key));
        let suffix: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{suffix}")),
                namespace: about.namespace(),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(Timestamp::now())),
            reporting_controller: Some("understudy.dev/operator".into()),
            reporting_instance: Some(self.instance.chars().take(128).collect()),
            action: Some("Reconcile".into()),
            type_: Some(news.severity.into()),
            reason: Some(news.reason.clone()),
            note: Some(match omitted {
                0 => news.note.clone(),
                _ => format!("{} ({omitted} more of this reason were not told)", news.note),
            }),
            regarding: Some(ObjectReference {
                api_version: Some(K::api_version(&()).into()),
                kind: Some(K::kind(&()).into()),
                name: Some(name),
                namespace: about.namespace(),
                uid: Some(uid),
                resource_version: about.resource_version(),
                field_path: None,
            }),
            ..Event::default()
        }
    }
}

/// The conditions that have failed since `before`. A summary of others (Ready of a participant) is left out by `skip`.
pub fn failures(before: Said<'_>, after: Said<'_>, skip: &str) -> Vec<News> {
    let failed =
        after.conditions.iter().filter(|condition| after.fails(&condition.type_) && condition.type_ != skip);
    failed
        .filter(|condition| {
            let before = before.find(&condition.type_);
            before.is_none_or(|before| before.status != "False" || before.reason != condition.reason)
        })
        .map(|condition| News {
            key: format!("{} {} {:?}", condition.type_, condition.reason, condition.last_transition_time),
            severity: "Warning",
            reason: condition.reason.clone(),
            note: condition.message.clone(),
        })
        .collect()
}

/// That a condition which had failed is true again.
pub fn recovery(before: Said<'_>, after: Said<'_>, type_: &str) -> Option<News> {
    let after = after.find(type_).filter(|after| after.status == "True" && before.fails(type_))?;
    Some(News {
        key: format!("{type_} {} {:?}", after.reason, after.last_transition_time),
        severity: "Normal",
        reason: after.reason.clone(),
        note: format!("{type_} again: {}", after.message),
    })
}

fn news_of(boot_id: &str, happening: &Happening) -> News {
    let verdict = crate::condition::Verdict::unknown(&happening.reason, &happening.message);
    News {
        key: format!("{boot_id} {}", happening.sequence),
        severity: if happening.r#type == "Warning" { "Warning" } else { "Normal" },
        reason: verdict.reason,
        note: shorten(&happening.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Verdict, condition, failing};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    struct Page(Vec<Condition>, Vec<String>);

    impl Page {
        fn said(&self) -> Said<'_> {
            Said { conditions: &self.0, failing: &self.1 }
        }
    }

    fn page(verdict: &Verdict) -> Page {
        let printed = condition(Said::default(), "PageReady", verdict, 1, Timestamp::UNIX_EPOCH);
        Page(vec![printed], failing([("PageReady", verdict)]))
    }

    #[test]
    fn a_failure_is_told_once() {
        let (well, broken) =
            (page(&Verdict::yes("Loaded")), page(&Verdict::wrong("PageUnreachable", "no such host")));
        assert_eq!(failures(well.said(), broken.said(), "Ready")[0].reason, "PageUnreachable");
        assert!(failures(broken.said(), broken.said(), "Ready").is_empty());
        assert!(failures(broken.said(), well.said(), "Ready").is_empty());
    }

    #[test]
    fn a_recovery_is_told_once_and_only_after_a_failure() {
        let (well, broken, starting) = (
            page(&Verdict::yes("Loaded")),
            page(&Verdict::wrong("PageUnreachable", "no such host")),
            page(&Verdict::not_yet("Starting", "")),
        );
        assert_eq!(recovery(broken.said(), well.said(), "PageReady").unwrap().reason, "Loaded");
        for (before, after) in [(&well, &well), (&starting, &well), (&broken, &starting), (&well, &broken)] {
            assert_eq!(recovery(before.said(), after.said(), "PageReady"), None);
        }
    }

    #[test]
    fn a_state_on_the_way_is_no_failure() {
        assert!(
            failures(Said::default(), page(&Verdict::not_yet("Starting", "")).said(), "Ready").is_empty()
        );
    }
}
