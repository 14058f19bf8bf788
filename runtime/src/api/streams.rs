//! The livestreams over HTTP, for the source system's clients: `/stream/…`.
//!
//! What they are sent by has modules of its own in `egress`.

pub(super) mod offer;
mod request;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use understudy_core::outputs::Refusal;
use understudy_core::sending::Sending;
use understudy_core::spec::{FrameRate, Output};

use super::json::Given;
use super::message::Message;
use crate::program::Registry;
use crate::rtc;
use crate::session::{Handle, StreamError, StreamView};

pub use request::{Start, Stop};
pub use view::Stream;

/// As long as the source system waits for what it starts.
const MOMENT: Duration = Duration::from_millis(300);

/// The routes of one session's livestreams.
#[derive(Clone)]
pub struct Surface {
    session: Handle,
    programs: Registry,
    transport: rtc::Handle,
    settings: Arc<Settings>,
}

/// What the platform says of streams.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Of a stream whose caller names none; none: as many as the page has.
    pub frame_rate: Option<FrameRate>,
    /// Where RTMP and RTMPS listen, if they do.
    pub rtmp_port: Option<u16>,
    pub rtmps_port: Option<u16>,
}

impl Surface {
    pub fn new(session: Handle, programs: Registry, transport: rtc::Handle, settings: Settings) -> Self {
        Self { session, programs, transport, settings: Arc::new(settings) }
    }

    /// What changes the livestreams.
    pub fn control(self) -> Router {
        Router::new().route("/stream/start", post(start)).route("/stream/stop", post(stop)).with_state(self)
    }

    /// What shows them, and lets people watch.
    pub fn view(self) -> Router {
        Router::new()
            .route("/stream/list", get(list))
            .route("/stream/webrtc/offer", post(offer::offer))
            .with_state(self)
    }

    /// A stream that is refused within a moment was not started: who started it hears why. One that fails later is tried again.
    async fn settled(&self, stream: StreamView) -> Result<StreamView, Message> {
        let name = stream.livestream.name.clone();
        // Another may take its name meanwhile, which is none of this one's.
        let it = |all: &Vec<StreamView>| {
            all.iter().find(|one| one.livestream.name == name && one.since == stream.since).cloned()
        };
        let is_decided =
            |one: StreamView| !matches!(one.sending, Some(Sending::Connecting | Sending::Connected));
        let mut streams = self.session.streams();
        let decided = streams.wait_for(|all| it(all).is_none_or(is_decided));
        // Too late is fine, and so is the session's end: it is as it is then.
        let _ = tokio::time::timeout(MOMENT, decided).await;
        let now = it(&streams.borrow()).unwrap_or_else(|| stream.clone());
        let Some(Sending::Failed(why)) = &now.sending else { return Ok(now) };
        // Whoever stopped it meanwhile wanted the same.
        let _ = self.session.stop_stream(&name, Some(now.since)).await;
        Err(Message::because("failed to start stream", why.message.clone()))
    }

    fn named(&self, id: &str) -> Option<StreamView> {
        self.session.streams().borrow().iter().find(|stream| stream.livestream.name == id).cloned()
    }
}

/// Start a livestream.
///
/// It is beside those of the participant's resources, which cannot be replaced or stopped here.
#[utoipa::path(
    post, path = "/stream/start", tag = "livestreams", request_body = Start,
    responses(
        (status = 201, body = Stream),
        (status = 400, body = Message, description = "There is no body, or a field of it cannot be used; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "There is a stream with this id."),
        (status = 500, body = Message, description = "What it is sent to refuses it."),
        (status = 503, body = Message, description = "There are as many streams as there may be, or the session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn start(
    State(surface): State<Surface>,
    Given(started): Given<Start>,
) -> Result<(StatusCode, Json<Stream>), Message> {
    let bad = |text| Message::new(StatusCode::BAD_REQUEST, text);
    let started = started.ok_or_else(|| bad("request body required".to_owned()))?;
    let livestream = started.parse(surface.settings.frame_rate).map_err(|fault| bad(fault.to_string()))?;
    if livestream.output == Output::Rtmp && surface.settings.rtmp_port.is_none() {
        let text = "failed to start internal streaming server";
        return Err(Message::because(text, "RTMP has no port here: something else has it"));
    }
    let stream = surface.session.start_stream(livestream).await.map_err(refusal)?;
    let stream = surface.settled(stream).await?;
    Ok((StatusCode::CREATED, Json(Stream::to_its_owner(&stream, &surface.settings))))
}

/// End a livestream that was started here. The body may be left out.
#[utoipa::path(
    post, path = "/stream/stop", tag = "livestreams", request_body = Option<Stop>,
    responses(
        (status = 200, description = "It has ended; the body is empty."),
        (status = 400, body = String, description = "JSON that cannot be read, as text."),
        (status = 404, body = Message, description = "There is no such stream."),
        (status = 409, body = Message, description = "It is that of the participant's resource."),
        (status = 503, body = Message, description = "The session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn stop(
    State(surface): State<Surface>,
    Given(stopped): Given<Stop>,
) -> Result<StatusCode, Message> {
    let id = stopped.unwrap_or_default().id();
    let ended = surface.session.stop_stream(&id, None).await;
    ended.map(|()| StatusCode::OK).map_err(refusal)
}

/// All livestreams, those of the participant's resources among them.
#[utoipa::path(
    get, path = "/stream/list", tag = "livestreams",
    responses((status = 200, body = [Stream])), security(("view" = [])),
)]
pub(super) async fn list(State(surface): State<Surface>) -> Json<Vec<Stream>> {
    let streams = surface.session.streams();
    let streams = streams.borrow();
    Json(streams.iter().map(|stream| Stream::to_anybody(stream, &surface.settings)).collect())
}

fn refusal(error: StreamError) -> Message {
    let status = match &error {
        // Clients take a conflict for a stream that they may use.
        StreamError::Refused(Refusal::InProgress | Refusal::Owned | Refusal::AsItComes) => {
            StatusCode::CONFLICT
        }
        StreamError::Refused(Refusal::Unknown) => StatusCode::NOT_FOUND,
        StreamError::Refused(Refusal::Full | Refusal::Drained) | StreamError::Ended => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Message::new(status, error)
}
