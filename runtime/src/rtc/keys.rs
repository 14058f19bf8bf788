//! The keys that the stack derives for what it sends, so that media can be sealed outside of it.
//!
//! The stack tells nobody its SRTP keys, but it takes its cryptography from whom it is told. Key derivation (RFC 3711
//! §4.3.1) encrypts a block a label, our own direction first and of that label 0 first. That order belongs to
//! the pinned version of the stack: a test opens what was sealed. Keys are derived once: were it done again, packets would
//! go on under keys that the stack no longer has, so that is a reason to end the connection.

use std::sync::Arc;

use parking_lot::Mutex;
use rtc::crypto::{
    ActiveKeyExchange, AeadAlgorithm, AeadCipher, BlockCipherAlgorithm, CbcAlgorithm, CbcCipher,
    CryptoAlgorithm, CryptoError, HashAlgorithm, HmacAlgorithm, KeyExchangeAlgorithm, Mac, PublicKey,
    RTCCrypto, RTCCryptoProvider, RTCRandom, SignatureScheme, SigningKey, StreamCipher,
    StreamCipherAlgorithm, default_provider,
};

const BLOCK_BYTES: usize = 16;
/// Where the label is mixed into a block, and where its counter stands.
const LABEL: usize = 7;
const COUNTER: usize = 15;

/// Of one direction: six labels, of which two take a second block.
const MOST_BLOCKS: usize = 8;

const ENCRYPTION: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALT: u8 = 2;

/// The session keys of one direction.
pub(super) enum Keys {
    /// AEAD_AES_128_GCM (RFC 7714).
    Gcm { key: [u8; 16], salt: [u8; 12] },
    /// AES_CM_128_HMAC_SHA1_80 (RFC 3711).
    Cm { key: [u8; 16], authentication: [u8; 20], salt: [u8; 14] },
}

/// The stack's cryptography, watched.
pub(super) struct Tapped {
    inner: Arc<dyn RTCCryptoProvider>,
    derived: Mutex<Derived>,
}

#[derive(Default)]
struct Derived {
    /// Of our own direction, and then of theirs.
    masters: Vec<Vec<u8>>,
    first: [u8; BLOCK_BYTES],
    /// Of our own: label, counter and what came out.
    blocks: Vec<(u8, u8, [u8; BLOCK_BYTES])>,
    taken: bool,
    again: bool,
}

impl Tapped {
    pub fn new() -> Result<Self, CryptoError> {
        Ok(Self { inner: default_provider()?, derived: Mutex::default() })
    }

    /// Of what goes out; they are forgotten here. None: nothing was agreed yet, or they were taken before.
    pub fn take(&self) -> Option<Keys> {
        self.derived.lock().take()
    }

    /// Whether keys were derived more than once.
    pub fn again(&self) -> bool {
        self.derived.lock().again
    }
}

impl Derived {
    fn note(&mut self, key: &[u8], plain: [u8; BLOCK_BYTES], block: [u8; BLOCK_BYTES]) {
        if self.again || self.taken {
            self.again = true;
            return;
        }
        match self.masters.iter().position(|master| master == key) {
            Some(0) => {}
            Some(_) => return,
            None if self.masters.is_empty() => {
                self.masters.push(key.to_vec());
                self.first = plain;
            }
            None => {
                self.masters.push(key.to_vec());
                self.again = self.masters.len() > 2;
                return;
            }
        }
        let (label, counter) = (plain[LABEL] ^ self.first[LABEL], plain[COUNTER]);
        if self.blocks.len() == MOST_BLOCKS || self.block(label, counter).is_some() {
            self.again = true;
        } else {
            self.blocks.push((label, counter, block));
        }
    }

    fn take(&mut self) -> Option<Keys> {
        let keys = self.keys().filter(|_| !self.again)?;
        *self = Self { taken: true, ..Self::default() };
        Some(keys)
    }

    fn block(&self, label: u8, counter: u8) -> Option<[u8; BLOCK_BYTES]> {
        let found = self.blocks.iter().find(|block| (block.0, block.1) == (label, counter));
        found.map(|block| block.2)
    }

