//! Protects media for one viewer, straight into the buffer that the kernel is given.

use rtc::crypto::{
    AeadAlgorithm, AeadCipher, CryptoError, HmacAlgorithm, Mac, RTCCryptoProvider, StreamCipher,
    StreamCipherAlgorithm,
};
use understudy_core::fanout::rtp::{Header, TAG_BYTES};

use super::keys::{Keys, Tapped};

/// HMAC-SHA1 whole, and what of it goes along (RFC 3711 §4.2.1, RFC 4568 §6.2).
const SHA1_BYTES: usize = 20;
const SHA1_TAG_BYTES: usize = 10;

pub(super) enum Sealer {
    Gcm { cipher: Box<dyn AeadCipher>, salt: [u8; 12] },
    Cm { cipher: Box<dyn StreamCipher>, mac: Box<dyn Mac>, salt: [u8; 14] },
}

impl Sealer {
    /// With what a handshake agreed on.
    pub fn agreed(cryptography: &Tapped) -> Result<Self, CryptoError> {
        let keys = cryptography.take().ok_or_else(|| CryptoError::Provider("no keys were derived".into()))?;
        Self::new(&keys, cryptography)
    }

    pub fn new(keys: &Keys, provider: &dyn RTCCryptoProvider) -> Result<Self, CryptoError> {
        let crypto = provider.crypto();
        Ok(match keys {
            Keys::Gcm { key, salt } => {
                Self::Gcm { cipher: crypto.new_aead(AeadAlgorithm::Aes128Gcm, key)?, salt: *salt }
            }
            Keys::Cm { key, authentication, salt } => Self::Cm {
                cipher: crypto.new_stream_cipher(StreamCipherAlgorithm::Aes128Ctr, key)?,
                mac: crypto.new_hmac(HmacAlgorithm::Sha1, authentication)?,
                salt: *salt,
            },
        })
    }

    /// Appends the packet. The same header goes with the same payload, always.
    pub fn seal(&mut self, header: &Header, payload: &[u8], out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let begin = out.len();
        out.extend_from_slice(&header.bytes());
        if let Some(extension) = header.extension() {
            out.extend_from_slice(&extension);
        }
        let body = out.len();
        out.extend_from_slice(payload);
        match self {
            Self::Gcm { cipher, salt } => {
                let mut tag = [0; TAG_BYTES];
                let (head, body) = out[begin..].split_at_mut(body - begin);
                cipher.seal_in_place(&header.nonce(salt), head, body, &mut tag)?;
                out.extend_from_slice(&tag);
            }
            Self::Cm { cipher, mac, salt } => {
                cipher.apply_keystream(&header.counter(salt), &mut out[body..])?;
                let mut tag = [0; SHA1_BYTES];
                mac.sign(&[&out[begin..], &header.index.rollover().to_be_bytes()], &mut tag)?;
                out.extend_from_slice(&tag[..SHA1_TAG_BYTES]);
            }
        }
        Ok(())
    }
}
