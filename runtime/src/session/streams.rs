//! The session's ways out that have a name of their own, and how they stand.

use std::collections::HashMap;
use std::time::SystemTime;

use understudy_core::outputs::{Outputs, Refusal};
use understudy_core::report::Stance;
use understudy_core::spec::{Livestream, Refused};

use super::want::PROGRAM;

#[derive(Default)]
pub(super) struct Streams {
    outputs: Outputs,
    /// Since when each is as it is.
    since: HashMap<String, (Livestream, SystemTime)>,
}

/// One way out as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamView {
    pub livestream: Livestream,
    /// When it was started.
    pub since: SystemTime,
    /// Whether what it sends, or would send to whoever comes, is there.
    pub is_streaming: bool,
}

impl Streams {
    pub(super) fn want(
        &mut self,
        asked: impl IntoIterator<Item = Result<Livestream, Refused>>,
    ) -> Vec<Refused> {
        let refused = self.outputs.want(asked);
        self.date();
        refused
    }

    pub(super) fn start(&mut self, livestream: Livestream, stance: Stance) -> Result<(), Refusal> {
        self.outputs.start(livestream, stance, false)?;
        self.date();
        Ok(())
    }

    pub(super) fn stop(&mut self, name: &str) -> Result<(), Refusal> {
        self.outputs.stop(name)?;
        self.date();
        Ok(())
    }

    pub(super) fn told(&self) -> &[Livestream] {
        self.outputs.told()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Livestream> {
        self.outputs.all()
    }

    /// All but the program under its own name. `shows`: whether that has a picture.
    pub(super) fn views(&self, shows: bool) -> Vec<StreamView> {
        let named = self.all().filter(|livestream| livestream.name != PROGRAM);
        named.filter_map(|livestream| self.view(&livestream.name, shows)).collect()
    }

    pub(super) fn view(&self, name: &str, shows: bool) -> Option<StreamView> {
        let (livestream, since) = self.since.get(name)?.clone();
        Some(StreamView { livestream, since, is_streaming: shows })
    }

    /// What is new, or another than it was, began now.
    fn date(&mut self) {
        let now = SystemTime::now();
        let before = std::mem::take(&mut self.since);
        let dated = self.outputs.all().map(|livestream| {
            let same = before.get(&livestream.name).filter(|(other, _)| other == livestream);
            (livestream.name.clone(), (livestream.clone(), same.map_or(now, |(_, since)| *since)))
        });
        self.since = dated.collect();
    }
}
