//! Placeholder until the first line of behaviour lands.
