//! A page in the session's browser, on a bench's display, that keeps what happens to it.

use std::fmt::Write;

use understudy_core::spec::Resolution;
use understudy_core::steering::keys::Layout;
use understudy_e2e::wait;
use understudy_runtime::browser::{self, Browser, Config};

use super::bench::{Bench, SIZE, SOON};

const PAGE: &str = include_str!("page.html");

pub struct Page(Browser);

impl Page {
    /// It has the display to itself, and its text area the keyboard.
    pub async fn open(layout: Layout) -> (Bench, Self) {
        let bench = Bench::open(layout).await;
        let config = Config {
            program: "/usr/bin/chromium".into(),
            directory: bench.home.path().into(),
            display: bench.display.name.clone(),
            size: Resolution::parse("size", SIZE.0, SIZE.1).unwrap(),
            sandbox: browser::probe_sandbox(bench.home.path()).await,
            proxy: ([127, 0, 0, 1], 9).into(),
            camera: None,
        };
        let browser = browser::start(&config).await.unwrap();
        let mut url = "data:text/html;charset=utf-8,".to_owned();
        PAGE.bytes().for_each(|byte| write!(url, "%{byte:02x}").unwrap());
        browser.page.load(&url).await.unwrap();
        let page = Self(browser);
        page.becomes("document.hasFocus() && innerWidth > 790 && innerHeight > 590").await;
        (bench, page)
    }

    /// Waits for just that to have happened since it was asked last.
    pub async fn told(&self, wanted: &[&str]) {
        let wanted = serde_json::to_string(wanted).unwrap();
        self.becomes(&format!("JSON.stringify(log) === JSON.stringify({wanted})")).await;
        self.0.page.evaluate("log.length = 0").await.unwrap();
    }

    /// Waits for its text area to hold just that.
    pub async fn holds(&self, text: &str) {
        self.becomes(&format!("area.value === {}", serde_json::to_string(text).unwrap())).await;
    }

    pub async fn log(&self) -> Vec<String> {
        serde_json::from_value(self.0.page.evaluate("log").await.unwrap()).unwrap()
    }

    pub async fn clear(&self) {
        self.0.page.evaluate("area.value = '', log.length = 0, delete window.first").await.unwrap();
    }

    pub async fn number(&self, script: &str) -> f64 {
        self.0.page.evaluate(script).await.unwrap().as_f64().unwrap()
    }

    async fn becomes(&self, script: &str) {
        wait::until(SOON, || async {
            match self.0.page.evaluate(script).await {
                Ok(value) if value == true => Ok(()),
                _ => Err(format!("{script}: {:?}", self.0.page.evaluate("[log, area.value]").await)),
            }
        })
        .await;
    }
}
