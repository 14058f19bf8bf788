//! The media runtime.
