//! Descriptions that go to and fro while a connection lasts.

/// What a description is (RFC 9429 §4.1.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Offer,
    Answer,
    /// An answer that another may follow.
    Pranswer,
    /// The offer before it is taken back.
    Rollback,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub ty: Type,
    pub sdp: String,
}
