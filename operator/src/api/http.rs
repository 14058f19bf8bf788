//! The API as HTTP and JSON: the same verbs as over gRPC, and the messages in the names of their fields in camelCase. An error is
//! `{"message", "code", "name"}`; browsers of any origin are let in, for it is the token that counts.

use crate::api::caller::Visit;
use crate::api::convert::{self, Join};
use crate::api::desk::{Desk, Which};
use crate::api::grpc;
use crate::api::refused::{Refused, Why};
use crate::api::stages::{self, Preset};
use crate::api::watch::Watched;
use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::sync::Arc;
use understudy_client::invite::{Invite, Place};
use understudy_crds::v1alpha1::{Inputs, SecretKeyRef};
use understudy_proto::participants::v1 as api;

/// An invitation is a few kilobytes.
const LARGEST_BODY_BYTES: usize = 256 * 1024;
/// A message a line, as the API server's own watches.
const LINES: &str = "application/x-ndjson";

/// What handlers work with.
#[derive(Clone)]
pub(super) struct Face {
    pub(super) desk: Arc<Desk>,
    pub(super) preset: Option<Arc<Preset>>,
}

pub(super) fn router(desk: Arc<Desk>, preset: Option<Preset>) -> Router {
    let face = Face { desk, preset: preset.map(Arc::new) };
    Router::new()
        .route("/v1/participants", get(list_everywhere))
        .route("/v1/namespaces/{namespace}/participants", get(list))
        .route("/v1/namespaces/{namespace}/participants/{name}", get(one))
        .route("/v1/namespaces/{namespace}/invite", post(invite))
        .route("/v1/namespaces/{namespace}/kick", post(kick))
        .merge(stages::routes())
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .layer(axum::middleware::from_fn(received))
        .with_state(face)
}

/// Answers may be read by any page.
async fn received(request: Request, next: Next) -> Response {
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What follows the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Question {
    selector: String,
    page_size: u32,
    page_token: String,
    watch: bool,
}

/// Of an invitation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    name: Option<String>,
    selector: Option<String>,
    invitation: Invitation,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invitation {
    #[serde(default)]
    id: String,
    #[serde(default)]
    join_before: String,
    #[serde(default)]
    join_within_seconds: u32,
    #[serde(default)]
    stage: Stages,
    inputs: Option<Inputs>,
}

#[derive(Debug, Default, Deserialize)]
struct Stages {
    whip: Option<Stage>,
    ivs: Option<Stage>,
    page: Option<Stage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    #[serde(default)]
    url: String,
    #[serde(default)]
    token: String,
    token_secret_ref: Option<SecretKeyRef>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Stage").field("url", &self.url).finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KickAsked {
    name: String,
    invitation_id: String,
}

impl Invitation {
    fn read(self, now: Timestamp) -> Result<Invite, Refused> {
        let Self { id, join_before, join_within_seconds, stage, inputs } = self;
        let stages = [("whip", stage.whip), ("ivs", stage.ivs), ("page", stage.page)];
        let named = stages.into_iter().filter_map(|(kind, stage)| {
            let Stage { url, token, token_secret_ref: reference } = stage?;
            let place = match kind {
                "ivs" => Place::Ivs,
                "page" => Place::Page(url),
                _ => Place::Whip(url),
            };
            Some((kind, convert::Stage { place, token, reference }))
        });
        let join = Join { before: join_before, within_seconds: join_within_seconds };
        convert::assemble(id, join, named.collect(), inputs, now)
    }
}

/// A body; a field that cannot be read is named, and its value is not told: it may be a token.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    let document = &mut serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(document).map_err(|error| {
        let (path, what) =
            (error.path().to_string(), crate::redact::without_values(&error.inner().to_string()));
        Refused::invalid(if path == "." { "the body" } else { &path }, &what)
    })
}

type Asking = Result<Query<Question>, QueryRejection>;

async fn list_everywhere(
    State(face): State<Face>,
    asking: Asking,
    visit: Visit,
) -> Result<Response, Refused> {
    answer(&face, String::new(), asking, &visit).await
}

