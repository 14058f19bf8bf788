//! What is asked over HTTP, and how it is answered.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use understudy_runtime::access::Policy;
use understudy_runtime::api::core::Writing;

use crate::support::processes::{Rig, Settings, picture, script};

const PROCESS: &str = "/api/v3/process";

/// Method, path, body, status, and the `message` of an error.
type Asked = (Method, &'static str, Option<Value>, u16, &'static str);

/// The config of the source system's own tests.
fn test() -> Value {
    json!({
        "id": "test",
        "options": [],
        "input": [{"id": "video", "address": "testsrc=size=1280x720:rate=25", "options": ["-f", "lavfi", "-re"]}],
        "output": [{"id": "null", "address": "-", "options": ["-codec:v", "copy", "-f", "null"]}],
        "autostart": false,
        "reconnect": true,
        "reconnect_delay_seconds": 10,
        "stale_timeout_seconds": 10,
    })
}

fn with(change: &Value) -> Option<Value> {
    let mut config = test();
    config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    Some(config)
}

fn commanded(command: &str) -> Option<Value> {
    Some(json!({ "command": command }))
}

/// As those tests ask, one after the other, up to a process that is there.
fn first() -> Vec<Asked> {
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    vec![
        (get.clone(), "/api/v3/process/test/report", None, 404, "Unknown process ID"),
        (put.clone(), "/api/v3/process/test/command", commanded("start"), 400, "Command failed"),
        (delete, "/api/v3/process/foobar", None, 404, "Unknown process ID"),
        (put.clone(), "/api/v3/process/test", Some(test()), 404, "Process not found"),
        (post.clone(), PROCESS, with(&json!({"type": "foobar"})), 400, "Unsupported process type"),
        (
            post.clone(),
            PROCESS,
            with(&json!({"input": []})),
            400,
            "At least one input and one output need to be defined",
        ),
        (post.clone(), PROCESS, with(&json!({"options": "none"})), 400, "Invalid JSON"),
        (post.clone(), PROCESS, Some(test()), 200, ""),
        (post, PROCESS, Some(test()), 400, "Invalid process config"),
    ]
}

