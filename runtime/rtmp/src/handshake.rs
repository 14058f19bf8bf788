//! How a connection begins (RTMP 1.0 §5.2): three messages each way. A client that signs its own is answered with signatures,
//! by which Flash-like clients tell that H.264 may come.

mod digest;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::Fault;
use crate::outbox::Outbox;

/// Of each of the messages behind the version.
pub const BYTES: usize = 1536;
const VERSION: u8 = 3;
/// No version beyond 9 was ever made: 0x16 begins TLS, and from 32 on it is text (§5.2.2).
const OTHER_PROTOCOL: u8 = 10;

/// What nobody can guess, or need not.
pub type Random = [u8; BYTES];

/// Where a handshake is.
#[derive(Debug)]
pub enum Handshake {
    /// A server, before it has heard anything.
    Listening(Box<Random>),
    /// A client, which has spoken.
    Calling,
    /// It was answered, and is to say that it heard.
    Confirming,
    Done,
}

impl Handshake {
    pub fn listen(random: Random) -> Self {
        Self::Listening(Box::new(random))
    }

    /// What a client says first. It signs nothing: servers have to take that (§5.2.3).
    pub fn call(random: Random, out: &mut Outbox) -> Self {
        let mut hello = BytesMut::with_capacity(1 + BYTES);
        hello.put_u8(VERSION);
        hello.put_bytes(0, 8);
        hello.put_slice(&random[8..]);
        out.push(hello.freeze());
        Self::Calling
    }

    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes what of `input` belongs to it.
    pub fn advance(&mut self, input: &mut BytesMut, out: &mut Outbox) -> Result<(), Fault> {
        loop {
            *self = match self {
                Self::Listening(random) => {
                    let Some(hello) = hello(input)? else { return Ok(()) };
                    out.push(answer(&hello, random));
                    Self::Confirming
                }
                Self::Calling => {
                    let Some(hello) = hello(input)? else { return Ok(()) };
                    out.push(hello.freeze());
                    Self::Confirming
                }
                // Nobody's confirmation is right: some send their own message again, or nothing but zeros.
                Self::Confirming if input.len() >= BYTES => {
                    input.advance(BYTES);
                    Self::Done
                }
                Self::Confirming | Self::Done => return Ok(()),
            }
        }
    }
}

/// The peer's version and first message, once it is whole.
fn hello(input: &mut BytesMut) -> Result<Option<BytesMut>, Fault> {
    match input.first() {
        Some(&VERSION) if input.len() > BYTES => {
            input.advance(1);
            Ok(Some(input.split_to(BYTES)))
        }
        None | Some(&VERSION) => Ok(None),
        Some(6 | 8 | 9) => Err(Fault::Encrypted),
        Some(other @ OTHER_PROTOCOL..) => Err(Fault::NotRtmp(*other)),
        // A server answers with the version that it has, and the client may leave (§5.2.2).
        Some(_) => {
            input[0] = VERSION;
            hello(input)
        }
    }
}

/// Version, our message, and the client's again; or, to one that signs, both signed.
fn answer(hello: &[u8], random: &Random) -> Bytes {
    let mut out = BytesMut::with_capacity(1 + 2 * BYTES);
    out.put_u8(VERSION);
    match digest::find(hello) {
        Some(signature) => {
            out.put_slice(&digest::hello(signature.scheme, random));
            out.put_slice(&digest::confirmation(&signature.digest, random));
        }
        None => {
            out.put_bytes(0, 8);
            out.put_slice(&random[8..]);
            out.put_slice(hello);
        }
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RANDOM: Random = [7; BYTES];

    #[test]
    fn a_client_and_a_server_come_to_an_end_in_pieces_of_any_size() {
        for size in [1, 7, 1536, 4000] {
            let mut called = Outbox::default();
            let mut client = Handshake::call(RANDOM, &mut called);
            let mut server = Handshake::listen(RANDOM);
            let (mut to_client, mut to_server) = (BytesMut::new(), BytesMut::new());
            let (mut answered, mut rounds) = (Outbox::default(), 0);
            while !(client.is_done() && server.is_done()) {
                to_server.extend_from_slice(&called.copy_to_bytes(size.min(called.len())));
                to_client.extend_from_slice(&answered.copy_to_bytes(size.min(answered.len())));
                server.advance(&mut to_server, &mut answered).unwrap();
                client.advance(&mut to_client, &mut called).unwrap();
                rounds += 1;
                assert!(rounds < 10_000, "it comes to an end");
            }
        }
    }

    #[test]
    fn another_protocol_is_told_at_its_first_byte() {
        for (first, fault) in
            [(b'G', Fault::NotRtmp(b'G')), (0x16, Fault::NotRtmp(0x16)), (6, Fault::Encrypted)]
        {
            let mut input = BytesMut::from(&[first][..]);
            let told = Handshake::listen(RANDOM).advance(&mut input, &mut Outbox::default());
            assert_eq!(told, Err(fault));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..4)) {
            let (mut input, mut server) = (BytesMut::new(), Handshake::listen(RANDOM));
            for piece in pieces {
                input.extend_from_slice(&piece);
                if server.advance(&mut input, &mut Outbox::default()).is_err() {
                    break;
                }
            }
        }
    }
}
