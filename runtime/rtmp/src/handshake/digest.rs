//! Signatures within the first messages: HMAC-SHA-256 with keys that all of Flash knew, in one of two places.
//!
//! They prove nothing. Clients that look for them refuse a server without.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{BYTES, Random};

const DIGEST_BYTES: usize = 32;
/// Time and version stand before all else.
const HEAD_BYTES: usize = 8;
/// What is neither head nor key is half of this block each: of four bytes that say where, and a place.
const BLOCK_BYTES: usize = 764;
/// How many places there are.
const PLACES: usize = BLOCK_BYTES - 4 - DIGEST_BYTES;

const CLIENT: &[u8] = b"Genuine Adobe Flash Player 001";
const SERVER: &[u8] = b"Genuine Adobe Flash Media Server 001";
/// Behind the words of the server, where a confirmation is signed.
const CRUD: [u8; 32] = [
    0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57, 0x6e,
    0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae,
];
/// What a server of Flash's that had H.264 called itself (3.5.1.1).
const SERVER_VERSION: [u8; 4] = [3, 5, 1, 1];

/// In which half of the message the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    First,
    Second,
}

pub struct Signature {
    pub scheme: Scheme,
    pub digest: [u8; DIGEST_BYTES],
}

impl Scheme {
    const ALL: [Self; 2] = [Self::First, Self::Second];

    /// Where the signature is: the sum of four bytes says how far behind them.
    fn place(self, message: &[u8]) -> usize {
        let block = match self {
            Self::First => HEAD_BYTES,
            Self::Second => HEAD_BYTES + BLOCK_BYTES,
        };
        let sum: usize = message[block..block + 4].iter().map(|byte| usize::from(*byte)).sum();
        block + 4 + sum % PLACES
    }
}

/// The signature of a client's message, if it has one.
pub fn find(message: &[u8]) -> Option<Signature> {
    // Those who name no version of Flash do not sign.
    if message.len() != BYTES || message[4..HEAD_BYTES] == [0; 4] {
        return None;
    }
    let signed = |scheme: &Scheme| {
        let place = scheme.place(message);
        let found = &message[place..place + DIGEST_BYTES];
        bool::from(sign_around(CLIENT, message, place).ct_eq(found))
    };
    let scheme = Scheme::ALL.into_iter().find(signed)?;
    let place = scheme.place(message);
    let digest = message[place..place + DIGEST_BYTES].try_into().ok()?;
    Some(Signature { scheme, digest })
}

/// A server's first message, signed where the client signed its own.
pub fn hello(scheme: Scheme, random: &Random) -> Random {
    let mut message = *random;
    message[..4].fill(0);
    message[4..HEAD_BYTES].copy_from_slice(&SERVER_VERSION);
    let place = scheme.place(&message);
    let digest = sign_around(SERVER, &message, place);
    message[place..place + DIGEST_BYTES].copy_from_slice(&digest);
    message
}

/// That the server has seen the client's signature.
pub fn confirmation(digest: &[u8; DIGEST_BYTES], random: &Random) -> Random {
    let key = sign(&[SERVER, &CRUD].concat(), &[digest]);
    let (mut message, place) = (*random, BYTES - DIGEST_BYTES);
    let signature = sign(&key, &[&message[..place]]);
    message[place..].copy_from_slice(&signature);
    message
}

/// Of all but the place of the signature.
fn sign_around(key: &[u8], message: &[u8], place: usize) -> [u8; DIGEST_BYTES] {
    sign(key, &[&message[..place], &message[place + DIGEST_BYTES..]])
}

fn sign(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC must take a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a client would make it.
    fn signed(scheme: Scheme, fill: u8) -> Random {
        let mut message = [fill; BYTES];
        message[4..8].copy_from_slice(&[9, 0, 124, 2]);
        let place = scheme.place(&message);
        let digest = sign_around(CLIENT, &message, place);
        message[place..place + DIGEST_BYTES].copy_from_slice(&digest);
        message
    }

    #[test]
    fn a_signature_is_found_in_either_place() {
        for scheme in Scheme::ALL {
            for fill in [0, 1, 77, 255] {
                let found = find(&signed(scheme, fill));
                assert_eq!(found.map(|signature| signature.scheme), Some(scheme), "{fill}");
            }
        }
    }

    #[test]
    fn a_message_that_was_changed_or_names_no_version_has_none() {
        let mut message = signed(Scheme::First, 3);
        message[1535] ^= 1;
        assert!(find(&message).is_none());
        assert!(find(&[0; BYTES]).is_none());
    }

    #[test]
    fn what_a_server_says_is_signed_where_the_client_s_is() {
        for scheme in Scheme::ALL {
            let message = hello(scheme, &[9; BYTES]);
            let place = scheme.place(&message);
            assert_eq!(message[place..place + DIGEST_BYTES], sign_around(SERVER, &message, place));
        }
    }
}
