use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

const TARGETS: [&str; 8] = [
    "http://example.org/a?b=c#d",
    "http://me:pw@[::1]:8080",
    "HTTP://127.1?q",
    "http://a:80/",
    "http://a/@b",
    "https://a/",
    "example.org:443",
    "/path",
];
const HEADERS: [&str; 9] = [
    "Host: elsewhere\r\n",
    "Accept: */*\n",
    "Connection: x-mine, keep-alive\r\n",
    "Connection: Upgrade\r\n",
    "X-Mine: \t1 \r\n",
    "Upgrade: websocket\r\n",
    "Proxy-Authorization: Basic bWU6cHc=\r\n",
    "Content-Length: 12\r\n",
    "Transfer-Encoding: Chunked\r\n",
];
/// What means something in a head, and what must not stand there.
const TELLING: &[u8] = b" \r\n\t:,/@[]?#%\x80\0a1";

fn parse(text: &str) -> Request {
    Request::parse(text.as_bytes()).unwrap().expect("a whole head").0
}

fn refused(text: &str) -> Bad {
    Request::parse(text.as_bytes()).unwrap_err()
}

fn forwarded(text: &str) -> (String, Body, bool) {
    let Ask::Forward { head, body, upgrade } = parse(text).ask else { panic!("a tunnel: {text}") };
    (String::from_utf8(head).unwrap(), body, upgrade)
}

