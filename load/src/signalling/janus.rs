//! The streaming plugin of Janus over its own HTTP API: the server offers, and the viewer answers.

use std::time::{Duration, Instant};

use ::http::Method;
use serde_json::{Value, json};
use url::Url;

use super::http::{Ask, Client};
use super::{Refusal, Session, of_stack};
use crate::stack::Stack;

const JSON: &str = "application/json";
const PLUGIN: &str = "janus.plugin.streaming";
/// A session that nobody asks about for a minute ends.
const KEEP_ALIVE: Duration = Duration::from_secs(25);
/// Events that may come before the one that is waited for.
const OTHER_EVENTS: usize = 10;

#[derive(Clone, Debug)]
pub struct Janus {
    client: Client,
    url: Url,
    mountpoint: u64,
}

#[derive(Debug)]
pub(super) struct Place {
    session: String,
    handle: String,
}

impl Janus {
    /// `url` is the root of the API, as `http://host:8088/janus`.
    pub fn new(client: Client, url: Url, mountpoint: u64) -> Self {
        Self { client, url, mountpoint }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) async fn join(&self, stack: &mut Stack) -> Result<Session, Refusal> {
        let root = self.url.as_str().trim_end_matches('/').to_owned();
        let session = self.tell(&root, json!({"janus": "create"})).await?;
        let session = format!("{root}/{}", id(&session)?);
        let handle = self.tell(&session, json!({"janus": "attach", "plugin": PLUGIN})).await?;
        let handle = format!("{session}/{}", id(&handle)?);
        let asked = Instant::now();
        self.tell(&handle, message(json!({"request": "watch", "id": self.mountpoint}), Value::Null)).await?;
        let offer = self.offer(&session).await?;
        let answer = stack.answer(&offer, Instant::now()).map_err(of_stack)?;
        let answer = json!({"type": "answer", "sdp": answer});
        self.tell(&handle, message(json!({"request": "start"}), answer)).await?;
        Ok(Session { asked, remote: offer, place: super::Place::Janus(Place { session, handle }) })
    }

    pub(super) async fn keep(&self, place: &Place) {
        loop {
            tokio::time::sleep(KEEP_ALIVE).await;
            // One that could not be kept shows by its packets.
            drop(self.tell(&place.session, json!({"janus": "keepalive"})).await);
        }
    }

    pub(super) async fn leave(&self, place: &Place) -> Result<(), Refusal> {
        self.tell(&place.handle, json!({"janus": "detach"})).await?;
        self.tell(&place.session, json!({"janus": "destroy"})).await.map(drop)
    }

    async fn offer(&self, session: &str) -> Result<String, Refusal> {
        for _ in 0..OTHER_EVENTS {
            let event = self.ask(Method::GET, &format!("{session}?maxev=1"), None).await?;
            if let Some(sdp) = event["jsep"]["sdp"].as_str() {
                return Ok(sdp.to_owned());
            }
            if let Some(error) = event["plugindata"]["data"]["error"].as_str() {
                return Err(Refusal::Unusable(error.to_owned()));
            }
        }
        Err(Refusal::Unusable("it offers nothing".into()))
    }

    async fn tell(&self, place: &str, mut body: Value) -> Result<Value, Refusal> {
        body["transaction"] = json!(format!("{:016x}", rand::random::<u64>()));
        self.ask(Method::POST, place, Some(body)).await
    }

    async fn ask(&self, method: Method, place: &str, body: Option<Value>) -> Result<Value, Refusal> {
        let unusable = |error: &dyn std::fmt::Display| Refusal::Unusable(error.to_string());
        let url = Url::parse(place).map_err(|error| unusable(&error))?;
        let body = body.map(|body| (JSON, body.to_string()));
        let answer = self.client.ask(Ask { method, url, token: None, body }).await?;
        let value: Value = serde_json::from_str(&answer.body).map_err(|error| unusable(&error))?;
        match value["error"]["reason"].as_str() {
            Some(reason) => Err(unusable(&reason)),
            None => Ok(value),
        }
    }
}

fn message(body: Value, jsep: Value) -> Value {
    let mut message = json!({"janus": "message", "body": body});
    if !jsep.is_null() {
        message["jsep"] = jsep;
    }
    message
}

fn id(answer: &Value) -> Result<u64, Refusal> {
    answer["data"]["id"].as_u64().ok_or_else(|| Refusal::Unusable("it has no id".into()))
}
