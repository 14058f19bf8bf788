//! One page in a tab: loading it, and noticing when it is gone.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::connection::{Devtools, Error, Event};
use super::loading::{COMMIT_DEADLINE, Loading, Trouble};

/// From the document to its `load` event. A page that streams never fires it and is shown all the same.
const LOAD_DEADLINE: Duration = Duration::from_secs(8);

/// How often a page that says nothing is asked whether it is there.
const LOOK_EACH: Duration = Duration::from_secs(30);

/// A page may be busy for once; one that does not answer so often stands still.
const LOOKS: u32 = 2;

/// The dialogs that a page opens, from now on.
#[derive(Debug)]
pub struct Dialogs {
    page: Page,
    events: Receiver<Event>,
}

/// One tab, attached.
#[derive(Clone, Debug)]
pub struct Page {
    devtools: Devtools,
    session: String,
}

impl Page {
    /// Attaches to the browser's first tab.
    pub async fn first(devtools: &Devtools) -> Result<Self, Error> {
        let targets = devtools.call(None, "Target.getTargets", json!({})).await?;
        let pages = targets["targetInfos"].as_array().into_iter().flatten();
        match pages.filter(|target| target["type"] == "page").find_map(|t| t["targetId"].as_str()) {
            Some(id) => Self::attach(devtools, id).await,
            None => Self::open(devtools).await,
        }
    }

    /// Opens a tab of its own.
    pub async fn open(devtools: &Devtools) -> Result<Self, Error> {
        let made = devtools.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await?;
        Self::attach(devtools, made["targetId"].as_str().unwrap_or_default()).await
    }

    async fn attach(devtools: &Devtools, target: &str) -> Result<Self, Error> {
        let wish = json!({ "targetId": target, "flatten": true });
        let attached = devtools.call(None, "Target.attachToTarget", wish).await?;
        let session = attached["sessionId"].as_str().unwrap_or_default().to_owned();
        let page = Self { devtools: devtools.clone(), session };
        for domain in ["Page.enable", "Inspector.enable"] {
            page.call(domain, json!({})).await?;
        }
        page.call("Page.setLifecycleEventsEnabled", json!({ "enabled": true })).await?;
        Ok(page)
    }

    /// Loads `url`; done when the document and its resources are there.
    pub async fn load(&self, url: &str) -> Result<(), Trouble> {
        // Only now: a page's own traffic would fill the queue for as long as it lives.
        self.call("Network.enable", json!({})).await?;
        let loaded = self.navigate(url).await;
        self.call("Network.disable", json!({})).await?;
        loaded
    }

    async fn navigate(&self, url: &str) -> Result<(), Trouble> {
        let mut events = self.devtools.events();
        // The answer comes with the first bytes of the document, or with the reason that there are none.
        let wish = json!({ "url": url, "referrerPolicy": "noReferrer" });
        let navigate = self.devtools.call_within(COMMIT_DEADLINE, Some(&self.session), "Page.navigate", wish);
        let navigated = match navigate.await {
            Err(Error::Timeout(_)) => return Err(Trouble::Silent),
            navigated => navigated?,
        };
        if let Some(text) = navigated["errorText"].as_str().filter(|text| !text.is_empty()) {
            // An answer without a document is told as one that did not come.
            let refused = refused(&self.session, &mut events).map(Trouble::Status);
            return Err(refused.unwrap_or_else(|| Trouble::Unreachable(text.to_owned())));
        }
        let Some(loader) = navigated["loaderId"].as_str() else { return Ok(()) }; // the same document
        let frame = navigated["frameId"].as_str().unwrap_or_default();
        let mut loading = Loading::new(frame, loader);
        let loaded = async {
            loop {
                let event = self.next(&mut events).await?;
                if let Some(done) = loading.on(&event.method, &event.params) {
                    return done;
                }
            }
        };
        tokio::time::timeout(LOAD_DEADLINE, loaded).await.unwrap_or_else(|_| {
            let after_seconds = LOAD_DEADLINE.as_secs();
            tracing::warn!(after_seconds, "the page is still loading and is shown as it is");
            Ok(())
        })
    }

