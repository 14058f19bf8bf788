//! The way of spans to a collector, over OTLP. It holds up nobody: what it has no room for, and what no collector takes, is lost,
//! and a warning now and then is all that is seen of that.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter as Otlp, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor,
};
use parking_lot::Mutex;
use tonic::transport::ClientTlsConfig;

/// What waits to be sent. An invitation has some ten spans: enough for two hundred that begin in the same second.
const MOST_WAITING: usize = 2048;
/// Spans wait so long for others to go with.
const TOGETHER: Duration = Duration::from_secs(1);
/// For a collector to take what it is sent.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// For the last spans to leave: whoever ends has little time.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Between two warnings.
const WARN_EACH: Duration = Duration::from_secs(60);

/// A process has one, as it has one log.
static SPANS: OnceLock<BatchSpanProcessor> = OnceLock::new();

/// Who tells spans.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// `service.name`.
    pub name: &'static str,
    /// `service.version`.
    pub version: &'static str,
    /// `service.instance.id`: the name of the pod, if it is known.
    pub instance: Option<&'a str>,
}

/// What is no endpoint of a collector.
#[derive(Debug, thiserror::Error)]
#[error("OTEL_EXPORTER_OTLP_ENDPOINT is no http: or https: URL of a collector: {0}")]
pub struct BadEndpoint(String);

/// Spans are told.
#[derive(Debug)]
#[must_use = "the last spans are told by its end"]
pub struct Exporting(());

/// Tells spans, from now on, to the collector at that URL, which takes OTLP over gRPC (`http://collector:4317`); empty: to nobody.
/// Headers and attributes of the resource are read from the variables that OpenTelemetry has for them.
///
/// Has to be called within a runtime of tokio, which has to run until [`Exporting::finish`] has returned.
pub fn start(endpoint: &str, program: Program<'_>) -> Result<Exporting, BadEndpoint> {
    if endpoint.is_empty() {
        return Ok(Exporting(()));
    }
    let bad = |why: String| BadEndpoint(why);
    let mut otlp = Otlp::builder().with_tonic().with_endpoint(endpoint).with_timeout(TAKEN_WITHIN);
    if endpoint.starts_with("https:") {
        otlp = otlp.with_tls_config(ClientTlsConfig::new().with_native_roots());
    } else if !endpoint.starts_with("http:") {
        return Err(bad(endpoint.to_owned()));
    }
    let otlp = otlp.build().map_err(|error| bad(error.to_string()))?;
    let settings = BatchConfigBuilder::default()
        .with_max_queue_size(MOST_WAITING)
        .with_scheduled_delay(TOGETHER)
        .build();
    let mut spans = BatchSpanProcessor::builder(Warning { otlp, said: Mutex::default() })
        .with_batch_config(settings)
        .build();
    let version = KeyValue::new("service.version", program.version);
    let instance = program.instance.map(|name| KeyValue::new("service.instance.id", name.to_owned()));
    let resource = Resource::builder().with_service_name(program.name).with_attribute(version);
    spans.set_resource(&resource.with_attributes(instance).build());
    // Whoever starts it twice tells to whom it told first.
    let _ = SPANS.set(spans);
    Ok(Exporting(()))
}

impl Exporting {
    /// Tells what is left, within two seconds. Blocks for as long.
    pub fn finish(self) {
        if let Some(spans) = SPANS.get()
            && let Err(error) = spans.shutdown_with_timeout(LAST_WORDS)
        {
            tracing::warn!(%error, "the last spans were not told");
        }
    }
}

/// What was handed over whole.
pub(crate) fn tell(span: impl FnOnce() -> SpanData) {
    if let Some(spans) = SPANS.get() {
        spans.on_end(span());
    }
}

/// Says what is lost, seldom.
#[derive(Debug)]
struct Warning {
    otlp: Otlp,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    at: Option<Instant>,
    lost: usize,
}

impl SpanExporter for Warning {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let taken = self.otlp.export(batch).await;
        if let Err(error) = &taken
            && let Some(spans) = self.said.lock().lose(spans, Instant::now())
        {
            tracing::warn!(%error, spans, "spans are lost: the collector does not take them");
        }
        taken
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

impl Said {
    /// How many are lost since it was last said, if it is to be said now.
    fn lose(&mut self, spans: usize, now: Instant) -> Option<usize> {
        self.lost += spans;
        if self.at.is_some_and(|at| now.saturating_duration_since(at) < WARN_EACH) {
            return None;
        }
        self.at = Some(now);
        Some(std::mem::take(&mut self.lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_spans_are_lost_is_said_once_a_minute_with_all_of_them() {
        let (mut said, start) = (Said::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(said.lose(3, start), Some(3));
        assert_eq!(said.lose(2, after(1)), None);
        assert_eq!(said.lose(2, after(59)), None);
        assert_eq!(said.lose(1, after(60)), Some(5));
    }

    #[test]
    fn what_is_no_url_of_a_collector_is_said_to_be_none() {
        let program = Program { name: "a", version: "0", instance: None };
        for endpoint in ["collector:4317", "ftp://collector:4317", "http://"] {
            let said = start(endpoint, program).unwrap_err().to_string();
            assert!(said.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{said}");
        }
    }
}
