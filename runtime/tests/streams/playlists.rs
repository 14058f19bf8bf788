//! Playlists and manifests that name what no page of the web may name.

use std::net::{SocketAddr, UdpSocket};

use understudy_core::input::Carries;
use understudy_e2e::wait;

use crate::support::clip;
use crate::support::server::{Server, ok};
use crate::support::studio::{OPEN, Studio, fails, stream};

const HLS: &str = "application/vnd.apple.mpegurl";
const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n";

/// What is on this machine and shall not be touched.
struct Inside {
    folder: tempfile::TempDir,
    /// Whoever calls here is counted.
    tcp: Server,
    udp: UdpSocket,
}

impl Inside {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        let tcp = Server::start(|_| ok("video/mp2t", "inside")).await;
        let inside = Self { folder, tcp, udp };
        inside.write("part.ts", std::fs::read(clip::folder().join("short.ts")).unwrap());
        inside.write("key", [7; 16]);
        let list = format!("{HEAD}#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n", inside.tcp.url("/reached"));
        inside.write("list.m3u8", list);
        inside
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn file(&self, name: &str) -> String {
        format!("file://{}", self.folder.path().join(name).display())
    }

    /// What a playlist on the web says that leads here, by the path it is served under.
    fn traps(&self) -> Vec<(&'static str, &'static str, String)> {
        let (tcp, udp) = (self.tcp.address, self.udp.local_addr().unwrap());
        let list = |part: &str| format!("{HEAD}#EXTINF:2,\n{part}\n#EXT-X-ENDLIST\n");
        let main = |list: &str| format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{list}\n");
        let key = format!(
            "#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"\n#EXTINF:2,\npart.ts\n#EXT-X-ENDLIST\n",
            self.file("key")
        );
        vec![
            ("/a-file.m3u8", HLS, list(&self.file("part.ts"))),
            ("/a-list-in-a-file.m3u8", HLS, main(&self.file("list.m3u8"))),
            ("/a-key-in-a-file.m3u8", HLS, format!("{HEAD}{key}")),
            ("/rtsp.m3u8", HLS, list(&format!("rtsp://{tcp}/x"))),
            ("/rtmp.m3u8", HLS, list(&format!("rtmp://{tcp}/a/b"))),
            ("/an-rtmp-list.m3u8", HLS, main(&format!("rtmp://{tcp}/a/b"))),
            ("/srt.m3u8", HLS, list(&format!("srt://{udp}"))),
            ("/udp.m3u8", HLS, list(&format!("udp://{udp}"))),
            ("/a-file.mpd", "application/dash+xml", manifest(&self.file(""))),
            ("/rtmp.mpd", "application/dash+xml", manifest(&format!("rtmp://{tcp}/"))),
        ]
    }

    fn untouched(&self) {
        assert_eq!((self.tcp.connections(), self.tcp.paths()), (0, vec![]));
        let heard = self.udp.recv_from(&mut [0; 2048]).map(|(_, from): (_, SocketAddr)| from);
        assert!(heard.is_err(), "{heard:?} has called");
    }
}

