//! What a session's process has at a moment.

use std::time::Duration;

use understudy_e2e::wait;

use super::session::Session;

/// A rest on a machine that does more than this.
const SOON: Duration = Duration::from_secs(40);
/// As many descriptors for so many looks are a rest.
const LOOKS: usize = 20;
const LOOK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub descriptors: u64,
    pub threads: u64,
    pub resident_kib: u64,
}

impl Held {
    pub fn by(session: &Session) -> Self {
        let process = format!("/proc/{}", session.pid());
        let entries = |folder: &str| std::fs::read_dir(format!("{process}/{folder}")).unwrap().count() as u64;
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident_kib = resident.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
        Self { descriptors: entries("fd"), threads: entries("task"), resident_kib }
    }

    /// Once all that a start brings along is there: as many descriptors for a while.
    pub async fn at_rest(session: &Session) -> Self {
        let rests = async || {
            let first = Self::by(session);
            for _ in 0..LOOKS {
                tokio::time::sleep(LOOK).await;
                let now = Self::by(session);
                if now.descriptors != first.descriptors {
                    return Err(format!("{first:?} and then {now:?}"));
                }
            }
            Ok(first)
        };
        wait::until(SOON, rests).await.0
    }

    /// Waits until no more is held than that, and so much besides.
    pub async fn comes_back(self, session: &Session, more: Self) {
        let settled = async || {
            let now = Self::by(session);
            let grown = now.descriptors > self.descriptors + more.descriptors
                || now.threads > self.threads + more.threads
                || now.resident_kib > self.resident_kib + more.resident_kib;
            if grown { Err(format!("{self:?} before and {now:?} now")) } else { Ok(()) }
        };
        wait::until(SOON, settled).await;
    }
}
