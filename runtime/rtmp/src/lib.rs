//! RTMP without I/O: no socket, no clock and no random source. Bytes go in, events and bytes to send come out.
//!
//! ```text
//!   bytes ─> handshake ─> chunk::Reader ─> message ─> Server · Client ─> events
//!                                                        │
//!   bytes <──────────────── Outbox <── chunk::write <────┘<── media, shared by all who are sent it
//! ```
//!
//! What a peer says is bounded in all: the length of a message, how many are begun at once, how deep values are nested. What
//! stands in a header reserves no memory.
//!
//! Lowest layer first; a module imports only from earlier groups.

pub mod amf;
pub mod flv;
pub mod outbox;
pub mod place;

pub mod chunk;
pub mod handshake;

pub mod message;

pub mod announced;
pub mod command;
pub mod recent;
pub mod together;

mod link;

pub mod client;
pub mod server;

/// What ends a connection: what the peer sends is not RTMP, or more than anybody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("this is not RTMP: the first byte is {0:#04x}")]
    NotRtmp(u8),
    #[error("the peer wants RTMP with its own encryption; RTMPS is what is served")]
    Encrypted,
    #[error("a message of {length} bytes is longer than the {limit} that are taken")]
    TooLong { length: usize, limit: usize },
    #[error("more messages are begun at once than are taken")]
    TooMany,
    #[error("a chunk refers to one that was never sent")]
    Orphan,
    #[error("chunks of 0 bytes")]
    EmptyChunks,
    #[error("a message is shorter than its type asks for")]
    Short,
    #[error("a command cannot be read: {0}")]
    Command(#[from] amf::Malformed),
}

#[cfg(test)]
mod tests;
