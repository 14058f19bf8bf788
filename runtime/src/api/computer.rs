//! `POST /computer/screenshot`: what the display shows at this moment.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use understudy_core::screenshot::{Asked, Region};
use understudy_core::spec::Invalid;
use utoipa::ToSchema;

use super::json::Given;
use super::message::Message;
use crate::capture::screenshot;
use crate::seats::Seats;
use crate::session::Handle;

/// Each takes some megabytes and tens of milliseconds of a core.
const SEATS: usize = 2;

#[derive(Clone)]
struct Surface {
    session: Handle,
    seats: Seats,
}

/// It shows no more than viewers see.
pub(super) fn view(session: Handle) -> Router {
    let surface = Surface { session, seats: Seats::new(SEATS) };
    Router::new().route("/computer/screenshot", post(take)).with_state(surface)
}

/// A screenshot to take.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Screenshot {
    /// All of the display if there is none.
    region: Option<Part>,
}

/// A part of the display, in pixels.
#[derive(Debug, Deserialize, ToSchema)]
struct Part {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Region(#[from] Invalid),
    #[error("there is no display yet")]
    NoDisplay,
    #[error("too many screenshots at once")]
    Full,
    #[error("failed to take screenshot: {0}")]
    Failed(#[from] screenshot::Error),
}

/// Take a screenshot. The body may be left out.
#[utoipa::path(
    post, path = "/computer/screenshot", tag = "session", request_body = Option<Screenshot>,
    responses(
        (status = 200, content_type = "image/png", body = String, description = "The display's pixels, without the pointer."),
        (status = 400, body = Message, description = "The display has no such region; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "There is no display; Retry-After says when to ask again."),
        (status = 500, body = Message, description = "The display cannot be read."),
        (status = 503, body = Message, description = "Others take screenshots; Retry-After says when to ask again."),
    ),
    security(("view" = [])),
)]
async fn take(State(surface): State<Surface>, Given(asked): Given<Screenshot>) -> Result<Response, Refusal> {
    let region = asked.unwrap_or_default().region;
    let region = region.map(|Part { x, y, width, height }| Asked { x, y, width, height });
    let screen = surface.session.screen().borrow().clone().ok_or(Refusal::NoDisplay)?;
    let display = screen.display().ok_or(Refusal::NoDisplay)?.to_owned();
    let region = Region::within(screen.size, region)?;
    let _seat = surface.seats.take().ok_or(Refusal::Full)?;
    let picture = screenshot::take(display, region).await?;
    Ok(([(CONTENT_TYPE, "image/png"), (CACHE_CONTROL, "no-store")], picture).into_response())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Region(_) => StatusCode::BAD_REQUEST,
            Self::NoDisplay => StatusCode::CONFLICT,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let is_worth_another = matches!(self, Self::NoDisplay | Self::Full);
        let message = Message::new(status, self);
        if is_worth_another { message.again() } else { message }.into_response()
    }
}
