//! Watches one participant from before its creation and writes down everything that a watcher of it sees.

use crate::support::World;
use kube::ResourceExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use understudy_crds::v1alpha1::VirtualParticipant;

const PATIENCE: Duration = Duration::from_secs(30);
/// Ready is never true without them.
const PARTS: [&str; 4] = ["RuntimeReady", "DevicesReady", "PageReady", "InputsReady"];

pub struct Recorder {
    seen: Arc<Mutex<Vec<VirtualParticipant>>>,
    shown: &'static [&'static str],
    watching: JoinHandle<()>,
}

impl Recorder {
    /// Of the participant of that name; these conditions are shown beside Ready.
    pub async fn start(world: &World, name: &str, shown: &'static [&'static str]) -> Self {
        let api = world.api::<VirtualParticipant>();
        let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
        let only = WatchParams::default().fields(&format!("metadata.name={name}"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&seen);
        let watching = tokio::spawn(async move {
            let changes = api.watch(&only, &version).await.unwrap();
            let mut changes = std::pin::pin!(changes);
            while let Some(change) = changes.next().await {
                if let WatchEvent::Added(object) | WatchEvent::Modified(object) = change.unwrap() {
                    taken.lock().push(object);
                }
            }
        });
        Self { seen, shown, watching }
    }

    /// All that was seen up to this state, a line for each that differs from the one before in what is shown:
    /// `generation/observedGeneration phase Ready=…/… …`, and who says so that it stalls or comes up.
    pub async fn until(self, last: &VirtualParticipant) -> String {
        let seen = self.states(last).await;
        let mut lines: Vec<String> = seen.iter().map(|object| self.line(object)).collect();
        lines.dedup();
        lines.join("\n")
    }

    /// All states that were seen up to this one.
    pub async fn states(&self, last: &VirtualParticipant) -> Vec<VirtualParticipant> {
        let version = last.resource_version();
        let caught_up = async {
            while !self.seen.lock().iter().any(|seen| seen.resource_version() == version) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, caught_up).await.expect("the watcher must see what was read");
        self.watching.abort();
        let seen = self.seen.lock();
        let mut states: Vec<VirtualParticipant> = Vec::new();
        let mut answered = None;
        for object in seen.iter() {
            let observed = object.status.as_ref().and_then(|status| status.observed_generation);
            assert!(observed >= answered, "observedGeneration went back: {object:#?}");
            assert!(observed <= object.metadata.generation, "observedGeneration runs ahead: {object:#?}");
            answered = observed;
            assert_ready_has_its_reasons(object);
            states.push(object.clone());
            if object.resource_version() == version {
                break;
            }
        }
        states
    }

    fn line(&self, object: &VirtualParticipant) -> String {
        let generation = object.metadata.generation.unwrap();
        let status = object.status.clone().unwrap_or_default();
        let observed = status.observed_generation.map_or("-".to_owned(), |observed| observed.to_string());
        let phase = status.phase.map_or("-".to_owned(), |phase| format!("{phase:?}"));
        let conditions = ["Ready"].iter().chain(self.shown).filter_map(|type_| {
            let found = status.conditions.iter().find(|condition| condition.type_ == *type_)?;
            Some(format!(" {type_}={}/{}", found.status, found.reason))
        });
        let conditions: String = conditions.collect();
        let marks = ["Reconciling", "Stalled"].iter().filter(|type_| is(object, type_, "True"));
        let marks: String = marks.map(|type_| format!(" {type_}")).collect();
        format!("{generation}/{observed} {phase}{conditions}{marks}")
    }
}

fn is(object: &VirtualParticipant, type_: &str, expected: &str) -> bool {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions.filter(|condition| condition.type_ == type_).any(|condition| condition.status == expected)
}

/// In no state that anybody sees is Ready true without its parts, all of them about one spec that was answered.
fn assert_ready_has_its_reasons(object: &VirtualParticipant) {
    if !is(object, "Ready", "True") {
        return;
    }
    let status = object.status.as_ref().unwrap();
    for type_ in PARTS {
        assert!(is(object, type_, "True"), "Ready without {type_}: {object:#?}");
    }
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!(ready.observed_generation, status.observed_generation, "{object:#?}");
}
