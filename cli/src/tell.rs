//! All that is said to people: what they asked for on standard output, progress and trouble on standard error.

use crate::failure::Failure;
use std::io::{self, Write};

/// A text that was asked for, with a line's end.
pub fn answer(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Bytes that were asked for, as they are.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// What happens meanwhile. Nobody who reads it is no reason to end.
pub fn progress(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
