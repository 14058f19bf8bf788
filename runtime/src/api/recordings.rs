//! Recordings over HTTP, for the source system's clients: `/recording/…`.
//!
//! How they are made is in `egress`.

pub(super) mod download;
mod request;
mod view;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use understudy_core::recording::{Limits, Refusal};
use understudy_core::spec::FrameRate;

use super::json::Given;
use super::message::Message;
use crate::session::{Handle, RecordingError};

pub use request::{Delete, Start, Stop};
pub use view::Recording;

/// The routes of one session's recordings.
#[derive(Clone)]
pub struct Surface {
    session: Handle,
    settings: Settings,
}

/// What the platform says of recordings whose caller does not.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// None: as many as the page has.
    pub frame_rate: Option<FrameRate>,
    pub limits: Limits,
}

impl Surface {
    pub const fn new(session: Handle, settings: Settings) -> Self {
        Self { session, settings }
    }

    /// What changes them.
    pub fn control(self) -> Router {
        Router::new()
            .route("/recording/start", post(start))
            .route("/recording/stop", post(stop))
            .route("/recording/delete", post(delete))
            .with_state(self)
    }

    /// What shows them: no more than who may watch has been able to see.
    pub fn view(self) -> Router {
        Router::new()
            .route("/recording/list", get(list))
            .route("/recording/download", get(download::download))
            .with_state(self)
    }
}

/// Start a recording of what the session shows and plays. The body may be left out.
///
/// It is a fragmented MP4 file, which can be fetched and played while it grows. It ends by itself at its limits, and when the disk
/// is full.
#[utoipa::path(
    post, path = "/recording/start", tag = "recordings", request_body = Option<Start>,
    responses(
        (status = 201, description = "It is recorded from the next picture on; the body is empty."),
        (status = 400, body = Message, description = "A field cannot be used, or a recording of this id has ended and was not deleted; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "A recording of this id goes on, or is that of the participant's resource."),
        (status = 500, body = Message, description = "The disk is full, or does not take it."),
        (status = 503, body = Message, description = "There are as many as there may be, or the session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn start(
    State(surface): State<Surface>,
    Given(started): Given<Start>,
) -> Result<StatusCode, Message> {
    let bad = |fault| Message::new(StatusCode::BAD_REQUEST, fault);
    let wanted = started.unwrap_or_default().parse(&surface.settings).map_err(bad)?;
    let begun = surface.session.start_recording(wanted).await;
    begun.map(|()| StatusCode::CREATED).map_err(refusal)
}

/// End a recording. The body may be left out.
#[utoipa::path(
    post, path = "/recording/stop", tag = "recordings", request_body = Option<Stop>,
    responses(
        (status = 200, description = "It has ended, and its file is whole; the body is empty."),
        (status = 400, body = Message, description = "There is no such recording; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "It is that of the participant's resource."),
        (status = 503, body = Message, description = "The session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn stop(
    State(surface): State<Surface>,
    Given(stopped): Given<Stop>,
) -> Result<StatusCode, Message> {
    let (id, how) = stopped.unwrap_or_default().parse();
    let ended = surface.session.stop_recording(&id, how).await;
    ended.map(|()| StatusCode::OK).map_err(refusal)
}

/// Remove a recording that has ended, with its file. The body may be left out.
#[utoipa::path(
    post, path = "/recording/delete", tag = "recordings", request_body = Option<Delete>,
    responses(
        (status = 200, description = "It is gone; the body is empty."),
        (status = 400, body = Message, description = "It goes on: stop it first; JSON that cannot be read is told as text."),
        (status = 404, body = Message, description = "There is no such recording."),
        (status = 409, body = Message, description = "It is that of the participant's resource."),
        (status = 500, body = Message, description = "Its file cannot be removed."),
        (status = 503, body = Message, description = "The session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn delete(
    State(surface): State<Surface>,
    Given(deleted): Given<Delete>,
) -> Result<StatusCode, Message> {
    let gone = surface.session.delete_recording(&deleted.unwrap_or_default().id()).await;
    gone.map(|()| StatusCode::OK).map_err(refusal)
}

/// All recordings, those that have ended among them.
#[utoipa::path(
    get, path = "/recording/list", tag = "recordings",
    responses((status = 200, body = [Recording])), security(("view" = [])),
)]
pub(super) async fn list(State(surface): State<Surface>) -> Json<Vec<Recording>> {
    Json(surface.session.recordings().iter().map(Recording::new).collect())
}

fn refusal(error: RecordingError) -> Message {
    let status = match &error {
        RecordingError::Refused(Refusal::Completed | Refusal::NoneActive | Refusal::Running) => {
            StatusCode::BAD_REQUEST
        }
        RecordingError::Refused(Refusal::Unknown) => StatusCode::NOT_FOUND,
        // Clients take a conflict for one that goes on.
        RecordingError::Refused(Refusal::InProgress | Refusal::Owned) => StatusCode::CONFLICT,
        RecordingError::Refused(Refusal::Busy | Refusal::Full | Refusal::Drained) | RecordingError::Ended => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        RecordingError::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Message::new(status, error)
}
