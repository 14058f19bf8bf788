//! The report as people read it.

use std::fmt;

use super::{Cost, Group, Report, While};
use crate::statistics::Spread;

const MEBIBYTE: f64 = 1_048_576.0;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.viewers.write("viewers", f)?;
        if let Some(churn) = &self.churn {
            churn.write("coming and going", f)?;
        }
        self.together.fmt(f)?;
        if self.dropped_by_this_machine > 0 {
            writeln!(
                f,
                "this machine had no room for {} datagrams: it measures itself, not the server",
                self.dropped_by_this_machine
            )?;
        }
        Ok(())
    }
}

impl Group {
    fn write(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, connected, pictured, counts, .. } = self;
        writeln!(f, "{name}: {asked} asked, {connected} connected, {pictured} saw a whole keyframe")?;
        for (reason, count) in &self.failures {
            writeln!(f, "  {count} × {reason}")?;
        }
        writeln!(
            f,
            "  {:<20}{:>8}{:>12}{:>12}{:>12}",
            "since the request", "count", "p50", "p95", "longest"
        )?;
        let moments = [
            ("answer", self.answer),
            ("connected", self.connection),
            ("first packet", self.first_packet),
            ("whole keyframe", self.keyframe),
        ];
        for (name, spread) in moments {
            row(name, spread, f)?;
        }
        writeln!(f, "  packets {}, bytes {}, lost {}", counts.packets, counts.bytes, counts.lost)?;
        writeln!(
            f,
            "  duplicates {}, overtaken {}, sent again {}, unknown {}",
            counts.duplicates, counts.overtaken, counts.retransmitted, counts.unknown
        )?;
        writeln!(
            f,
            "  decrypted {} of {} (the sample, and first pictures), keyframes in them {}",
            counts.decrypted, counts.decrypting, counts.keyframes
        )?;
        writeln!(
            f,
            "  sent: receiver reports {}, NACKs {} for {} packets, PLIs {}; sender reports heard {}",
            counts.reports_sent,
            counts.nacks_sent,
            counts.packets_asked_for,
            counts.plis_sent,
            counts.sender_reports
        )
    }
}

fn row(name: &str, spread: Option<Spread>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(Spread { count, p50_milliseconds, p95_milliseconds, max_milliseconds }) = spread else {
        return writeln!(f, "  {name:<20}{:>8}", 0);
    };
    let [p50, p95, max] =
        [p50_milliseconds, p95_milliseconds, max_milliseconds].map(|value| format!("{value:.1} ms"));
    writeln!(f, "  {name:<20}{count:>8}{p50:>12}{p95:>12}{max:>12}")
}

impl fmt::Display for While {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, viewers, packets_per_viewer_second, bits_per_viewer_second, counts, .. } = self;
        writeln!(f, "together: {viewers} viewers for {seconds:.1} s")?;
        writeln!(
            f,
            "  each {packets_per_viewer_second:.0} packets/s, {:.2} Mb/s; lost {}",
            bits_per_viewer_second / 1e6,
            counts.lost
        )?;
        let Some(Cost { cpu_milliseconds_per_viewer_second, cpu_share, .. }) = self.server else {
            return Ok(());
        };
        let memory = self.server.map_or(0, |server| server.memory_per_viewer_bytes) as f64 / MEBIBYTE;
        writeln!(
            f,
            "  the server: {cpu_milliseconds_per_viewer_second:.3} ms of CPU per viewer-second, {:.0} % of a core, \
             {memory:.2} MiB per viewer",
            cpu_share * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::crowd::{Outcome, Seen, Together};
    use crate::tally::Tally;
    use crate::viewer::Failure;

    fn seen() -> Seen {
        let outcome = |result| Outcome { tally: Tally::default(), result };
        let together = Together { viewers: 2, time: Duration::from_secs(5), ..Together::default() };
        let steady = vec![outcome(Ok(())), outcome(Err(Failure::Ended)), outcome(Err(Failure::Ended))];
        Seen { steady, passing: Vec::new(), together, dropped_here: 3 }
    }

    #[test]
    fn a_report_names_reasons_once_and_this_machines_own_losses() {
        let text = Report::of(&seen()).to_string();
        assert!(text.contains("3 asked, 0 connected, 0 saw"), "{text}");
        assert!(text.contains("2 × the server ended the session"), "{text}");
        assert!(text.contains("no room for 3 datagrams"), "{text}");
    }

    #[test]
    fn when_nobody_connects_it_is_said_why() {
        assert_eq!(Report::of(&seen()).nobody().as_deref(), Some("the server ended the session"));
        let empty = Seen { steady: Vec::new(), ..seen() };
        assert_eq!(Report::of(&empty).nobody(), None);
    }

    #[test]
    fn a_report_is_json_without_what_was_not_asked_for() {
        let value = serde_json::to_value(Report::of(&seen())).expect("a report is JSON");
        assert_eq!(value["viewers"]["asked"], 3);
        assert_eq!(value["together"]["seconds"], 5.0);
        assert!(value.get("churn").is_none() && value["together"].get("server").is_none());
    }
}
