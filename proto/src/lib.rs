//! The wire between operator and runtime, and between backends and the operator: messages and services generated from
//! `control/v1/*.proto` and `participants/v1/*.proto`.
//!
//! The generated file is committed; `tests/generated.rs` compares it (and writes it with `UPDATE=1`).

mod codec;

pub use codec::SmallBuffers;

/// Between operator and runtime.
pub mod control {
    /// The control link, first version of the protocol.
    #[allow(clippy::all, clippy::pedantic, clippy::restriction, unused_qualifications, reason = "generated")]
    pub mod v1 {
        include!("gen/understudy.control.v1.rs");
    }
}

/// Between people's backends and the operator.
pub mod participants {
    /// The control API, first version.
    #[allow(clippy::all, clippy::pedantic, clippy::restriction, unused_qualifications, reason = "generated")]
    pub mod v1 {
        include!("gen/understudy.participants.v1.rs");
    }
}

pub use control::v1;

/// Protocol versions this build speaks.
pub const PROTOCOL: std::ops::RangeInclusive<u32> = 1..=1;

/// The compiled descriptors, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");
