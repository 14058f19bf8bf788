//! What datarhei's client for Python (`core-client-python`) asks: its requests in its own order, with its own headers.
//!
//! It is on no registry. What it reads of an answer is what its models require.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use understudy_e2e::wait;
use understudy_runtime::config::Login;

use crate::support::processes::{Rig, SOON, Settings};

/// All filters are always there.
const LISTED: &str = "domain=&filter=&reference=&id=&idpattern=my_*&refpattern=&ownerpattern=&domainpattern=";

/// What it does not know is null.
fn config() -> Value {
    json!({
        "autostart": true,
        "id": "my_proc",
        "input": [{"address": "testsrc=size=1280x720:rate=25", "cleanup": null, "id": "input_0", "options": ["-f", "lavfi", "-re"]}],
        "limits": {"cpu_usage": 0, "gpu_decoder": null, "gpu_encoder": null, "gpu_memory_mbytes": null, "gpu_usage": null,
                   "memory_mbytes": 0, "waitfor_seconds": 5},
        "options": ["-loglevel", "info"],
        "output": [{"address": "-", "cleanup": null, "id": "output_0", "options": ["-codec:v", "libx264", "-r", "25", "-f", "null"]}],
        "reconnect": true,
        "reconnect_delay_seconds": 60,
        "reference": "my_ref",
        "stale_timeout_seconds": 10,
        "scheduler": null,
        "runtime_duration_seconds": null,
        "log_patterns": null,
        "type": "ffmpeg",
        "binary": null,
        "domain": null,
        "owner": null,
        "metadata": null,
    })
}

struct Client {
    rig: Rig,
    token: String,
}

impl Client {
    /// It sends both headers with each request, whether there is a body or not.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.rig.request(method, path).bearer_auth(&self.token);
        let request = request.header(ACCEPT, "application/json").header(CONTENT_TYPE, "application/json");
        let body = body.map(|body| body.to_string());
        let answer = body.into_iter().fold(request, reqwest::RequestBuilder::body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The answer to what is not refused.
    async fn done(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, told) = self.ask(method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path}: {told}");
        told
    }

    /// Its state after that.
    async fn command(&self, command: &str) -> Value {
        let body = json!({ "command": command });
        let answer = self.done(Method::PUT, "/api/v3/process/my_proc/command?domain=", Some(body)).await;
        assert_eq!(answer, "OK");
        self.done(Method::GET, "/api/v3/process/my_proc/state?domain=", None).await
    }

    async fn reads_progress(&self) {
        let moving = || async {
            let process = self.done(Method::GET, "/api/v3/process/my_proc?domain=&filter=", None).await;
            let moves = process["state"]["progress"]["frame"].as_u64() > Some(10);
            if moves { Ok(process) } else { Err(process.to_string()) }
        };
        let (process, _) = wait::until(SOON, moving).await;
        has(
            &process,
            &json!({"id": "", "type": "", "reference": "", "created_at": 0, "config": {}, "state": {}, "report": {}}),
        );
        has(
            &process["state"],
            &json!({"order": "", "exec": "", "runtime_seconds": 0, "reconnect_seconds": 0, "last_logline": "", "progress": {},
                    "memory_bytes": 0, "cpu_usage": 0, "command": []}),
        );
        let progress = &process["state"]["progress"];
        has(
            progress,
            &json!({"frame": 0, "fps": 0, "bitrate_kbit": 0, "inputs": [], "outputs": [], "packet": 0, "size_kb": 0, "time": 0,
                    "speed": 0, "drop": 0, "dup": 0, "q": 0}),
        );
        assert_eq!(progress["outputs"][0]["coder"], "libx264");
    }

    async fn login() -> Self {
        let login = Login {
            username: "admin".into(),
            password: "datarhei".into(),
            secret: "0123456789abcdef".into(),
            spares_localhost: false,
        };
        let rig = Rig::with(Settings { login: Some(login), ..Settings::default() }).await;
        let (_, about) = rig.ask(Method::GET, "/api", None).await;
        assert!(about["auths"].as_array().unwrap().contains(&json!("localjwt")), "{about}");
        assert_eq!(rig.ask(Method::GET, "/ping", None).await.1, "pong");
        let known = json!({"username": "admin", "password": "datarhei"});
        let (_, tokens) = rig.ask(Method::POST, "/api/login", Some(&known)).await;
        let [access, refresh] = ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap());
        let client = Self { rig, token: refresh.to_owned() };
        let refreshed = client.done(Method::GET, "/api/login/refresh", None).await;
        assert!(refreshed["access_token"].is_string());
        Self { token: access.to_owned(), ..client }
    }
}

/// That these are there, and of these types, by example.
fn has(told: &Value, members: &Value) {
    for (name, example) in members.as_object().unwrap() {
        let same = std::mem::discriminant(&told[name]) == std::mem::discriminant(example);
        assert!(same, "{name} is {}, in {told}", told[name]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_the_python_client_are_answered_as_it_reads_them() {
    let client = Client::login().await;
    let made = client.done(Method::POST, "/api/v3/process", Some(config())).await;
    has(
        &made,
        &json!({"id": "", "type": "", "input": [], "output": [], "options": [], "limits": {}, "autostart": true}),
    );
    client.reads_progress().await;
    let (get, put) = (Method::GET, Method::PUT);
    let listed = client.done(get.clone(), &format!("/api/v3/process?{LISTED}"), None).await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!("my_proc")));
    let parts = client.done(get.clone(), "/api/v3/process/my_proc?domain=&filter=all", None).await;
    assert!(["config", "state", "report", "metadata"].iter().all(|part| parts[part].is_null()), "{parts}");
    let probe = client.done(get.clone(), "/api/v3/process/my_proc/probe?domain=", None).await;
    has(&probe, &json!({"streams": [], "log": []}));
    for (key, value) in [("1", json!("\"1\"")), ("2", json!(1)), ("3", json!([1])), ("4", json!({"1": 1}))] {
        let path = format!("/api/v3/process/my_proc/metadata/{key}?domain=");
        assert_eq!(client.done(put.clone(), &path, Some(value.clone())).await, value);
        assert_eq!(client.done(get.clone(), &path, None).await, value);
    }
    let mut other = config();
    other["reference"] = json!("other");
    let changed = client.done(put, "/api/v3/process/my_proc?domain=", Some(other)).await;
    assert_eq!(changed["reference"], "other");
    assert_eq!(client.command("stop").await["exec"], "finished");
    let report = client.done(get.clone(), "/api/v3/process/my_proc/report?domain=", None).await;
    has(
        &report,
        &json!({"created_at": 0, "exited_at": 0, "exit_state": "", "log": [], "prelude": [], "history": []}),
    );
    assert!(client.done(get.clone(), "/api/v3/process/my_proc/config?domain=", None).await["id"].is_string());
    assert_eq!(client.command("start").await["order"], "start");
    assert_eq!(client.done(Method::DELETE, "/api/v3/process/my_proc?domain=", None).await, "OK");
    let (status, gone) = client.ask(get, "/api/v3/process/my_proc?domain=", None).await;
    has(&gone, &json!({"code": 0, "message": "", "details": []}));
    assert_eq!((status, &gone["code"]), (404, &json!(404)));
}
