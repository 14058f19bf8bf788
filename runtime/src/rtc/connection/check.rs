//! A check of the peer's, while it is not known to be genuine.

use super::super::stun::{self, Transaction};
use super::super::transport_address::TransportAddress;

pub(super) struct Check {
    pub from: TransportAddress,
    pub transaction: Transaction,
    /// If it is genuine, the peer is there now.
    pub moves: bool,
}

impl Check {
    /// Only what was genuine is answered.
    pub fn is_confirmed(&self, to: TransportAddress, answer: &[u8]) -> bool {
        to == self.from && stun::confirms_one(answer, self.transaction)
    }
}
