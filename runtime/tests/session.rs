//! One session with all of its real parts: Xvfb, PulseAudio, D-Bus, PipeWire, Chromium and GStreamer.

use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Html;
use axum::routing::get;
use futures::{StreamExt, stream};
use nix::sys::signal::{Signal, kill};
use understudy_core::spec::Resolution;
use understudy_devtools::{Devtools, Page};
use understudy_e2e::{client, wait};
use understudy_runtime::display;
use understudy_runtime::net::Families;

use crate::support::session::{Session, refused};

const MIRROR: &str = include_str!("../../examples/session.yaml");

/// From the death of any part to a picture again.
const REPAIR: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_file_reaches_a_viewer_through_camera_browser_and_display() {
    let session = Session::live(MIRROR).await;
    let seen = session.watch(8).run().await.unwrap();
    seen.is_the_test_picture().unwrap();
    assert_eq!((seen.width, seen.height), (1280, 720));
    let report = session.report().await.unwrap();
    assert_eq!(report["media"]["camera"], "pipewire");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_that_dies_repairs_itself_with_camera_and_microphone() {
    let session = Session::live(MIRROR).await;
    for part in ["Xvfb", "pulseaudio", "pipewire", "chromium", "dbus-daemon"] {
        let victims = session.children(part);
        assert_eq!(victims.len(), 1, "{part} must be a child of the runtime");
        kill(victims[0], Signal::SIGKILL).unwrap();
        let gone = async || session.report().await.map(|r| r["happenings"].to_string()).unwrap_or_default();
        let before = gone().await;
        while gone().await == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let took = session.until_live(REPAIR).await;
        println!("{part} repaired in {took:?}");
        session.watch(5).whole().await.unwrap_or_else(|why| panic!("after {part}: {why}"));
    }
}

/// An encoder rests ten seconds after its last reader, and ten seconds later its rendition is forgotten.
const UNWATCHED: Duration = Duration::from_secs(25);

#[tokio::test(flavor = "multi_thread")]
async fn a_display_that_dies_when_nobody_has_watched_for_long_is_shown_again() {
    let session = Session::live(MIRROR).await;
    tokio::time::sleep(UNWATCHED).await;
    kill(session.children("Xvfb")[0], Signal::SIGKILL).unwrap();
    session.until_lost("Display", 1).await;
    session.until_live(REPAIR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_stands_still_is_told_of_though_it_lives() {
    let session = Session::live(MIRROR).await;
    // Picture and sound are captured, and stay so for who comes next.
    session.watch(2).run().await.unwrap();
    let _watching = session.watch(3600).start();
    for (part, reason, word) in
        [("pulseaudio", "ServingWithoutSound", "speaker"), ("Xvfb", "CaptureFailed", "screen")]
    {
        let still = session.children(part)[0];
        kill(still, Signal::SIGSTOP).unwrap();
        let message = session.until_served(reason, REPAIR).await;
        println!("{message}");
        assert!(message.contains(word), "{message}");
        // Sound that answers nobody is begun anew; what else stands still may go on.
        if part != "pulseaudio" {
            kill(still, Signal::SIGCONT).unwrap();
        }
        // What was tried again meanwhile may have to come to its end first.
        session.until_served("Serving", REPAIR * 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_loaded_is_a_condition_and_the_devices_stay() {
    let session = Session::start("page: {url: 'understudy:nowhere'}");
    let message = session.until_reason("PageReady", "PageLoadFailed").await;
    assert!(message.contains("404"), "{message}");
    session.until_reason("DevicesReady", "Live").await;

    let page = "page: {url: 'http://127.0.0.1:9/'}";
    let session = Session::start_with(page, &["--allow-private-urls", "127.0.0.1"]);
    let message = session.until_reason("PageReady", "PageLoadFailed").await;
    assert!(message.contains("127.0.0.1 cannot be reached"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_while_there_is_nothing_to_show_is_told_when_to_ask_again() {
    let session = Session::start("{}");
    session.until_reason("PageReady", "NotWanted").await;
    let post =
        reqwest::Client::new().post(session.url("/whep/program")).header("content-type", "application/sdp");
    let answer = post.body("v=0").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (409, "2"));
}

/// A page that asks for something before it goes on, as it is loaded and later.
const ASKS: &str = "<script>
  addEventListener('load', () => {
    alert('one');
    setTimeout(() => { document.title = confirm('two') ? 'confirmed' : 'went on'; }, 100);
  });
</script>";

/// The page of a site on loopback, which a session shows.
async fn shows(page: &'static str, site: Router) -> Session {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = site.route("/", get(move || async move { Html(page) }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let spec = format!("page: {{url: 'http://{address}/'}}");
    Session::start_with(&spec, &["--allow-private-urls", "127.0.0.1"])
}

/// What it shows, by its DevTools.
async fn page(session: &Session) -> Page {
    let (devtools, _) = Devtools::connect(&format!("ws://{}", session.devtools())).await.unwrap();
    Page::first(&devtools).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_opens_dialogs_goes_on_and_is_told_of() {
    let session = shows(ASKS, Router::new()).await;
    session.until_happened("PageDialog", 2).await;
    session.until_reason("PageReady", "Loaded").await;
    let page = page(&session).await;
    wait::until(REPAIR, || async {
        match page.evaluate("document.title").await {
            Ok(title) if title == "went on" => Ok(()),
            title => Err(format!("{title:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leads_on_to_nowhere_is_not_loaded() {
    for page in [
        "<script>location.replace('http://127.0.0.1:9/')</script>",
        "<script>location.replace('https://127.0.0.1:9/')</script>",
    ] {
        let session = shows(page, Router::new()).await;
        session.until_reason("PageReady", "PageLoadFailed").await;
    }
}

/// A page that saves a file which has no end.
const SAVES: &str = "<a href='/endless' download></a><script>
  addEventListener('load', () => document.querySelector('a').click());
</script>";

/// More than all pages together may keep; to ask does not tell, Chromium says 10 GB whatever it is.
const KEEPS: &str = "navigator.storage.getDirectory()
    .then(folder => folder.getFileHandle('large', {create: true}))
    .then(file => file.createWritable())
    .then(file => file.truncate(640 * 1024 * 1024))
    .then(() => 'kept', error => error.name)";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_cannot_fill_the_disk() {
    let (opened, mut openings) = tokio::sync::mpsc::channel(1);
    let endless = get(move || {
        let opened = opened.clone();
        async move {
            let (reading, hung_up) = tokio::sync::oneshot::channel::<()>();
            opened.send(hung_up).await.unwrap();
            let pieces = stream::unfold(reading, |reading| async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(&[7; 4096])), reading))
            });
            Body::from_stream(pieces.boxed())
        }
    });
    let session = shows(SAVES, Router::new().route("/endless", endless)).await;
    session.until_reason("PageReady", "Loaded").await;
    let page = page(&session).await;
    let hung_up = tokio::time::timeout(REPAIR, openings.recv()).await.unwrap().unwrap();
    tokio::time::timeout(REPAIR, hung_up).await.expect("nothing is saved").unwrap_err();
    assert_eq!(page.evaluate(KEEPS).await.unwrap(), "QuotaExceededError");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_session_left_is_removed_by_the_next() {
    let killed = Session::live(MIRROR).await;
    let left = killed.configuration("pipewire").parent().unwrap().to_owned();
    killed.kill().await;
    let next = Session::start("{}");
    next.until_reason("PageReady", "NotWanted").await;
    wait::until(REPAIR, || async {
        if left.exists() { Err("it is still there".to_owned()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_parts_that_do_not_end_ends_in_time_all_the_same() {
    let session = Session::live(MIRROR).await;
    for part in ["Xvfb", "pulseaudio", "pipewire", "chromium", "dbus-daemon"] {
        kill(session.children(part)[0], Signal::SIGSTOP).unwrap();
    }
    assert!(session.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_stays_away_is_one_happening_which_tells_its_cause_once() {
    let session = Session::start("page: {url: 'https://does-not-exist.invalid/'}");
    let message = session.until_reason("PageReady", "PageLoadFailed").await;
    assert_eq!(message.matches("failed to lookup").count(), 1, "{message}");
    // By its third failure it was tried again twice.
    session.until_lost("Page", 3).await;
    let report = session.report().await.unwrap();
    let happenings = report["happenings"].as_array().unwrap();
    assert_eq!(happenings.len(), 1, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_the_machine_does_not_know_has_camera_microphone_and_page() {
    let session = Session::start_as_a_stranger(MIRROR);
    session.until_live(Duration::from_secs(40)).await;
    session.watch(3).whole().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_display_is_for_its_own_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let display = display::start(Resolution::HD, None, folder.path()).await.unwrap();
    // The X protocol's first words, and the first of the answer's: 1 is a success.
    let script = r#"socket(S, AF_UNIX, SOCK_STREAM, 0);
connect(S, sockaddr_un("/tmp/.X11-unix/X$ARGV[0]")) or die;
syswrite(S, "l\0\x0b" . "\0" x 9);
sysread(S, $answer, 1);
print ord($answer);"#;
    std::fs::write(folder.path().join("look.pl"), script).unwrap();
    let number = display.name.trim_start_matches(':');
    for (user, answer) in [("0", "1"), ("65534", "0")] {
        let become_it = format!("setpriv --reuid {user} --regid {user} --clear-groups");
        let look = format!("{become_it} /usr/bin/perl -MSocket - {number} < look.pl");
        assert_eq!(client::shell(&look, folder.path()).await.unwrap(), answer, "user {user}");
    }
    display.child.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_session_is_reached_over_each_family_of_loopback_and_not_beyond() {
    let session = Session::start("{}");
    session.until_reason("PageReady", "NotWanted").await;
    let families = Families::here();
    for loopback in families.loopbacks() {
        let url = format!("http://{}/status", session.http_at(loopback));
        assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
    }
    for (any, somewhere) in [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")] {
        // Nothing is sent: the route tells our own address, if there is one.
        let routed =
            UdpSocket::bind(any).and_then(|socket| socket.connect(somewhere).and(socket.local_addr()));
        let Ok(own) = routed else { continue };
        assert!(TcpStream::connect(session.http_at(own.ip())).is_err(), "{own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_cannot_start_is_a_condition_and_comes_back_once_it_can() {
    let session = Session::live(MIRROR).await;
    let configuration = session.configuration("pipewire");
    std::fs::remove_file(&configuration).unwrap();
    std::fs::create_dir(&configuration).unwrap();
    kill(session.children("pipewire")[0], Signal::SIGKILL).unwrap();
    let message = session.until_reason("DevicesReady", "CameraFailed").await;
    assert!(message.contains("PipeWire"), "{message}");
    session.until_reason("PageReady", "Loaded").await;
    std::fs::remove_dir(&configuration).unwrap();
    session.until_live(Duration::from_secs(40)).await;
    session.watch(4).whole().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_not_there_is_told_by_name() {
    let session = Session::start_with(MIRROR, &["--chromium", "/nowhere/chromium"]);
    let message = session.until_reason("PageReady", "BrowserFailed").await;
    assert!(message.contains("/nowhere/chromium"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_sees_nothing_of_a_local_session() {
    let session = Session::start("{}");
    session.until_reason("PageReady", "NotWanted").await;
    session.until_reason("DevicesReady", "NotWanted").await;
    let http = reqwest::Client::new();
    let offer = http
        .post(session.whep())
        .header("origin", "https://elsewhere.example")
        .body("v=0")
        .send()
        .await
        .unwrap();
    assert_eq!(offer.status(), 403);
    assert!(!offer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_opened_is_a_condition_that_names_it() {
    let with = |url: &str| {
        format!("page: {{url: 'understudy:mirror'}}\ninputs: {{video: {{file: {{url: '{url}'}}}}}}")
    };
    let session = Session::start(&with("understudy:nothing"));
    let message = session.until_reason("InputsReady", "SourceNotFound").await;
    assert!(message.contains("understudy:nothing"), "{message}");

    let session = Session::start(&with("file:///etc/hostname"));
    let message = session.until_reason("InputsReady", "SourceForbidden").await;
    assert!(message.contains("media directory"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_repeated_ends_in_a_slate() {
    let once = MIRROR.replace("test-picture\"}", "test-picture\", loop: false}");
    let session = Session::live(&once).await;
    session.until_reason("InputsReady", "Ended").await;
    let seen = session.watch(2).run().await.unwrap();
    assert!(seen.frames > 30, "the picture goes on: {seen:?}");
    assert!(seen.distinct_per_second <= 1, "and shows no frame number: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_no_session_is_refused_by_the_name_of_its_field() {
    let said = refused("page: {url: 'understudy:mirror', width: 13}").await;
    assert!(said.contains("page.width: must be 320 to 3840 pixels, got 13"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_session_leaves_no_process_behind() {
    let session = Session::live(MIRROR).await;
    let parts = ["Xvfb", "pulseaudio", "pipewire", "chromium", "dbus-daemon"];
    let children: Vec<_> = parts.iter().flat_map(|part| session.children(part)).collect();
    assert_eq!(children.len(), parts.len());
    assert!(session.terminate().await.success());
    for child in children {
        assert!(kill(child, None).is_err(), "{child} is still there");
    }
}
