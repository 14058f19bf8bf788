//! A small client of the Chrome DevTools Protocol: what a runtime needs of its browser, and tests of theirs.
//!
//! It starts no process: whoever does hands over the profile that the browser was started with.

mod dialog;

mod connection;

mod loading;

mod page;

mod observer;

pub use connection::{Devtools, Error};
pub use loading::Trouble;
pub use observer::{Observer, Seen};
pub use page::{Dialogs, Page};

use std::path::Path;

/// Where the browser with this profile listens; none before it does. Chromium writes the port it picked and the path
/// of its socket into a file of the profile.
pub async fn endpoint(profile: &Path) -> Option<String> {
    let text = tokio::fs::read_to_string(profile.join("DevToolsActivePort")).await.ok()?;
    let (port, path) = text.trim().split_once('\n')?;
    Some(format!("ws://127.0.0.1:{}{}", port.trim(), path.trim()))
}
