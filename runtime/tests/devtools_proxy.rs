//! DevTools from outside: before a browser that says back what it hears, and before a real one.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, accept_async_with_config, connect_async, connect_async_with_config,
};
use understudy_devtools::{Devtools, Page};
use understudy_e2e::wait;
use understudy_proto::v1::AccessTokens;
use understudy_runtime::access::{HostNames, Policy};
use understudy_runtime::devtools_proxy::{DevtoolsProxy, Log, router};
use understudy_runtime::seats::Seats;

use crate::support::session::Session;

/// From the start to a browser, on a machine that does more than this.
const START: Duration = Duration::from_secs(40);

/// One message over loopback.
const MESSAGE: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Proxy {
    address: SocketAddr,
    browser: watch::Sender<Option<String>>,
}

impl Proxy {
    async fn start(policy: Policy, browser: Option<String>) -> Self {
        let (browser, urls) = watch::channel(browser);
        let policy = watch::channel(policy).1;
        let app = router(DevtoolsProxy { browser: urls, policy, log: Log::Methods, seats: Seats::new(8) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, browser }
    }

    async fn connect(&self, path: &str) -> Result<Socket, Error> {
        let url = format!("ws://{}{path}", self.address);
        connect_async_with_config(url, Some(unlimited()), true).await.map(|(socket, _)| socket)
    }
}

/// The limits shall be the proxy's.
fn unlimited() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(None).max_frame_size(None)
}

/// A browser that says back what it hears.
async fn echo() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = accept_async_with_config(stream, Some(unlimited())).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message == Message::text("leave") {
                        let frame = CloseFrame { code: CloseCode::Library(4001), reason: "told to".into() };
                        socket.close(Some(frame)).await.unwrap();
                    } else if message.is_text() || message.is_binary() {
                        socket.send(message).await.unwrap();
                    }
                }
            });
        }
    });
    format!("ws://{address}/devtools/browser/1")
}

async fn next(socket: &mut Socket) -> Message {
    tokio::time::timeout(MESSAGE, socket.next()).await.expect("it must come in time").unwrap().unwrap()
}

fn status(refused: Result<Socket, Error>) -> u16 {
    match refused.err() {
        Some(Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("not refused over HTTP: {other:?}"),
    }
}

#[tokio::test]
async fn messages_pass_as_they_are_and_so_does_a_close() {
    let proxy = Proxy::start(Policy::Local, Some(echo().await)).await;
    let mut socket = proxy.connect("/devtools/page/whatever").await.unwrap();
    for message in
        [Message::text("{\"id\":1}"), Message::binary(vec![0, 255]), Message::text("x".repeat(70 << 20))]
    {
        socket.send(message.clone()).await.unwrap();
        let back = next(&mut socket).await;
        assert!(back == message, "{} bytes came back as {}", message.len(), back.len());
    }
    socket.send(Message::Ping("hey".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("hey".into()));
    socket.send(Message::text("leave")).await.unwrap();
    let close = loop {
        match next(&mut socket).await {
            Message::Close(frame) => break frame.unwrap(),
            Message::Pong(_) => {} // the browser's own, behind the proxy's
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4001, "told to"));
}

#[tokio::test]
async fn a_connection_ends_with_its_browser_and_the_next_goes_to_the_next() {
    let proxy = Proxy::start(Policy::Local, Some(echo().await)).await;
    let mut socket = proxy.connect("/").await.unwrap();
    proxy.browser.send_replace(Some(echo().await));
    let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("not closed") };
    assert_eq!(u16::from(frame.code), 1012);
    let mut socket = proxy.connect("/").await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    proxy.browser.send_replace(None);
    assert!(next(&mut socket).await.is_close());
    assert_eq!(status(proxy.connect("/").await), 503);
}

#[tokio::test]
async fn with_tokens_the_browser_is_steered_by_those_with_control() {
    let tokens = AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() };
    let proxy = Proxy::start(Policy::Tokens(Box::new(tokens)), Some(echo().await)).await;
    for (query, expected) in [("", 401), ("?token=x", 401), ("?token=v", 403)] {
        assert_eq!(status(proxy.connect(&format!("/{query}")).await), expected, "{query}");
        let version = reqwest::get(format!("http://{}/json/version{query}", proxy.address)).await.unwrap();
        assert_eq!(version.status(), expected, "{query}");
    }
    proxy.connect("/?token=c").await.unwrap();
    let mut request = format!("ws://{}/", proxy.address).into_client_request().unwrap();
    request.headers_mut().insert("authorization", "Bearer a".parse().unwrap());
    connect_async(request).await.unwrap();
}

