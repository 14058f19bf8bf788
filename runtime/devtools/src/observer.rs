//! A page under observation: a script that runs before its own in each of its documents, and tells what it sees there. And how
//! a page is left for certain.
//!
//! Source: Chrome DevTools Protocol, `Page.addScriptToEvaluateOnNewDocument`, `Runtime.addBinding`, `Page.frameNavigated`,
//! `Page.crash`.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use super::connection::{Error, Event};
use super::page::Page;

const BLANK: &str = "about:blank";

/// From being told to crash until a document's process has.
const CRASH: Duration = Duration::from_secs(2);

/// How often, and when, a browser that refuses to forget a page is asked again.
const FORGETS: u32 = 5;
const FORGET_EACH: Duration = Duration::from_millis(20);

/// A page that is observed until [`Self::end`].
#[derive(Debug)]
pub struct Observer {
    page: Page,
    events: Receiver<Event>,
    /// What the browser calls the script.
    script: String,
    binding: String,
}

/// Something of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The script has said so, in one of the page's documents.
    Told(String),
    /// There is another document in the page's own frame, of this origin as browsers write it.
    Went {
        origin: String,
    },
    /// There was to be, and it could not be reached.
    WentNowhere,
    Crashed,
}

impl Page {
    /// From the next document on `script` runs before the scripts of each document of the page and of its frames in the same
    /// process. What it gives to the function `binding` of its window, a text, is told.
    pub async fn observe(&self, binding: &str, script: &str) -> Result<Observer, Error> {
        let events = self.events();
        // Without it a binding does not come along into another process.
        self.call("Runtime.enable", json!({})).await?;
        self.call("Runtime.addBinding", json!({ "name": binding })).await?;
        let added = self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await?;
        let script = added["identifier"].as_str().unwrap_or_default().to_owned();
        Ok(Observer { page: self.clone(), events, script, binding: binding.to_owned() })
    }

    /// Shows nothing any more. The document that it showed is gone: it was told so and given that long, and killed if it took
    /// longer.
    pub async fn leave(&self, goodbye: Duration) -> Result<(), Error> {
        let left = tokio::time::timeout(goodbye, self.show_nothing()).await;
        if let Ok(left @ (Ok(()) | Err(Error::Closed | Error::Gone))) = left {
            return left;
        }
        tracing::warn!(?goodbye, "a page does not leave in time, and is killed");
        self.crash().await?;
        // What has crashed answers no command until it is something else.
        let left = tokio::time::timeout(CRASH, self.show_nothing());
        left.await.unwrap_or(Err(Error::Timeout("Page.navigate")))
    }

    async fn show_nothing(&self) -> Result<(), Error> {
        let mut events = self.events();
        let method = "Page.navigate";
        let navigated = self.call(method, json!({ "url": BLANK })).await?;
        if let Some(why) = navigated["errorText"].as_str().filter(|why| !why.is_empty()) {
            return Err(Error::Refused { method, message: why.to_owned() });
        }
        // The answer may come before the document has changed.
        while !is_loaded(&self.next(&mut events).await?, &navigated["loaderId"]) {}
        self.forget().await;
        Ok(())
    }

    /// Nobody goes back to what was there. While its process is still being replaced the browser refuses that; what is gone is gone
    /// all the same.
    async fn forget(&self) {
        for _ in 0..FORGETS {
            match self.call("Page.resetNavigationHistory", json!({})).await {
                Err(Error::Refused { .. }) => tokio::time::sleep(FORGET_EACH).await,
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Whatever its scripts do. Who crashes does not answer, and is heard to have crashed.
    async fn crash(&self) -> Result<(), Error> {
        let mut events = self.events();
        let crashed = async {
            while self.next(&mut events).await?.method != "Inspector.targetCrashed" {}
            Ok(())
        };
        let asked = async {
            drop(self.call("Page.crash", json!({})).await);
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            crashed = tokio::time::timeout(CRASH, crashed) => {
                crashed.unwrap_or(Err(Error::Timeout("Page.crash")))
            }
            never = asked => match never {},
        }
    }
}

impl Observer {
    /// What is seen next.
    pub async fn next(&mut self) -> Result<Seen, Error> {
        loop {
            let event = self.page.next(&mut self.events).await?;
            if let Some(seen) = seen(&event, &self.binding) {
                return Ok(seen);
            }
        }
    }

    /// The documents that come are not observed.
    pub async fn end(self) -> Result<(), Error> {
        let script = json!({ "identifier": self.script });
        self.page.call("Page.removeScriptToEvaluateOnNewDocument", script).await?;
        self.page.call("Runtime.removeBinding", json!({ "name": self.binding })).await?;
        self.page.call("Runtime.disable", json!({})).await?;
        Ok(())
    }
}

fn is_loaded(event: &Event, loader: &Value) -> bool {
    event.method == "Page.frameNavigated" && event.params["frame"]["loaderId"] == *loader
}

fn seen(event: &Event, binding: &str) -> Option<Seen> {
    match event.method.as_str() {
        "Runtime.bindingCalled" if event.params["name"] == binding => {
            event.params["payload"].as_str().map(|text| Seen::Told(text.to_owned()))
        }
        "Page.frameNavigated" if event.params["frame"]["parentId"].is_null() => {
            let frame = &event.params["frame"];
            let nowhere = frame["unreachableUrl"].as_str().is_some_and(|url| !url.is_empty());
            let origin = frame["securityOrigin"].as_str().unwrap_or_default().to_owned();
            Some(if nowhere { Seen::WentNowhere } else { Seen::Went { origin } })
        }
        "Inspector.targetCrashed" => Some(Seen::Crashed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(method: &str, params: Value) -> Option<Seen> {
        seen(&Event { session: None, method: method.to_owned(), params }, "tells")
    }

    #[test]
    fn only_the_script_and_the_page_s_own_frame_are_heard() {
        let told = |name: &str, payload: Value| json!({ "name": name, "payload": payload });
        let called = "Runtime.bindingCalled";
        assert_eq!(sees(called, told("tells", "a".into())), Some(Seen::Told("a".into())));
        assert_eq!(sees(called, told("other", "a".into())), None);
        assert_eq!(sees(called, told("tells", 7.into())), None);
        let origin = "https://meet.example.org";
        let went = |parent: Value, unreachable: &str| {
            let frame = json!({"securityOrigin": origin, "parentId": parent, "unreachableUrl": unreachable});
            sees("Page.frameNavigated", json!({ "frame": frame }))
        };
        assert_eq!(went(Value::Null, ""), Some(Seen::Went { origin: origin.into() }));
        assert_eq!(went(Value::Null, "https://a"), Some(Seen::WentNowhere));
        assert_eq!(went("top".into(), ""), None);
        assert_eq!(sees("Inspector.targetCrashed", json!({})), Some(Seen::Crashed));
        assert_eq!(sees("Page.frameStartedLoading", json!({})), None);
    }
}
