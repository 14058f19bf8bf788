//! Chromium's command line, each flag with its reason.

use std::path::Path;

use super::{Config, file_camera};
use crate::camera::Place;

/// What was fetched and may be fetched again. Unless told, it grows with the disk.
const CACHE_BYTES: u32 = 64 << 20;

/// What all sites together may keep (databases, caches, files); one of them three quarters of it. Unless told, it is four fifths
/// of a disk that others use as well.
const STORAGE_BYTES: u32 = 512 << 20;

/// Whether Chromium confines its own processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// By user namespaces, which the kernel and the pod's seccomp profile allow.
    Namespaces,
    /// `--no-sandbox`: the pod's own confinement is all there is. Reported, never silent.
    Disabled,
}

pub(super) fn list(config: &Config, profile: &Path) -> Vec<String> {
    let mut flags: Vec<String> = [
        // One window that fills the display and nothing else.
        "--kiosk",
        "--window-position=0,0",
        "--force-device-scale-factor=1",
        "--hide-scrollbars",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-infobars",
        // Colours as the page means them: the capture is read back by machines, too.
        "--force-color-profile=srgb",
        // No GPU in a pod: software compositing without probing for one.
        "--disable-gpu",
        // Nothing phones home from an idle browser.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-breakpad",
        "--disable-default-apps",
        "--disable-extensions",
        "--metrics-recording-only",
        "--password-store=basic",
        // A participant acts without anybody clicking.
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
        // The page is always looked at, even when nothing tells Chromium so.
        "--disable-background-timer-throttling",
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--disable-hang-monitor",
        // Loopback as well: without this, Chromium goes around a proxy for it.
        "--proxy-bypass-list=<-loopback>",
        // What goes over UDP would go around it, too.
        "--disable-quic",
        // The port it picks is read from its profile.
        "--remote-debugging-port=0",
        "--remote-debugging-address=127.0.0.1",
    ]
    .map(str::to_owned)
    .into();
    flags.push(format!("--window-size={},{}", config.size.width(), config.size.height()));
    // All fetching passes the guard, which resolves the names, WebSockets included. A page's WebRTC does not: it is what a
    // stage is made of, and sends to nobody who does not answer its checks with the right password. `file:` and
    // `view-source:` are no way around either: a page from the web cannot go to them.
    flags.push(format!("--proxy-server=http://{}", config.proxy));
    flags.push(format!("--user-data-dir={}", profile.display()));
    // Lists are merged here: of a flag given twice the last one wins.
    // What is left is gone, and not kept for whoever might go back: its connections are, too.
    flags.push(
        "--disable-features=Translate,MediaRouter,OptimizationHints,AcceptCHFrame,BackForwardCache"
            .to_owned(),
    );
    flags.push(format!("--disk-cache-size={CACHE_BYTES}"));
    let quota = format!("StorageQuotaSettings:PoolSizeBytes/{STORAGE_BYTES}");
    let mut features = vec![quota.as_str()];
    match &config.camera {
        Some(Place::Pipewire { .. }) => features.push("WebRtcPipeWireCamera"),
        Some(Place::File { .. }) => flags.push(file_camera::flag(&config.directory)),
        // Chromium lists the machine's video devices by itself.
        Some(Place::V4l2 { .. }) | None => {}
    }
    flags.push(format!("--enable-features={}", features.join(",")));
    if config.sandbox == Sandbox::Disabled {
        flags.push("--no-sandbox".to_owned());
        // Keeps the warning bar about the flag above out of the picture.
        flags.push("--test-type".to_owned());
    }
    // With `about:blank` the keyboard would be the location bar's, and stay so whatever page comes after it.
    flags.push("data:,".to_owned());
    flags
}

#[cfg(test)]
mod tests {
    use understudy_core::spec::Resolution;

    use super::*;

    fn flags(sandbox: Sandbox, camera: Option<Place>) -> Vec<String> {
        let config = Config {
            program: "chromium".into(),
            directory: "/tmp/x".into(),
            display: ":1".into(),
            size: Resolution::HD,
            sandbox,
            camera,
            proxy: ([127, 0, 0, 1], 1).into(),
        };
        list(&config, Path::new("/tmp/x/chromium"))
    }

    #[test]
    fn the_sandbox_is_given_up_only_when_told() {
        let has = |sandbox| flags(sandbox, None).iter().any(|f| f == "--no-sandbox");
        assert!(!has(Sandbox::Namespaces));
        assert!(has(Sandbox::Disabled));
    }

    #[test]
    fn no_flag_is_given_twice_since_the_last_would_win() {
        for camera in [
            Place::Pipewire { directory: "/tmp/x".into() },
            Place::V4l2 { device: "/dev/video20".into() },
            Place::File { path: "/tmp/virtual-inputs/video.y4m".into() },
        ] {
            let flags = flags(Sandbox::Disabled, Some(camera));
            let mut names: Vec<_> = flags.iter().map(|f| f.split('=').next()).collect();
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }

    #[test]
    fn only_the_camera_of_pipewire_is_asked_for_over_the_portal() {
        let asks = |camera| flags(Sandbox::Namespaces, camera).iter().any(|f| f.contains("PipeWire"));
        assert!(asks(Some(Place::Pipewire { directory: "/tmp/x".into() })));
        assert!(!asks(Some(Place::V4l2 { device: "/dev/video20".into() })));
        assert!(!asks(None));
    }
}