    /// Resolves when the page's process has crashed, stands still, or its tab is gone.
    pub async fn crashed(&self) -> Error {
        let mut events = self.devtools.events();
        let crash = async {
            loop {
                match self.next(&mut events).await {
                    Ok(event) if event.method == "Inspector.targetCrashed" => return Error::Closed,
                    Ok(_) => {}
                    Err(error) => return error,
                }
            }
        };
        // A crash between loading and now is told to nobody: a dead page does not answer either.
        tokio::select! {
            error = crash => error,
            error = self.stands_still() => error,
        }
    }

    /// Resolves when it has not answered for a while.
    async fn stands_still(&self) -> Error {
        let mut missed = 0;
        loop {
            match self.evaluate("1").await {
                // Whoever refuses is there: a page that goes on to another while it is asked has no answer to give.
                Ok(_) | Err(Error::Refused { .. }) => missed = 0,
                Err(error @ Error::Timeout(_)) => {
                    missed += 1;
                    if missed == LOOKS {
                        return error;
                    }
                }
                Err(error) => return error,
            }
            tokio::time::sleep(LOOK_EACH).await;
        }
    }

    /// What it opens from now on.
    pub fn dialogs(&self) -> Dialogs {
        Dialogs { page: self.clone(), events: self.devtools.events() }
    }

    /// Evaluates JavaScript in the page, awaiting promises, and returns its value as JSON.
    pub async fn evaluate(&self, script: &str) -> Result<Value, Error> {
        let wish = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut done = self.call("Runtime.evaluate", wish).await?;
        if let Some(text) = done["exceptionDetails"]["exception"]["description"].as_str() {
            return Err(Error::Refused { method: "Runtime.evaluate", message: text.to_owned() });
        }
        Ok(done["result"]["value"].take())
    }

    /// From now on as on a phone with a screen of that many CSS pixels, which is touched.
    pub async fn becomes_phone(&self, (width, height): (u32, u32)) -> Result<(), Error> {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.call("Emulation.setDeviceMetricsOverride", screen).await?;
        self.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await?;
        Ok(())
    }

    /// Whoever sits before it does this: a command of the protocol's domain `Input`.
    pub async fn hands(&self, method: &'static str, params: Value) -> Result<(), Error> {
        self.call(method, params).await?;
        Ok(())
    }

    /// From now on for who likes light pages, or dark ones.
    pub async fn prefers(&self, scheme: &str) -> Result<(), Error> {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        Ok(())
    }

    /// Takes its network away, or gives it back.
    pub async fn goes_offline(&self, offline: bool) -> Result<(), Error> {
        let network =
            json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.call("Network.emulateNetworkConditions", network).await?;
        Ok(())
    }

    /// The page as PNG, in base64.
    pub async fn screenshot(&self) -> Result<String, Error> {
        let done = self.call("Page.captureScreenshot", json!({ "format": "png" })).await?;
        Ok(done["data"].as_str().unwrap_or_default().to_owned())
    }

    /// What the browser tells of it from now on.
    pub(crate) fn events(&self) -> Receiver<Event> {
        self.devtools.events()
    }

    /// The next event of this page. Those that were missed in a rush may have been what was waited for.
    pub(crate) async fn next(&self, events: &mut Receiver<Event>) -> Result<Event, Error> {
        loop {
            match events.recv().await {
                Ok(event) if event.session.as_ref() == Some(&self.session) => return Ok(event),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "what the browser told of a page was missed");
                }
                Err(RecvError::Closed) => return Err(Error::Closed),
            }
        }
    }

    pub(crate) async fn call(&self, method: &'static str, params: Value) -> Result<Value, Error> {
        self.devtools.call(Some(&self.session), method, params).await
    }
}

/// The status of a document that was told of before, if that is none of success.
fn refused(session: &str, events: &mut Receiver<Event>) -> Option<u64> {
    let mut told = std::iter::from_fn(|| events.try_recv().ok());
    told.find_map(|event| {
        let is_ours = event.session.as_deref() == Some(session) && event.method == "Network.responseReceived";
        event.params["response"]["status"].as_u64().filter(|status| is_ours && *status >= 400)
    })
}

