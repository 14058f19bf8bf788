//! A guard that is asked as the runtime's own clients ask it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_runtime::guard::{self, Audience, Checkpoint, Metrics, Policy};

/// A pipeline that is loaded, fetches from loopback and ends.
const PIPELINE: Duration = Duration::from_secs(30);

/// One message over loopback.
const MESSAGE: Duration = Duration::from_secs(5);

/// The same, where the guard itself waits for 5 s for somebody else.
pub const DENIAL: Duration = Duration::from_secs(10);

pub struct Guard {
    pub address: SocketAddr,
    metrics: Metrics,
    _end: DropGuard,
}

impl Guard {
    pub fn start(policy: Policy) -> Self {
        let listener = guard::listener().unwrap();
        let (address, metrics, end) =
            (listener.local_addr().unwrap(), Metrics::default(), CancellationToken::new());
        let door = Checkpoint { audience: Audience::Media, policy, metrics: metrics.clone() };
        guard::serve(listener, door, end.clone()).unwrap();
        Self { address, metrics, _end: end.drop_guard() }
    }

    /// Lets through to these servers only.
    pub fn before(servers: &[SocketAddr]) -> Self {
        Self::start(Policy { own: servers.to_vec(), ..Policy::default() })
    }

    /// How often it refused a private address.
    pub fn refusals(&self) -> u32 {
        self.count("Refused")
    }

    /// How often a request had this outcome.
    pub fn count(&self, outcome: &str) -> u32 {
        let (mut registry, mut text) = (Registry::default(), String::new());
        self.metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let name = format!(r#"understudy_guard_requests_total{{audience="Media",outcome="{outcome}"}} "#);
        text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
    }

    /// Everything that comes back for these bytes.
    pub async fn say(&self, bytes: &str) -> String {
        self.answer(bytes, MESSAGE).await
    }

    /// Everything that comes back for these bytes within this time.
    pub async fn answer(&self, bytes: &str, deadline: Duration) -> String {
        let mut stream = self.open(bytes).await;
        let mut answer = Vec::new();
        tokio::time::timeout(deadline, stream.read_to_end(&mut answer))
            .await
            .expect("it must answer in time")
            .unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub async fn open(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// Runs a pipeline as the runtime does: the environment names the guard. What it said, and whether it went well.
    pub async fn launch(&self, pipeline: &str) -> (String, bool) {
        let mut command = gst_launch();
        command.args(pipeline.split(' ')).env("http_proxy", format!("http://{}", self.address));
        command.env("https_proxy", format!("http://{}", self.address));
        let output = tokio::time::timeout(PIPELINE, command.output()).await.expect("it must end").unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&said).into_owned(), output.status.success())
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own child, not the runtime's")]
pub fn gst_launch() -> tokio::process::Command {
    let mut command = tokio::process::Command::new("gst-launch-1.0");
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(MESSAGE, wait).await.expect("it must come in time")
}
