//! The program itself, run as a person runs it: with a file, on free ports of loopback.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use understudy_e2e::ports::{free_tcp, free_udp};
use understudy_e2e::probe::Watch;
use understudy_e2e::wait;

/// From the start to a live page, on a machine that does more than this. Idle it takes a second.
const START: Duration = Duration::from_secs(40);

/// The runtime gives itself 9 s to end, as `docker stop` gives it 10.
const END: Duration = Duration::from_secs(10);

/// The program that is tested.
const RUNTIME: &str = env!("CARGO_BIN_EXE_understudy-runtime");
/// A UID of the kind that OpenShift gives.
const STRANGER: &str = "1000660000";

/// 20 s at 30 frames a second.
pub const CLIP_FRAMES: u32 = 600;

/// What a session has told, where that is kept.
const LOG: &str = "told.log";

/// The program's own media, made once for all tests of a run.
static SHARE: LazyLock<TempDir> = LazyLock::new(|| {
    let share = tempfile::tempdir().expect("a directory must be free");
    let media = share.path().join("media");
    std::fs::create_dir(&media).expect("a directory must be made");
    let length = Duration::from_secs(u64::from(CLIP_FRAMES) / 30);
    understudy_runtime::test_picture::write(&media.join("test-picture.mkv"), length)
        .expect("the test picture must be written; scripts/packages install build image");
    let players = Path::new(env!("CARGO_MANIFEST_DIR")).join("../share/players");
    assert!(players.join("jsmpeg.js").exists(), "the feed page's players are missing: scripts/players");
    let players = players.canonicalize().expect("the players must have a path");
    std::os::unix::fs::symlink(players, share.path().join("players")).expect("a link must be made");
    share
});

/// A running session; dropped, it is killed.
pub struct Session {
    process: Child,
    http: u16,
    admin: u16,
    devtools: u16,
    rtmp: u16,
    rtmps: u16,
    participant_socket: u16,
    folder: TempDir,
}

impl Session {
    /// Starts it without any, as a container does.
    pub fn idle(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let mut command = program();
        command.arg("run").args(arguments);
        Self::spawn(command, folder)
    }

    /// The same; what it tells is kept for [`Self::log`].
    pub fn idle_logged(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let log = std::fs::File::create(folder.path().join(LOG)).expect("a log must be begun");
        let mut command = program();
        command.arg("run").args(arguments).stderr(log);
        Self::spawn(command, folder)
    }

    /// The same, which believes whom that authority has certified, and nobody else.
    pub fn idle_believing(authority: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let mut command = program();
        command.arg("run").args(arguments).env("SSL_CERT_FILE", authority);
        Self::spawn(command, folder)
    }

