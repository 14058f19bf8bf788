//! Whose a process is.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Whoever made it over HTTP, and may change it there.
    People,
    /// The session's, whose document alone says what it is.
    Session,
}
