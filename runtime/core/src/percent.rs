//! Percent-encoding of the parts of URLs (RFC 3986, section 2.1).

/// Text in which a percent sign is not followed by two hexadecimal digits, or that is no UTF-8 once decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not percent-encoded UTF-8")]
pub struct NotEncoded;

/// What stands for itself in a path beside letters and digits: RFC 3986's `pchar`, and slashes.
const PLAIN: &[u8] = b"/-._~!$&'()*+,;=:@";

/// What an encoded part means.
pub fn decoded(text: &str) -> Result<String, NotEncoded> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        bytes.push(digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(NotEncoded)?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| NotEncoded)
}

/// A path as it stands in a URL.
pub fn encoded_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            byte if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for (path, encoded) in
            [("/a/my clip.mp4", "/a/my%20clip.mp4"), ("/50%/\u{e9}?#", "/50%25/%C3%A9%3F%23")]
        {
            assert_eq!(encoded_path(path), encoded);
            assert_eq!(decoded(encoded).as_deref(), Ok(path));
        }
    }

    #[test]
    fn what_is_not_encoded_is_refused() {
        for text in ["%", "a%2", "%zz", "%+1", "%\u{e9}", "%ff"] {
            assert_eq!(decoded(text), Err(NotEncoded), "{text}");
        }
    }
}
