//! The closed vocabulary of condition types. Reasons are constants beside whoever gives them, except
//! for the few that both kinds share.

/// What a condition of a VirtualParticipant is about. All are present after the first reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParticipantCondition {
    /// What the participant is described to be can be provided here: its profile is there, and the API server lets its pod,
    /// its Secret and its authority be made. False adds to what is known of a pod that runs, and takes nothing from it.
    Accepted,
    /// A node was found for the pod.
    PodScheduled,
    /// The runtime is linked to the operator.
    RuntimeReady,
    /// Camera, microphone and speaker work.
    DevicesReady,
    /// The page is loaded.
    PageReady,
    /// Camera and microphone carry what was asked for. Also true while a source waits for somebody to send, is paused, or has
    /// come to its end: all is as the participant is described. False while a source fails, or nothing arrives from it.
    InputsReady,
    /// The runtime carries an invitation out: it has acknowledged it.
    Invited,
    /// There is a way for media to the stage, by evidence.
    Connected,
    /// Media is sent, and the stage says that it arrives.
    Published,
    /// RuntimeReady, DevicesReady, PageReady and InputsReady together.
    Ready,
    /// It comes up, or is being repaired. For tools that wait.
    Reconciling,
    /// It cannot become ready as it is described. For tools that wait, which then need not.
    Stalled,
}

impl ParticipantCondition {
    /// In the order in which they become true.
    pub const ALL: [Self; 12] = [
        Self::Accepted,
        Self::PodScheduled,
        Self::RuntimeReady,
        Self::DevicesReady,
        Self::PageReady,
        Self::InputsReady,
        Self::Invited,
        Self::Connected,
        Self::Published,
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
    ];

    /// The `type` of the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::PodScheduled => "PodScheduled",
            Self::RuntimeReady => "RuntimeReady",
            Self::DevicesReady => "DevicesReady",
            Self::PageReady => "PageReady",
            Self::InputsReady => "InputsReady",
            Self::Invited => "Invited",
            Self::Connected => "Connected",
            Self::Published => "Published",
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}

/// What a condition of a Livestream is about. All are present after the first reconcile; the first two and InputsReady are about
/// a pod of its own, and are of those alone that have a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LivestreamCondition {
    /// What it takes can be fetched by a pod here, as far as that can be told before there is one.
    Accepted,
    /// A node was found for the pod.
    PodScheduled,
    /// The runtime that produces it is linked to the operator.
    RuntimeReady,
    /// What its source sends arrives.
    InputsReady,
    /// A keyframe has been produced and the way out is open.
    Ready,
    /// Somebody takes it.
    Active,
    /// It comes up, or is being repaired. For tools that wait.
    Reconciling,
    /// It cannot become ready as it is described. For tools that wait, which then need not.
    Stalled,
}

impl LivestreamCondition {
    /// The `type` of the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::PodScheduled => "PodScheduled",
            Self::RuntimeReady => "RuntimeReady",
            Self::InputsReady => "InputsReady",
            Self::Ready => "Ready",
            Self::Active => "Active",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}

/// The `status` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody who knows has said.
    Unknown,
}

impl Truth {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    /// Anything but `True` and `False` is `Unknown`.
    pub fn parse(text: &str) -> Self {
        match text {
            "True" => Self::True,
            "False" => Self::False,
            _ => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}
