//! What a page says, read: one JSON object a message, whose `type` names it.

use serde_json::{Map, Value};

use super::record::Status;

/// As many characters of an unknown word are said back.
const QUOTED: usize = 64;
/// As JSON; it is kept, and told to others.
const LARGEST_METADATA_BYTES: usize = 4 << 10;
/// Names of stages and subscriptions; those of AWS resources have up to 2048 bytes.
const LONGEST_NAME: usize = 2048;

/// The texts that the contract has, word for word.
pub(super) const INVALID: &str = "Invalid message format";
pub(super) const NO_ID_TO_SUBSCRIBE: &str = "VP ID is required for subscription";
pub(super) const NO_PUSH: &str = "AppSync not available";
pub(super) const NO_STAGE: &str = "AppSync not available or missing stageId";
pub(super) const NO_STORE: &str = "DynamoDB client not available";
pub(super) const NO_STATUS: &str = "VP ID and status are required for status updates";
pub(super) const NO_ID_TO_UPDATE: &str = "VP ID is required for status updates";
pub(super) const NO_ID_TO_REPORT: &str = "VP ID is required for error reporting";
pub(super) const NOT_UPDATED: &str = "Failed to update VP status";

/// What concerns the participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    Ready {
        metadata: Option<Map<String, Value>>,
    },
    /// One of [`Status::WORDS`].
    Status {
        status: &'static str,
        metadata: Option<Map<String, Value>>,
    },
    JoinedStage,
    LeftStage,
    Error {
        error: String,
        metadata: Option<Map<String, Value>>,
    },
}

/// What a message asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Word(Word),
    SubscribeVp,
    SubscribeStage(String),
    Unsubscribe(String),
}

/// Reads a message to the participant `vp`; why it cannot be heeded, in the contract's text.
pub(super) fn read(text: &str, vp: &str) -> Result<Asked, String> {
    let invalid = || INVALID.to_owned();
    let message: Map<String, Value> = serde_json::from_str(text).map_err(|_| invalid())?;
    let kind = message.get("type").and_then(Value::as_str).ok_or_else(invalid)?;
    let own = |missing: &str, foreign: &str| own(&message, vp, missing, foreign);
    let metadata = || metadata(&message).map_err(|()| invalid());
    let word = match kind {
        "vp.subscribe_vp" => {
            own(NO_ID_TO_SUBSCRIBE, NO_PUSH)?;
            return Ok(Asked::SubscribeVp);
        }
        "vp.subscribe_stage" => {
            let stage = name(&message, "stageId").ok_or_else(|| NO_STAGE.to_owned())?;
            return Ok(Asked::SubscribeStage(stage));
        }
        "vp.unsubscribe" => {
            return name(&message, "subscriptionId").map(Asked::Unsubscribe).ok_or_else(invalid);
        }
        "vp.ready" => {
            own(NO_ID_TO_UPDATE, NOT_UPDATED)?;
            Word::Ready { metadata: metadata()? }
        }
        "vp.joined_stage" => {
            own(NO_ID_TO_UPDATE, NOT_UPDATED)?;
            Word::JoinedStage
        }
        "vp.left_stage" => {
            own(NO_ID_TO_UPDATE, NOT_UPDATED)?;
            Word::LeftStage
        }
        "vp.status_update" => {
            let given = message.get("status").and_then(Value::as_str).filter(|status| !status.is_empty());
            let given = given.ok_or_else(|| NO_STATUS.to_owned())?;
            own(NO_STATUS, NOT_UPDATED)?;
            let status = Status::WORDS.into_iter().find(|word| *word == given);
            let status = status.ok_or_else(|| format!("Invalid status: {}", quoted(given)))?;
            Word::Status { status, metadata: metadata()? }
        }
        "vp.error" => {
            own(NO_ID_TO_REPORT, NOT_UPDATED)?;
            let error = match message.get("error") {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            Word::Error { error, metadata: metadata()? }
        }
        other => return Err(format!("Unknown message type: {}", quoted(other))),
    };
    Ok(Asked::Word(word))
}

/// Whoever names none means the one there is. What is said of another one is not for this socket to do.
fn own(message: &Map<String, Value>, vp: &str, missing: &str, foreign: &str) -> Result<(), String> {
    match message.get("vpId") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(id)) if id.is_empty() || id == vp => Ok(()),
        Some(Value::String(_)) => Err(foreign.to_owned()),
        Some(_) => Err(missing.to_owned()),
    }
}

fn name(message: &Map<String, Value>, field: &str) -> Option<String> {
    let name = message.get(field)?.as_str()?;
    Some(name.to_owned()).filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME)
}

fn metadata(message: &Map<String, Value>) -> Result<Option<Map<String, Value>>, ()> {
    match message.get("metadata") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(metadata)) => {
            let size = serde_json::to_vec(metadata).map_or(usize::MAX, |text| text.len());
            if size <= LARGEST_METADATA_BYTES { Ok(Some(metadata.clone())) } else { Err(()) }
        }
        Some(_) => Err(()),
    }
}

fn quoted(word: &str) -> String {
    word.chars().take(QUOTED).collect()
}
