//! Livestreams from a manifest, through a real pod: played, fetched and sent, and what of a destination's key is to be seen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use understudy_e2e::kubectl::Kubectl;
use understudy_e2e::ports::{facing, free_tcp_at};
use understudy_e2e::probe::Watch;
use understudy_e2e::{client, settings, wait};

/// From a manifest to what it causes; a pod with a browser starts within seconds.
const RECONCILE: Duration = Duration::from_secs(60);

/// Of probes and metrics: a session's, and the operator's.
const ADMIN: [u16; 2] = [10002, 8080];

/// What lets publish, where somebody takes it and where nobody does.
const KEYS: [&str; 2] = ["k3y-that-is-taken", "k3y-that-fails"];

fn livestream(name: &str, participant: &str, more: &Value) -> String {
    of(name, &json!({"participantRef": {"name": participant}}), more)
}

fn of(name: &str, origin: &Value, more: &Value) -> String {
    let mut spec = origin.clone();
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (version, metadata) = ("understudy.dev/v1alpha1", json!({"name": name}));
    json!({"apiVersion": version, "kind": "Livestream", "metadata": metadata, "spec": spec}).to_string()
}

/// Where an object says that one of this type is found.
fn endpoint(object: &Value, type_: &str) -> String {
    let all = object["status"]["endpoints"].as_array().into_iter().flatten();
    let found = all.into_iter().find(|endpoint| endpoint["type"] == type_);
    found.unwrap_or_else(|| panic!("no {type_}: {object}"))["url"].as_str().unwrap().to_owned()
}

/// Codecs and size, as ffprobe tells them.
async fn probed(what: &str) -> String {
    let entries = "stream=codec_name,width,height";
    let probe = format!("ffprobe -v error -rw_timeout 20000000 -show_entries {entries} -of csv=p=0 '{what}'");
    let told = client::shell(&probe, Path::new("/")).await.unwrap();
    told.lines().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn what_a_participant_shows_is_played_over_rtmp_and_recorded_in_a_size_of_its_own() {
    let kubectl = Kubectl::demo("demo").await;
    let token = settings::demo("TOKEN");
    let recorded = json!({"output": {"recording": {}}, "rendition": {"height": 360}});
    kubectl.apply(&livestream("played", "ada", &json!({"output": {"rtmp": {}}}))).await.unwrap();
    kubectl.apply(&livestream("kept", "ada", &recorded)).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("lvs played")).await;
    let played = kubectl.get("lvs played").await.unwrap();
    let seen = probed(&format!("{}?token={token}", endpoint(&played, "RTMP"))).await;
    assert!(seen.contains("h264,1280,720") && seen.contains("aac"), "{seen}");

    wait::until(RECONCILE, || kubectl.says("lvs kept", "Active", "Written")).await;
    let kept = kubectl.get("lvs kept").await.unwrap();
    assert_eq!(kept["status"]["rendition"]["width"], 640, "{kept}");
    assert!(kept["status"]["recording"]["endedAt"].is_null(), "{kept}");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("kept.mp4");
    fetch(&endpoint(&kept, "MP4"), &token, &file).await;
    let seen = probed(&file.display().to_string()).await;
    assert!(seen.contains("h264,640,360") && seen.contains("aac"), "{seen}");
    kubectl.run(&["delete", "lvs", "played", "kept"]).await.unwrap();
    // It is there for as long as its pod.
    fetch(&endpoint(&kept, "MP4"), &token, &file).await;
    assert!(file.metadata().unwrap().len() > 1000);
}

