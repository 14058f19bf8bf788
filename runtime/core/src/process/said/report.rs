//! The report of progress: `key=value` lines, of which `progress=` ends each round.
//!
//! On the same pipe come the lines by which the RTP outputs describe themselves; they are let be.

use super::Progress;

/// One run's report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What the round has said so far.
    round: Progress,
}

impl Report {
    /// The whole of a round at its last line. What a round does not tell stays as it was.
    pub fn line(&mut self, line: &str) -> Option<Progress> {
        let (key, value) = line.trim().split_once('=')?;
        let value = value.trim();
        match key {
            "frame" => set(&mut self.round.frame, value),
            "fps" => set_number(&mut self.round.fps, value),
            "total_size" => set(&mut self.round.size_bytes, value),
            // `out_time_ms` is in microseconds, too.
            "out_time_us" => {
                let mut microseconds = self.round.time_seconds * 1e6;
                set_number(&mut microseconds, value);
                self.round.time_seconds = microseconds / 1e6;
            }
            "bitrate" => set_number(&mut self.round.bitrate_kbps, value.trim_end_matches("kbits/s")),
            "speed" => set_number(&mut self.round.speed, value.trim_end_matches('x')),
            "dup_frames" => set(&mut self.round.dup, value),
            "drop_frames" => set(&mut self.round.drop, value),
            "progress" if matches!(value, "continue" | "end") => return Some(self.round),
            // Of the first picture of the first output.
            "stream_0_0_q" => set_number(&mut self.round.q, value),
            _ => {}
        }
        None
    }
}

fn set(field: &mut u64, value: &str) {
    if let Ok(value) = value.parse() {
        *field = value;
    }
}

/// `N/A` leaves it as it is; what begins before 0 has not begun.
fn set_number(field: &mut f64, value: &str) {
    if let Some(value) = value.trim().parse().ok().filter(|value: &f64| value.is_finite()) {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As 5.1.9 wrote it: sound and picture by RTP, which describe themselves first.
    const OLD: &str = include_str!("report/5.1.9.txt");
    /// The same by 9.0.2.
    const NEW: &str = include_str!("report/9.0.2.txt");

    fn rounds(text: &str) -> Vec<Progress> {
        let mut report = Report::default();
        text.lines().filter_map(|line| report.line(line)).collect()
    }

    #[test]
    fn a_report_is_read_by_rounds_whichever_ffmpeg_wrote_it() {
        for text in [OLD, NEW] {
            let rounds = rounds(text);
            let last = rounds.last().unwrap();
            assert_eq!((last.frame, last.size_bytes), (75, 23_798), "{last:?}");
            assert!((3.0..3.1).contains(&last.time_seconds), "{last:?}");
            assert!((0.9..1.3).contains(&last.speed) && last.fps > 20.0 && last.q < 0.0, "{last:?}");
            assert!(rounds.windows(2).all(|pair| pair[1].has_moved_since(&pair[0])), "{rounds:?}");
        }
    }

    #[test]
    fn what_stands_still_has_not_moved_though_its_rounds_go_on() {
        let stalled = "frame=10\nfps=5.00\nout_time_us=400000\nspeed=0.5x\nprogress=continue\n\
                       frame=10\nfps=4.00\nout_time_us=400000\nspeed=0.4x\nprogress=continue\n";
        let rounds = rounds(stalled);
        assert!(!rounds[1].has_moved_since(&rounds[0]), "{rounds:?}");
    }

    #[test]
    fn what_is_not_available_stays_as_it_was() {
        let rounds =
            rounds("out_time_us=1000000\nprogress=continue\nout_time_us=N/A\nbitrate=N/A\nprogress=end\n");
        assert_eq!(rounds.iter().map(|round| round.time_seconds).collect::<Vec<_>>(), [1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(
            lines in proptest::collection::vec(".{0,40}|(frame|fps|out_time_us|speed|progress)=.{0,24}", 0..20),
        ) {
            let mut report = Report::default();
            for line in lines {
                if let Some(progress) = report.line(&line) {
                    prop_assert!(progress.time_seconds.is_finite() && progress.speed.is_finite());
                }
            }
        }
    }
}
