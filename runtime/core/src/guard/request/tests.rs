use super::*;

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
        ("10.0.0.1:1935", "10.0.0.1", 1935),
    ] {
        let request = parse(&format!("CONNECT {target} HTTP/1.1\r\nHost: other\r\n\r\n"));
        assert_eq!(request, Request { host: host.into(), port, ask: Ask::Tunnel });
    }
    for target in
        ["example.org", "example.org:", "[::1:80", ":80", "a:b:1", "a:0", "a:+1", "a:99999", "a/b:1"]
    {
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
