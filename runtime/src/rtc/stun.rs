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
    if datagram.starts_with(&BINDING_REQUEST) && datagram.get(4..8) == Some(&COOKIE) {
        id(datagram)
    } else {
        None
    }
}

/// Whether it tells a peer that this check was genuine.
pub(super) fn confirms_one(datagram: &[u8], transaction: Transaction) -> bool {
    confirmed(datagram) == Some(transaction)
}

/// Of the check that it tells to have been genuine.
pub(super) fn confirmed(datagram: &[u8]) -> Option<Transaction> {
    id(datagram).filter(|_| confirms(datagram))
}

fn id(datagram: &[u8]) -> Option<Transaction> {
    datagram.get(8..)?.first_chunk().copied()
}

/// The value of that attribute of a check.
fn attribute(datagram: &[u8], wanted: u16) -> Option<&[u8]> {
    if datagram.get(..2)? != BINDING_REQUEST || datagram.get(4..8)? != COOKIE {
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

/// Whether it tells a peer that its check was genuine (RFC 8445 §7.3.1.2).
pub(super) fn confirms(datagram: &[u8]) -> bool {
    datagram.starts_with(&BINDING_SUCCESS) && datagram.get(4..8) == Some(&COOKIE)
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
        assert_eq!((transaction(&check), confirmed(&check)), (Some([0; 12]), None));
        check[0] = 1;
        assert_eq!((transaction(&check), confirmed(&check)), (None, Some([0; 12])));
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
