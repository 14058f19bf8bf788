//! What both ends of a connection have in common: handshake, chunks, acknowledgements and pings.

use crate::Fault;
use crate::chunk::{self, DEFAULT_BYTES, Reader};
use crate::flv::Media;
use crate::handshake::Handshake;
use crate::message::{Command, Message, media_of};
use crate::outbox::Outbox;

/// After so many bytes the peer hears that they came, unless it asked for another number.
pub(crate) const WINDOW_BYTES: u32 = 2_500_000;

/// Whoever asks for more acknowledgements gets none: each has 16 bytes. Real peers ask for one in some hundred kilobytes.
const LEAST_WINDOW_BYTES: u32 = 4 << 10;

/// Commands of real clients have some hundred bytes.
pub(crate) const COMMAND_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Link {
    handshake: Handshake,
    reader: Reader,
    out: Outbox,
    /// How long our chunks are.
    chunk_bytes: usize,
    received: u64,
    told: u64,
    window: u32,
}

impl Link {
    pub(crate) fn new(handshake: Handshake, out: Outbox) -> Self {
        Self {
            handshake,
            reader: Reader::new(COMMAND_BYTES),
            out,
            chunk_bytes: DEFAULT_BYTES,
            received: 0,
            told: 0,
            window: WINDOW_BYTES,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        self.reader.feed(bytes);
    }

    pub(crate) fn out(&mut self) -> &mut Outbox {
        &mut self.out
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.handshake.is_done()
    }

    /// Messages as long as that are taken from now on.
    pub(crate) fn take_messages_of(&mut self, bytes: usize) {
        self.reader.limit(bytes);
    }

    /// The next message that somebody above has to know of.
    pub(crate) fn poll(&mut self) -> Result<Option<Message>, Fault> {
        self.handshake.advance(self.reader.input(), &mut self.out)?;
        if !self.handshake.is_done() {
            return Ok(None);
        }
        while let Some(whole) = self.reader.next_whole()? {
            self.acknowledge();
            match Message::read(&whole)? {
                Message::ChunksOf(bytes) => self.reader.chunks_of(bytes)?,
                Message::Abort(lane) => self.reader.abort(lane),
                Message::Window(bytes) => self.window = bytes.max(LEAST_WINDOW_BYTES),
                Message::Ping(time) => self.send(&Message::Pong(time)),
                Message::Bandwidth(_) | Message::Pong(_) | Message::Other => {}
                message => return Ok(Some(message)),
            }
        }
        self.acknowledge();
        Ok(None)
    }

    pub(crate) fn send(&mut self, message: &Message) {
        let (lane, whole) = message.write();
        chunk::write(&mut self.out, self.chunk_bytes, lane, &whole);
    }

    pub(crate) fn command(&mut self, stream: u32, command: Command) {
        self.send(&Message::Command { stream, command });
    }

    pub(crate) fn media(&mut self, stream: u32, media: &Media) {
        let (lane, whole) = media_of(stream, media);
        chunk::write(&mut self.out, self.chunk_bytes, lane, &whole);
    }

    /// Our chunks are so long from now on.
    pub(crate) fn chunks_of(&mut self, bytes: u32) {
        self.send(&Message::ChunksOf(bytes));
        self.chunk_bytes = bytes as usize;
    }

    fn acknowledge(&mut self) {
        if self.received - self.told >= u64::from(self.window) {
            self.told = self.received;
            // Counted modulo 2³² by everybody.
            let count = (self.received & u64::from(u32::MAX)) as u32;
            self.send(&Message::Acknowledged(count));
        }
    }
}