/// And from there.
fn then() -> Vec<Asked> {
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let bad_output = json!([{"id": "null", "address": "", "options": []}]);
    vec![
        (
            put.clone(),
            "/api/v3/process/test",
            with(&json!({"output": bad_output})),
            400,
            "Process can't be updated",
        ),
        (get.clone(), "/api/v3/process/test", None, 200, ""),
        (get.clone(), "/api/v3/process/test/config", None, 200, ""),
        (get.clone(), "/api/v3/process/test/state", None, 200, ""),
        (get.clone(), "/api/v3/process/test/report", None, 200, ""),
        (put.clone(), "/api/v3/process/test/command", commanded("dance"), 400, "Unknown command provided"),
        (put.clone(), "/api/v3/process/test/command", commanded("start"), 200, ""),
        (put.clone(), "/api/v3/process/test/command", commanded("start"), 200, ""),
        (put.clone(), "/api/v3/process/test/command", commanded("stop"), 200, ""),
        (put.clone(), "/api/v3/process/test/command", commanded("stop"), 200, ""),
        (put.clone(), "/api/v3/process/test/command", commanded("restart"), 200, ""),
        (put.clone(), "/api/v3/process/test/command", commanded("reload"), 200, ""),
        (put.clone(), "/api/v3/process/test", with(&json!({"id": "test2"})), 200, ""),
        (get.clone(), "/api/v3/process/test", None, 404, "Unknown process ID"),
        (get.clone(), "/api/v3/process/test2", None, 200, ""),
        (get.clone(), "/api/v3/process/test2/metadata/a", None, 404, "Unknown process ID"),
        (put.clone(), "/api/v3/process/test2/metadata/a", Some(json!({"b": 1})), 200, ""),
        (get.clone(), "/api/v3/process/test2/metadata/a", None, 200, ""),
        (get.clone(), "/api/v3/process/test2/metadata", None, 200, ""),
        (put.clone(), "/api/v3/process/test2/metadata/", Some(json!(1)), 400, "Invalid key"),
        (get.clone(), "/api/v3/metadata/a", None, 404, "Metadata not found"),
        (put.clone(), "/api/v3/metadata/a", Some(json!("b")), 200, ""),
        (get.clone(), "/api/v3/metadata/a", None, 200, ""),
        (delete, "/api/v3/process/test2", None, 200, ""),
        (get.clone(), "/api/v3/process", None, 200, ""),
        (get.clone(), "/api/v3/nothing", None, 404, "Not Found"),
        (post, "/api/v3/process/test", Some(json!({})), 405, "Method Not Allowed"),
        (get.clone(), "/api", None, 200, ""),
        (get, "/api/login", None, 404, "Not Found"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_the_core_s_own_tests_are_answered_as_there() {
    let rig = Rig::start().await;
    for (method, path, body, status, message) in first().into_iter().chain(then()) {
        let (answered, told) = rig.ask(method.clone(), path, body.as_ref()).await;
        assert_eq!(answered, status, "{method} {path}: {told}");
        if status >= 400 {
            let shape = (&told["code"], &told["message"], told["details"].is_array());
            assert_eq!(shape, (&json!(status), &json!(message), true), "{method} {path}: {told}");
        }
    }
    let gone = rig.request(Method::HEAD, "/api/v3/process/nobody").send().await.unwrap();
    assert!(!gone.headers().contains_key(CONTENT_TYPE), "{:?}", gone.headers());
    let length = gone.headers().get(CONTENT_LENGTH).map_or("0", |length| length.to_str().unwrap());
    assert_eq!(length, "0", "no body, and no length of one");
    assert_eq!((gone.status(), gone.bytes().await.unwrap().len()), (StatusCode::NOT_FOUND, 0));
    let (status, told) = rig.ask(Method::GET, "/api/v3/process?filter=a&filter=b", None).await;
    assert_eq!((status, &told["message"]), (StatusCode::BAD_REQUEST, &json!("Bad Request")));
    assert!(told["details"][0].as_str().unwrap().contains("filter"), "it says why: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_says_that_it_is_json_and_something() {
    let rig = Rig::start().await;
    let post = |kind: Option<&'static str>, body: String| {
        let request = rig.request(Method::POST, PROCESS).body(body);
        match kind {
            Some(kind) => request.header(CONTENT_TYPE, kind),
            None => request,
        }
    };
    let config = picture("a").to_string();
    for (kind, body, status, message) in [
        (None, config.clone(), 415, "Unsupported Media Type"),
        (Some("text/plain"), config.clone(), 415, "Unsupported Media Type"),
        (Some("application/json"), String::new(), 400, "Invalid JSON"),
        (Some("application/json"), "{".to_owned(), 400, "Invalid JSON"),
        (Some("application/json"), "x".repeat((1 << 20) + 1), 413, "Payload Too Large"),
        (Some("application/json; charset=utf-8"), config, 200, ""),
    ] {
        let answer = post(kind, body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{kind:?}");
        let told: Value = answer.json().await.unwrap();
        assert_eq!(told["message"].as_str().unwrap_or_default(), message, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_keeps_what_it_does_not_say_and_a_rename_takes_everything_along() {
    let rig = Rig::start().await;
    rig.add(&picture("a")).await;
    rig.ask(Method::PUT, "/api/v3/process/a/metadata/k", Some(&json!([1]))).await;
    rig.command("a", "start").await;
    let run = rig.until_exec("a", "running").await;
    let put = json!({"id": "b", "reference": "r"});
    let (status, config) = rig.ask(Method::PUT, "/api/v3/process/a", Some(&put)).await;
    assert_eq!((status, &config["id"], &config["reference"]), (StatusCode::OK, &json!("b"), &json!("r")));
    let renamed = rig.process("b").await;
    assert_eq!(
        renamed["config"]["input"],
        picture("a")["input"]
            .as_array()
            .map(|input| {
                let mut input = input.clone();
                input[0]["cleanup"] = json!([]);
                json!(input)
            })
            .unwrap()
    );
    assert_eq!(renamed["metadata"], json!({"k": [1]}));
    assert_eq!(renamed["state"]["pid"], run["state"]["pid"], "what runs is the same");
    assert_eq!(renamed["report"]["created_at"], run["report"]["created_at"]);
    let (status, _) =
        rig.ask(Method::PUT, "/api/v3/process/b", Some(&json!({"limits": {"cpu_usage": -1}}))).await;
    assert_eq!(status, 400);
    assert_eq!(rig.process("b").await["state"]["pid"], run["state"]["pid"], "it goes on untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_listed_by_id_reference_and_patterns_with_the_parts_that_are_asked_for() {
    let rig = Rig::start().await;
    for (id, reference) in [("cam-1", "yard"), ("cam-2", "door"), ("film", "yard")] {
        let mut config = picture(id);
        config["reference"] = json!(reference);
        rig.add(&config).await;
    }
    for (query, ids) in [
        ("", vec!["cam-1", "cam-2", "film"]),
        ("id=film,cam-2,nobody", vec!["cam-2", "film"]),
        ("reference=yard", vec!["cam-1", "film"]),
        ("reference=yard&id=cam-2", vec!["cam-1", "film"]),
        ("idpattern=cam-*", vec!["cam-1", "cam-2"]),
        ("refpattern=y*d", vec!["cam-1", "film"]),
        ("idpattern=cam-*&refpattern=y*", vec!["cam-1"]),
        ("idpattern=nobody*", vec![]),
    ] {
        let (_, listed) = rig.ask(Method::GET, &format!("{PROCESS}?{query}"), None).await;
        let listed: Vec<_> =
            listed.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(listed, ids, "{query}");
    }
    for (filter, parts) in
        [("state", vec!["state"]), ("config,report", vec!["config", "report"]), ("nothing", vec![])]
    {
        let (_, one) = rig.ask(Method::GET, &format!("{PROCESS}/film?filter={filter}"), None).await;
        let told = ["config", "state", "report"].into_iter().filter(|part| one[part].is_object());
        assert_eq!(told.collect::<Vec<_>>(), parts, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_may_be_written_the_routes_for_that_are_not_there() {
    let rig = Rig::with(Settings { may_write: Writing::ReadOnly, ..Settings::default() }).await;
    for (method, path, status) in [
        (Method::POST, PROCESS, 405),
        (Method::PUT, "/api/v3/process/a", 405),
        (Method::DELETE, "/api/v3/process/a", 405),
        (Method::PUT, "/api/v3/process/a/command", 404),
        (Method::GET, "/api/v3/process/a/probe", 404),
        (Method::PUT, "/api/v3/metadata/a", 405),
        (Method::GET, PROCESS, 200),
    ] {
        let (answered, told) = rig.ask(method.clone(), path, Some(&json!({}))).await;
        assert_eq!(answered, status, "{method} {path}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_is_shown_no_config_and_changes_nothing() {
    let tokens =
        understudy_proto::v1::AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() };
    let rig = Rig::with(Settings { policy: Policy::Tokens(Box::new(tokens)), ..Settings::default() }).await;
    let ask = |method: Method, path: &'static str, token: &'static str| {
        let request = rig.request(method, path).bearer_auth(token).header(CONTENT_TYPE, "application/json");
        async move {
            let answer = request.body(picture("a").to_string()).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        }
    };
    assert_eq!(ask(Method::POST, PROCESS, "v").await.0, 403);
    assert_eq!(ask(Method::POST, PROCESS, "wrong").await.0, 401);
    assert_eq!(ask(Method::POST, PROCESS, "c").await.0, 200);
    let (_, shown) = ask(Method::GET, "/api/v3/process/a", "v").await;
    assert!(shown["state"].is_object() && shown["config"].is_null(), "{shown}");
    assert!(ask(Method::GET, "/api/v3/process/a", "c").await.1["config"].is_object());
    assert_eq!(ask(Method::GET, "/api/v3/process/a/config", "v").await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_is_asked_once_what_it_is_and_again_by_whoever_may_control() {
    let folder = tempfile::tempdir().unwrap();
    let ffmpeg = script(folder.path(), "echo x >> asked\necho ffmpeg version $(wc -l < asked)");
    let tokens =
        understudy_proto::v1::AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() };
    let policy = Policy::Tokens(Box::new(tokens));
    let rig = Rig::with(Settings { ffmpeg, policy, ..Settings::default() }).await;
    for (token, path, status, version) in [
        ("v", "/api/v3/skills", 200, json!("1")),
        ("v", "/api/v3/skills", 200, json!("1")),
        ("v", "/api/v3/skills/reload", 403, Value::Null),
        ("c", "/api/v3/skills/reload", 200, json!("2")),
        ("v", "/api/v3/skills", 200, json!("2")),
    ] {
        let answer = rig.request(Method::GET, path).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{token} {path}");
        let told: Value = answer.json().await.unwrap();
        assert_eq!(told["ffmpeg"]["version"], version, "{token} {path}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_has_a_bound_of_bytes_of_a_process_and_of_none() {
    let rig = Rig::start().await;
    rig.add(&picture("a")).await;
    let much = json!("x".repeat(600 << 10));
    for of in ["/api/v3/process/a/metadata", "/api/v3/metadata"] {
        for (key, status) in [("one", 200), ("two", 400), ("one", 200)] {
            let (answered, told) = rig.ask(Method::PUT, &format!("{of}/{key}"), Some(&much)).await;
            assert_eq!(answered, status, "{of}/{key}");
            assert_eq!(told["message"].is_string(), status == 400, "{of}/{key}");
        }
    }
}
