//! Protobuf messages with small buffers. A link carries a few hundred bytes at a time and an operator has thousands of them:
//! tonic's own buffers of 8 KiB each way are longer than all that most links ever carry. They grow for a message that needs it.

use prost::Message;
use std::marker::PhantomData;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::ProstCodec;

/// What a buffer has room for from the start, in bytes.
const BUFFER_BYTES: usize = 512;
/// From here on a sender of many messages in a row hands over what it has, in bytes; tonic's own value.
const YIELD_BYTES: usize = 32 * 1024;

/// The codec of every call of this wire.
#[derive(Debug)]
pub struct SmallBuffers<Sent, Received>(PhantomData<(Sent, Received)>);

impl<Sent, Received> Default for SmallBuffers<Sent, Received> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Sent, Received> Codec for SmallBuffers<Sent, Received>
where
    Sent: Message + Send + 'static,
    Received: Message + Default + Send + 'static,
{
    type Encode = Sent;
    type Decode = Received;
    type Encoder = <ProstCodec<Sent, Received> as Codec>::Encoder;
    type Decoder = <ProstCodec<Sent, Received> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Sent, Received>::raw_encoder(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<Sent, Received>::raw_decoder(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }
}