/// The picture of a livestream with a source moves.
async fn moves(kubectl: &Kubectl, name: &str) {
    let secret = kubectl.get(&format!("secret {name}.livestream")).await.unwrap();
    let token = STANDARD.decode(secret["data"]["view"].as_str().unwrap()).unwrap();
    let url = endpoint(&kubectl.get(&format!("lvs {name}")).await.unwrap(), "WHEP");
    let watch = Watch { token: Some(String::from_utf8(token).unwrap()), ..Watch::new(url, 3) };
    wait::until(RECONCILE, || async {
        let seen = watch.run().await?;
        if seen.distinct_per_second >= 10 { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
}

/// Whose objects hold a pod, by their names.
fn holders(pod: &Value) -> Vec<&str> {
    let owners = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let mut names: Vec<_> = owners.map(|owner| owner["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn two_take_one_stream_by_one_pod_which_outlives_the_first_and_goes_with_the_last() {
    let kubectl = Kubectl::demo("demo").await;
    profile(&kubectl, "relaying").await;
    kubectl.apply(&livestream("upstream", "ada", &json!({"output": {"rtmp": {}}}))).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("lvs upstream")).await;
    let url = endpoint(&kubectl.get("lvs upstream").await.unwrap(), "RTMP");
    let url = format!("{url}?token={}", settings::demo("TOKEN"));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "understudy.dev/credentials",
        "metadata": {"name": "upstream"}, "stringData": {"url": url}
    });
    kubectl.apply(&secret.to_string()).await.unwrap();
    let reference = json!({"name": "upstream", "key": "url"});
    let source = json!({"source": {"urlSecretRef": reference, "runtimeProfileName": "relaying"}});
    for name in ["first", "last"] {
        kubectl.apply(&of(name, &source, &json!({"output": {"webRTC": {}}}))).await.unwrap();
    }
    wait::until(RECONCILE, || kubectl.ready("lvs first")).await;
    wait::until(RECONCILE, || kubectl.ready("lvs last")).await;
    let [first, last] = [kubectl.get("lvs first").await.unwrap(), kubectl.get("lvs last").await.unwrap()];
    assert_eq!(first["status"]["pod"], last["status"]["pod"]);
    moves(&kubectl, "first").await;
    let pod = format!("pod {}", last["status"]["pod"]["name"].as_str().unwrap());
    let before = kubectl.get(&pod).await.unwrap();
    assert_eq!(holders(&before), ["first", "last"]);

    kubectl.run(&["delete", "lvs", "first"]).await.unwrap();
    wait::until(RECONCILE, || async {
        let now = kubectl.get(&pod).await?;
        if holders(&now) == ["last"] { Ok(()) } else { Err(now["metadata"].to_string()) }
    })
    .await;
    moves(&kubectl, "last").await;
    let after = kubectl.get(&pod).await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["status"]["containerStatuses"][0]["restartCount"], 0);
    kubectl.run(&["delete", "lvs", "last", "upstream"]).await.unwrap();
    wait::until(RECONCILE, || async {
        let still = kubectl.get(&pod).await;
        still.err().map(|_not_found| ()).ok_or_else(|| format!("{pod} is there"))
    })
    .await;
    kubectl.run(&["delete", "secret/upstream", "runtimeprofile/relaying"]).await.unwrap();
}

async fn fetch(url: &str, token: &str, to: &Path) {
    let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    std::fs::write(to, answer.bytes().await.unwrap()).unwrap();
}

#[tokio::test]
async fn the_key_of_a_destination_stands_in_its_secret_and_nowhere_else() {
    let kubectl = Kubectl::demo("demo").await;
    let here = facing(kubectl.address_of(&kubectl.pod_of("ada").await).await);
    let [taken, fails] = [free(here), free(here)];
    let urls = [format!("rtmp://{taken}/app/{}", KEYS[0]), format!("rtmp://{fails}/app/{}", KEYS[1])];
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("came.flv");
    let _server = client::ffmpeg(&format!("-listen 1 -i {} -c copy {}", urls[0], file.display()));
    lab(&kubectl).await;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "understudy.dev/credentials",
        "metadata": {"name": "destinations"}, "stringData": {"taken": urls[0], "fails": urls[1]}
    });
    kubectl.apply(&secret.to_string()).await.unwrap();
    for key in ["taken", "fails"] {
        let push = json!({"rtmpPush": {"urlSecretRef": {"name": "destinations", "key": key}}});
        kubectl.apply(&livestream(key, "hedy", &json!({"output": push}))).await.unwrap();
    }
    wait::until(RECONCILE, || kubectl.ready("lvs taken")).await;
    wait::until(RECONCILE, || kubectl.says("lvs fails", "Ready", "DestinationFailed")).await;
    wait::until(RECONCILE, || async {
        let came = file.metadata().map_err(|error| error.to_string())?.len();
        if came > 100_000 { Ok(()) } else { Err(format!("{came} bytes came")) }
    })
    .await;

    let secrets = kubectl.run(&["get", "secrets", "--output=yaml"]).await.unwrap();
    let encoded = urls.map(|url| STANDARD.encode(url));
    assert!(
        encoded.iter().all(|text| secrets.contains(text)),
        "what is looked for must be found where it is"
    );
    let pod = kubectl.pod_of("hedy").await;
    for (place, text) in places(&kubectl, &pod).await {
        assert!(text.len() > 20, "nothing is to be seen in {place}: {text:?}");
        let shown =
            KEYS.iter().copied().chain(encoded.iter().map(String::as_str)).find(|key| text.contains(key));
        assert_eq!(shown, None, "in {place}");
    }
    kubectl.run(&["delete", "lvs", "taken", "fails"]).await.unwrap();
    kubectl.run(&["delete", "vp/hedy", "secret/destinations", "runtimeprofile/pushing"]).await.unwrap();
}

