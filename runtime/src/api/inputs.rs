//! The virtual inputs over HTTP, for the source system's clients: `/input/devices/virtual/…`.
//!
//! What is sent over sockets and WebRTC, and the live feed of it, have modules of their own.

pub(super) mod feed;
mod page;
mod request;
mod status;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use parking_lot::Mutex;
use understudy_core::input::{Refusal, Steer};
use understudy_core::spec::Inputs;

use super::json::decode;
use super::message::Message;
use crate::access::Role;
use crate::session::{Handle, InputsView, SteerError};

pub use request::Configure;
pub use status::{Devices, Status};

pub(super) use feed::or_locked;

/// The routes of one session's inputs.
#[derive(Clone)]
pub struct Surface {
    session: Handle,
    devices: Arc<Devices>,
    written: Arc<Mutex<Option<Written>>>,
}

/// What was configured last over HTTP, in the caller's own words. May hold credentials: it is never logged.
struct Written {
    inputs: Inputs,
    configure: Configure,
}

impl Surface {
    pub fn new(session: Handle, devices: Devices) -> Self {
        Self { session, devices: Arc::new(devices), written: Arc::default() }
    }

    /// What changes the inputs.
    pub fn control(self) -> Router {
        Router::new()
            .route("/input/devices/virtual/configure", post(configure))
            .route("/input/devices/virtual/pause", post(pause))
            .route("/input/devices/virtual/resume", post(resume))
            .route("/input/devices/virtual/stop", post(stop))
            .with_state(self)
    }

    /// What shows them.
    pub fn view(self) -> Router {
        Router::new()
            .route("/input/devices/virtual/status", get(inputs_status))
            .route("/input/devices/virtual/feed", get(feed::feed))
            .with_state(self)
    }

    async fn steer(&self, steer: Steer) -> Result<Json<Status>, Message> {
        let view = self.session.steer(steer).await.map_err(refusal)?;
        Ok(Json(self.status(&view)))
    }

    fn now(&self) -> Status {
        let view = self.session.inputs().borrow().clone();
        self.status(&view)
    }

    /// The addresses of sources may let others in: who may only look is shown no key.
    fn seen_by(&self, role: Role) -> Status {
        match role {
            Role::View => self.now().without_secrets(),
            Role::Control | Role::Admin => self.now(),
        }
    }

    fn status(&self, view: &InputsView) -> Status {
        let written = self.written.lock();
        // The resource may have set others meanwhile.
        let written = written.as_ref().filter(|written| view.configured.as_ref() == Some(&written.inputs));
        status::status(view, written.map(|written| &written.configure), &self.devices)
    }
}

/// Set what camera and microphone carry. It replaces what ran; an invalid request leaves that alone.
///
/// The answer does not wait for the media: a source that does not play is `last_error` of the status, and is tried again
/// for as long as it is wanted.
#[utoipa::path(
    post, path = "/input/devices/virtual/configure", tag = "virtual inputs", request_body = Configure,
    responses(
        (status = 200, body = Status),
        (status = 400, body = Message, description = "A field is missing or cannot be used; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "The participant's resource sets its inputs."),
        (status = 503, body = Message, description = "The session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn configure(State(surface): State<Surface>, body: Bytes) -> Result<Json<Status>, Response> {
    let configure: Option<Configure> =
        decode(&body).map_err(|text| (StatusCode::BAD_REQUEST, text).into_response())?;
    let configure = configure.unwrap_or_default();
    let inputs = configure
        .parse(surface.devices.size)
        .map_err(|fault| Message::new(StatusCode::BAD_REQUEST, fault).into_response())?;
    let steer = Steer::Configure(Box::new(inputs.clone()));
    let view = surface.session.steer(steer).await.map_err(|error| refusal(error).into_response())?;
    *surface.written.lock() = Some(Written { inputs, configure });
    Ok(Json(surface.status(&view)))
}

/// Show black and play silence; what is configured stays.
#[utoipa::path(
    post, path = "/input/devices/virtual/pause", tag = "virtual inputs",
    responses((status = 200, body = Status), (status = 400, body = Message, description = "Nothing is configured."), (status = 503, body = Message, description = "The session ends.")),
    security(("control" = [])),
)]
pub(super) async fn pause(State(surface): State<Surface>) -> Result<Json<Status>, Message> {
    surface.steer(Steer::Pause).await
}

/// Go on after a pause; sources begin anew.
#[utoipa::path(
    post, path = "/input/devices/virtual/resume", tag = "virtual inputs",
    responses((status = 200, body = Status), (status = 400, body = Message, description = "Nothing is configured."), (status = 503, body = Message, description = "The session ends.")),
    security(("control" = [])),
)]
pub(super) async fn resume(State(surface): State<Surface>) -> Result<Json<Status>, Message> {
    surface.steer(Steer::Resume).await
}

/// End all inputs and forget them. Can be repeated; a body is ignored.
#[utoipa::path(
    post, path = "/input/devices/virtual/stop", tag = "virtual inputs",
    responses((status = 200, body = Status), (status = 409, body = Message, description = "The participant's resource sets its inputs."), (status = 503, body = Message, description = "The session ends.")),
    security(("control" = [])),
)]
pub(super) async fn stop(State(surface): State<Surface>) -> Result<Json<Status>, Message> {
    surface.steer(Steer::Stop).await
}

/// How the inputs stand.
#[utoipa::path(
    get, path = "/input/devices/virtual/status", tag = "virtual inputs",
    responses((status = 200, body = Status)), security(("view" = [])),
)]
pub(super) async fn inputs_status(
    State(surface): State<Surface>,
    Extension(role): Extension<Role>,
) -> Json<Status> {
    Json(surface.seen_by(role))
}

fn refusal(error: SteerError) -> Message {
    let status = match &error {
        SteerError::Refused(Refusal::Owned | Refusal::Drained) => StatusCode::CONFLICT,
        SteerError::Refused(Refusal::NothingGiven | Refusal::NothingToPause | Refusal::NothingToResume) => {
            StatusCode::BAD_REQUEST
        }
        SteerError::Ended => StatusCode::SERVICE_UNAVAILABLE,
    };
    Message::new(status, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        let body = br#"{"video":{"type":"socket","width":640.0,"height":3.6e2,"frame_rate":30.0}}"#;
        let configure: Configure = decode(body).unwrap().unwrap();
        let video = configure.video.unwrap_or_default();
        assert_eq!((video.width, video.height, video.frame_rate), (Some(640), Some(360), Some(30)));
        let refused =
            decode::<Configure>(br#"{"video":{"type":"socket","frame_rate":29.97}}"#).map(drop).unwrap_err();
        assert!(refused.contains("video.frame_rate"), "{refused}");
    }

    #[test]
    fn a_refusal_is_a_conflict_only_if_somebody_else_owns_the_inputs() {
        let told = |refused: Refusal| {
            let message = refusal(refused.into());
            (message.status.as_u16(), message.message)
        };
        assert_eq!(told(Refusal::Owned).0, 409);
        assert_eq!(told(Refusal::Drained).0, 409);
        let words = "no active virtual input session to pause".to_owned();
        assert_eq!(told(Refusal::NothingToPause), (400, words));
        let words = "no virtual input configuration to resume".to_owned();
        assert_eq!(told(Refusal::NothingToResume), (400, words));
        assert_eq!(refusal(SteerError::Ended).status, 503);
    }
}