#[tokio::test]
async fn another_sites_page_does_not_steer_even_an_open_browser() {
    let proxy = Proxy::start(Policy::Open(HostNames::default()), Some(echo().await)).await;
    let mut request = format!("ws://{}/", proxy.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://elsewhere.example".parse().unwrap());
    assert_eq!(status(connect_async(request).await.map(|(socket, _)| socket)), 403);
    proxy.connect("/").await.unwrap();
}

async fn version(session: &Session) -> Result<String, String> {
    let url = format!("http://{}/json/version", session.devtools());
    let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
    let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
    let document: Value = serde_json::from_str(&text).map_err(|_| format!("{status} {text}"))?;
    Ok(document["webSocketDebuggerUrl"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_browser_is_steered_and_so_is_the_one_after_it() {
    let session = Session::live(include_str!("../../examples/session.yaml")).await;
    let url = version(&session).await.unwrap();
    assert_eq!(url, format!("ws://{}", session.devtools()));
    let (devtools, first) = Devtools::connect(&url).await.unwrap();
    let product = devtools.call(None, "Browser.getVersion", json!({})).await.unwrap();
    assert!(product["product"].as_str().unwrap_or_default().contains("Chrome"), "{product}");
    // The answer is larger than what WebSocket libraries take unasked.
    let page = Page::first(&devtools).await.unwrap();
    let large = page.evaluate("'x'.repeat(40 << 20)").await.unwrap();
    assert_eq!(large.as_str().unwrap_or_default().len(), 40 << 20);

    kill(session.children("chromium")[0], Signal::SIGKILL).unwrap();
    tokio::time::timeout(START, first).await.expect("the connection must end with its browser").unwrap();
    let (second, _) = wait::until(START, || async {
        let (devtools, _) = Devtools::connect(&url).await.map_err(|error| error.to_string())?;
        devtools.call(None, "Browser.getVersion", json!({})).await.map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(second["product"], product["product"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_browser_there_is_nothing_to_steer() {
    let session = Session::start("{}");
    session.until_reason("PageReady", "NotWanted").await;
    assert_eq!(version(&session).await.unwrap_err(), "503 Service Unavailable upstream not ready");
}

/// What a session with these variables has told once its page was asked for a word and said it.
async fn log_of_a_talk(variables: &[(&str, &str)]) -> String {
    let session = Session::idle_with(variables);
    session.until_reason("PageReady", "Loaded").await;
    let (devtools, _) = Devtools::connect(&version(&session).await.unwrap()).await.unwrap();
    let page = Page::first(&devtools).await.unwrap();
    assert_eq!(page.evaluate("'whisper'.repeat(2)").await.unwrap(), "whisperwhisper");
    session.log()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_methods_of_messages_are_in_the_log_if_asked_for_and_what_is_in_them_never_is() {
    let log = log_of_a_talk(&[("LOG_CDP_MESSAGES", "true")]).await;
    for told in [
        r#"direction="to the browser" method="Runtime.evaluate""#,
        r#"direction="to the client" method="Target.attachedToTarget""#,
    ] {
        assert!(log.contains(told), "{told} is not in: {log}");
    }
    assert!(!log.contains("whisper"), "{log}");
    let log = log_of_a_talk(&[]).await;
    assert!(log.contains("listening"), "something is told: {log}");
    assert!(!log.contains("DevTools message") && !log.contains("Runtime.evaluate"), "{log}");
}
