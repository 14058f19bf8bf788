//! The page in the browser's tab: loading it, and noticing when it is gone.

use chromiumoxide::cdp::browser_protocol::inspector::EventTargetCrashed;
use chromiumoxide::cdp::browser_protocol::network::{EventResponseReceived, ResourceType};
use chromiumoxide::error::CdpError;
use futures::{FutureExt, StreamExt};

/// One tab.
#[derive(Clone, Debug)]
pub struct Page(chromiumoxide::Page);

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Unreachable(String),
    #[error("the server answered {0}")]
    Status(i64),
    #[error("DevTools does not answer: {0}")]
    Devtools(#[from] CdpError),
}

impl Page {
    pub(super) fn new(page: chromiumoxide::Page) -> Self {
        Self(page)
    }

    /// Loads `url`; done when the document and its resources are there.
    pub async fn load(&self, url: &str) -> Result<(), Trouble> {
        let mut responses = self.0.event_listener::<EventResponseReceived>().await?;
        match self.0.goto(url).await {
            Ok(_) => {}
            Err(CdpError::ChromeMessage(text)) => return Err(Trouble::Unreachable(text)),
            Err(error) => return Err(error.into()),
        }
        // The events came before the answer: what is not there now did not happen.
        while let Some(Some(event)) = responses.next().now_or_never() {
            if event.r#type == ResourceType::Document && event.response.status >= 400 {
                return Err(Trouble::Status(event.response.status));
            }
        }
        Ok(())
    }

    /// Resolves when the page's process has crashed.
    pub async fn crashed(&self) -> Result<(), CdpError> {
        let mut crashes = self.0.event_listener::<EventTargetCrashed>().await?;
        crashes.next().await;
        Ok(())
    }

    /// Evaluates JavaScript in the page and returns its value as JSON.
    pub async fn evaluate(&self, script: &str) -> Result<serde_json::Value, CdpError> {
        Ok(self.0.evaluate(script).await?.value().cloned().unwrap_or_default())
    }
}