impl Dialogs {
    /// The kind of the next one: `alert`, `confirm`, `prompt` or `beforeunload`. It is answered by itself if nobody else does; what
    /// it says is the page's own and not told. Resolves to none when the page is gone.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let event = self.page.next(&mut self.events).await.ok()?;
            if event.method == "Page.javascriptDialogOpening" {
                return Some(event.params["type"].as_str().unwrap_or("unknown").to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{SinkExt, StreamExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio_tungstenite::tungstenite::Message;

    use super::*;

    /// Long enough for an answer on loopback.
    const WHILE: Duration = Duration::from_millis(500);

    /// A page of a browser that answers each command with what `answers` says, a message each; and what it was asked.
    async fn page(
        answers: impl Fn(&str, u64) -> Vec<Value> + Send + 'static,
    ) -> (Page, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let (asked, asks) = mpsc::channel(64);
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            while let Some(Ok(Message::Text(text))) = socket.next().await {
                let command: Value = serde_json::from_str(text.as_str()).unwrap();
                let method = command["method"].as_str().unwrap();
                for mut told in answers(method, command["id"].as_u64().unwrap()) {
                    told["sessionId"] = "s".into();
                    socket.send(Message::text(told.to_string())).await.unwrap();
                }
                drop(asked.send(method.to_owned()).await); // nobody need know
            }
        });
        let (devtools, _) = Devtools::connect(&url).await.unwrap();
        (Page { devtools, session: "s".to_owned() }, asks)
    }

    /// As Chromium puts it.
    fn refused(id: u64, code: i64, message: &str) -> Vec<Value> {
        vec![json!({"id": id, "error": {"code": code, "message": message}})]
    }

    #[tokio::test]
    async fn a_page_that_goes_on_to_another_while_it_is_asked_lives() {
        let refuse = |_: &str, id| refused(id, -32000, "Inspected target navigated or closed");
        let (page, mut asked) = page(refuse).await;
        let crashed = tokio::time::timeout(WHILE, page.crashed()).await;
        assert!(crashed.is_err(), "{crashed:?}");
        assert_eq!(asked.recv().await.unwrap(), "Runtime.evaluate");
    }

    #[tokio::test]
    async fn a_tab_that_is_closed_is_gone() {
        let refuse = |_: &str, id| refused(id, -32001, "Session with given id not found.");
        let (page, _) = page(refuse).await;
        assert!(matches!(tokio::time::timeout(WHILE, page.crashed()).await, Ok(Error::Gone)));
    }

    #[tokio::test]
    async fn an_answer_without_a_document_is_no_answer_that_did_not_come() {
        let answer = |method: &str, id| {
            let response = json!({"status": 404});
            let params = json!({"frameId": "f", "loaderId": "l", "type": "Document", "response": response});
            let told = json!({"method": "Network.responseReceived", "params": params});
            let why = "net::ERR_HTTP_RESPONSE_CODE_FAILURE";
            let answer = json!({"id": id, "result": {"frameId": "f", "loaderId": "l", "errorText": why}});
            if method == "Page.navigate" { vec![told, answer] } else { vec![answer] }
        };
        let (page, _asked) = page(answer).await;
        let loaded = page.load("http://a.example/").await;
        assert!(matches!(loaded, Err(Trouble::Status(404))), "{loaded:?}");
    }

    #[tokio::test]
    async fn a_page_s_own_traffic_hides_nothing_of_its_loading() {
        let response = |kind: &str, status: u64| {
            let response = json!({"status": status});
            let params = json!({"frameId": "f", "loaderId": "l", "type": kind, "response": response});
            json!({"method": "Network.responseReceived", "params": params})
        };
        let answer = move |method: &str, id| {
            let mut told = Vec::new();
            if method == "Page.navigate" {
                told.push(response("Document", 503));
                told.extend((0..1000).map(|_| response("Image", 200)));
            }
            told.push(json!({"id": id, "result": {"frameId": "f", "loaderId": "l"}}));
            told
        };
        let (page, _asked) = page(answer).await;
        let loaded = page.load("http://a.example/").await;
        assert!(matches!(loaded, Err(Trouble::Status(503))), "{loaded:?}");
    }
}
