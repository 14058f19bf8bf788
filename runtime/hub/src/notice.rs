//! What the hub itself says: envelopes from nobody.

use serde_json::{Value, json};
use understudy_core::call::message::Envelope;

use crate::Unsent;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What was said on that topic did not get to that peer.
    Unsent { to: String, topic: String },
    /// What was said could not be read.
    Unread,
}

impl Notice {
    /// To somebody whose word to that peer is not on its way.
    pub(crate) fn unsent(to: &str, (peer, topic): (&str, &str), why: Unsent) -> Envelope {
        let kind = match why {
            Unsent::Foreign => "error",
            Unsent::Absent => "unreachable",
            Unsent::Busy => "busy",
        };
        let payload = json!({ "type": kind, "peer": peer, "message": why.to_string() });
        Self::envelope(to, topic, payload)
    }

    /// To somebody who said what is no envelope.
    pub(crate) fn unread(to: &str, why: &serde_json::Error) -> Envelope {
        let message = format!("an envelope is {{to, from, topic, payload}}: {why}");
        Self::envelope(to, "", json!({ "type": "error", "message": message }))
    }

    fn envelope(to: &str, topic: &str, payload: Value) -> Envelope {
        Envelope { to: to.to_owned(), from: String::new(), topic: topic.to_owned(), payload }
    }

    /// What an envelope from nobody says; none: it is from a peer.
    pub fn read(envelope: &Envelope) -> Option<Self> {
        if !envelope.from.is_empty() {
            return None;
        }
        let peer = envelope.payload["peer"].as_str();
        Some(match peer {
            Some(to) => Self::Unsent { to: to.to_owned(), topic: envelope.topic.clone() },
            None => Self::Unread,
        })
    }
}
