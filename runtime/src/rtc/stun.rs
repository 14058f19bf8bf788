//! What is read of ICE checks: whom one is for, and whether it nominates.

/// RFC 8489 §5, §14.3.
const HEADER_BYTES: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0, 1];
const BINDING_SUCCESS: [u8; 2] = [1, 1];
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// What an answer repeats of a check.
pub(super) type Transaction = [u8; 12];

/// Our user fragment in an ICE check: the part of USERNAME before the colon (RFC 8445 §7.2.2).
pub(super) fn addressed_ufrag(datagram: &[u8]) -> Option<&str> {
    std::str::from_utf8(attribute(datagram, USERNAME)?).ok()?.split(':').next()
}

/// Whether a check says that media shall come to where it is from (RFC 8445 §7.2.2).
pub(super) fn nominates(datagram: &[u8]) -> bool {
    attribute(datagram, USE_CANDIDATE).is_some()
}

/// Of a check.
pub(super) fn transaction(datagram: &[u8]) -> Option<Transaction> {
    if is(datagram, BINDING_REQUEST) { id(datagram) } else { None }
}

/// Whether it tells a peer that this check was genuine.
pub(super) fn confirms_one(datagram: &[u8], transaction: Transaction) -> bool {
    answers(datagram) && id(datagram) == Some(transaction)
}

fn id(datagram: &[u8]) -> Option<Transaction> {
    datagram.get(8..)?.first_chunk().copied()
}

/// The value of that attribute of a check.
fn attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    if !is(datagram, BINDING_REQUEST) {
        return None;
    }
    let mut rest = datagram.get(HEADER_BYTES..)?;
    loop {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + length)?;
        if kind == wanted {
            return Some(value);
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}

/// Whether the stack says by it that a peer's check was genuine: it answers it, or checks back. Of a peer that nominates with its
/// first check (ffmpeg) it wants that answered before it answers itself.
pub(super) fn confirms(datagram: &[u8]) -> bool {
    answers(datagram) || is(datagram, BINDING_REQUEST)
}

/// Whether it answers a check.
pub(super) fn answers(datagram: &[u8]) -> bool {
    is(datagram, BINDING_SUCCESS)
}

fn is(datagram: &[u8], kind: [u8; 2]) -> bool {
    datagram.starts_with(&kind) && datagram.get(4..8) == Some(&COOKIE)
}

/// A check of that user name.
#[cfg(test)]
pub(super) fn check(username: &str) -> Vec<u8> {
    let mut out = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    out.extend([0; 12]);
    // An attribute of odd length comes first.
    out.extend([0x80, 0x22, 0, 3, 1, 2, 3, 0]);
    out.extend([0, 6, 0, username.len() as u8]);
    out.extend(username.as_bytes());
    out.extend(vec![0; username.len().next_multiple_of(4) - username.len()]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_names_whom_it_is_for() {
        assert_eq!(addressed_ufrag(&check("ours:theirs")), Some("ours"));
    }

    #[test]
    fn a_check_that_nominates_is_told_from_one_that_does_not() {
        let mut check = check("ours:theirs");
        assert!(!nominates(&check));
        check.extend([0, 0x25, 0, 0]);
        assert!(nominates(&check));
        assert_eq!(transaction(&check), Some([0; 12]));
    }

    #[test]
    fn an_answer_and_a_check_of_ours_confirm_and_nothing_else_does() {
        let of_kind = |kind: [u8; 2]| {
            let mut datagram = check("ours:theirs");
            datagram[..2].copy_from_slice(&kind);
            datagram
        };
        assert!(confirms(&of_kind(BINDING_SUCCESS)) && confirms(&of_kind(BINDING_REQUEST)));
        // RFC 8489 §5: an error, and an indication.
        assert!(!confirms(&of_kind([1, 0x11])) && !confirms(&of_kind([0, 0x11])));
        assert!(!confirms(&[22, 254, 253, 0]) && !confirms(&of_kind(BINDING_SUCCESS)[..6]));
    }

    #[test]
    fn what_is_no_check_names_nobody() {
        let whole = check("ours:theirs");
        for end in 0..whole.len() {
            let _ = addressed_ufrag(&whole[..end]);
            let mut changed = whole.clone();
            changed[end] ^= 0xff;
            let _ = addressed_ufrag(&changed);
        }
        assert_eq!(addressed_ufrag(&[22, 254, 253, 0]), None);
        assert_eq!(addressed_ufrag(&[]), None);
    }
}
