//! The live camera: one slot with a picture, and the device that shows it to pages.
//!
//! The device stays for the whole life of the session and repeats its last picture; sources come and go behind it, so a
//! page's track never ends and never freezes. By mode it is a node on a private PipeWire daemon, which Chromium finds
//! through our own camera portal, a v4l2loopback device of the kernel, or a file that Chromium reads again and again.

mod alone;
mod beat;
pub mod daemon;
mod feeder;
mod linker;
mod node;
mod picture;
mod portal;

mod file;
mod v4l2;

use std::path::{Path, PathBuf};

use tokio::sync::oneshot;
use understudy_core::camera::{Facts, Mode};
use understudy_core::spec::{FrameRate, Resolution};

use crate::child::installed;

pub use picture::{Look, Picture, Writer};

/// Where pages find the camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the bus and the PipeWire daemon of the session with this directory.
    Pipewire { directory: PathBuf },
    /// Among the machine's video devices.
    V4l2 { device: PathBuf },
    /// In a file, as the only camera there is.
    File { path: PathBuf },
}

/// A camera that runs.
#[derive(Debug)]
pub struct Camera(Running);

#[derive(Debug)]
enum Running {
    Pipewire {
        /// Held open: closed, the portal's name is given up.
        _portal: zbus::Connection,
        node: node::Node,
    },
    Fed(feeder::Feeder),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot offer the camera portal")]
    Portal(#[from] zbus::Error),
    #[error("cannot offer the camera node: {0}")]
    Node(String),
    #[error(transparent)]
    V4l2(#[from] v4l2::Error),
    #[error(transparent)]
    File(#[from] file::Error),
}

/// What the camera is, for the life of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub size: Resolution,
    pub frame_rate: FrameRate,
}

/// What there is to make a camera of.
pub fn facts(device: &Path) -> Facts {
    let pipewire = ["pipewire", "dbus-daemon"].iter().all(|program| installed(Path::new(program)));
    Facts { device: v4l2::probe(device).is_ok(), pipewire }
}

/// Starts what shows `picture` at `place`; returns when others can find it.
pub async fn start(place: &Place, format: Format, picture: Picture) -> Result<Camera, Error> {
    Ok(Camera(match place {
        Place::Pipewire { directory } => {
            let socket = daemon::socket(directory);
            let portal = portal::serve(&crate::bus::address(directory), socket.clone()).await?;
            let node = node::start(socket, format, picture).await?;
            Running::Pipewire { _portal: portal, node }
        }
        Place::V4l2 { device } => Running::Fed(v4l2::start(device, format, picture).await?),
        Place::File { path } => Running::Fed(file::start(path, format, picture).await?),
    }))
}

impl Place {
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Pipewire { .. } => Mode::Pipewire,
            Self::V4l2 { .. } => Mode::V4l2,
            Self::File { .. } => Mode::File,
        }
    }
}

impl Camera {
    /// Resolves, with the cause, when the device is gone.
    pub fn lost(&mut self) -> oneshot::Receiver<String> {
        match &mut self.0 {
            Running::Pipewire { node, .. } => node.lost(),
            Running::Fed(feeder) => feeder.lost(),
        }
    }

    /// Takes the device away.
    pub async fn stop(self) {
        match self.0 {
            // Dropping the node waits for its thread.
            node @ Running::Pipewire { .. } => drop(tokio::task::spawn_blocking(|| drop(node)).await),
            Running::Fed(feeder) => feeder.stop().await,
        }
    }
}
