//! Who steers what streamers show of a participant, and how many watch.

use crate::v1alpha1::page::{IS_PAGE, default_frame_rate, default_height, default_width};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// More displays, each with a browser, than a pod has room for.
const MOST_PAGES: usize = 7;

/// How the displays of a participant are shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sharing {
    /// Who steers, of those whose token lets them (`control` or `admin`): `Union` (all of them together), `Host` (one at a time, who
    /// asks for it) or `Off` (nobody; YAML wants it in quotes). A change is live: who steers no longer lets go.
    #[serde(default)]
    pub mode: SharingMode,
    /// How many may watch one streamer at once. A change is live: who watches already stays.
    #[serde(default = "default_max_viewers")]
    #[schemars(range(min = 1, max = 100))]
    pub max_viewers: i32,
    /// Whether what is copied goes to and fro between the participant and those who steer. A change is live.
    #[serde(default = "default_clipboard")]
    pub clipboard: bool,
    /// The keyboard that the keys of those who steer are of. A change is live.
    #[serde(default)]
    pub layout: KeyboardLayout,
    /// Further pages in the same pod, each on a display and in a browser of its own: streamers of `app_id` 1 show the first of them, and
    /// so on. They are not part of the participant's picture. A change is live: only the pages that are others are loaded anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_PAGES), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = Rule::new("self.all(page, self.exists_one(other, other.name == page.name))")
        .message("sharing.pages must have names of their own, each another"))]
    pub pages: Vec<NamedPage>,
}

/// Who steers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum SharingMode {
    /// All who may, together.
    #[default]
    Union,
    /// One at a time.
    Host,
    /// Nobody.
    Off,
}

/// What is written on the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum KeyboardLayout {
    /// Of the United States.
    #[default]
    #[serde(rename = "US")]
    Us,
    /// Of Germany.
    German,
    /// Of France.
    French,
    /// Of Japan.
    Japanese,
}

/// A page beside the participant's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedPage {
    /// What it is called: lower case letters, digits and dashes. A change is live.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("sharing.pages.name must be lower case letters, digits and dashes"))]
    pub name: String,
    /// Address of the page, as that of `spec.page`. A change is live: its browser navigates.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new(IS_PAGE)
        .message("sharing.pages.url must be https://HOST…, http://HOST… (without user or password) or understudy:NAME"))]
    pub url: String,
    /// Width of its window in pixels, a multiple of 8. A change is live: the page is loaded anew.
    #[serde(default = "default_width")]
    #[schemars(range(min = 320, max = 3840), extend("multipleOf" = 8))]
    pub width: i32,
    /// Height of its window in pixels, a multiple of 8. A change is live: the page is loaded anew.
    #[serde(default = "default_height")]
    #[schemars(range(min = 240, max = 2160), extend("multipleOf" = 8))]
    pub height: i32,
    /// Frames a second at which its window is captured. A change is live.
    #[serde(default = "default_frame_rate")]
    #[schemars(range(min = 1, max = 60))]
    pub frame_rate: i32,
}

impl SharingMode {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Union => "Union",
            Self::Host => "Host",
            Self::Off => "Off",
        }
    }
}

impl KeyboardLayout {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "US",
            Self::German => "German",
            Self::French => "French",
            Self::Japanese => "Japanese",
        }
    }
}

fn default_max_viewers() -> i32 {
    32
}

fn default_clipboard() -> bool {
    true
}
