//! A participant without a page in the demo's cluster, which is invited to stages of this machine.

use std::time::Duration;

use serde_json::{Value, json};

use crate::destination::{Destination, TOKEN, Told};
use crate::kubectl::{Kubectl, condition};
use crate::ports::facing;
use crate::wait;

/// From a manifest to what it causes.
const RECONCILE: Duration = Duration::from_secs(60);
/// A link that says nothing is noticed after forty seconds, and its runtime counts as silent after thirty more.
const SILENCE: Duration = Duration::from_secs(120);
const VERSION: &str = "understudy.dev/v1alpha1";
/// Where operators are, and which pods they are.
const OPERATORS: [&str; 2] =
    ["--namespace=understudy-system", "--selector=app.kubernetes.io/name=understudy"];

/// There is one of a name at a time; [`Lab::end`] removes what belongs to it.
pub struct Lab {
    pub kubectl: Kubectl,
    name: &'static str,
    uid: String,
}

impl Lab {
    /// A participant of that name and the label `team: lab`, in a profile that may publish to this machine, and the Secret `stage`
    /// with [`TOKEN`]. It is ready.
    pub async fn of(kubectl: &Kubectl, name: &'static str) -> Self {
        let mut lab = Self { kubectl: kubectl.clone(), name, uid: String::new() };
        let mut spec = kubectl.get("runtimeprofile default").await.unwrap()["spec"].clone();
        spec["allowPrivateUrls"] = json!(["*"]);
        lab.apply("RuntimeProfile", "on-stage", spec).await;
        let file = json!({"file": {"url": "understudy:test-picture"}});
        let spec = json!({"runtimeProfileName": "on-stage", "inputs": {"video": file, "audio": file}});
        lab.apply("VirtualParticipant", name, spec).await;
        lab.secret("stage", TOKEN).await;
        let it = format!("vp {name}");
        wait::until(RECONCILE, || kubectl.ready(&it)).await;
        lab.uid = kubectl.get(&it).await.unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
        lab
    }

    /// What lets onto a stage.
    pub async fn secret(&self, name: &str, token: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "understudy.dev/credentials",
            "metadata": {"name": name}, "stringData": {"token": token}
        });
        self.kubectl.apply(&secret.to_string()).await.unwrap();
    }

    /// A stage that its pod reaches.
    pub async fn stage(&self) -> Destination {
        let pod = self.kubectl.address_of(&self.pod().await).await;
        Destination::on(facing(pod), 0, &[]).await
    }

    pub async fn pod(&self) -> String {
        self.kubectl.pod_of(self.name).await
    }

    /// As whoever writes the spec does; null: it is kicked.
    pub async fn invite(&self, invitation: Value) {
        let patch = json!({"spec": {"invitation": invitation}}).to_string();
        self.kubectl.run(&["patch", "vp", self.name, "--type=merge", "--patch", &patch]).await.unwrap();
    }

    /// Waits until the participant is so; its status.
    pub async fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.within(RECONCILE, what, is).await
    }

    /// The same, for what is known once a runtime counts as silent.
    pub async fn until_silent(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.within(SILENCE, what, is).await
    }

    async fn within(&self, deadline: Duration, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let (status, _) = wait::until(deadline, || async {
            let status = self.kubectl.get(&format!("vp {}", self.name)).await?["status"].clone();
            if is(&status) { Ok(status) } else { Err(format!("{what}: {status}")) }
        })
        .await;
        status
    }

    pub async fn published(&self, id: &str) -> Value {
        let is = |status: &Value| status["phase"] == "Published" && status["session"]["invitationId"] == id;
        self.until("published", is).await
    }

    /// Waits until it is available after an invitation that ended so.
    pub async fn over(&self, id: &str, outcome: &str) -> Value {
        self.until(outcome, |status| {
            let last = &status["lastSession"];
            last["invitationId"] == id && last["outcome"] == outcome && status["phase"] == "Available"
        })
        .await
    }

    /// All operators are killed, and have no time for a word.
    pub async fn kill_operators(&self) {
        let killed = ["delete", "pods", "--wait=false", "--force", "--grace-period=0"];
        self.kubectl.run(&[&killed[..], &OPERATORS].concat()).await.unwrap();
    }

    /// All processes of its pod but the first, which ends then.
    pub async fn kill_runtime(&self) {
        // Whoever kills all is killed with them.
        let _killed = self.kubectl.exec(&self.pod().await, &["sh", "-c", "kill -KILL -1"]).await;
    }

    /// How often an Event with that reason was told of it.
    pub async fn told(&self, reason: &str) -> u64 {
        let of_it = format!("events --field-selector=involvedObject.uid={},reason={reason}", self.uid);
        let told = self.kubectl.get(&of_it).await.unwrap();
        let times =
            |event: &Value| event["series"]["count"].as_u64().or(event["count"].as_u64()).unwrap_or(1);
        told["items"].as_array().into_iter().flatten().map(times).sum()
    }

    /// Nothing of it is left when this returns.
    pub async fn end(self) {
        let (participant, pod) = (format!("vp/{}", self.name), format!("pod/{}", self.pod().await));
        self.kubectl.run(&["delete", &participant, "secret/stage", "runtimeprofile/on-stage"]).await.unwrap();
        self.kubectl.run(&["wait", "--for=delete", &pod, "--timeout=50s"]).await.unwrap();
        let pods = self.kubectl.run(&["get", "pods", "--output=name"]).await.unwrap();
        let of_it = format!("pod/{}-", self.name);
        assert!(!pods.contains(&of_it), "a pod is left: {pods}");
    }

    async fn apply(&self, kind: &str, name: &str, spec: Value) {
        let metadata = json!({"name": name, "labels": {"team": "lab"}});
        let object = json!({"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec});
        self.kubectl.apply(&object.to_string()).await.unwrap();
    }
}

/// An invitation by the Secret `stage`.
pub fn to(id: &str, stage: &Destination) -> Value {
    by("stage", id, stage)
}

/// One by another Secret.
pub fn by(secret: &str, id: &str, stage: &Destination) -> Value {
    let whip = json!({"url": stage.url("/whip"), "tokenSecretRef": {"name": secret, "key": "token"}});
    json!({"id": id, "joinBefore": "2100-01-01T00:00:00Z", "stage": {"whip": whip}})
}

/// What a stage was asked and has seen, once that is so.
pub async fn seen(stage: &Destination, what: &str, is: impl Fn(&Told) -> bool) -> Told {
    let (told, _) = wait::until(RECONCILE, || async {
        let told = stage.told().await.map_err(|error| error.to_string())?;
        if is(&told) { Ok(told) } else { Err(format!("{what}: {told:?}")) }
    })
    .await;
    told
}

/// Waits until so many more seconds of the picture have come.
pub async fn goes_on(stage: &Destination, seconds: usize) {
    let count = |told: &Told| told.seen.as_ref().map_or(0, |seen| seen.seconds.len());
    let before = count(&stage.told().await.unwrap());
    seen(stage, "it goes on", |told| count(told) >= before + seconds).await;
}

/// Whether a condition of the status has that status.
pub fn is(status: &Value, type_: &str, expected: &str) -> bool {
    condition(&json!({"status": status}), type_).0 == expected
}

/// Whether a condition of the status has that reason.
pub fn because(status: &Value, type_: &str, expected: &str) -> bool {
    condition(&json!({"status": status}), type_).1 == expected
}

/// Of the lines of a recording, those since it was published for the first time.
pub fn from_published(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().map(String::as_str).skip_while(|line| !line.starts_with("Published"))
}
