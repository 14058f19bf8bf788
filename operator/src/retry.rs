//! When an object that could not be carried out is tried again. Pure: `now` and chance are arguments.
//!
//! Failures pass by themselves: such an object is only asked to wait. Refusals (a quota, a policy, a missing right) last until
//! somebody does something, and thousands of objects may share one: they wait in a queue of their own, from which one is tried
//! at a time, so that they cost the API server little and healthy objects nothing.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// After the API server failed: soon, because most failures are over at once.
pub const FAILED: Schedule = Schedule { first: Duration::from_secs(1), longest: Duration::from_secs(60) };
/// After a refusal: whoever has just lifted it does not wait for long either.
pub const REFUSED: Schedule = Schedule { first: Duration::from_secs(2), longest: Duration::from_secs(120) };
/// How often an object of those that were refused is tried, of all together.
pub const TURN: Duration = Duration::from_millis(100);

/// Growing intervals.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// After the first time.
    pub first: Duration,
    /// However often.
    pub longest: Duration,
}

impl Schedule {
    /// After that many times in a row: between half of the interval and all of it. `chance` is from 0 to 1, so that many
    /// that failed together do not come back together.
    pub fn delay(self, times: u32, chance: f64) -> Duration {
        let doublings = times.saturating_sub(1).min(16);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

/// About that long, a quarter more or less: for what is done again and again by many that began together.
pub fn spread(whole: Duration, chance: f64) -> Duration {
    whole.mul_f64(0.75 + chance.clamp(0.0, 1.0) / 2.0)
}

/// How often objects have failed in a row, by UID.
#[derive(Debug, Default)]
pub struct Failures {
    of: HashMap<String, (i64, u32)>,
}

impl Failures {
    /// It failed once more: how long it waits. A spec of another generation has not failed yet.
    pub fn failed(&mut self, uid: &str, generation: i64, chance: f64) -> Duration {
        let (of, times) = self.of.entry(uid.to_owned()).or_insert((generation, 0));
        *times = if *of == generation { times.saturating_add(1) } else { 1 };
        *of = generation;
        FAILED.delay(*times, chance)
    }

    /// It did not fail.
    pub fn succeeded(&mut self, uid: &str) {
        self.of.remove(uid);
    }

    /// Forgets all others.
    pub fn keep(&mut self, uids: &HashSet<String>) {
        self.of.retain(|uid, _| uids.contains(uid));
    }
}

/// Objects that were refused, by UID, with what was said of each.
#[derive(Debug)]
pub struct Refusals<Cause> {
    of: HashMap<String, Refusal<Cause>>,
    /// When the next turn begins that nobody has yet.
    free: Option<Instant>,
}

#[derive(Debug)]
struct Refusal<Cause> {
    /// The spec that was refused.
    generation: i64,
    times: u32,
    cause: Cause,
    wait: Wait,
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    /// For its own time.
    Until(Instant),
    /// That has passed; this is its turn among all.
    Turn(Instant),
}

impl<Cause> Default for Refusals<Cause> {
    fn default() -> Self {
        Self { of: HashMap::new(), free: None }
    }
}

impl<Cause: Clone> Refusals<Cause> {
    /// What was said when the object was refused, and how long it still waits. `None`: it may be tried. It may always be if
    /// its spec is another than the one that was refused.
    pub fn wait(&mut self, uid: &str, generation: i64, now: Instant) -> Option<(Cause, Duration)> {
        let refusal = self.of.get_mut(uid).filter(|refusal| refusal.generation == generation)?;
        if let Wait::Until(until) = refusal.wait
            && until <= now
        {
            let turn = self.free.map_or(now, |free| free.max(now));
            self.free = Some(turn + TURN);
            refusal.wait = Wait::Turn(turn);
        }
        let (Wait::Until(until) | Wait::Turn(until)) = refusal.wait;
        let rest = until.saturating_duration_since(now);
        (!rest.is_zero()).then(|| (refusal.cause.clone(), rest))
    }

    /// Whether the object was refused when it was tried last.
    pub fn contains(&self, uid: &str) -> bool {
        self.of.contains_key(uid)
    }

    /// It was refused: how long it waits at least.
    pub fn refused(&mut self, uid: &str, refused: (i64, Cause), now: Instant, chance: f64) -> Duration {
        let (generation, cause) = refused;
        let before = self.of.get(uid).filter(|refusal| refusal.generation == generation);
        let times = before.map_or(0, |refusal| refusal.times).saturating_add(1);
        let delay = REFUSED.delay(times, chance);
        let wait = Wait::Until(now + delay);
        self.of.insert(uid.to_owned(), Refusal { generation, times, cause, wait });
        delay
    }

    /// It was not refused.
    pub fn accepted(&mut self, uid: &str) {
        self.of.remove(uid);
    }

    /// Forgets all others.
    pub fn keep(&mut self, uids: &HashSet<String>) {
        self.of.retain(|uid, _| uids.contains(uid));
    }

    /// How many were refused.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A number from 0 to 1 that is another for each argument.
    fn chance(number: u64) -> f64 {
        f64::from(u32::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).unwrap())
            / f64::from(u32::MAX)
    }

    #[test]
    fn what_fails_again_and_again_is_tried_more_and_more_seldom() {
        let mut failures = Failures::default();
        let delays: Vec<u64> = (0..9).map(|_| failures.failed("u", 1, 1.0).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        failures.succeeded("u");
        assert_eq!(failures.failed("u", 1, 1.0), SECOND, "once it has not failed it begins anew");
        failures.failed("u", 1, 1.0);
        assert_eq!(failures.failed("u", 2, 1.0), SECOND, "another spec has not failed yet");
    }

    #[test]
    fn those_that_failed_together_do_not_come_back_together() {
        let schedule = Schedule { first: 8 * SECOND, longest: 300 * SECOND };
        assert_eq!([0.0, 0.5, 1.0].map(|chance| schedule.delay(1, chance).as_secs()), [4, 6, 8]);
        assert_eq!([0.0, 0.5, 1.0].map(|chance| spread(600 * SECOND, chance).as_secs()), [450, 600, 750]);
    }

    #[test]
    fn a_refused_object_waits_for_its_time_and_says_why() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        assert!(refusals.wait("u", 1, start).is_none());
        assert_eq!(refusals.refused("u", (1, "quota"), start, 1.0), 2 * SECOND);
        assert_eq!(refusals.wait("u", 1, start), Some(("quota", 2 * SECOND)));
        assert!(refusals.wait("u", 1, start + 2 * SECOND).is_none());
        assert_eq!(refusals.refused("u", (1, "quota"), start + 2 * SECOND, 1.0), 4 * SECOND);
        refusals.accepted("u");
        assert!(refusals.wait("u", 1, start).is_none());
    }

    #[test]
    fn a_spec_that_was_changed_does_not_wait_for_what_was_refused() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        refusals.refused("u", (1, "policy"), start, 1.0);
        assert!(refusals.wait("u", 2, start).is_none());
        assert_eq!(refusals.refused("u", (2, "policy"), start, 1.0), 2 * SECOND, "it begins anew");
    }

