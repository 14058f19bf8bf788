//! What a tab tells while a page is loaded, and what comes of it. Pure.
//!
//! A page may lead on to another before it is there: then it is that one which counts.
//!
//! Source: Chrome DevTools Protocol, `Page.frameNavigated`, `Page.lifecycleEvent`, `Network.responseReceived`.

use std::time::Duration;

use serde_json::Value;

use super::connection::Error;

/// A server that has not sent the document by then is not going to.
pub(crate) const COMMIT_DEADLINE: Duration = Duration::from_secs(30);

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Unreachable(String),
    /// A script or a refresh of the page goes there. Its address is the page's own and not told.
    #[error("the page leads on to one that cannot be reached")]
    LedNowhere,
    #[error("the server answered {0}")]
    Status(u64),
    #[error("the server did not answer within {} s", COMMIT_DEADLINE.as_secs())]
    Silent,
    #[error(transparent)]
    Devtools(#[from] Error),
}

/// A tab that loads a page.
#[derive(Debug)]
pub(crate) struct Loading {
    /// The tab's own frame, which holds the page.
    frame: String,
    /// The document in it, or on its way there.
    loader: String,
    /// What was told before the document came is about the one before.
    there: bool,
}

impl Loading {
    pub(crate) fn new(frame: &str, loader: &str) -> Self {
        Self { frame: frame.to_owned(), loader: loader.to_owned(), there: false }
    }

    /// Something that the tab told. None: it goes on loading.
    pub(crate) fn on(&mut self, method: &str, params: &Value) -> Option<Result<(), Trouble>> {
        match method {
            // Of another document that the page leads on to it is told before the frame has it.
            "Network.responseReceived" if self.is_document(params) => {
                let status = params["response"]["status"].as_u64().unwrap_or_default();
                (status >= 400).then_some(Err(Trouble::Status(status)))
            }
            "Page.frameNavigated" if params["frame"]["id"] == self.frame => {
                let frame = &params["frame"];
                let loader = frame["loaderId"].as_str().unwrap_or_default();
                self.there = self.there || loader == self.loader;
                if !self.there {
                    return None;
                }
                loader.clone_into(&mut self.loader);
                let unreachable = frame["unreachableUrl"].as_str().is_some_and(|url| !url.is_empty());
                unreachable.then_some(Err(Trouble::LedNowhere))
            }
            "Page.lifecycleEvent" if params["loaderId"] == self.loader && params["name"] == "load" => {
                Some(Ok(()))
            }
            "Inspector.targetCrashed" => Some(Err(Trouble::Devtools(Error::Closed))),
            _ => None,
        }
    }

    fn is_document(&self, response: &Value) -> bool {
        let next = self.there && response["frameId"] == self.frame;
        response["type"] == "Document" && (response["loaderId"] == self.loader || next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(events: &[(&str, Value)]) -> Option<String> {
        let mut loading = Loading::new("frame", "first");
        let done = events.iter().find_map(|(method, params)| loading.on(method, params))?;
        Some(done.map_or_else(|trouble| trouble.to_string(), |()| "loaded".to_owned()))
    }

    fn load(loader: &str) -> (&'static str, Value) {
        ("Page.lifecycleEvent", json!({"frameId": "frame", "loaderId": loader, "name": "load"}))
    }

    fn navigated(frame: &str, loader: &str, unreachable: &str) -> (&'static str, Value) {
        let frame = json!({"id": frame, "loaderId": loader, "unreachableUrl": unreachable});
        ("Page.frameNavigated", json!({ "frame": frame }))
    }

    fn answered(frame: &str, loader: &str, status: u64) -> (&'static str, Value) {
        let response = json!({ "status": status });
        let told = json!({"frameId": frame, "loaderId": loader, "type": "Document", "response": response});
        ("Network.responseReceived", told)
    }

    #[test]
    fn only_the_documents_own_load_counts() {
        let before = [
            navigated("frame", "before", "http://a.example/"),
            load("before"),
            answered("frame", "before", 404),
        ];
        assert_eq!(told(&before), None);
        assert_eq!(told(&[("Page.loadEventFired", json!({}))]), None);
        assert_eq!(told(&[load("before"), load("first")]).as_deref(), Some("loaded"));
    }

    #[test]
    fn a_page_that_leads_on_is_what_it_leads_to() {
        let first = || navigated("frame", "first", "");
        let on = || navigated("frame", "second", "");
        assert_eq!(told(&[first(), on(), load("first")]), None);
        assert_eq!(told(&[first(), on(), load("second")]).as_deref(), Some("loaded"));
        let nowhere = told(&[first(), navigated("frame", "second", "http://a.example/"), load("second")]);
        assert_eq!(nowhere.as_deref(), Some("the page leads on to one that cannot be reached"));
        let refused =
            told(&[answered("frame", "first", 200), first(), answered("frame", "second", 503), on()]);
        assert_eq!(refused.as_deref(), Some("the server answered 503"));
    }

    #[test]
    fn a_frame_inside_of_the_page_is_not_the_page() {
        let first = navigated("frame", "first", "");
        let inside =
            [first, answered("inner", "third", 404), navigated("inner", "third", "http://a.example/")];
        assert_eq!(told(&inside), None);
    }
}
