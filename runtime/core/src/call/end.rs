//! How calls end, in words for programs and for people.

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub why: Why,
    /// For people.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// From here.
    HungUp,
    /// By the peer, which had taken the call.
    PeerHungUp,
    /// By the peer, which had not.
    Declined,
    /// The peer was not there while it was rung.
    Unreachable,
    /// It was there, and nobody took the call.
    Unanswered,
    /// The peer took the call, or was offered one, and said no more.
    Stalled,
    /// What the peer says of its media cannot be used.
    Unusable,
    /// No way to the peer is found, or not any more.
    Failed,
    /// Another call has its channel: of the same peer, which began anew, or one that was begun here.
    Replaced,
    /// This runtime ends, or makes no calls any more.
    Stopped,
}

impl Why {
    pub const fn word(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::PeerHungUp => "peer-hung-up",
            Self::Declined => "declined",
            Self::Unreachable => "unreachable",
            Self::Unanswered => "unanswered",
            Self::Stalled => "stalled",
            Self::Unusable => "unusable",
            Self::Failed => "failed",
            Self::Replaced => "replaced",
            Self::Stopped => "stopped",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::HungUp => "the call was ended here",
            Self::PeerHungUp => "the other side has ended the call",
            Self::Declined => "the other side has declined the call",
            Self::Unreachable => {
                "nobody of that name was there while it rang: look at remote_peer, and whether it uses the same hub"
            }
            Self::Unanswered => "nobody took the call while it rang",
            Self::Stalled => "the other side took the call and said no more of it: it may have gone",
            Self::Unusable => "what the other side says of its picture and sound cannot be used",
            Self::Failed => {
                "no way to the other side is found: a firewall may be between, and a TURN server would help"
            }
            Self::Replaced => "another call has begun on this channel",
            Self::Stopped => "this participant takes part in no calls any more",
        }
    }
}
