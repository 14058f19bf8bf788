//! How those who watch streamers share what they show, as the session's document says.

use super::Page;
use crate::steering::keys::Layout;
use crate::steering::seat::Mode;

/// None: as the runtime is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    pub mode: Option<Mode>,
    /// Of each streamer, at once.
    pub max_viewers: Option<u32>,
    /// Whether what is copied goes to and fro.
    pub clipboard: Option<bool>,
    pub layout: Option<Layout>,
    /// What streamers show beside the session's own display, in the order of their numbers.
    pub pages: Vec<NamedPage>,
}

/// A page with a display and a browser of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPage {
    pub name: String,
    pub page: Page,
}
