//! `/memfs`: files that processes have written to `{memfs}`, for players of what they are.

use std::io;
use std::path::{Component, Path, PathBuf};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::failure::Failure;
use crate::api::pieces;

/// What players take by its name. A page is none: whoever may make a process could have it run here.
const KINDS: [(&str, &str); 12] = [
    ("aac", "audio/aac"),
    ("jpg", "image/jpeg"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4s", "video/mp4"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpd", "application/dash+xml"),
    ("png", "image/png"),
    ("ts", "video/mp2t"),
    ("vtt", "text/vtt"),
    ("webm", "video/webm"),
];

const OTHER: &str = "application/octet-stream";

/// Below `/memfs`; `folder`: where those files are.
pub(super) fn router(folder: PathBuf) -> Router {
    Router::new().route("/memfs/{*path}", get(read)).with_state(folder)
}

/// Fetch a file that a process has written to `{memfs}`.
#[utoipa::path(
    get, path = "/memfs/{path}", tag = "processes", params(("path" = String, Path, description = "As it stands behind `{memfs}/`.")),
    responses(
        (status = 200, content_type = "application/octet-stream", body = String, description = "What there is of it at this moment."),
        (status = 404, body = Failure),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn read(
    State(folder): State<PathBuf>,
    axum::extract::Path(path): axum::extract::Path<String>,
) -> Result<Response, Failure> {
    let opened = open(&folder, Path::new(&path)).await;
    let (file, bytes) =
        opened.map_err(|_| Failure::of_http(StatusCode::NOT_FOUND, "there is no such file"))?;
    let headers: [(HeaderName, String); 4] = [
        (CONTENT_TYPE, kind(&path).to_owned()),
        (CONTENT_LENGTH, bytes.to_string()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, pieces::body(file.take(bytes))).into_response())
}

/// A file below the folder, also by the links on the way to it, and how long it is.
async fn open(folder: &Path, path: &Path) -> io::Result<(File, u64)> {
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let folder = tokio::fs::canonicalize(folder).await?;
    let place = tokio::fs::canonicalize(folder.join(path)).await?;
    // Whoever waits for a writer of a pipe waits for ever.
    let is_file = tokio::fs::metadata(&place).await?.is_file();
    if !(is_plain && is_file && place.starts_with(&folder)) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(&place).await?;
    let bytes = file.metadata().await?.len();
    Ok((file, bytes))
}

fn kind(path: &str) -> &'static str {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(ending)).map_or(OTHER, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_below_the_folder_are_there_and_nothing_else_is() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("memfs");
        std::fs::create_dir_all(folder.join("a")).unwrap();
        std::fs::write(folder.join("a/b.ts"), "inside").unwrap();
        std::fs::write(outer.path().join("c.ts"), "outside").unwrap();
        std::os::unix::fs::symlink(outer.path().join("c.ts"), folder.join("link.ts")).unwrap();
        let found = async |path: &str| open(&folder, Path::new(path)).await.ok().map(|(_, bytes)| bytes);
        assert_eq!(found("a/b.ts").await, Some(6));
        for path in ["a", "", "../c.ts", "a/../../c.ts", "/etc/hostname", "link.ts", "nothing.ts"] {
            assert_eq!(found(path).await, None, "{path}");
        }
        assert_eq!([kind("a.TS"), kind("a.html"), kind("a")], ["video/mp2t", OTHER, OTHER]);
    }
}
