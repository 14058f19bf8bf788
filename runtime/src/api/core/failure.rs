//! How the API of processes says that something did not work: `{"code": …, "message": …, "details": […]}`, as datarhei's clients expect.

use axum::Json;
use axum::http::header::{ALLOW, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request had no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Failure {
    /// The status, once more.
    pub code: u16,
    /// What did not work, in the words of the source system.
    pub message: String,
    /// Why.
    pub details: Vec<String>,
}

impl Failure {
    pub fn new(status: StatusCode, message: &str, why: impl std::fmt::Display) -> Self {
        Self { details: vec![why.to_string()], ..Self::bare(status, message) }
    }

    /// The message says it all.
    pub fn bare(status: StatusCode, message: &str) -> Self {
        Self { code: status.as_u16(), message: message.to_owned(), details: Vec::new() }
    }

    /// What is no matter of processes, but of HTTP.
    pub fn of_http(status: StatusCode, why: impl std::fmt::Display) -> Self {
        Self::new(status, status.canonical_reason().unwrap_or("Error"), why)
    }

    pub fn unknown_process(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Unknown process ID", format_args!("unknown process ({id})"))
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Bytes of what others say of an error; what is longer is left out.
const MOST_SAID: usize = 1024;

/// There is no such place.
pub(super) async fn not_found() -> Failure {
    Failure::of_http(StatusCode::NOT_FOUND, "Not Found")
}

/// There is one, for other methods.
pub(super) async fn not_allowed() -> Failure {
    Failure::of_http(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// Errors have no body where the client reads none; and what others refuse says so in this dialect.
pub(super) async fn in_dialect(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let is_head = request.method() == axum::http::Method::HEAD;
    let response = next.run(request).await;
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    if is_head {
        return response.status().into_response();
    }
    let allow = response.headers().get(ALLOW).cloned();
    let is_said = response.headers().get("content-type").is_some_and(|kind| kind == "application/json");
    let mut response = if is_said { response } else { plain(response).await };
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

async fn plain(response: Response) -> Response {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), MOST_SAID).await.unwrap_or_default();
    let said = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    let said = if said.is_empty() { status.canonical_reason().unwrap_or("Error") } else { said };
    Failure::of_http(status, said).into_response()
}
