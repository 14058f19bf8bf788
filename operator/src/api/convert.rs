//! Between the resources and the messages of the API. Pure. What is secret goes one way alone.

use crate::api::refused::Refused;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;
use understudy_client::invite::{Invite, Place, Token};
use understudy_client::standing::is_ready;
use understudy_crds::v1alpha1 as crd;
use understudy_proto::{participants::v1 as api, v1 as wire};

/// How long a stage may be joined unless it is said.
const JOIN_WITHIN_SECONDS: u32 = 60;
/// What a made id begins with.
const MADE: &str = "inv-";

/// A participant as callers are told of it.
pub(super) fn participant(participant: &crd::VirtualParticipant) -> api::Participant {
    let status = participant.status.clone().unwrap_or_default();
    let pod = status.pod.unwrap_or_default();
    api::Participant {
        namespace: participant.namespace().unwrap_or_default(),
        name: participant.name_any(),
        uid: participant.uid().unwrap_or_default(),
        display_name: participant.spec.display_name.clone().unwrap_or_else(|| participant.name_any()),
        labels: participant.labels().clone().into_iter().collect(),
        attributes: participant.spec.attributes.clone().into_iter().collect(),
        created_at: time(participant.metadata.creation_timestamp.as_ref()),
        phase: status.phase.map(|phase| word(&phase)).unwrap_or_default(),
        ready: is_ready(participant),
        conditions: status.conditions.into_iter().map(condition).collect(),
        invitation_id: participant.spec.invitation.as_ref().map(|invitation| invitation.id.clone()),
        session: status.session.map(session),
        last_session: status.last_session.map(last_session),
        last_error: status.last_error.map(|error| api::Error { code: error.code, message: error.message }),
        endpoints: status.endpoints.into_iter().map(endpoint).collect(),
        pod_name: pod.name,
        node_name: pod.node.unwrap_or_default(),
    }
}

fn condition(condition: k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition) -> api::Condition {
    api::Condition {
        r#type: condition.type_,
        status: condition.status,
        reason: condition.reason,
        message: condition.message,
        last_transition_at: time(Some(&condition.last_transition_time)),
    }
}

fn session(session: crd::SessionStatus) -> api::Session {
    api::Session {
        invitation_id: session.invitation_id,
        participant_id: session.participant_id.unwrap_or_default(),
        invited_at: time(Some(&session.invited_at)),
        connected_at: time(session.connected_at.as_ref()),
        published_at: time(session.published_at.as_ref()),
    }
}

fn last_session(last: crd::LastSession) -> api::LastSession {
    api::LastSession {
        invitation_id: last.invitation_id,
        participant_id: last.participant_id.unwrap_or_default(),
        outcome: last.outcome,
        message: last.message,
        invited_at: time(last.invited_at.as_ref()),
        connected_at: time(last.connected_at.as_ref()),
        published_at: time(last.published_at.as_ref()),
        ended_at: time(Some(&last.ended_at)),
    }
}

