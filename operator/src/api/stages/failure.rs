//! Why a call fails, in the source system's words where it has some.

use crate::api::refused::{Refused, Why, body};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a call of here fails.
pub(super) enum Failure {
    /// As the source system names it: code, name, message.
    Named(StatusCode, &'static str, &'static str),
    /// What it has no name for.
    Refused(Refused),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

pub(super) const NO_STAGE: Failure =
    Failure::Named(StatusCode::NOT_FOUND, "StageNotFoundException", "Stage not found.");
pub(super) const NO_GUEST: Failure =
    Failure::Named(StatusCode::NOT_FOUND, "VpNotFoundException", "The stage has no virtual participant.");
pub(super) const NONE_FREE: Failure = Failure::Named(
    StatusCode::NOT_FOUND,
    "VpNotAvailableException",
    "No virtual participants are available.",
);
pub(super) const ASSIGNED: Failure = Failure::Named(
    StatusCode::NOT_FOUND,
    "VpAlreadyAssignedException",
    "The stage has a virtual participant already.",
);
pub(super) const RACE: Failure = Failure::Named(
    StatusCode::CONFLICT,
    "VpAlreadyAssignedException",
    "Another request was faster: the stage was changed at the same moment.",
);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Named(code, name, message) => body(code, name, message),
            Self::Refused(Refused { why: Why::Unavailable, message }) => {
                let told =
                    json!({"message": "Failed to carry the request out.", "cause": {"message": message}});
                (StatusCode::INTERNAL_SERVER_ERROR, Json(told)).into_response()
            }
            Self::Refused(refused) => refused.into_response(),
        }
    }
}
