//! The stage over HTTP: who invites the participant here, and the page that goes on one.

pub(super) mod page;
mod request;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use understudy_core::invitation::Refusal;
use utoipa::ToSchema;

use super::json::Given;
use super::message::Message;
use crate::session::{Handle, InviteError};

pub use request::{Invite, Kick};

/// It is done.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Done {}

/// What invites and kicks.
pub fn control(session: Handle) -> Router {
    Router::new().route("/stage/invite", post(invite)).route("/stage/kick", post(kick)).with_state(session)
}

/// Invite the participant to a stage.
///
/// It is on its way there when this is answered; the participant socket tells how that goes, and `/status` where there is no
/// operator. An operator's invitation goes first: while there is one, nobody is invited here.
#[utoipa::path(
    post, path = "/stage/invite", tag = "stage", request_body = Invite,
    responses(
        (status = 200, body = Done),
        (status = 400, body = Message, description = "There is no body, or a field of it cannot be used; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "The participant is invited already, or the id has come to its end."),
        (status = 503, body = Message, description = "The session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn invite(
    State(session): State<Handle>,
    Given(asked): Given<Invite>,
) -> Result<Json<Done>, Message> {
    let bad = |text: String| Message::new(StatusCode::BAD_REQUEST, text);
    let asked = asked.ok_or_else(|| bad("request body required".to_owned()))?;
    let invitation = asked.parse().map_err(|wrong| bad(wrong.to_string()))?;
    session.invite(invitation).await.map_err(refusal)?;
    Ok(Json(Done::default()))
}

/// Take the participant from its stage. The body may be left out.
///
/// Its stage is being left when this is answered.
#[utoipa::path(
    post, path = "/stage/kick", tag = "stage", request_body = Kick,
    responses(
        (status = 200, body = Done),
        (status = 400, content_type = "text/plain", body = String, description = "The body cannot be read."),
        (status = 404, body = Message, description = "No such invitation is carried out."),
        (status = 409, body = Message, description = "It is the operator's."),
        (status = 503, body = Message, description = "The session ends."),
    ),
    security(("control" = [])),
)]
pub(super) async fn kick(
    State(session): State<Handle>,
    Given(asked): Given<Kick>,
) -> Result<Json<Done>, Message> {
    session.kick(asked.unwrap_or_default().id()).await.map_err(refusal)?;
    Ok(Json(Done::default()))
}

fn refusal(error: InviteError) -> Message {
    let status = match &error {
        InviteError::Refused(Refusal::Unknown) => StatusCode::NOT_FOUND,
        InviteError::Refused(Refusal::NoBrowser) => StatusCode::BAD_REQUEST,
        InviteError::Refused(Refusal::Drained) | InviteError::Ended => StatusCode::SERVICE_UNAVAILABLE,
        InviteError::Refused(
            Refusal::Operators(_)
            | Refusal::Taken(_)
            | Refusal::Waiting(_)
            | Refusal::Over(_)
            | Refusal::OtherStage(_),
        ) => StatusCode::CONFLICT,
    };
    Message::new(status, error)
}
