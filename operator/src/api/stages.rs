//! The control plane of the source system, by its paths, bodies and codes (contracts §4.2): a stage is a record of a WHIP server,
//! and participants are invited to it and kicked. `?namespace=` says where; without it, it is that of the ServiceAccount that calls.

mod call;
mod failure;
mod record;
mod told;

use crate::api::caller::Visit;
use crate::api::desk::{Who, unhurried};
use crate::api::http::Face;
use crate::api::refused::{Refused, Why};
use crate::api::stages::call::{Asked, Call, Where};
use crate::api::stages::failure::{ASSIGNED, Failure, NO_GUEST, NO_STAGE, NONE_FREE, RACE};
use crate::api::stages::record::{Guest, Record};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use rand::RngExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use understudy_client::address;
use understudy_client::invite::{Invite, Place};

/// How long a stage may be joined: long enough for a pod that is still on its way.
const JOIN_WITHIN: SignedDuration = SignedDuration::from_secs(300);
/// Of ids of stages and of participants on them.
const ID_LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: usize = 12;

/// A stage, as it is named: the chart's is that of those who make one and name none.
#[derive(Clone, Deserialize)]
pub struct Preset {
    /// Of its WHIP server.
    pub url: String,
    /// Its bearer token; empty: it asks for none.
    #[serde(default)]
    pub token: String,
}

impl std::fmt::Debug for Preset {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Preset").field("url", &self.url).finish_non_exhaustive()
    }
}

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/stage/create", post(create))
        .route("/stage/delete", post(delete))
        .route("/stage/token", post(token))
        .route("/stage/invite", post(invite))
        .route("/stage/kick", post(kick))
        .route("/stage/list", post(list_stages).get(list_stages))
        .route("/vp/list", post(list_participants).get(list_participants))
        .route("/vp/stop", post(stop))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CreateAsked {
    user_id: String,
    attributes: BTreeMap<String, String>,
    whip: Option<Preset>,
}

impl Default for CreateAsked {
    fn default() -> Self {
        Self { user_id: "HOST_USER".into(), attributes: BTreeMap::new(), whip: None }
    }
}

