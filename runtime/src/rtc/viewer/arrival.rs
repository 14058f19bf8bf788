//! One span from an offer to the first frame that was sent, and how long that took.

use std::time::Instant;

use prometheus_client::metrics::histogram::Histogram;
use tracing::Span;
use tracing::field::Empty;

use super::super::directory::PeerId;
use super::Viewer;

/// Of somebody who has been sent nothing yet. Dropped, the span ends.
pub(in super::super) struct Arrival {
    span: Span,
    offered: Instant,
    /// What counts the seconds, from when a loop has it.
    seconds: Option<Histogram>,
}

impl Arrival {
    pub fn begin(offered: Instant) -> Self {
        let span = tracing::info_span!(
            "first_frame",
            program = Empty,
            peer = Empty,
            answered_ms = Empty,
            connected_ms = Empty,
            sent_ms = Empty
        );
        Self { span, offered, seconds: None }
    }

    /// The answer is agreed on.
    pub fn admitted(&mut self, program: &str, peer: u64, seconds: Histogram, now: Instant) {
        self.span.record("program", program).record("peer", peer).record("answered_ms", self.millis(now));
        self.seconds = Some(seconds);
    }

    /// ICE and DTLS are up.
    pub fn connected(&self, now: Instant) {
        self.span.record("connected_ms", self.millis(now));
    }

    /// The first frame is on its way.
    pub fn sent(self, now: Instant) {
        self.span.record("sent_ms", self.millis(now));
        self.span.in_scope(|| tracing::info!("the first frame is sent"));
        if let Some(seconds) = &self.seconds {
            seconds.observe(now.saturating_duration_since(self.offered).as_secs_f64());
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.offered).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Viewer {
    /// A loop has it, and what counts how long its first picture took.
    pub fn admitted(&mut self, program: &str, id: PeerId, seconds: Histogram) {
        if let Some(arrival) = &mut self.arrival {
            arrival.admitted(program, id.0, seconds, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use parking_lot::Mutex;
    use tracing_subscriber::fmt::format::FmtSpan;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged, line by line.
    fn told(work: impl FnOnce()) -> Vec<String> {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_span_events(FmtSpan::CLOSE);
        tracing::subscriber::with_default(lines.with_writer(move || writer.clone()).finish(), work);
        let text = String::from_utf8(log.0.lock().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn one_span_reaches_from_the_offer_to_the_first_frame_and_says_how_long_each_part_took() {
        let now = Instant::now();
        let after = |millis| now + Duration::from_millis(millis);
        let seconds = Histogram::new([1.0]);
        let told = told(|| {
            let mut arrival = Arrival::begin(now);
            arrival.admitted("stage", 7, seconds.clone(), after(3));
            arrival.connected(after(40));
            arrival.sent(after(90));
        });
        let parts = r#"first_frame{program="stage" peer=7 answered_ms=3 connected_ms=40 sent_ms=90}"#;
        assert!(told.len() == 2 && told.iter().all(|line| line.contains(parts)), "{told:?}");
        assert!(told[0].ends_with("the first frame is sent") && told[1].contains("close"), "{told:?}");
        let mut text = String::new();
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register("s", "", seconds);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("s_count 1\n") && text.contains("s_sum 0.09\n"), "{text}");
    }

    #[test]
    fn whoever_never_came_is_told_as_far_as_it_came() {
        let now = Instant::now();
        let told = told(|| {
            Arrival::begin(now).admitted("stage", 7, Histogram::new([1.0]), now);
        });
        assert!(told.len() == 1 && !told[0].contains("connected_ms"), "{told:?}");
    }
}