fn endpoint(endpoint: crd::Endpoint) -> api::Endpoint {
    let (type_, scope) = (word(&endpoint.type_), word(&endpoint.scope));
    api::Endpoint { name: endpoint.name, r#type: type_, url: endpoint.url, scope }
}

/// As a resource writes it.
pub(super) fn word(value: &impl Serialize) -> String {
    let written = serde_json::to_value(value).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}

pub(super) fn time(time: Option<&Time>) -> String {
    time.map(|time| time.0.to_string()).unwrap_or_default()
}

/// An invitation as it was asked for over gRPC.
pub(super) fn invite(asked: Option<api::Invitation>, now: Timestamp) -> Result<Invite, Refused> {
    let asked = asked.ok_or_else(|| Refused::invalid("invitation", "is missing"))?;
    let join = Join { before: asked.join_before, within_seconds: asked.join_within_seconds };
    let api::Stage { whip, ivs, page } = asked.stage.unwrap_or_default();
    let whip = whip.map(|whip| (Place::Whip(whip.url), whip.token, whip.token_secret_ref));
    let ivs = ivs.map(|ivs| (Place::Ivs, ivs.token, ivs.token_secret_ref));
    let page = page.map(|page| (Place::Page(page.url), page.token, page.token_secret_ref));
    let stages = [("whip", whip), ("ivs", ivs), ("page", page)];
    let named = stages.into_iter().filter_map(|(kind, stage)| {
        let (place, token, reference) = stage?;
        let reference = reference.map(|at| crd::SecretKeyRef { name: at.name, key: at.key });
        Some((kind, Stage { place, token, reference }))
    });
    let inputs = asked.inputs.as_ref().map(inputs).transpose()?;
    assemble(asked.id, join, named.collect(), inputs, now)
}

/// Until when a stage may be joined: the one or the other.
pub(super) struct Join {
    pub(super) before: String,
    pub(super) within_seconds: u32,
}

/// A stage as it was asked for.
pub(super) struct Stage {
    pub(super) place: Place,
    pub(super) token: String,
    pub(super) reference: Option<crd::SecretKeyRef>,
}

/// What both faces come to. `stages`: those that are set, by their kind.
pub(super) fn assemble(
    id: String,
    join: Join,
    mut stages: Vec<(&'static str, Stage)>,
    inputs: Option<crd::Inputs>,
    now: Timestamp,
) -> Result<Invite, Refused> {
    let (Some((kind, Stage { place, token, reference })), true) = (stages.pop(), stages.is_empty()) else {
        return Err(Refused::invalid("invitation.stage", "exactly one stage must be set: whip, ivs or page"));
    };
    let field = |name: &str| format!("invitation.stage.{kind}.{name}");
    let token = match (token.is_empty(), reference) {
        (false, None) => Token::Given(token),
        (true, Some(reference)) => Token::Named(reference),
        (true, None) if place == Place::Ivs => {
            return Err(Refused::invalid(&field("token"), "or tokenSecretRef must be set"));
        }
        (true, None) => Token::None,
        (false, Some(_)) => {
            return Err(Refused::invalid(&field("token"), "must not be set together with tokenSecretRef"));
        }
    };
    if matches!(&place, Place::Whip(url) | Place::Page(url) if url.is_empty()) {
        return Err(Refused::invalid(&field("url"), "is missing"));
    }
    let id = if id.is_empty() { format!("{MADE}{:016x}", rand::random::<u64>()) } else { id };
    Ok(Invite { id, join_before: join_before(&join, now)?, place, token, inputs })
}

fn join_before(join: &Join, now: Timestamp) -> Result<Time, Refused> {
    let wrong = |field, what| Refused::invalid(&format!("invitation.{field}"), what);
    let before = match (join.before.as_str(), join.within_seconds) {
        ("", 0) => now.checked_add(SignedDuration::from_secs(JOIN_WITHIN_SECONDS.into())),
        ("", seconds) => now.checked_add(SignedDuration::from_secs(seconds.into())),
        (before, 0) => before.parse(),
        (_, _) => return Err(wrong("joinBefore", "must not be set together with joinWithinSeconds")),
    };
    before.map(Time).map_err(|_error| wrong("joinBefore", "is no time in RFC 3339"))
}

fn inputs(inputs: &wire::Inputs) -> Result<crd::Inputs, Refused> {
    Ok(crd::Inputs {
        video: inputs.video.as_ref().map(video),
        audio: inputs.audio.as_ref().map(audio).transpose()?,
        start_paused: inputs.start_paused,
    })
}

fn video(video: &wire::VideoInput) -> crd::VideoInput {
    crd::VideoInput {
        stream: video.stream.as_ref().map(stream),
        file: video.file.as_ref().map(file),
        socket: video.socket.as_ref().map(|_settings| crd::SocketSource::default()),
        web_rtc: video.web_rtc.as_ref().map(|_settings| crd::WebRtcSource::default()),
        width: given(video.width),
        height: given(video.height),
        frame_rate: given(video.frame_rate),
    }
}

fn audio(audio: &wire::AudioInput) -> Result<crd::AudioInput, Refused> {
    Ok(crd::AudioInput {
        stream: audio.stream.as_ref().map(stream),
        file: audio.file.as_ref().map(file),
        socket: audio.socket.as_ref().map(|_settings| crd::SocketSource::default()),
        web_rtc: audio.web_rtc.as_ref().map(|_settings| crd::WebRtcSource::default()),
        destination: match audio.destination.as_str() {
            "" | "Microphone" => crd::AudioDestination::Microphone,
            "Speaker" => crd::AudioDestination::Speaker,
            _ => {
                let field = "invitation.inputs.audio.destination";
                return Err(Refused::invalid(field, "must be Microphone or Speaker"));
            }
        },
    })
}

fn stream(stream: &wire::StreamSource) -> crd::StreamSource {
    crd::StreamSource { url: stream.url.clone() }
}

fn file(file: &wire::FileSource) -> crd::FileSource {
    crd::FileSource { url: file.url.clone(), loops: file.r#loop.unwrap_or(true) }
}

/// What is not given is zero on the wire.
fn given(number: u32) -> Option<i32> {
    (number != 0).then(|| i32::try_from(number).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn asked(invitation: &Value) -> Result<Invite, String> {
        let invitation = serde_json::from_value(invitation.clone()).unwrap();
        invite(Some(invitation), "2026-01-01T00:00:00Z".parse().unwrap()).map_err(|refused| refused.message)
    }

    fn whip() -> Value {
        json!({"whip": {"url": "https://stage.example/whip", "token": "word"}})
    }

    #[test]
    fn an_invitation_is_read_whole() {
        let inputs = json!({
            "video": {"file": {"url": "understudy:test-picture"}, "width": 640, "height": 360},
            "audio": {"stream": {"url": "https://radio.example/a"}, "destination": "Speaker"}
        });
        let invite = asked(&json!({
            "id": "show-42", "joinBefore": "2026-01-01T01:00:00Z", "stage": whip(), "inputs": inputs
        }));
        let invite = invite.unwrap();
        assert_eq!(
            (invite.id.as_str(), invite.join_before.0.to_string().as_str()),
            ("show-42", "2026-01-01T01:00:00Z")
        );
        assert_eq!(invite.place, Place::Whip("https://stage.example/whip".into()));
        assert!(matches!(invite.token, Token::Given(word) if word == "word"));
        let inputs = serde_json::to_value(invite.inputs).unwrap();
        assert_eq!(inputs["video"]["file"], json!({"url": "understudy:test-picture", "loop": true}));
        assert_eq!(inputs["audio"]["destination"], "Speaker");
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let invite = asked(&json!({"stage": whip()})).unwrap();
        assert_eq!(invite.join_before.0.to_string(), "2026-01-01T00:01:00Z");
        assert!(invite.id.starts_with(MADE) && invite.id.len() <= 63, "{}", invite.id);
        assert_ne!(invite.id, asked(&json!({"stage": whip()})).unwrap().id);
        assert_eq!(
            asked(&json!({"stage": whip(), "joinWithinSeconds": 5})).unwrap().join_before.0.as_second() % 60,
            5
        );
    }

    #[test]
    fn a_wrong_field_is_named() {
        let reference = json!({"name": "stage", "key": "token"});
        for (invitation, field) in [
            (json!({}), "invitation.stage"),
            (json!({"stage": {"whip": {}, "ivs": {}}}), "invitation.stage"),
            (json!({"stage": {"whip": {}}}), "invitation.stage.whip.url"),
            (json!({"stage": {"ivs": {}}}), "invitation.stage.ivs.token"),
            (
                json!({"stage": {"ivs": {"token": "word", "tokenSecretRef": reference}}}),
                "invitation.stage.ivs.token",
            ),
            (json!({"stage": whip(), "joinBefore": "soon"}), "invitation.joinBefore"),
            (
                json!({"stage": whip(), "joinBefore": "2026-01-01T00:00:00Z", "joinWithinSeconds": 1}),
                "invitation.joinBefore",
            ),
            (
                json!({"stage": whip(), "inputs": {"audio": {"destination": "Ceiling"}}}),
                "invitation.inputs.audio.destination",
            ),
        ] {
            let refused = asked(&invitation).map(|_| ()).unwrap_err();
            assert!(
                refused.starts_with(&format!("{field}: ")) && !refused.contains("word"),
                "{invitation}: {refused}"
            );
        }
        assert!(invite(None, Timestamp::UNIX_EPOCH).is_err());
    }
}
