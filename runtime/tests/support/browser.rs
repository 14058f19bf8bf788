//! A real browser at the viewer page.

use std::time::Duration;

use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::page::ScreenshotParams;
use chromiumoxide::{Handler, Page};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A cold start of the browser on a busy machine.
const LAUNCH_DEADLINE: Duration = Duration::from_secs(60);
/// Handshake and first pictures, in software, likewise.
const CONDITION_DEADLINE: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(100);

pub struct Chromium {
    browser: Browser,
    handler: JoinHandle<()>,
    _profile: TempDir,
}

impl Chromium {
    pub async fn launch() -> Self {
        let profile = tempfile::tempdir().expect("a directory must be free");
        let config = BrowserConfig::builder()
            .chrome_executable(executable())
            .user_data_dir(profile.path())
            .new_headless_mode()
            .no_sandbox()
            .launch_timeout(LAUNCH_DEADLINE)
            // The page fills the window, as it does for people.
            .viewport(None)
            .window_size(1280, 800)
            .args([
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--autoplay-policy=no-user-gesture-required",
            ])
            .build()
            .expect("the browser must be configured");
        let (browser, handler) = Browser::launch(config).await.expect("the browser must start");
        Self { browser, handler: tokio::spawn(drive(handler)), _profile: profile }
    }

    pub async fn open(&self, url: &str) -> Page {
        self.browser.new_page(url).await.expect("the page must open")
    }

    pub async fn close(mut self) {
        let _ = self.browser.close().await;
        let _ = tokio::time::timeout(LAUNCH_DEADLINE, self.browser.wait()).await;
        self.handler.abort();
    }
}

pub async fn evaluate<T: DeserializeOwned>(page: &Page, script: &str) -> T {
    page.evaluate(script).await.expect("the script must run").into_value().expect("the script must tell a value")
}

/// Waits until a script says true.
pub async fn becomes_true(page: &Page, script: &str) {
    let waited = tokio::time::timeout(CONDITION_DEADLINE, async {
        while !evaluate::<bool>(page, script).await {
            tokio::time::sleep(POLL).await;
        }
    });
    if waited.await.is_err() {
        let state: serde_json::Value = evaluate(page, "window.understudy").await;
        panic!("`{script}` did not become true; the page says {state}");
    }
}

pub async fn photograph(page: &Page, name: &str) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    page.save_screenshot(ScreenshotParams::builder().build(), path).await.expect("a picture must be taken");
}

async fn drive(mut handler: Handler) {
    while handler.next().await.is_some() {}
}

fn executable() -> &'static str {
    const CHROMIUM: &str = "/usr/bin/chromium";
    assert!(std::path::Path::new(CHROMIUM).exists(), "{CHROMIUM} is missing: apt-get install -y chromium");
    CHROMIUM
}
