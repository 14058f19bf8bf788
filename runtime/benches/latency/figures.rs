//! From what was sent and what was seen to figures.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use super::page::Sight;

/// Of the way from the wire to the page: less than a frame's interval, so that nothing on it waits for the next frame.
const P50_BOUND_MILLISECONDS: f64 = 20.0;

/// What one way in showed.
pub struct Measured {
    pub path: &'static str,
    megabits_per_second: f64,
    sent: usize,
    passages: Vec<Passage>,
}

/// One frame's way.
struct Passage {
    number: u32,
    /// Complete on the wire.
    sent: Duration,
    /// Until the page had the frame, in milliseconds.
    handed: f64,
    /// Until it had read it.
    read: f64,
}

pub struct Summary {
    pub count: usize,
    pub missing: usize,
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

impl Measured {
    /// `sent` by number, in Unix time; the first `skip` frames do not count.
    pub fn new(
        path: &'static str,
        megabits_per_second: f64,
        sent: &[Duration],
        seen: &[Sight],
        skip: usize,
    ) -> Self {
        let mut first: HashMap<u32, &Sight> = HashMap::new();
        for sight in seen {
            first.entry(sight.number).or_insert(sight);
        }
        let passages = (0..).zip(sent).skip(skip).filter_map(|(number, sent)| {
            let sight = first.get(&number)?;
            let since = |then: Duration| (then.as_secs_f64() - sent.as_secs_f64()) * 1000.0;
            Some(Passage { number, sent: *sent, handed: since(sight.handed), read: since(sight.read) })
        });
        Self { path, megabits_per_second, sent: sent.len() - skip, passages: passages.collect() }
    }

    pub fn summary(&self) -> Summary {
        let mut all: Vec<f64> = self.passages.iter().map(|passage| passage.read).collect();
        assert!(!all.is_empty(), "{}: no frame was seen", self.path);
        all.sort_by(f64::total_cmp);
        // The nearest rank.
        let rank = |share: f64| all[((all.len() as f64 * share).ceil() as usize).clamp(1, all.len()) - 1];
        Summary {
            count: all.len(),
            missing: self.sent - all.len(),
            p50: rank(0.5),
            p95: rank(0.95),
            max: all[all.len() - 1],
        }
    }

    /// As a table's row.
    pub fn row(&self) -> String {
        let Summary { count, missing, p50, p95, max } = self.summary();
        let rate = self.megabits_per_second;
        format!(
            "| {} | {rate:.1} Mb/s | {count} | {missing} | {p50:.1} ms | {p95:.1} ms | {max:.1} ms | \
             {P50_BOUND_MILLISECONDS} ms |",
            self.path
        )
    }

    /// The figure that passes its bound, if it does.
    pub fn excess(&self) -> Option<String> {
        let p50 = self.summary().p50;
        let text = format!("{}: p50 is {p50:.1} ms, more than {P50_BOUND_MILLISECONDS} ms", self.path);
        (p50 > P50_BOUND_MILLISECONDS).then_some(text)
    }

    /// Each frame, as lines of a CSV file.
    pub fn lines(&self) -> String {
        self.passages.iter().fold(String::new(), |mut text, passage| {
            let Passage { number, sent, handed, read } = passage;
            let line =
                writeln!(text, "{},{number},{:.6},{handed:.3},{read:.3}", self.path, sent.as_secs_f64());
            line.expect("text must grow");
            text
        })
    }
}

pub const HEAD: &str = "| Way in | Rate | Frames seen | Not seen | p50 | p95 | Longest | Bound of p50 |\n\
                        |---|---|---|---|---|---|---|---|";
pub const COLUMNS: &str = "way,number,sent_unix_seconds,handed_milliseconds,read_milliseconds";
