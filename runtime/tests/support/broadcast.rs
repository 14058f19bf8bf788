//! Servers that are not web sites: RTMP (nginx), RTSP and SRT (GStreamer).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use gstreamer::glib;
use gstreamer_rtsp_server as rtsp;
use gstreamer_rtsp_server::prelude::*;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use understudy_e2e::ports::{free_tcp, free_udp};

use super::clip::{self, Sender};

const READY: Duration = Duration::from_secs(10);
/// Between two looks at something that starts.
const LOOK: Duration = Duration::from_millis(20);

/// nginx with its RTMP module.
pub struct Rtmp {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Rtmp {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let port = free_tcp();
        let at = folder.path().display();
        let configuration = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; daemon off; master_process off; pid {at}/pid;\n\
             error_log {at}/log; events {{}}\nrtmp {{ server {{ listen 127.0.0.1:{port}; \
             application live {{ live on; wait_key on; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).expect("it must be written");
        let process = nginx(&file, folder.path());
        let start = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(
                start.elapsed() < READY,
                "nginx must listen: {:?}",
                std::fs::read_to_string(folder.path().join("log"))
            );
            tokio::time::sleep(LOOK).await;
        }
        Self { port, process, _folder: folder }
    }

    pub fn url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live/the-key", self.port)
    }

    /// Sends the long clip to it.
    pub fn publish(&self) -> Sender {
        let sink = format!("flvmux name=m streamable=true ! rtmp2sink location={}", self.url());
        Sender::start(&clip::live(&sink, Some("identity"), Some("avenc_aac ! aacparse")))
    }

    pub async fn close(mut self) {
        self.process.kill().await.expect("nginx must end");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own child, not the runtime's")]
fn nginx(configuration: &Path, folder: &Path) -> Child {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(configuration).kill_on_drop(true);
    command.spawn().expect("nginx must be installed: scripts/packages install test")
}

/// An RTSP camera at `/cam`.
pub struct Rtsp {
    port: u16,
    main: glib::MainLoop,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Rtsp {
    pub fn open() -> Self {
        Self::at(free_tcp())
    }

    /// Where one was before, too.
    pub fn at(port: u16) -> Self {
        let context = glib::MainContext::new();
        let main = glib::MainLoop::new(Some(&context), false);
        let running = main.clone();
        let from = clip::folder().join("long.mkv").display().to_string();
        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let server = rtsp::RTSPServer::new();
            server.set_address("127.0.0.1");
            server.set_service(&port.to_string());
            let factory = rtsp::RTSPMediaFactory::new();
            factory.set_launch(&format!(
                "( filesrc location={from} ! matroskademux name=d \
                 d.video_0 ! queue ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 \
                 d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! audioresample ! opusenc ! rtpopuspay name=pay1 pt=97 )"
            ));
            server.mount_points().expect("a server has mount points").add_factory("/cam", factory);
            let source = server.attach(Some(&context)).expect("it must listen");
            ready.send(()).expect("somebody waits");
            running.run();
            server.client_filter(Some(&mut |_, _| rtsp::RTSPFilterResult::Remove));
            if let Some(listening) = context.find_source_by_id(&source) {
                listening.destroy();
            }
        });
        started.recv_timeout(READY).expect("it must start");
        Self { port, main, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("rtsp://{}/cam", self.place())
    }

    pub fn place(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Rtsp {
    fn drop(&mut self) {
        self.main.quit();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it must end");
        }
    }
}

/// Sends the long clip to whoever calls; the URL to call.
pub fn srt() -> (Sender, String) {
    srt_at(free_udp())
}

/// The same where one was before, too.
pub fn srt_at(port: u16) -> (Sender, String) {
    let sink = format!("srtsink uri=srt://127.0.0.1:{port}?mode=listener wait-for-connection=false");
    (Sender::start(&clip::live_ts(&sink)), format!("srt://127.0.0.1:{port}?latency=80"))
}