/// Pods that may reach this machine and one another.
async fn profile(kubectl: &Kubectl, name: &str) {
    let mut spec = kubectl.get("runtimeprofile default").await.unwrap()["spec"].clone();
    spec["allowPrivateUrls"] = json!(["*"]);
    let (version, metadata) = ("understudy.dev/v1alpha1", json!({"name": name}));
    let profile =
        json!({"apiVersion": version, "kind": "RuntimeProfile", "metadata": metadata, "spec": spec});
    kubectl.apply(&profile.to_string()).await.unwrap();
}

/// A participant that may reach this machine.
async fn lab(kubectl: &Kubectl) {
    profile(kubectl, "pushing").await;
    let version = "understudy.dev/v1alpha1";
    let spec = json!({"runtimeProfileName": "pushing", "page": {"url": "understudy:welcome"}});
    let hedy = json!({"apiVersion": version, "kind": "VirtualParticipant", "metadata": {"name": "hedy"}, "spec": spec});
    kubectl.apply(&hedy.to_string()).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("vp hedy")).await;
}

/// Where somebody who may not read Secrets looks, and what is to be seen there.
async fn places(kubectl: &Kubectl, pod: &str) -> Vec<(String, String)> {
    let kinds =
        kubectl.run(&["api-resources", "--namespaced", "--verbs=list", "--output=name"]).await.unwrap();
    let kinds = kinds.lines().filter(|kind| *kind != "secrets").collect::<Vec<_>>().join(",");
    let system = "--namespace=understudy-system";
    let operator = "--selector=app.kubernetes.io/name=understudy";
    let processes = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
    let asked: [&[&str]; 6] = [
        &["get", &kinds, "--output=yaml"],
        &["get", &kinds, system, "--output=yaml"],
        &["describe", "vp,lvs,pods,events"],
        &["logs", pod, "--tail=-1"],
        &["logs", system, operator, "--tail=-1"],
        &["exec", pod, "--", "sh", "-c", processes],
    ];
    let mut seen = Vec::new();
    for words in asked {
        seen.push((words.join(" "), kubectl.run(words).await.unwrap()));
    }
    let operators = kubectl.get(&format!("pods {system} {operator}")).await.unwrap();
    let pods = [kubectl.get(&format!("pod {pod}")).await.unwrap(), operators["items"][0].clone()];
    for (pod, port) in pods.iter().zip(ADMIN) {
        let address = pod["status"]["podIP"].as_str().unwrap().parse().unwrap();
        let url = format!("http://{}/metrics", SocketAddr::new(address, port));
        let metrics = reqwest::get(&url).await.unwrap().text().await.unwrap();
        seen.push((url, metrics));
    }
    seen
}

fn free(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, free_tcp_at(address))
}
