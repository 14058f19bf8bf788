//! The session's page, which keeps the keys that it hears.

use std::time::Duration;

use serde_json::Value;
use understudy_devtools::{Devtools, Page};
use understudy_e2e::wait;

use super::client::SOON;
use crate::support::session::Session;

/// What was pressed and let go of, as the page hears it; not what a key that is held says again and again.
const LISTEN: &str = "window.keys = [];
    for (const kind of ['keydown', 'keyup'])
        addEventListener(kind, ({ key, repeat }) => repeat || keys.push(kind + ' ' + key), true);
    window.focus(); true";

pub struct Typed {
    page: Page,
    _devtools: Devtools,
}

impl Typed {
    /// From now on.
    pub async fn at(session: &Session) -> Self {
        let url = format!("ws://{}/", session.devtools());
        let connected = || async { Devtools::connect(&url).await.map_err(|error| error.to_string()) };
        let ((devtools, _reader), _) = wait::until(SOON, connected).await;
        let page = Page::first(&devtools).await.unwrap();
        page.evaluate(LISTEN).await.unwrap();
        Self { page, _devtools: devtools }
    }

    /// Waits until that was heard; all that was.
    pub async fn until(&self, last: &str, patience: Duration) -> Vec<String> {
        self.until_any(&[last], patience).await
    }

    /// The same of one of these.
    pub async fn until_any(&self, lasts: &[&str], patience: Duration) -> Vec<String> {
        let heard = || async {
            let keys = self.heard().await?;
            let is_last = keys.iter().any(|key| lasts.contains(&key.as_str()));
            if is_last { Ok(keys) } else { Err(format!("{keys:?}")) }
        };
        wait::until(patience, heard).await.0
    }

    /// What was heard until now is no more.
    pub async fn forget(&self) {
        self.page.evaluate("keys.length = 0").await.unwrap();
    }

    /// All that was, until now.
    pub async fn heard(&self) -> Result<Vec<String>, String> {
        let keys: Value = self.page.evaluate("keys").await.map_err(|error| error.to_string())?;
        Ok(serde_json::from_value(keys).unwrap())
    }
}
