//! The guard between real clients and real servers. All of them are on loopback: a server that may be reached is a door of
//! its own in the policy, and the one that may not is private like any other.

mod transports;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use understudy_runtime::guard::{self, AllowPrivate, Policy, Refused};

use crate::support::doorway::{Guard, gst_launch, within};
use crate::support::server::{Server, ok, redirect};

#[tokio::test]
async fn a_private_address_is_refused_with_its_host_its_class_and_the_setting() {
    let private = Server::start(|_| ok("text/plain", "secret")).await;
    let guard = Guard::before(&[]);
    let port = private.address.port();
    for host in ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]", "[::1]"] {
        for ask in [format!("GET http://{host}:{port}/ HTTP/1.1"), format!("CONNECT {host}:{port} HTTP/1.1")]
        {
            let answer = guard.say(&format!("{ask}\r\nHost: public.example\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{ask}: {answer}");
            assert!(answer.contains("X-Understudy-Refused: private\r\n"), "{answer}");
            let text = answer.lines().last().unwrap_or_default();
            let named = [host.trim_matches(['[', ']']), "loopback", "UNDERSTUDY_ALLOW_PRIVATE_URLS"];
            assert!(named.iter().all(|word| text.contains(word)), "{text}");
        }
    }
    assert_eq!((private.connections(), guard.refusals()), (0, 10));
}

