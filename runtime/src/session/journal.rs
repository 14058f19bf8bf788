//! Things that happened, numbered, the newest kept.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use understudy_core::condition::{Attention, Happening};
use understudy_core::part::Part;
use understudy_core::report;
use understudy_proto::v1;

/// A reader that comes back after a while still finds the last of them.
const KEPT: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Journal {
    next: u64,
    kept: VecDeque<v1::Happening>,
}

impl Journal {
    pub(super) fn gone(&mut self, part: Part, why: &str) {
        self.failed("Lost", format!("{} is gone and will be started again: {why}", report::name(part)));
    }

    pub(super) fn unstarted(&mut self, part: Part, why: &str) {
        let (reason, verb) = match part {
            Part::Page => ("PageLoadFailed", "cannot be loaded"),
            _ => ("StartFailed", "did not start"),
        };
        self.failed(reason, format!("{} {verb}: {why}", report::name(part)));
    }

    pub(super) fn restored(&mut self, part: Part) {
        let message = format!("{} is back", report::name(part));
        self.add(Happening { attention: Attention::Normal, reason: "Restored", message });
    }

    pub(super) fn reloaded(&mut self, returned: Part) {
        let message = format!("{} is back; the page is loaded again to use it", report::name(returned));
        self.add(Happening { attention: Attention::Normal, reason: "PageReloaded", message });
    }

    pub(super) fn dialog(&mut self, kind: &str) {
        let message = format!(
            "the page opened a dialog ({kind}), which stops it; it is closed where nobody answers it"
        );
        self.add(Happening { attention: Attention::Warning, reason: "PageDialog", message });
    }

    pub(super) fn snapshot(&self) -> Vec<v1::Happening> {
        self.kept.iter().cloned().collect()
    }

    fn failed(&mut self, reason: &'static str, message: String) {
        self.add(Happening { attention: Attention::Warning, reason, message });
    }

    pub(super) fn add(&mut self, happening: Happening) {
        match happening.attention {
            Attention::Normal => {
                tracing::info!(reason = happening.reason, message = happening.message, "session");
            }
            Attention::Warning => {
                tracing::warn!(reason = happening.reason, message = happening.message, "session");
            }
        }
        self.next += 1;
        self.kept.push_back(v1::Happening {
            sequence: self.next,
            r#type: happening.attention.to_string(),
            reason: happening.reason.to_owned(),
            message: happening.message,
            unix_seconds: unix_seconds(SystemTime::now()),
        });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }
}

/// Since 1970.
pub(super) fn unix_seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
