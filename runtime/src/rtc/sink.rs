//! Who takes what comes from a peer that sends.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use understudy_core::fanout::clock::Moment;
use understudy_core::media::Kind;
use understudy_core::offer::Format;

/// One RTP packet of a publisher.
#[derive(Clone, Debug)]
pub struct Packet {
    pub format: Arc<Format>,
    /// Of the stream that it belongs to.
    pub ssrc: u32,
    pub timestamp: u32,
    pub arrived: Instant,
    /// The whole packet, decrypted, without header extensions.
    pub bytes: Bytes,
}

/// What a publisher's sender report says of its own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    pub kind: Kind,
    pub ssrc: u32,
    pub moment: Moment,
}

/// Who takes what a publisher sends. Dropped when the publisher is gone.
pub trait Sink: Send {
    /// Is called by a loop: it must not wait.
    fn take(&self, packet: Packet) -> Taken;

    /// The same of a report of a stream of which a packet was given before. What finds no room is lost: others follow.
    fn report(&self, report: Report);
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Yes,
    /// Nobody wants it now.
    Unwanted,
    /// It is wanted and there is no room: a picture is lost.
    Full,
}
