//! A span: what took how long, of what, and whether it failed.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::export;
use crate::place::Place;

/// One that goes on. Dropped before its end it is not told.
#[derive(Debug)]
#[must_use = "it is told at its end"]
pub struct Span {
    name: &'static str,
    place: Place,
    parent: SpanId,
    kind: SpanKind,
    began: SystemTime,
    attributes: Vec<KeyValue>,
}

impl Span {
    /// The root of its trace.
    pub fn root(place: Place, name: &'static str, began: SystemTime) -> Self {
        let (parent, kind, attributes) = (SpanId::INVALID, SpanKind::Internal, Vec::new());
        Self { name, place, parent, kind, began, attributes }
    }

    /// One below that, which begins now.
    pub fn begin(parent: Place, name: &'static str) -> Self {
        Self::since(SystemTime::now(), parent, name)
    }

    /// One below that, which began before.
    pub fn since(began: SystemTime, parent: Place, name: &'static str) -> Self {
        Self { parent: parent.span, ..Self::root(parent.below(), name, began) }
    }

    /// It asks somebody else.
    pub fn of_client(self) -> Self {
        Self { kind: SpanKind::Client, ..self }
    }

    /// Says more of it. Nothing secret.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(name, value));
        self
    }

    /// Where those below it stand.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// It ends now.
    pub fn end(self) {
        self.end_at(SystemTime::now());
    }

    /// It ended then.
    pub fn end_at(self, ended: SystemTime) {
        export::tell(|| self.whole(ended, Status::Unset));
    }

    /// It ends now, and failed for that reason: a word, as of a condition.
    pub fn fail(self, reason: impl Into<Cow<'static, str>>) {
        self.fail_at(SystemTime::now(), reason);
    }

    /// It ended then, and failed.
    pub fn fail_at(self, ended: SystemTime, reason: impl Into<Cow<'static, str>>) {
        export::tell(|| self.whole(ended, Status::error(reason)));
    }

    fn whole(self, ended: SystemTime, status: Status) -> SpanData {
        let Self { name, place, parent, kind, began, attributes } = self;
        SpanData {
            span_context: SpanContext::new(
                place.trace,
                place.span,
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: kind,
            name: name.into(),
            start_time: began,
            // A clock may have been set back meanwhile.
            end_time: ended.max(began),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: InstrumentationScope::builder("understudy").build(),
        }
    }
}
