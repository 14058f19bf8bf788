//! Publishers over WebSockets: one a kind.

/// The doors for picture and sound.
#[derive(Clone, Debug, Default)]
pub struct Doors {}
