//! A small client of the Chrome DevTools Protocol: commands, answers and events over one WebSocket.
//!
//! Messages stay JSON: a dozen commands are used, and a browser newer than this code may say more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::dialog::Dialogs;

/// A command that is not answered in this time never will be.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// Commands and events in flight: far more than one page causes at once of what is told on. A listener that falls behind misses
/// the oldest events, and is told so.
const QUEUE: usize = 256;

/// What JSON-RPC's code of an error is when the attached target is no more (`crdtp::DispatchCode::SESSION_NOT_FOUND` of Chromium).
const SESSION_NOT_FOUND: i64 = -32001;

/// A screenshot is the largest message.
const LARGEST_MESSAGE: usize = 64 << 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A handle on the connection; clones share it. It ends when the last is dropped, or with the browser.
#[derive(Clone, Debug)]
pub struct Devtools {
    commands: mpsc::Sender<Command>,
    events: broadcast::Sender<Event>,
}

/// Something the browser tells unasked.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Which attached target it is about.
    pub(crate) session: Option<String>,
    pub(crate) method: String,
    pub(crate) params: Value,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot connect to DevTools: {0}")]
    Connect(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("DevTools hung up")]
    Closed,
    #[error("DevTools did not answer {0}")]
    Timeout(&'static str),
    #[error("the tab is gone")]
    Gone,
    #[error("DevTools refused {method}: {message}")]
    Refused { method: &'static str, message: String },
}

#[derive(Debug)]
struct Command {
    session: Option<String>,
    method: &'static str,
    params: Value,
    answer: oneshot::Sender<Result<Value, Error>>,
}

impl Devtools {
    /// Connects; the task reads until the browser hangs up.
    pub async fn connect(url: &str) -> Result<(Self, JoinHandle<()>), Error> {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE))
            .max_frame_size(Some(LARGEST_MESSAGE));
        let (socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(limits), true).await?;
        let (commands, inbox) = mpsc::channel(QUEUE);
        let events = broadcast::Sender::new(QUEUE);
        let task = tokio::spawn(serve(socket, inbox, events.clone()));
        Ok((Self { commands, events }, task))
    }

    /// One command to the browser (`session: None`) or to an attached target.
    pub async fn call(
        &self,
        session: Option<&str>,
        method: &'static str,
        params: Value,
    ) -> Result<Value, Error> {
        self.call_within(ANSWER_DEADLINE, session, method, params).await
    }

    /// The same for a command that waits for more than the browser.
    pub async fn call_within(
        &self,
        deadline: Duration,
        session: Option<&str>,
        method: &'static str,
        params: Value,
    ) -> Result<Value, Error> {
        let (answer, answered) = oneshot::channel();
        let command = Command { session: session.map(str::to_owned), method, params, answer };
        self.commands.send(command).await.map_err(|_| Error::Closed)?;
        match tokio::time::timeout(deadline, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::Timeout(method)),
        }
    }

    /// Events from now on that tell how a page fares. A page's traffic would push them out: of what it fetches only documents
    /// are told, and of a document's life only that it has loaded.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

/// Answers that are waited for, by the id of their command.
type Waiting = HashMap<u64, (&'static str, oneshot::Sender<Result<Value, Error>>)>;

async fn serve(mut socket: Socket, mut inbox: mpsc::Receiver<Command>, events: broadcast::Sender<Event>) {
    let (mut waiting, mut dialogs) = (Waiting::new(), Dialogs::default());
    let mut next = 0_u64;
    loop {
        let due = dialogs.due();
        let mut messages = Vec::new();
        tokio::select! {
            // What was told comes first: an answer shall not meet another dialog than the one that it is for.
            biased;
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    if let Some(event) = sort(text.as_str(), &mut waiting) {
                        let session = event.session.as_deref().unwrap_or_default();
                        dialogs.on(session, &event.method, &event.params, Instant::now());
                        if matters(&event) {
                            drop(events.send(event)); // nobody need listen
                        }
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            command = inbox.recv() => {
                let Some(Command { session, method, params, answer }) = command else { return };
                next += 1;
                waiting.insert(next, (method, answer));
                messages.push(message(next, session, method, &params));
            }
            () = until(due) => for answer in dialogs.overdue(Instant::now()) {
                next += 1;
                let params = json!({ "accept": answer.accept });
                messages.push(message(next, Some(answer.session), "Page.handleJavaScriptDialog", &params));
            },
        }
        for message in messages {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

fn message(id: u64, session: Option<String>, method: &str, params: &Value) -> Message {
    let mut message = json!({ "id": id, "method": method, "params": params });
    if let Some(session) = session {
        message["sessionId"] = session.into();
    }
    Message::text(message.to_string())
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// Whether somebody here listens for it.
fn matters(event: &Event) -> bool {
    match event.method.as_str() {
        "Network.responseReceived" => event.params["type"] == "Document",
        "Page.lifecycleEvent" => event.params["name"] == "load",
        "Runtime.bindingCalled" => true,
        // A page writes to its console as much as it likes.
        method => !["Network.", "Runtime."].iter().any(|domain| method.starts_with(domain)),
    }
}

/// An answer goes to whoever waits for it, who need not be there any more; an event is returned.
fn sort(text: &str, waiting: &mut Waiting) -> Option<Event> {
    let mut message = serde_json::from_str::<Value>(text).ok()?;
    if let Some(id) = message["id"].as_u64() {
        let (method, answer) = waiting.remove(&id)?;
        let result = match message.get("error") {
            Some(error) if error["code"] == SESSION_NOT_FOUND => Err(Error::Gone),
            Some(error) => {
                let message = error["message"].as_str().unwrap_or("no reason given").to_owned();
                Err(Error::Refused { method, message })
            }
            None => Ok(message["result"].take()),
        };
        drop(answer.send(result));
        return None;
    }
    let method = message["method"].as_str()?.to_owned();
    let session = message["sessionId"].as_str().map(str::to_owned);
    Some(Event { session, method, params: message["params"].take() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_command_and_a_refusal_says_why() {
        let mut waiting = Waiting::new();
        let (answer, mut first) = oneshot::channel();
        waiting.insert(1, ("A", answer));
        let (answer, mut second) = oneshot::channel();
        waiting.insert(2, ("B", answer));
        assert!(sort(r#"{"id":2,"error":{"code":1,"message":"no"}}"#, &mut waiting).is_none());
        assert!(sort(r#"{"id":1,"result":{"a":7}}"#, &mut waiting).is_none());
        assert_eq!(first.try_recv().unwrap().unwrap()["a"], 7);
        assert_eq!(second.try_recv().unwrap().unwrap_err().to_string(), "DevTools refused B: no");
    }

    #[test]
    fn a_tab_that_is_gone_is_no_refusal() {
        let mut waiting = Waiting::new();
        let (answer, mut answered) = oneshot::channel();
        waiting.insert(1, ("A", answer));
        let told = r#"{"id":1,"error":{"code":-32001,"message":"Session with given id not found."}}"#;
        assert!(sort(told, &mut waiting).is_none());
        assert!(matches!(answered.try_recv(), Ok(Err(Error::Gone))));
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let mut waiting = Waiting::new();
        for text in ["", "[]", "{}", r#"{"id":9,"result":{}}"#, "\u{0}"] {
            assert!(sort(text, &mut waiting).is_none());
        }
        let event = sort(r#"{"method":"New.thing","params":{"x":1},"sessionId":"s"}"#, &mut waiting).unwrap();
        assert_eq!((event.method.as_str(), event.session.as_deref()), ("New.thing", Some("s")));
    }
}
