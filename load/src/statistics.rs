//! Figures of many viewers in a few words.

use std::time::Duration;

use serde::Serialize;

/// How a set of durations is spread, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub count: usize,
    pub p50_milliseconds: f64,
    pub p95_milliseconds: f64,
    pub max_milliseconds: f64,
}

impl Spread {
    /// None: there is nothing to tell of.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut all: Vec<f64> =
            durations.into_iter().map(|duration| duration.as_secs_f64() * 1000.0).collect();
        all.sort_by(f64::total_cmp);
        Some(Self {
            count: all.len(),
            p50_milliseconds: nearest_rank(&all, 0.5)?,
            p95_milliseconds: nearest_rank(&all, 0.95)?,
            max_milliseconds: *all.last()?,
        })
    }
}

/// The least value that no more than the rest of `share` exceeds. `sorted` rises.
fn nearest_rank(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(milliseconds: impl IntoIterator<Item = u64>) -> Option<Spread> {
        Spread::of(milliseconds.into_iter().map(Duration::from_millis))
    }

    #[test]
    fn ranks_are_values_that_were_there() {
        let all = spread((1..=100).rev()).expect("there are values");
        assert_eq!((all.p50_milliseconds, all.p95_milliseconds, all.max_milliseconds), (50.0, 95.0, 100.0));
        assert_eq!(all.count, 100);
    }

    #[test]
    fn one_value_is_all_of_its_ranks() {
        let one = spread([7]).expect("there is a value");
        assert_eq!((one.p50_milliseconds, one.p95_milliseconds, one.max_milliseconds), (7.0, 7.0, 7.0));
    }

    #[test]
    fn the_slowest_of_few_is_their_p95() {
        assert_eq!(spread([1, 2, 3, 90]).map(|all| all.p95_milliseconds), Some(90.0));
    }

    #[test]
    fn of_nothing_there_is_no_spread() {
        assert_eq!(spread([]), None);
    }
}
