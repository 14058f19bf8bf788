//! The browser: Chromium on the headless display, steered over the DevTools protocol.

mod file_camera;
mod flags;
mod sandbox;
mod service;
mod visit;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::task::JoinHandle;
use understudy_core::spec::Resolution;
use understudy_devtools::{Devtools, Page, endpoint};

use crate::camera::Place;
use crate::child::{self, Child, Executable};

pub use flags::Sandbox;
pub use sandbox::probe as probe_sandbox;
pub use service::Service;
pub use visit::{Tab, Visiting, Wanted, visit};

/// What a browser is started with.
#[derive(Clone, Debug)]
pub struct Config {
    pub program: PathBuf,
    /// Private and writable: profile, caches and sockets go here.
    pub directory: PathBuf,
    pub display: String,
    pub size: Resolution,
    pub sandbox: Sandbox,
    /// The HTTP proxy that everything is fetched through.
    pub proxy: SocketAddr,
    /// None: pages find no camera.
    pub camera: Option<Place>,
}

/// A running browser.
#[derive(Debug)]
pub struct Browser {
    pub child: Child,
    /// The first tab, which the participant's page is shown in.
    pub page: Page,
    /// The WebSocket of its DevTools.
    pub devtools_url: String,
    /// Reads what DevTools sends; ends with the connection.
    devtools: JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Child(#[from] child::Error),
    #[error("cannot prepare the browser's profile")]
    Profile(#[from] std::io::Error),
    #[error(transparent)]
    Devtools(#[from] understudy_devtools::Error),
}

/// Whether all that a page needs is installed.
pub fn installed(program: &Path) -> bool {
    [program, Path::new("Xvfb")].into_iter().all(child::installed)
}

/// Starts Chromium with a fresh profile and connects to it.
pub async fn start(config: &Config) -> Result<Browser, Error> {
    let profile = config.directory.join("chromium");
    match tokio::fs::remove_dir_all(&profile).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => tokio::fs::create_dir_all(&profile).await?,
    }
    if let Some(Place::File { path }) = &config.camera {
        tokio::fs::write(file_camera::script(&config.directory), file_camera::text(path)).await?;
    }
    let mut child = program(config, &profile).spawn()?;
    child.until(|| async { endpoint(&profile).await.is_some() }).await?;
    let url = endpoint(&profile).await.unwrap_or_default();
    let (devtools, task) = Devtools::connect(&url).await?;
    // Nobody takes them out of a pod, and a page starts as many as it likes.
    devtools.call(None, "Browser.setDownloadBehavior", json!({ "behavior": "deny" })).await?;
    let page = Page::first(&devtools).await?;
    Ok(Browser { child, page, devtools_url: url, devtools: task })
}

/// Kills one service of the browser with this process id; Chromium starts it anew at the next call.
pub async fn restart_service(browser: i32, service: Service) {
    for pid in service::find(service, browser).await {
        tracing::info!(?service, pid, "restarting a browser service");
        child::kill_process(pid);
    }
}

impl Browser {
    /// Resolves, with words for people, when the browser is of no more use.
    pub async fn lost(&mut self) -> String {
        tokio::select! {
            why = self.child.wait() => why,
            _ = &mut self.devtools => "DevTools hung up".to_owned(),
        }
    }

    /// Ends the browser and all of its processes.
    pub async fn stop(self) {
        self.devtools.abort();
        self.child.stop().await;
    }
}

fn program(config: &Config, profile: &Path) -> Executable {
    let directory = &config.directory;
    Executable::new("chromium", &config.program)
        .args(flags::list(config, profile))
        .env("DISPLAY", &config.display)
        .env("HOME", directory)
        .env("XDG_RUNTIME_DIR", directory)
        // What it leaves there when it is killed would lie beside the directory.
        .env("TMPDIR", directory)
        .env("XDG_CONFIG_HOME", directory.join("config"))
        .env("XDG_CACHE_HOME", directory.join("cache"))
        .env("DBUS_SESSION_BUS_ADDRESS", crate::bus::address(directory))
        // Chromium also looks for a system bus, which a pod does not have.
        .env("DBUS_SYSTEM_BUS_ADDRESS", crate::bus::address(directory))
        .env("PULSE_SERVER", crate::sound::server(directory))
        // Small fragments: the default of two seconds would be heard.
        .env("PULSE_LATENCY_MSEC", "20")
}
