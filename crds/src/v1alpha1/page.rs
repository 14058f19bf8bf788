//! What the browser of a participant shows.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Of an address that a browser may be shown.
pub(super) const IS_PAGE: &str =
    "self.matches('^(https?://[^/?#@ ]+([/?#][^ ]*)?|understudy:[a-z0-9]([-a-z0-9]*[a-z0-9])?)$')";

/// The page that the browser shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Address of the page: `https://…`, `http://…`, or `understudy:NAME` for a page that ships with the runtime
    /// (as `understudy:mirror`). A change is live: the browser navigates.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new(IS_PAGE)
        .message("page.url must be https://HOST…, http://HOST… (without user or password) or understudy:NAME"))]
    pub url: String,
    /// Width of the window in pixels, a multiple of 8. A change is live: the page is loaded anew.
    #[serde(default = "default_width")]
    #[schemars(range(min = 320, max = 3840), extend("multipleOf" = 8))]
    pub width: i32,
    /// Height of the window in pixels, a multiple of 8. A change is live: the page is loaded anew.
    #[serde(default = "default_height")]
    #[schemars(range(min = 240, max = 2160), extend("multipleOf" = 8))]
    pub height: i32,
    /// Frames a second at which the window is captured. A change is live.
    #[serde(default = "default_frame_rate")]
    #[schemars(range(min = 1, max = 60))]
    pub frame_rate: i32,
}

pub(super) fn default_width() -> i32 {
    1280
}

pub(super) fn default_height() -> i32 {
    720
}

pub(super) fn default_frame_rate() -> i32 {
    30
}
