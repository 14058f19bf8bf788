//! A server that is published to over WHIP, on another WebRTC stack (aiortc), as a child process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::probe::Seen;
use crate::{program, settings};

/// The token that it wants.
pub const TOKEN: &str = "sesame";
/// Python and its packages, on a machine that does more than this.
const START: Duration = Duration::from_secs(60);

/// Serves until it is dropped.
pub struct Destination {
    pub host: IpAddr,
    pub port: u16,
    _server: Child,
}

/// How it was asked, and what came.
#[derive(Debug, Deserialize)]
pub struct Told {
    pub posts: u32,
    pub redirected: u32,
    pub unauthorised: u32,
    pub deletes: u32,
    /// When the last of them came, in seconds of this machine's monotonic clock; 0: none did.
    pub posted_at: f64,
    pub deleted_at: f64,
    /// That were not ended.
    pub sessions: u32,
    /// Of the last session that had a picture.
    pub seen: Option<Seen>,
}

impl Destination {
    /// At any port, with arguments of the script.
    pub async fn start(arguments: &[&str]) -> Self {
        Self::at(0, arguments).await
    }

    pub async fn at(port: u16, arguments: &[&str]) -> Self {
        Self::on(Ipv4Addr::LOCALHOST.into(), port, arguments).await
    }

    /// At an address of this machine.
    pub async fn on(host: IpAddr, port: u16, arguments: &[&str]) -> Self {
        let python = settings::cache().join("venv/bin/python");
        program::needs(&python, "sh e2e/probe/setup.sh");
        let mut command = program::command(python);
        command.arg(settings::repository().join("e2e/probe/whip_server.py"));
        command
            .args(["--token", TOKEN, "--host", &host.to_string(), "--port", &port.to_string()])
            .args(arguments);
        let mut server =
            command.stderr(std::process::Stdio::inherit()).spawn().expect("the server must start");
        let mut said = BufReader::new(server.stdout.take().expect("it is kept")).lines();
        let line =
            tokio::time::timeout(START, said.next_line()).await.expect("the server must start in time");
        let port = line.expect("it must say something").expect("it must run").parse().expect("a port");
        Self { host, port, _server: server }
    }

    /// What it was asked, and what came.
    pub async fn told(&self) -> Result<Told, reqwest::Error> {
        reqwest::get(self.url("/seen")).await?.json().await
    }

    /// Has no more whom it has, and lets in by that token from now on.
    pub async fn wants(&self, token: &str) {
        let asked = reqwest::Client::new().post(self.url(&format!("/token/{token}"))).send().await;
        asked.and_then(reqwest::Response::error_for_status).expect("the server must answer");
    }

    /// Where it is published to: `/whip`, or `/moved`, which redirects there.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", SocketAddr::new(self.host, self.port))
    }
}