    /// The same with these variables; what it tells is kept for [`Self::log`].
    pub fn idle_with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let log = std::fs::File::create(folder.path().join(LOG)).expect("a log must be begun");
        let mut command = program();
        command.arg("run").envs(variables.iter().copied()).stderr(log);
        Self::spawn(command, folder)
    }

    /// The same with arguments; it tells more than usual.
    pub fn idle_told(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let log = std::fs::File::create(folder.path().join(LOG)).expect("a log must be begun");
        let mut command = program();
        command.arg("run").args(arguments).env("UNDERSTUDY_LOG", "debug").stderr(log);
        Self::spawn(command, folder)
    }

    /// Starts it with this SessionSpec.
    pub fn start(spec: &str) -> Self {
        Self::start_with(spec, &[])
    }

    /// The same with more arguments.
    pub fn start_with(spec: &str, arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a directory must be free"), spec, arguments)
    }

    /// The same; what it tells is kept for [`Self::log`].
    pub fn start_heard(spec: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let log = std::fs::File::create(folder.path().join(LOG)).expect("a log must be begun");
        let file = folder.path().join("session.yaml");
        std::fs::write(&file, spec).expect("the session must be written");
        let mut command = program();
        command.arg("run").arg(&file).args(arguments).stderr(log);
        Self::spawn(command, folder)
    }

    /// The same, with recordings in a directory that outlives it.
    pub fn start_recording_to(recordings: &Path, spec: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory must be free");
        let file = folder.path().join("session.yaml");
        std::fs::write(&file, spec).expect("the session must be written");
        let mut command = program();
        command.arg("run").arg(&file);
        Self::spawn_at(ports(), command, folder, recordings)
    }

    /// The same with the media that lies in this folder.
    pub fn start_in(folder: TempDir, spec: &str, arguments: &[&str]) -> Self {
        let file = folder.path().join("session.yaml");
        std::fs::write(&file, spec).expect("the session must be written");
        let mut command = program();
        command.arg("run").arg(&file).args(arguments);
        Self::spawn(command, folder)
    }

    /// The same for whom a platform gives a UID of its own, in no list of users, and the group 0.
    pub fn start_as_a_stranger(spec: &str) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "only root can become another user");
        let folder = tempfile::tempdir().expect("a directory must be free");
        for open in [folder.path(), SHARE.path()] {
            let everybody = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(open, everybody).expect("it must be its owner's to open");
        }
        let file = folder.path().join("session.yaml");
        std::fs::write(&file, spec).expect("the session must be written");
        // Where it was compiled may lie in somebody's home, which no stranger may enter.
        let runtime = folder.path().join("understudy-runtime");
        std::fs::copy(RUNTIME, &runtime).expect("the program must be copied");
        let who = ["--reuid", STRANGER, "--regid", "0", "--clear-groups", "--no-new-privs"];
        let mut command = setpriv(&who, &runtime);
        command.arg("run").arg(&file);
        // The folder is not the stranger's to write into.
        let recordings = folder.path().join("recordings");
        std::fs::create_dir(&recordings).expect("a folder must be made");
        let everybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(&recordings, everybody).expect("it must be its owner's to open");
        Self::spawn_at(ports(), command, folder, &recordings)
    }

    fn spawn(command: Command, folder: TempDir) -> Self {
        let recordings = folder.path().to_owned();
        Self::spawn_at(ports(), command, folder, &recordings)
    }

    fn spawn_at(ports: [u16; 6], mut command: Command, folder: TempDir, recordings: &Path) -> Self {
        let [http, admin, devtools, rtmp, rtmps, participant_socket] = ports;
        let media = free_udp();
        command.arg("--share-dir").arg(SHARE.path()).arg("--media-dir").arg(folder.path());
        command.arg("--output-dir").arg(recordings);
        for (flag, port) in [
            ("--port", http),
            ("--admin-port", admin),
            ("--devtools-port", devtools),
            ("--media-port", media),
            ("--participant-socket-port", participant_socket),
        ] {
            command.args([flag, &port.to_string()]);
        }
        command.args([
            "--rtmp-listen-addr",
            &format!(":{rtmp}"),
            "--rtmps-listen-addr",
            &format!(":{rtmps}"),
        ]);
        let process = command.spawn().expect("the runtime must start");
        Self { process, http, admin, devtools, rtmp, rtmps, participant_socket, folder }
    }

    /// Kills a session that was started with a file, and starts it where it was.
    pub async fn again(self) -> Self {
        let Self { mut process, http, admin, devtools, rtmp, rtmps, participant_socket, folder } = self;
        process.kill().await.expect("the runtime must be there");
        let mut command = program();
        command.arg("run").arg(folder.path().join("session.yaml"));
        let recordings = folder.path().to_owned();
        Self::spawn_at([http, admin, devtools, rtmp, rtmps, participant_socket], command, folder, &recordings)
    }

    /// Starts it and waits until its page shows its camera.
    pub async fn live(spec: &str) -> Self {
        let session = Self::start(spec);
        session.until_live(START).await;
        session
    }

    /// Where its page hears of its invitations.
    pub fn participant_socket(&self) -> String {
        format!("ws://127.0.0.1:{}", self.participant_socket)
    }

    /// Where RTMP is.
    pub fn rtmp(&self, path: &str) -> String {
        format!("rtmp://127.0.0.1:{}{path}", self.rtmp)
    }

    /// Where RTMPS is.
    pub fn rtmps(&self, path: &str) -> String {
        format!("rtmps://127.0.0.1:{}{path}", self.rtmps)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// The files of its recordings.
    pub fn recordings(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("its directory must be there");
        let files = entries.map(|entry| entry.expect("it must be read").path());
        files.filter(|path| path.extension().is_some_and(|kind| kind == "mp4")).collect()
    }

    /// A copy of the test picture where the session may read files.
    pub fn clip(&self) -> PathBuf {
        let clip = self.folder.path().join("clip.mkv");
        std::fs::copy(SHARE.path().join("media/test-picture.mkv"), &clip).expect("it must be copied");
        clip
    }

    /// A copy of that file where the session may read it.
    pub fn holds(&self, file: &Path) -> PathBuf {
        let copy = self.folder.path().join(file.file_name().expect("a file has a name"));
        std::fs::copy(file, &copy).expect("it must be copied");
        copy
    }

    /// What it has told so far, if it was started so that this is kept.
    pub fn log(&self) -> String {
        let told = std::fs::read(self.folder.path().join(LOG)).expect("the log must be kept");
        String::from_utf8_lossy(&told).into_owned()
    }

    /// Where HTTP is served on this address of the machine.
    pub fn http_at(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, self.http)
    }

    pub fn whep(&self) -> String {
        format!("http://127.0.0.1:{}/whep/program", self.http)
    }

    /// `host:port` of the browser's DevTools.
    pub fn devtools(&self) -> String {
        format!("127.0.0.1:{}", self.devtools)
    }

    pub fn watch(&self, seconds: u32) -> Watch {
        Watch { clip_frames: Some(CLIP_FRAMES), ..Watch::new(self.whep(), seconds) }
    }

    pub async fn report(&self) -> Result<Value, String> {
        let url = format!("http://127.0.0.1:{}/status", self.http);
        let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
        answer.json().await.map_err(|error| error.to_string())
    }

    /// Waits until all conditions are true and the program is served; how long it took.
    pub async fn until_live(&self, deadline: Duration) -> Duration {
        let live = || async {
            let report = self.report().await?;
            let conditions = report["conditions"].as_array().into_iter().flatten();
            let all = conditions.clone().count() == 3 && conditions.clone().all(|c| c["status"] == "True");
            match all && report["livestreams"][0]["ready"] == true {
                true => Ok(()),
                false => Err(report.to_string()),
            }
        };
        wait::until(deadline, live).await.1
    }

    /// Waits until a condition has this reason; its message.
    pub async fn until_reason(&self, condition: &str, reason: &str) -> String {
        let found = || async {
            let report = self.report().await?;
            let mut conditions = report["conditions"].as_array().into_iter().flatten();
            match conditions.find(|c| c["type"] == condition && c["reason"] == reason) {
                Some(condition) => Ok(condition["message"].as_str().unwrap_or_default().to_owned()),
                None => Err(report.to_string()),
            }
        };
        wait::until(START, found).await.0
    }

    /// Waits until the program is served, or not, for this reason; its message.
    pub async fn until_served(&self, reason: &str, deadline: Duration) -> String {
        let found = || async {
            let report = self.report().await?;
            let program = &report["livestreams"][0];
            match program["reason"] == reason {
                true => Ok(program["message"].as_str().unwrap_or_default().to_owned()),
                false => Err(report.to_string()),
            }
        };
        wait::until(deadline, found).await.0
    }

    /// Waits until something with this reason has happened so many times.
    pub async fn until_happened(&self, reason: &str, times: usize) {
        let found = || async {
            let report = self.report().await?;
            let happenings = report["happenings"].as_array().into_iter().flatten();
            let found = happenings.filter(|happening| happening["reason"] == reason).count();
            (found >= times).then_some(()).ok_or_else(|| report.to_string())
        };
        wait::until(START, found).await;
    }

    /// Waits until a part was lost so many times, as the metrics count it.
    pub async fn until_lost(&self, part: &str, times: u32) {
        let line = format!("understudy_session_part_lost_total{{part=\"{part}\"}} ");
        let found = || async {
            let url = format!("http://127.0.0.1:{}/metrics", self.admin);
            let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
            let text = answer.text().await.map_err(|error| error.to_string())?;
            let count = text.lines().find_map(|told| told.strip_prefix(&line)?.parse::<u32>().ok());
            count.filter(|count| *count >= times).map(drop).ok_or(text)
        };
        wait::until(START, found).await;
    }

    /// All of them, as they are told.
    pub async fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.admin);
        let answer = reqwest::get(url).await.expect("metrics must be told");
        answer.text().await.expect("metrics must be text")
    }

    /// What a series of the metrics counts, or zero if there is none; `series` with its labels, as it is told.
    pub async fn counts(&self, series: &str) -> u64 {
        let text = self.metrics().await;
        let found = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        found.unwrap_or_default()
    }

    /// The program's own children with this name (as in proc_pid_comm(5)).
    pub fn children(&self, name: &str) -> Vec<Pid> {
        let parent = self.pid();
        let entries = std::fs::read_dir("/proc").expect("/proc must be there").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let is_child = |pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let Some((front, back)) = stat.rsplit_once(')') else { return false };
            let named = front.split_once('(').is_some_and(|(_, comm)| comm == name);
            let mut fields = back.split_whitespace();
            let running = fields.next() != Some("Z");
            named && running && fields.next() == Some(&parent.to_string())
        };
        pids.filter(is_child).map(Pid::from_raw).collect()
    }

    /// Where a child's configuration lies, by its command line.
    pub fn configuration(&self, name: &str) -> PathBuf {
        let child = *self.children(name).first().expect("the child must run");
        let line =
            std::fs::read_to_string(format!("/proc/{child}/cmdline")).expect("it must have a command line");
        line.split('\0')
            .find(|part| part.ends_with(".conf"))
            .expect("it must be given a configuration")
            .into()
    }

    /// Ends it as Kubernetes does.
    pub async fn terminate(mut self) -> ExitStatus {
        kill(self.pid(), Signal::SIGTERM).expect("the runtime must be there");
        tokio::time::timeout(END, self.process.wait())
            .await
            .expect("it must end in time")
            .expect("it must be waited for")
    }

    /// Ends it as a machine does that has no memory left. Returns when it is gone.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("the runtime must be there");
    }

    pub fn pid(&self) -> Pid {
        let id = self.process.id().expect("the runtime must be there");
        Pid::from_raw(id.try_into().expect("an id must fit"))
    }
}

