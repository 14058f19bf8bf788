//! Processes with their API that are watched over WHEP at their own paths, on loopback.

use std::net::Ipv4Addr;

use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_e2e::probe::Watch;
use understudy_runtime::api::core::Whep;
use understudy_runtime::egress::whep::{self, IceServers};
use understudy_runtime::process::{Watching, leg};
use understudy_runtime::program::Registry;
use understudy_runtime::rtc::{self, Handle};
use understudy_runtime::{broadcast, gst};

use super::ground;
use super::processes::{Rig, Settings};
use super::stage::{LOOPS, transport};

/// Dropped, all its processes end.
pub struct Watched {
    pub rig: Rig,
    pub driver: Handle,
    pub programs: Registry,
    _end: DropGuard,
}

impl Watched {
    pub async fn with(settings: Settings) -> Self {
        gst::init().expect("GStreamer must start");
        let end = CancellationToken::new();
        let driver = transport(Ipv4Addr::LOCALHOST.into(), LOOPS, rtc::Metrics::default(), end.clone());
        let (programs, ice_servers) = (Registry::default(), IceServers::default());
        let router = whep::process_router(driver.clone(), programs.clone(), ice_servers.clone());
        let settings = Settings {
            watching: Some(watching(&programs)),
            whep: Some(Whep { router, ice_servers }),
            ..settings
        };
        let rig = Rig::with(settings).await;
        Self { rig, driver, programs, _end: end.drop_guard() }
    }

    /// Once `video` and `audio` are what has become of both, and a run that sends them so is under way.
    pub async fn plays(&self, id: &str, [video, audio]: [&str; 2]) -> Value {
        let is_so = |process: &Value| {
            let state = &process["state"];
            let command = state["command"].to_string();
            let is_run = command.contains("libopus") == (audio == "transcode")
                && command.contains("libx264") == (video == "transcode");
            let is_so = state["webrtc"]["video"] == video && state["webrtc"]["audio"] == audio;
            is_so && is_run && state["progress"]["frame"].as_u64() > Some(15)
        };
        self.rig.until(id, is_so).await
    }

    /// A viewer of the short clip, in whatever size.
    pub fn watch(&self, id: &str, seconds: u32) -> Watch {
        let url = self.rig.url(&format!("/api/v3/process/{id}/whep"));
        Watch { clip_frames: Some(ground::FRAMES), ..Watch::new(url, seconds) }
    }
}

/// What is kept of processes that are watched.
pub fn watching(programs: &Registry) -> Watching {
    let (hubs, legs) = (broadcast::Metrics::default(), leg::Metrics::default());
    Watching { programs: programs.clone(), hubs, legs }
}
