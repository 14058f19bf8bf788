//! The runtime's decisions.
