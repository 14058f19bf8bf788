//! What a report says that the one before did not: whom that concerns. Pure.

use std::collections::{BTreeSet, HashMap};
use understudy_proto::v1::{LivestreamReport, Report};

/// Of what a session said nobody was told yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum News {
    #[default]
    Nothing,
    /// Of its owner, and of these of its livestreams.
    Some(BTreeSet<String>),
    /// Of its owner and of all its livestreams.
    All,
}

impl News {
    /// What a report says that the one before did not. Livestreams look at what is said of them and of the session, and not
    /// at what happened or at one another.
    pub(super) fn between(before: Option<&Report>, after: &Report) -> Self {
        let Some(before) = before else { return Self::All };
        if before == after {
            return Self::Nothing;
        }
        if rest(before) != rest(after) {
            return Self::All;
        }
        let (before, after) = (by_name(before), by_name(after));
        let new = after.iter().filter(|(name, said)| before.get(*name) != Some(*said));
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        Self::Some(new.chain(gone).map(|(name, _)| (*name).to_owned()).collect())
    }

    pub(super) fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (_, Self::Nothing) | (Self::All, _) => {}
            (Self::Some(names), Self::Some(more)) => names.extend(more),
            (before, more) => *before = more,
        }
    }
}

/// All of a report but what livestreams look at by themselves, or not at all.
fn rest(report: &Report) -> impl PartialEq + '_ {
    let Report {
        observed_generation,
        conditions,
        media,
        ports,
        refusals,
        invitation,
        livestreams: _,
        happenings: _,
    } = report;
    (observed_generation, conditions, media, ports, refusals, invitation)
}

fn by_name(report: &Report) -> HashMap<&str, &LivestreamReport> {
    report.livestreams.iter().map(|livestream| (livestream.name.as_str(), livestream)).collect()
}
