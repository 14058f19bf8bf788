//! The one WebRTC peer that sends.

/// Its door.
#[derive(Clone, Debug, Default)]
pub struct Door {}