#[test]
fn a_tunnel_names_its_host_and_port() {
    for (target, host, port) in [
        ("example.org:443", "example.org", 443),
        ("[::1]:8443", "::1", 8443),
        ("::1:8443", "::1", 8443),
        ("fd00:10:244::6:1935", "fd00:10:244::6", 1935),
        ("10.0.0.1:1935", "10.0.0.1", 1935),
    ] {
        let request = parse(&format!("CONNECT {target} HTTP/1.1\r\nHost: other\r\n\r\n"));
        assert_eq!(request, Request { host: host.into(), port, ask: Ask::Tunnel });
    }
    for target in [
        "example.org",
        "example.org:",
        "[::1:80",
        ":80",
        "a:b:1",
        "::1:0",
        "::1:",
        "a:0",
        "a:+1",
        "a:99999",
        "a/b:1",
    ] {
        assert!(
            matches!(refused(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")), Bad::Malformed(_)),
            "{target}"
        );
    }
}

#[test]
fn the_server_sees_the_urls_own_host_and_nothing_meant_for_the_proxy() {
    let (head, body, upgrade) = forwarded(
        "GET http://me:pw@example.org:81/a?b HTTP/1.1\r\nHost: elsewhere\r\nConnection: x-mine, keep-alive\r\n\
         X-Mine: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: x\r\nTE: trailers\r\nAccept: */*\r\n\r\n",
    );
    assert_eq!(head, "GET /a?b HTTP/1.1\r\nHost: example.org:81\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    assert_eq!((body, upgrade), (Body::NONE, false));
    let request = parse("GET http://example.org?q HTTP/1.0\r\n\r\n");
    assert_eq!((request.host.as_str(), request.port), ("example.org", 80));
    assert!(
        forwarded("GET http://[::1]?q HTTP/1.0\r\n\r\n").0.starts_with("GET /?q HTTP/1.1\r\nHost: [::1]\r\n")
    );
}

#[test]
fn the_host_that_is_judged_is_the_one_before_the_path() {
    for (url, host) in [
        ("http://a@b/", "b"),
        ("http://a/@b", "a"),
        ("http://a?@b", "a"),
        ("http://a#@b", "a"),
        ("HTTP://a:80/", "a"),
        ("http://127.1/", "127.1"),
    ] {
        assert_eq!(parse(&format!("GET {url} HTTP/1.1\r\n\r\n")).host, host, "{url}");
    }
    for url in ["http:///x", "http://a\\b/", "http://[::1/", "http://a[b]/", "/path", "a:80"] {
        assert!(matches!(refused(&format!("GET {url} HTTP/1.1\r\n\r\n")), Bad::Malformed(_)), "{url}");
    }
}

#[test]
fn only_http_is_fetched_in_the_clear() {
    for scheme in ["ftp", "rtmp", "file", "https", "gopher"] {
        assert_eq!(refused(&format!("GET {scheme}://a/ HTTP/1.1\r\n\r\n")), Bad::Scheme(scheme.into()));
    }
}

#[test]
fn a_websocket_keeps_its_upgrade() {
    let (head, _, upgrade) =
        forwarded("GET http://a/ HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\n");
    assert!(upgrade);
    assert!(head.ends_with("X: y\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n"), "{head}");
    assert!(!forwarded("GET http://a/ HTTP/1.1\r\nUpgrade: h2c\r\n\r\n").2);
}

#[test]
fn a_body_is_delimited_in_one_way_or_refused() {
    let with = |headers: &str| Request::parse(format!("POST http://a/ HTTP/1.1\r\n{headers}\r\n").as_bytes());
    let body = |headers| match with(headers).unwrap().unwrap().0.ask {
        Ask::Forward { body, .. } => body,
        Ask::Tunnel => unreachable!(),
    };
    assert_eq!(body("Content-Length: 12\r\n"), Body::Length(12));
    assert_eq!(body("Transfer-Encoding: Chunked\r\n"), Body::CHUNKED);
    assert_eq!(body("Connection: content-length\r\nContent-Length: 12\r\n"), Body::Length(12));
    for ambiguous in [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ] {
        assert!(with(ambiguous).is_err(), "{ambiguous}");
    }
}

#[test]
fn half_a_head_waits_and_nonsense_does_not() {
    assert_eq!(Request::parse(b"GET http://a/ HTTP/1.1\r\nA: b"), Ok(None));
    assert_eq!(Request::parse(b""), Ok(None));
    assert!(Request::parse(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").is_err());
}

/// A head as clients send them, in which some bytes may be others.
fn head() -> impl Strategy<Value = Vec<u8>> {
    let method = select(vec!["GET", "POST", "CONNECT"]);
    let headers = prop::collection::vec(select(HEADERS.to_vec()), 0..5);
    let changes = prop::collection::vec((any::<Index>(), select(TELLING.to_vec())), 0..3);
    (method, select(TARGETS.to_vec()), headers, changes).prop_map(|(method, target, headers, changes)| {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\n{}\r\n", headers.concat()).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// What is passed on to a server, as one would ask a proxy for it.
fn to_a_proxy(head: &[u8]) -> Vec<u8> {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    let (line, host) = (lines.next().unwrap(), lines.next().unwrap());
    let place = host.strip_prefix(b"Host: ").and_then(|host| host.strip_suffix(b"\r\n"));
    let target = line.iter().position(|byte| *byte == b' ').unwrap() + 1;
    [&line[..target], b"http://", place.unwrap(), &head[target..]].concat()
}

proptest! {
    #[test]
    fn a_request_is_the_same_in_whatever_pieces_it_comes(
        said in prop_oneof![3 => head(), 1 => prop::collection::vec(any::<u8>(), 0..300)],
        follows in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let bytes = [&said[..], &follows[..]].concat();
        let mut judged = (0..=bytes.len()).map(|end| Request::parse(&bytes[..end]).ok());
        let first = judged.find(|judged| *judged != Some(None)).unwrap_or(Some(None));
        prop_assert_eq!(first, Request::parse(&bytes).ok());
    }

    #[test]
    fn what_is_passed_on_is_one_head_and_says_the_same_again(bytes in head()) {
        let Ok(Some((request, _))) = Request::parse(&bytes) else { return Ok(()) };
        let Ask::Forward { head, .. } = &request.ask else { return Ok(()) };
        let mut headers = [httparse::EMPTY_HEADER; 2 * MOST_HEADERS];
        let mut read = httparse::Request::new(&mut headers);
        prop_assert_eq!(read.parse(head), Ok(httparse::Status::Complete(head.len())));
        for name in ["host", "connection"] {
            prop_assert_eq!(named(read.headers, name).count(), 1, "{}", name);
        }
        let again = to_a_proxy(head);
        let length = again.len();
        prop_assert_eq!(Request::parse(&again), Ok(Some((request.clone(), length))));
    }

    #[test]
    fn a_host_that_is_accepted_is_the_same_when_it_is_written_again(
        authority in prop_oneof![
            3 => r"([a-z:]{0,3}@)?(\[[0-9a-f:.%]{1,8}\]|[a-z0-9.%_-]{1,8}|é)?(:[0-9+]{0,6})?[\]:@/ ]?",
            1 => r"\PC{0,20}",
        ],
        default in prop::option::of(any::<u16>()),
    ) {
        let Ok((host, port)) = host_and_port(&authority, default) else { return Ok(()) };
        let written =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        prop_assert_eq!(host_and_port(&written, None), Ok((host, port)));
    }
}