/// A manifest whose media is there. A shorter one is taken for plain text.
fn manifest(base: &str) -> String {
    format!(
        r#"<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S" minBufferTime="PT1S" profiles="urn:mpeg:dash:profile:isoff-live:2011">
 <BaseURL>{base}</BaseURL>
 <Period><AdaptationSet mimeType="video/mp4" codecs="avc1.42c01e">
  <SegmentTemplate timescale="1" duration="1" startNumber="1" initialization="init.mp4" media="$Number$.m4s"/>
  <Representation id="v" bandwidth="1000" width="320" height="240"/>
 </AdaptationSet></Period></MPD>{:1024}"#,
        ""
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_opens_nothing_but_what_is_fetched_by_http() {
    let (studio, inside) = (Studio::open().await, Inside::open().await);
    let (traps, part) = (inside.traps(), std::fs::read(clip::folder().join("short.ts")).unwrap());
    let web = Server::start(move |path| match traps.iter().find(|(at, ..)| *at == path) {
        Some((_, kind, text)) => ok(kind, text),
        None => ok("video/mp2t", &part),
    })
    .await;
    for (path, ..) in inside.traps() {
        let source = studio.play(stream(&web.url(path)), Carries::Video);
        let (reason, message) = fails(&source).await;
        println!("{reason}: {message}");
        assert_eq!(reason, "SourceUnauthorized", "{path}: {message}");
        assert!(message.contains("may not be opened"), "{message}");
        drop(source);
        inside.untouched();
    }
}

/// A live manifest that names a time source, which GStreamer would ask.
fn timed(clock: &str) -> String {
    let live = r#"type="dynamic" availabilityStartTime="2020-01-01T00:00:00Z" minimumUpdatePeriod="PT1S""#;
    let timing = format!(
        r#"<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="{clock}"></UTCTiming><Period"#
    );
    let text = manifest("/").replace(r#"type="static" mediaPresentationDuration="PT2S""#, live);
    text.replacen("<Period", &timing, 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_names_no_time_source_that_is_asked() {
    let (studio, clock) =
        (Studio::open().await, Server::start(|_| ok("text/plain", "2026-01-01T00:00:00Z")).await);
    let text = timed(&clock.url("/now"));
    let web = Server::start(move |path| match path {
        "/list.mpd" => ok("application/dash+xml", &text),
        _ => b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec(),
    })
    .await;
    let source = studio.play(stream(&web.url("/list.mpd")), Carries::Video);
    println!("{:?}", fails(&source).await);
    assert!(web.paths().len() > 1, "its media is asked for: {:?}", web.paths());
    assert_eq!((clock.connections(), clock.paths()), (0, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_whose_encoding_could_hide_a_time_source_is_refused() {
    let (studio, clock) =
        (Studio::open().await, Server::start(|_| ok("text/plain", "2026-01-01T00:00:00Z")).await);
    let text = timed(&clock.url("/now")).replace(r#"version="1.0""#, r#"version="1.0" encoding="UTF-7""#);
    let text = text.replace("UTCTiming", "+AFU-TCTiming");
    let web = Server::start(move |path| match path {
        "/list.mpd" => ok("application/dash+xml", &text),
        _ => b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec(),
    })
    .await;
    let source = studio.play(stream(&web.url("/list.mpd")), Carries::Video);
    let (reason, message) = fails(&source).await;
    assert_eq!((clock.connections(), clock.paths()), (0, vec![]));
    assert_eq!(reason, "SourceUnsupported", "{message}");
    assert!(message.contains("UTF-8"), "{message}");
}

/// An answer that sets a cookie for its whole site.
fn with_a_cookie(answer: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(answer).unwrap();
    text.replacen("\r\n", "\r\nSet-Cookie: cdn=yes; Path=/\r\n", 1).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_sets_goes_with_the_requests_for_its_parts_and_nowhere_else() {
    let studio = Studio::open().await;
    let part = std::fs::read(clip::folder().join("short.ts")).unwrap();
    let other = Server::start(move |_| ok("video/mp2t", &part)).await;
    let elsewhere = format!("http://localhost:{}/second.ts", other.address.port());
    let list = format!(
        "{HEAD}#EXTINF:4,\nfirst.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\n{elsewhere}\n#EXT-X-ENDLIST\n"
    );
    let part = std::fs::read(clip::folder().join("short.ts")).unwrap();
    let web = Server::start(move |path| match path {
        "/main.m3u8" => with_a_cookie(ok(HLS, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8\n")),
        "/list.m3u8" => ok(HLS, &list),
        _ => ok("video/mp2t", &part),
    })
    .await;
    let source = studio.play(stream(&web.url("/main.m3u8")), Carries::Video);
    wait::until(OPEN, || async {
        if other.heads().is_empty() { Err(format!("{:?}", web.paths())) } else { Ok(()) }
    })
    .await;
    drop(source);
    let asked = |server: &Server| {
        let asked = server.heads().into_iter().map(|head| head.to_ascii_lowercase());
        asked.map(|head| head.contains("\r\ncookie: cdn=yes\r\n")).collect::<Vec<_>>()
    };
    println!("{:?} {:?}", web.heads(), other.heads());
    assert_eq!(web.paths()[..3], ["/main.m3u8", "/list.m3u8", "/first.ts"]);
    assert_eq!(asked(&web)[..3], [false, true, true]);
    assert!(!asked(&other).contains(&true));
}