/// Runs it with a file that cannot be a session: what it says as it ends.
pub async fn refused(spec: &str) -> String {
    let folder = tempfile::tempdir().expect("a directory must be free");
    let file: PathBuf = folder.path().join("session.yaml");
    std::fs::write(&file, spec).expect("the session must be written");
    fails(program().arg("run").arg(&file)).await
}

/// Runs it where one of its ports is taken: what it says as it ends.
pub async fn displaced(arguments: &[&str]) -> String {
    fails(program().arg("run").args(arguments)).await
}

async fn fails(command: &mut Command) -> String {
    let output = command.output();
    let output = tokio::time::timeout(END, output).await.expect("it must end").expect("it must run");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn program() -> Command {
    setpriv(&[], Path::new(RUNTIME))
}

#[expect(clippy::disallowed_methods, reason = "a test's own child, not the runtime's")]
fn setpriv(arguments: &[&str], runtime: &Path) -> Command {
    // If this program is killed, nobody drops the session: it ends as it would in Kubernetes.
    let mut command = Command::new("setpriv");
    command.args(arguments).args(["--pdeathsig", "TERM", "--"]);
    command.arg(runtime);
    command.stdin(Stdio::null()).kill_on_drop(true).env("NO_COLOR", "1");
    command
}

fn ports() -> [u16; 6] {
    [(); 6].map(|()| free_tcp())
}
