//! `WS /stream/socket/{name}`: a programme as an MPEG transport stream, in binary messages of whole packets, or as WebM, in messages of
//! one cluster each.
//!
//! Only the socket is here: a transport stream is one for all who read it (`crate::program`), WebM is written for each. A reader that is
//! behind goes on with the next keyframe. What a reader says has no meaning.

mod error;
mod pass;
mod source;

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde::Deserialize;
use understudy_core::media::VideoCodec;
use understudy_core::rendition::{Audio, Transport, Video};

use super::Metrics;
use super::metrics;
use crate::program::{Found, Program, Registry};
use crate::seats::Seats;
use crate::subprotocol;
use error::Refusal;
use pass::Watching;
use source::Source;

pub use source::WebM;

/// Far more than one programme is watched by over sockets; each costs half a second of it and a descriptor.
const SEATS: usize = 256;
/// Nothing that a reader says has a meaning.
const LARGEST_MESSAGE: usize = 64 << 10;

#[derive(Clone)]
pub struct Sockets {
    programs: Registry,
    enabled: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    metrics: Metrics,
    seats: Seats,
}

/// `enabled`: whether what has this name may be read here.
pub fn router(
    programs: Registry,
    enabled: impl Fn(&str) -> bool + Send + Sync + 'static,
    metrics: Metrics,
) -> Router {
    Router::new()
        .route("/stream/socket", any(async || Refusal::NoName))
        .route("/stream/socket/", any(async || Refusal::NoName))
        .route("/stream/socket/{name}", any(watch))
        .with_state(Sockets { programs, enabled: Arc::new(enabled), metrics, seats: Seats::new(SEATS) })
}

#[derive(Deserialize)]
pub struct Asked {
    codec: Option<String>,
}

/// Watch a programme as an MPEG transport stream, or as WebM.
///
/// Binary messages: of a transport stream whole packets, the first of which are tables and a keyframe; of WebM first the initialization
/// segment, and then a cluster each, in time from zero. When the stream ends, the socket is closed with
/// 1000 and `stream stopped`.
#[utoipa::path(
    get, path = "/stream/socket/{name}", tag = "programme",
    params(
        ("name" = String, Path, description = "program, or the name of a livestream."),
        ("codec" = Option<String>, Query, description = "`h264`, with AAC, or `mpeg1`, with MP2, for JSMpeg; `vp8`, with Opus, is WebM, for Media Source Extensions."),
    ),
    responses(
        (status = 101, description = "The socket opens."),
        (status = 400, content_type = "text/plain", body = String, description = "There is no such codec."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such programme."),
        (status = 409, content_type = "text/plain", body = String, description = "It is not for sockets; or what others encode is to be another picture; or there is nothing to show yet, and Retry-After says when to ask again."),
        (status = 503, content_type = "text/plain", body = String, description = "As many watch over sockets as there may be, or the session has no tokens yet."),
    ),
    security(("view" = [])),
)]
pub async fn watch(
    State(sockets): State<Sockets>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let form = form(asked.codec.as_deref())?;
    let program = sockets.find(&name)?;
    program.has(form.picture())?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let seat = sockets.seats.take().ok_or(Refusal::Full)?;
    let gone = sockets.programs.gone(&name, &program);
    let upgrade = upgrade
        .protocols(subprotocol::asked(&headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE);
    // Counted before it is told that it may read.
    let present = sockets.programs.enter(&name);
    let metrics = sockets.metrics.reader(metrics::Transport::WebSocket);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let stream = form.of(&program);
        pass::on(socket, Watching { stream, metrics }, gone).await;
        drop((seat, present));
    }))
}

/// As what a programme is read.
enum Form {
    Transport(Transport),
    WebM,
}

fn form(codec: Option<&str>) -> Result<Form, Refusal> {
    match codec {
        None | Some("" | "h264") => Ok(Form::Transport(Transport::h264())),
        Some("mpeg1") => Ok(Form::Transport(Transport::mpeg1())),
        Some("vp8") => Ok(Form::WebM),
        Some(_) => Err(Refusal::UnknownCodec),
    }
}

impl Form {
    fn picture(&self) -> Video {
        match self {
            Self::Transport(rendition) => rendition.video,
            Self::WebM => Video { codec: VideoCodec::Vp8, ..Video::default() },
        }
    }

    fn of(&self, program: &Program) -> Source {
        match self {
            Self::Transport(rendition) => Source::Transport(program.transport(*rendition).subscribe()),
            Self::WebM => {
                let (picture, sound) = (program.video(self.picture()), program.audio(Audio::default()));
                Source::WebM(Box::new(WebM::new(Some(picture.subscribe()), Some(sound.subscribe()))))
            }
        }
    }
}

/// Shows that to one reader, until it goes, takes nothing, or there is no more of it: `gone`.
pub async fn show(socket: WebSocket, webm: WebM, metrics: &Metrics, gone: impl Future<Output = ()>) {
    let metrics = metrics.reader(metrics::Transport::WebSocket);
    pass::on(socket, Watching { stream: Source::WebM(Box::new(webm)), metrics }, gone).await;
}

impl Sockets {
    fn find(&self, name: &str) -> Result<Program, Refusal> {
        match self.programs.find(name) {
            Found::Unknown => Err(Refusal::Unknown),
            _ if !(self.enabled)(name) => Err(Refusal::NotEnabled),
            Found::Silent => Err(Refusal::Silent),
            Found::Live(program) => Ok(program),
        }
    }
}

#[cfg(test)]
mod tests;
