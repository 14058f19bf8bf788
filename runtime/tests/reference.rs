//! What is written about the runtime is what it says itself, and what it does. `UPDATE=1 cargo test -p
//! understudy-runtime --test parts reference::` writes it.

use std::fmt::Write;
use std::path::Path;

use clap::{ArgAction, CommandFactory};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method};
use serde_json::Value;
use understudy_runtime::api;
use understudy_runtime::config::Cli;

use crate::support::session::Session;

/// An offer as a browser writes it, with nobody behind it.
const OFFER: &str = include_str!("fixtures/chromium_offer.sdp");

const COMMAND: &str = "UPDATE=1 cargo test -p understudy-runtime --test parts reference::";

fn is_committed(file: &str, fresh: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(file);
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    if std::env::var("UPDATE").is_ok() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "{} differs: run `{COMMAND}`", path.display());
}

#[test]
fn the_description_of_the_http_surface_is_what_the_code_says() {
    let text = serde_yaml_ng::to_string(&api::document()).unwrap();
    is_committed(
        "openapi.yaml",
        &format!("# Generated from runtime/src by runtime/tests/reference.rs; do not edit.\n{text}"),
    );
}

#[test]
fn every_operation_says_what_it_does() {
    let document = serde_json::to_value(api::document()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        }
    }
}

/// Where this operation can be carried out: with names that there are, and at a viewer's place that is taken.
async fn place(session: &Session, path: &str, operation: &Value) -> String {
    if path == "/whep/{name}/{session}" {
        let offer = Client::new().post(session.whep()).header(CONTENT_TYPE, "application/sdp").body(OFFER);
        let answer = offer.send().await.unwrap();
        return session.url(answer.headers()[LOCATION].to_str().unwrap());
    }
    let name = match path {
        "/pages/{name}" => "welcome",
        "/players/{name}" => "hls.js",
        "/view/assets/{name}" => "view.js",
        "/call/assets/{name}" => "call.js",
        _ => "program",
    };
    let path = path.replace("{name}", name).replace("{path}", "browser");
    match operation["servers"].is_array() {
        true => format!("http://{}{path}", session.devtools()),
        false => session.url(&path),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_that_is_described_is_there() {
    let session = Session::idle(&[]);
    session.until_reason("PageReady", "Loaded").await;
    // Without them there is nothing to be fetched, stopped or removed.
    for begun in ["/recording/start", "/stream/start"] {
        let begun = Client::new().post(session.url(begun)).body("{}").send().await.unwrap();
        assert_eq!(begun.status(), 201);
    }
    let document: Value = reqwest::get(session.url("/spec.json")).await.unwrap().json().await.unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let place = place(&session, path, operation).await;
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = Client::new().request(verb, &place).send().await.unwrap();
            let status = answer.status().as_u16();
            // What is there and does not find something says so.
            let said = status != 404 || !answer.text().await.unwrap().is_empty();
            assert!(status != 405 && said, "{method} {place}: {status}");
        }
    }
    for path in ["/nothing", "/input/devices/virtual/nothing", "/input/devices/virtual"] {
        let status = reqwest::get(session.url(path)).await.unwrap().status();
        assert_eq!(status, 404, "{path}");
    }
}

#[test]
fn the_settings_are_what_the_command_line_says() {
    let mut text = "<!-- Generated from runtime/src/config.rs by runtime/tests/reference.rs; do not edit. -->\n\
        # Settings of the runtime\n\n\
        `understudy-runtime run` takes each of these as an option or as a variable; the option wins. A value that \
        cannot be used keeps it from starting, with a message that names the variable.\n\n\
        | Variable | Option | Default | Meaning |\n|---|---|---|---|\n"
        .to_owned();
    let cli = Cli::command();
    let run = cli.find_subcommand("run").unwrap();
    for argument in run.get_arguments().chain(cli.get_arguments()) {
        let Some(variable) = argument.get_env() else { continue };
        let default: Vec<_> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = match default.join(",") {
            none if none.is_empty() && matches!(argument.get_action(), ArgAction::SetTrue) => {
                "`false`".into()
            }
            none if none.is_empty() => String::new(),
            some => format!("`{some}`"),
        };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        let one_of: Vec<_> =
            argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        let one_of = match one_of.is_empty() {
            true => String::new(),
            false => format!(" One of {}.", one_of.join(", ")),
        };
        let option = argument.get_long().unwrap_or_default();
        assert!(!help.is_empty(), "--{option} says nothing of itself");
        let help = help.trim_end_matches('.');
        writeln!(text, "| `{}` | `--{option}` | {default} | {help}.{one_of} |", variable.display()).unwrap();
    }
    is_committed("configuration.md", &text);
}
