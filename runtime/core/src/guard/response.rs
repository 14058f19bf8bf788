//! The head of a server's answer, as the client shall see it: the last one on its connection.

/// Headers of one answer; an answer of more is passed on as it is.
const MOST_HEADERS: usize = 200;

/// What a server's first bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// There is more to come.
    Partial,
    /// Not HTTP/1 (an Icecast server says `ICY 200 OK`), or not understood: passed on as it is.
    Raw,
    /// `1xx`: so many bytes to pass on, and the answer follows.
    Interim(usize),
    /// `101`: so many bytes to pass on, and the connection is the new protocol's.
    Switched(usize),
    /// The answer: this instead of its first bytes, so many.
    Final(Vec<u8>, usize),
}

impl Response {
    pub fn parse(bytes: &[u8]) -> Self {
        let known = b"HTTP/1.".len().min(bytes.len());
        if bytes[..known] != b"HTTP/1."[..known] {
            return Self::Raw;
        }
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let mut lenient = httparse::ParserConfig::default();
        // Streaming servers of some age; the bytes are written anew, so no two readers can disagree.
        lenient.allow_spaces_after_header_name_in_responses(true);
        match lenient.parse_response(&mut parsed, bytes) {
            Ok(httparse::Status::Complete(length)) => match parsed.code.unwrap_or_default() {
                101 => Self::Switched(length),
                100..=199 => Self::Interim(length),
                _ => Self::Final(rewrite(&parsed), length),
            },
            Ok(httparse::Status::Partial) => Self::Partial,
            Err(_) => Self::Raw,
        }
    }
}

/// The version stays the server's: what a chunked body or a missing length means depends on it.
fn rewrite(parsed: &httparse::Response<'_, '_>) -> Vec<u8> {
    let (version, code) = (parsed.version.unwrap_or_default(), parsed.code.unwrap_or_default());
    let mut head = format!("HTTP/1.{version} {code} {}\r\n", parsed.reason.unwrap_or_default()).into_bytes();
    for header in parsed.headers.iter() {
        let name = header.name.to_ascii_lowercase();
        if !["connection", "keep-alive", "proxy-connection", "upgrade"].contains(&name.as_str()) {
            head.extend([header.name.as_bytes(), b": ", header.value, b"\r\n"].concat());
        }
    }
    head.extend(b"Connection: close\r\n\r\n");
    head
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    const ANSWERS: [&str; 5] = [
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nServer : x\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.0 404\nA:\r\n\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01",
        "ICY 200 OK\r\nicy-name: x\r\n\r\n",
    ];

    #[test]
    fn an_answer_is_always_the_last_of_its_connection() {
        let said = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nhi";
        let Response::Final(head, length) = Response::parse(said) else { panic!("not an answer") };
        assert_eq!(head, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
        assert_eq!(&said[length..], b"hi");
    }

    #[test]
    fn what_is_not_http_passes_as_it_is() {
        assert_eq!(Response::parse(b"ICY 200 OK\r\nicy-name: x\r\n\r\n"), Response::Raw);
        assert_eq!(Response::parse(b"HTTP/1.1 2oo\r\n"), Response::Raw);
        assert_eq!(Response::parse(b""), Response::Partial);
        assert_eq!(Response::parse(b"HTT"), Response::Partial);
        assert_eq!(Response::parse(b"HTTP/1.1 200 OK\r\nA: b\r\n"), Response::Partial);
    }

    #[test]
    fn interim_answers_are_followed_by_another_and_a_switch_is_not() {
        assert_eq!(Response::parse(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1"), Response::Interim(25));
        let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81";
        assert_eq!(Response::parse(switch), Response::Switched(switch.len() - 1));
    }

    proptest! {
        #[test]
        fn an_answer_is_the_same_in_whatever_pieces_it_comes(
            said in select(ANSWERS.to_vec()),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..3),
        ) {
            let mut bytes = said.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let mut judged = (0..=bytes.len()).map(|end| Response::parse(&bytes[..end]));
            let first = judged.find(|judged| *judged != Response::Partial).unwrap_or(Response::Partial);
            prop_assert_eq!(first, Response::parse(&bytes));
        }
    }
}
