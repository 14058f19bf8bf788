//! Traces of invitations, as OpenTelemetry knows them: one trace each, whose spans come from the operator and from the runtime.
//!
//! A span is made where its moments are known and handed over whole at its end, so that nothing is held of what goes on. Off, and
//! for free, until a program [starts](start) it. What the log says is no part of it.

mod export;
mod place;
mod span;

pub use export::{BadEndpoint, Exporting, Program, start};
pub use place::Place;
pub use span::Span;
