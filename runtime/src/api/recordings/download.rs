//! `GET /recording/download`: the file of a recording, as far as it is.

use std::io;
use std::path::Path;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, Take};

use super::Surface;
use super::view::timestamp;
use crate::api::fields;
use crate::api::message::Message;
use crate::api::pieces;
use crate::session::RecordingView;

/// A fragment comes each two or three seconds.
const SOON: &str = "3";

#[derive(Deserialize)]
pub struct Asked {
    id: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no recording found")]
    Unknown,
    #[error("nothing was recorded")]
    Empty,
    #[error("there is no picture of the recording yet")]
    TooSmall,
    #[error("failed to read recording: {0}")]
    Disk(#[from] io::Error),
}

/// Fetch a recording, also while it goes on: then it is what there is of it at this moment, which plays.
#[utoipa::path(
    get, path = "/recording/download", tag = "recordings",
    params(("id" = Option<String>, Query, description = "`default` if there is none.")),
    responses(
        (status = 200, content_type = "video/mp4", body = String, description = "The file.", headers(
            ("X-Recording-Started-At" = String, description = "RFC 3339."),
            ("X-Recording-Finished-At" = String, description = "RFC 3339; of one that goes on, when the last of it was written."),
        )),
        (status = 202, body = Message, description = "There is nothing of it yet; Retry-After says when to ask again."),
        (status = 404, body = Message, description = "There is no such recording, or it ended before there was a picture."),
        (status = 500, body = Message, description = "Its file cannot be read."),
    ),
    security(("view" = [])),
)]
pub async fn download(
    State(surface): State<Surface>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let id = fields::called(asked.id);
    let recordings = surface.session.recordings();
    let recording = recordings.into_iter().find(|recording| recording.id == id);
    let RecordingView { since, path, state, .. } = recording.ok_or(Refusal::Unknown)?;
    let state = state.borrow().clone();
    let recorded = match (state.recorded, &state.ended) {
        (Some(recorded), ended) => ended.as_ref().map_or(recorded, |ended| ended.at),
        (None, Some(_)) => return Err(Refusal::Empty),
        (None, None) => return Err(Refusal::TooSmall),
    };
    let file = open(&path, state.bytes).await?;
    let headers = [
        (CONTENT_TYPE.as_str(), "video/mp4".to_owned()),
        (CONTENT_LENGTH.as_str(), state.bytes.to_string()),
        ("X-Recording-Started-At", timestamp(since)),
        ("X-Recording-Finished-At", timestamp(recorded)),
    ];
    Ok((headers, pieces::body(file)).into_response())
}

/// So much of it; more may come meanwhile.
async fn open(path: &Path, bytes: u64) -> io::Result<Take<File>> {
    Ok(File::open(path).await?.take(bytes))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unknown | Self::Empty => StatusCode::NOT_FOUND,
            Self::TooSmall => {
                return ([(RETRY_AFTER, SOON)], Message::new(StatusCode::ACCEPTED, self)).into_response();
            }
            Self::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Message::new(status, self).into_response()
    }
}
