//! Every kind of source from a manifest, through a real pod, sent to by the recipe's own commands and scripts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use tempfile::TempDir;
use understudy_e2e::kubectl::{Kubectl, condition};
use understudy_e2e::ports::facing;
use understudy_e2e::probe::{Seen, Watch};
use understudy_e2e::{client, helm, publish, wait};

const RECIPE: &str = include_str!("../../docs/recipes/inputs.md");
const SOCKET: &str = include_str!("../../examples/inputs/socket.yaml");
const STREAM: &str = include_str!("../../examples/inputs/stream.yaml");
const WEB_RTC: &str = include_str!("../../examples/inputs/webrtc.yaml");

/// What the stream's example plays.
const PUBLIC: &str = "https://test-streams.mux.dev/x36xhzz/x36xhzz.m3u8";

/// From a manifest to what it causes, and from a sender to its picture; a pod with a browser starts within seconds.
const RECONCILE: Duration = Duration::from_secs(60);

/// Where the image has what ships with it.
const TEST_PICTURE: &str = "/usr/share/understudy/media/test-picture.mkv";

/// A participant of a test's own with a Livestream of it, and what a backend learns of them.
struct Guest {
    kubectl: Kubectl,
    name: String,
    pod: String,
    address: IpAddr,
    view: String,
    control: String,
}

impl Guest {
    /// Applies the manifest and waits until the guest's inputs give this reason, if it shall become Ready.
    async fn arrive(manifest: &str, reason: &str) -> Self {
        let kubectl = Kubectl::demo("demo").await;
        let name = named(manifest);
        let stream = format!(
            "apiVersion: understudy.dev/v1alpha1\nkind: Livestream\nmetadata: {{name: {name}}}\n\
             spec: {{participantRef: {{name: {name}}}, output: {{webRTC: {{}}}}}}\n"
        );
        kubectl.apply(&format!("{manifest}---\n{stream}")).await.unwrap();
        let what = format!("vp {name}");
        wait::until(RECONCILE, || kubectl.says(&what, "InputsReady", reason)).await;
        let object = kubectl.get(&what).await.unwrap();
        let pod = kubectl.pod_of(&name).await;
        let secret = object["status"]["access"]["secretName"].as_str().unwrap().to_owned();
        let secret = kubectl.get(&format!("secret {secret}")).await.unwrap();
        let token = |role: &str| {
            let bytes =
                base64::engine::general_purpose::STANDARD.decode(secret["data"][role].as_str().unwrap());
            String::from_utf8(bytes.unwrap()).unwrap()
        };
        let (view, control) = (token("view"), token("control"));
        let address = kubectl.address_of(&pod).await;
        Self { kubectl, name, pod, address, view, control }
    }

    fn host(&self) -> String {
        SocketAddr::new(self.address, 10001).to_string()
    }

    fn what(&self) -> String {
        format!("vp {}", self.name)
    }

    async fn says(&self, reason: &str) {
        let what = self.what();
        wait::until(RECONCILE, || self.kubectl.says(&what, "InputsReady", reason)).await;
    }

    async fn ready(&self) {
        let what = self.what();
        wait::until(RECONCILE, || self.kubectl.ready(&what)).await;
    }

