//! Processes with their API and a guard, without the rest of the runtime.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prometheus_client::registry::Registry;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_core::process::judge;
use understudy_e2e::{client, wait};
use understudy_runtime::access::{HostNames, Policy};
use understudy_runtime::api::core::{self, Core, Whep, Writing};
use understudy_runtime::config::Login;
use understudy_runtime::guard::{self, AllowPrivate, Audience, Checkpoint};
use understudy_runtime::process::{Metrics, Processes, RtmpDoor, Site, Watched, Watching};

/// For what ffmpeg does, on a machine that does more than this.
pub const SOON: Duration = Duration::from_secs(20);

/// What is otherwise than usual.
pub struct Settings {
    pub ffmpeg: PathBuf,
    pub most: usize,
    pub policy: Policy,
    pub login: Option<Login>,
    pub may_write: Writing,
    /// Single addresses of this machine that may be fetched from.
    pub own: Vec<SocketAddr>,
    pub allow: AllowPrivate,
    pub rtmp: Option<RtmpDoor>,
    /// Where what is watched of them is kept; GStreamer has to be there for it.
    pub watching: Option<Watching>,
    /// Where they are watched.
    pub whep: Option<Whep>,
    /// Where they are stored.
    pub db: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ffmpeg: "ffmpeg".into(),
            most: 100,
            policy: Policy::Open(HostNames::default()),
            login: None,
            may_write: Writing::Allowed,
            own: Vec::new(),
            allow: AllowPrivate::None,
            rtmp: None,
            watching: None,
            whep: None,
            db: None,
        }
    }
}

/// Dropped, all its processes end.
pub struct Rig {
    address: SocketAddr,
    client: Client,
    folder: TempDir,
    metrics: Metrics,
    of_guard: guard::Metrics,
    processes: Processes,
    keeping: Option<JoinHandle<()>>,
    end: DropGuard,
}

impl Rig {
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// With that ffmpeg.
    pub async fn of(ffmpeg: PathBuf) -> Self {
        Self::with(Settings { ffmpeg, ..Settings::default() }).await
    }

    pub async fn with(settings: Settings) -> Self {
        // As the program does: a signal that is ignored here, and not heard, would be ignored by every child.
        drop(signal(SignalKind::interrupt()).expect("it must be heard"));
        let end = CancellationToken::new();
        let folder = tempfile::tempdir().expect("a directory must be free");
        let (data, media) = (folder.path().join("data"), folder.path().join("media"));
        std::fs::create_dir_all(&media).expect("a directory must be made");
        let of_guard = guard::Metrics::default();
        let policy = guard::Policy { allow: settings.allow, own: settings.own };
        let door = Checkpoint { audience: Audience::Media, policy, metrics: of_guard.clone() };
        let guard = guard::serve(guard::listener().unwrap(), door, end.clone()).unwrap();
        let metrics = Metrics::default();
        let site = Site {
            ffmpeg: settings.ffmpeg,
            setting: "CORE_FFMPEG_BINARY",
            confiner: Some(env!("CARGO_BIN_EXE_understudy-runtime").into()),
            judge: judge::Site { data: text(&data), media: vec![text(&media)], ..judge::Site::default() },
            guard,
            rtmp: settings.rtmp,
            most: settings.most,
            watched: settings.watching.as_ref().map_or(Watched::Sessions, |_| Watched::All),
            watching: settings.watching.unwrap_or_default(),
            metrics: metrics.clone(),
        };
        let processes = Processes::new(site, end.clone());
        let keeper = settings.db.and_then(|directory| processes.kept(&directory));
        let keeping = keeper.map(|keeper| tokio::spawn(keeper.run()));
        let policy = watch::Sender::new(settings.policy);
        let parts = Core {
            processes: processes.clone(),
            login: settings.login,
            may_write: settings.may_write,
            whep: settings.whep,
        };
        let router = core::router(parts, &policy.subscribe());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
        let until = end.clone();
        tokio::spawn(async move {
            let _policy = policy;
            serve.with_graceful_shutdown(until.cancelled_owned()).await.unwrap();
        });
        let client = Client::new();
        Self { address, client, folder, metrics, of_guard, processes, keeping, end: end.drop_guard() }
    }

    /// As the runtime does.
    pub async fn end(self) {
        drop(self.end);
        self.processes.ended().await;
        if let Some(keeping) = self.keeping {
            keeping.await.expect("what is stored must be written");
        }
    }

    pub fn processes(&self) -> &Processes {
        &self.processes
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What its processes may read, beside what they write.
    pub fn media(&self) -> PathBuf {
        self.folder.path().join("media")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Status and body of an answer.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Makes one, which has to be taken.
    pub async fn add(&self, config: &Value) -> Value {
        let (status, body) = self.ask(Method::POST, "/api/v3/process", Some(config)).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub async fn command(&self, id: &str, command: &str) {
        let path = format!("/api/v3/process/{id}/command");
        let (status, body) = self.ask(Method::PUT, &path, Some(&json!({ "command": command }))).await;
        assert_eq!((status, body), (StatusCode::OK, json!("OK")));
    }

    pub async fn process(&self, id: &str) -> Value {
        let (status, body) = self.ask(Method::GET, &format!("/api/v3/process/{id}"), None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until that is so of a process; what it is like then.
    pub async fn until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let seen = || async {
            let process = self.process(id).await;
            if is_so(&process) { Ok(process) } else { Err(process.to_string()) }
        };
        wait::until(SOON, seen).await.0
    }

    pub async fn until_exec(&self, id: &str, exec: &str) -> Value {
        self.until(id, |process| process["state"]["exec"] == exec).await
    }

    /// What a series of the metrics counts.
    pub fn counts(&self, series: &str) -> u64 {
        let (mut registry, mut text) = (Registry::default(), String::new());
        self.metrics.register(&mut registry);
        self.of_guard.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        found.unwrap_or_default()
    }
}

/// What people have installed: Debian's ffmpeg, and one of this year. What they do otherwise is for processes to make the same.
pub fn ffmpegs() -> [PathBuf; 2] {
    ["ffmpeg".into(), client::new_ffmpeg()]
}

/// The same with each of them, at once.
pub async fn with_each<F: Future<Output = ()>>(test: impl Fn(PathBuf) -> F) {
    let [old, new] = ffmpegs();
    tokio::join!(test(old), test(new));
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path must be text").to_owned()
}

/// A config as the core's own tests have it: a picture of ffmpeg's own that nobody sees.
pub fn picture(id: &str) -> Value {
    json!({
        "id": id,
        "type": "ffmpeg",
        "options": [],
        "input": [{"id": "in", "address": "testsrc=size=320x180:rate=25", "options": ["-f", "lavfi", "-re"]}],
        "output": [{"id": "out", "address": "-", "options": ["-codec:v", "libx264", "-preset", "ultrafast", "-f", "null"]}],
        "autostart": false,
    })
}

/// The same, which starts by itself, with that otherwise.
pub fn starting(id: &str, change: Value) -> Value {
    let mut config = picture(id);
    config["autostart"] = json!(true);
    config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    config
}

/// A program of these lines of a shell, which stands for ffmpeg.
pub fn script(folder: &Path, lines: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("ffmpeg.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// All names that a process was given in its environment.
pub fn variables(pid: i64) -> Vec<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8(environment).unwrap();
    let names = text.split('\0').filter_map(|pair| pair.split_once('='));
    names.map(|(name, _)| name.to_owned()).collect()
}
