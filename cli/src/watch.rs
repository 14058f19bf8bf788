//! `watch`: a line for each change, for as long as somebody looks.

use crate::args::Watch;
use crate::change::Seen;
use crate::cluster::{Cluster, labels};
use crate::failure::Failure;
use crate::follow;
use crate::tell;
use futures::StreamExt;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::watcher::Event;
use std::collections::HashMap;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Tells changes until it is ended.
pub async fn run(cluster: &Cluster, args: &Watch) -> Result<(), Failure> {
    let labels = labels(args.which.selector.as_deref())?;
    let mut changes = std::pin::pin!(follow::all(cluster.participants(&args.which), labels.as_deref()));
    let mut known = Known { is_everywhere: args.which.all_namespaces, ..Known::default() };
    while let Some(change) = changes.next().await {
        for line in known.on(change?) {
            tell::answer(&format!("{:.0} {line}", Timestamp::now()))?;
        }
    }
    Ok(())
}

/// Those that were seen, by namespace and name.
#[derive(Default)]
struct Known {
    is_everywhere: bool,
    seen: HashMap<String, Seen>,
    /// Those of a list that is being read.
    listed: HashMap<String, Seen>,
}

impl Known {
    /// What is told of a change.
    fn on(&mut self, change: Event<VirtualParticipant>) -> Vec<String> {
        match change {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(participant) => {
                self.listed.insert(self.name(&participant), Seen::of(&participant));
                Vec::new()
            }
            Event::InitDone => self.replaced(),
            Event::Apply(participant) => {
                let (name, now) = (self.name(&participant), Seen::of(&participant));
                let told = about(&name, &now, self.seen.get(&name));
                self.seen.insert(name, now);
                told
            }
            Event::Delete(participant) => {
                let name = self.name(&participant);
                self.seen.remove(&name);
                vec![format!("{name} deleted")]
            }
        }
    }

    /// What became of all while nobody looked.
    fn replaced(&mut self) -> Vec<String> {
        let before = std::mem::replace(&mut self.seen, std::mem::take(&mut self.listed));
        let mut names: Vec<&String> = before.keys().chain(self.seen.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let told = names.into_iter().map(|name| match self.seen.get(name) {
            Some(now) => about(name, now, before.get(name)),
            None => vec![format!("{name} deleted")],
        });
        told.flatten().collect()
    }

    fn name(&self, participant: &VirtualParticipant) -> String {
        match self.is_everywhere {
            true => format!("{}/{}", participant.namespace().unwrap_or_default(), participant.name_any()),
            false => participant.name_any(),
        }
    }
}

fn about(name: &str, now: &Seen, before: Option<&Seen>) -> Vec<String> {
    now.changes(before).into_iter().map(|change| format!("{name} {change}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::ada;
    use serde_json::json;

    fn participant(name: &str, phase: &str) -> VirtualParticipant {
        let mut participant = ada(&json!({}), &json!({"phase": phase}));
        participant.metadata.name = Some(name.to_owned());
        participant
    }

    #[test]
    fn what_changed_while_the_api_server_was_away_is_told_once_it_is_back() {
        let mut known = Known::default();
        let mut on = |change| known.on(change);
        assert_eq!(on(Event::Init), Vec::<String>::new());
        for name in ["ada", "bob", "eve"] {
            on(Event::InitApply(participant(name, "Available")));
        }
        assert_eq!(on(Event::InitDone), ["ada Available", "bob Available", "eve Available"]);
        assert_eq!(on(Event::Apply(participant("ada", "Available"))), Vec::<String>::new());
        assert_eq!(on(Event::Apply(participant("ada", "Failed"))), ["ada Failed"]);
        on(Event::Init);
        on(Event::InitApply(participant("ada", "Failed")));
        on(Event::InitApply(participant("eve", "Invited")));
        assert_eq!(on(Event::InitDone), ["bob deleted", "eve Invited"]);
        assert_eq!(on(Event::Delete(participant("eve", "Invited"))), ["eve deleted"]);
    }

    #[test]
    fn names_of_all_namespaces_have_theirs() {
        let mut known = Known { is_everywhere: true, ..Known::default() };
        assert_eq!(known.on(Event::Apply(participant("ada", "Available"))), ["demo/ada Available"]);
    }
}
