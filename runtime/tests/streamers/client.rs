//! Who asks and who watches.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};
use understudy_e2e::wait;

use crate::support::session::Session;

/// On a machine that does more than this.
pub const SOON: Duration = Duration::from_secs(40);

/// What the source system's clients ask for.
pub fn body(id: &str) -> Value {
    let mut body = media();
    body["streamer_id"] = id.into();
    body["client_unique_id"] = "helix".into();
    body
}

fn media() -> Value {
    json!({
        "host_id": 0, "app_id": 0, "bitrate": 20000, "packet_size": 1024, "fps": 60, "width": 1920, "height": 1080,
        "video_sample_queue_size": 10, "play_audio_local": false, "audio_sample_queue_size": 10,
        "video_supported_formats": 1, "video_colorspace": "Rec709", "video_color_range_full": false,
    })
}

/// The first message of the older socket, with these fields besides.
pub fn first(more: &Value) -> String {
    let mut fields = media();
    fields["credentials"] = "".into();
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    json!({ "AuthenticateAndInit": fields }).to_string()
}

/// The answer to a request, its body as JSON; nothing is null, and whoever does not listen yet answers 0.
pub async fn ask(session: &Session, method: Method, path: &str, body: Option<String>) -> (u16, Value) {
    let request = Client::new().request(method, session.url(path));
    let request = body.into_iter().fold(request, reqwest::RequestBuilder::body);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return (0, error.to_string().into()),
    };
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or_else(|_| text.into()))
}

/// One that shows something, of that id.
pub async fn active(session: &Session, id: &str) -> Value {
    let begun = || async {
        let (status, told) =
            ask(session, Method::POST, "/api/streamers?wait=30", Some(body(id).to_string())).await;
        if status == 200 { Ok(told) } else { Err(told.to_string()) }
    };
    let (told, _) = wait::until(SOON, begun).await;
    assert_eq!(told["status"], "active", "{told}");
    told
}

/// A streamer with so many who watch.
pub async fn until_watched(session: &Session, id: &str, peers: usize) -> Value {
    let watched = || async {
        let (status, told) = ask(session, Method::GET, &format!("/api/streamers/{id}"), None).await;
        let is_so = status == 200 && told["peers"].as_array().is_some_and(|all| all.len() == peers);
        if is_so { Ok(told) } else { Err(told.to_string()) }
    };
    wait::until(SOON, watched).await.0
}

/// One socket, and what it was told.
pub struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

pub fn at(session: &Session, path: &str) -> String {
    session.url(path).replace("http://", "ws://")
}

impl Socket {
    pub async fn open(url: &str) -> Self {
        Self::knock(url, &[]).await.unwrap()
    }

    /// With these headers; or how it was answered.
    pub async fn knock(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, (u16, String)> {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Self::of(connect_async(request).await)
    }

    /// From that address of this machine, to a session on it.
    pub async fn knock_from(from: Ipv4Addr, session: &Session, path: &str) -> Result<Self, (u16, String)> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(session.http_at(Ipv4Addr::LOCALHOST.into())).await.unwrap();
        Self::of(client_async(at(session, path), MaybeTlsStream::Plain(stream)).await)
    }

    fn of(
        answered: Result<(WebSocketStream<MaybeTlsStream<TcpStream>>, Response), Error>,
    ) -> Result<Self, (u16, String)> {
        match answered {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(answer)) => {
                let text = String::from_utf8(answer.body().clone().unwrap_or_default()).unwrap();
                Err((answer.status().as_u16(), text))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn says(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).await.unwrap();
    }

    /// The next message; none: it is closed, with that.
    pub async fn hears(&mut self) -> Result<Value, Option<(u16, String)>> {
        loop {
            let said =
                tokio::time::timeout(SOON, self.socket.next()).await.expect("it must be told something");
            match said {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                }
                Some(Ok(Message::Pong(_))) => return Ok("pong".into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Asks that of who steers.
    pub async fn asks(&mut self, what: &str) {
        self.says(Message::text(json!({ "Steering": what }).to_string())).await;
    }

    /// Once it is told that it stands so: what it is told of who steers.
    pub async fn stands(&mut self, you: &str) -> Value {
        self.asks("state").await;
        loop {
            let (_, told) = self.until("Steering").await;
            if told["Steering"]["you"] == you {
                return told["Steering"].clone();
            }
        }
    }

    /// Whether it has been sent away by the time it could have an answer.
    pub async fn is_kicked(&mut self) -> bool {
        // Who is gone takes nothing.
        let asked = json!({"Steering": "state"}).to_string();
        drop(self.socket.send(Message::text(asked)).await);
        loop {
            match self.hears().await {
                Ok(told) if told == "ClientKicked" => return true,
                Ok(told) if told.get("Steering").is_some() => return false,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// The names of the messages until the one of that name, with that.
    pub async fn until(&mut self, name: &str) -> (Vec<String>, Value) {
        let mut names = Vec::new();
        loop {
            let told = self.hears().await.unwrap_or_else(|end| panic!("{names:?}, then {end:?}"));
            let told_name = name_of(&told);
            names.push(told_name.clone());
            if told_name == name {
                return (names, told);
            }
        }
    }

    /// The names of the messages until it is closed, and how.
    pub async fn until_the_end(&mut self) -> (Vec<String>, Option<u16>) {
        let mut names = Vec::new();
        loop {
            match self.hears().await {
                Ok(told) => names.push(name_of(&told)),
                Err(end) => return (names, end.map(|(code, _)| code)),
            }
        }
    }
}

fn name_of(told: &Value) -> String {
    let name = told.as_str().or_else(|| told.as_object()?.keys().next().map(String::as_str));
    name.unwrap_or_else(|| panic!("{told} has no name")).to_owned()
}
