//! How this surface says that something did not work: `{"message": …}`, as the source system's clients expect.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request had no effect.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    #[serde(skip)]
    pub status: StatusCode,
    pub message: String,
}

impl Message {
    pub fn new(status: StatusCode, message: impl std::fmt::Display) -> Self {
        Self { status, message: message.to_string() }
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}