#[tokio::test]
async fn what_the_setting_allows_passes() {
    let private = Server::start(|path| ok("text/plain", path)).await;
    let guard = Guard::start(Policy { allow: "127.0.0.0/8".parse().unwrap(), own: vec![] });
    let answer = guard.say(&format!("GET {} HTTP/1.1\r\n\r\n", private.url("/a"))).await;
    assert!(answer.ends_with("\r\n\r\n/a"), "{answer}");
    let other = Guard::start(Policy { allow: "127.0.0.2".parse().unwrap(), own: vec![] });
    let answer = other.say(&format!("GET {} HTTP/1.1\r\n\r\n", private.url("/a"))).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_from_one_that_is_refused() {
    // Taken, so that nobody listens there meanwhile.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = taken.local_addr().unwrap();
    let guard = Guard::before(&[closed]);
    let answer = guard.say(&format!("GET http://{closed}/ HTTP/1.1\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("Refused: unreachable"), "{answer}");
    let answer = guard.say("GET http://nowhere.invalid/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("Refused: unresolvable"), "{answer}");
    let answer = guard.say("GET ftp://nowhere.invalid/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("Refused: scheme"), "{answer}");
    let answer = guard.say("nonsense\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let answer = guard.say(&format!("GET http://a/ HTTP/1.1\r\nX: {}\r\n", "x".repeat(70_000))).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn one_connection_carries_one_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guard = Guard::before(&[address]);
    let second = "GET http://10.0.0.1/ HTTP/1.1\r\nCookie: secret\r\n\r\n";
    for (delimiter, body) in
        [("Content-Length: 3", "abc"), ("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"), ("A: b", "")]
    {
        let first = format!("POST http://{address}/x HTTP/1.1\r\n{delimiter}\r\n\r\n{body}");
        let mut client = guard.open(&(first + second)).await;
        let (mut server, _) = within(listener.accept()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(format!("\r\n\r\n{body}").as_bytes()) {
            assert_ne!(within(server.read_buf(&mut seen)).await.unwrap(), 0);
        }
        client.write_all(second.as_bytes()).await.unwrap();
        server
            .write_all(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi")
            .await
            .unwrap();
        let mut answer = vec![0; 64];
        let length = within(client.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.contains("Connection: close\r\n\r\n"), "{answer}");
        client.write_all(second.as_bytes()).await.unwrap();
        drop(client);
        // All that came after the head and the body, up to the end of the connection.
        let whole = seen.len();
        within(server.read_to_end(&mut seen)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&seen[whole..]), "");
        assert!(!String::from_utf8_lossy(&seen).contains("secret"));
    }
}

#[tokio::test]
async fn an_icecast_server_passes_with_its_endless_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guard = Guard::before(&[address]);
    let mut client =
        guard.open(&format!("GET http://{address}/live HTTP/1.1\r\nIcy-MetaData: 1\r\n\r\n")).await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    let mut head = vec![0; 1024];
    let length = within(server.read(&mut head)).await.unwrap();
    assert!(String::from_utf8_lossy(&head[..length]).contains("Icy-MetaData: 1\r\n"));
    let mut heard = Vec::new();
    for part in ["ICY 200 OK\r\nicy-name: x\r\n\r\n", "sound", "more sound"] {
        server.write_all(part.as_bytes()).await.unwrap();
        heard.clear();
        while heard.len() < part.len() {
            assert_ne!(within(client.read_buf(&mut heard)).await.unwrap(), 0);
        }
        assert_eq!(String::from_utf8_lossy(&heard), part);
    }
    drop(client);
    assert_eq!(within(server.read(&mut head)).await.unwrap(), 0, "the server is told that nobody listens");
}

#[tokio::test]
async fn a_websocket_and_a_tunnel_carry_bytes_both_ways() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guard = Guard::before(&[address]);
    let upgrade =
        format!("GET http://{address}/ HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    let tunnel = format!("CONNECT {address} HTTP/1.1\r\n\r\n");
    for ask in [upgrade, tunnel] {
        let mut client = guard.open(&ask).await;
        let (mut server, _) = within(listener.accept()).await.unwrap();
        if ask.starts_with("GET") {
            let mut head = vec![0; 1024];
            assert_ne!(within(server.read(&mut head)).await.unwrap(), 0);
            let switch =
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
            server.write_all(switch).await.unwrap();
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert_ne!(within(client.read_buf(&mut head)).await.unwrap(), 0);
        }
        let mut heard = [0; 4];
        client.write_all(b"ping").await.unwrap();
        within(server.read_exact(&mut heard)).await.unwrap();
        server.write_all(b"pong").await.unwrap();
        within(client.read_exact(&mut heard)).await.unwrap();
        assert_eq!(&heard, b"pong");
    }
}

#[tokio::test]
async fn an_address_is_pinned_or_refused_for_what_does_not_speak_http() {
    let none = Policy::default();
    let refused = guard::pin("localhost", 1935, &none).await.unwrap_err();
    assert!(
        matches!(refused, Refused::Private { .. }) && refused.to_string().contains("localhost"),
        "{refused}"
    );
    let all = Policy { allow: AllowPrivate::All, own: vec![] };
    assert!(guard::pin("localhost", 1935, &all).await.unwrap().ip().is_loopback());
    assert_eq!(guard::pin("[::ffff:1.1.1.1]", 9, &none).await.unwrap().port(), 9);
    assert!(matches!(guard::pin("nowhere.invalid", 1, &all).await, Err(Refused::Unresolvable { .. })));
}

#[tokio::test]
async fn gstreamer_fetches_through_the_guard_from_loopback_and_over_tls_as_well() {
    let private = Server::start(|_| ok("text/plain", "secret")).await;
    let guard = Guard::before(&[]);
    let port = private.address.port();
    for url in ["http://127.0.0.1", "http://localhost", "https://127.0.0.1", "https://localhost"] {
        let (said, well) = guard.launch(&format!("souphttpsrc location={url}:{port}/ ! fakesink")).await;
        assert!(!well && said.contains("Forbidden"), "{url}: {said}");
    }
    assert_eq!(private.connections(), 0);
}

#[tokio::test]
async fn gstreamer_is_not_redirected_to_a_private_address() {
    let private = Server::start(|_| ok("text/plain", "secret")).await;
    let target = private.url("/");
    let public = Server::start(move |_| redirect(&target)).await;
    let guard = Guard::before(&[public.address]);
    let (said, well) = guard.launch(&format!("souphttpsrc location={} ! fakesink", public.url("/"))).await;
    assert!(!well && said.contains("Forbidden"), "{said}");
    assert_eq!((public.connections(), private.connections()), (1, 0));
}

#[tokio::test]
async fn a_playlists_parts_are_judged_one_by_one() {
    let clip = clip().await;
    let private = Server::start(|_| ok("video/mp2t", "secret")).await;
    let hidden = private.address;
    let public = Server::start(move |path| match path {
        "/all.m3u8" => ok("application/vnd.apple.mpegurl", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n"),
        "/media.m3u8" => ok(
            "application/vnd.apple.mpegurl",
            format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nhttp://{hidden}/b.ts\n#EXT-X-ENDLIST\n"),
        ),
        "/live.mpd" => ok("application/dash+xml", manifest(hidden)),
        _ => ok("video/mp2t", &clip),
    })
    .await;
    let guard = Guard::before(&[public.address]);
    for pipeline in ["souphttpsrc location=URL ! decodebin ! fakesink", "uridecodebin3 uri=URL ! fakesink"] {
        for playlist in ["/all.m3u8", "/live.mpd"] {
            let before = guard.refusals();
            let (said, _) = guard.launch(&pipeline.replace("URL", &public.url(playlist))).await;
            assert!(guard.refusals() > before, "{pipeline} of {playlist} did not ask: {said}");
        }
    }
    assert!(public.paths().contains(&"/a.ts".to_owned()), "{:?}", public.paths());
    assert_eq!(private.connections(), 0);

    let open = Guard::before(&[public.address, private.address]);
    for playlist in ["/all.m3u8", "/live.mpd"] {
        open.launch(&format!("souphttpsrc location={} ! decodebin ! fakesink", public.url(playlist))).await;
    }
    let paths = private.paths();
    assert!(paths.contains(&"/b.ts".to_owned()) && paths.contains(&"/init.mp4".to_owned()), "{paths:?}");
}

/// A second of video in MPEG-TS.
async fn clip() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.ts");
    let making = "-q videotestsrc num-buffers=30 ! x264enc ! mpegtsmux ! filesink location=";
    let made = gst_launch().args(format!("{making}{}", file.display()).split(' ')).status().await.unwrap();
    assert!(made.success(), "GStreamer's plugins must be installed: scripts/packages install image test");
    std::fs::read(file).unwrap()
}

/// A DASH manifest whose media lies elsewhere. A shorter one is taken for plain text.
fn manifest(media: SocketAddr) -> String {
    format!(
        r#"<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" minBufferTime="PT1S" profiles="urn:mpeg:dash:profile:isoff-live:2011">
 <Period><AdaptationSet mimeType="video/mp4" codecs="avc1.42c01e">
  <SegmentTemplate timescale="1" duration="1" startNumber="1" initialization="http://{media}/init.mp4" media="http://{media}/$Number$.m4s"/>
  <Representation id="v" bandwidth="1000" width="320" height="240"/>
 </AdaptationSet></Period></MPD>{:1024}"#,
        ""
    )
}
