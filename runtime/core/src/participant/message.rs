//! What is said to a page, as JSON text.

use serde_json::{Map, Value, json};

use super::record::{Identity, Record, Stage, Status, Token, View};
use crate::invitation::Outcome;

/// Of a participant that is to be on no stage.
const UNASSIGNED: &str = "unassigned";
/// Who brought a change about: the page itself.
pub(super) const BY_PAGE: &str = "vp-server";

/// What went wrong with what was said.
pub fn error(text: &str) -> String {
    json!({"type": "error", "error": text}).to_string()
}

pub(super) fn connection(client: &str) -> String {
    json!({
        "type": "connection",
        "status": "connected",
        "clientId": client,
        // Changes are pushed, whatever by.
        "capabilities": {"appsync": true},
    })
    .to_string()
}

/// `kind`: created or removed.
pub(super) fn subscription(kind: &str, id: &str, target: &str, name: &str) -> String {
    let mut message = json!({"type": format!("subscription.{kind}"), "subscriptionId": id, "target": target});
    message[format!("{target}Id")] = name.into();
    message.to_string()
}

/// In both shapes: that of the source system's page, and that of its documentation. `token`: for whom joins with it.
pub(super) fn vp_update(identity: &Identity, record: &Record, source: &str, token: Option<&Token>) -> String {
    let mut state = json!({
        "id": identity.vp,
        "status": record.status.word(),
        "stageArn": record.stage.as_ref().map_or(UNASSIGNED, |stage| &stage.id),
        "stageEndpoints": endpoints(record.stage.as_ref()),
        "assetName": "",
        "taskId": identity.task,
        "running": "yes",
        "updatedAt": record.updated_at,
        "lastUpdateSource": source,
    });
    if let Some(stage) = &record.stage {
        let told = [
            ("participantToken", token.map(Token::reveal)),
            ("participantId", Some(stage.participant_id.as_str()).filter(|id| !id.is_empty())),
        ];
        for (field, value) in told {
            if let Some(value) = value {
                state[field] = value.into();
            }
        }
    }
    json!({
        "type": "vp.update",
        "status": record.status.word(),
        "metadata": metadata(record),
        "data": {"onVirtualParticipantStateChanged": state},
    })
    .to_string()
}

/// What the page said of itself, and beside it what is known here, which no page can say otherwise.
fn metadata(record: &Record) -> Map<String, Value> {
    let mut metadata = record.metadata.clone();
    metadata.insert("timestamp".to_owned(), record.updated_at.as_str().into());
    let known = [
        ("outcome", record.outcome.map(|outcome| outcome.word().into())),
        ("message", record.outcome.map(|outcome| outcome.message().into())),
        ("error", record.error.as_deref().map(Value::from)),
    ];
    for (field, value) in known {
        if let Some(value) = value {
            metadata.insert(field.to_owned(), value);
        }
    }
    metadata
}

fn endpoints(stage: Option<&Stage>) -> Value {
    stage.map_or_else(|| json!({}), |stage| json!({"whip": stage.whip, "events": ""}))
}

/// Who brought about what is told.
pub(super) const fn source(record: &Record) -> &'static str {
    match (record.status, record.outcome) {
        (Status::Invited, _) => "invite-api",
        (Status::Kicked, Some(Outcome::Kicked)) => "kick-api",
        (Status::Errored, _) => BY_PAGE,
        _ => "understudy-runtime",
    }
}

/// What a stage shows of the participant, but for when.
pub(super) fn stage(identity: &Identity, view: &View, id: &str) -> Value {
    let on = view.record.stage.as_ref().filter(|stage| stage.id == id);
    json!({
        "id": id,
        "stageArn": id,
        "stageEndpoints": endpoints(on),
        "virtualParticipant": on.map(|stage| json!({
            "id": identity.vp,
            "participantId": stage.participant_id,
            "connected": view.showing.connected,
            "published": view.showing.published,
            "reason": view.showing.reason,
        })),
    })
}

pub(super) fn stage_update(mut data: Value, updated_at: &str) -> String {
    data["updatedAt"] = updated_at.into();
    json!({"type": "stage.update", "data": data}).to_string()
}
