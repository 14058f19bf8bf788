//! Ids of processes, inputs and outputs for which nobody chose one.

use uuid::Uuid;

/// Letters and digits that no two of look alike, as the source system's ids are made of.
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A random id of 22 letters and digits.
pub(super) fn short_id() -> String {
    let mut rest = Uuid::new_v4().as_u128();
    let mut id = String::with_capacity(22);
    for _ in 0..22 {
        let index = usize::try_from(rest % 57).unwrap_or_default();
        id.push(char::from(ALPHABET[index]));
        rest /= 57;
    }
    id
}
