//! What a crowd saw, for people and for programs.

mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::crowd::{Outcome, Seen, Together};
use crate::statistics::Spread;
use crate::tally::{Counts, Moments};

/// The field names are the JSON's.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub viewers: Group,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<Group>,
    pub together: While,
    /// Datagrams that the measuring machine had no room for: they count as lost, and it is not the server that lost them.
    pub dropped_by_this_machine: u64,
}

/// Viewers of one purpose.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    pub asked: usize,
    pub connected: usize,
    pub pictured: usize,
    /// Reasons and how many had them.
    pub failures: BTreeMap<String, usize>,
    /// From the request to each.
    pub answer: Option<Spread>,
    pub connection: Option<Spread>,
    pub first_packet: Option<Spread>,
    pub keyframe: Option<Spread>,
    pub counts: Counts,
}

/// The time in which all watched.
#[derive(Clone, Debug, Serialize)]
pub struct While {
    pub seconds: f64,
    pub viewers: usize,
    pub packets_per_viewer_second: f64,
    pub bits_per_viewer_second: f64,
    pub counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Cost>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    pub cpu_milliseconds_per_viewer_second: f64,
    pub cpu_share: f64,
    pub memory_before_bytes: u64,
    pub memory_bytes: u64,
    pub memory_per_viewer_bytes: u64,
}

impl Report {
    pub fn of(seen: &Seen) -> Self {
        Self {
            viewers: Group::of(&seen.steady),
            churn: (!seen.passing.is_empty()).then(|| Group::of(&seen.passing)),
            together: While::of(&seen.together),
            dropped_by_this_machine: seen.dropped_here,
        }
    }

    /// Why nobody connected; none: somebody did, or nobody was to.
    pub fn nobody(&self) -> Option<String> {
        let Group { asked, connected, failures, .. } = &self.viewers;
        let reasons: Vec<_> = failures.keys().map(String::as_str).collect();
        (*asked > 0 && *connected == 0).then(|| reasons.join("; "))
    }
}

impl Group {
    fn of(outcomes: &[Outcome]) -> Self {
        let moments = || outcomes.iter().map(|outcome| &outcome.tally.moments);
        let spread = |moment: fn(&Moments) -> Option<std::time::Instant>| {
            Spread::of(moments().filter_map(|moments| moments.until(moment)))
        };
        let mut failures = BTreeMap::new();
        for failure in outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()) {
            *failures.entry(failure.to_string()).or_insert(0) += 1;
        }
        Self {
            asked: outcomes.len(),
            connected: moments().filter(|moments| moments.connected.is_some()).count(),
            pictured: moments().filter(|moments| moments.keyframe.is_some()).count(),
            failures,
            answer: spread(|moments| moments.answered),
            connection: spread(|moments| moments.connected),
            first_packet: spread(|moments| moments.first_packet),
            keyframe: spread(|moments| moments.keyframe),
            counts: outcomes.iter().fold(Counts::default(), |sum, outcome| sum + outcome.tally.counts),
        }
    }
}

impl While {
    fn of(together: &Together) -> Self {
        let Together { viewers, time, counts, server } = *together;
        let viewer_seconds = viewers as f64 * time.as_secs_f64();
        let each = |amount: f64| if viewer_seconds > 0.0 { amount / viewer_seconds } else { 0.0 };
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let server = server.map(|server| Cost {
            cpu_milliseconds_per_viewer_second: each(milliseconds(server.cpu)),
            cpu_share: server.cpu.as_secs_f64() / time.as_secs_f64().max(f64::MIN_POSITIVE),
            memory_before_bytes: server.memory_before_bytes,
            memory_bytes: server.memory_bytes,
            memory_per_viewer_bytes: server
                .memory_bytes
                .saturating_sub(server.memory_before_bytes)
                .checked_div(viewers as u64)
                .unwrap_or(0),
        });
        Self {
            seconds: time.as_secs_f64(),
            viewers,
            packets_per_viewer_second: each(counts.packets as f64),
            bits_per_viewer_second: each(counts.bytes as f64 * 8.0),
            counts,
            server,
        }
    }
}
