//! What a child uses, as the kernel counts it (proc_pid_stat(5)).

use std::time::Instant;

use nix::unistd::{SysconfVar, sysconf};
use understudy_core::process::machine::Usage;

/// Samples of one child, each since the last.
#[derive(Debug)]
pub(super) struct Sampler {
    pid: i32,
    last: Option<(Instant, u64)>,
}

impl Sampler {
    pub(super) const fn new(pid: i32) -> Self {
        Self { pid, last: None }
    }

    /// None: it is gone.
    pub(super) fn sample(&mut self, now: Instant) -> Option<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let (ticks, pages) = read(&stat)?;
        let last = self.last.replace((now, ticks));
        let cpu_percent = last.map_or(0.0, |(then, before)| {
            let (spent, passed) = (ticks.saturating_sub(before), now.duration_since(then).as_secs_f64());
            let seconds = count(spent) / count(system(SysconfVar::CLK_TCK, 100));
            if passed > 0.0 { 100.0 * seconds / passed } else { 0.0 }
        });
        let memory_bytes = pages.saturating_mul(system(SysconfVar::PAGE_SIZE, 4096));
        Some(Usage { cpu_percent, memory_bytes })
    }
}

/// Ticks of processors that it has had, and pages that it has in memory.
fn read(stat: &str) -> Option<(u64, u64)> {
    // Behind the name, which may hold anything; the first field there is the third.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some((field(14)? + field(15)?, field(24)?))
}

fn system(what: SysconfVar, otherwise: u64) -> u64 {
    sysconf(what).ok().flatten().and_then(|value| u64::try_from(value).ok()).unwrap_or(otherwise)
}

#[expect(clippy::cast_precision_loss, reason = "ticks of weeks fit")]
const fn count(ticks: u64) -> f64 {
    ticks as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_anything_in_it_hides_no_field() {
        let stat = "7 (a ) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 9 1000 33 184467";
        assert_eq!(read(stat), Some((300, 33)));
        assert_eq!(read("7 (a) S 1"), None);
    }

    #[test]
    fn this_program_uses_something_and_one_that_is_gone_nothing() {
        let here = i32::try_from(std::process::id()).unwrap();
        let mut sampler = Sampler::new(here);
        let now = Instant::now();
        let first = sampler.sample(now).unwrap();
        assert!(first.memory_bytes > 1 << 20 && first.cpu_percent == 0.0);
        assert!(sampler.sample(now + std::time::Duration::from_secs(1)).unwrap().cpu_percent >= 0.0);
        assert!(Sampler::new(i32::MAX).sample(now).is_none());
    }
}
