//! Participants and stages as the source system's records. Pure.

use crate::api::convert::time;
use crate::api::stages::record::Record;
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};
use understudy_crds::v1alpha1::{Inputs, ParticipantPhase, VirtualParticipant};

/// Of a participant that is on no stage.
const UNASSIGNED: &str = "unassigned";

pub(super) fn stage(namespace: &str, record: &Record) -> Value {
    json!({
        "id": record.id,
        "hostParticipantId": record.host_participant_id,
        "stageArn": arn(namespace, &record.id),
        "stageEndpoints": {"whip": record.whip, "events": ""},
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
    })
}

/// `stages`: those of the namespace.
pub(super) fn participant(participant: &VirtualParticipant, stages: &[Record]) -> Value {
    let (name, namespace) = (participant.name_any(), participant.namespace().unwrap_or_default());
    let status = participant.status.clone().unwrap_or_default();
    let invitation = participant.spec.invitation.as_ref();
    let on = stages.iter().find(|stage| {
        let guest = stage.guest.as_ref().filter(|guest| guest.participant == name);
        guest.is_some_and(|guest| invitation.is_some_and(|invitation| invitation.id == guest.invitation))
    });
    let whip = invitation.and_then(|invitation| invitation.stage.whip.as_ref());
    let inputs = invitation.and_then(|invitation| invitation.inputs.as_ref());
    let mut told = json!({
        "id": name,
        "status": word(status.phase),
        "taskId": status.pod.as_ref().map(|pod| pod.name.clone()).unwrap_or_default(),
        "stageArn": on.map_or_else(|| UNASSIGNED.to_owned(), |stage| arn(&namespace, &stage.id)),
        "stageEndpoints": whip.map_or_else(|| json!({}), |whip| json!({"whip": whip.url, "events": ""})),
        "assetName": inputs.and_then(asset_of).unwrap_or_default(),
        "createdAt": time(participant.metadata.creation_timestamp.as_ref()),
        "updatedAt": updated(participant).to_string(),
        "lastUpdateSource": "vp-server",
    });
    if status.pod.as_ref().is_some_and(|pod| pod.node.is_some()) {
        told["running"] = json!("yes");
    }
    if let Some(id) = status.session.and_then(|session| session.participant_id) {
        told["participantId"] = json!(id);
    }
    if let Some(error) = status.last_error {
        told["lastError"] = json!(error.message);
    }
    told
}

/// When it changed last, as its conditions tell.
pub(super) fn updated(participant: &VirtualParticipant) -> Timestamp {
    let conditions = participant.status.iter().flat_map(|status| &status.conditions);
    let changed = conditions.map(|condition| condition.last_transition_time.0).max();
    let created = participant.metadata.creation_timestamp.as_ref().map(|time| time.0);
    changed.max(created).unwrap_or_default()
}

/// The media file that an invitation of here shows.
pub(super) fn inputs(asset: &str) -> Inputs {
    let file = json!({"url": format!("file:///{asset}"), "loop": true});
    let inputs = json!({"video": {"file": file}, "audio": {"file": file}});
    serde_json::from_value(inputs).unwrap_or_default()
}

fn asset_of(inputs: &Inputs) -> Option<String> {
    let file = inputs.video.as_ref()?.file.as_ref()?;
    file.url.strip_prefix("file:///").map(str::to_owned)
}

/// A name below the media folder of the participant's runtime profile.
pub(super) fn is_asset(name: &str) -> bool {
    let of_name = |character: char| character.is_alphanumeric() || "-_./".contains(character);
    let is_path = !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    name.len() <= 255 && is_path && name.chars().all(of_name)
}

pub(super) fn arn(namespace: &str, id: &str) -> String {
    format!("understudy:stage:{namespace}:stage/{id}")
}

const fn word(phase: Option<ParticipantPhase>) -> &'static str {
    match phase {
        None | Some(ParticipantPhase::Pending | ParticipantPhase::Unknown) => "PENDING",
        Some(ParticipantPhase::Provisioning) => "PROVISIONING",
        // An invitation brings the pod of the latter two back.
        Some(ParticipantPhase::Available | ParticipantPhase::Idle | ParticipantPhase::Completed) => {
            "AVAILABLE"
        }
        Some(ParticipantPhase::Invited | ParticipantPhase::Connected) => "INVITED",
        Some(ParticipantPhase::Published) => "JOINED",
        Some(ParticipantPhase::Leaving) => "KICKED",
        Some(ParticipantPhase::Disrupted | ParticipantPhase::Failed) => "ERRORED",
        Some(ParticipantPhase::Terminating) => "DEPROVISIONING",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::stages::record::Guest;

    #[test]
    fn a_participant_is_told_with_the_stage_that_it_was_invited_to() {
        let record = Record {
            id: "abc".into(),
            host_participant_id: "host".into(),
            whip: "https://stage.example/whip".into(),
            has_token: false,
            created_at: "2026-01-01T00:00:00Z".into(),
            updated_at: "2026-01-01T00:00:00Z".into(),
            guest: Some(Guest { participant: "ada".into(), invitation: "a".into() }),
        };
        let at = "2026-01-01T00:00:00Z";
        let told = |invitation: &str| {
            let inputs = inputs("clips/a.mp4");
            let ada = serde_json::from_value(json!({
                "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
                "metadata": {"name": "ada", "namespace": "demo", "creationTimestamp": at},
                "spec": {"invitation": {
                    "id": invitation, "joinBefore": at, "stage": {"whip": {"url": record.whip}}, "inputs": inputs
                }},
                "status": {"phase": "Published", "pod": {"name": "ada-1", "node": "n", "attempt": 1}}
            }));
            participant(&ada.unwrap(), std::slice::from_ref(&record))
        };
        let on = told("a");
        assert_eq!(
            (&on["status"], &on["stageArn"]),
            (&json!("JOINED"), &json!("understudy:stage:demo:stage/abc"))
        );
        assert_eq!(
            (&on["assetName"], &on["taskId"], &on["running"]),
            (&json!("clips/a.mp4"), &json!("ada-1"), &json!("yes"))
        );
        assert_eq!(told("b")["stageArn"], UNASSIGNED);
    }

    #[test]
    fn an_asset_is_a_name_below_the_media_folder() {
        for (name, is) in [
            ("video-1.mp4", true),
            ("clips/a_b.mp4", true),
            ("", false),
            ("/etc/passwd", false),
            ("../a.mp4", false),
            ("a/../../b", false),
            ("a//b", false),
            ("a b.mp4", false),
        ] {
            assert_eq!(is_asset(name), is, "{name}");
        }
    }
}