    async fn patch(&self, inputs: &str) {
        let patch = format!(r#"{{"spec": {{"inputs": {inputs}}}}}"#);
        self.kubectl.run(&["patch", "vp", &self.name, "--type=merge", "--patch", &patch]).await.unwrap();
    }

    async fn watch(&self) -> Result<Seen, String> {
        let url = format!("http://{}/whep/{}", self.host(), self.name);
        Watch { token: Some(self.view.clone()), ..Watch::new(url, 3) }.run().await
    }

    /// The picture moves and the tone is heard. How smoothly is judged where one participant has the machine for itself.
    async fn shows(&self, what: &str) {
        wait::until(RECONCILE, || async {
            let seen = self.watch().await?;
            let whole = seen.distinct_per_second >= 10 && hears_tone(&seen);
            whole.then_some(()).ok_or_else(|| format!("{what}: {seen:?}"))
        })
        .await;
    }

    /// The example's text, sent by the client that it is for.
    fn prepare(&self, folder: &Path, script: &str, text: &str) {
        std::fs::write(folder.join(script), text.replace("localhost:10001", &self.host())).unwrap();
    }

    fn environment(&self) -> [(&'static str, String); 2] {
        [("HOST", self.host()), ("TOKEN", self.control.clone())]
    }

    /// Its pod is the one it came with, and was not restarted.
    async fn stayed(&self) {
        let pod = self.kubectl.get(&format!("pod {}", self.kubectl.pod_of(&self.name).await)).await.unwrap();
        assert_eq!(pod["metadata"]["name"], self.pod.as_str());
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
    }

    async fn leave(self) {
        self.kubectl.run(&["delete", "vp,lvs", &self.name]).await.unwrap();
    }
}

fn hears_tone(seen: &Seen) -> bool {
    (seen.tone_hz - 1000.0).abs() < 10.0 && (0.1..0.3).contains(&seen.tone_duty)
}

/// The name of the manifest's object.
fn named(manifest: &str) -> String {
    let line = manifest.lines().find_map(|line| line.strip_prefix("  name: "));
    line.expect("a manifest has a name").to_owned()
}

/// The recipe's first piece of text in this language.
fn snippet(language: &str) -> &'static str {
    let (_, rest) = RECIPE.split_once(&format!("```{language}\n")).expect("the recipe has such a piece");
    rest.split("```").next().unwrap()
}

/// The test picture of the image as a file, for those who send.
async fn film(folder: &Path, name: &str) {
    let kubectl = Kubectl::demo("demo").await;
    let ada = kubectl.pod_of("ada").await;
    let text = kubectl.exec(&ada, &["base64", "--wrap=0", TEST_PICTURE]).await.unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}

#[tokio::test]
async fn what_is_sent_over_sockets_arrives_and_the_inputs_change_under_a_page_that_stays() {
    let folder = TempDir::new().unwrap();
    film(folder.path(), "input.mp4").await;
    for command in RECIPE.lines().filter(|line| line.starts_with("ffmpeg -i ")) {
        client::shell(command, folder.path()).await.unwrap();
    }
    let guest = Guest::arrive(SOCKET, "Waiting").await;
    guest.ready().await;
    guest.prepare(folder.path(), "send.mjs", snippet("javascript"));
    let sender = client::node("send.mjs", folder.path(), &guest.environment());
    guest.shows("sockets").await;
    drop(sender);
    guest.says("Waiting").await;

    let film = r#"{"socket": null, "file": {"url": "understudy:test-picture"}}"#;
    guest.patch(&format!(r#"{{"video": {film}, "audio": {film}}}"#)).await;
    guest.says("Playing").await;
    guest.shows("a file instead").await;
    guest.stayed().await;
    guest.leave().await;
}

#[tokio::test]
async fn what_a_peer_sends_arrives() {
    let folder = TempDir::new().unwrap();
    film(folder.path(), "video.mp4").await;
    let guest = Guest::arrive(WEB_RTC, "Waiting").await;
    guest.ready().await;
    guest.prepare(folder.path(), "send.py", snippet("python"));
    let sender = publish::script(&folder.path().join("send.py"), &guest.environment());
    guest.shows("a peer").await;
    drop(sender);
    guest.says("Waiting").await;
    guest.leave().await;
}

#[tokio::test]
async fn a_stream_of_ones_own_network_plays_where_the_profile_allows_it() {
    let folder = TempDir::new().unwrap();
    film(folder.path(), "input.mkv").await;
    let kubectl = Kubectl::demo("demo").await;
    let here = facing(kubectl.address_of(&kubectl.pod_of("ada").await).await);
    let origin = origin(folder.path(), here).await;
    let url = origin.url.clone();
    let kind = if here.is_ipv4() { "private address" } else { "unique local address" };

    let refused = Guest::arrive(&STREAM.replace(PUBLIC, &url), "SourceForbidden").await;
    let object = refused.kubectl.get(&refused.what()).await.unwrap();
    let (status, _, message) = condition(&object, "InputsReady");
    assert_eq!(status, "False");
    assert!(message.contains(kind) && message.contains("allowPrivateUrls"), "{message}");
    refused.leave().await;

    let before = kubectl.pod_of("ada").await;
    helm::set(r#"runtimeProfiles.lab={"allowPrivateUrls": ["*"]}"#).await;
    let played = tokio::spawn(async move {
        let manifest = STREAM.replace(PUBLIC, &url).replace("spec:\n", "spec:\n  runtimeProfileName: lab\n");
        let guest = Guest::arrive(&manifest, "Playing").await;
        guest.ready().await;
        guest.shows("the stream").await;
        guest.leave().await;
    })
    .await;
    helm::roll_back().await;
    played.unwrap();
    assert_eq!(kubectl.pod_of("ada").await, before, "sessions that run are left alone");
}

#[tokio::test]
async fn what_begins_paused_is_silent_until_resumed_and_sound_goes_to_the_speaker() {
    // This page plays no microphone: what is heard went to the speaker.
    let guest = Guest::arrive(
        r#"apiVersion: understudy.dev/v1alpha1
kind: VirtualParticipant
metadata:
  name: inputs-paused
spec:
  page: {url: "understudy:welcome"}
  inputs:
    startPaused: true
    audio: {file: {url: "understudy:test-picture"}, destination: Speaker}
"#,
        "Paused",
    )
    .await;
    guest.ready().await;
    let silent = guest.watch().await.unwrap();
    assert!(silent.tone_duty < 0.01 && silent.audio_seconds > 1.0, "{silent:?}");
    let resume = reqwest::Client::new().post(format!("http://{}/input/devices/virtual/resume", guest.host()));
    let answer = resume.bearer_auth(&guest.control).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    guest.says("Playing").await;
    wait::until(RECONCILE, || async {
        let seen = guest.watch().await?;
        hears_tone(&seen).then_some(()).ok_or_else(|| format!("{seen:?}"))
    })
    .await;
    guest.leave().await;
}

/// A live HLS stream of a film, served as any web server does it.
struct Origin {
    url: String,
    _packager: tokio::process::Child,
    _server: tokio::process::Child,
}

async fn origin(folder: &Path, address: IpAddr) -> Origin {
    let list = folder.join("live.m3u8");
    let packager = client::ffmpeg(&format!(
        "-re -stream_loop -1 -i {} -c:v copy -c:a aac -f hls -hls_time 2 -hls_flags delete_segments {}",
        folder.join("input.mkv").display(),
        list.display()
    ));
    // Free a moment ago; what listens there next is the server.
    let at = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap();
    let server = client::web_server(folder, at);
    wait::until(RECONCILE, || async { list.exists().then_some(()).ok_or("no playlist".to_owned()) }).await;
    Origin { url: format!("http://{at}/live.m3u8"), _packager: packager, _server: server }
}
