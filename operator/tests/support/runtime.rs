//! A runtime without media: the real client of the control link, and a session that says what a test has it say.

use crate::support::{NAMESPACE, World};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use understudy_link::Config;
use understudy_operator::names;
use understudy_proto::v1::{
    Condition, Desired, LivestreamReport, Media, Part, PodIdentity, Ports, Refusal, Report, Severity,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// As the real one announces.
const CAPABILITIES: [&str; 18] = [
    "camera.pipewire",
    "output.webrtc",
    "output.rtmp",
    "output.mpegts",
    "output.rtmppush",
    "output.whip",
    "output.recording",
    "output.rendition",
    "input.stream",
    "input.file",
    "input.socket",
    "input.webrtc",
    "stage.whip",
    "stage.ivs",
    "stage.page",
    "origin",
    "sharing",
    "sharing.pages",
];

pub struct Runtime {
    desired: mpsc::Receiver<Desired>,
    reports: watch::Sender<Option<Report>>,
    end: CancellationToken,
    running: JoinHandle<()>,
    files: TempDir,
}

impl Runtime {
    /// With a good token. It can do all that there is, and speaks before it is told anything: it idles, and is well.
    pub async fn start(world: &World, pod: &Pod) -> Self {
        Self::able(world, pod, &CAPABILITIES).await
    }

    /// One that can do no more than this.
    pub async fn able(world: &World, pod: &Pod, capabilities: &[&str]) -> Self {
        let runtime =
            Self::dial(world, pod, &world.token(pod, names::SESSION_AUDIENCE).await, capabilities).await;
        runtime.say(idle());
        runtime
    }

    /// One that never says anything unless it is made to.
    pub async fn silent(world: &World, pod: &Pod) -> Self {
        Self::dial(world, pod, &world.token(pod, names::SESSION_AUDIENCE).await, &CAPABILITIES).await
    }

    /// Says to be this pod, and shows this token.
    pub async fn with_token(world: &World, pod: &Pod, token: &str) -> Self {
        Self::dial(world, pod, token, &CAPABILITIES).await
    }

    async fn dial(world: &World, pod: &Pod, token: &str, capabilities: &[&str]) -> Self {
        let authority: ConfigMap = world.api().get(names::CA_CONFIG_MAP).await.unwrap();
        let files = TempDir::new().unwrap();
        let (token_file, ca_file) = (files.path().join("token"), files.path().join("ca.crt"));
        std::fs::write(&token_file, token).unwrap();
        std::fs::write(&ca_file, &authority.data.unwrap()[names::CA_KEY]).unwrap();
        let config = Config {
            address: format!("127.0.0.1:{}", world.port),
            server_name: None,
            token_file,
            ca_file,
            identity: PodIdentity {
                namespace: NAMESPACE.into(),
                name: pod.name_any(),
                uid: pod.uid().unwrap(),
            },
            boot_id: format!("boot-of-{}", pod.name_any()),
            capabilities: capabilities.iter().map(|name| (*name).to_owned()).collect(),
        };
        let (sender, desired) = mpsc::channel(8);
        let (reports, receiver) = watch::channel(None);
        let end = CancellationToken::new();
        let running = tokio::spawn(understudy_link::run(
            config,
            sender,
            receiver,
            watch::Sender::new(false),
            end.clone(),
        ));
        Self { desired, reports, end, running, files }
    }

    /// What the kubelet does when the ConfigMap changes.
    pub fn trust(&self, published: &ConfigMap) {
        let roots = &published.data.as_ref().unwrap()[names::CA_KEY];
        std::fs::write(self.files.path().join("ca.crt"), roots).unwrap();
    }

    /// From its next contact on.
    pub fn show_no_good_token(&self) {
        std::fs::write(self.files.path().join("token"), "not a token").unwrap();
    }

    /// The next thing that is desired, whenever that is.
    #[allow(dead_code, reason = "measurements use it")]
    pub async fn heard(&mut self) -> Option<Desired> {
        self.desired.recv().await
    }

    /// The next thing that is desired.
    pub async fn told(&mut self) -> Desired {
        tokio::time::timeout(PATIENCE, self.desired.recv()).await.expect("something must be desired").unwrap()
    }

    /// The next thing that is desired and is so.
    pub async fn told_that(&mut self, is: impl Fn(&Desired) -> bool) -> Desired {
        loop {
            let desired = self.told().await;
            if is(&desired) {
                return desired;
            }
        }
    }

    /// True: nothing is desired for this long.
    pub async fn is_left_alone(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.desired.recv()).await.is_err()
    }

    pub fn say(&self, report: Report) {
        self.reports.send_replace(Some(report));
    }

    pub async fn end(self) {
        self.end.cancel();
        self.running.await.unwrap();
    }
}

/// What the real one says before it is told anything: nothing is wanted, and all is well.
fn idle() -> Report {
    let well = |type_| said(type_, "True", "NotWanted", "");
    Report {
        conditions: ["DevicesReady", "PageReady", "InputsReady"].map(well).into(),
        media: Some(Media { camera: "none".into(), browser_sandbox: String::new() }),
        ports: Some(Ports { http: 10001, media_udp: 10003, ..Ports::default() }),
        ..Report::default()
    }
}

/// A session that carries out what is desired, and is well.
pub fn well(desired: &Desired) -> Report {
    let serving = |name: &str| LivestreamReport {
        name: name.into(),
        ready: true,
        reason: "Serving".into(),
        ..LivestreamReport::default()
    };
    Report {
        observed_generation: desired.generation,
        conditions: ["DevicesReady", "PageReady", "InputsReady"]
            .map(|type_| said(type_, "True", "Up", ""))
            .into(),
        media: Some(Media { camera: "pipewire".into(), browser_sandbox: "disabled".into() }),
        livestreams: desired.livestreams.iter().map(|livestream| serving(&livestream.name)).collect(),
        ports: Some(Ports { http: 10001, media_udp: 10003, rtmp: 1935, rtmps: 1936 }),
        ..Report::default()
    }
}

/// A session that carries out what is desired but for one field of its own.
pub fn refused(desired: &Desired, field_path: &str, reason: &str) -> Report {
    let refusal = Refusal {
        part: Part::Session.into(),
        field_path: field_path.into(),
        reason: reason.into(),
        ..Refusal::default()
    };
    Report { refusals: vec![refusal], ..well(desired) }
}

pub fn said(type_: &str, status: &str, reason: &str, message: &str) -> Condition {
    let severity = match reason {
        "Starting" | "Loading" | "Reloading" | "Waiting" | "WaitingForPicture" => Severity::Info,
        _ => Severity::Error,
    };
    Condition {
        r#type: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        severity: severity.into(),
    }
}
