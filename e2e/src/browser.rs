//! A real browser without a window, for looking at pages as people do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use tempfile::TempDir;
use tokio::process::Child;
use understudy_devtools::{Devtools, endpoint};

use crate::{program, settings, wait};

pub use understudy_devtools::Page;

/// A cold start on a busy machine.
const LAUNCH: Duration = Duration::from_secs(60);

/// Handshake and first pictures, in software, likewise.
const CONDITION: Duration = Duration::from_secs(40);

const CHROMIUM: &str = "/usr/bin/chromium";

/// A running browser; dropped, it ends.
#[derive(Debug)]
pub struct Chromium {
    devtools: Devtools,
    _process: Child,
    _profile: TempDir,
}

impl Chromium {
    pub async fn launch() -> Self {
        program::needs(Path::new(CHROMIUM), "scripts/packages install test");
        let profile = tempfile::tempdir().expect("a directory must be free");
        let mut command = program::command(CHROMIUM);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.args(FLAGS);
        let process = command.spawn().expect("the browser must start");
        let listening =
            || async { endpoint(profile.path()).await.ok_or("the browser does not listen".to_owned()) };
        let (url, _) = wait::until(LAUNCH, listening).await;
        let (devtools, _reader) = Devtools::connect(&url).await.expect("DevTools must answer");
        Self { devtools, _process: process, _profile: profile }
    }

    /// Opens a tab and loads the page.
    pub async fn open(&self, url: &str) -> Page {
        let page = Page::open(&self.devtools).await.expect("a tab must open");
        page.load(url).await.expect("the page must load");
        page
    }
}

/// Waits until a script says true in the page.
pub async fn becomes_true(page: &Page, script: &str) {
    wait::until(CONDITION, || async {
        match page.evaluate(script).await {
            Ok(value) if value == true => Ok(()),
            _ => {
                let state = page.evaluate("window.understudy ?? document.body.innerText").await;
                Err(format!("`{script}` is not true; the page says {state:?}"))
            }
        }
    })
    .await;
}

/// Takes a picture of the page, for people to look at.
pub async fn photograph(page: &Page, name: &str) -> PathBuf {
    let folder = settings::cache().join("pictures");
    std::fs::create_dir_all(&folder).expect("the cache must be writable");
    let picture = page.screenshot().await.expect("a picture must be taken");
    let png = base64::engine::general_purpose::STANDARD.decode(picture).expect("a picture must be base64");
    let path = folder.join(name);
    std::fs::write(&path, png).expect("the picture must be written");
    path
}

const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--window-size=1280,800",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
    "about:blank",
];
