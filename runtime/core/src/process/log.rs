//! What a process has written: its latest lines, those before it began to work, and the runs before this one.
//!
//! Lines come without secrets: those are taken out by whoever knows them (`command::Secrets`).

use std::collections::VecDeque;

use serde::Serialize;

use super::machine::{Ended, Exit};

/// Of a run.
const LINES: usize = 50;
/// Lines before it began to work.
const PRELUDE: usize = 100;
/// Runs that have ended.
const RUNS: usize = 3;
/// Of a line, in bytes: enough for any that says something.
const LONGEST: usize = 1024;

/// The report of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    #[serde(flatten)]
    run: Run,
    /// The oldest first.
    history: VecDeque<Run>,
}

/// One run, or the one that was last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Unix seconds; 0: there was none.
    pub created_at: i64,
    /// Up to when it began to work.
    pub prelude: Vec<String>,
    /// Unix seconds, as text, and what was written then.
    pub log: VecDeque<(String, String)>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    #[serde(skip)]
    is_working: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// Unix seconds.
    pub exited_at: i64,
    /// `finished`, `failed` or `killed`.
    pub exit_state: &'static str,
    /// Not if a signal ended it, or if it never ran.
    pub exit_code: Option<i32>,
    /// As the system numbers it.
    pub exit_signal: Option<i32>,
    /// In the order in which they were sent.
    pub signals_sent: Vec<&'static str>,
    /// Why it was told to end, or could not be started.
    pub reason: String,
}

impl Log {
    /// A run begins; the one before becomes history.
    pub fn begin(&mut self, now: i64) {
        let before = std::mem::replace(&mut self.run, Run { created_at: now, ..Run::default() });
        if before.created_at != 0 {
            self.history.push_back(before);
        }
        while self.history.len() > RUNS {
            self.history.pop_front();
        }
    }

    /// It has written a line, or we have to say something of it.
    pub fn line(&mut self, now: i64, line: &str) {
        if !self.run.is_working && self.run.prelude.len() < PRELUDE {
            self.run.prelude.push(line.to_owned());
        }
        if self.run.log.len() == LINES {
            self.run.log.pop_front();
        }
        self.run.log.push_back((now.to_string(), line.to_owned()));
    }

    /// It reports progress: what comes now is no prelude.
    pub const fn works(&mut self) {
        self.run.is_working = true;
    }

    pub fn ended(&mut self, now: i64, ended: &Ended) {
        self.run.end = Some(End::of(now, ended));
    }

    /// The latest; empty if there is none.
    pub fn last_line(&self) -> &str {
        self.run.log.back().map_or("", |(_, line)| line)
    }

    pub const fn run(&self) -> &Run {
        &self.run
    }

    pub const fn history(&self) -> &VecDeque<Run> {
        &self.history
    }
}

impl End {
    fn of(now: i64, ended: &Ended) -> Self {
        let interrupts = std::iter::repeat_n("SIGINT", usize::from(ended.interrupts));
        Self {
            exited_at: now,
            exit_state: ended.exec.word(),
            exit_code: match ended.exit {
                Some(Exit::Code(code)) => Some(code),
                _ => None,
            },
            exit_signal: match ended.exit {
                Some(Exit::Signal(signal)) => Some(signal),
                _ => None,
            },
            signals_sent: interrupts.chain(ended.was_killed.then_some("SIGKILL")).collect(),
            reason: match (&ended.unspawned, ended.asked) {
                (Some(why), _) => why.clone(),
                (None, Some(cause)) => cause.message().to_owned(),
                (None, None) => String::new(),
            },
        }
    }
}

/// What a process wrote, as a line that can be shown: of bounded length, without what moves a terminal's cursor.
pub fn shown(line: &[u8]) -> String {
    let head = line.get(..line.len().min(LONGEST)).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    let mut text: String = text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
    text.truncate(text.trim_end().len());
    if head.len() < line.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::process::machine::{Cause, Exec};

    fn ended() -> Ended {
        Ended {
            exec: Exec::Killed,
            exit: Some(Exit::Signal(9)),
            asked: Some(Cause::Stopped),
            interrupts: 2,
            was_killed: true,
            unspawned: None,
        }
    }

    #[test]
    fn a_report_has_the_latest_lines_and_those_before_it_worked() {
        let mut log = Log::default();
        log.begin(7);
        (0..120).for_each(|n| log.line(8, &format!("line {n}")));
        log.works();
        log.line(9, "late");
        let run = log.run();
        assert_eq!((run.prelude.len(), run.log.len()), (PRELUDE, LINES));
        assert_eq!(run.log.front(), Some(&("8".to_owned(), "line 71".to_owned())));
        assert_eq!(log.last_line(), "late");
        let mut short = Log::default();
        short.begin(1);
        short.line(1, "first");
        short.works();
        short.line(2, "second");
        assert_eq!(short.run().prelude, ["first"]);
    }

    #[test]
    fn the_last_three_runs_are_kept_with_how_they_ended() {
        let mut log = Log::default();
        for at in 1..=5 {
            log.begin(at);
            log.line(at, "hello");
            log.ended(at + 1, &ended());
        }
        let begun: Vec<_> = log.history().iter().map(|run| run.created_at).collect();
        assert_eq!(begun, [2, 3, 4]);
        log.begin(6);
        let told = serde_json::to_value(&log).unwrap();
        assert_eq!(
            (&told["created_at"], &told["prelude"], &told["log"]),
            (&json!(6), &json!([]), &json!([]))
        );
        assert_eq!(
            told["history"][2],
            json!({
                "created_at": 5, "prelude": ["hello"], "log": [["5", "hello"]], "exited_at": 6, "exit_state": "killed",
                "exit_code": null, "exit_signal": 9, "signals_sent": ["SIGINT", "SIGINT", "SIGKILL"],
                "reason": "it was told to stop",
            })
        );
        assert_eq!(told.get("exited_at"), None);
    }

    #[test]
    fn what_could_not_be_started_is_in_the_report_with_its_words() {
        let mut log = Log::default();
        log.begin(1);
        let unspawned = Some("no such program".to_owned());
        let end = Ended {
            exec: Exec::Failed,
            exit: None,
            asked: None,
            interrupts: 0,
            was_killed: false,
            unspawned,
        };
        log.ended(1, &end);
        let end = log.run().end.as_ref().unwrap();
        assert_eq!((end.exit_state, end.exit_code, end.reason.as_str()), ("failed", None, "no such program"));
        assert!(end.signals_sent.is_empty());
    }

    proptest! {
        #[test]
        fn whatever_is_written_can_be_shown(line in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let shown = shown(&line);
            // A byte that is none of a character's becomes three.
            prop_assert!(shown.len() <= 3 * LONGEST + '…'.len_utf8());
            prop_assert!(shown.chars().all(|c| c == '\t' || !c.is_control()));
            prop_assert!(line.len() <= LONGEST || shown.ends_with('…'));
        }
    }
}