    /// Each object is looked at when it asked for it, as a controller does; when it may be tried, it is refused again.
    #[test]
    fn five_thousand_refused_objects_make_at_most_ten_requests_a_second() {
        const MOST_A_SECOND: usize = 10;
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        let mut due: std::collections::BTreeSet<(Instant, u64)> =
            (0..5000).map(|object| (start, object)).collect();
        let mut tries = vec![0_usize; 1800];
        let mut tried = HashMap::<u64, u32>::new();
        for (object, number) in (0..5000).zip(1..) {
            // The first time nobody knows yet.
            refusals.refused(&format!("{object}"), (1, ()), start, chance(number));
        }
        let mut looks = 0_u64;
        while let Some((now, object)) = due.pop_first() {
            let second = usize::try_from((now - start).as_secs()).unwrap();
            let Some(tries) = tries.get_mut(second) else { break };
            looks += 1;
            let uid = format!("{object}");
            let rest = match refusals.wait(&uid, 1, now) {
                Some(((), rest)) => rest,
                None => {
                    *tries += 1;
                    *tried.entry(object).or_default() += 1;
                    refusals.refused(&uid, (1, ()), now, chance(looks))
                }
            };
            due.insert((now + rest, object));
        }
        assert!(tries.iter().all(|tries| *tries <= MOST_A_SECOND), "{tries:?}");
        assert_eq!(tried.len(), 5000, "each has its turn");
        assert!(looks < 100_000, "{looks} looks: those that wait are left alone");
    }

    #[test]
    fn one_that_waits_long_holds_up_no_other() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        for _ in 0..12 {
            refusals.refused("old", (1, ()), start, 1.0);
        }
        refusals.refused("new", (1, ()), start, 1.0);
        assert!(refusals.wait("new", 1, start + 2 * SECOND).is_none());
        assert!(refusals.wait("old", 1, start + 2 * SECOND).is_some());
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let (mut refusals, mut failures, start) = (Refusals::default(), Failures::default(), Instant::now());
        for uid in ["a", "b"] {
            refusals.refused(uid, (1, ()), start, 1.0);
            failures.failed(uid, 1, 1.0);
        }
        let only_a = HashSet::from(["a".to_owned()]);
        refusals.keep(&only_a);
        failures.keep(&only_a);
        assert_eq!((refusals.len(), failures.of.len()), (1, 1));
    }
}
