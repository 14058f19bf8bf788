//! Bodies of JSON, read as the source system's clients write them.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::whole;

/// None is `null`. An error is a line of text that names the field.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<Option<T>, String> {
    let document = &mut serde_json::Deserializer::from_slice(body);
    let decoded: Result<Option<T>, _> = serde_path_to_error::deserialize(document);
    let again = || serde_json::from_value(whole::numbers(serde_json::from_slice(body).ok()?)).ok();
    decoded.or_else(|error| again().ok_or(error)).map_err(|error| match error.path().iter().len() {
        0 => format!("can't decode JSON body: {}\n", error.inner()),
        _ => format!("can't decode JSON body: {}: {}\n", error.path(), error.inner()),
    })
}

/// A body that may be left out, and is none if it is `null`. One that cannot be read is refused in a line of text.
pub struct Given<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Given<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let given = if body.is_empty() { Ok(None) } else { decode(&body) };
        given.map(Self).map_err(|text| (StatusCode::BAD_REQUEST, text).into_response())
    }
}
