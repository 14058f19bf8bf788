//! What the metrics of a source have counted, as a scrape shows it.

use prometheus_client::registry::Registry;
use understudy_runtime::source::Metrics;

/// Frames that are on their way from one counter to the next while these are read.
const MEANWHILE: f64 = 3.0;

/// Of one source and one kind of media, until now.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub arrived: f64,
    /// In time, or late.
    pub shown: f64,
    pub dropped: f64,
    /// Whose way to the camera was measured: pictures alone.
    pub to_camera: f64,
}

/// `source` and `kind` as the labels have them.
pub fn counts(metrics: &Metrics, source: &str, kind: &str) -> Counts {
    let text = scraped(metrics);
    let of = |labels: &str| format!("{{source=\"{source}\",kind=\"{kind}\"{labels}}}");
    let frames = |result: &str| {
        let labels = of(&format!(",result=\"{result}\""));
        value(&text, &format!("understudy_input_frames_total{labels}"))
    };
    Counts {
        arrived: value(&text, &format!("understudy_input_arrived_total{}", of(""))),
        shown: frames("shown") + frames("late"),
        dropped: frames("dropped"),
        to_camera: value(&text, &format!("understudy_input_to_camera_seconds_count{{source=\"{source}\"}}")),
    }
}

impl Counts {
    /// At least so many have come and were shown.
    pub fn reach(&self, least: f64) {
        assert!(self.shown >= least, "{least} were seen or heard: {self:?}");
        assert!(self.arrived + MEANWHILE >= self.shown, "what is shown has come before: {self:?}");
    }

    /// The way of each that was shown is measured.
    pub fn are_measured(&self) {
        assert!((self.to_camera - self.shown).abs() <= MEANWHILE, "{self:?}");
    }

    /// Each that has come was shown or left out.
    pub fn add_up(&self) {
        assert!((self.arrived - self.shown - self.dropped).abs() <= MEANWHILE, "{self:?}");
    }
}

pub fn scraped(metrics: &Metrics) -> String {
    let (mut registry, mut text) = (Registry::default(), String::new());
    metrics.register(&mut registry);
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text must grow");
    text
}

/// The value of the series that begins with this.
pub fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
    line.parse().expect("a value must be a number")
}
