//! The live camera of an unprivileged pod: a camera node on a private PipeWire daemon, which Chromium
//! finds through our own camera portal.
//!
//! The node stays for as long as the daemon lives and repeats its last picture; sources come and go
//! behind it, so a page's track never ends and never freezes.

pub mod daemon;
mod linker;
mod node;
mod picture;
mod portal;

use std::path::Path;

use tokio::sync::oneshot;
use understudy_core::spec::{FrameRate, Resolution};

pub use picture::{Picture, Writer};

/// Portal, node and linker together.
#[derive(Debug)]
pub struct Camera {
    /// Held open: closed, the portal's name is given up.
    _portal: zbus::Connection,
    node: node::Node,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot offer the camera portal")]
    Portal(#[from] zbus::Error),
    #[error("cannot offer the camera node: {0}")]
    Node(String),
}

/// What the camera is, for the life of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub size: Resolution,
    pub frame_rate: FrameRate,
}

/// Starts the portal, then the node; returns when both can be found by others.
pub async fn start(directory: &Path, format: Format, picture: Picture) -> Result<Camera, Error> {
    let portal = portal::serve(&crate::bus::address(directory), daemon::socket(directory)).await?;
    let node = node::start(daemon::socket(directory), format, picture).await?;
    Ok(Camera { _portal: portal, node })
}

impl Camera {
    /// Resolves, with the cause, when the node is gone.
    pub fn lost(&mut self) -> oneshot::Receiver<String> {
        self.node.lost()
    }
}