async fn list(
    State(face): State<Face>,
    Path(namespace): Path<String>,
    asking: Asking,
    visit: Visit,
) -> Result<Response, Refused> {
    answer(&face, namespace, asking, &visit).await
}

async fn answer(face: &Face, namespace: String, asking: Asking, visit: &Visit) -> Result<Response, Refused> {
    let Query(Question { selector, page_size, page_token, watch }) =
        asking.map_err(|rejected| Refused::new(Why::Invalid, rejected.body_text()))?;
    let which = Which::read(namespace, &selector)?;
    if watch {
        let changes = face.desk.count("Watch", face.desk.watch(visit, which).await)?;
        let lines = changes.map(|Watched { participants, gone, synced }| {
            let message = api::WatchResponse { participants, gone, synced };
            let mut line = serde_json::to_vec(&message).unwrap_or_default();
            line.push(b'\n');
            Ok::<_, Infallible>(line)
        });
        return Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(lines)).into_response());
    }
    let listed = face.desk.list(visit, &which, page_size, &page_token).await;
    let page = face.desk.count("List", listed)?;
    Ok(Json(api::ListResponse { participants: page.participants, next_page_token: page.next })
        .into_response())
}

async fn one(
    State(face): State<Face>,
    Path((namespace, name)): Path<(String, String)>,
    visit: Visit,
) -> Result<Json<api::Participant>, Refused> {
    let found = face.desk.get(&visit, &namespace, &name).await;
    Ok(Json(convert::participant(&face.desk.count("Get", found)?)))
}

async fn invite(
    State(face): State<Face>,
    Path(namespace): Path<String>,
    visit: Visit,
    body: Bytes,
) -> Result<Json<api::Participant>, Refused> {
    let invited = async {
        let Asked { name, selector, invitation } = read(&body)?;
        let (who, invite) = (grpc::who(name, selector)?, invitation.read(Timestamp::now())?);
        face.desk.invite(&visit, &namespace, who, invite).await
    };
    Ok(Json(convert::participant(&face.desk.count("Invite", invited.await)?)))
}

async fn kick(
    State(face): State<Face>,
    Path(namespace): Path<String>,
    visit: Visit,
    body: Bytes,
) -> Result<Json<api::Participant>, Refused> {
    let kicked = async {
        let KickAsked { name, invitation_id } = read(&body)?;
        face.desk.kick(&visit, &namespace, &name, &invitation_id).await
    };
    Ok(Json(convert::participant(&face.desk.count("Kick", kicked.await)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn asked(body: &Value) -> Result<Invite, String> {
        let read = read::<Asked>(&Bytes::from(body.to_string()))
            .and_then(|asked| asked.invitation.read(Timestamp::UNIX_EPOCH));
        read.map_err(|refused| refused.message)
    }

    #[test]
    fn a_body_is_as_the_resource_writes_it_with_the_token_itself() {
        let invitation = json!({
            "id": "show-42", "joinWithinSeconds": 60, "stage": {"ivs": {"token": "word"}},
            "inputs": {"video": {"webRTC": {}}, "audio": {"file": {"url": "understudy:a"}}}
        });
        let invite = asked(&json!({"name": "ada", "invitation": invitation})).unwrap();
        assert!(invite.place == Place::Ivs && invite.inputs.unwrap().video.unwrap().web_rtc.is_some());
    }

    #[test]
    fn a_wrong_field_is_named_and_no_value_is_told() {
        for (invitation, field) in [
            (json!({"stage": {"whip": "s3cret"}}), "invitation.stage.whip"),
            (
                json!({"stage": {"whip": {"url": "https://a/", "token": ["s3cret"]}}}),
                "invitation.stage.whip.token",
            ),
            (json!({"joinWithinSeconds": "s3cret"}), "invitation.joinWithinSeconds"),
            (json!({"stage": {}}), "invitation.stage"),
        ] {
            let refused = asked(&json!({"name": "ada", "invitation": invitation})).map(|_| ()).unwrap_err();
            assert!(refused.starts_with(field) && !refused.contains("s3cret"), "{invitation}: {refused}");
        }
        assert!(read::<Asked>(&Bytes::from_static(b"{")).is_err());
        assert!(read::<KickAsked>(&Bytes::new()).is_ok());
    }
}