async fn create(Asked { call, body }: Asked<CreateAsked>) -> Result<Json<Value>, Failure> {
    let CreateAsked { user_id, attributes, whip } = body;
    // A token that the caller did not bring is told to those alone who could read it.
    let tells = whip.is_some() || call.reads_secrets().await;
    let whip = whip.or_else(|| call.face.preset.as_deref().cloned()).ok_or_else(|| {
        Refused::invalid(
            "whip",
            "is missing: {url, token} of the stage's WHIP server, which the chart names no other for",
        )
    })?;
    if !whip.url.starts_with("http") || address::host(&whip.url).is_none() {
        return Err(Refused::invalid("whip.url", "must be http(s)://HOST…, without user and password").into());
    }
    let (id, host, now) = (made_id(), made_id(), Timestamp::now().to_string());
    let record = Record {
        id: id.clone(),
        host_participant_id: host.clone(),
        whip: whip.url,
        has_token: !whip.token.is_empty(),
        created_at: now.clone(),
        updated_at: now,
        guest: None,
    };
    let mut book = call.book().await?;
    while !book.write(&record).await? {
        book = call.book().await?;
    }
    if record.has_token
        && let Err(refused) = book.keep_token(&record, &whip.token).await
    {
        book.strike(&record.id).await?;
        return Err(refused.into());
    }
    let namespace = &call.namespace;
    tracing::info!(namespace, stage = id, user_id, attributes = attributes.len(), "a stage is made");
    let token = if tells { whip.token } else { String::new() };
    Ok(Json(json!({"id": id, "participantId": host, "token": token})))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StageAsked {
    id: String,
    participant_id: String,
    asset_name: Option<String>,
    allow_publish: bool,
}

async fn delete(Asked { call, body: asked }: Asked<StageAsked>) -> Result<Json<Value>, Failure> {
    loop {
        let mut book = call.book().await?;
        let record = book.find(&asked.id).ok_or(NO_STAGE)?;
        if record.host_participant_id != asked.participant_id {
            let message = "Only its host may delete a stage: participantId is not the host's.";
            return Err(Failure::Named(StatusCode::INTERNAL_SERVER_ERROR, "UnexpectedError", message));
        }
        if let Some(guest) = call.guest(&record).await? {
            call.release(&guest).await?;
        }
        if book.strike(&asked.id).await? {
            book.drop_token(&record).await?;
            return Ok(Json(json!({})));
        }
    }
}

async fn token(Asked { call, body: asked }: Asked<StageAsked>) -> Result<Json<Value>, Failure> {
    let book = call.book().await?;
    let record = book.find(&asked.id).ok_or(NO_STAGE)?;
    if !asked.allow_publish {
        let message = "The token of a WHIP server lets publish, and there is no other: ask with allowPublish, or watch with a token \
                       of the server's own.";
        return Err(Failure::Named(StatusCode::CONFLICT, "TokenNotAvailableException", message));
    }
    if !call.reads_secrets().await {
        let namespace = &call.namespace;
        let message =
            format!("the token of a stage is told to who may get secrets in the namespace {namespace}");
        return Err(Refused::new(Why::Forbidden, message).into());
    }
    let token = book.read_token(&record).await?.unwrap_or_default();
    Ok(Json(json!({"token": token, "participantId": made_id()})))
}

async fn invite(Asked { call, body: asked }: Asked<StageAsked>) -> Result<Json<Value>, Failure> {
    let asset = asked.asset_name.filter(|asset| !asset.is_empty());
    if asset.as_deref().is_some_and(|asset| !told::is_asset(asset)) {
        return Err(Refused::invalid("assetName", "must be the name of a file below the media folder").into());
    }
    let mut book = call.book().await?;
    let mut record = book.find(&asked.id).ok_or(NO_STAGE)?;
    if call.guest(&record).await?.is_some() {
        return Err(ASSIGNED);
    }
    let now = Timestamp::now();
    let invite = Invite {
        id: format!("stage-{}-{}", asked.id, made_id()),
        join_before: Time(now.saturating_add(JOIN_WITHIN).unwrap_or(Timestamp::MAX)),
        place: Place::Whip(record.whip.clone()),
        token: record.token(),
        inputs: asset.as_deref().map(told::inputs),
    };
    let (desk, namespace, id) = (Arc::clone(&call.face.desk), call.namespace.clone(), invite.id.clone());
    let any = Who::Selected(kube::core::Selector::default());
    let invited = unhurried(async move { desk.invite_admitted(&namespace, &any, &invite).await }).await;
    let invited = invited.map_err(|refused| match refused.why {
        Why::NoneFree => NONE_FREE,
        Why::Conflict => RACE,
        _ => refused.into(),
    })?;
    let guest = Guest { participant: invited.name_any(), invitation: id };
    let before = record.guest.replace(guest.clone());
    record.updated_at = now.to_string();
    // Of two who invite to one stage at the same moment the one that is not written down is taken back.
    while !book.write(&record).await? {
        book = call.book().await?;
        if book.find(&record.id).map(|latest| latest.guest) != Some(before.clone()) {
            call.release(&guest).await?;
            return Err(RACE);
        }
    }
    Ok(Json(json!({})))
}

async fn kick(Asked { call, body: asked }: Asked<StageAsked>) -> Result<Json<Value>, Failure> {
    let record = call.book().await?.find(&asked.id).ok_or(NO_STAGE)?;
    let guest = call.guest(&record).await?.ok_or(NO_GUEST)?;
    call.release(&guest).await?;
    Ok(Json(json!({})))
}

async fn list_stages(
    State(face): State<Face>,
    place: Query<Where>,
    visit: Visit,
) -> Result<Json<Value>, Failure> {
    let call = Call::enter(face, place, &visit, "list").await?;
    let all = call.book().await?.all();
    let stages: Vec<Value> = all.iter().map(|record| told::stage(&call.namespace, record)).collect();
    Ok(Json(json!({"count": stages.len(), "scannedCount": stages.len(), "stages": stages})))
}

async fn list_participants(
    State(face): State<Face>,
    place: Query<Where>,
    visit: Visit,
) -> Result<Json<Value>, Failure> {
    let call = Call::enter(face, place, &visit, "list").await?;
    let stages = call.book().await?.all();
    let mut all = call.face.desk.stores.participants_in(&call.namespace);
    all.sort_by_key(|participant| std::cmp::Reverse(told::updated(participant)));
    let told: Vec<Value> = all.iter().map(|participant| told::participant(participant, &stages)).collect();
    let message = "Virtual participants were listed.";
    Ok(Json(json!({"message": message, "totalCount": told.len(), "virtualParticipants": told})))
}

/// Their pods end, and are followed by others: who was invited is kicked before.
async fn stop(State(face): State<Face>, place: Query<Where>, visit: Visit) -> Result<Json<Value>, Failure> {
    let call = Call::enter(face, place, &visit, "delete").await?;
    let pods: Api<Pod> = Api::namespaced(call.face.desk.client.clone(), &call.namespace);
    let mut details = Vec::new();
    for participant in call.face.desk.stores.participants_in(&call.namespace) {
        let (name, pod) =
            (participant.name_any(), participant.status.as_ref().and_then(|status| status.pod.as_ref()));
        let Some(pod) = pod else { continue };
        let kicked = call
            .face
            .desk
            .kick_admitted(&call.namespace, &name, None)
            .await
            .map_err(|refused| refused.message);
        let ended = match kicked {
            Ok(_) => match pods.delete(&pod.name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
                deleted => deleted.map(drop).map_err(|_error| "its pod could not be deleted".to_owned()),
            },
            Err(message) => Err(message),
        };
        let mut detail = json!({"vpId": name, "taskId": pod.name, "success": ended.is_ok()});
        if let Err(message) = ended {
            detail["error"] = json!(message);
        }
        details.push(detail);
    }
    let successful = details.iter().filter(|detail| detail["success"] == true).count();
    let failed = details.len() - successful;
    Ok(Json(json!({
        "message": "The tasks of virtual participants were told to stop.",
        "summary": {"totalFound": details.len(), "successfulStops": successful, "failedStops": failed},
        "details": details,
    })))
}

fn made_id() -> String {
    let mut random = rand::rng();
    (0..ID_LENGTH).map(|_| char::from(ID_LETTERS[random.random_range(0..ID_LETTERS.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::stages::call::given;
    use axum::body::Bytes;

    #[test]
    fn a_body_may_come_in_an_event() {
        for text in [
            r#"{"id": "abc", "assetName": "a.mp4"}"#,
            r#"{"body": "{\"id\": \"abc\", \"assetName\": \"a.mp4\"}"}"#,
        ] {
            let asked: StageAsked = given(&Bytes::from(text)).unwrap_or_default();
            assert_eq!((asked.id.as_str(), asked.asset_name.as_deref()), ("abc", Some("a.mp4")), "{text}");
        }
        assert_eq!(given::<CreateAsked>(&Bytes::new()).unwrap_or_default().user_id, "HOST_USER");
    }
}
