//! The runtime side of the control link.