    fn keys(&self) -> Option<Keys> {
        let (key, salt) = (self.block(ENCRYPTION, 0)?, self.block(SALT, 0)?);
        let Some(begin) = self.block(AUTHENTICATION, 0) else {
            return Some(Keys::Gcm { key, salt: *salt.first_chunk()? });
        };
        let mut authentication = [0; 20];
        authentication[..BLOCK_BYTES].copy_from_slice(&begin);
        authentication[BLOCK_BYTES..].copy_from_slice(self.block(AUTHENTICATION, 1)?.first_chunk::<4>()?);
        Some(Keys::Cm { key, authentication, salt: *salt.first_chunk()? })
    }
}

impl RTCCryptoProvider for Tapped {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self
    }

    fn random(&self) -> &dyn RTCRandom {
        self.inner.random()
    }
}

impl RTCCrypto for Tapped {
    fn supports(&self, algorithm: CryptoAlgorithm) -> bool {
        self.inner.crypto().supports(algorithm)
    }

    fn hash(&self, algorithm: HashAlgorithm, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.crypto().hash(algorithm, data)
    }

    fn block_encrypt(
        &self,
        algorithm: BlockCipherAlgorithm,
        key: &[u8],
        block: &mut [u8],
    ) -> Result<(), CryptoError> {
        let plain = block.first_chunk::<BLOCK_BYTES>().copied();
        self.inner.crypto().block_encrypt(algorithm, key, block)?;
        if let (Some(plain), Some(block)) = (plain, block.first_chunk()) {
            self.derived.lock().note(key, plain, *block);
        }
        Ok(())
    }

    fn new_hmac(&self, algorithm: HmacAlgorithm, key: &[u8]) -> Result<Box<dyn Mac>, CryptoError> {
        self.inner.crypto().new_hmac(algorithm, key)
    }

    fn new_stream_cipher(
        &self,
        algorithm: StreamCipherAlgorithm,
        key: &[u8],
    ) -> Result<Box<dyn StreamCipher>, CryptoError> {
        self.inner.crypto().new_stream_cipher(algorithm, key)
    }

    fn new_aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadCipher>, CryptoError> {
        self.inner.crypto().new_aead(algorithm, key)
    }

    fn new_cbc(&self, algorithm: CbcAlgorithm, key: &[u8]) -> Result<Box<dyn CbcCipher>, CryptoError> {
        self.inner.crypto().new_cbc(algorithm, key)
    }

    fn start_key_exchange(
        &self,
        algorithm: KeyExchangeAlgorithm,
    ) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        self.inner.crypto().start_key_exchange(algorithm)
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<Arc<dyn SigningKey>, CryptoError> {
        self.inner.crypto().generate_signing_key(scheme)
    }

    fn import_signing_key(
        &self,
        scheme: SignatureScheme,
        pkcs8_der: &[u8],
    ) -> Result<Arc<dyn SigningKey>, CryptoError> {
        self.inner.crypto().import_signing_key(scheme, pkcs8_der)
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        public_key: PublicKey<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.inner.crypto().verify_signature(scheme, public_key, message, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the stack derives for a direction with GCM.
    fn derive(tapped: &Tapped, master: [u8; BLOCK_BYTES]) {
        for label in [0, 2, 3, 5] {
            let mut block = [7; BLOCK_BYTES];
            block[LABEL] ^= label;
            block[COUNTER] = 0;
            tapped.block_encrypt(BlockCipherAlgorithm::Aes128, &master, &mut block).unwrap();
        }
    }

    #[test]
    fn keys_are_taken_once_and_derived_once() {
        let tapped = Tapped::new().unwrap();
        assert!(tapped.take().is_none());
        derive(&tapped, [1; BLOCK_BYTES]);
        derive(&tapped, [2; BLOCK_BYTES]);
        assert!(matches!(tapped.take(), Some(Keys::Gcm { .. })));
        assert!(tapped.take().is_none() && !tapped.again());
        derive(&tapped, [3; BLOCK_BYTES]);
        assert!(tapped.again() && tapped.take().is_none());
    }

    #[test]
    fn keys_that_were_derived_twice_before_anybody_took_them_are_none() {
        for second in [[1; BLOCK_BYTES], [3; BLOCK_BYTES]] {
            let tapped = Tapped::new().unwrap();
            derive(&tapped, [1; BLOCK_BYTES]);
            derive(&tapped, [2; BLOCK_BYTES]);
            derive(&tapped, second);
            assert!(tapped.again() && tapped.take().is_none());
            assert!(tapped.derived.lock().blocks.len() <= MOST_BLOCKS);
        }
    }
}
