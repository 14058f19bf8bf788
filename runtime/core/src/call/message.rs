//! What peers tell each other of a call: JSON in an envelope, the same that a browser's own code sends.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Before the channel, in an envelope's topic.
const TOPIC: &str = "call:";
/// Of a channel and of a peer's name, in bytes.
pub const LONGEST_NAME: usize = 128;
/// A description with every codec a browser knows, and room for as many candidates.
pub const MOST_BYTES: usize = 128 << 10;

/// What one peer tells another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub to: String,
    pub from: String,
    /// `call:` and the channel.
    pub topic: String,
    pub payload: Value,
}

/// What is told of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Payload {
    #[serde(rename = "call-request")]
    Request,
    #[serde(rename = "call-ack")]
    Ack,
    #[serde(rename = "call-offer")]
    Offer { sdp: String },
    #[serde(rename = "call-answer")]
    Answer { sdp: String },
    #[serde(rename = "ice-candidate")]
    Candidate { candidate: Candidate },
    #[serde(rename = "call-hangup")]
    HangUp,
    /// What a later peer may say.
    #[serde(other)]
    Unknown,
}

/// As `RTCIceCandidateInit` has it (W3C WebRTC §4.8.1). An empty one says that there are no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Candidate {
    pub candidate: String,
    pub sdp_mid: Option<String>,
    #[serde(rename = "sdpMLineIndex")]
    pub sdp_mline_index: Option<u16>,
    pub username_fragment: Option<String>,
}

/// Why an envelope is not one of ours. Its sender hears nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum Strange {
    #[error("its topic is not of a call: it must be `{TOPIC}` and a channel of 1 to {LONGEST_NAME} bytes")]
    Topic,
    #[error("its sender has no name, or one of more than {LONGEST_NAME} bytes")]
    Sender,
    #[error("its payload cannot be read: {0}")]
    Payload(#[from] serde_json::Error),
}

impl Envelope {
    pub fn new(to: &str, from: &str, channel: &str, payload: &Payload) -> Self {
        // Text and numbers alone: nothing of it has no place in JSON.
        let payload = serde_json::to_value(payload).unwrap_or_default();
        Self { to: to.to_owned(), from: from.to_owned(), topic: format!("{TOPIC}{channel}"), payload }
    }

    /// The channel, and what is told there.
    pub fn read(&self) -> Result<(&str, Payload), Strange> {
        let channel =
            self.topic.strip_prefix(TOPIC).filter(|channel| is_name(channel)).ok_or(Strange::Topic)?;
        if !is_name(&self.from) {
            return Err(Strange::Sender);
        }
        Ok((channel, Payload::deserialize(&self.payload)?))
    }
}

/// Of a channel, or of a peer.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(payload: Value) -> Result<Payload, Strange> {
        let envelope = Envelope { to: "b".into(), from: "a".into(), topic: "call:x".into(), payload };
        envelope.read().map(|(_, payload)| payload)
    }

    #[test]
    fn what_is_told_has_the_shapes_that_a_browser_s_code_sends() {
        let candidate = Candidate {
            candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host".into(),
            sdp_mid: Some("0".into()),
            sdp_mline_index: Some(0),
            username_fragment: Some("u".into()),
        };
        for (payload, shape) in [
            (Payload::Request, json!({"type": "call-request"})),
            (Payload::Ack, json!({"type": "call-ack"})),
            (Payload::Offer { sdp: "v=0".into() }, json!({"type": "call-offer", "sdp": "v=0"})),
            (Payload::Answer { sdp: "v=0".into() }, json!({"type": "call-answer", "sdp": "v=0"})),
            (
                Payload::Candidate { candidate },
                json!({"type": "ice-candidate", "candidate": {
                    "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host",
                    "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "u",
                }}),
            ),
            (Payload::HangUp, json!({"type": "call-hangup"})),
        ] {
            let told = Envelope::new("b", "a", "x", &payload);
            assert_eq!(told.payload, shape);
            assert_eq!((told.topic.as_str(), told.read().unwrap()), ("call:x", ("x", payload)));
        }
    }

    #[test]
    fn what_later_peers_add_is_passed_over() {
        let request = json!({"type": "call-request", "mode": "native", "platform": "linux", "constraints": {"video": true}});
        assert_eq!(read(request).unwrap(), Payload::Request);
        assert_eq!(read(json!({"type": "call-reconnect", "sdp": 7})).unwrap(), Payload::Unknown);
        let last = json!({"type": "ice-candidate", "candidate": {"candidate": "", "sdpMid": null}});
        assert_eq!(read(last).unwrap(), Payload::Candidate { candidate: Candidate::default() });
    }

    #[test]
    fn what_is_no_envelope_of_a_call_is_said_to_be_none() {
        let envelope = |from: &str, topic: &str, payload| {
            let (from, topic) = (from.to_owned(), topic.to_owned());
            Envelope { to: "b".into(), from, topic, payload }.read().map(|_| ()).unwrap_err().to_string()
        };
        let request = json!({"type": "call-request"});
        let long = "x".repeat(LONGEST_NAME + 1);
        assert!(envelope("a", "mail:x", request.clone()).contains("topic"));
        assert!(envelope("a", "call:", request.clone()).contains("topic"));
        assert!(envelope("a", &format!("call:{long}"), request.clone()).contains("topic"));
        assert!(envelope("", "call:x", request.clone()).contains("sender"));
        assert!(envelope("a\n", "call:x", request).contains("sender"));
        assert!(envelope("a", "call:x", json!({"type": "call-offer"})).contains("sdp"));
        assert!(envelope("a", "call:x", json!([])).contains("payload"));
    }
}
