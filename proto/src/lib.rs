//! The wire between operator and runtime: messages and services generated from `control/v1/*.proto`.
//!
//! The generated file is committed; `tests/generated.rs` compares it (and writes it with `UPDATE=1`).

mod codec;

pub use codec::SmallBuffers;

/// The control link, first version of the protocol.
#[allow(clippy::all, clippy::pedantic, clippy::restriction, unused_qualifications, reason = "generated")]
pub mod v1 {
    include!("gen/understudy.control.v1.rs");
}

/// Protocol versions this build speaks.
pub const PROTOCOL: std::ops::RangeInclusive<u32> = 1..=1;

/// The compiled descriptors, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");
