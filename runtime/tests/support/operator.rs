//! The operator's end of the control link, which says what a test has it say.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{Stream, StreamExt, stream};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};
use understudy_proto::v1::control_link_server::{ControlLink, ControlLinkServer};
use understudy_proto::v1::{
    AccessTokens, Desired, Invitation, InvitationReport, Livestream, OperatorMessage, Report, RuntimeMessage,
    SessionSpec, WebRtcOutput, Welcome, operator_message, runtime_message,
};

/// A browser and a stage on another stack, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(60);

/// What opens the session's own surfaces.
pub const KEY: &str = "key-of-the-session";

pub struct Operator {
    pub port: u16,
    desired: watch::Sender<Desired>,
    reports: watch::Receiver<Report>,
    serving: JoinHandle<()>,
    end: CancellationToken,
    files: TempDir,
    told: Arc<watch::Sender<Report>>,
    /// How far its clock is ahead of this machine's, in seconds.
    ahead: i64,
}

struct Link {
    end: CancellationToken,
    desired: watch::Receiver<Desired>,
    told: Arc<watch::Sender<Report>>,
    ahead: i64,
}

type Down = Pin<Box<dyn Stream<Item = Result<OperatorMessage, Status>> + Send>>;

impl Operator {
    /// One whose session shall be that.
    pub async fn of(session: SessionSpec) -> Self {
        Self::ahead_by(0, session).await
    }

    pub async fn ahead_by(ahead: i64, session: SessionSpec) -> Self {
        let program =
            Livestream { name: "program".into(), web_rtc: Some(WebRtcOutput {}), ..Livestream::default() };
        let livestreams = vec![program];
        let desired = Desired {
            generation: 1,
            leader_term: 1,
            session: Some(session),
            livestreams,
            access: Some(AccessTokens { view: KEY.into(), control: KEY.into(), admin: KEY.into() }),
            ..Desired::default()
        };
        let (told, reports) = watch::channel(Report::default());
        let files = tempfile::tempdir().expect("a folder");
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        for (name, text) in [
            ("ca.crt", certified.cert.pem()),
            ("key.pem", certified.signing_key.serialize_pem()),
            ("token", "a token".to_owned()),
        ] {
            std::fs::write(files.path().join(name), text).expect("it must be written");
        }
        let mut operator = Self {
            port: 0,
            desired: watch::Sender::new(desired),
            reports,
            serving: tokio::spawn(async {}),
            end: CancellationToken::new(),
            files,
            told: Arc::new(told),
            ahead,
        };
        operator.comes().await;
        operator
    }

    /// It listens, where it did before.
    pub async fn comes(&mut self) {
        let read = |name: &str| std::fs::read(self.files.path().join(name)).expect("it was written");
        let identity = Identity::from_pem(read("ca.crt"), read("key.pem"));
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let incoming = TcpIncoming::bind(at).expect("a port must be free");
        self.port = incoming.local_addr().expect("it has an address").port();
        self.end = CancellationToken::new();
        let (end, shutdown) = (self.end.clone(), self.end.clone().cancelled_owned());
        let link =
            Link { end, desired: self.desired.subscribe(), told: self.told.clone(), ahead: self.ahead };
        let mut server =
            Server::builder().tls_config(ServerTlsConfig::new().identity(identity)).expect("TLS");
        let serving =
            server.add_service(ControlLinkServer::new(link)).serve_with_incoming_shutdown(incoming, shutdown);
        self.serving = tokio::spawn(async { serving.await.expect("it must serve") });
    }

    /// Its process is no more.
    pub async fn goes(&mut self) {
        self.end.cancel();
        let serving = std::mem::replace(&mut self.serving, tokio::spawn(async {}));
        serving.await.expect("it must end");
    }

    /// What a runtime is started with.
    pub fn arguments(&self) -> Vec<String> {
        let file = |name: &str| self.files.path().join(name).display().to_string();
        [
            ("--operator-address", format!("localhost:{}", self.port)),
            ("--token-file", file("token")),
            ("--ca-file", file("ca.crt")),
            ("--pod-name", "ada-1".to_owned()),
            ("--pod-namespace", "default".to_owned()),
            ("--pod-uid", "uid-1".to_owned()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .chain(["--control-link".to_owned()])
        .collect()
    }

    /// What opens its session's HTTP.
    pub fn admits(&self, tokens: AccessTokens) {
        self.desired.send_modify(|desired| {
            desired.generation += 1;
            desired.access = Some(tokens);
        });
    }

    pub fn drains(&self) {
        self.desired.send_modify(|desired| {
            desired.generation += 1;
            desired.drain = true;
        });
    }

    /// Its session shall be another.
    pub fn shows(&self, session: SessionSpec) {
        self.desired.send_modify(|desired| {
            desired.generation += 1;
            desired.session = Some(session);
        });
    }

    pub fn invite(&self, invitation: Option<Invitation>) {
        self.desired.send_modify(|desired| {
            desired.generation += 1;
            desired.invitation = invitation;
        });
    }

    /// By its clock, so many seconds from now.
    pub fn time(&self, seconds: i64) -> i64 {
        unix_millis() / 1000 + self.ahead + seconds
    }

    /// What the session says of its invitation, once that is so.
    pub async fn hears(&self, what: &str, is: impl Fn(&InvitationReport) -> bool) -> InvitationReport {
        let mut reports = self.reports.clone();
        let heard = reports.wait_for(|report| report.invitation.as_ref().is_some_and(&is));
        match tokio::time::timeout(SOON, heard).await {
            Ok(heard) => heard.expect("it must be told").invitation.clone().expect("it was looked at"),
            Err(_) => panic!("{what} is not heard: {:?}", self.reports.borrow().clone()),
        }
    }

    /// Its session has answered what it was told last.
    pub async fn is_linked(&self) {
        let (mut reports, generation) = (self.reports.clone(), self.desired.borrow().generation);
        let answered = reports.wait_for(|report| report.observed_generation >= generation);
        let answered = tokio::time::timeout(SOON, answered).await;
        answered.expect("the runtime must link").expect("it must be told");
    }

    /// All that it says from now on.
    pub fn reports(&self) -> watch::Receiver<Report> {
        self.reports.clone()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

#[tonic::async_trait]
impl ControlLink for Link {
    type LinkStream = Down;

    async fn link(&self, request: Request<Streaming<RuntimeMessage>>) -> Result<Response<Down>, Status> {
        let (told, mut upward) = (self.told.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(message)) = upward.message().await {
                if let Some(runtime_message::Kind::Report(report)) = message.kind {
                    told.send_replace(report);
                }
            }
        });
        let unix_millis = unix_millis() + self.ahead * 1000;
        let welcome = Welcome { protocol: 1, leader_term: 1, unix_millis, ..Welcome::default() };
        let mut desired = self.desired.clone();
        desired.mark_changed();
        let desired = stream::unfold(desired, async |mut desired| {
            desired.changed().await.ok()?;
            let now = desired.borrow_and_update().clone();
            Some((operator_message::Kind::Desired(now), desired))
        });
        let down = stream::iter([operator_message::Kind::Welcome(welcome)]).chain(desired);
        let down = down.take_until(self.end.clone().cancelled_owned());
        Ok(Response::new(Box::pin(down.map(|kind| Ok(OperatorMessage { kind: Some(kind) })))))
    }
}

fn unix_millis() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(now.as_millis()).expect("it is not so late")
}
