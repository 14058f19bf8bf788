//! What waits to be written to one connection: pieces that others may share, written without being copied.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

#[derive(Debug, Default)]
pub struct Outbox {
    pieces: VecDeque<Bytes>,
    length: usize,
}

impl Outbox {
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Bytes.
    pub const fn len(&self) -> usize {
        self.length
    }

    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Buf for Outbox {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let slots = into.iter_mut().zip(&self.pieces);
        slots.map(|(slot, piece)| *slot = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.length, "no more than there is must be taken");
        self.length -= count;
        while let Some(piece) = self.pieces.front_mut() {
            if count < piece.len() {
                return piece.advance(count);
            }
            count -= piece.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_pushed_is_taken_in_order_whatever_is_taken_at_once(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..20),
            steps in prop::collection::vec(1..12_usize, 1..200),
        ) {
            let mut outbox = Outbox::default();
            pieces.iter().for_each(|piece| outbox.push(Bytes::copy_from_slice(piece)));
            let mut taken = Vec::new();
            for step in steps {
                let step = step.min(outbox.remaining());
                taken.extend_from_slice(&outbox.copy_to_bytes(step));
            }
            let whole = pieces.concat();
            prop_assert_eq!(outbox.len(), whole.len() - taken.len());
            prop_assert_eq!(&whole[..taken.len()], taken);
        }
    }

    #[test]
    fn many_pieces_are_written_at_once_and_none_is_copied() {
        let mut outbox = Outbox::default();
        let shared = Bytes::from_static(b"shared");
        outbox.push(Bytes::from_static(b"header"));
        outbox.push(shared.clone());
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(outbox.chunks_vectored(&mut slices), 2);
        assert_eq!(slices[1].as_ptr(), shared.as_ptr());
    }
}
