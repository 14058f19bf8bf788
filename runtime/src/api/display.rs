//! `PATCH /display`: another size or rate of the display.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::patch;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use understudy_core::resize::{Asked, Courtesy, Refusal, Shape};
use utoipa::ToSchema;

use super::json::Given;
use super::message::Message;
use crate::session::{Handle, ResizeError};

pub(super) fn control(session: Handle) -> Router {
    Router::new().route("/display", patch(resize)).with_state(session)
}

/// What the display shall be. What is not given stays, unknown fields are ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Resize {
    /// In pixels, 320 to 3840 in steps of 8.
    width: Option<u32>,
    /// In pixels, 240 to 2160 in steps of 8.
    height: Option<u32>,
    /// 60, 30, 25 or 10: how often it is read, at most.
    refresh_rate: Option<u32>,
    /// Whether to refuse while somebody watches, records or streams; yes unless it is `false`, and then they go on with the new picture.
    require_idle: Option<bool>,
    /// The browser begins anew with each change of the size, whatever is said here.
    restart_chromium: Option<bool>,
}

/// What the display is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Display {
    width: u32,
    height: u32,
    refresh_rate: u32,
}

/// Change the display's size or rate.
///
/// For another size the display, the browser and the page begin anew; for another rate alone, nothing does. It holds until the
/// session's own document says another size or rate.
#[utoipa::path(
    patch, path = "/display", tag = "session", request_body = Resize,
    responses(
        (status = 200, body = Display, description = "It is so now."),
        (status = 400, body = Message, description = "Nothing is asked for, or what cannot be; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "Somebody watches, records or streams, or there is no display."),
        (status = 500, body = Message, description = "The display is not back yet."),
        (status = 503, body = Message, description = "The session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn resize(
    State(session): State<Handle>,
    Given(asked): Given<Resize>,
) -> Result<Json<Display>, Message> {
    let missing = || Message::new(StatusCode::BAD_REQUEST, "missing request body");
    let Resize { width, height, refresh_rate, require_idle, .. } = asked.ok_or_else(missing)?;
    let courtesy = match require_idle {
        Some(false) => Courtesy::Resize,
        Some(true) | None => Courtesy::Idle,
    };
    let resized = session.resize(Asked { width, height, refresh_rate }, courtesy).await;
    let Shape { size, frame_rate } = resized.map_err(refusal)?;
    let (width, height) = (size.width(), size.height());
    Ok(Json(Display { width, height, refresh_rate: frame_rate.per_second() }))
}

fn refusal(error: ResizeError) -> Message {
    let status = match &error {
        ResizeError::Refused(Refusal::Nothing | Refusal::Invalid(_)) => StatusCode::BAD_REQUEST,
        ResizeError::Refused(Refusal::Busy | Refusal::NoDisplay) => StatusCode::CONFLICT,
        ResizeError::Late => StatusCode::INTERNAL_SERVER_ERROR,
        ResizeError::Ended => StatusCode::SERVICE_UNAVAILABLE,
    };
    Message::new(status, error)
}
