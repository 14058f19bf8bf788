//! What a session's own page and its own sources may fetch, and what they may not.

use std::net::Ipv4Addr;
use std::time::Duration;

use understudy_e2e::wait;

use crate::support::server::{Server, ok};
use crate::support::session::Session;

/// From the start of the session to what the page has found out, on a busy machine.
const FOUND_OUT: Duration = Duration::from_secs(60);

/// An address of loopback that is not the one everything else is at: this one may be allowed alone.
const ALLOWED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Asks another server in every way that a page can, and tells its own what came of it.
const PAGE: &str = r#"<!doctype html><title>x</title><script>
const other = "OTHER";
const element = (name, path) => new Promise(done => {
  const made = document.createElement(name);
  made.onload = () => done("loaded");
  made.onerror = () => done("failed");
  made.src = `http://${other}/${path}`;
  document.documentElement.append(made);
});
const socket = new Promise(done => {
  const made = new WebSocket(`ws://${other}/socket`);
  made.onopen = () => done("loaded");
  made.onerror = () => done("failed");
});
const read = url => fetch(url).then(answer => answer.text(), () => "failed");
(async () => {
  const asked = [read(`http://${other}/fetch`), element("img", "image"), element("script", "script"), socket];
  const results = await Promise.all([...asked, read("/own")]);
  await element("iframe", "frame");
  await fetch("/found?" + results.join());
})();
</script>"#;

const PIXEL: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>";

fn other(path: &str) -> Vec<u8> {
    let (kind, body) = match path {
        "/image" => ("image/svg+xml\r\nAccess-Control-Allow-Origin: *", PIXEL),
        "/script" => ("text/javascript\r\nAccess-Control-Allow-Origin: *", ""),
        _ => ("text/plain\r\nAccess-Control-Allow-Origin: *", "secret"),
    };
    ok(kind, body)
}

/// What a page at an allowed address found out about a server at `address`, which it names in its script.
async fn found(allow: &str, private: &Server) -> String {
    let page = PAGE.replace("OTHER", &private.address.to_string());
    let public = Server::at(ALLOWED, move |path| match path {
        "/" => ok("text/html", &page),
        _ => ok("text/plain", "own"),
    })
    .await;
    let spec = format!("page: {{url: '{}'}}", public.url("/"));
    let session = Session::start_with(&spec, &["--allow-private-urls", allow]);
    let (found, _) = wait::until(FOUND_OUT, || async {
        let found = public.paths().iter().find_map(|path| path.strip_prefix("/found?").map(str::to_owned));
        found.ok_or(format!("{:?} {:?}", public.paths(), session.report().await))
    })
    .await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_gets_nothing_from_a_private_address_in_any_way() {
    let private = Server::start(other).await;
    assert_eq!(found("127.0.0.2", &private).await, "failed,failed,failed,failed,own");
    assert_eq!(private.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_gets_what_the_setting_allows() {
    let private = Server::start(other).await;
    assert_eq!(found("127.0.0.0/8", &private).await, "secret,loaded,loaded,failed,own");
    let paths = private.paths();
    assert!(
        ["/fetch", "/image", "/script", "/frame"].iter().all(|p| paths.contains(&(*p).into())),
        "{paths:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_at_a_private_address_is_a_condition() {
    let private = Server::start(other).await;
    let session = Session::start(&format!("page: {{url: '{}'}}", private.url("/")));
    let message = session.until_reason("PageReady", "PageLoadFailed").await;
    assert!(message.contains("loopback") && message.contains("UNDERSTUDY_ALLOW_PRIVATE_URLS"), "{message}");
    assert_eq!(private.connections(), 0);
}

/// A session whose camera is fed from a playlist with a part at `private`.
fn playing(private: &Server, arguments: &[&str]) -> Session {
    let folder = tempfile::tempdir().unwrap();
    let playlist = folder.path().join("list.m3u8");
    let parts = format!("#EXTINF:1,\n{}\n", private.url("/part.ts"));
    let head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n";
    std::fs::write(&playlist, format!("{head}{parts}#EXT-X-ENDLIST\n")).unwrap();
    let url = format!("file://{}", playlist.display());
    let spec = format!("page: {{url: 'understudy:mirror'}}\ninputs: {{video: {{file: {{url: '{url}'}}}}}}");
    Session::start_in(folder, &spec, arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_gets_nothing_from_a_private_address_either() {
    let private = Server::start(other).await;
    let session = playing(&private, &[]);
    let message = session.until_reason("InputsReady", "SourceForbidden").await;
    assert!(message.contains("loopback") && message.contains("UNDERSTUDY_ALLOW_PRIVATE_URLS"), "{message}");
    assert_eq!(private.connections(), 0);

    let url = private.url("/whole.ts");
    let inputs = format!("inputs: {{video: {{stream: {{url: '{url}'}}}}}}");
    let session = Session::start(&format!("page: {{url: 'understudy:mirror'}}\n{inputs}"));
    let message = session.until_reason("InputsReady", "SourceForbidden").await;
    assert!(message.contains("loopback") && message.contains("UNDERSTUDY_ALLOW_PRIVATE_URLS"), "{message}");
    assert_eq!(private.connections(), 0);

    let _session = playing(&private, &["--allow-private-urls", "*"]);
    let asked = || async { private.paths().first().cloned().ok_or("nothing was asked".to_owned()) };
    assert_eq!(wait::until(FOUND_OUT, asked).await.0, "/part.ts");
}
