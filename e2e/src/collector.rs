//! The OpenTelemetry Collector, as a child process: what spans came to it.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::watch;

use crate::{program, settings};

/// Spans wait for others to go with, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(30);

/// A collector that runs; dropped, it is killed.
pub struct Collector {
    /// Where it takes OTLP over gRPC.
    pub endpoint: String,
    spans: watch::Receiver<Vec<Span>>,
    _collector: Child,
}

/// One span. Its times are nanoseconds since 1970.
#[derive(Clone, Debug)]
pub struct Span {
    /// `service.name` of who told it.
    pub service: String,
    pub trace: String,
    pub id: String,
    /// Empty: it is a root.
    pub parent: String,
    pub name: String,
    pub began: u64,
    pub ended: u64,
    /// As `key=value`.
    pub attributes: Vec<String>,
    /// Of one that failed: why.
    pub failed: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    resource_spans: Vec<OfResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfResource {
    resource: Resource,
    scope_spans: Vec<OfScope>,
}

#[derive(Deserialize)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct OfScope {
    spans: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    name: String,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    #[serde(default)]
    attributes: Vec<Attribute>,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    value: Value,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
    /// 2 is an error.
    #[serde(default)]
    code: u8,
}

impl Collector {
    pub async fn start() -> Self {
        let collector = settings::cache().join("collector/collector");
        program::needs(&collector, "sh e2e/collector/setup.sh");
        let mut command = program::command(collector);
        let mut collector =
            command.stderr(std::process::Stdio::null()).spawn().expect("the collector must start");
        let mut said = BufReader::new(collector.stdout.take().expect("it is kept")).lines();
        let port = said.next_line().await.expect("it must say something").expect("it must run");
        let (told, spans) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = said.next_line().await {
                let batch: Batch = serde_json::from_str(&line).expect("it must write OTLP in JSON");
                told.send_modify(|spans| spans.extend(batch.spans()));
            }
        });
        Self { endpoint: format!("http://127.0.0.1:{port}"), spans, _collector: collector }
    }

    /// The spans of a trace, the first that began first, once that is so of them.
    pub async fn trace(&self, trace: &str, what: &str, is: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let (mut spans, start) = (self.spans.clone(), Instant::now());
        loop {
            let mut of_trace = spans.borrow_and_update().clone();
            of_trace.retain(|span| span.trace == trace);
            of_trace.sort_by_key(|span| (span.began, span.ended));
            if is(&of_trace) {
                return of_trace;
            }
            let rest = SOON.saturating_sub(start.elapsed());
            let more = tokio::time::timeout(rest, spans.changed()).await;
            assert!(matches!(more, Ok(Ok(()))), "{what} is not so: {of_trace:#?}");
        }
    }

    /// All that came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }
}

impl Span {
    /// Whether it says that of itself, as `key=value`.
    pub fn says(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|said| said == attribute)
    }
}

impl Batch {
    fn spans(self) -> Vec<Span> {
        let of_resource = |OfResource { resource, scope_spans }| {
            let service = resource.attributes.iter().find(|attribute| attribute.key == "service.name");
            let service = service.map(Attribute::value).unwrap_or_default();
            scope_spans.into_iter().flat_map(|scope: OfScope| scope.spans).map(move |told| told.of(&service))
        };
        self.resource_spans.into_iter().flat_map(of_resource).collect()
    }
}

impl Told {
    fn of(self, service: &str) -> Span {
        let time = |nanoseconds: &str| nanoseconds.parse().expect("it must be a time");
        let attributes = self.attributes.iter().map(|told| format!("{}={}", told.key, told.value()));
        Span {
            service: service.to_owned(),
            trace: self.trace_id,
            id: self.span_id,
            parent: self.parent_span_id,
            name: self.name,
            began: time(&self.start_time_unix_nano),
            ended: time(&self.end_time_unix_nano),
            attributes: attributes.collect(),
            failed: (self.status.code == 2).then_some(self.status.message),
        }
    }
}

impl Attribute {
    /// `{"stringValue": "a"}` is `a`.
    fn value(&self) -> String {
        match self.value.as_object().and_then(|value| value.values().next()) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }
}
